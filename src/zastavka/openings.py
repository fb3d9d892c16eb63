"""`Openings`: how series begin, to know a studio's logo by its being in other series too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zastavka.fingerprint import BITS, HOP, Fingerprint, distance
from zastavka.prints import EpisodePrint
from zastavka.segment import Segment

_SECONDS = 30.0  # of the beginning of an episode
_ALIKE = 0.3  # share of bits, in the mean over the stretch
_LEAST = 12  # words


class Openings:
    """The first seconds of one episode of each season."""

    def __init__(self) -> None:
        self._known: list[tuple[str, Fingerprint]] = []

    def add(self, series: str, print_: EpisodePrint) -> None:
        """Note how an episode of a series begins."""
        if print_.sound is not None:
            self._known.append((series, _part(print_.sound, 0.0, _SECONDS)))

    def elsewhere(self, series: str, print_: EpisodePrint, segment: Segment) -> bool:
        """Whether another series begins with this stretch of an episode, or has it near there."""
        if print_.sound is None or segment.start > _SECONDS / 2:
            return False
        mine = _part(print_.sound, segment.start, segment.end)
        return any(_holds(theirs, mine) for other, theirs in self._known if other != series)


def _part(sound: Fingerprint, start: float, end: float) -> Fingerprint:
    rows = slice(round(start / HOP), round(end / HOP))
    return Fingerprint(sound.words[rows], sound.usable[rows], sound.level[rows])


def _holds(whole: Fingerprint, part: Fingerprint) -> bool:
    """Whether `part` is somewhere in `whole`."""
    n = len(part)
    if len(whole) < n or part.usable.sum() < _LEAST:
        return False
    windows = np.lib.stride_tricks.sliding_window_view
    apart: NDArray[np.float64] = distance(windows(whole.words, n), part.words) / BITS
    usable = windows(whole.usable, n) & part.usable
    told = usable.sum(axis=1)
    mean = np.where(usable, apart, 0.0).sum(axis=1) / np.maximum(told, 1)
    return bool((mean[told >= _LEAST] < _ALIKE).any())
