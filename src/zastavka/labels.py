"""What is true, read from the prototype's `labels.json` as `Detection`s, and written there.

    {"<id>": {"url", "name", "start": "H:MM:SS", "end": "H:MM:SS"}}; H:MM:SS.fff too.
    Both times null or absent: the episode has no intro.

A label that can't be taken as it stands is neither mended nor dropped in silence: it is left out of
the detections and named among the problems, with its id and the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from zastavka.detection import (
    Detection,
    Finding,
    JsonObject,
    read_json,
)
from zastavka.episode import VIDEO_SUFFIXES, Episode
from zastavka.errors import LabelError, MediaError
from zastavka.segment import Segment
from zastavka.storage import write_text

ProblemKind = Literal[
    "malformed", "not-an-object", "duplicate", "missing-key", "bad-time", "order", "beyond-end",
    "missing-video", "unreadable-video", "unsure", "failed",
]  # fmt: skip

# what people read, to be filled from the problem's values; one for each kind
REASONS: dict[ProblemKind, str] = {
    "malformed": "can't be taken: {why}",
    "not-an-object": "is not an object with 'start' and 'end'",
    "duplicate": "'{key}' is there more than once",
    "missing-key": "has no '{key}'",
    "bad-time": "{key} '{value}' is not H:MM:SS",
    "order": "end {end} is not after start {start}",
    "beyond-end": "end {end} is beyond the duration of {duration:.1f} s",
    "missing-video": "there is no video of it in {folder}",
    "unreadable-video": "{why}",
    "unsure": "awaits review",
    "failed": "was not done: {why}",
}

_TIME = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)(\.\d+)?", re.ASCII)
_SLACK = 0.05  # seconds; the last picture may be shown past the duration that a container states


@dataclass(frozen=True, slots=True)
class LabelProblem:
    """A label that was left out, and why."""

    id: str
    kind: ProblemKind
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """One line in English."""
        return REASONS[self.kind].format(**self.values)

    def told(self, translate: Callable[[str], str] = str) -> str:
        """Id and reason, the reason in another language."""
        return f"{self.id}: {translate(REASONS[self.kind]).format(**self.values)}"

    def __str__(self) -> str:
        return self.told()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelReport:
    """The labels that can be used, those that can't, and what else stood beside the times."""

    detections: list[Detection]
    problems: list[LabelProblem]
    notes: dict[str, dict[str, str]] = field(default_factory=dict)  # id -> {"url", "name"}

    def add(self, result: Detection | LabelProblem) -> None:
        """Keep a label, or what is wrong with it."""
        if isinstance(result, LabelProblem):
            self.problems.append(result)
        else:
            self.detections.append(result)


def read_labels(
    path: Path, videos: Path | None = None, duration_of: Callable[[Path], float] | None = None
) -> LabelReport:
    """The labels of a `labels.json`, in its order.

    With `videos`, each label needs its file: `videos/<id>/<id>.<suffix>` or `videos/<id>.<suffix>`,
    mp4 first. With `duration_of` (seconds of a file) too, labels beyond the end are found.
    LabelError: the file is no such file at all, or there is no folder `videos`.
    """
    return labels_of(read_object(path), videos, duration_of)


def read_object(path: Path) -> JsonObject:
    """The labels of a file as they stand. LabelError: it is no object."""
    document = read_json(path)
    if isinstance(document, JsonObject):
        return document
    raise LabelError(path, "is not an object of labels", "see `docs/formats.md`")


def labels_of(
    document: JsonObject, videos: Path | None, duration_of: Callable[[Path], float] | None
) -> LabelReport:
    """The labels of a document in the prototype's format; see `read_labels`."""
    if videos is not None and not videos.is_dir():
        raise LabelError(videos, "is not a folder", "give the folder of the videos")
    report = LabelReport(detections=[], problems=[])
    for id, row in document.items():
        if isinstance(row, dict):
            report.notes[id] = {k: v for k in ("url", "name") if isinstance(v := row.get(k), str)}
        if id in document.repeated:
            result: Detection | LabelProblem = LabelProblem(id, "duplicate", {"key": id})
        else:
            result = _read_row(id, row, report.notes.get(id, {}).get("name"), videos, duration_of)
        report.add(result)
    return report


def beyond_end(id: str, detection: Detection) -> LabelProblem | None:
    """What is wrong with a label that goes on after its video."""
    last = max((finding.segment.end for finding in detection.findings), default=0.0)
    if detection.duration is None or last <= detection.duration + _SLACK:
        return None
    return LabelProblem(
        id, "beyond-end", {"end": format_time(last), "duration": detection.duration}
    )


def write_labels(
    path: Path,
    detections: Iterable[Detection],
    videos: Path | None = None,
    notes: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write a `labels.json` that `read_labels` reads back; times are kept to the millisecond.

    An id is the file's name without suffix, or its path below `videos`; `notes` gives url and name
    by id, as read. LabelError: two episodes of one id, or an episode with more than one intro.
    """
    rows: dict[str, dict[str, str | None]] = {}
    for detection in detections:
        id = _id(detection.episode.path, videos)
        if id in rows:
            raise LabelError(path, "two episodes have the id {id}", "name the folder", id=id)
        rows[id] = _row(detection, id, path) | dict((notes or {}).get(id, {}))
    write_text(path, json.dumps(rows, ensure_ascii=False, indent=4) + "\n")


def parse_time(text: object) -> float | None:
    """Seconds of "H:MM:SS" or "H:MM:SS.fff"; None where it is anything else."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups("")
    # as one decimal: a sum of floats would miss the nearest one
    return float(f"{int(hours) * 3600 + int(minutes) * 60 + int(seconds)}{fraction}")


def format_time(seconds: float) -> str:
    """Write H:MM:SS, with milliseconds where they are not zero."""
    whole, ms = divmod(round(seconds * 1000), 1000)
    clock = f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{clock}.{ms:03d}" if ms else clock


def _read_row(
    id: str,
    row: object,
    name: str | None,
    videos: Path | None,
    duration_of: Callable[[Path], float] | None,
) -> Detection | LabelProblem:
    if not isinstance(row, JsonObject):
        return LabelProblem(id, "not-an-object")
    if row.repeated:
        return LabelProblem(id, "duplicate", {"key": min(row.repeated)})
    times = _times(id, row)
    if isinstance(times, LabelProblem):
        return times
    file = _find_video(videos, id) if videos else Path(id, f"{id}.mp4")
    if file is None:
        return LabelProblem(id, "missing-video", {"folder": videos})
    try:
        duration = duration_of(file) if videos and duration_of else None
    except MediaError as error:
        return LabelProblem(id, "unreadable-video", {"why": error})
    detection = Detection(
        episode=Episode.from_name(name, file) if name else Episode.from_path(file),
        duration=duration,
        findings=tuple(Finding(segment=segment, sources=("label",)) for segment in times),
    )
    return beyond_end(id, detection) or detection


def _times(id: str, row: JsonObject) -> tuple[Segment, ...] | LabelProblem:
    """The intro of a row; none where both times are null or absent."""
    start, end = row.get("start"), row.get("end")
    if start is None and end is None:
        return ()
    seconds = []
    for key, value in (("start", start), ("end", end)):
        if value is None:
            return LabelProblem(id, "missing-key", {"key": key})
        time = parse_time(value)
        if time is None:
            return LabelProblem(id, "bad-time", {"key": key, "value": value})
        seconds.append(time)
    if seconds[1] <= seconds[0]:
        return LabelProblem(id, "order", {"start": start, "end": end})
    return (Segment(*seconds),)


def _find_video(videos: Path, id: str) -> Path | None:
    suffixes = (".mp4", *sorted(VIDEO_SUFFIXES))
    name = Path(id).name
    for stem in (videos / id / name, videos / id):
        for suffix in (*suffixes, *(s.upper() for s in suffixes)):
            # not with_suffix: an id may have a dot in it
            file = stem.parent / (stem.name + suffix)
            if file.is_file():
                return file
    return None


def _id(file: Path, videos: Path | None) -> str:
    if videos is None:
        return file.stem
    below = file.relative_to(videos).with_suffix("")
    # DIR/<id>/<id>.mp4 is the prototype's layout
    return (below.parent if below.parent.name == below.name else below).as_posix()


def _row(detection: Detection, id: str, path: Path) -> dict[str, str | None]:
    intros = detection.segments("intro")
    if len(intros) > 1:
        raise LabelError(
            path, "{id} has {n} intros, the format holds one", "keep one", id=id, n=len(intros)
        )
    episode = detection.episode
    code = f"S{episode.season or 1:02d}E{episode.number:02d}" if episode.number is not None else ""
    return {
        "url": "",
        "name": f"{episode.series or ''} {code}".strip() or id,
        "start": format_time(intros[0].start) if intros else None,
        "end": format_time(intros[0].end) if intros else None,
    }
