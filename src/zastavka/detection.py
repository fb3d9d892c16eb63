"""`Detection`: the segments of one episode, found or true; `Failure`: why there are none; their JSON.

Truth and answer are the same type, so that one reader, one writer and one referee serve both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import zastavka
from zastavka.episode import Episode
from zastavka.errors import LabelError
from zastavka.segment import Segment
from zastavka.storage import write_text

Status = Literal["found", "review"]

FORMAT_VERSION = 1


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
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence {self.confidence} is outside [0, 1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The segments of one episode, in order of time."""

    episode: Episode
    duration: float | None  # seconds; None where only labels are known
    findings: tuple[Finding, ...] = ()
    not_found_reason: str | None = None

    def segments(self, type: str = "intro") -> tuple[Segment, ...]:
        """What is found (not what awaits review) of one type."""
        return tuple(f.segment for f in self.findings if f.type == type and f.status == "found")


@dataclass(frozen=True, slots=True)
class Failure:
    """An episode that could not be done. Never the same as "no intro"."""

    episode: Episode
    error: str  # one line: which file, what was found, what to do


def to_json(results: Sequence[Detection | Failure]) -> str:
    """The JSON document of a run; see `docs/formats.md`."""
    document = {
        "version": FORMAT_VERSION,
        "generator": f"zastavka {zastavka.__version__}",
        "episodes": [_row(result) for result in results],
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_detections(path: Path, results: Sequence[Detection | Failure]) -> None:
    """Write the JSON document of a run."""
    write_text(path, to_json(results))


def read_detections(path: Path) -> list[Detection | Failure]:
    """Read a JSON document of a run. LabelError names the file and the episode that is wrong."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LabelError(
            path, "can't be read: {why}", "check the path", why=error.strerror
        ) from error
    except ValueError as error:
        raise LabelError(path, "is not JSON: {why}", "write it anew", why=error) from error
    rows = document.get("episodes") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise LabelError(
            path, "has no list 'episodes'", "give a file that `detect --format json` wrote"
        )
    if document.get("version", FORMAT_VERSION) > FORMAT_VERSION:
        raise LabelError(
            path, "is of a newer format ({v})", "update zastavka", v=document["version"]
        )
    results = []
    for i, row in enumerate(rows):
        try:
            results.append(_read_row(row))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabelError(
                path, "episode {i}: {why}", "mend that entry", i=i, why=repr(error)
            ) from error
    return results


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
        "segments": [_finding_row(finding) for finding in result.findings],
        "not_found_reason": result.not_found_reason,
    }


def _finding_row(finding: Finding) -> dict[str, object]:
    return {
        "type": finding.type,
        "start": round(finding.segment.start, 4),
        "end": round(finding.segment.end, 4),
        "status": finding.status,
        "confidence": round(finding.confidence, 4),
        "sources": list(finding.sources),
        "reason": finding.reason,
    }


def _read_row(row: dict[str, object]) -> Detection | Failure:
    episode = Episode(
        Path(str(row["path"])), row.get("series"), row.get("season"), row.get("number")
    )  # type: ignore[arg-type]
    if row.get("error"):
        return Failure(episode, str(row["error"]))
    return Detection(
        episode=episode,
        duration=row.get("duration"),  # type: ignore[arg-type]
        findings=tuple(_read_finding(finding) for finding in row["segments"]),  # type: ignore[attr-defined]
        not_found_reason=row.get("not_found_reason"),  # type: ignore[arg-type]
    )


def _read_finding(row: dict[str, object]) -> Finding:
    status = row.get("status", "found")
    if status not in get_args(Status):
        raise ValueError(f"status {status!r}")
    return Finding(
        segment=Segment(float(row["start"]), float(row["end"])),  # type: ignore[arg-type]
        type=str(row.get("type", "intro")),
        confidence=float(row.get("confidence", 1.0)),  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        sources=tuple(row.get("sources", ())),  # type: ignore[arg-type]
        reason=row.get("reason"),  # type: ignore[arg-type]
    )
