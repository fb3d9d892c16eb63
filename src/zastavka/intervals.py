"""From emissions to intervals: the prototype's closing of the best path, or the best interval.

Method "duration" looks at every interval at once. Under the CRF, tagging exactly rows [a, b) with 1
has a probability; a log-normal prior weighs its length; "no interval" competes with the rest. The
odds are tempered first (Guo et al. 2017): a chain takes each row for a witness of its own, and
hundreds of like-minded rows for certainty. Of that posterior we answer the interval with the
highest expected IoU (minimum Bayes risk, Kumar & Byrne 2004), which is steadier than the single
most probable one when an edge is vague. Its confidence is the posterior mass of intervals that
overlap it by half or more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zastavka.crf import CRFWeights, best_path, marginals
from zastavka.options import DecodeOptions
from zastavka.segment import Grid, Segment

Floats = NDArray[np.float64]

_CANDIDATES = 400  # intervals of highest posterior that compete; the rest is below 1e-4 in practice


@dataclass(frozen=True, slots=True)
class Interval:
    """A segment with the probability that it is right."""

    segment: Segment
    confidence: float


def row_probabilities(emissions: NDArray[np.floating], crf: CRFWeights) -> Floats:
    """Probability of tag 1 for each row of emissions (n, 2), shape (n,)."""
    return np.asarray(marginals(emissions, crf)[:, 1], dtype=np.float64)


def decode(
    emissions: NDArray[np.floating],
    crf: CRFWeights,
    grid: Grid,
    options: DecodeOptions,
    chunk_rows: int | None = None,
) -> list[Interval]:
    """Intervals of emissions (grid.n, 2), in order of time, at most `options.max_segments`.

    `chunk_rows`: rows that method "closing" tags at once, as the prototype did; None = all.
    """
    biased = crf.biased(*options.transition_bias)
    if options.method == "closing":
        found = _by_closing(emissions, biased, grid, options, chunk_rows or grid.n)
    else:
        found = _by_duration(emissions, biased, grid, options)
    return sorted(_merge(found, options.merge_gap), key=lambda interval: interval.segment)


def _by_closing(
    emissions: NDArray[np.floating],
    crf: CRFWeights,
    grid: Grid,
    options: DecodeOptions,
    chunk_rows: int,
) -> list[Interval]:
    chunks = [emissions[i : i + chunk_rows] for i in range(0, len(emissions), chunk_rows)]
    tags = np.concatenate([best_path(chunk, crf) for chunk in chunks])
    likely = np.concatenate([row_probabilities(chunk, crf) for chunk in chunks])
    runs = [
        (first, stop)
        for first, stop in _runs(_closed(tags == 1, options.closing_rows))
        if stop - first >= options.min_rows
    ]
    longest = sorted(runs, key=lambda run: run[0] - run[1])[: options.max_segments]
    return [
        Interval(grid.segment(first, stop), float(likely[first:stop].mean()))
        for first, stop in longest
    ]


def _closed(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_closing

    # padded, since closing takes what lies outside as 0 and would eat an intro at 0:00
    closed = binary_closing(np.pad(mask, width), structure=np.ones(width, dtype=np.bool_))
    return np.asarray(closed[width:-width], dtype=np.bool_)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs first <= i < stop of True."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in steps.reshape(-1, 2)]


def _by_duration(
    emissions: NDArray[np.floating], crf: CRFWeights, grid: Grid, options: DecodeOptions
) -> list[Interval]:
    sober = np.asarray(emissions, np.float64) / options.temperature
    first, stop, log_odds = _candidates(sober, crf.tempered(options.temperature), grid, options)
    found: list[Interval] = []
    for _ in range(options.max_segments):
        if not len(first):
            break
        best, confidence = _least_risk(first, stop, log_odds)
        a, b = int(first[best]), int(stop[best])
        found.append(Interval(grid.segment(a, b), confidence))
        apart = (stop <= a) | (first >= b)
        first, stop, log_odds = first[apart], stop[apart], log_odds[apart]
    return found


def _candidates(
    emissions: Floats, crf: CRFWeights, grid: Grid, options: DecodeOptions
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """First and stop row of the best intervals, and their log odds against "no interval".

    The odds are those of two whole paths: 1 on [first, stop) and 0 elsewhere against 0 everywhere.
    """
    n = len(emissions)
    shortest = max(1, int(np.ceil(options.min_seconds / grid.step - 1e-6)))
    longest = min(n, int(options.max_seconds / grid.step + 1e-6))
    if shortest > longest:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
    enter, leave, stay = _edge_odds(crf, n)
    # each row inside earns its emission and, but for the first, the step 1->1 in place of 0->0
    gains = np.concatenate([[0.0], np.cumsum(emissions[:, 1] - emissions[:, 0] + stay)])
    lengths = np.arange(shortest, longest + 1)
    a = np.arange(n)[:, None]
    b = a + lengths[None, :]
    inside = b <= n
    b = np.minimum(b, n)
    score = (
        gains[b] - gains[a] - stay + enter[a] + leave[b] + _log_prior(lengths * grid.step, options)
    )
    score = np.where(inside, score, -np.inf)
    keep = min(_CANDIDATES, int(inside.sum()))
    top = np.argpartition(score, score.size - keep, axis=None)[score.size - keep :]
    row, column = np.unravel_index(top, score.shape)
    return row, row + lengths[column], score[row, column]


def _edge_odds(crf: CRFWeights, n: int) -> tuple[Floats, Floats, float]:
    """Log odds of entering before row a (n,), of leaving before row b (n + 1,), and of staying."""
    (t00, t01), (t10, t11) = crf.transitions.astype(np.float64)
    enter = np.full(n, t01 - t00)
    enter[0] = crf.start[1] - crf.start[0]
    leave = np.full(n + 1, t10 - t00)
    leave[n] = crf.end[1] - crf.end[0]
    return enter, leave, float(t11 - t00)


def _log_prior(seconds: NDArray[np.floating], options: DecodeOptions) -> Floats:
    """Log of the duration prior, 0 at the typical duration."""
    z = np.log(seconds / options.typical_seconds) / options.spread
    return np.asarray(-0.5 * options.prior_weight * z * z, dtype=np.float64)


def _least_risk(
    first: NDArray[np.intp], stop: NDArray[np.intp], log_odds: Floats
) -> tuple[int, float]:
    """Index of the candidate with the highest expected IoU, and its confidence."""
    highest = max(0.0, float(log_odds.max()))
    mass = np.exp(log_odds - highest)
    mass /= mass.sum() + np.exp(-highest)  # the last term is "no interval"
    inside = np.minimum(stop[:, None], stop) - np.maximum(first[:, None], first)
    inside = np.maximum(inside, 0)
    length = stop - first
    iou = inside / (length[:, None] + length - inside)
    best = int((iou @ mass).argmax())
    return best, float(min(1.0, mass[iou[best] >= 0.5].sum()))


def _merge(intervals: list[Interval], gap: float) -> list[Interval]:
    """Neighbours closer than `gap` seconds become one; the surer one's confidence stays."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda i: i.segment):
        if merged and interval.segment.start - merged[-1].segment.end <= gap:
            last = merged.pop()
            whole = Segment(last.segment.start, max(last.segment.end, interval.segment.end))
            merged.append(Interval(whole, max(last.confidence, interval.confidence)))
        else:
            merged.append(interval)
    return merged
