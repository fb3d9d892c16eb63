from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.segment import Grid, Segment

# Times in milliseconds, so that the oracle below is exact in integers.
MS = st.integers(0, 4_000_000)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    start, length = draw(MS), draw(st.integers(1, 200_000))
    return Segment(start / 1000, (start + length) / 1000)


@pytest.mark.parametrize(
    ("start", "end"),
    [(5, 5), (6, 5), (-1, 5), (math.nan, 5), (0, math.nan), (0, math.inf), (-math.inf, 0)],
)
def test_no_empty_or_endless_segment(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="not a segment"):
        Segment(start, end)


def test_overlap() -> None:
    assert Segment(0, 10) & Segment(5, 20) == Segment(5, 10)
    assert Segment(0, 10) & Segment(10, 20) is None  # half-open: they only touch
    assert Segment(0, 10).iou(Segment(5, 20)) == 0.25
    assert Segment(0, 10).iou(Segment(10, 20)) == 0
    assert Segment(2.5, 10).duration == 7.5


@given(segments(), segments())
def test_iou_is_a_symmetric_share(a: Segment, b: Segment) -> None:
    assert a.iou(a) == 1
    assert 0 <= a.iou(b) <= 1
    assert a.iou(b) == pytest.approx(b.iou(a), abs=1e-12)


def test_segments_are_ordered_by_time() -> None:
    assert sorted([Segment(5, 6), Segment(1, 9), Segment(1, 2)]) == [
        Segment(1, 2),
        Segment(1, 9),
        Segment(5, 6),
    ]


@pytest.mark.parametrize(("step", "n"), [(0, 5), (-1, 5), (math.nan, 5), (math.inf, 5), (1, 0)])
def test_no_empty_grid(step: float, n: int) -> None:
    with pytest.raises(ValueError, match="not a grid"):
        Grid(step, n)


@pytest.mark.parametrize(
    ("seconds", "step", "n"),
    [(10, 1, 10), (10.1, 1, 11), (0.3, 0.1, 3), (1420.3, 0.1, 14203), (0.2, 0.5, 1), (0, 1, 1)],
)
def test_a_grid_covers_the_seconds(seconds: float, step: float, n: int) -> None:
    assert Grid.over(seconds, step).n == n  # 0.3 / 0.1 is a little below 3, 1420.3 / 0.1 above


@given(st.integers(1, 4_000_000), st.sampled_from([100, 250, 500, 1000]))
def test_the_last_row_begins_before_the_end(ms: int, step_ms: int) -> None:
    grid = Grid.over(ms / 1000, step_ms / 1000)
    assert (grid.n - 1) * step_ms < ms <= grid.n * step_ms


@given(segments(), st.sampled_from([100, 250, 500, 1000]), st.integers(1, 5000))
def test_rows_are_those_whose_centre_lies_within(segment: Segment, step_ms: int, n: int) -> None:
    start, end = round(segment.start * 1000), round(segment.end * 1000)
    inside = [i for i in range(n) if 2 * start <= (2 * i + 1) * step_ms < 2 * end]
    rows = Grid(step_ms / 1000, n).rows(segment)
    assert list(range(n))[rows] == inside


@given(st.integers(0, 900), st.integers(1, 100), st.sampled_from([0.1, 0.25, 0.5, 1 / 3, 1.0]))
def test_rows_to_seconds_and_back(first: int, length: int, step: float) -> None:
    grid = Grid(step, 1000)
    segment = grid.segment(first, first + length)
    assert grid.rows(segment) == slice(first, first + length)
    assert segment.duration == pytest.approx(length * step)


def test_labels_and_times() -> None:
    grid = Grid(0.5, 6)
    assert grid.times.tolist() == [0.25, 0.75, 1.25, 1.75, 2.25, 2.75]
    assert grid.times.dtype == np.float64
    marked = grid.labels((Segment(0.5, 1.5), Segment(2.4, 99)))
    assert marked.tolist() == [False, True, True, False, False, True]
    assert not grid.labels(()).any()
    assert grid.duration == 3.0
