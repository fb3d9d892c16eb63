"""What two episodes of a season share by ear.

Where keys agree (`hits`), words are compared along that lag, and the stretches that stay alike are
kept, all of them. For episodes in which that finds nothing there is a second way, which compares
blocks of four seconds at every lag: it hears music under speech of the same level, where hardly a
word keeps even a part of its bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka.config import MatchOptions
from zastavka.fingerprint import BITS, HOP, Words, distance
from zastavka.hits import Lag, Track, candidates, tracks_of
from zastavka.prints import EpisodePrint
from zastavka.runs import Run, distinct

_ALIKE = 0.42  # share of bits: words of other sounds differ in .5, +-.025 over a second
_CLOSER = 0.04  # share of bits by which a repeat is closer than its words in any order
_ENOUGH = 200  # words: of as many the mean of a bit is known
_WINDOW = 16  # words: a second; a power of two
_PAD = 94  # words: six seconds around what was found, searched for the change
_STEADY = 0.5  # weight of a word that stays as it is
_PART = 39  # words: two and a half seconds, the shortest part of a run that has a level of its own
_CLEAR, _COVERED = 0.15, 0.29  # share of bits: the same sound alone, and mostly under other sound
_STEP = 0.12  # share of bits between two levels of one run
_BLOCK, _THIN = 62, 4  # words of a block of four seconds, and every how many of them are looked at
_BLOCK_STEP = 31


def heard(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    """All stretches of sound that two of the episodes share, by pairs of episodes."""
    tracks = tracks_of(prints)
    return [
        run
        for a, b, lags in candidates(tracks, options)
        for run in _at_lags(tracks[a], tracks[b], lags, options)
    ]


def _at_lags(a: Track, b: Track, lags: Iterable[Lag], options: MatchOptions) -> list[Run]:
    return distinct(run for lag in lags for run in _along(a, b, lag, options))


@dataclass(frozen=True, slots=True, eq=False)
class _Beside:
    """Word i of one track beside word i + shift of another: in how many bits they differ.

    And whether both are usable, and of sound.
    """

    apart: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    sounding: NDArray[np.bool_]


def _along(a: Track, b: Track, lag: Lag, options: MatchOptions) -> list[Run]:
    """The stretches at which word i of `a` is like word i + lag of `b`, or one further on."""
    found = []
    for shift in (lag.words, lag.words + 1):
        first = max(lag.first, -shift)
        n = min(len(a.words), len(b.words) - shift, lag.stop) - first
        if n < _WINDOW:
            continue
        one, two = slice(first, first + n), slice(first + shift, first + shift + n)
        beside = _Beside(
            distance(a.words[one], b.words[two]),
            a.usable[one] & b.usable[two],
            a.sounding[one] & b.sounding[two],
        )
        for start, stop in _stretches(beside, options):
            mine = beside.usable[start:stop]
            count = int(np.count_nonzero(mine))
            if not count:
                continue
            error = int(beside.apart[start:stop][mine].sum()) / (BITS * count)
            if count * (_ALIKE - error) < options.min_score:
                continue
            strangers = _by_chance(a.words[one][start:stop][mine], b.words[two][start:stop][mine])
            score = count * (min(_ALIKE, strangers - _CLOSER) - error)
            if score < options.min_score:
                continue
            # a word is alike once most of its quarter of a second is
            found.append(
                Run(
                    "sound",
                    a.episode,
                    b.episode,
                    (first + start) * a.step,
                    (first + stop) * a.step,
                    (first + shift + start) * b.step,
                    (first + shift + stop) * b.step,
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
    p, q = (once @ _bits(words) / len(a) for words in (a, b))  # a product is quicker than a mean
    return float((p * (1 - q) + q * (1 - p)).mean())


def _stretches(beside: _Beside, options: MatchOptions) -> list[tuple[int, int]]:
    """First and stop of stretches where words differ little, gaps closed, ends at the change."""
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
    trimmed = [t for s in joined if (t := _trim(beside, *s)) is not None]
    return [part for t in trimmed for part in _levels(beside, *t)]


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


def heard_where_seen(
    prints: Sequence[EpisodePrint],
    shown: Sequence[Run],
    runs: Sequence[Run],
    options: MatchOptions,
) -> list[Run]:
    """Sound along the lags that pictures tell, where the index brought up nothing."""
    plain = {t.episode: t for t in tracks_of(prints) if not t.slow}
    known = _by_pair(runs)
    found = []
    for run in shown:
        pace = (run.end_b - run.start_b) / run.duration
        if run.count < 2 or abs(pace - 1) > 0.01 or not {run.a, run.b} <= plain.keys():
            continue
        if any(_is_in(k, run) or _is_in(run, k) for k in known[run.a, run.b]):
            continue
        lag = round((run.start_b - run.start_a) / HOP)
        new = _at_lags(plain[run.a], plain[run.b], (Lag(lag - 1), Lag(lag + 1)), options)
        new = [k for k in new if k.start_a < run.end_a and k.end_a > run.start_a]
        known[run.a, run.b] += new
        found += new
    return found


def heard_through_speech(
    prints: Sequence[EpisodePrint], runs: Sequence[Run], options: MatchOptions
) -> list[Run]:
    """The second way, for episodes in whose story `runs` have nothing; without what they have."""
    plain = {t.episode: t for t in tracks_of(prints) if not t.slow}
    poor = sorted(plain.keys() - _explained(prints, runs, options))
    pairs: dict[tuple[int, int], None] = {}  # in order
    for i in poor:
        others = sorted((j for j in plain if j != i), key=lambda j: (abs(j - i), j))
        pairs |= {(min(i, j), max(i, j)): None for j in others[: options.robust_neighbours]}
    known = _by_pair(runs)
    found = []
    for i, j in pairs:
        a, b = plain[i], plain[j]
        new = _at_lags(a, b, map(Lag, _block_lags(a, b, options)), options)
        found += [run for run in new if not any(_is_in(k, run) for k in known[i, j])]
    return found


def _by_pair(runs: Sequence[Run]) -> defaultdict[tuple[int, int], list[Run]]:
    pairs: defaultdict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in runs:
        if run.sense == "sound":
            pairs[run.a, run.b].append(run)
    return pairs


def _is_in(known: Run, run: Run) -> bool:
    """Whether a known run and another one share most of the shorter one, at one lag."""
    slip = (run.start_b - run.start_a) - (known.start_b - known.start_a)
    common = min(run.end_a, known.end_a) - max(run.start_a, known.start_a)
    return abs(slip) < 0.2 and common > 0.5 * min(run.duration, known.duration)


def _explained(
    prints: Sequence[EpisodePrint], runs: Sequence[Run], options: MatchOptions
) -> set[int]:
    """Episodes of whose story something is known to repeat: no logo at its start, no credits."""
    explained = set()
    for run in runs:
        if run.error >= _COVERED if run.sense == "sound" else run.count <= 1:
            continue
        sides = (run.a, run.start_a, run.end_a), (run.b, run.start_b, run.end_b)
        for episode, start, end in sides:
            inside = min(end, prints[episode].duration - 60.0) - max(start, 8.0)
            if inside >= 2 * options.min_seconds:
                explained.add(episode)
    return explained


def _block_lags(a: Track, b: Track, options: MatchOptions) -> list[int]:
    """The lags at which a block of `a` is most like a stretch of `b`."""
    signs_a, signs_b = _signs(a), _signs(b)
    reach = len(signs_b) - _BLOCK + 1
    starts = np.arange(0, len(signs_a) - _BLOCK + 1, _BLOCK_STEP)
    if reach < 1 or not len(starts):
        return []
    inside = np.arange(0, _BLOCK, _THIN)
    blocks = signs_a[starts[:, None] + inside].reshape(len(starts), -1)
    best = np.full(len(starts), -1.0, np.float32)
    at = np.zeros(len(starts), np.int64)
    for low in range(0, reach, 2048):
        places = np.arange(low, min(reach, low + 2048))
        alike = blocks @ signs_b[places[:, None] + inside].reshape(len(places), -1).T
        here = alike.argmax(axis=1)
        value = alike[np.arange(len(starts)), here]
        better = value > best
        best[better], at[better] = value[better], places[here[better]]
    best /= len(inside) * BITS
    good = np.flatnonzero(best > options.block_likeness)
    order = good[np.argsort(-best[good], kind="stable")]
    lags: list[int] = []
    for each in (at[order] - starts[order]).tolist():
        if all(abs(each - lag) > 2 for lag in lags):
            lags.append(each)
    return lags[: options.max_lags]


def _signs(track: Track) -> NDArray[np.float32]:
    """The bits of each word as +-1, 0 where it is not usable, shape (n, BITS)."""
    signs = _bits(track.words).astype(np.float32) * 2 - 1
    signs[~track.usable] = 0
    return signs


def _bits(words: Words) -> NDArray[np.uint8]:
    """The bits of each word as 0 and 1, shape (n, BITS)."""
    octets = words.astype("<u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1, bitorder="little")
