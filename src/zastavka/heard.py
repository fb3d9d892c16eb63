"""What two episodes of a season share by ear.

Where keys agree (`hits`), words are compared along that lag, and the stretches that stay alike are
kept, all of them. For episodes in which that finds nothing there is a second way, which compares
blocks of four seconds at every lag: it hears music under speech of the same level, where hardly a
word keeps even a part of its bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zastavka.beside import bits, compare
from zastavka.fingerprint import BITS, HOP
from zastavka.hits import Lag, Track, candidates, tracks_of
from zastavka.options import MatchOptions
from zastavka.prints import EpisodePrint
from zastavka.runs import Run

_COVERED = 0.29  # share of bits: the same sound, mostly under other sound
_BLOCK, _THIN = 62, 4  # words of a block of four seconds, and every how many of them are looked at
_BLOCK_STEP = 31


def heard(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    """All stretches of sound that two of the episodes share, by pairs of episodes."""
    tracks = tracks_of(prints)
    return [
        run
        for a, b, lags in candidates(tracks, options)
        for run in compare(tracks[a], tracks[b], lags, options)
    ]


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
        new = compare(plain[run.a], plain[run.b], (Lag(lag - 1), Lag(lag + 1)), options)
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
        new = compare(a, b, map(Lag, _block_lags(a, b, options)), options)
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
    signs = bits(track.words).astype(np.float32) * 2 - 1
    signs[~track.usable] = 0
    return signs
