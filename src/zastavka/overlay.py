"""Two episodes laid over each other at one edge of a piece that both have.

Their sound says to the millisecond how, by cross-correlation. Then each sense says where the
likeness begins or ends: the sound, frame by frame of 10 ms; the pictures, one by one. The change of
level is the extreme of the cumulative sum (Page: Continuous inspection schemes, Biometrika 1954)
of what is above or below the middle between the level inside and that of strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zastavka.closeup import RATE, Closeup, Closeups
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance
from zastavka.segment import Segment
from zastavka.signature import Signatures

Side = Literal["start", "end"]
Floats = NDArray[np.float64]

REACH = 1.5  # seconds around the coarse edge that are looked at
_NEAR = 0.5  # seconds: so little is enough, most often, where the sound has told the edge
_INSIDE = 3.0  # seconds inside the piece by which two episodes are laid over each other
_SLIP = 0.25  # seconds by which the coarse lag may be wrong
_HOP, _FRAME = 80, 240  # samples: 10 and 30 ms
_LEAST_LEVEL = 0.35  # correlation inside, in the median, under which the sound tells no edge
_MOSTLY = 0.6  # share of what was missed that must be alike to be taken in
_HALFWAY = 0.7  # correlation of pictures: a dissolve is half over
_ALIKE = 0.88  # correlation inside from which two episodes show the same
_LOOK_INSIDE, _LOOK_OUTSIDE = 8.0, 4.0  # seconds of the first look
_GLANCE = 0.25  # seconds between the pictures of the first look, where sound tells nothing
_SLIDE = 6  # pictures by which the lag may be wrong where only pictures tell it
_CLEARLY = 0.01  # of correlation, by which another lag must be better


@dataclass(frozen=True, slots=True)
class Edge:
    """When a piece begins or ends in an episode, and which evidence said so.

    `sharp`: known to a frame; else to a tenth of a second or so.
    """

    time: float
    source: str  # "picture", "sound", "cut", "black", "silence", "chapter", "repeat"
    sharp: bool


def around(at: float, reach: float, print_: EpisodePrint) -> Segment:
    """The seconds up to `reach` from a moment of an episode, on either side."""
    start = max(0.0, at - reach)
    return Segment(start, max(start + 0.5, min(at + reach, print_.duration)))


class Overlay:
    """One edge of an instance beside the same moment of another one."""

    def __init__(
        self,
        mine: Instance,
        theirs: Instance,
        side: Side,
        speeds: list[float],
        prints: list[EpisodePrint],
        closeups: Closeups,
    ) -> None:
        self.mine, self.theirs, self.side = mine.episode, theirs.episode, side
        self.prints, self.closeups = prints, closeups
        mine_speed, their_speed = speeds[mine.episode], speeds[theirs.episode]
        self.pace = mine_speed / their_speed  # their seconds for one of mine
        self.heard = False  # whether their sound has told how they lie over each other
        # their time of my 0.0
        self.base = theirs.at(mine.first - mine.segment.start * mine_speed, their_speed)

    def there(self, time: float) -> float:
        """The other episode's time of a moment of mine."""
        return self.base + time * self.pace

    def farther(self, at: float, missing: float, mine: Instance) -> float:
        """The edge moved outwards by what was missed, where pictures or sound say it is there."""
        if missing < 0.2:
            return at
        low, high = (at - missing, at) if self.side == "start" else (at, at + missing)
        limit = min(
            self.prints[self.mine].duration,
            (self.prints[self.theirs].duration - self.base) / self.pace,
        )
        low, high = max(0.0, low, -self.base / self.pace), min(high, limit)
        if high - low < 0.2:
            return at
        times = np.linspace(low, high, 8)[1:-1]
        one = self.closeups.glances(self.mine, times.tolist())
        two = self.closeups.glances(self.theirs, (self.base + times * self.pace).tolist())
        alike = 0.0
        if one is not None and two is not None and (told := one.usable & two.usable).sum() >= 2:
            rows = np.arange(len(times))
            alike = float((_correlation(one, rows, two, rows)[told] > _ALIKE).mean())
        elif mine.heard > 0.5:
            alike = self._alike_sound(low, high)
        outer = low if self.side == "start" else high
        return outer if alike >= _MOSTLY else at

    def _alike_sound(self, low: float, high: float) -> float:
        """The share of 30-ms frames that correlate, in [low, high) of my time."""
        mine = self.closeups.sound(self.mine, Segment(low, high))
        theirs = self._their_sound(self.there(low) - _SLIP, high - low + 2 * _SLIP / self.pace)
        if mine is None or theirs is None:
            return 0.0
        mine, theirs = _flat(mine), _flat(theirs)
        slip = _slip(mine, theirs, slice(0, None))
        if slip is None:
            return 0.0
        return float((_likeness(mine, theirs[slip:]) > _LEAST_LEVEL).mean())

    def sound_edge(self, at: float) -> Edge | None:
        """Where the sound of both begins or ends to be alike; lays them over each other."""
        before, after = (REACH, _INSIDE) if self.side == "start" else (_INSIDE, REACH)
        window = Segment(max(0.0, at - before), at + after)
        mine = self.closeups.sound(self.mine, window)
        low = self.there(window.start) - _SLIP
        theirs = self._their_sound(low, window.duration + 2 * _SLIP / self.pace)
        if mine is None or theirs is None or len(mine) < RATE:
            return None
        mine, theirs = _flat(mine), _flat(theirs)
        edge = round((at - window.start) * RATE)
        inside = slice(edge, None) if self.side == "start" else slice(0, edge)
        slip = _slip(mine, theirs, inside)
        if slip is None:
            return None
        self.base += (slip / RATE - _SLIP / self.pace) * self.pace
        self.heard = True
        alike = _likeness(mine, theirs[slip:])
        frames = np.arange(len(alike)) * _HOP + _FRAME / 2
        within = alike[frames >= edge + RATE * 0.3] if self.side == "start" else alike[
            frames <= edge - RATE * 0.3
        ]  # fmt: skip
        level = float(np.median(within)) if len(within) else 0.0
        if level < _LEAST_LEVEL:
            return None
        first = change(alike - level / 2, self.side)
        if first in (0, len(alike)):
            if first or self.side == "end" or window.start > 0:
                return None  # alike beyond what was looked at, or nowhere
            return Edge(0.0, "sound", sharp=True)
        time = window.start + (first * _HOP + (_FRAME - _HOP) / 2) / RATE
        return Edge(time, "sound", sharp=False)

    def _their_sound(self, start: float, seconds: float) -> NDArray[np.float32] | None:
        """Their sound at my pace, `seconds` of mine; silence before their 0.0."""
        length = seconds * self.pace
        begin = max(0.0, start)
        if start + length <= begin:
            return None
        samples = self.closeups.sound(self.theirs, Segment(begin, start + length))
        if samples is None:
            return None
        samples = np.pad(samples, (round((begin - start) * RATE), 0))
        if self.pace == 1.0:
            return samples
        from scipy.signal import resample_poly  # for PAL alone: it loads slowly

        up, down = (24, 25) if self.pace > 1 else (25, 24)
        return np.asarray(resample_poly(samples, up, down), np.float32)

    def first_look(self, at: float, length: float) -> float:
        """A coarse edge by pictures four times a second, where key pictures left it open."""
        inside, outside = min(_LOOK_INSIDE, 0.6 * length), _LOOK_OUTSIDE
        before, after = (outside, inside) if self.side == "start" else (inside, outside)
        limit = self.prints[self.mine].duration
        times = np.arange(max(0.0, at - before), min(limit, at + after), _GLANCE)
        reach = self.prints[self.theirs].duration
        there = self.base + times * self.pace
        times = times[(there >= 0) & (there < reach)]
        if len(times) < 4:
            return at
        mine = self.closeups.glances(self.mine, times.tolist())
        theirs = self.closeups.glances(self.theirs, (self.base + times * self.pace).tolist())
        if mine is None or theirs is None:
            return at
        rows = np.arange(len(times))
        gain = _picture_gain(_correlation(mine, rows, theirs, rows), mine.usable & theirs.usable)
        if gain.max() <= 0:
            return at
        first = change(gain, self.side)
        return float(times[min(first, len(times) - 1)])

    def picture_edge(self, at: float) -> Edge | None:
        """The first or last picture of mine that theirs shows too."""
        if self.heard:  # it is within a few hundredths, most often
            edge = self._picture_edge(at, _NEAR)
            if edge is not None and edge.sharp:
                return edge
        return self._picture_edge(at, REACH)

    def _picture_edge(self, at: float, reach: float) -> Edge | None:
        mine = self.closeups.pictures(self.mine, around(at, reach, self.prints[self.mine]))
        moment = self.there(at)
        if moment < 0:
            return None
        slack = 0.1 if self.heard else 0.3  # seconds by which the lag may still be wrong
        window = around(moment, (reach + slack) * self.pace, self.prints[self.theirs])
        theirs = self.closeups.pictures(self.theirs, window)
        if mine is None or theirs is None:
            return None
        inside = mine.times >= at + 0.2 if self.side == "start" else mine.times < at - 0.2
        if not self.heard:
            self._slide(mine, theirs, inside)
        best = self._alike(mine, theirs)
        told = best[inside & (best > -1)]
        if len(told) < 3 or np.median(told) < _ALIKE:
            return None
        gain = _picture_gain(best, best > -1)
        first = change(gain, self.side)
        if self.side == "start" and first == 0 and mine.times[0] <= 0.05:
            return Edge(0.0, "picture", sharp=True)
        if first in (0, len(mine)):
            return None
        return Edge(float(mine.times[first]), "picture", sharp=mine.is_cut(first))

    def _alike(self, mine: Closeup, theirs: Closeup, late: int = 0) -> Floats:
        """Correlation of each of my pictures with theirs of its moment; -1: nothing to compare."""
        there = self.base + mine.times * self.pace
        at_theirs = np.searchsorted(theirs.times, there + 1e-3, side="right") - 1 + late
        known = (there >= theirs.times[0] - 0.05) & (there <= theirs.times[-1] + 0.05)
        best = np.full(len(mine), -1.0)
        for beside in (-1, 0, 1):  # rates differ, and clocks by a part of a picture
            rows = np.clip(at_theirs + beside, 0, len(theirs) - 1)
            value = _correlation(mine.pictures, np.arange(len(mine)), theirs.pictures, rows)
            usable = mine.pictures.usable & theirs.pictures.usable[rows] & known
            best = np.where(usable, np.maximum(best, value), best)
        return best

    def _slide(self, mine: Closeup, theirs: Closeup, inside: NDArray[np.bool_]) -> None:
        """Mend the lag by pictures, to one of them, where no sound told it."""
        if len(theirs) < 2:
            return
        means = {}
        for late in sorted(range(-_SLIDE, _SLIDE + 1), key=abs):
            alike = self._alike(mine, theirs, late)[inside]
            means[late] = float(alike[alike > -1].mean()) if (alike > -1).any() else -1.0
        best = max(means, key=lambda late: means[late])
        if means[best] > means[0] + _CLEARLY:
            self.base += best * float(np.median(np.diff(theirs.times)))


def change(gain: Floats, side: Side) -> int:
    """Where a sequence turns from loss to gain (start), or from gain to loss (end): 0 to n."""
    sums = np.r_[0.0, np.cumsum(gain)]
    return int(sums.argmin() if side == "start" else sums.argmax())


def _flat(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pre-emphasis: without it the bass alone decides what is alike."""
    return np.append(samples[:1], samples[1:] - np.float32(0.95) * samples[:-1])


def _slip(mine: NDArray[np.float32], theirs: NDArray[np.float32], inside: slice) -> int | None:
    """By how many samples theirs are late; None where nothing is alike."""
    from scipy.fft import irfft, next_fast_len, rfft

    part = mine[inside]
    first = inside.start or 0
    other = theirs[first : first + len(part) + len(theirs) - len(mine)]
    if len(part) < RATE // 2 or len(other) < len(part):
        return None
    size = next_fast_len(len(other), real=True)
    products = irfft(rfft(other, size) * rfft(part, size).conj(), size)
    products = products[: len(other) - len(part) + 1]
    squares = np.r_[0.0, np.cumsum(other.astype(np.float64) ** 2)]
    energy = (squares[len(part) :] - squares[: -len(part)]) * float((part**2).sum())
    value = products / np.sqrt(np.maximum(energy[: len(products)], 1e-12))
    best = int(value.argmax())
    return best if value[best] > 0.1 else None


def _likeness(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> Floats:
    """Correlation of both in frames of 30 ms, one every 10 ms; 0 where nothing sounds."""
    n = min(len(mine), len(theirs))
    sums = [
        np.r_[0.0, np.cumsum(values.astype(np.float64))]
        for values in (mine[:n] * theirs[:n], mine[:n] ** 2, theirs[:n] ** 2)
    ]
    starts = np.arange(0, n - _FRAME + 1, _HOP)
    cross, a, b = (s[starts + _FRAME] - s[starts] for s in sums)
    return np.asarray(cross / np.sqrt(np.maximum(a * b, 1e-14)))


def _correlation(
    a: Signatures, rows_a: NDArray[np.intp], b: Signatures, rows_b: NDArray[np.intp]
) -> Floats:
    one, two = a.vectors(rows_a), b.vectors(rows_b)
    return np.asarray(np.einsum("nvd,nwd->nvw", one, two).max(axis=(1, 2)), np.float64)


def _picture_gain(correlation: Floats, known: NDArray[np.bool_]) -> Floats:
    return np.where(known, np.clip(correlation, 0, 1) - _HALFWAY, 0.0)
