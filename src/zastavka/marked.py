"""`heeding`: an answer together with what the titles of the file's chapters say.

Who wrote "Opening" or "Заставка" over a chapter looked at the episode; who wrote "Intro" may have
meant the scene before it, or was this program, whose own chapters must not confirm it. So a plain
"Intro" never makes anybody skip what would not be skipped without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zastavka.chapters import is_plain, told
from zastavka.detection import Detection, Finding
from zastavka.media import Chapter

CHAPTERS = "chapters"  # among the sources of a finding

REASONS = {
    "said": "a chapter of the file says so",
    "plain": "a chapter is called Intro, which may be another thing",
    "agrees": "{why}; a chapter of the file agrees",
    "other": "{why}; a chapter of the file says otherwise",
}

_STRONG, _PLAIN = 0.9, 0.5  # confidence in a title by itself: chosen, not measured
_SHORTEST, _LONGEST = 3.0, 180.0  # seconds of a chapter that may be an intro
_USUAL = 120.0  # seconds beyond which a title by itself is not believed
_SAME = 0.5  # IoU from which a chapter means what was found


def heeding(answer: Detection, chapters: Sequence[Chapter]) -> Detection:
    """The answer for a file with these chapters. The edges of what was found stay: they are finer.

    A chapter that names an intro makes found what awaited review, and is the answer where there is
    none, unless it is very long or one of several. Where it stands elsewhere than what repeats,
    neither sound nor picture is overruled; what the network alone found gives way.
    """
    marks = [
        mark
        for mark in told(chapters)
        if mark.type == "intro" and _SHORTEST <= mark.segment.duration <= _LONGEST
    ]
    if not marks:
        return answer
    plain = all(is_plain(c) for c in chapters if c.segment in {m.segment for m in marks})
    intros = [f for f in answer.findings if f.type == "intro"]
    others = [f for f in answer.findings if f.type != "intro"]
    kept = [_seen_with(f, marks, plain) for f in intros]
    firm = any(f.status == "found" for f in kept)
    for mark in marks:
        if not any(mark.segment.iou(f.segment) >= _SAME for f in intros):
            kept.append(_by_itself(mark, plain, firm or len(marks) > 1))
    findings = tuple(sorted([*kept, *others], key=lambda f: f.segment))
    changed = replace(answer, findings=findings)
    if changed.segments():
        return replace(changed, not_found_reason=None, not_found_confidence=None)
    return changed


def _seen_with(found: Finding, marks: Sequence[Finding], plain: bool) -> Finding:
    """What was found, as the marks let it stand."""
    agrees = any(mark.segment.iou(found.segment) >= _SAME for mark in marks)
    why = found.reason or ""
    if plain:
        return found
    if agrees:
        return replace(
            found,
            status="found",
            confidence=max(found.confidence, _STRONG),
            sources=(*found.sources, CHAPTERS),
            reason=REASONS["agrees"].format(why=why),
        )
    if found.sources[:1] == ("model",) and found.status == "found":
        return replace(found, status="review", reason=REASONS["other"].format(why=why))
    return found


def _by_itself(mark: Finding, plain: bool, rivals: bool) -> Finding:
    sure = not plain and not rivals and mark.segment.duration <= _USUAL
    return replace(
        mark,
        status="found" if sure else "review",
        confidence=_PLAIN if plain else _STRONG,
        sources=(CHAPTERS,),
        reason=REASONS["plain" if plain else "said"],
    )
