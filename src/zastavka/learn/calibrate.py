"""`Confidence` from answers to series that a network did not learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from zastavka.confidence import (
    Confidence,
    Scale,
    Signs,
    interval_signs,
    none_signs,
    piece_signs,
)
from zastavka.counsel import is_sure
from zastavka.evaluate import is_right
from zastavka.evidence import evidence_rows
from zastavka.learn.gather import Known
from zastavka.pipeline import Detector
from zastavka.repeats import Repeats
from zastavka.segment import Segment

Kind = Literal["piece", "interval", "none"]

_RIDGE = 1.0  # penalty on the squares of weights of standardised signs


@dataclass(frozen=True, slots=True)
class Trial:
    """An answer that was given or might have been, and whether it is right."""

    kind: Kind
    signs: Signs
    right: bool


def lone_trials(known: Known, detector: Detector) -> Iterator[Trial]:
    """Of an episode by itself."""
    intervals = detector.intervals(known.features, str(known.truth.episode.path))
    true = known.truth.segments()
    for interval in intervals:
        signs = interval_signs(interval, known.features.span.end, 0)
        yield Trial("interval", signs, _right(interval.segment, known, true))
    yield Trial("none", none_signs(0.0, intervals, 0), not true)


def season_trials(known: Known, i: int, repeats: Repeats, detector: Detector) -> Iterator[Trial]:
    """Of episode i of a season: what the rule says, and the network where the rule is not sure."""
    true, others = known.truth.segments(), repeats.season - 1
    choice = repeats.intros[i]
    intervals = []
    if not is_sure(i, repeats):
        rows = evidence_rows(repeats, i, known.features.grid)
        intervals = detector.intervals(known.features, str(known.truth.episode.path), rows)
        for interval in intervals:
            signs = interval_signs(interval, known.features.span.end, others)
            yield Trial("interval", signs, _right(interval.segment, known, true))
    if choice is not None:
        segment = choice.instance.segment
        asked = None if choice.sure else intervals
        signs = piece_signs(choice.verdict.score, choice.sure, segment, asked)
        yield Trial("piece", signs, _right(segment, known, true))
    score = max((v.score for v in repeats.verdicts if v.piece.of(i)), default=0.0)
    if not is_sure(i, repeats):
        yield Trial("none", none_signs(score, intervals, others), not true)


def calibrated(trials: Sequence[Trial]) -> Confidence:
    """Scales fitted on trials. ValueError: a kind of which there is none."""
    kinds: tuple[Kind, ...] = ("piece", "interval", "none")
    return Confidence(*(fit([t for t in trials if t.kind == kind]) for kind in kinds))


def fit(trials: Sequence[Trial]) -> Scale:
    """Logistic regression with a penalty, so that few trials give flat curves and no cliffs."""
    if not trials:
        raise ValueError("no trials")
    names = sorted({name for trial in trials for name in trial.signs})
    table = np.array([[t.signs.get(name, 0.0) for name in names] for t in trials])
    right = np.array([t.right for t in trials], np.float64)
    mean, spread = table.mean(axis=0), table.std(axis=0)
    spread[spread < 1e-9] = 1.0
    z = (table - mean) / spread

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = w[0] + z @ w[1:]
        slope = 1.0 / (1.0 + np.exp(-odds)) - right
        value = np.logaddexp(0.0, odds).sum() - right @ odds + 0.5 * _RIDGE * (w[1:] @ w[1:])
        gradient = np.concatenate([[slope.sum()], z.T @ slope + _RIDGE * w[1:]])
        return float(value), gradient

    # targets short of 0 and 1, as if of each kind one more had been seen (Platt 1999)
    n = right.sum()
    right = np.where(right > 0, (n + 1.0) / (n + 2.0), 1.0 / (len(right) - n + 2.0))
    share = right.mean()
    start = np.zeros(len(names) + 1)
    start[0] = np.log(share / (1.0 - share))
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    weights = found[1:] / spread
    bias = float(found[0] - weights @ mean)
    return Scale(bias, {name: float(w) for name, w in zip(names, weights, strict=True)})


def _right(segment: Segment, known: Known, true: Sequence[Segment]) -> bool:
    inside = segment & known.features.span
    return inside is not None and is_right(inside, true)
