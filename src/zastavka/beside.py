"""Two episodes' words laid beside each other at a lag: the stretches that stay alike, all of them.

First roughly, by the second; what a better lag has too is dropped, since music is like itself a
beat later. Then the ends are brought to where the likeness changes, and what is clear on one side
and covered on the other is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zastavka.fingerprint import BITS, HOP, Words, distance
from zastavka.hits import Lag, Track
from zastavka.options import MatchOptions
from zastavka.runs import Run, distinct

_ALIKE = 0.42  # share of bits: words of other sounds differ in .5, +-.025 over a second
_CLOSER = 0.04  # share of bits by which a repeat is closer than its words in any order
_ENOUGH = 200  # words: of as many the mean of a bit is known
_WINDOW = 16  # words: a second; a power of two
_PAD = 94  # words: six seconds around what was found, searched for the change
_STEADY = 0.5  # weight of a word that stays as it is
_PART = 39  # words: two and a half seconds, the shortest part of a run that has a level of its own
_STEP = 0.12  # share of bits between two levels of one run
_CLEAR = 0.15  # share of bits: the same sound alone


def compare(a: Track, b: Track, lags: Iterable[Lag], options: MatchOptions) -> list[Run]:
    """The runs of two tracks at some lags, without those that others cover."""
    rough = [
        each
        for lag in lags
        for shift in lag.shifts
        if (beside := _Beside.of(a, b, shift, lag)) is not None
        for each in _stretches(beside, options)
    ]
    return distinct(run for each in _outstanding(rough) for run in _runs(a, b, each, options))


@dataclass(frozen=True, slots=True, eq=False)
class _Beside:
    """Word `first` + i of one track beside word i + first + shift of another.

    In how many bits they differ, whether both are usable, and of sound.
    """

    shift: int
    first: int
    apart: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    sounding: NDArray[np.bool_]

    @classmethod
    def of(cls, a: Track, b: Track, shift: int, lag: Lag) -> _Beside | None:
        """The tracks at a lag, where it is to be followed; None: for no second."""
        first = max(lag.first, -shift)
        stop = min(len(a.words), len(b.words) - shift, lag.stop)
        if stop - first < _WINDOW:
            return None
        one, two = slice(first, stop), slice(first + shift, stop + shift)
        return cls(
            shift,
            first,
            distance(a.words[one], b.words[two]),
            a.usable[one] & b.usable[two],
            a.sounding[one] & b.sounding[two],
        )


class _Stretch(NamedTuple):
    """About which words of one track are like those of another; `gain`: how many and how much."""

    gain: int
    start: int
    stop: int
    beside: _Beside


def _outstanding(rough: list[_Stretch]) -> list[_Stretch]:
    """Without those that are mostly in a better one, in both episodes."""
    kept: list[_Stretch] = []
    for each in sorted(rough, key=lambda r: -r.gain):
        half = 0.5 * (each.stop - each.start)
        if not any(
            min(each.stop, k.stop) - max(each.start, k.start) > half
            and min(each.stop + each.beside.shift, k.stop + k.beside.shift)
            - max(each.start + each.beside.shift, k.start + k.beside.shift)
            > half
            for k in kept
        ):
            kept.append(each)
    return kept


def _runs(a: Track, b: Track, rough: _Stretch, options: MatchOptions) -> list[Run]:
    found = []
    beside, first, shift = rough.beside, rough.beside.first, rough.beside.shift
    trimmed = _trim(beside, rough.start - first, rough.stop - first)
    for start, stop in _levels(beside, *trimmed) if trimmed else []:
        mine = beside.usable[start:stop]
        count = int(np.count_nonzero(mine))
        if not count:
            continue
        error = int(beside.apart[start:stop][mine].sum()) / (BITS * count)
        if count * (_ALIKE - error) < options.min_score:
            continue
        start, stop = start + first, stop + first
        strangers = _by_chance(
            a.words[start:stop][mine], b.words[start + shift : stop + shift][mine]
        )
        score = count * (min(_ALIKE, strangers - _CLOSER) - error)
        if score < options.min_score:
            continue
        # a word is alike once most of its quarter of a second is
        found.append(
            Run(
                "sound",
                a.episode,
                b.episode,
                start * a.step,
                stop * a.step,
                (start + shift) * b.step,
                (stop + shift) * b.step,
                score,
                error,
                count,
            )
        )
    return found


def _by_chance(a: Words, b: Words) -> float:
    """The mean share of bits in which any word of `a` differs from any word of `b`.

    Half where they are strangers; less where both are of one tuning, or of one hum: there it is no
    repeat to be alike. Two hundred words tell it to a hundredth.
    """
    every = -(-len(a) // _ENOUGH)
    a, b = a[::every], b[::every]
    once = np.ones(len(a), np.float32)
    p, q = (once @ bits(words) / len(a) for words in (a, b))  # a product is quicker than a mean
    return float((p * (1 - q) + q * (1 - p)).mean())


def _stretches(beside: _Beside, options: MatchOptions) -> list[_Stretch]:
    """Stretches where words differ little, gaps closed, ends a second or so too far out."""
    # in 25ths of a bit, which are whole numbers, and sixteen words of them fit into 16 bits
    level = np.int16(round(25 * BITS * _ALIKE))
    gain = (level - 25 * beside.apart.astype(np.int16)) * beside.usable
    alike = np.zeros(len(gain) - _WINDOW + 3, np.bool_)
    known = _in_windows(beside.usable.view(np.uint8))
    np.logical_and(_in_windows(gain) > 0, known > _WINDOW // 2, out=alike[1:-1])
    edges = np.flatnonzero(alike[1:] != alike[:-1]).reshape(-1, 2)
    edges[:, 1] += _WINDOW - 1
    gap = round(options.max_gap / HOP)
    joined: list[list[int]] = []
    for start, stop in edges.tolist():
        if joined and start - joined[-1][1] <= gap:
            joined[-1][1] = stop
        else:
            joined.append([start, stop])
    return [
        _Stretch(int(gain[i:j].sum()), beside.first + i, beside.first + j, beside)
        for i, j in joined
    ]


def _in_windows(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of `_WINDOW` values in a row, by doubling."""
    size = 1
    while size < _WINDOW:
        values = values[size:] + values[:-size]
        size *= 2
    return values


def _levels(beside: _Beside, start: int, stop: int) -> list[tuple[int, int]]:
    """A stretch taken apart where it is clear on one side and covered on the other.

    A score under the scene before a theme may run on at the theme's own lag, by chance or by art.
    """
    if stop - start < 2 * _PART:
        return [(start, stop)]
    usable = beside.usable[start:stop]
    known = _sums(usable)
    wrong = _sums(beside.apart[start:stop] * usable) / BITS
    at = slice(_PART, stop - start - _PART + 1)
    left = wrong[at] / np.maximum(known[at], 1)
    right = (wrong[-1] - wrong[at]) / np.maximum(known[-1] - known[at], 1)
    between = known[at] * (known[-1] - known[at]) * (left - right) ** 2
    best = int(between.argmax())
    low, high = sorted((left[best], right[best]))
    if low > _CLEAR or high < low + _STEP:
        return [(start, stop)]
    middle = start + _PART + best
    return _levels(beside, start, middle) + _levels(beside, middle, stop)


def _sums(values: NDArray[Any]) -> NDArray[np.int64]:
    """Sums of the first 0, 1, 2 ... n."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _trim(beside: _Beside, start: int, stop: int) -> tuple[int, int] | None:
    """Where the mean changes: the ends at which a two-level model fits best."""
    inside = np.sort(beside.apart[start:stop][beside.usable[start:stop]], kind="stable")
    if not len(inside):
        return None
    # the middle of three parts is inside for sure, if the whole is long enough to have one
    level = (int(inside[(len(inside) - 1) // 2]) + int(inside[len(inside) // 2])) / 2 / BITS
    between = (min(level, _ALIKE) + 0.5) / 2
    low, high = max(0, start - _PAD), min(len(beside.apart), stop + _PAD)
    here = slice(low, high)
    # what stays as it is proves nothing, but may go with what is proven beside it
    weight = np.maximum(_STEADY * beside.sounding[here], beside.usable[here])
    sums = np.zeros(high - low + 1)
    np.cumsum(weight * (between - beside.apart[here] / BITS), out=sums[1:])
    middle = (start + stop) // 2 - low
    first = int(sums[: middle + 1].argmin())
    last = middle + int(sums[middle:].argmax())
    return (low + first, low + last) if last > first else None


def bits(words: Words) -> NDArray[np.uint8]:
    """The bits of each word as 0 and 1, shape (n, BITS)."""
    octets = words.astype("<u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1, bitorder="little")
