"""`Gallery`: the key pictures of a season, and which of them look the same.

To correlate each picture with each one of the episodes around it would take minutes. Sixteen
numbers tell nearly as much: the strengths of a picture's fifteen lowest waves, and how much of it
is in none of them. The product of two such vectors is never smaller than the correlation of the
pictures (Cauchy and Schwarz), so that few pairs are left to be looked at whole, and none is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zastavka.fingerprint import Words
from zastavka.signature import COLUMNS, ROWS, Signatures

Index = NDArray[np.int64]
Floats = NDArray[np.float32]

_GATE = 18  # bits of the hash: farther apart, two pictures are never the same
_WAVES = 15
_ROUNDING = 1e-3  # how wrong the products of float32 can be, amply
_AT_ONCE = 256  # pictures whose products with all others are in memory
_PAIRS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Key pictures, those of episode e from row `first[e]` to `first[e + 1]`.

    `coarse` are the vectors (m, _WAVES + 1) of the usable ones, `row` says of which; those of
    episode e begin at `start[e]`. Without bars both views of a picture are one: `views`.
    """

    cells: NDArray[np.int8]
    words: Words
    norm: Floats
    first: Index
    coarse: Floats
    row: Index
    start: Index
    views: tuple[int, ...]

    @classmethod
    def of(cls, pictures: Sequence[Signatures]) -> Gallery:
        """The pictures of the episodes of a season."""
        first = np.cumsum([0, *map(len, pictures)])
        norms, coarse, rows, views = [], [], [], []
        waves = _waves()
        for each, offset in zip(pictures, first.tolist(), strict=False):
            count = 1 if (each.cells[:, 0] == each.cells[:, 1]).all() else 2
            cells = each.cells[:, :count].astype(np.float32)
            norm = np.linalg.norm(cells, axis=2) + np.float32(1e-6)
            low = cells @ waves / norm[:, :, None]
            rest = np.sqrt(np.maximum(1 - (low * low).sum(axis=2, keepdims=True), 0))
            usable = np.flatnonzero(each.usable)
            coarse.append(np.concatenate([low, rest], axis=2)[usable].reshape(-1, _WAVES + 1))
            rows.append(np.repeat(usable + offset, count))
            norms.append(np.broadcast_to(norm, (len(each), 2)))
            views.append(count)
        return cls(
            np.concatenate([each.cells for each in pictures]),
            np.concatenate([each.words for each in pictures]),
            np.concatenate(norms),
            first,
            np.concatenate(coarse),
            np.concatenate(rows),
            np.cumsum([0, *map(len, rows)]),
            tuple(views),
        )

    def alike(
        self, a: int, until: int, likeness: float
    ) -> Iterator[tuple[int, Index, Index, NDArray[np.float64]]]:
        """Episodes of a + 1 ... until - 1 that look like `a` somewhere.

        For each: its number, those of the pictures in `a` and in it, in order, and how they
        correlate: at least `likeness`.
        """
        i, j = self._near(a, until, likeness)
        parts = [slice(k, k + _PAIRS_AT_ONCE) for k in range(0, len(i), _PAIRS_AT_ONCE)]
        views = self.views[a], max(self.views[a + 1 : until], default=1)
        values = [self._likeness(i[part], j[part], *views) for part in parts]
        value = np.concatenate([*values, np.empty(0)])
        good = value >= likeness
        i, j, value = i[good], j[good], value[good]
        bounds = np.searchsorted(j, self.first)
        for b in range(a + 1, until):
            part = slice(bounds[b], bounds[b + 1])
            if part.start < part.stop:
                order = np.lexsort((j[part], i[part]))
                here = i[part][order] - self.first[a], j[part][order] - self.first[b]
                yield b, *here, value[part][order]

    def _near(self, a: int, until: int, likeness: float) -> tuple[Index, Index]:
        """Rows of pictures that may be alike, each pair once, in order of the second."""
        start, stop, end = self.start[[a, a + 1, until]].tolist()
        others = self.coarse[stop:end].T
        found = [np.empty((2, 0), np.int64)]
        for low in range(start, stop, _AT_ONCE):
            near = self.coarse[low : min(stop, low + _AT_ONCE)] @ others
            i, j = np.divmod(np.flatnonzero(near >= likeness - _ROUNDING), max(1, end - stop))
            found.append(np.stack([self.row[stop + j], self.row[low + i]]))
        j, i = np.concatenate(found, axis=1)
        total = len(self.cells)
        j, i = np.divmod(np.unique(j * total + i), total)
        return i, j

    def _likeness(self, i: Index, j: Index, views_i: int, views_j: int) -> NDArray[np.float64]:
        """Correlation of pictures, of the views that are most alike; -1 beyond the gate."""
        apart = np.bitwise_count(self.words[i][:, :, None] ^ self.words[j][:, None, :])
        value = np.full(len(i), -1.0)
        near = np.flatnonzero(apart.min(axis=(1, 2)) <= _GATE)
        i, j = i[near], j[near]
        for v in range(views_i):
            one = self.cells[i, v].astype(np.float32)
            for w in range(views_j):
                two = self.cells[j, w].astype(np.float32)
                product = np.einsum("nd,nd->n", one, two) / (self.norm[i, v] * self.norm[j, w])
                value[near] = np.maximum(value[near], product)
        return value


def _waves() -> Floats:
    """The lowest waves of a picture's cells but the constant one, orthonormal columns."""
    rows, columns = (
        np.cos(np.pi / n * np.outer(np.arange(n), np.arange(n) + 0.5)) for n in (ROWS, COLUMNS)
    )
    pairs = sorted(np.ndindex(ROWS, COLUMNS), key=lambda pair: pair[0] ** 2 + pair[1] ** 2)
    waves = [np.outer(rows[y], columns[x]).ravel() for y, x in pairs[1 : _WAVES + 1]]
    return np.stack([w / np.linalg.norm(w) for w in waves], axis=1).astype(np.float32)
