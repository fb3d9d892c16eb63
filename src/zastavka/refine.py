"""An edge to the frame, by the finest evidence there is.

Two episodes that share a piece are laid over each other to the millisecond by cross-correlation of
their sound. Then each kind of evidence says where the likeness begins or ends: the sound, frame by
frame of 10 ms; the pictures, one by one. A shot cut close to the edge of the sound is the edge,
since music is laid under pictures and not the other way round; black, silence and the chapters of
the file decide where nothing better does. Where several episodes have the piece, what most of them
say holds for the one that says nothing.

The change of level is found as the maximum of the cumulative sum (Page: Continuous inspection
schemes, Biometrika 1954), between the level inside and that of strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zastavka.closeup import RATE, Closeup, Closeups
from zastavka.config import RefineOptions
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance, Recurring
from zastavka.segment import Segment
from zastavka.signature import Signatures

Side = Literal["start", "end"]
Floats = NDArray[np.float64]

_REACH = 1.5  # seconds around the coarse edge that are looked at
_INSIDE = 3.0  # seconds inside the piece by which two episodes are laid over each other
_SLIP = 0.25  # seconds by which the coarse lag may be wrong
_HOP, _FRAME = 80, 240  # samples: 10 and 30 ms
_LEAST_LEVEL = 0.35  # correlation inside, in the median, under which the sound tells no edge
_MOSTLY = 0.6  # share of what was missed that must be alike to be taken in
_HALFWAY = 0.7  # correlation of pictures: a dissolve is half over
_ALIKE = 0.88  # correlation inside from which two episodes show the same
_CUT, _CUT_RATIO = 5.0, 3.0  # a cut: levels of 255 between two pictures, and times the usual
_NEAR = 0.15  # seconds: a cut so near to the edge of the sound is the edge
_BORDER = 0.4  # seconds: so near, black or a pause is taken for it
_CHAPTER = 1.0  # seconds
_BLACK = 18.0  # mean level of 255
_QUIET_DB = -50.0
_LOOK_INSIDE, _LOOK_OUTSIDE = 8.0, 4.0  # seconds of the first look
_GLANCE = 0.25  # seconds between the pictures of the first look, where sound tells nothing


@dataclass(frozen=True, slots=True)
class Edge:
    """When a piece begins or ends in an episode, and which evidence said so.

    `sharp`: known to a frame; else to a tenth of a second or so.
    """

    time: float
    source: str  # "picture", "sound", "cut", "black", "silence", "chapter", "repeat"
    sharp: bool


def refine(
    piece: Recurring,
    prints: list[EpisodePrint],
    speeds: list[float],
    closeups: Closeups,
    options: RefineOptions,
    wanted: set[int],
) -> dict[int, Segment]:
    """The instances of a piece in the wanted episodes, their edges to the frame.

    Keys are numbers in `piece.instances`.
    """
    edges = {
        (i, side): _edge(piece, instance, side, prints, speeds, closeups, options)
        for i, instance in enumerate(piece.instances)
        if instance.episode in wanted
        for side in ("start", "end")
    }
    found = {}
    for i, instance in enumerate(piece.instances):
        if instance.episode not in wanted:
            continue
        start, end = edges[i, "start"].time, edges[i, "end"].time
        limit = prints[instance.episode].duration
        start, end = max(0.0, start), min(end, limit)
        found[i] = Segment(start, end) if end - start > 0.5 else instance.segment
    return found


def _edge(
    piece: Recurring,
    instance: Instance,
    side: Side,
    prints: list[EpisodePrint],
    speeds: list[float],
    closeups: Closeups,
    options: RefineOptions,
) -> Edge:
    at = instance.segment.start if side == "start" else instance.segment.end
    edge = Edge(at, "repeat", sharp=False)
    if not closeups.can_read(instance.episode):
        return _at_chapter(edge, prints[instance.episode], options)
    other = _yardstick(piece, instance, side, speeds, closeups)
    known = prints[instance.episode]
    if other is not None and not (piece.seamed and side == "start"):
        pair = _Pair(instance, other, side, speeds, prints, closeups)
        at = pair.farther(at, _missing(piece, instance, side, speeds), instance)
        heard = pair.sound_edge(at) if options.sound and instance.heard > 0.5 else None
        at = heard.time if heard else at
        if options.picture and known.rate and not heard:
            at = pair.first_look(at, piece.length)
        seen = pair.picture_edge(at) if options.picture else None
        if seen is not None and seen.sharp:
            return seen
        edge = heard or seen or edge
    shots = closeups.pictures(instance.episode, _around(edge.time, _REACH, known))
    if shots is not None:
        edge = _at_cut(edge, side, shots, options)
    if options.silence and not edge.sharp:
        edge = _at_pause(edge, instance.episode, known, closeups)
    return _at_chapter(edge, known, options)


def _around(at: float, reach: float, print_: EpisodePrint) -> Segment:
    start = max(0.0, at - reach)
    return Segment(start, max(start + 0.5, min(at + reach, print_.duration)))


def _yardstick(
    piece: Recurring, instance: Instance, side: Side, speeds: list[float], closeups: Closeups
) -> Instance | None:
    """Another instance that has this edge of the piece too, at the same pace if there is one."""
    # the fullest come first: they can also say whether more of it is here than was found
    others = [
        (
            _missing(piece, o, side, speeds) > 0.2,
            speeds[o.episode] != speeds[instance.episode],
            abs(o.episode - instance.episode),
            k,
            o,
        )
        for k, o in enumerate(piece.instances)
        if o.episode != instance.episode
        and closeups.can_read(o.episode)
        and _missing(piece, o, side, speeds) <= _missing(piece, instance, side, speeds) + 0.2
    ]
    return min(others)[4] if others else None


def _missing(piece: Recurring, instance: Instance, side: Side, speeds: list[float]) -> float:
    """Seconds of the piece that the instance seems to lack at this side."""
    lacks = instance.first if side == "start" else piece.length - _last(instance, speeds)
    return max(0.0, lacks / speeds[instance.episode])


def _last(instance: Instance, speeds: list[float]) -> float:
    return instance.first + instance.segment.duration * speeds[instance.episode]


class _Pair:
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
        before, after = (_REACH, _INSIDE) if self.side == "start" else (_INSIDE, _REACH)
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
            open_end = self.side == "end" or window.start > 0
            if open_end:
                return None  # alike beyond what was looked at, or nowhere
            return Edge(0.0, "sound", sharp=True)
        time = window.start + (first * _HOP + (_FRAME - _HOP) / 2) / RATE
        return Edge(time, "sound", sharp=False)

    def _their_sound(self, start: float, seconds: float) -> NDArray[np.float32] | None:
        """Their sound at my pace, `seconds` of mine; silence before their 0.0."""
        from scipy.signal import resample_poly

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
        mine = self.closeups.pictures(self.mine, _around(at, _REACH, self.prints[self.mine]))
        moment = self.there(at)
        if moment < 0:
            return None
        window = _around(moment, (_REACH + 0.3) * self.pace, self.prints[self.theirs])
        theirs = self.closeups.pictures(self.theirs, window)
        if mine is None or theirs is None:
            return None
        there = self.base + mine.times * self.pace
        at_theirs = np.searchsorted(theirs.times, there + 1e-3, side="right") - 1
        known = (there >= theirs.times[0] - 0.05) & (there <= theirs.times[-1] + 0.05)
        best = np.full(len(mine), -1.0)
        for beside in (-1, 0, 1):  # rates differ, and clocks by a part of a picture
            rows = np.clip(at_theirs + beside, 0, len(theirs) - 1)
            value = _correlation(mine.pictures, np.arange(len(mine)), theirs.pictures, rows)
            usable = mine.pictures.usable & theirs.pictures.usable[rows] & known
            best = np.where(usable, np.maximum(best, value), best)
        gain = _picture_gain(best, best > -1)
        inside = mine.times >= at + 0.2 if self.side == "start" else mine.times < at - 0.2
        told = best[inside & (best > -1)]
        if len(told) < 3 or np.median(told) < _ALIKE:
            return None
        first = change(gain, self.side)
        if self.side == "start" and first == 0 and mine.times[0] <= 0.05:
            return Edge(0.0, "picture", sharp=True)
        if first in (0, len(mine)):
            return None
        return Edge(float(mine.times[first]), "picture", sharp=_is_cut(mine, first))


def change(gain: Floats, side: Side) -> int:
    """Where a sequence turns from loss to gain (start), or from gain to loss (end): 0 to n."""
    sums = np.r_[0.0, np.cumsum(gain)]
    return int(sums.argmin() if side == "start" else sums.argmax())


def _flat(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pre-emphasis: without it the bass alone decides what is alike."""
    return np.append(samples[:1], samples[1:] - np.float32(0.95) * samples[:-1])


def _slip(mine: NDArray[np.float32], theirs: NDArray[np.float32], inside: slice) -> int | None:
    """By how many samples theirs are late; None where nothing is alike."""
    from scipy.signal import correlate

    part = mine[inside]
    first = inside.start or 0
    other = theirs[first : first + len(part) + len(theirs) - len(mine)]
    if len(part) < RATE // 2 or len(other) < len(part):
        return None
    products = correlate(other, part, mode="valid", method="fft")
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


# ------------------------------------------------------------------ one episode alone


def _is_cut(shots: Closeup, k: int) -> bool:
    near = np.r_[shots.step[max(0, k - 6) : k], shots.step[k + 1 : k + 7]]
    usual = float(np.median(near)) if len(near) else 0.0
    return bool(shots.step[k] > max(_CUT, _CUT_RATIO * usual))


def _at_cut(edge: Edge, side: Side, shots: Closeup, options: RefineOptions) -> Edge:
    if edge.sharp:
        return edge
    near = np.flatnonzero(np.abs(shots.times - edge.time) <= _NEAR)
    cuts = [int(k) for k in near if k and _is_cut(shots, int(k))]
    if options.cut and cuts:
        best = max(cuts, key=lambda k: shots.step[k])
        return Edge(float(shots.times[best]), "cut", sharp=True)
    if options.black:
        dark = shots.luma < _BLACK
        turns = np.flatnonzero(np.diff(dark.astype(np.int8)) == (-1 if side == "start" else 1)) + 1
        near = turns[np.abs(shots.times[turns] - edge.time) <= _BORDER]
        if len(near):
            k = int(near[np.abs(shots.times[near] - edge.time).argmin()])
            return Edge(float(shots.times[k]), "black", sharp=True)
    return edge


def _at_pause(edge: Edge, episode: int, print_: EpisodePrint, closeups: Closeups) -> Edge:
    window = _around(edge.time, _BORDER, print_)
    samples = closeups.sound(episode, window)
    if samples is None or len(samples) < _FRAME:
        return edge
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
    level = 10 * np.log10((frames.astype(np.float64) ** 2).mean(axis=1) + 1e-10)
    quiet = np.flatnonzero(level < _QUIET_DB)
    if not len(quiet):
        return edge
    times = window.start + (quiet * _HOP + _FRAME / 2) / RATE
    return Edge(float(times[np.abs(times - edge.time).argmin()]), "silence", sharp=False)


def _at_chapter(edge: Edge, print_: EpisodePrint, options: RefineOptions) -> Edge:
    if edge.sharp or not options.chapters:
        return edge
    borders = [t for c in print_.chapters for t in (c.segment.start, c.segment.end)]
    near = [t for t in borders if abs(t - edge.time) <= _CHAPTER]
    if not near:
        return edge
    return Edge(min(near, key=lambda t: abs(t - edge.time)), "chapter", sharp=True)
