"""Calls that show an episode: pictures, sound, curves, the video itself or a copy of it."""

from __future__ import annotations

import asyncio
import mimetypes
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath
from starlette.responses import FileResponse

from zastavka.errors import RequestError
from zastavka.web import schemas, store, working
from zastavka.web.house import House, House_, as_json
from zastavka.web.jobs import Job
from zastavka.web.peaks import LONGEST

router = APIRouter()

Id = Annotated[str, InPath(max_length=64)]
Start = Annotated[float, Query(ge=0, le=86400, allow_inf_nan=False)]
End = Annotated[float, Query(gt=0, le=86400, allow_inf_nan=False)]

_STRIP_SECONDS, _PEAKS_SECONDS, _CURVES_SECONDS = 90.0, 180.0, 300.0
_TYPES = {".mkv": "video/x-matroska", ".ts": "video/mp2t", ".m2ts": "video/mp2t"}
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "The pictures side by side."}
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"video/*": {}}, "description": "The whole file."},
    206: {"content": {"video/*": {}}, "description": "The bytes that were asked for."},
    416: {"content": {"text/plain": {}}, "description": "There are no such bytes."},
}
_GONE = schemas.with_problems(409, 410, 503)


@router.get("/episodes/{id}/filmstrip", response_class=Response, responses={**_GONE, **_JPEG})
async def filmstrip(
    house: House_, id: Id, start: Start, end: End,
    count: Annotated[int, Query(ge=1, le=60)] = 20,
    height: Annotated[int, Query(ge=16, le=180)] = 90,
) -> Response:  # fmt: skip
    """`count` pictures, evenly spaced, side by side; each fitted into 16:9 of this height."""
    _check_order(start, end)
    file, state = await _file(house, id)
    start, end, height = round(start, 3), round(end, 3), height // 2 * 2
    place = store.place("strips", ".jpg", str(file), state, start, end, count, height)
    if not await asyncio.to_thread(place.exists):
        spec = {
            "file": str(file), "place": str(place), "start": start, "end": end,
            "count": count, "height": height,
        }  # fmt: skip
        await house.hands.ask("strip", spec, _STRIP_SECONDS)
    body = await asyncio.to_thread(place.read_bytes)
    return Response(body, headers={"cache-control": "private, max-age=3600"},
                    media_type="image/jpeg")  # fmt: skip


@router.get("/episodes/{id}/peaks", response_model=schemas.Peaks, responses=_GONE)
async def peaks(
    house: House_, id: Id, start: Start, end: End,
    bins: Annotated[int, Query(ge=1, le=8000)] = 1000,
) -> Response:  # fmt: skip
    """The outline of the sound in so many parts."""
    _check_order(start, end)
    file, _ = await _file(house, id)
    spec = {"file": str(file), "start": start, "end": end, "bins": bins}
    return as_json(
        await house.hands.ask("peaks", spec, _PEAKS_SECONDS),
        cache_control="private, max-age=3600",
    )


@router.get("/episodes/{id}/curves", response_model=schemas.Curves, responses=_GONE)
async def curves(house: House_, id: Id) -> Response:
    """What the network thinks, and what the season repeats, where it is known already."""
    held = await house.keeper.holdings()
    one = held.episode(id)
    file = await house.file_of(one)
    season = [
        [str(each.file.episode.path), each.file.content]
        for each in held.of(held.season(one.season))
    ]
    spec = {"file": str(file), "content": one.file.content, "season": season}
    return as_json(await house.hands.ask("curves", spec, _CURVES_SECONDS))


@router.get("/episodes/{id}/video", response_class=FileResponse, responses={**_GONE, **_FILE})
async def video(house: House_, id: Id) -> Response:
    """The file itself, or its copy for browsers where there is one; any bytes of it."""
    file, _ = await _file(house, id)
    proxy = await house.proxy_of(file)
    headers = {"cache-control": "private, no-cache"}
    if await asyncio.to_thread(proxy.exists):
        return FileResponse(proxy, headers=headers, media_type="video/mp4")
    kind = _TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0] or ""
    known = kind.startswith(("video/", "audio/"))
    return FileResponse(
        file, headers=headers, media_type=kind if known else "application/octet-stream"
    )


@router.post("/episodes/{id}/proxy", response_model=schemas.JobView, responses=_GONE)
async def proxy(house: House_, id: Id) -> Response:
    """Make a copy that browsers can play."""
    await _file(house, id)
    job = await house.runner.submit(Job.new("proxy", {"episode": id}, (id,)))
    return as_json(working.view(house, job))


async def _file(house: House, id: str) -> tuple[Any, object]:
    held = await house.keeper.holdings()
    file = await house.file_of(held.episode(id))
    return file, await asyncio.to_thread(store.state_of, file)


def _check_order(start: float, end: float) -> None:
    if not start < end <= start + LONGEST:
        raise RequestError(
            422, "The stretch ends before it begins, or is too long.", "Ask for less."
        )
