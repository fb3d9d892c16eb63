from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zastavka.crf import CRFWeights
from zastavka.intervals import decode, row_probabilities
from zastavka.options import DecodeOptions
from zastavka.segment import Grid, Segment

NEUTRAL = CRFWeights(np.zeros((2, 2)), np.zeros(2), np.zeros(2))
FLAT = DecodeOptions(min_seconds=1.0, max_seconds=100.0, prior_weight=0.0, temperature=1.0)


def emissions_of(mask: np.ndarray, strength: float = 4.0) -> np.ndarray:
    return np.where(mask[:, None] == np.array([False, True]), strength, 0.0)


def path_score(tags: np.ndarray, emissions: np.ndarray, crf: CRFWeights) -> float:
    steps = sum(crf.transitions[a, b] for a, b in itertools.pairwise(tags))
    rows = emissions[np.arange(len(tags)), tags].sum()
    return float(crf.start[tags[0]] + rows + steps + crf.end[tags[-1]])


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_the_interval_has_the_least_risk_of_all(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    crf = CRFWeights(rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=2))
    emissions = rng.normal(size=(n, 2)) * 2
    (answer,) = decode(emissions, crf, Grid(1.0, n), FLAT)

    spans = [(a, b) for a in range(n) for b in range(a + 1, n + 1)]
    none = path_score(np.zeros(n, int), emissions, crf)
    mass = []
    for a, b in spans:
        tags = np.zeros(n, int)
        tags[a:b] = 1
        mass.append(np.exp(path_score(tags, emissions, crf) - none))
    share = np.array(mass) / (1 + sum(mass))

    def iou(p: tuple[int, int], q: tuple[int, int]) -> float:
        return Segment(*map(float, p)).iou(Segment(*map(float, q)))

    risk = [sum(s * iou(p, q) for s, q in zip(share, spans, strict=True)) for p in spans]
    chosen = (int(answer.segment.start), int(answer.segment.end))
    assert risk[spans.index(chosen)] == pytest.approx(max(risk), rel=1e-9)
    sure = sum(s for s, q in zip(share, spans, strict=True) if iou(chosen, q) >= 0.5)
    assert answer.confidence == pytest.approx(sure, rel=1e-6)


def test_a_clear_interval_is_found_surely() -> None:
    grid = Grid(0.5, 200)
    mask = grid.labels((Segment(20.0, 45.0),))
    (answer,) = decode(emissions_of(mask), NEUTRAL, grid, DecodeOptions())
    assert answer.segment == Segment(20.0, 45.0)
    assert answer.confidence > 0.99


def test_nothing_is_not_sure() -> None:
    grid = Grid(0.5, 100)
    answers = decode(emissions_of(np.zeros(100, bool)), NEUTRAL, grid, DecodeOptions())
    assert all(answer.confidence < 0.05 for answer in answers)


def test_the_prior_prefers_the_likelier_length() -> None:
    grid = Grid(1.0, 60)
    mask = np.zeros(60, bool)
    mask[5:8] = mask[20:45] = True
    strong = emissions_of(mask)
    strong[8:20, 0] = 20.0  # too much to bridge
    strong[5:8, 1] = 40.0  # three rows outweigh the other twenty-five
    short = decode(strong, NEUTRAL, grid, DecodeOptions(prior_weight=0.0))
    long = decode(strong, NEUTRAL, grid, DecodeOptions(typical_seconds=25.0, spread=0.1))
    assert short[0].segment == Segment(5.0, 8.0)
    assert long[0].segment.duration > 15


def test_temperature_divides_every_score_of_a_path() -> None:
    rng = np.random.default_rng(5)
    crf = CRFWeights(rng.normal(size=(2, 2)), rng.normal(size=2), rng.normal(size=2))
    emissions = rng.normal(size=(9, 2)) * 6
    third = CRFWeights(crf.transitions / 3, crf.start / 3, crf.end / 3)
    cooled = decode(emissions, crf, Grid(1.0, 9), FLAT.model_copy(update={"temperature": 3.0}))
    assert cooled == decode(emissions / 3, third, Grid(1.0, 9), FLAT)
    assert cooled[0].confidence < decode(emissions, crf, Grid(1.0, 9), FLAT)[0].confidence


def test_length_limits_hold() -> None:
    grid = Grid(1.0, 60)
    mask = np.ones(60, bool)
    (answer,) = decode(emissions_of(mask), NEUTRAL, grid, DecodeOptions(max_seconds=12.0))
    assert answer.segment.duration <= 12
    assert decode(emissions_of(mask[:2]), NEUTRAL, Grid(1.0, 2), DecodeOptions()) == []


def test_several_segments_come_in_order_and_merge() -> None:
    grid = Grid(1.0, 80)
    mask = np.zeros(80, bool)
    mask[5:20] = mask[40:60] = True
    two = DecodeOptions(max_segments=2, prior_weight=0.0)
    answers = decode(emissions_of(mask), NEUTRAL, grid, two)
    assert [a.segment for a in answers] == [Segment(5.0, 20.0), Segment(40.0, 60.0)]
    wide = two.model_copy(update={"merge_gap": 30.0})
    (merged,) = decode(emissions_of(mask), NEUTRAL, grid, wide)
    assert merged.segment == Segment(5.0, 60.0)


CLOSING = DecodeOptions(method="closing")


def test_closing_fills_a_gap_of_one_and_drops_short_runs() -> None:
    mask = np.array([0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0], bool)
    answers = decode(emissions_of(mask), NEUTRAL, Grid(1.0, 12), CLOSING)
    assert [a.segment for a in answers] == [Segment(1.0, 6.0)]


def test_closing_keeps_an_intro_at_the_very_beginning_and_end() -> None:
    mask = np.array([1, 1, 1, 0, 0, 0, 0, 1, 1, 1], bool)
    both = CLOSING.model_copy(update={"max_segments": 2})
    answers = decode(emissions_of(mask), NEUTRAL, Grid(1.0, 10), both)
    assert [a.segment for a in answers] == [Segment(0.0, 3.0), Segment(7.0, 10.0)]


def test_closing_answers_the_longest_run() -> None:
    mask = np.zeros(30, bool)
    mask[2:6] = mask[10:18] = True
    (answer,) = decode(emissions_of(mask), NEUTRAL, Grid(1.0, 30), CLOSING)
    assert answer.segment == Segment(10.0, 18.0)


def test_transition_bias_lengthens_what_is_found() -> None:
    emissions = np.zeros((12, 2))
    emissions[3:6, 1] = 2.0
    emissions[6:9, 1] = -1.0
    emissions[9:11, 1] = 2.0
    plain = decode(emissions, NEUTRAL, Grid(1.0, 12), CLOSING)
    biased = CLOSING.model_copy(update={"transition_bias": (1.5, -1.5)})
    longer = decode(emissions, NEUTRAL, Grid(1.0, 12), biased)
    assert longer[0].segment.duration > plain[0].segment.duration


def test_chunks_are_tagged_by_themselves() -> None:
    # the start forbids tag 1: the first row of each chunk shows that chunks are apart
    crf = CRFWeights(np.zeros((2, 2)), np.array([0.0, -50.0]), np.zeros(2))
    emissions = emissions_of(np.ones(12, bool))
    whole = decode(emissions, crf, Grid(1.0, 12), CLOSING.model_copy(update={"closing_rows": 1}))
    apart = decode(
        emissions, crf, Grid(1.0, 12),
        CLOSING.model_copy(update={"closing_rows": 1, "max_segments": 3, "merge_gap": 0.0}), 6,
    )  # fmt: skip
    assert [a.segment for a in whole] == [Segment(1.0, 12.0)]
    assert [a.segment for a in apart] == [Segment(1.0, 6.0), Segment(7.0, 12.0)]


def test_row_probabilities_of_free_rows_are_sigmoids() -> None:
    emissions = np.array([[0.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
    expected = 1 / (1 + np.exp(emissions[:, 0] - emissions[:, 1]))
    np.testing.assert_allclose(row_probabilities(emissions, NEUTRAL), expected, rtol=1e-6)
