"""`Detection`: the segments of an episode, found or true; `Failure`: why it has none; their JSON.

Truth and answer are the same type, so that one reader, one writer and one referee serve both.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

import zastavka
from zastavka.episode import Episode, video_files
from zastavka.errors import LabelError, MediaError, ZastavkaError
from zastavka.segment import Segment
from zastavka.storage import write_text

Status = Literal["found", "review"]

FORMAT_VERSION = 1

# what makes a segment right: so much in common with the true one, and so many seconds outside it
RIGHT_IOU, RIGHT_SLACK = 0.5, 1.0

_DRIVE = re.compile(r"[A-Za-z]:\\|\\\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One segment with its kind and how it came about.

    `status` is "review" where the answer is not sure enough to act on: shown to people, ignored by
    exports, exit codes and the referee.
    """

    segment: Segment
    type: str = "intro"
    confidence: float = 1.0  # probability in [0, 1] that the segment is right
    status: Status = "found"
    sources: tuple[str, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        _check("confidence", self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The segments of one episode, in order of time.

    `not_found_confidence` says something only where no intro is found.
    """

    episode: Episode
    duration: float | None  # seconds; None where only labels are known
    findings: tuple[Finding, ...] = ()
    not_found_reason: str | None = None
    not_found_confidence: float | None = None  # probability that there is no intro; None: not known
    work: float | None = field(default=None, compare=False)  # seconds it took; None: not timed

    def __post_init__(self) -> None:
        if self.not_found_confidence is not None:
            _check("not_found_confidence", self.not_found_confidence)

    def segments(self, type: str = "intro") -> tuple[Segment, ...]:
        """What is found (not what awaits review) of one type."""
        return tuple(f.segment for f in self.findings if f.type == type and f.status == "found")


@dataclass(frozen=True, slots=True)
class Failure:
    """An episode that could not be done. Never the same as "no intro"."""

    episode: Episode
    error: str  # one line: which file, what was found, what to do
    cause: ZastavkaError | None = field(default=None, compare=False, repr=False)  # to translate


def files_of(paths: Sequence[Path]) -> tuple[list[Path], list[Failure]]:
    """The videos of all paths, none twice.

    A path that has none is a failure of its own, and so is a folder in it that can't be read.
    """
    files: dict[str, Path] = {}
    failures: list[Failure] = []

    def unread(error: OSError) -> None:
        folder, why = Path(os.fsdecode(error.filename)), error.strerror
        cause = MediaError(folder, "can't be read: {why}", "check its permissions", why=why)
        failures.append(Failure(Episode(folder), str(cause), cause))

    for path in paths:
        before = len(failures)
        try:
            found = video_files([path], unread)
            if not found and len(failures) == before:
                raise MediaError(path, "holds no video file", "name a folder with videos")
            for file in found:
                files.setdefault(os.path.abspath(file), file)
        except ZastavkaError as error:
            failures.append(Failure(Episode(path), str(error), error))
        except OSError as error:  # such as a name longer than the file system allows
            cause = MediaError(path, "can't be read: {why}", "check the path", why=error.strerror)
            failures.append(Failure(Episode(path), str(cause), cause))
    return list(files.values()), failures


def doubted(results: Sequence[Detection | Failure], least: float) -> list[Detection | Failure]:
    """The same answers, but what is found with a confidence below `least` awaits review.

    Whatever its type. It holds back and never promotes: what awaits review already may do so for
    another reason than its confidence. Where no intro is left, `not_found_reason` says why.
    """
    return [_doubted(r, least) if isinstance(r, Detection) else r for r in results]


def _doubted(result: Detection, least: float) -> Detection:
    findings = tuple(
        replace(f, status="review", reason="; ".join(filter(None, (f.reason, _doubt(f, least)))))
        if f.status == "found" and f.confidence < least
        else f
        for f in result.findings
    )
    if findings == result.findings:
        return result
    changed = replace(result, findings=findings)
    if not result.segments() or changed.segments():
        return changed
    found = [f for f in result.findings if f.type == "intro" and f.status == "found"]
    best = max(found, key=lambda f: f.confidence)
    return replace(changed, not_found_reason=_doubt(best, least))


def _doubt(finding: Finding, least: float) -> str:
    shown = ((f"{finding.confidence:.{n}f}", f"{least:.{n}f}") for n in range(2, 18))
    # so many digits that they differ
    sure, bar = next((a, b) for a, b in shown if a != b)
    return f"not sure enough: {sure} is below {bar}"


def _check(name: str, probability: float) -> None:
    if not 0 <= probability <= 1:
        raise ValueError(f"{name} {probability} is outside [0, 1]")


def to_json(results: Sequence[Detection | Failure]) -> str:
    """The JSON document of a run; see `docs/formats.md`."""
    document = {
        "version": FORMAT_VERSION,
        "generator": f"zastavka {zastavka.__version__}",
        "episodes": [_row(result) for result in results],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    # names of files need not be UTF-8; what is left of them in JSON is an escape that reads back
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_detections(path: Path, results: Sequence[Detection | Failure]) -> None:
    """Write the JSON document of a run."""
    write_text(path, to_json(results))


def read_detections(path: Path) -> list[Detection | Failure]:
    """Read a JSON document of a run. LabelError names the file and the episode that is wrong."""
    return parse_detections(read_json(path), path)


def read_json(path: Path) -> object:
    """What a JSON file says. LabelError: it can't be read, or is not JSON."""
    try:
        # editors on Windows put a byte order mark in front
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=JsonObject)
    except OSError as error:
        raise LabelError(
            path, "can't be read: {why}", "check the path", why=error.strerror
        ) from error
    except (ValueError, RecursionError) as error:
        raise LabelError(path, "is not JSON: {why}", "write it anew", why=error) from error


class JsonObject(dict[str, object]):
    """A JSON object that remembers which of its keys were there twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated = {key for key, n in Counter(key for key, _ in pairs).items() if n > 1}


def parse_detections(document: object, path: Path) -> list[Detection | Failure]:
    """The episodes of a JSON document of a run that was read from `path`."""
    return [parse_row(row, i, path) for i, row in enumerate(rows_of(document, path))]


def rows_of(document: object, path: Path) -> list[object]:
    """The rows of a JSON document of a run, as they stand. LabelError: it is something else."""
    rows = document.get("episodes") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(rows, list):
        raise LabelError(
            path, "has no list 'episodes'", "give a file that `detect --format json` wrote"
        )
    version = document.get("version", FORMAT_VERSION)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise LabelError(path, "is of another format ({v})", "update zastavka", v=version)
    return rows


def parse_row(row: object, i: int, path: Path) -> Detection | Failure:
    """Row i of a document. LabelError: `name` says which entry is wrong, `why` what is."""
    try:
        return _EpisodeRow.model_validate(row).value()
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except ValueError as error:
        why = str(error)
    name = row.get("path", i) if isinstance(row, dict) else i
    raise LabelError(path, "episode {name}: {why}", "mend that entry", name=name, why=why)


class _FindingRow(BaseModel):
    start: float
    end: float
    type: str = "intro"
    status: Status = "found"
    confidence: float = 1.0
    sources: tuple[str, ...] = ()
    reason: str | None = None

    def value(self) -> Finding:
        return Finding(
            segment=Segment(self.start, self.end),
            type=self.type,
            confidence=self.confidence,
            status=self.status,
            sources=self.sources,
            reason=self.reason,
        )


class _EpisodeRow(BaseModel):
    path: str
    series: str | None = None
    season: int | None = None
    number: int | None = None
    duration: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    error: str | None = None
    segments: tuple[_FindingRow, ...] = ()
    not_found_reason: str | None = None
    not_found_confidence: float | None = None
    work: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    def value(self) -> Detection | Failure:
        episode = Episode(_path(self.path), self.series, self.season, self.number)
        if self.error:
            return Failure(episode, self.error)
        return Detection(
            episode=episode,
            duration=self.duration,
            findings=tuple(row.value() for row in self.segments),
            not_found_reason=self.not_found_reason,
            not_found_confidence=self.not_found_confidence,
            work=self.work,
        )


def _path(text: str) -> Path:
    """A path as written on this system or on Windows: answers travel between them."""
    windows = "\\" in text and ("/" not in text or _DRIVE.match(text))
    return Path(PureWindowsPath(text).as_posix() if windows else text)


def _row(result: Detection | Failure) -> dict[str, object]:
    episode = result.episode
    head = {
        "path": episode.path.as_posix(),
        "series": episode.series,
        "season": episode.season,
        "number": episode.number,
    }
    if isinstance(result, Failure):
        return {
            **head,
            "duration": None,
            "error": result.error,
            "segments": [],
            "not_found_reason": None,
        }
    return {
        **head,
        "duration": result.duration,
        "error": None,
        "segments": [finding_row(finding) for finding in result.findings],
        "not_found_reason": result.not_found_reason,
        **_known("not_found_confidence", result.not_found_confidence, 4),
        **_known("work", result.work, 3),
    }


def _known(key: str, value: float | None, places: int) -> dict[str, object]:
    """One key where there is a value, and none where there isn't: documents stay as they were."""
    return {} if value is None else {key: round(value, places)}


def finding_row(finding: Finding) -> dict[str, object]:
    """A segment as documents have it."""
    return {
        "type": finding.type,
        "start": round(finding.segment.start, 4),
        "end": round(finding.segment.end, 4),
        "status": finding.status,
        "confidence": round(finding.confidence, 4),
        "sources": list(finding.sources),
        "reason": finding.reason,
    }
