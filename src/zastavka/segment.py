"""Time: `Segment` in seconds and `Grid`, the only code that turns seconds into rows.

Seconds are floats on the player's clock: 0.0 is where a player shows 00:00. Intervals are
half-open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EPS = 1e-6  # a row's share of float noise: 0.1 s steps do not add up exactly


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """The seconds [start, end) of an episode; never empty."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.end) and 0 <= self.start < self.end):
            raise ValueError(f"not a segment: [{self.start}, {self.end})")

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end - self.start

    def __and__(self, other: Segment) -> Segment | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Segment(start, end) if start < end else None

    def iou(self, other: Segment) -> float:
        """Intersection over union in [0, 1]."""
        common = self & other
        inside = common.duration if common else 0.0
        return inside / (self.duration + other.duration - inside)


@dataclass(frozen=True, slots=True)
class Grid:
    """`n` rows of `step` seconds; row i covers [i * step, (i + 1) * step)."""

    step: float
    n: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.step) and self.step > 0 and self.n > 0):
            raise ValueError(f"not a grid: {self.n} rows of {self.step} s")

    @classmethod
    def over(cls, seconds: float, step: float) -> Grid:
        """The rows that begin before `seconds`; the last one may reach beyond it."""
        return cls(step, max(1, math.ceil(seconds / step - _EPS)))

    @property
    def duration(self) -> float:
        """Seconds covered."""
        return self.step * self.n

    @property
    def times(self) -> NDArray[np.float64]:
        """Centres of the rows in seconds, shape (n,)."""
        return (np.arange(self.n, dtype=np.float64) + 0.5) * self.step

    def rows(self, segment: Segment) -> slice:
        """The rows whose centre lies in the segment; may be empty."""
        first = math.ceil(segment.start / self.step - 0.5 - _EPS)
        stop = math.ceil(segment.end / self.step - 0.5 - _EPS)
        return slice(min(max(first, 0), self.n), min(max(stop, 0), self.n))

    def segment(self, first: int, stop: int) -> Segment:
        """The seconds of rows first <= i < stop."""
        return Segment(first * self.step, stop * self.step)

    def labels(self, segments: tuple[Segment, ...]) -> NDArray[np.bool_]:
        """Which rows lie in one of the segments, shape (n,)."""
        mask = np.zeros(self.n, dtype=np.bool_)
        for segment in segments:
            mask[self.rows(segment)] = True
        return mask
