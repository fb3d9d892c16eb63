"""How sure an answer is: the probability that it is right, from signs of it.

Curves fitted to answers to series whose clips the network had not learned from: logistic regression
for a piece that repeats and for "none" (Platt, "Probabilistic outputs for support vector machines",
1999), a log-linear model over all spans of an episode at once for what the network finds (`spans`).
Right is a segment with IoU >= 0.5 and at most 1.0 s outside the true one; "none" is right where
there is no intro.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka.intervals import Interval
from zastavka.segment import Grid, Segment
from zastavka.spans import Spans, answer

Floats = NDArray[np.float64]
Signs = Mapping[str, float]

_LEAST, _MOST = 0.005, 0.995  # nobody has seen enough answers to be surer
_FAR = 8.0  # log odds beyond which a network is not listened to


@dataclass(frozen=True, slots=True)
class Scale:
    """A logistic curve over named signs; a sign that is not given counts as 0."""

    bias: float
    weights: Mapping[str, float]

    def __call__(self, signs: Signs) -> float:
        """The probability, within what can be told from the answers it was fitted on."""
        odds = self.bias + sum(w * signs.get(name, 0.0) for name, w in self.weights.items())
        return _sober(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds)))))

    def times(self, factor: float) -> Scale:
        """The same curve with all log odds times a factor."""
        weights = {name: factor * weight for name, weight in self.weights.items()}
        return Scale(factor * self.bias, weights)

    def odds(self, spans: Spans) -> Floats:
        """Log odds against "none" of each span of an episode, (p,)."""
        names = tuple(self.weights)
        weights = np.array([self.weights[name] for name in names])
        return np.asarray(self.bias + spans.table(names) @ weights, np.float64)


@dataclass(frozen=True, slots=True)
class Confidence:
    """Scales for each kind of answer: a piece that repeats, a span of one episode, none."""

    piece: Scale
    span: Scale
    none: Scale

    def answer(self, spans: Spans, grid: Grid) -> Interval | None:
        """The best span of an episode, with the probability that it is right."""
        best = answer(spans, self.span.odds(spans), grid)
        if best is None:
            return None
        return Interval(best.segment, _sober(best.confidence))

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Confidence:
        """What `as_json` wrote. KeyError, TypeError, ValueError: it is something else."""
        return cls(
            *(
                Scale(
                    float(document[kind]["bias"]),
                    {name: float(w) for name, w in document[kind]["weights"].items()},
                )
                for kind in ("piece", "span", "none")
            )
        )

    def as_json(self) -> dict[str, Any]:
        """The curves, as a model's options keep them."""
        return {
            kind: {"bias": scale.bias, "weights": dict(scale.weights)}
            for kind, scale in (
                ("piece", self.piece), ("span", self.span), ("none", self.none)
            )
        }  # fmt: skip


def _sober(probability: float) -> float:
    return min(_MOST, max(_LEAST, probability))


def piece_signs(
    score: float, sure: bool, segment: Segment, intervals: Sequence[Interval] | None
) -> dict[str, float]:
    """Signs of a recurring piece with that many points of the season's rule.

    `intervals`: the network's, where it was asked; whether one is the piece speaks for it.
    """
    signs = {"score": min(score, 10.0), "sure": float(sure)}
    if intervals is not None:
        same = [i.confidence for i in intervals if i.segment.iou(segment) >= 0.5]
        signs |= {"asked": 1.0, "odds": log_odds(max(same, default=0.0))}
    return signs


def none_signs(score: float, intervals: Sequence[Interval], others: int) -> dict[str, float]:
    """Signs that there is no intro: the points of the best piece, the best of the network."""
    odds = log_odds(max((i.confidence for i in intervals), default=0.0))
    compared = float(others > 0)
    return {
        "odds": odds,
        "compared": compared,
        "odds compared": odds * compared,
        "score": max(0.0, min(score, 10.0)),
        "others": math.log1p(others),
    }


def log_odds(probability: float) -> float:
    """Log odds, within what is listened to."""
    least = 1.0 / (1.0 + math.exp(_FAR))
    p = min(1.0 - least, max(least, probability))
    return math.log(p / (1.0 - p))
