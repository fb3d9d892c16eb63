"""The seconds around an edge, read from the file: every picture of them, and the sound.

Nothing else of the file is decoded, so that an edge costs a second or two of video rather than
the window. What was read is kept while a season is at work, since the same seconds of one episode
are the yardstick for many others.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zastavka import signature
from zastavka.errors import MediaError
from zastavka.pictures import Pictures
from zastavka.prints import EpisodePrint
from zastavka.segment import Segment
from zastavka.signature import Signatures
from zastavka.waveform import read_waveform

Floats = NDArray[np.float32]

RATE = 8_000  # Hz of the sound around an edge
_CUT, _CUT_RATIO = 5.0, 3.0  # a cut: levels of 255 between two pictures, and times the usual
_USUAL_RATE = 25.0  # pictures per second, where a file does not say
_MOST_RATE = 60.0  # and no more than these are looked at
_SPARE = 0.5  # seconds read on either side, for others that look at the same edge
_EPS = 1e-3  # seconds by which containers round when pictures begin


@dataclass(frozen=True, slots=True, eq=False)
class Closeup:
    """Every picture of a stretch: when it is first shown, and what it looks like.

    All are (n,). `luma` is the mean, `step` the mean difference to the one before, of 255 levels.
    """

    times: NDArray[np.float64]
    pictures: Signatures
    luma: Floats
    step: Floats

    def __len__(self) -> int:
        return len(self.times)

    def is_cut(self, k: int) -> bool:
        """Whether a new shot begins with picture k."""
        near = np.r_[self.step[max(0, k - 6) : k], self.step[k + 1 : k + 7]]
        usual = float(np.median(near)) if len(near) else 0.0
        return bool(self.step[k] > max(_CUT, _CUT_RATIO * usual))


class Closeups:
    """Close-ups of the episodes of a season, each stretch read once."""

    def __init__(
        self, paths: list[Path | None], prints: list[EpisodePrint], language: str | None
    ) -> None:
        self._paths, self._prints, self._language = paths, prints, language
        self._pictures: dict[int, list[tuple[Segment, Closeup | None]]] = defaultdict(list)
        self._sound: dict[tuple[int, float, float], Floats | None] = {}

    def can_read(self, episode: int) -> bool:
        """Whether the episode's file is at hand: of a stored season only prints may be."""
        return self._paths[episode] is not None

    def pictures(self, episode: int, window: Segment) -> Closeup | None:
        """The pictures shown in the window; None: none can be read."""
        window = _rounded(window)
        for stretch, look in self._pictures[episode]:
            if stretch.start <= window.start and window.end <= stretch.end:
                return _part(look, window)
        # others that look at the same edge go by clocks of their own
        end = max(window.end, min(window.end + _SPARE, self._prints[episode].duration))
        wider = Segment(max(0.0, window.start - _SPARE), end)
        look = self._look(episode, wider)
        self._pictures[episode].append((wider, look))
        return _part(look, window)

    def sound(self, episode: int, window: Segment) -> Floats | None:
        """The samples of the window at RATE, its start first; None: none can be read."""
        wider = _rounded(window)
        key = (episode, wider.start, wider.end)
        if key not in self._sound:
            self._sound[key] = self._listen(episode, wider)
        samples = self._sound[key]
        if samples is None:
            return None
        first = round((window.start - wider.start) * RATE)
        return samples[first : first + round(window.duration * RATE)]

    def glances(self, episode: int, times: list[float]) -> Signatures | None:
        """Signatures of the pictures on screen at some times, in order; None: not all there."""
        path, known = self._paths[episode], self._prints[episode]
        if path is None or not len(known.times):
            return None
        try:
            with Pictures.at(path, times, signature.SIZE) as pictures:
                greys = [signature.grey(picture.image) for picture in pictures]
        except MediaError:
            return None
        return signature.signatures(greys, known.bars) if len(greys) == len(times) else None

    def many(self, episode: int, rate: float) -> EpisodePrint | None:
        """The episode's print with `rate` pictures a second in place of its key pictures.

        None: the file is not at hand, or its pictures end early.
        """
        path, known = self._paths[episode], self._prints[episode]
        if path is None or not len(known.times):
            return None
        n = math.floor(known.searched * rate)
        wanted = ((np.arange(n) + 0.5) / rate).tolist()
        try:
            with Pictures.at(path, wanted, signature.SIZE) as pictures:
                greys = [signature.grey(picture.image) for picture in pictures]
        except MediaError:
            return None
        times = np.array(wanted[: len(greys)])
        return replace(known, times=times, pictures=signature.signatures(greys, known.bars))

    def _look(self, episode: int, window: Segment) -> Closeup | None:
        path, known = self._paths[episode], self._prints[episode]
        if path is None or not len(known.times):
            return None
        rate = min(known.rate or _USUAL_RATE, _MOST_RATE)
        # asked for in the middle of its time on screen: containers round when pictures begin
        wanted = window.start + (np.arange(math.ceil(window.duration * rate)) + 0.5) / rate
        times: list[float] = []
        greys: list[NDArray[np.uint8]] = []
        try:
            with Pictures.at(path, wanted.tolist(), signature.SIZE) as pictures:
                for picture in pictures:
                    if not times or picture.time > times[-1]:
                        times.append(picture.time)
                        greys.append(signature.grey(picture.image))
        except MediaError:
            return None  # the coarse edge stands
        if not times:
            return None
        stack = np.stack(greys).astype(np.float32)
        step = np.abs(np.diff(stack, axis=0, prepend=stack[:1])).mean(axis=(1, 2))
        return Closeup(
            np.array(times), signature.signatures(greys, known.bars), stack.mean(axis=(1, 2)), step
        )

    def _listen(self, episode: int, window: Segment) -> Floats | None:
        path, known = self._paths[episode], self._prints[episode]
        if path is None or known.sound is None:
            return None
        try:
            waveform = read_waveform(path, RATE, window.duration, self._language, window.start)
        except MediaError:
            return None
        if waveform is None:
            return None
        n = round(window.duration * RATE)
        return np.pad(waveform.samples, (0, max(0, n - len(waveform.samples))))


def _part(look: Closeup | None, window: Segment) -> Closeup | None:
    """What is on screen in a part of what was looked at; None: nothing is."""
    if look is None:
        return None
    first = max(0, int(np.searchsorted(look.times, window.start + _EPS, side="right")) - 1)
    part = slice(first, int(np.searchsorted(look.times, window.end - _EPS)))
    seen = look.pictures
    some = Signatures(seen.cells[part], seen.words[part], seen.usable[part])
    return Closeup(look.times[part], some, look.luma[part], look.step[part]) if len(some) else None


def _rounded(window: Segment) -> Segment:
    """To whole quarters of a second, so that nearly equal windows are read once."""
    start = math.floor(window.start * 4) / 4
    return Segment(start, max(math.ceil(window.end * 4) / 4, start + 0.25))
