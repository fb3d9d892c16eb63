"""`Edit`: what a person said of a file. It always wins over what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from zastavka.detection import Detection, Finding
from zastavka.segment import Segment

BY_PERSON = "person"  # among the sources of a finding
SAID_NONE = "a person said that there is none"


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
        Finding(segment=segment, sources=(BY_PERSON,), reason="a person said so")
        for segment in edit.segments
    ]
    others = [finding for finding in answer.findings if finding.type != "intro"]
    return replace(
        answer,
        findings=tuple(sorted([*said, *others], key=lambda f: f.segment)),
        not_found_reason=None if said else SAID_NONE,
        not_found_confidence=None if said else 1.0,
    )


def is_edited(answer: Detection) -> bool:
    """Whether a person said what its intros are."""
    sources = {source for finding in answer.findings for source in finding.sources}
    return BY_PERSON in sources or answer.not_found_reason == SAID_NONE
