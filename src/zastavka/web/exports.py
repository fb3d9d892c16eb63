"""Answers in the forms that players take, as a child makes them: it may have to open the videos."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from zastavka.delivery import deliver
from zastavka.detection import Detection, Failure, parse_detections
from zastavka.errors import ZastavkaError
from zastavka.export import FORMATS, Given, exported
from zastavka.library.settings import wished
from zastavka.media import probe
from zastavka.web.problems import as_row

Progress = Callable[[float, str, str], None]


def download(spec: dict[str, Any], _: Progress) -> dict[str, Any]:
    """The text of one format for each answer that has one; names, never folders, are told."""
    format = FORMATS[spec["format"]]
    files, failed = [], []
    for answer in _answers(spec):
        if not isinstance(answer, Detection):
            continue
        path = answer.episode.path
        try:
            needs = format.merges or answer.duration is None
            info = probe(path) if needs else None
            bare = replace(answer.episode, path=Path(path.name))
            duration = answer.duration if info is None else info.duration
            given = Given(
                replace(answer, episode=bare, duration=duration), info.chapters if info else ()
            )
            text = exported(given, format)
        except ZastavkaError as error:
            failed.append(json.loads(as_row(error)))
            continue
        if text is not None:
            files.append({"name": path.stem + format.suffix, "text": text})
    return {"files": files, "failed": failed}


def beside(spec: dict[str, Any], _: Progress) -> dict[str, Any]:
    """Write formats beside the videos; only what is ours there is touched."""
    written = removed = 0
    failed = []
    answers = _answers(spec)
    for one in answers:
        if isinstance(one, Failure) and one.cause is not None:
            failed.append(json.loads(as_row(one.cause)))
    for each in deliver(answers, spec["formats"]):
        written += each.outcome == "written"
        removed += each.outcome == "removed"
        if isinstance(each.outcome, ZastavkaError):
            failed.append(json.loads(as_row(each.outcome)))
        elif each.failed:
            failed.append([each.path.name, "is not of this program, or was changed since",
                           "left as it is", {}])  # fmt: skip
    return {"written": written, "removed": removed, "failed": failed}


def _answers(spec: dict[str, Any]) -> list[Detection | Failure]:
    return wished(parse_detections(json.loads(spec["answers"]), Path()))
