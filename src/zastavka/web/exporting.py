"""Calls for answers in the forms that players take."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Query, Response
from fastapi import Path as InPath

from zastavka.detection import Detection, to_json
from zastavka.errors import RequestError
from zastavka.export import FORMATS
from zastavka.i18n import gettext
from zastavka.web import schemas, taken
from zastavka.web.holdings import Held
from zastavka.web.house import House, House_, as_json
from zastavka.web.problems import row_told
from zastavka.web.roots import shown

router = APIRouter()

Id = Annotated[str, InPath(max_length=64)]
Format = Annotated[str, Query(max_length=40, description="As `/formats` lists them.")]

_SECONDS = 300.0
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file."},
    204: {"description": "There is nothing to be exported."},
}
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A file for each episode."},
    204: {"description": "There is nothing to be exported."},
}
SENTENCES = {
    "json": "our own JSON, with what awaits review and the reasons",
    "csv": "a table of segments",
    "edl": "an edit decision list, for Kodi",
    "chapters": "chapters for FFmpeg and mpv",
    "matroska": "chapters for mkvmerge and mkvpropedit",
    "webvtt": "chapters for HTML video",
    "mpc-hc": "chapters for MPC-HC",
    "jellyfin": "media segments of Jellyfin",
    "sponsorblock": "segments as SponsorBlock has them",
    "aniskip": "skip times as AniSkip has them",
    "mpv": "for our script for mpv",
    "needle": "skip files as needle writes them",
    "theintrodb": "segments as TheIntroDB has them",
}


@router.get("/formats", response_model=schemas.FormatList, responses=schemas.PROBLEMS)
async def formats() -> Response:
    """The forms in which answers can be had."""
    rows = [{"name": name, "description": gettext(SENTENCES[name])} for name in FORMATS]
    return as_json({"formats": rows})


@router.get(
    "/episodes/{id}/export", response_class=Response,
    responses={**schemas.with_problems(409, 410, 503), **_FILE},
)  # fmt: skip
async def export_episode(house: House_, id: Id, format: Format) -> Response:
    """The answer of an episode as a file."""
    _check_formats([format])
    held = await house.keeper.holdings()
    one = held.episode(id)
    await house.file_of(one)
    files, failed = await _files(house, [one], format)
    if failed:
        raise RequestError(
            409, "It could not be exported: {why}", "Look at the file.", why=row_told(failed[0])
        )
    if not files:
        return Response(status_code=204)
    body = files[0]["text"].encode("utf-8", "replace")
    return Response(body, headers=_named(files[0]["name"]), media_type="application/octet-stream")


@router.get(
    "/seasons/{id}/export", response_class=Response,
    responses={**schemas.with_problems(409, 410, 503), **_ZIP},
)  # fmt: skip
async def export_season(house: House_, id: Id, format: Format) -> Response:
    """The answers of a season as a zip."""
    _check_formats([format])
    held = await house.keeper.holdings()
    season = held.season(id)
    there = [one for one in held.of(season) if house.roots.holds(one.file.episode.path)]
    files, _ = await _files(house, there, format)
    if not files:
        return Response(status_code=204)
    number = "" if season.season.number is None else f" S{season.season.number:02d}"
    return Response(_zipped(files), headers=_named(f"{season.title}{number} {format}.zip"),
                    media_type="application/zip")  # fmt: skip


@router.post(
    "/seasons/{id}/export", response_model=schemas.Written,
    responses=schemas.with_problems(409, 410, 503),
)  # fmt: skip
async def export_beside(house: House_, id: Id, given: Annotated[taken.Formats, Body()]) -> Response:
    """Write the answers of a season beside its videos, where players look for them."""
    _check_formats(given.formats)
    held = await house.keeper.holdings()
    there = [one for one in held.of(held.season(id)) if house.roots.holds(one.file.episode.path)]
    spec = {"answers": _answers(there), "formats": list(dict.fromkeys(given.formats))}
    done = await house.hands.ask("beside", spec, _SECONDS)
    failures = [row_told(json.dumps(row)) for row in done["failed"]]
    return as_json({"written": done["written"], "removed": done["removed"], "failures": failures})


async def _files(
    house: House, episodes: Sequence[Held], format: str
) -> tuple[list[dict[str, Any]], list[str]]:
    spec = {"answers": _answers(episodes), "format": format}
    done = await house.hands.ask("download", spec, _SECONDS)
    return done["files"], [json.dumps(row) for row in done["failed"]]


def _answers(episodes: Sequence[Held]) -> str:
    return to_json([one.result for one in episodes if isinstance(one.result, Detection)])


def _check_formats(names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in FORMATS]:
        raise RequestError(
            422, "There is no format {name}.", "Choose from {known}.",
            name=unknown[0][:40], known=", ".join(FORMATS),
        )  # fmt: skip


def _zipped(files: Sequence[dict[str, Any]]) -> bytes:
    data, taken_names = io.BytesIO(), set[str]()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, file in enumerate(files):
            name = shown(file["name"])
            name = f"{i}-{name}" if name in taken_names else name
            taken_names.add(name)
            archive.writestr(name, file["text"].encode("utf-8", "replace"))
    return data.getvalue()


def _named(name: str) -> dict[str, str]:
    """Headers that give a download its name, whatever characters that has (RFC 6266)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    coded = quote(shown(name), safe="")
    return {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}"}
