from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.trust import (
    Answer,
    Bin,
    Point,
    calibration_error,
    coverage_at,
    curve,
    equal_mass,
    precision_at,
    reliability,
)


def said(confidence: float, right: bool) -> Answer:
    return Answer(confidence, right, found=True)


def none(confidence: float, right: bool) -> Answer:
    return Answer(confidence, right, found=False, none=True)


answers = st.lists(
    st.builds(said, st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.5, 1.0))), st.booleans()),
    max_size=40,
)


def test_the_curve_by_hand() -> None:
    episodes = [
        [said(0.9, True)],
        [said(0.8, True)],
        [said(0.8, False)],
        [none(0.7, True)],
        [],  # failed, or it said nothing with a confidence
    ]
    points = curve(episodes)
    assert points == [Point(0.9, 1.0, 0.2), Point(0.8, 2 / 3, 0.6), Point(0.7, 0.75, 0.8)]
    assert [precision_at(points, x) for x in (0.2, 0.5, 0.8)] == [1.0, 2 / 3, 0.75]
    assert precision_at(points, 1.0) is None  # one episode has no answer at any confidence
    assert [coverage_at(points, x) for x in (0.99, 0.75, 0.7, 0.5)] == [0.2, 0.8, 0.8, 0.8]
    assert curve([]) == []
    assert (coverage_at([], 0.99), precision_at([], 0.5)) == (0.0, None)


def test_an_episode_says_what_it_is_surest_of() -> None:
    surer = curve([[said(0.4, False), none(0.55, True)]])
    assert surer == [Point(0.55, 1.0, 1.0)]
    less = curve([[said(0.5, False), said(0.3, True), none(0.4, False)]])
    assert less == [Point(0.5, 0.0, 1.0), Point(0.3, 0.5, 1.0)]
    assert curve([[said(0.5, False), none(0.5, True)]]) == [Point(0.5, 0.0, 1.0)]


def test_calibration_by_hand() -> None:
    some = [said(0.95, True), said(1.0, False), none(0.0, False)]
    assert reliability(some) == [Bin(0.0, 0.0, 1), Bin(0.975, 0.5, 2)]
    assert calibration_error(reliability(some)) == pytest.approx(2 * 0.475 / 3)
    assert calibration_error(reliability([])) is None
    assert calibration_error(equal_mass([])) is None


def test_bins_of_equal_width_begin_at_their_lower_edge() -> None:
    rows = reliability([said(0.1, True), said(0.19, True), said(0.2, True), said(1.0, True)])
    assert [row.n for row in rows] == [2, 1, 1]


def test_bins_of_equal_number_keep_equals_together() -> None:
    rows = equal_mass([said(i / 20, i % 2 == 0) for i in range(20)])
    assert [(row.right, row.n) for row in rows] == [(0.5, 2)] * 10
    assert [row.confidence for row in rows] == pytest.approx([(4 * i + 1) / 40 for i in range(10)])
    same = [said(0.5, True)] * 15 + [said(0.1 + i / 100, True) for i in range(5)]
    assert [row.n for row in equal_mass(same)] == [2, 2, 16]
    # what crowds into one bin of equal width is told apart
    crowd = [said(0.91, False)] * 10 + [said(0.99, True)] * 10
    assert calibration_error(equal_mass(crowd)) == pytest.approx((0.91 + 0.01) / 2)
    assert calibration_error(reliability(crowd)) == pytest.approx(0.45)


def test_the_spread_of_a_share_is_wilson_s() -> None:
    # worked by hand: 8 of 10, z 1.96
    assert Bin(0.5, 0.8, 10).spread == pytest.approx((0.4902, 0.9433), abs=2e-4)
    assert Bin(0.5, 1.0, 10).spread == pytest.approx((0.7225, 1.0), abs=2e-4)


@given(answers)
def test_calibration_error_is_a_share_whatever_the_order(some: list[Answer]) -> None:
    for bins in (reliability, equal_mass):
        error = calibration_error(bins(some))
        assert (error is None) == (not some)
        if error is not None:
            assert 0 <= error <= 1
            assert calibration_error(bins(some[::-1])) == pytest.approx(error)
        rows = bins(some)
        assert sum(row.n for row in rows) == len(some)
        assert len(rows) <= 10
        assert all(row.spread[0] - 1e-9 <= row.right <= row.spread[1] + 1e-9 for row in rows)


@given(st.lists(answers, max_size=8))
def test_coverage_grows_as_confidence_falls(episodes: list[list[Answer]]) -> None:
    points = curve(episodes)
    for before, after in pairwise(points):
        assert before.confidence > after.confidence
        assert before.coverage <= after.coverage
    assert all(0 <= p.precision <= 1 and 0 < p.coverage <= 1 for p in points)
    if points:
        assert points[-1].coverage == sum(map(bool, episodes)) / len(episodes)
        every = [a.right for said in episodes for a in said]
        assert points[-1].precision == pytest.approx(sum(every) / len(every))


def test_what_is_right_as_often_as_it_says_has_no_error_and_boasting_has() -> None:
    rng = random.Random(7)
    levels = [rng.random() for _ in range(20_000)]
    honest = [said(level, rng.random() < level) for level in levels]
    for bins in (reliability, equal_mass):
        error = calibration_error(bins(honest))
        assert error is not None
        assert error < 0.015
        boasting = [said(min(1.0, a.confidence + 0.2), a.right) for a in honest]
        error = calibration_error(bins(boasting))
        assert error == pytest.approx(0.18, abs=0.015)  # 0.2, less where 1 is the most
