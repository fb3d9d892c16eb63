"""Spans between changes: all are there, each is what it is said to be, the best is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka import audio, descriptor
from zastavka.confidence import Confidence, Scale
from zastavka.features import EpisodeFeatures
from zastavka.learn.calibrate import Question, Weighed, calibrated, fit_spans
from zastavka.options import DecodeOptions
from zastavka.segment import Grid, Segment
from zastavka.spans import Spans, answer, find_spans

OPTIONS = DecodeOptions()
ROWS = 240
GRID = Grid(0.5, ROWS)
FLAT = Scale(0.0, {})


def episode(
    first: int, stop: int, seed: int = 0, *, sound: bool = True, picture: bool = True
) -> EpisodeFeatures:
    """Two minutes of noise with something else in rows first <= i < stop."""
    rng = np.random.default_rng(seed)
    heard = rng.normal(0, 1, (ROWS, len(audio.COLUMNS))).astype(np.float32)
    heard[first:stop, :42] += 12.0  # mel and floor
    audio.fill_context(heard, 0.5)
    seen = rng.normal(0, 0.1, (ROWS, descriptor.BuiltinDescriptor.width)).astype(np.float32)
    seen[first:stop] += 1.0
    return EpisodeFeatures(
        GRID, 120.0, seen if picture else None, heard if sound else None, "builtin/1"
    )


def minds(first: int, stop: int, sure: float = 2.0) -> np.ndarray:
    """What a network that knows says of each row."""
    out = np.zeros((ROWS, 2), np.float32)
    out[:, 1] = -sure
    out[first:stop, 1] = sure
    return out


def spans_of(*pairs: tuple[int, int]) -> Spans:
    first, stop = (np.array(ends) for ends in zip(*pairs, strict=True))
    return Spans(first, stop, {})


@given(st.integers(4, 150), st.integers(12, 80), st.integers(0, 9))
def test_the_span_between_two_changes_is_there(first: int, length: int, seed: int) -> None:
    stop = first + length
    spans = find_spans(episode(first, stop, seed), minds(first, stop), OPTIONS)
    off = np.abs(spans.first - first) + np.abs(spans.stop - stop)
    assert off.min() <= 1


@pytest.mark.parametrize(("sound", "picture"), [(False, True), (True, False)])
def test_one_sense_is_enough(sound: bool, picture: bool) -> None:
    known = episode(60, 110, sound=sound, picture=picture)
    spans = find_spans(known, np.zeros((ROWS, 2)), OPTIONS)
    assert (np.abs(spans.first - 60) + np.abs(spans.stop - 110)).min() <= 1
    assert ("novelty start" in spans.signs) == sound
    assert ("cut start" in spans.signs) == picture


def test_spans_are_as_long_as_options_allow() -> None:
    options = OPTIONS.model_copy(update={"min_seconds": 10.0, "max_seconds": 20.0})
    spans = find_spans(episode(60, 90), minds(60, 90), options)
    seconds = (spans.stop - spans.first) * 0.5
    assert len(spans)
    assert seconds.min() >= 10.0
    assert seconds.max() <= 20.0


def test_signs_are_those_of_the_rows() -> None:
    margin = np.random.default_rng(1).normal(0, 2, ROWS)
    emissions = np.stack([np.zeros(ROWS), margin], axis=1)
    known = episode(60, 90)
    assert known.sound is not None
    spans = find_spans(known, emissions, OPTIONS)
    softest = known.sound[:, audio.COLUMNS.index("softest")]
    for k in range(0, len(spans), 97):
        a, b = int(spans.first[k]), int(spans.stop[k])
        clipped = np.clip(margin, -6, 6)
        assert spans.signs["network"][k] == pytest.approx(clipped[a:b].mean())
        if a >= 8:
            assert spans.signs["network before"][k] == pytest.approx(clipped[a - 8 : a].mean())
        assert spans.signs["softest"][k] == pytest.approx(softest[a:b].min() / 10.0)
        assert spans.signs["share"][k] == pytest.approx((b - a) / ROWS)


def test_what_repeats_is_a_sign_in_a_season_alone() -> None:
    known, emissions = episode(60, 90), minds(60, 90)
    evidence = np.zeros((ROWS, 7), np.float32)
    evidence[60:90, 0] = 0.8
    assert "repeats" not in find_spans(known, emissions, OPTIONS).signs
    spans = find_spans(known, emissions, OPTIONS, evidence)
    exact = np.flatnonzero((spans.first == 60) & (spans.stop == 90))
    assert spans.signs["repeats"][exact] == pytest.approx(0.8)
    assert spans.signs["repeats before"][exact] == pytest.approx(0.0)


def test_nothing_is_long_enough() -> None:
    short = EpisodeFeatures(
        Grid(0.5, 3), 1.5, None, np.zeros((3, len(audio.COLUMNS)), np.float32), "builtin/1"
    )
    spans = find_spans(short, np.zeros((3, 2)), OPTIONS)
    assert len(spans) == 0
    assert Confidence(FLAT, FLAT, FLAT).answer(spans, short.grid) is None


def test_the_answer_is_where_most_of_the_probability_agrees() -> None:
    spans = spans_of((10, 50), (11, 50), (10, 51), (100, 140))
    best = answer(spans, np.array([2.0, 2.0, 2.0, 2.5]), GRID)
    assert best is not None
    assert best.segment == Segment(5.0, 25.0)
    mass = np.exp([2.0, 2.0, 2.0, 2.5, 0.0])
    assert best.confidence == pytest.approx(mass[:3].sum() / mass.sum())


def test_what_is_too_far_outside_does_not_count_as_right() -> None:
    spans = spans_of((10, 50), (14, 50))  # two seconds
    best = answer(spans, np.array([3.0, 0.0]), GRID)
    assert best is not None
    mass = np.exp([3.0, 0.0, 0.0])
    assert best.confidence == pytest.approx(mass[0] / mass.sum())


@given(st.lists(st.floats(-500, 500), min_size=3, max_size=3))
def test_a_confidence_is_a_probability(odds: list[float]) -> None:
    best = answer(spans_of((10, 50), (60, 90), (10, 90)), np.array(odds), GRID)
    assert best is not None
    assert 0.0 <= best.confidence <= 1.0


def question(seed: int, theme: bool) -> Question:
    rng = np.random.default_rng(seed)
    first = int(rng.integers(10, 100))
    stop = first + int(rng.integers(20, 60))
    known = episode(first, stop, seed)
    # a network that is right half of the time
    emissions = minds(first, stop, 1.0) if rng.random() < 0.5 else minds(0, 0, 0.5)
    spans = find_spans(known, emissions, OPTIONS)
    close = (np.abs(spans.first - first) <= 1) & (np.abs(spans.stop - stop) <= 1)
    true = (Segment(first * 0.5, stop * 0.5),) if theme else ()
    return Question(true, GRID, known.span, Weighed(spans, close.astype(float) * theme))


def test_weights_are_found_by_which_new_answers_are_right() -> None:
    learned = fit_spans([question(i, True) for i in range(40)])
    right = 0
    for i in range(40, 60):
        asked = question(i, True)
        assert asked.weighed is not None
        best = answer(asked.weighed.spans, learned.odds(asked.weighed.spans), GRID)
        right += best is not None and best.segment.iou(asked.true[0]) > 0.9
    assert right >= 19


def test_confidence_is_low_where_most_have_no_intro() -> None:
    def surety(share: float) -> float:
        parts = [[question(i, i % 10 < 10 * share) for i in range(n, n + 20)] for n in (0, 20)]
        # without trials of pieces there is no scale for them
        learned = fit_spans([q for part in parts for q in part])
        asked = question(99, True)
        assert asked.weighed is not None
        best = answer(asked.weighed.spans, learned.odds(asked.weighed.spans), GRID)
        assert best is not None
        return best.confidence

    assert surety(0.2) < 0.5 < surety(1.0)


def test_a_kind_of_which_there_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="no trials"):
        calibrated([[question(i, True)] for i in range(3)])  # no season, so no piece
