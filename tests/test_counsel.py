"""What a season says of an episode, and what the network may add to it and may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pieces import blank, piece
from zastavka.confidence import Confidence, Scale
from zastavka.counsel import Counsel, detection, is_sure
from zastavka.decide import Choice, Verdict
from zastavka.detection import Detection, Finding
from zastavka.episode import Episode
from zastavka.intervals import Interval
from zastavka.recurring import Recurring
from zastavka.repeats import Repeats
from zastavka.segment import Segment

EPISODE = Episode.from_path(Path("S/S01E01.mkv"))
THEME = piece({0: 40.0, 1: 60.0}, 30.0)
HERE, ELSEWHERE = Segment(40.0, 70.0), Segment(200.0, 230.0)
SCALES = Confidence(
    Scale(-4.0, {"score": 1.0, "sure": 4.0, "odds": 1.0}), Scale(0.0, {"odds": 1.0}), Scale(0.0, {})
)


def season(
    found: Recurring = THEME, *, sure: bool = False, type: str = "intro", foreign: bool = False
) -> Repeats:
    """Two episodes that share one piece, of which the rule is sure or not."""
    verdict = Verdict(found, type, (("support", 3.0),), None, foreign)
    choice = Choice(verdict, 0, 0.6, sure) if type == "intro" else None
    return Repeats((blank(600.0), blank(600.0)), (0, 1), (verdict,), (choice, None))


def counsel(segment: Segment, sure: float = 0.9, status: str = "found") -> Counsel:
    answer = Finding(segment=segment, confidence=sure, status=status, sources=("model",))  # type: ignore[arg-type]
    return Counsel((Interval(segment, sure),), answer, 0.6)


def answered(repeats: Repeats, advice: Counsel | None = None) -> Detection:
    return detection(EPISODE, 0, repeats, confidence=SCALES, counsel=advice)


def test_what_the_rule_is_sure_of_stands() -> None:
    assert is_sure(0, season(sure=True))
    assert not is_sure(0, season())
    assert not is_sure(1, season(sure=True))
    answer = answered(season(sure=True), counsel(ELSEWHERE, 0.99))
    assert answer.segments() == (HERE,)
    assert answer.not_found_confidence is None


def test_a_doubt_goes_where_the_network_agrees() -> None:
    doubtful = answered(season())
    assert doubtful.segments() == ()
    assert doubtful.findings[0].status == "review"
    agreed = answered(season(), counsel(Segment(41.0, 69.0)))
    assert agreed.segments() == (HERE,)  # with the edges of what repeats
    assert agreed.findings[0].sources == ("sound", "picture", "model")
    assert "the model agrees" in (agreed.findings[0].reason or "")


def test_a_doubt_stays_where_the_network_agrees_but_is_not_sure() -> None:
    answer = answered(season(), counsel(HERE, 0.3, "review"))
    assert [f.status for f in answer.findings] == ["review"]
    assert answer.not_found_confidence == pytest.approx(0.5)


def test_the_network_finds_what_nothing_repeats() -> None:
    nothing = replace(season(), verdicts=(), intros=(None, None))
    answer = answered(nothing, counsel(ELSEWHERE))
    assert answer.segments() == (ELSEWHERE,)
    assert answer.findings[0].sources == ("model",)


@pytest.mark.parametrize("type", ["logo", "recap", "eyecatch", "credits"])
def test_what_the_season_knows_to_be_none_is_none(type: str) -> None:
    assert answered(season(type=type), counsel(HERE)).findings == ()
    assert answered(season(type=type), counsel(ELSEWHERE)).segments() == (ELSEWHERE,)


def test_what_other_series_have_too_is_none() -> None:
    assert answered(season(type="other", foreign=True), counsel(HERE)).findings == ()


def test_a_card_at_the_start_is_left_for_review_whatever_the_network_says() -> None:
    card = piece({0: 0.0, 1: 0.0}, 5.0)
    answer = answered(season(card), counsel(Segment(0.0, 5.0), 0.99))
    assert [f.status for f in answer.findings] == ["review"]


def test_a_card_whose_edges_were_coarse_is_left_for_review_too() -> None:
    coarse = replace(
        season(piece({0: 0.0, 1: 0.0}, 9.0), sure=True), edges={(0, 0): Segment(0.0, 5.0)}
    )
    answer = answered(coarse)
    assert [f.status for f in answer.findings] == ["review"]
    assert answer.not_found_reason == "not sure enough: it may be a studio's logo"
    assert answered(replace(coarse, edges={})).segments() == (Segment(0.0, 9.0),)


def test_without_scales_the_rule_speaks_for_itself() -> None:
    answer = detection(EPISODE, 0, season())
    assert answer.findings[0].confidence == 0.6
    assert answer.not_found_confidence is None
    assert "not sure enough" in (answer.not_found_reason or "")
