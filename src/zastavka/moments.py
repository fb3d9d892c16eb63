"""Moments where an edge may lie, and what pictures and sound say of each.

Moments are shot cuts, to the frame; middles of dissolves; and turns of the sound, where what is
heard before differs most from what is heard after. All are described by the same columns, whichever
sense named them: a theme begins with its pictures and its music together, while the cuts of a story
do not coincide with turns of its sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zastavka.audio import COLUMNS as SOUND_COLUMNS
from zastavka.audio import RATE, describe_sound
from zastavka.segment import Grid

Floats = NDArray[np.float64]

SIZE = (32, 18)  # width and height of pictures: larger ones would show motion rather than cuts

_TOGETHER = 0.045  # seconds: a cut and a turn of the sound so near are one moment
_MOST = 10  # moments of a kind
_FEWEST = 6  # pictures that tell something

_CUT = 0.5  # logarithm of how many times the usual step a cut is, at least
_DISSOLVE = 0.2  # clearness of a dissolve, at least
_HALF = 0.5  # seconds from the middle of a dissolve to where it is surely over
_BLUR = 0.2  # seconds by which that middle may be wrong
_CLAIMS = 4  # pictures at which one dissolve seems half over, at most
_UNDER_WAY = 4  # pictures that a dissolve lasts, at least
_STEEPEST = 0.35  # share of the way that one picture of a dissolve may go
_BESIDE = 0.45  # seconds before and after a moment that are compared by eye
_CLOCK = 0.02  # seconds by which containers round
_BLACK = 18.0  # mean level of 255

_HOP, _FRAME = 160, 320  # samples: 10 and 20 ms
_SECOND = RATE // _HOP  # hops
_BANDS = 20
_FLOOR = 1e-8  # of full scale, as power: -80 dB
_PEAK = 8  # hops on either side in which a turn of the sound is the strongest
_NEAR = 4  # hops by which pictures and sound of one moment may differ
_ROW = 0.1  # seconds: rows of what the sound is like
_ROWS = 25  # of them before and after a moment: longer than the pauses of speech
_CHARACTER = {  # columns of the sound, and what is a great difference there
    "loudness": 10.0,
    "softest": 10.0,
    "low_energy": 0.3,
    "flux": 0.05,
    "flatness": 0.5,
    "crest": 0.3,
    "chroma_steady": 0.2,
    "peaks_steady": 0.2,
    "centroid": 0.1,
    "rolloff": 0.2,
    "crossings_spread": 0.05,
}
_LIKE = [SOUND_COLUMNS.index(name) for name in _CHARACTER]
_SCALE = np.array(list(_CHARACTER.values()), np.float32)

COLUMNS: tuple[str, ...] = (
    "file_edge", "no_pictures", "no_sound",
    "cut", "dissolve", "seen", "black_before", "black_after",
    "jump_50ms", "jump_200ms", "jump_1s", "contrast_1s", "contrast_300ms", "floor", "floor_rise",
    "dip_before", "dip_after", "rank",
    "cut_jump", "cut_rank", "cut_contrast", "cut_floor", "dissolve_rank", "cut_alone",
    "dissolve_alone",
    *(f"rise_{name}" for name in _CHARACTER),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A stretch of a file: RGB `pictures` (n, *SIZE[::-1], 3), each shown from `times` (n,) on.

    `samples` are at `audio.RATE`, the first is heard at `start` seconds. None: nothing of the kind.
    """

    times: Floats
    pictures: NDArray[np.uint8] | None
    start: float
    samples: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Times (k,) in seconds, in order, and their `table` (k, len(COLUMNS))."""

    times: Floats
    table: Floats

    def __len__(self) -> int:
        return len(self.times)


def find_moments(
    stretch: Stretch, first: float, last: float, file_edge: float | None = None
) -> Moments:
    """The moments from `first` to `last` seconds; an edge of the file among them is always one."""
    shown, heard = stretch.pictures, stretch.samples
    seen = None if shown is None or len(shown) < _FEWEST else _Seen(stretch.times, shown)
    sound = None if heard is None or len(heard) < RATE else _Heard(stretch.start, heard)
    cuts = [t for t in (seen.cuts() if seen else []) if first <= t <= last]
    times = [*cuts, *(t for t in (seen.dissolves() if seen else []) if first <= t <= last)]
    for time in sound.turns(first, last) if sound else []:
        if all(abs(time - cut) > _TOGETHER for cut in cuts):
            times.append(time)
    if file_edge is not None:
        times = [file_edge, *(t for t in times if abs(t - file_edge) > _TOGETHER)]
    at = np.array(sorted(set(times)), np.float64)
    eye = seen.table(at) if seen else np.zeros((len(at), 5))
    ear = sound.table(at, first, last) if sound else np.zeros((len(at), 10))
    like = sound.rises(at) if sound else np.zeros((len(at), len(_LIKE)))
    blind, deaf = (np.full(len(at), sense is None) for sense in (seen, sound))
    pairs = _pairs(eye, ear, sound is None)
    return Moments(at, np.column_stack([at == file_edge, blind, deaf, eye, ear, pairs, like]))


def _pairs(eye: Floats, ear: Floats, deaf: bool) -> Floats:
    """Columns cut_jump to dissolve_alone: what is said by both senses, or by eye alone."""
    cut, dissolve = np.minimum(eye[:, 0], 2.0), eye[:, 1]
    jump, contrast, floor, rank = ear[:, 1], ear[:, 4], ear[:, 5], ear[:, 9]
    both = [cut * jump, cut * rank, cut * contrast, cut * floor, dissolve * rank]
    return np.column_stack([*both, eye[:, 0] * deaf, dissolve * deaf])


class _Seen:
    """What pictures say."""

    def __init__(self, times: Floats, pictures: NDArray[np.uint8]) -> None:
        self.times = times
        self.flat = pictures.reshape(len(times), -1).astype(np.float32)
        self.dark = self.flat.mean(axis=1) < _BLACK
        self.cut = _cuts(self.flat)
        self.soft = self._dissolves()

    def cuts(self) -> list[float]:
        """The clearest shot cuts."""
        return self._best(self.cut, _CUT)

    def dissolves(self) -> list[float]:
        """Middles of the clearest dissolves."""
        return self._best(self.soft, _DISSOLVE)

    def _best(self, strength: Floats, least: float) -> list[float]:
        best = np.argsort(-strength)[:_MOST]
        return [float(self.times[k]) for k in best if strength[k] >= least]

    def _dissolves(self) -> Floats:
        """How clearly a dissolve is half over at each picture, (n,)."""
        soft = np.array([self._dissolve(k) for k in range(len(self.times))], np.float64)
        claims = np.abs(self.times[:, None] - self.times[soft > 0]) <= _HALF
        # a camera that moves steadily is half over all the time
        return np.where(claims.sum(axis=1) <= _CLAIMS, soft, 0.0)

    def _dissolve(self, k: int) -> float:
        """How clearly a dissolve is half over at picture k: those around it are mixtures."""
        low = int(np.searchsorted(self.times, self.times[k] - _HALF))
        high = int(np.searchsorted(self.times, self.times[k] + _HALF)) - 1
        if low < 2 or high > len(self.times) - 3 or high - low < 2 * _UNDER_WAY:
            return 0.0
        before = self.flat[low - 2 : low + 1].mean(axis=0)
        after = self.flat[high : high + 3].mean(axis=0)
        way = after - before
        size = float((way * way).mean())
        inner = self.flat[low : high + 1] - before
        share = inner @ way / (size * len(way) + 1.0)
        here = k - low
        if not share[here - 1] < 0.5 <= share[here]:
            return 0.0
        under_way = int(((share > 0.12) & (share < 0.88)).sum())
        if under_way < _UNDER_WAY or np.diff(share[max(0, here - 6) : here + 6]).max() > _STEEPEST:
            return 0.0
        rest = float(((inner - share[:, None] * way) ** 2).mean()) / (size + 1.0)
        alike = float(np.corrcoef(before, after)[0, 1]) if before.std() * after.std() > 1 else 0.0
        # a camera that moves slowly mixes pictures too, but of one place
        return float(np.log1p(np.sqrt(size) / 8)) * max(0.0, 1 - 4 * rest) * (1 - max(0.0, alike))

    def table(self, at: Floats) -> Floats:
        """Columns cut to black_after."""
        table = np.zeros((len(at), 5))
        for row, time in zip(table, at, strict=True):
            away = np.abs(self.times - time)
            row[0] = self.cut[away <= _TOGETHER].max(initial=0.0)
            row[1] = (self.soft * np.maximum(1 - away / _BLUR, 0)).max()
            turn = time - _CLOCK
            before = np.flatnonzero((self.times < turn) & (self.times > time - _BESIDE))
            after = np.flatnonzero((self.times > turn) & (self.times < time + _BESIDE))
            if len(before) and len(after):
                apart = self.flat[after].mean(axis=0) - self.flat[before].mean(axis=0)
                row[2] = np.log1p(np.abs(apart).mean() / 8)
                row[3], row[4] = self.dark[before[-1]], self.dark[after[0]]
        return table


def _cuts(flat: NDArray[np.float32]) -> Floats:
    """Logarithm of how many times the usual step it is from each picture before to it, (n,)."""
    n = len(flat)
    step = np.zeros(n)
    step[1:] = np.abs(np.diff(flat, axis=0)).mean(axis=1)
    stays = step.copy()  # from two before to one after: a flash passes, a new shot stays
    stays[2:-1] = np.abs(flat[3:] - flat[:-3]).mean(axis=1)
    around = [np.r_[0.0, 0.0, step[max(1, k - 6) : k], step[k + 1 : k + 7]] for k in range(n)]
    # the second largest: drawn films move every few pictures, and one cut may follow another
    usual = np.array([np.sort(steps)[-2] for steps in around])
    strength = np.log((np.minimum(step, stays) + 1.5) / (usual + 1.5))
    strength[0] = 0.0
    return np.asarray(np.maximum(strength, 0.0), np.float64)


class _Heard:
    """What sound says. Border i lies i hops from the start; no frame of a side reaches over it."""

    def __init__(self, start: float, samples: NDArray[np.float32]) -> None:
        self.start = start
        frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP]
        power = np.abs(np.fft.rfft(frames * _WINDOW, axis=1)) ** 2
        self.bands: Floats = 10 * np.log10(np.add.reduceat(power, _EDGES, axis=1) + _FLOOR)
        self.sums = np.pad(np.cumsum(self.bands, axis=0), ((1, 0), (0, 0)))
        self.jumps = np.stack([self._jump(hops) for hops in (5, 20, _SECOND)], axis=1)
        self.turn = self.jumps[:, 0] + self.jumps[:, 1]
        grid = Grid.over(len(samples) / RATE, _ROW)
        self.rows = describe_sound(samples, grid)[:, _LIKE] / _SCALE

    def _jump(self, hops: int) -> Floats:
        """Mean distance of the bands before and behind each border, in units of 10 dB."""
        n = len(self.bands)
        at = np.arange(n + 1)
        stop = np.maximum(at - 1, 0)
        low, high = np.maximum(stop - hops, 0), np.minimum(at + hops, n)
        before = (self.sums[stop] - self.sums[low]) / np.maximum(stop - low, 1)[:, None]
        after = (self.sums[high] - self.sums[at]) / np.maximum(high - at, 1)[:, None]
        known = np.minimum(stop - low, high - at) > hops // 2
        return np.where(known, np.abs(after - before).mean(axis=1) / 10, 0.0)

    def turns(self, first: float, last: float) -> list[float]:
        """The strongest turns of the sound."""
        from scipy.ndimage import maximum_filter1d

        peaks = np.flatnonzero(self.turn == maximum_filter1d(self.turn, 2 * _PEAK + 1))
        times = self.start + peaks * _HOP / RATE
        inside = (times >= first) & (times <= last) & (self.turn[peaks] > 0)
        best = np.argsort(-self.turn[peaks[inside]])[:_MOST]
        return [float(time) for time in times[inside][best]]

    def table(self, at: Floats, first: float, last: float) -> Floats:
        """Columns jump_50ms to rank, of the strongest border next to each time."""
        table = np.zeros((len(at), 10))
        strongest = float(self.turn[self._border(first) : self._border(last) + 1].max()) + 0.1
        for row, time in zip(table, at, strict=True):
            low = max(0, self._border(time) - _NEAR)
            i = low + int(self.turn[low : self._border(time) + _NEAR + 1].argmax())
            row[:3], row[9] = self.jumps[i], self.turn[i] / strongest
            stop = max(0, i - 1)
            before, after = self.bands[max(0, stop - _SECOND) : stop], self.bands[i : i + _SECOND]
            if min(len(before), len(after)) < 5:
                continue
            row[3], row[4] = _contrast(before, after), _contrast(before[-30:], after[:30])
            rise = np.quantile(after[:50], 0.15, axis=0) - np.quantile(before[-50:], 0.15, axis=0)
            row[5], row[6] = np.abs(rise).mean() / 10, rise.mean() / 10
            row[7] = np.clip((before[-5:].mean() - before.mean()) / 10, -3, 3)
            row[8] = np.clip((after[:5].mean() - after.mean()) / 10, -3, 3)
        return table

    def rises(self, at: Floats) -> Floats:
        """How what the sound is like rises from the seconds before to those behind each time."""
        table = np.zeros((len(at), len(_LIKE)))
        for row, time in zip(table, at, strict=True):
            k = round((time - self.start) / _ROW)
            before = self.rows[max(0, k - 1 - _ROWS) : max(0, k - 1)]
            after = self.rows[k + 1 : k + 1 + _ROWS]
            if min(len(before), len(after)) > 2:
                row[:] = np.clip(after.mean(axis=0) - before.mean(axis=0), -3, 3)
        return table

    def _border(self, time: float) -> int:
        return min(max(round((time - self.start) * RATE / _HOP), 0), len(self.bands))


def _contrast(before: Floats, after: Floats) -> float:
    """How far the bands of two stretches are apart, in units of their spread."""
    spread = before.std(axis=0) + after.std(axis=0) + 2.0
    return float((np.abs(after.mean(axis=0) - before.mean(axis=0)) / spread).mean())


def _edges() -> NDArray[np.intp]:
    """First bins of bands that are equally wide in mel, from 50 Hz to 8 kHz."""
    mel = np.linspace(np.log1p(50 / 700), np.log1p(8000 / 700), _BANDS + 1)[:-1]
    bins = np.round(700 * np.expm1(mel) * _FRAME / RATE).astype(np.intp)
    return np.unique(np.maximum(bins, 1))


_WINDOW = (np.hanning(_FRAME) * (2 / _FRAME)).astype(np.float32)
_EDGES = _edges()
