"""What two episodes of a season share by sight: key pictures that look alike, at a shared lag.

An encoder puts key pictures at shot cuts, so that those of a theme stand at the same places in
every episode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from zastavka.gallery import Gallery
from zastavka.options import MatchOptions
from zastavka.prints import FILM, EpisodePrint
from zastavka.runs import Run, distinct
from zastavka.signature import Signatures

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_SAME_TIME = 0.09  # seconds: two pictures later or earlier at 24 pictures a second
_LONGEST_SHOT = 20.0  # seconds between key pictures of one run
_SAME_SHOT = 0.9  # correlation: less, and two key pictures of one episode are two pictures


def seen(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    """All stretches of pictures that episodes share with their neighbours, by pairs of them."""
    if not prints:
        return []
    runs = []
    gallery = Gallery.of([each.pictures for each in prints])
    for a, one in enumerate(prints):
        is_new = _new_pictures(one.pictures)
        until = min(len(prints), a + 1 + options.neighbours)
        for b, i, j, likeness in gallery.alike(a, until, options.likeness):
            pair = _Pair(a, b, one, prints[b], is_new)
            best: list[Run] = []
            for speed_a, speed_b in _speeds(one, prints[b]):
                lag = prints[b].times[j] * speed_b - one.times[i] * speed_a
                found = pair.at_shared_lags(i, j, lag, likeness)
                if sum(r.count**2 for r in found) > sum(r.count**2 for r in best):
                    best = found
            runs += best
    return runs


def alike_pictures(a: Signatures, b: Signatures, likeness: float) -> tuple[Index, Index, Floats]:
    """Rows of `a` and `b` that look the same, and their correlation."""
    for _, i, j, value in Gallery.of([a, b]).alike(0, 2, likeness):
        return i, j, value
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)


def _speeds(one: EpisodePrint, two: EpisodePrint) -> list[tuple[float, float]]:
    """By what to multiply the times of each: PAL against film is tried both ways."""
    if (one.slow is None) == (two.slow is None):
        return [(1.0, 1.0)]
    return [(1.0, 1.0), (FILM, 1.0) if one.slow is not None else (1.0, FILM)]


def _new_pictures(pictures: Signatures) -> Callable[[int, int], bool]:
    """Whether of two key pictures of an episode the second is another picture; asked once each."""
    known: dict[tuple[int, int], bool] = {}

    def is_new(p: int, q: int) -> bool:
        if (p, q) not in known:
            one, two = pictures.vectors(np.array([p, q]))
            known[p, q] = float(np.einsum("vd,vd->v", one, two).min()) < _SAME_SHOT
        return known[p, q]

    return is_new


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Two episodes, and what tells new pictures of the first from those that stay."""

    a: int
    b: int
    one: EpisodePrint
    two: EpisodePrint
    is_new: Callable[[int, int], bool]

    def at_shared_lags(self, i: Index, j: Index, lag: Floats, likeness: Floats) -> list[Run]:
        """Runs of matches (i, j) that share a lag, each match in one run, the largest first."""
        found = []
        rest = np.argsort(lag, kind="stable")
        while len(rest):
            stop = np.searchsorted(lag[rest], lag[rest] + _SAME_TIME, side="right")
            sizes = stop - np.arange(len(rest))
            widest = int(sizes.argmax())
            if sizes[widest] == 1:  # and so are all others
                found += [self._run(i[k : k + 1], j[k : k + 1], likeness[k : k + 1]) for k in rest]
                break
            group = rest[widest : stop[widest]]
            rest = np.concatenate([rest[:widest], rest[stop[widest] :]])
            group = group[np.lexsort((j[group], i[group]))]
            breaks = np.flatnonzero(np.diff(self.one.times[i[group]]) > _LONGEST_SHOT) + 1
            for first, last in pairwise([0, *breaks.tolist(), len(group)]):
                part = group[first:last]
                found.append(self._run(i[part], j[part], likeness[part]))
        return distinct(found)

    def _run(self, i: Index, j: Index, likeness: Floats) -> Run:
        one, two = self.one, self.two
        # alike until the next key picture that is not, in whichever episode it comes first
        tail = min(_until_next(one, int(i[-1])), _until_next(two, int(j[-1])))
        different = 1 + sum(self.is_new(p, q) for p, q in pairwise(sorted(set(i.tolist()))))
        return Run(
            "picture",
            self.a,
            self.b,
            float(one.times[i[0]]),
            float(one.times[i[-1]]) + tail,
            float(two.times[j[0]]),
            float(two.times[j[-1]]) + tail,
            4.0 * different,
            1 - float(likeness.mean() if len(likeness) > 1 else likeness[0]),
            different,
            tail,
        )


def _until_next(print_: EpisodePrint, key: int) -> float:
    """Seconds from a key picture to the next one, or to the end of what was searched."""
    following = print_.times[key + 1] if key + 1 < len(print_.times) else print_.searched
    return max(0.1, float(following - print_.times[key]))
