"""`Edit`: what a person said of a file. It always wins over what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from zastavka.detection import Detection, Finding
from zastavka.errors import OptionError
from zastavka.segment import Segment

_CLOCK = r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)"  # as 1:02:03.5, 2:03.5 or 123.5
_SPAN = re.compile(rf"\s*{_CLOCK}\s*[-–—]\s*{_CLOCK}\s*")

BY_PERSON = "person"  # among the sources of a finding
REASONS = {"none": "a person said that there is none", "said": "a person said so"}
SAID_NONE = REASONS["none"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Intros of a file as a person gave them: () says there is none, None takes the lock off."""

    segments: tuple[Segment, ...] | None
    at: str = ""  # when, UTC as ISO 8601; "" until it is kept


def edited(answer: Detection, edit: Edit | None) -> Detection:
    """The answer with the intros of a person in place of those found; other kinds stay."""
    if edit is None or edit.segments is None:
        return answer
    said = [
        Finding(segment=segment, sources=(BY_PERSON,), reason=REASONS["said"])
        for segment in edit.segments
    ]
    others = [finding for finding in answer.findings if finding.type != "intro"]
    return replace(
        answer,
        findings=tuple(sorted([*said, *others], key=lambda f: f.segment)),
        not_found_reason=None if said else SAID_NONE,
        not_found_confidence=None if said else 1.0,
    )


def parse_intros(texts: Sequence[str]) -> tuple[Segment, ...]:
    """Spans as people write them, "0:43-2:12.5", in order. OptionError names the wrong one."""
    segments = sorted(_span(text) for text in texts)
    for before, after in pairwise(segments):
        if after.start < before.end:
            raise OptionError(", ".join(texts), "overlap", "give spans apart from each other")
    return tuple(segments)


def _span(text: str) -> Segment:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise OptionError(text, "is no span of time", "write it as 0:43-2:12.5")
    start, end = _seconds(*match.groups()[:3]), _seconds(*match.groups()[3:])
    if start is None or end is None:
        raise OptionError(
            text, "has more than 59 minutes or seconds", "write it as 1:02:43-1:04:12"
        )
    if not start < end:
        raise OptionError(text, "ends before it begins", "write the earlier time first")
    return Segment(start, end)


def _seconds(hours: str | None, minutes: str | None, seconds: str) -> float | None:
    whole, _, fraction = seconds.replace(",", ".").partition(".")
    beyond = (minutes is not None and int(whole) > 59) or (
        hours is not None and int(minutes or 0) > 59
    )
    if beyond:
        return None
    # as one decimal: a sum of floats would miss the nearest one
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(whole)
    return float(f"{total}.{fraction or 0}")


def is_edited(answer: Detection) -> bool:
    """Whether a person said what its intros are."""
    sources = {source for finding in answer.findings for source in finding.sources}
    return BY_PERSON in sources or answer.not_found_reason == SAID_NONE
