"""`Confidence` from answers to series that a network did not learn from.

A question is an episode, alone or among siblings, with all that might be answered. First the
weights of the spans are found; then the curves for pieces and for "none", which look at the answer
that these weights would give. So that this answer is not surer than it will be of new series, the
questions of one part are answered by weights found on the other parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from zastavka.confidence import Confidence, Scale, Signs, none_signs, piece_signs
from zastavka.counsel import is_sure
from zastavka.evaluate import is_right
from zastavka.evidence import evidence_rows
from zastavka.intervals import Interval
from zastavka.learn.gather import Known
from zastavka.pipeline import Detector
from zastavka.repeats import Repeats
from zastavka.segment import Grid, Segment
from zastavka.spans import Spans, answer, find_spans

Floats = NDArray[np.float64]
Kind = Literal["piece", "none"]

_RIDGE = 1.0  # penalty on the squares of weights of standardised signs
_SPAN_RIDGE = 40.0  # the same for spans, which have five times as many signs
_SHARPER = (1.0, 3.0)  # between what factors odds of spans may be made up for their penalty
_COARSE = 3.0  # seconds that a piece may be outside: `refine` is yet to come, and has no video here
_CLOSE = 4  # power of the IoU by which one right span is better than another


@dataclass(frozen=True, slots=True)
class Trial:
    """An answer that was given or might have been, and whether it is right."""

    kind: Kind
    signs: Signs
    right: bool


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Spans of an episode and how good an answer each would be: 0 wrong, up to 1 for the true."""

    spans: Spans
    worth: Floats  # (p,)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """An episode with all that might be answered.

    `weighed`: None where the rule of the season is sure and nobody asks the network.
    """

    true: tuple[Segment, ...]
    grid: Grid
    span: Segment  # of the episode that was read
    weighed: Weighed | None
    i: int = 0  # which episode of the season
    repeats: Repeats | None = None  # of the season; None: asked alone

    def trials(self, scale: Scale) -> Iterator[Trial]:
        """What else might be said, beside an answer of the network by these weights."""
        best = self.best(scale)
        intervals = [best] if best else []
        others, score = 0, 0.0
        if self.repeats is not None:
            others = self.repeats.season - 1
            score = max((v.score for v in self.repeats.verdicts if v.piece.of(self.i)), default=0.0)
            choice = self.repeats.intros[self.i]
            if choice is not None:
                segment = choice.instance.segment
                asked = None if choice.sure else intervals
                signs = piece_signs(choice.verdict.score, choice.sure, segment, asked)
                inside = segment & self.span
                right = inside is not None and is_right(inside, self.true, _COARSE)
                yield Trial("piece", signs, right)
        if self.weighed is not None:
            yield Trial("none", none_signs(score, intervals, others), not self.true)

    def best(self, scale: Scale) -> Interval | None:
        """What the network would answer by these weights."""
        if self.weighed is None:
            return None
        spans = self.weighed.spans
        return answer(spans, scale.odds(spans), self.grid)


def lone_question(known: Known, detector: Detector) -> Question:
    """An episode by itself."""
    return _question(known, detector, None)


def season_question(known: Known, i: int, repeats: Repeats, detector: Detector) -> Question:
    """Episode i of a season; the network is asked where the rule is not sure."""
    if is_sure(i, repeats):
        true, span = tuple(known.truth.segments()), known.features.span
        return Question(true, known.features.grid, span, None, i, repeats)
    return _question(known, detector, evidence_rows(repeats, i, known.features.grid), i, repeats)


def _question(
    known: Known,
    detector: Detector,
    evidence: NDArray[np.float32] | None,
    i: int = 0,
    repeats: Repeats | None = None,
) -> Question:
    features = known.features
    emissions = detector.head.emissions(features, str(known.truth.episode.path), evidence)
    spans = find_spans(features, emissions, detector.decoding, evidence)
    true = tuple(known.truth.segments())
    weighed = Weighed(spans, _worth(spans, features.grid, features.span, true))
    return Question(true, features.grid, features.span, weighed, i, repeats)


def _worth(spans: Spans, grid: Grid, read: Segment, true: Sequence[Segment]) -> Floats:
    worth = np.zeros(len(spans))
    for k, (first, stop) in enumerate(zip(spans.first, spans.stop, strict=True)):
        segment = grid.segment(int(first), int(stop)) & read
        if segment is not None and is_right(segment, true):
            worth[k] = max(segment.iou(each) for each in true) ** _CLOSE
    return worth


def calibrated(parts: Sequence[Sequence[Question]]) -> Confidence:
    """Scales fitted on questions in parts that share no clip. ValueError: a kind has none."""
    scales = [
        fit_spans([q for j, other in enumerate(parts) if j != k for q in other])
        for k in range(len(parts))
    ]
    factor = _sharpness(parts, scales)
    trials = [
        trial
        for part, scale in zip(parts, scales, strict=True)
        for question in part
        for trial in question.trials(scale.times(factor))
    ]
    piece, none = (fit([t for t in trials if t.kind == kind]) for kind in ("piece", "none"))
    span = fit_spans([q for part in parts for q in part]).times(factor)
    return Confidence(piece, span, none)


def _sharpness(parts: Sequence[Sequence[Question]], scales: Sequence[Scale]) -> float:
    """The factor on all odds by which answers are as often right as they say.

    A penalty on the weights makes them flat, and thousands of spans that nobody means share what is
    left over. How much is lost shows on parts that the weights were not found on.
    """

    def loss(factor: float) -> float:
        value = 0.0
        for part, scale in zip(parts, scales, strict=True):
            for question in part:
                best = question.best(scale.times(factor))
                if best is None:
                    continue
                inside = best.segment & question.span
                right = inside is not None and is_right(inside, question.true)
                p = min(1.0 - 1e-3, max(1e-3, best.confidence))
                value -= np.log(p if right else 1.0 - p)
        return value

    return float(
        minimize_scalar(loss, bounds=_SHARPER, method="bounded", options={"xatol": 0.02}).x
    )


def fit_spans(questions: Sequence[Question]) -> Scale:
    """Weights by which right spans, or none where there is none, are most probable."""
    asked = [q.weighed for q in questions if q.weighed is not None and len(q.weighed.spans)]
    if not asked:
        raise ValueError("no questions")
    names = tuple(sorted({name for each in asked for name in each.spans.signs}))
    tables = [each.spans.table(names) for each in asked]
    mean, spread = _spread(np.concatenate(tables))
    tables = [(table - mean) / spread for table in tables]

    def loss(w: Floats) -> tuple[float, Floats]:
        value, gradient = 0.5 * _SPAN_RIDGE * (w[1:] @ w[1:]), np.zeros_like(w)
        gradient[1:] = _SPAN_RIDGE * w[1:]
        for table, each in zip(tables, asked, strict=True):
            worth, odds = each.worth, np.append(w[0] + table @ w[1:], 0.0)  # the last one is "none"
            total, share = _softmax(odds)
            right, wanted = 0.0, np.zeros_like(odds)
            if worth.any():
                with np.errstate(divide="ignore"):
                    right, wanted = _softmax(odds[:-1] + np.log(worth))
                wanted = np.append(wanted, 0.0)
            else:
                wanted[-1] = 1.0
            value += total - right
            slope = (share - wanted)[:-1]
            gradient[0] += slope.sum()
            gradient[1:] += table.T @ slope
        return float(value), gradient

    found = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    return _scale(found, names, mean, spread)


def _softmax(odds: Floats) -> tuple[float, Floats]:
    """Log of the sum of exponentials, and the share of each in it."""
    highest = odds.max()
    mass = np.exp(odds - highest)
    total = mass.sum()
    return float(highest + np.log(total)), mass / total


def fit(trials: Sequence[Trial]) -> Scale:
    """Logistic regression with a penalty, so that few trials give flat curves and no cliffs."""
    if not trials:
        raise ValueError("no trials")
    names = tuple(sorted({name for trial in trials for name in trial.signs}))
    table = np.array([[t.signs.get(name, 0.0) for name in names] for t in trials])
    right = np.array([t.right for t in trials], np.float64)
    mean, spread = _spread(table)
    z = (table - mean) / spread

    def loss(w: Floats) -> tuple[float, Floats]:
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
    return _scale(found, names, mean, spread)


def _spread(table: Floats) -> tuple[Floats, Floats]:
    mean, spread = table.mean(axis=0), table.std(axis=0)
    spread[spread < 1e-9] = 1.0
    return mean, spread


def _scale(found: Floats, names: Sequence[str], mean: Floats, spread: Floats) -> Scale:
    """Weights of standardised signs, bias first, as those of the signs themselves.

    Rounded, so that the order in which threads add up makes no difference.
    """
    weights = found[1:] / spread
    bias = float(found[0] - weights @ mean)
    rounded = {name: float(f"{w:.6g}") for name, w in zip(names, weights, strict=True)}
    return Scale(float(f"{bias:.6g}"), rounded)
