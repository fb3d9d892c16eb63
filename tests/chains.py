"""Random chains, and the answers that looking at every single path gives."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from zastavka.crf import CRFWeights

Floats = NDArray[np.float64]


def weights(tags: int, seed: int, scale: float = 1.0) -> CRFWeights:
    rng = np.random.default_rng(seed)
    return CRFWeights(
        rng.normal(0, scale, (tags, tags)), rng.normal(0, scale, tags), rng.normal(0, scale, tags)
    )


def emissions(shape: tuple[int, ...], seed: int, scale: float = 2.0) -> Floats:
    return np.random.default_rng(seed).normal(0, scale, shape)


def score(path: NDArray[np.int64], rows: Floats, chain: CRFWeights) -> float:
    """What a path scores, row by row."""
    total = chain.start[path[0]] + chain.end[path[-1]]
    for i, tag in enumerate(path):
        total += rows[i, tag]
        if i:
            total += chain.transitions[path[i - 1], tag]
    return float(total)


class Enumeration:
    """All paths of (t, k) emissions with their scores: k**t of them."""

    def __init__(self, rows: Floats, chain: CRFWeights) -> None:
        self.paths = np.array(list(product(range(chain.tags), repeat=len(rows))))
        self.scores = np.array([score(path, rows, chain) for path in self.paths])
        self.log_sum = float(np.logaddexp.reduce(self.scores))

    @property
    def best(self) -> float:
        return float(self.scores.max())

    @property
    def marginals(self) -> Floats:
        chance = np.exp(self.scores - self.log_sum)
        tags = range(int(self.paths.max()) + 1)
        return np.stack([chance @ (self.paths == tag) for tag in tags], axis=1)


@st.composite
def chains(draw: st.DrawFn, longest: int = 8, most: int = 3) -> tuple[Floats, CRFWeights]:
    """Emissions (t, k) and weights, from tame to harsh."""
    tags = draw(st.integers(1, most))
    rows = draw(st.integers(1, longest))
    seed = draw(st.integers(0, 2**32 - 1))
    scale = draw(st.sampled_from([0.0, 0.1, 1.0, 5.0, 30.0]))
    return emissions((rows, tags), seed, draw(st.sampled_from([0.1, 2.0, 30.0]))), weights(
        tags, seed + 1, scale
    )


def masks(lengths: list[int], rows: int | None = None) -> NDArray[np.bool_]:
    """Right padding: (b, t), True at real rows."""
    return np.arange(rows or max(lengths)) < np.array(lengths)[:, None]
