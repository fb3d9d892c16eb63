"""`detection`: what a season's repeats say of an episode, and the network where they leave a doubt.

What the rule is sure of stands, and costs no picture more than matching did. Where it is not sure
the network is asked, which sees the same repeats as columns beside picture and sound: it may
confirm a piece that the rule left for review, or find what nothing repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zastavka import decide
from zastavka.confidence import Confidence, none_signs, piece_signs
from zastavka.decide import Choice
from zastavka.detection import Detection, Finding
from zastavka.episode import Episode
from zastavka.intervals import Interval
from zastavka.points import is_card, may_be_logo
from zastavka.repeats import Repeats
from zastavka.segment import Segment

INTRO = ("intro",)


@dataclass(frozen=True, slots=True)
class Counsel:
    """What the network says of an episode among its siblings.

    `answer` is its interval as it would leave alone, edges sharpened; `threshold`: the confidence
    from which a segment is found.
    """

    intervals: tuple[Interval, ...]
    answer: Finding | None
    threshold: float


def is_sure(i: int, repeats: Repeats) -> bool:
    """Whether the rule alone knows the intro of episode i."""
    choice = repeats.intros[i]
    return choice is not None and choice.sure


def detection(
    episode: Episode,
    i: int,
    repeats: Repeats,
    types: Sequence[str] = INTRO,
    confidence: Confidence | None = None,
    counsel: Counsel | None = None,
) -> Detection:
    """The answer for episode i of a season. `confidence`: None leaves that of the rule."""
    intro = _intro(i, repeats, confidence, counsel)
    found = intro is not None and intro.status == "found"
    findings = [intro] if intro is not None and "intro" in types else []
    findings += _others(i, repeats, types)
    none = None
    if confidence is not None and not found:
        intervals = counsel.intervals if counsel else ()
        score = max((v.score for v in repeats.verdicts if v.piece.of(i)), default=0.0)
        none = confidence.none(none_signs(score, intervals, repeats.season - 1))
    return Detection(
        episode=episode,
        duration=round(repeats.prints[i].duration, 3),
        findings=tuple(sorted(findings, key=lambda f: f.segment)),
        not_found_reason=None if found else _why_not(i, repeats, intro),
        not_found_confidence=none,
    )


def _intro(
    i: int, repeats: Repeats, confidence: Confidence | None, counsel: Counsel | None
) -> Finding | None:
    choice = repeats.intros[i]
    piece = _piece(choice, repeats, confidence, counsel) if choice is not None else None
    if counsel is None or counsel.answer is None or (piece is not None and piece.status == "found"):
        return piece
    theirs = counsel.answer
    if _is_another(theirs.segment, i, repeats):
        return piece
    if piece is None:
        return theirs
    if theirs.segment.iou(piece.segment) >= 0.5:
        return piece  # where both are, the edges of what repeats are the finer ones
    return max(piece, theirs, key=lambda f: (f.status == "found", f.confidence))


def _piece(
    choice: Choice, repeats: Repeats, confidence: Confidence | None, counsel: Counsel | None
) -> Finding:
    number = next(k for k, v in enumerate(repeats.verdicts) if v is choice.verdict)
    segment = _tidy(repeats.segment(number, choice.index))
    # key pictures alone may stretch a card as far as the next of them
    card = is_card(choice.verdict.piece) or may_be_logo(segment)
    finding = Finding(
        segment=segment,
        confidence=choice.confidence,
        status="found" if choice.sure and not card else "review",
        sources=decide.sources(choice.verdict.piece),
        reason=decide.reason(choice, repeats.season, segment),
    )
    if confidence is None:
        return finding
    intervals = counsel.intervals if counsel else None
    score = choice.verdict.score
    sure = confidence.piece(piece_signs(score, choice.sure, segment, intervals))
    finding = replace(finding, confidence=sure)
    agree = counsel is not None and any(x.segment.iou(segment) >= 0.5 for x in counsel.intervals)
    if counsel is not None and agree and not card:
        # a card at 0:00 may be a studio's, whatever it looks like
        finding = replace(
            finding,
            status="found" if sure >= counsel.threshold else "review",
            sources=(*finding.sources, "model"),
            reason=f"{finding.reason}; the model agrees",
        )
    return finding


def _is_another(segment: Segment, i: int, repeats: Repeats) -> bool:
    """Whether an interval of the network is a piece of which the rule knows that it is no intro."""
    return any(
        verdict.type in ("logo", "recap", "eyecatch", "credits") or verdict.foreign
        for number, verdict in enumerate(repeats.verdicts)
        for k, instance in enumerate(verdict.piece.instances)
        if instance.episode == i and repeats.segment(number, k).iou(segment) >= 0.5
    )


def _others(i: int, repeats: Repeats, types: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            segment=_tidy(repeats.segment(number, k)),
            type=verdict.type,
            confidence=verdict.piece.support / repeats.season,
            sources=decide.sources(verdict.piece),
            reason=decide.shared(verdict.piece, repeats.season),
        )
        for number, verdict in enumerate(repeats.verdicts)
        if verdict.type in types and verdict.type != "intro"
        for k, instance in enumerate(verdict.piece.instances)
        if instance.episode == i
    ]


def _why_not(i: int, repeats: Repeats, intro: Finding | None) -> str:
    choice = repeats.intros[i]
    if choice is not None:
        card = choice.sure and intro is not None and may_be_logo(intro.segment)
        why = decide.REASONS["card"] if card else decide.doubt(choice.verdict)
        return f"not sure enough: {why}"
    if intro is not None:
        return f"not sure enough: {intro.reason}"
    here = [v for v in repeats.verdicts if v.piece.of(i) and v.why_not]
    if not here:
        return f"nothing of it is in another of the {repeats.season} episodes"
    best = max(here, key=lambda v: v.score)
    return (
        f"what repeats is no intro: {decide.shared(best.piece, repeats.season)}, but {best.why_not}"
    )


def _tidy(segment: Segment) -> Segment:
    return Segment(round(float(segment.start), 4), round(float(segment.end), 4))
