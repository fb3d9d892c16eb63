"""What adds up over episodes, and the figures that are made of it; `evaluate` fills it.

    precision recall f1   over the frames of a series
    iou                   mean over true segments; a miss is 0
    hit@.5 hit@.9         share of true segments with at least that IoU
    edge_* start_* end_*  |error| in seconds (median p50, p90) over hits at IoU >= 0.5
    start<=X end<=X       share of true segments of which a hit finds that edge within X seconds
    useful wrong missed   shares of the episodes that have the segment, see `Verdict`
    false_alarm           share of the episodes without it that got an answer
    right                 share of answers with IoU >= 0.5 and at most 1.0 s outside the truth
    wrong/100             answers that are no hit, for each 100 episodes
    story_s/h             seconds of story skipped in an hour
    right@X               share of right ones among the surest answers that cover a share X of the
                          episodes; cover@.99: the most episodes covered with .99 of them right
    ece ece_mass          gap between confidence and share of right ones, over 10 bins of equal
                          width, and of equal number
    failures work_s       episodes that could not be done; mean seconds of work for one

right@X, cover@X and ece are over all that is said with a confidence (`trust`): what awaits review
too, and that there is none. All others know only what is found. A ratio over nothing is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, Literal

import numpy as np

from zastavka.trust import (
    Answer,
    calibration_error,
    coverage_at,
    curve,
    equal_mass,
    precision_at,
    reliability,
)

WITHIN = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds
COVERAGES = {"right@.5": 0.5, "right@.8": 0.8, "right@1": 1.0}
NOISE = 1e-9  # seconds; differences of decimal times are not exact

# with the segment: "useful" if every answer ends within 5 s and starts within 15 s of a true one
# with IoU >= 0.5, "wrong" if some answer does not, "missed" if there is none;
# without it: "clean" or "alarm"; "failed" is neither
Verdict = Literal["useful", "wrong", "missed", "clean", "alarm", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What adds up over episodes; its ratios are properties and `figures`."""

    episodes: int = 0
    empty: int = 0  # episodes without the segment
    tp: int = 0  # frames
    fp: int = 0
    fn: int = 0
    story: float = 0.0  # seconds
    hours: float = 0.0
    wrong_answers: int = 0
    ious: tuple[float, ...] = ()  # one for each true segment
    start_errors: tuple[float, ...] = ()  # seconds, found - true, one for each hit at IoU >= 0.5
    end_errors: tuple[float, ...] = ()
    verdicts: tuple[Verdict, ...] = ()  # one for each episode
    alarms: tuple[bool, ...] = ()  # one for each episode without the segment
    said: tuple[tuple[Answer, ...], ...] = ()  # answers of each episode, review and none too
    work: tuple[float, ...] = ()  # seconds, one for each episode whose work was timed

    def __add__(self, other: Counts) -> Counts:
        return Counts.total((self, other))

    @classmethod
    def total(cls, parts: Iterable[Counts]) -> Counts:
        """The sum of all parts."""
        parts = list(parts)
        sums: dict[str, Any] = {}
        for field in fields(cls):
            values = [getattr(part, field.name) for part in parts]
            joins = isinstance(field.default, tuple)
            sums[field.name] = tuple(chain.from_iterable(values)) if joins else sum(values)
        return cls(**sums)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """All that is said, whatever the episode."""
        return tuple(chain.from_iterable(self.said))

    @property
    def precision(self) -> float | None:
        """Share of found frames that are true."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of true frames that are found."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None where nothing is to be found."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn) if self.ious else None

    @property
    def failures(self) -> int:
        """Episodes that could not be done."""
        return self.verdicts.count("failed")

    def hit(self, iou: float) -> float | None:
        """Share of true segments with at least that IoU."""
        return _ratio(sum(v >= iou for v in self.ious), len(self.ious))

    def share(self, verdict: Verdict) -> float | None:
        """Share of the episodes with the segment that got this verdict."""
        return _ratio(self.verdicts.count(verdict), self.episodes - self.empty)

    def within(self, errors: Sequence[float], seconds: float) -> float | None:
        """Share of true segments of which one edge, of these `errors`, is found that well."""
        return _ratio(sum(abs(e) <= seconds + NOISE for e in errors), len(self.ious))

    def figures(self) -> dict[str, float | None]:
        """Every figure by its name, rounded as the benchmark's referee rounds."""
        edges = {
            "edge": self.start_errors + self.end_errors,
            "start": self.start_errors,
            "end": self.end_errors,
        }
        found = [answer.right for answer in self.answers if answer.found]
        points = curve(self.said)
        return {
            "episodes": self.episodes,
            "failures": self.failures,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "iou": round(float(np.mean(self.ious)), 4) if self.ious else None,
            "hit@.5": self.hit(0.5),
            "hit@.9": self.hit(0.9),
            **{f"{k}_p{q}": _quantile(e, q / 100) for k, e in edges.items() for q in (50, 90)},
            **{f"start<={x:g}": self.within(self.start_errors, x) for x in WITHIN},
            **{f"end<={x:g}": self.within(self.end_errors, x) for x in WITHIN},
            "useful": self.share("useful"),
            "wrong": self.share("wrong"),
            "missed": self.share("missed"),
            "false_alarm": _ratio(sum(self.alarms), len(self.alarms)),
            "right": _ratio(sum(found), len(found)),
            "wrong/100": _per(100 * self.wrong_answers, self.episodes, 2),
            "story_s/h": _per(self.story, self.hours, 1),
            **{name: _rounded(precision_at(points, x)) for name, x in COVERAGES.items()},
            "cover@.99": _rounded(coverage_at(points, 0.99)) if self.said else None,
            "ece": _rounded(calibration_error(reliability(self.answers))),
            "ece_mass": _rounded(calibration_error(equal_mass(self.answers))),
            "work_s": round(float(np.mean(self.work)), 2) if self.work else None,
        }


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of those that are there, to 4 places."""
    there = [value for value in values if value is not None]
    return round(float(np.mean(there)), 4) if there else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _ratio(part: float, whole: float) -> float | None:
    return _per(part, whole, 4)


def _per(part: float, whole: float, digits: int) -> float | None:
    return round(part / whole, digits) if whole else None


def _quantile(errors: Sequence[float], q: float) -> float | None:
    if not errors:
        return None
    size = np.abs(errors)
    # the median apart: it may differ from the interpolated quantile in the last digit
    return round(float(np.median(size) if q == 0.5 else np.quantile(size, q)), 3)
