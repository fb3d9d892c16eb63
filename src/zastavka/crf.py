"""A linear-chain CRF in numpy: best path, marginals, likelihood.

Conventions of Lafferty, McCallum & Pereira (2001): a path scores the sum of its emissions, of
`transitions[from, to]` between neighbours, and of `start` and `end` at its two ends. Everything is
computed in float64 whatever comes in.

Two tags need one number per row, the log-odds d of tag 1. For the best path it obeys
d[t] = e[t] + clip(d[t-1] + shift, low, high): where the clip holds, both tags come from the same
tag, elsewhere each comes from itself. For the marginals it is a ratio of two linear functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Tags = NDArray[np.int64]

# A row whose log-odds lie beyond DECIDED is cut to it before sums are taken outside the logarithm:
# with transitions below TAME what is lost is less than e**-100, and nothing leaves float64's range.
DECIDED = 200.0
TAME = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class CRFWeights:
    """Scores of a chain of k tags: transitions (k, k) [from, to], start (k,), end (k,); finite."""

    transitions: Floats
    start: Floats
    end: Floats

    def __post_init__(self) -> None:
        for name in ("transitions", "start", "end"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        k = self.start.shape[0] if self.start.ndim == 1 else 0
        if k < 1 or self.transitions.shape != (k, k) or self.end.shape != (k,):
            raise ValueError(
                f"not weights of one CRF: transitions {self.transitions.shape}, "
                f"start {self.start.shape}, end {self.end.shape}"
            )
        if not all(np.isfinite(a).all() for a in (self.transitions, self.start, self.end)):
            raise ValueError("the weights of a CRF must be finite; forbid a step by e.g. -1e4")

    @property
    def tags(self) -> int:
        """How many tags."""
        return len(self.start)

    def tempered(self, temperature: float) -> CRFWeights:
        """These weights with all scores divided by `temperature`."""
        return CRFWeights(
            self.transitions / temperature, self.start / temperature, self.end / temperature
        )

    def biased(self, stay: float, leave: float) -> CRFWeights:
        """These weights with `stay` added to the step 1 -> 1 and `leave` to 1 -> 0."""
        transitions = self.transitions.copy()
        transitions[1, 1] += stay
        transitions[1, 0] += leave
        return replace(self, transitions=transitions)


def best_path(emissions: ArrayLike, weights: CRFWeights) -> Tags:
    """The tags of highest score (Viterbi 1967) for emissions (t, k): shape (t,)."""
    emissions = _checked(emissions, weights, 2)
    if weights.tags == 2 and _sticky(weights):
        return _best_path_of_two(emissions, weights)
    path: Tags = _best_paths_of_any(emissions[None], weights, None)[0]
    return path


def best_paths(
    emissions: ArrayLike, weights: CRFWeights, mask: NDArray[np.bool_] | None = None
) -> Tags:
    """The best path of each sequence: emissions (b, t, k), mask (b, t) -> (b, t), -1 where padded.

    ValueError: a mask that is anything but True from the first row and False from some row on.
    """
    emissions = _checked(emissions, weights, 3)
    mask = None if mask is None else _right_padded(mask, emissions.shape[:2])
    if weights.tags == 2 and _sticky(weights):
        paths = _best_paths_of_two(emissions, weights, mask)
    else:
        paths = _best_paths_of_any(emissions, weights, mask)
    if mask is not None:
        paths[~mask] = -1
    return paths


def marginals(emissions: ArrayLike, weights: CRFWeights) -> Floats:
    """The probability of each tag at each row, given all rows: emissions (t, k) -> (t, k)."""
    emissions = np.asarray(_checked(emissions, weights, 2), dtype=np.float64)
    if weights.tags == 2 and np.abs(weights.transitions).max() < TAME:
        return _marginals_of_two(emissions, weights)
    back = _forward(emissions[::-1], weights.transitions.T, weights.end)[::-1]
    scores = _forward(emissions, weights.transitions, weights.start) + back - emissions
    chances: Floats = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    return chances


def log_likelihood(emissions: ArrayLike, tags: ArrayLike, weights: CRFWeights) -> float:
    """The log of the probability of `tags` (t,), given emissions (t, k)."""
    emissions = np.asarray(_checked(emissions, weights, 2), dtype=np.float64)
    path = np.asarray(tags)
    if path.shape != emissions.shape[:1]:
        raise ValueError(f"{path.shape} tags for emissions {emissions.shape}")
    score = (
        emissions[np.arange(len(path)), path].sum()
        + weights.transitions[path[:-1], path[1:]].sum()
        + weights.start[path[0]]
        + weights.end[path[-1]]
    )
    last = _forward(emissions, weights.transitions, weights.start)[-1]
    return float(score - np.logaddexp.reduce(last + weights.end))


def _checked(emissions: ArrayLike, weights: CRFWeights, axes: int) -> NDArray[np.floating]:
    array = np.asarray(emissions)
    if array.ndim != axes or array.shape[-1] != weights.tags or array.shape[-2] < 1:
        raise ValueError(f"emissions {array.shape} for a CRF of {weights.tags} tags")
    return array


def _right_padded(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.asarray(mask)
    if mask.shape != shape or mask.dtype != np.bool_:
        raise ValueError(f"mask {mask.shape} of {mask.dtype} for sequences {shape}")
    if not mask[:, 0].all() or (mask[:, 1:] > mask[:, :-1]).any():
        raise ValueError("a mask must be True from the first row, and False only at the end")
    return mask


def _sticky(weights: CRFWeights) -> bool:
    """Whether staying scores at least as much as changing; else the clip runs downwards."""
    (stay0, enter), (leave, stay1) = weights.transitions.tolist()
    return bool(stay0 + stay1 >= enter + leave)


def _clip(weights: CRFWeights) -> tuple[float, float, float]:
    (stay0, enter), (leave, stay1) = weights.transitions.tolist()
    return stay1 - stay0, enter - stay0, stay1 - leave


def _edges(weights: CRFWeights) -> tuple[float, float]:
    """Log-odds of tag 1 that the two ends add."""
    return float(weights.start[1] - weights.start[0]), float(weights.end[1] - weights.end[0])


def _best_path_of_two(emissions: NDArray[np.floating], weights: CRFWeights) -> Tags:
    # plain floats: for one sequence numpy's cost per call is far above that of the arithmetic
    shift, low, high = _clip(weights)
    first, last = _edges(weights)
    rows = np.subtract(emissions[:, 1], emissions[:, 0], dtype=np.float64).tolist()
    odds = rows[0] + first
    origins = []  # for each step: the tag both tags come from, or 2 = each from itself
    for row in rows[1:]:
        odds += shift
        if odds < low:
            odds = low
            origins.append(0)
        elif odds > high:
            odds = high
            origins.append(1)
        else:
            origins.append(2)
        odds += row
    tag = int(odds + last > 0)
    path = [tag]
    for origin in reversed(origins):
        if origin != 2:
            tag = origin
        path.append(tag)
    path.reverse()
    return np.array(path, dtype=np.int64)


def _best_paths_of_two(
    emissions: NDArray[np.floating], weights: CRFWeights, mask: NDArray[np.bool_] | None
) -> Tags:
    shift, low, high = _clip(weights)
    first, last = _edges(weights)
    b, t = emissions.shape[:2]
    # time first, so that a row is contiguous; the shift of the next step is added beforehand
    odds = np.empty((t, b))
    np.subtract(emissions[..., 1].T, emissions[..., 0].T, out=odds)
    odds += shift
    odds[0] += first
    clipped = np.empty(b)
    before = odds[0]
    for row in odds[1:]:
        np.maximum(before, low, out=clipped)
        np.minimum(clipped, high, out=clipped)
        row += clipped
        before = row
    ends = np.full(b, t - 1) if mask is None else mask.sum(axis=1) - 1
    every = np.arange(b)
    tag = odds > high
    decided = tag | (odds < low)
    tag[ends, every] = odds[ends, every] - shift + last > 0
    decided[ends, every] = True
    # an undecided row has the tag of the next decided one
    where = np.where(decided, np.arange(t)[:, None], t - 1)
    where = np.minimum.accumulate(where[::-1], axis=0)[::-1]
    return np.take_along_axis(tag, where, axis=0).T.astype(np.int64)


def _best_paths_of_any(
    emissions: NDArray[np.floating], weights: CRFWeights, mask: NDArray[np.bool_] | None
) -> Tags:
    b, t, k = emissions.shape
    score = emissions[:, 0] + weights.start
    origins = np.empty((t - 1, b, k), dtype=np.int64)
    for i in range(1, t):
        steps = score[:, :, None] + weights.transitions
        origins[i - 1] = steps.argmax(axis=1)
        new = steps.max(axis=1) + emissions[:, i]
        if mask is None:
            score = new
        else:
            score = np.where(mask[:, i, None], new, score)
            origins[i - 1][~mask[:, i]] = np.arange(k)
    paths = np.empty((b, t), dtype=np.int64)
    paths[:, -1] = (score + weights.end).argmax(axis=1)
    for i in range(t - 1, 0, -1):
        paths[:, i - 1] = origins[i - 1][np.arange(b), paths[:, i]]
    return paths


def _forward(emissions: Floats, transitions: Floats, start: Floats) -> Floats:
    """Log of the summed paths that end in each tag at each row: (t, k)."""
    scores = np.empty_like(emissions)
    scores[0] = emissions[0] + start
    for i in range(1, len(emissions)):
        scores[i] = np.logaddexp.reduce(scores[i - 1][:, None] + transitions, axis=0) + emissions[i]
    return scores


def _marginals_of_two(emissions: Floats, weights: CRFWeights) -> Floats:
    log_odds = emissions[:, 1] - emissions[:, 0]
    first, last = _edges(weights)
    log_odds[0] += first
    log_odds[-1] += last
    log_odds = np.clip(log_odds, -DECIDED, DECIDED)
    odds = np.exp(log_odds).tolist()
    ahead = _ratios(odds, np.exp(weights.transitions))
    back = _ratios(odds[::-1], np.exp(weights.transitions.T))[::-1]
    total = np.log(ahead) + np.log(back) - log_odds
    # 1 - p loses what is small: each tag by its own sign
    return np.exp(-np.logaddexp(0.0, np.stack((total, -total), axis=1)))


def _ratios(odds: list[float], steps: Floats) -> list[float]:
    """The sum of the paths that end in tag 1, over that of those in tag 0, at each row."""
    (stay0, enter), (leave, stay1) = steps.tolist()
    ratio = odds[0]
    ratios = [ratio]
    for odd in odds[1:]:
        ratio = odd * (enter + stay1 * ratio) / (stay0 + leave * ratio)
        ratios.append(ratio)
    return ratios
