"""Signs become shares of right answers; what is fitted is what was put in."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.confidence import (
    Confidence,
    Scale,
    log_odds,
    none_signs,
    piece_signs,
)
from zastavka.intervals import Interval
from zastavka.learn.calibrate import Trial, calibrated, fit
from zastavka.segment import Segment

FLAT = Scale(0.0, {})


def drawn(n: int, bias: float, weight: float, seed: int = 5) -> list[Trial]:
    """Answers that are right as often as a curve says."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, n)
    right = rng.random(n) < 1 / (1 + np.exp(-(bias + weight * odds)))
    return [Trial("none", {"odds": o}, bool(r)) for o, r in zip(odds, right, strict=True)]


def test_a_curve_that_answers_were_drawn_from_is_found_again() -> None:
    scale = fit(drawn(4000, -1.0, 0.8))
    assert scale.bias == pytest.approx(-1.0, abs=0.15)
    assert scale.weights["odds"] == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_alike_give_no_certainty(right: bool) -> None:
    scale = fit([Trial("piece", {"score": 5.0}, right)] * 40)
    sure = scale({"score": 5.0})
    assert (0.93 < sure < 0.99) if right else (0.01 < sure < 0.07)


def test_nothing_to_fit_is_said() -> None:
    with pytest.raises(ValueError, match="no trials"):
        fit([])
    with pytest.raises(ValueError, match="no questions"):
        calibrated([[], []])


@given(
    st.dictionaries(st.sampled_from("abc"), st.floats(-1e6, 1e6)),
    st.dictionaries(st.sampled_from("abcd"), st.floats(-1e6, 1e6)),
    st.floats(-1e6, 1e6),
)
def test_it_is_a_probability_short_of_certainty(
    weights: dict[str, float], signs: dict[str, float], bias: float
) -> None:
    assert 0.0 < Scale(bias, weights)(signs) < 1.0


def test_it_comes_back_from_json() -> None:
    scales = Confidence(Scale(1.5, {"score": 0.25}), FLAT, Scale(-1.0, {"odds": -1e-9}))
    assert Confidence.from_json(json.loads(json.dumps(scales.as_json()))) == scales
    with pytest.raises(KeyError):
        Confidence.from_json({"piece": {"bias": 0.0, "weights": {}}})


def test_log_odds_end_where_nobody_knows_better() -> None:
    assert log_odds(0.5) == pytest.approx(0.0)
    assert log_odds(1.0) == pytest.approx(8.0)
    assert log_odds(0.0) == pytest.approx(-8.0)
    assert log_odds(0.9) == pytest.approx(math.log(9))


def test_the_network_speaks_for_a_piece_where_it_means_the_same() -> None:
    piece = Segment(10.0, 30.0)
    same, other = Interval(Segment(11.0, 30.0), 0.8), Interval(Segment(60.0, 80.0), 0.8)
    assert piece_signs(3.0, False, piece, [same, other])["odds"] == pytest.approx(math.log(4))
    assert piece_signs(3.0, False, piece, [other])["odds"] == pytest.approx(-8.0)
    assert "odds" not in piece_signs(3.0, False, piece, None)


def test_what_speaks_for_an_intro_speaks_against_none() -> None:
    none = none_signs(-3.0, [], 0)
    assert none["score"] == 0.0
    assert none["odds"] == pytest.approx(-8.0)
    some = none_signs(3.0, [Interval(Segment(0.0, 9.0), 0.5)], 3)
    assert some["score"] == 3.0
    assert some["others"] == pytest.approx(math.log(4))
