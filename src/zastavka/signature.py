"""Signatures: what a picture looks like whatever its size, coding, contrast, bars or logo.

A signature is the middle of the picture in 16 x 32 cells of grey, its mean taken off and scaled to
length one, so that the product of two is their normalised correlation. The borders stay out, since
bars, channel logos and tickers lie there. Where a file has bars there is a second one, of what lies
between the bars: they may have been laid over the picture, or the picture shrunk between them.

For looking up there is a 64-bit SimHash of each, as for sound. A black or flat picture has none of
this: it would match any other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]
Bars = tuple[
    int, int, int, int
]  # rows and columns of SIZE that are black: top, bottom, left, right

NAME = "signatures/1"  # the number changes with every change of the values
SIZE = (128, 72)  # width and height that pictures are read at
ROWS, COLUMNS = 16, 32
NO_BARS: Bars = (0, 0, 0, 0)

_MARGIN = 0.15  # share of height and width left out on each side
_FLAT = 3.0  # levels of 255: a picture that varies less shows nothing
_DARK = 40  # levels of 255: what stays below is a bar
_MOST = 0.3  # share of a side that bars may take
_SCALE = 127.0
_BLOCK = 256  # pictures at once: bounds memory, however many there are


@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """Signatures of pictures, one row each.

    `cells` (n, 2, ROWS * COLUMNS): of the whole, and of what lies between the bars (the same where
    there are none); `words` (n, 2) to look them up; `usable` (n,).
    """

    cells: NDArray[np.int8]
    words: Words
    usable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.usable)

    def __repr__(self) -> str:
        return f"Signatures({len(self)} pictures, {int(self.usable.sum())} usable)"

    def vectors(self, rows: NDArray[np.intp]) -> Floats:
        """Unit vectors (len(rows), 2, ROWS * COLUMNS) of some of them."""
        cells = self.cells[rows].astype(np.float32)
        unit: Floats = cells / (np.linalg.norm(cells, axis=2, keepdims=True) + 1e-6)
        return unit


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma (h, w) by BT.601 of a picture (h, w, 3), RGB."""
    weights = np.array([77, 150, 29], np.uint16)
    return ((image.astype(np.uint16) @ weights) >> 8).astype(np.uint8)


def find_bars(pictures: Sequence[NDArray[np.uint8]]) -> Bars:
    """The rows and columns at the borders that are black in nearly all grey pictures."""
    if len(pictures) < 3:
        return NO_BARS
    stack = np.stack(pictures)
    rows = np.quantile(stack.max(axis=2), 0.9, axis=0) < _DARK
    columns = np.quantile(stack.max(axis=1), 0.9, axis=0) < _DARK
    top, bottom = _run(rows), _run(rows[::-1])
    left, right = _run(columns), _run(columns[::-1])
    return top, bottom, left, right


def signatures(pictures: Sequence[NDArray[np.uint8]], bars: Bars) -> Signatures:
    """Of grey pictures (h, w) read at SIZE, in a file that has `bars`."""
    if not len(pictures):
        shape = (0, 2, ROWS * COLUMNS)
        return Signatures(
            np.empty(shape, np.int8), np.empty((0, 2), np.uint64), np.empty(0, np.bool_)
        )
    blocks = (pictures[i : i + _BLOCK] for i in range(0, len(pictures), _BLOCK))
    both = np.concatenate([_both(np.stack(block).astype(np.float32), bars) for block in blocks])
    centred = both - both.mean(axis=2, keepdims=True)
    spread = centred.std(axis=2)
    words = np.packbits(centred @ _PLANES > 0, axis=2, bitorder="little").view("<u8")[..., 0]
    peak = np.abs(centred).max(axis=2, keepdims=True) + 1e-6
    quantised = np.round(centred / peak * _SCALE).astype(np.int8)
    return Signatures(quantised, words.astype(np.uint64), spread.min(axis=1) > _FLAT)


def _both(stack: Floats, bars: Bars) -> Floats:
    """Cells of whole pictures and of what is between their bars, (n, 2, ROWS * COLUMNS)."""
    whole = _cells(stack)
    top, bottom, left, right = bars
    height, width = stack.shape[1:]
    between = _cells(stack[:, top : height - bottom, left : width - right]) if any(bars) else whole
    return np.stack([whole, between], axis=1)


def _cells(stack: Floats) -> Floats:
    """Means of the cells in the middle of pictures (n, h, w), shape (n, ROWS * COLUMNS)."""
    rows, columns = (
        _edges(size, n) for size, n in zip(stack.shape[1:], (ROWS, COLUMNS), strict=True)
    )
    sums = np.pad(stack.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    at = sums[:, rows][:, :, columns]
    cells = np.diff(np.diff(at, axis=1), axis=2)
    area = np.diff(rows)[:, None] * np.diff(columns)
    means: Floats = (cells / area).reshape(len(stack), -1)
    return means


def _edges(size: int, n: int) -> NDArray[np.intp]:
    return np.round(np.linspace(_MARGIN * size, (1 - _MARGIN) * size, n + 1)).astype(np.intp)


def _run(dark: NDArray[np.bool_]) -> int:
    """How many are dark from the beginning on; 0 where that is more than bars can take."""
    length = len(dark) if dark.all() else int((~dark).argmax())
    return length if length <= _MOST * len(dark) else 0


def _planes() -> Floats:
    """Normals of 64 hyperplanes, entries +-1, the same on every machine."""
    cells = ROWS * COLUMNS
    bits = random.Random(7_2128).getrandbits(cells * 64)
    signs = np.unpackbits(np.frombuffer(bits.to_bytes(cells * 8, "little"), np.uint8))
    return signs.reshape(cells, 64).astype(np.float32) * 2 - 1


_PLANES = _planes()
