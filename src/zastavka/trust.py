"""What confidences are worth: precision against coverage, and calibration.

An `Answer` is one statement with a probability: a segment, found or awaiting review, or that there
is none. The curve is that of selective prediction (El-Yaniv & Wiener 2010, "On the Foundations of
Noise-free Selective Classification", there as risk, 1 - precision, against coverage): of every
episode what is said with the most confidence, and of all those the surest first. The calibration
error is that of Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian
Binning", in bins of equal width as Guo et al. 2017 take them, "On Calibration of Modern Neural
Networks", and of equal number, as Nguyen & O'Connor 2015, "Posterior calibration and exploratory
analysis for natural language processing models".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

BINS = 10

Answers = Sequence["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer and whether it is right; those that await review are here too."""

    confidence: float
    right: bool
    found: bool  # False where it awaits review, and where it is `none`
    none: bool = False  # that there is no segment


@dataclass(frozen=True, slots=True)
class Point:
    """What answers of at least a confidence are worth."""

    confidence: float
    precision: float  # share of them that are right
    coverage: float  # share of all episodes that have one


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence."""

    confidence: float  # their mean
    right: float  # share of them
    n: int

    @property
    def spread(self) -> tuple[float, float]:
        """Where the true share is with 95 % confidence (Wilson 1927)."""
        z = 1.96
        middle = (self.right + z * z / (2 * self.n)) / (1 + z * z / self.n)
        reach = math.sqrt(self.right * (1 - self.right) / self.n + (z / (2 * self.n)) ** 2)
        reach *= z / (1 + z * z / self.n)
        return max(0.0, middle - reach), min(1.0, middle + reach)


def curve(said: Sequence[Answers]) -> list[Point]:
    """Precision against coverage, by falling confidence; `said`: the answers of each episode.

    Where it is surer that there is no segment than of any segment, that is what an episode says,
    else its segments. Answers of one confidence come and go together.
    """
    ranked = sorted(
        ((a.confidence, i, a.right) for i, answers in enumerate(said) for a in _chosen(answers)),
        reverse=True,
    )
    points: dict[float, Point] = {}  # the last of equals has counted all
    right, covered = 0, set()
    for n, (level, i, is_right) in enumerate(ranked, 1):
        right += is_right
        covered.add(i)
        points[level] = Point(level, right / n, len(covered) / len(said))
    return list(points.values())


def _chosen(answers: Answers) -> list[Answer]:
    segments = [a for a in answers if not a.none]
    best = max((a.confidence for a in segments), default=-1.0)
    return [a for a in answers if a.none and a.confidence > best] or segments


def precision_at(points: Sequence[Point], coverage: float) -> float | None:
    """Share of right answers among the fewest, surest ones that cover so many episodes."""
    return next((p.precision for p in points if p.coverage >= coverage), None)


def coverage_at(points: Sequence[Point], precision: float) -> float:
    """The largest share of episodes that can be answered at that precision; 0 where none can."""
    return max((p.coverage for p in points if p.precision >= precision), default=0.0)


def reliability(answers: Answers) -> list[Bin]:
    """Bins of equal width that have any answer: [0, 0.1) ... [0.9, 1]."""
    bins: list[list[Answer]] = [[] for _ in range(BINS)]
    for answer in answers:
        bins[min(int(answer.confidence * BINS), BINS - 1)].append(answer)
    return [_bin(each) for each in bins if each]


def equal_mass(answers: Answers) -> list[Bin]:
    """Bins by rising confidence, each of a tenth of the answers; only the last may have fewer.

    Answers of one confidence stay together, so that a bin may have more.
    """
    ranked = sorted(answers, key=attrgetter("confidence"))
    bins: list[list[Answer]] = [[]]
    for _, equals in groupby(ranked, key=attrgetter("confidence")):
        if len(bins[-1]) * BINS >= len(ranked):
            bins.append([])
        bins[-1] += equals
    return [_bin(each) for each in bins if each]


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error, in [0, 1]: mean gap between confidence and share of right ones.

    Over all answers, each standing for its bin. None where there is no answer.
    """
    n = sum(each.n for each in bins)
    if not n:
        return None
    return sum(abs(each.confidence - each.right) * each.n for each in bins) / n


def _bin(answers: Answers) -> Bin:
    n = len(answers)
    confidence = math.fsum(a.confidence for a in answers) / n
    return Bin(confidence, sum(a.right for a in answers) / n, n)
