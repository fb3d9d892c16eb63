"""What is true, from the prototype's `labels.json` and two more formats, as `Detection`s.

    truth.json   {"<series>/S01E01.mkv": {"series", "duration", "segments": [{"type", ...}]}}
    detections   what `detect --format json` writes

One entry that can't be taken is named among the problems, and the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from zastavka.chapters import told
from zastavka.detection import Detection, Failure, JsonObject, parse_row, rows_of
from zastavka.episode import Episode, find_episodes
from zastavka.errors import LabelError, MediaError
from zastavka.labels import LabelProblem, LabelReport, beyond_end, labels_of, read_object
from zastavka.media import probe

_EDGES = ("start", "end")


def read_truth(
    path: Path,
    videos: Path | None = None,
    on_problem: Callable[[LabelProblem], None] | None = None,
    duration_of: Callable[[Path], float] | None = None,
) -> list[Detection]:
    """What is true, from any of the three formats, told apart by what the file holds.

    Doubtful entries go to `on_problem`; without it the first one is a LabelError.
    """
    document = read_object(path)
    if isinstance(document.get("episodes"), list):
        report = _read_run(rows_of(document, path), path)
    elif any(isinstance(row, dict) and "segments" in row for row in document.values()):
        report = _read_composed(document, path, videos)
    else:
        report = labels_of(document, videos, duration_of)
    for problem in report.problems:
        if on_problem is None:
            found = "{n} doubtful labels, the first is {first}"
            n = len(report.problems)
            raise LabelError(path, found, "mend them, or take them out", n=n, first=problem)
        on_problem(problem)
    return report.detections


def read_chapters(
    folder: Path, type: str, on_problem: Callable[[LabelProblem], None]
) -> list[Detection]:
    """What the chapters of the videos in a folder say; a file without such a chapter says nothing.

    LabelError: no file has one.
    """
    true: list[Detection] = []
    for episode in find_episodes([folder]):
        try:
            info = probe(episode.path)
        except MediaError as error:
            on_problem(LabelProblem(episode.path.as_posix(), "malformed", {"why": error}))
            continue
        if named := tuple(f for f in told(info.chapters) if f.type == type):
            true.append(Detection(episode=episode, duration=info.duration, findings=named))
    if not true:
        raise LabelError(
            folder, "holds no video with a chapter named as {type}", "give other videos, or labels",
            type=type,
        )  # fmt: skip
    return true


def _read_composed(document: JsonObject, path: Path, videos: Path | None) -> LabelReport:
    """The truth of composed episodes: {path: {"series", "duration", "segments"}}."""
    report = LabelReport(detections=[], problems=[])
    for i, (key, row) in enumerate(document.items()):
        guess = Episode.from_path(Path(key))
        file = (videos / key if videos else Path(key)).as_posix()
        head = {"path": file, "season": guess.season, "number": guess.number}
        if key in document.repeated:
            result: Detection | LabelProblem = LabelProblem(key, "duplicate", {"key": key})
        elif isinstance(row, dict) and "segments" not in row:
            # an empty list says that there is no intro; nothing at all says nothing
            result = LabelProblem(key, "missing-key", {"key": "segments"})
        else:
            result = _read_run_row(head | row if isinstance(row, dict) else row, key, i, path)
        report.add(result)
    return report


def _read_run(rows: Sequence[object], path: Path) -> LabelReport:
    """The truth in what a run wrote."""
    report = LabelReport(detections=[], problems=[])
    names = [row.get("path") if isinstance(row, dict) else None for row in rows]
    times = Counter(name for name in names if isinstance(name, str))
    for i, (name, row) in enumerate(zip(names, rows, strict=True)):
        id = name if isinstance(name, str) else f"episodes[{i}]"
        if times[id] > 1:
            report.add(LabelProblem(id, "duplicate", {"key": id}))
        else:
            report.add(_read_run_row(row, id, i, path))
    return report


def _read_run_row(row: object, id: str, i: int, path: Path) -> Detection | LabelProblem:
    """A row of a run as the truth: neither a failure nor what awaits review."""
    try:
        result = parse_row(row, i, path)
    except LabelError as error:
        return _disorder(id, row) or LabelProblem(id, "malformed", {"why": error.values["why"]})
    id = result.episode.path.as_posix()
    if isinstance(result, Failure):
        return LabelProblem(id, "failed", {"why": result.error})
    if any(finding.status == "review" for finding in result.findings):
        return LabelProblem(id, "unsure")
    return beyond_end(id, result) or result


def _disorder(id: str, row: object) -> LabelProblem | None:
    """The first segment that ends before it starts, as of swapped labels."""
    segments = row.get("segments") if isinstance(row, dict) else None
    for segment in segments if isinstance(segments, list) else ():
        start, end = (segment.get(k) if isinstance(segment, dict) else None for k in _EDGES)
        if isinstance(start, int | float) and isinstance(end, int | float) and end <= start:
            return LabelProblem(id, "order", {"start": start, "end": end})
    return None
