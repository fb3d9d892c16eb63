"""Chapters that the benchmark of seasons puts into prints are where it says."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from seasons import AWAY, CHAPTERS, OFF, chapters

BORDERS = [30.0, 60.0, 225.0]
ROW: dict[str, Any] = {
    "duration": 240.0,
    "segments": [{"start": 30.0, "end": 60.0}, {"start": 225.0, "end": 240.0}],
}


def inside(kind: str, seed: int) -> list[float]:
    """Borders between chapters."""
    found = [each.segment for each in chapters(kind, ROW, seed)]
    assert (found[0].start, found[-1].end) == (0, 240)
    assert all(one.end == other.start for one, other in pairwise(found))
    return [each.start for each in found[1:]]


@pytest.mark.parametrize("seed", range(20))
def test_chapters_are_at_borders_beside_them_or_elsewhere(seed: int) -> None:
    none, exact, off, elsewhere = CHAPTERS
    assert not chapters(none, ROW, seed)
    assert inside(exact, seed) == BORDERS
    for moved, border in zip(inside(off, seed), BORDERS, strict=True):
        assert OFF[0] - 1e-3 <= abs(moved - border) <= OFF[1] + 1e-3
    far = inside(elsewhere, seed)
    assert len(far) == len(BORDERS)
    assert all(abs(at - border) > AWAY - 1e-3 for at in far for border in BORDERS)
