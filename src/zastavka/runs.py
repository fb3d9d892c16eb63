"""`Run`: a stretch that two episodes share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Sense = Literal["sound", "picture"]


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of episode `a` that is also in episode `b`, in seconds of each one's own clock.

    `score` grows with its length and likeness; `error` is the mean share of bits that differ
    (sound), or one less the mean correlation (pictures); `count` is of the words or key pictures.
    The last `tail` seconds are not sure: no key picture says when the last one alike went.
    """

    sense: Sense
    a: int
    b: int
    start_a: float
    end_a: float
    start_b: float
    end_b: float
    score: float
    error: float
    count: int
    tail: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds in `a`."""
        return self.end_a - self.start_a

    def turned(self) -> Run:
        """The same, seen from `b`."""
        return Run(
            self.sense, self.b, self.a, self.start_b, self.end_b, self.start_a, self.end_a,
            self.score, self.error, self.count, self.tail,
        )  # fmt: skip


def distinct(runs: Iterable[Run]) -> list[Run]:
    """Runs of one pair of episodes, best first, without those that better ones cover in both.

    Music is like itself a beat later.
    """
    kept: list[Run] = []
    for run in sorted(runs, key=lambda r: (-r.score, r.start_a, r.start_b)):
        half_a, half_b = 0.5 * (run.end_a - run.start_a), 0.5 * (run.end_b - run.start_b)
        if not any(
            min(run.end_a, k.end_a) - max(run.start_a, k.start_a) > half_a
            and min(run.end_b, k.end_b) - max(run.start_b, k.start_b) > half_b
            for k in kept
        ):
            kept.append(run)
    return kept
