"""Sound described on the episode's grid: what tells a theme from a scene, row by row.

    mel (24)         log energy in mel bands, mean of the row (O'Shaughnessy 1987)
    mel_spread (12)  its spread inside the row, bands in pairs: texture windows [1]
    mel_floor (6)    quietest moment of wide bands, what sounds underneath: minimum statistics [2]
    loudness (4)     mean, softest, loudest frame, softest within 2 s; dBFS, unweighted
    pauses (3)       silence, digital silence, frames far below the mean: low-energy ratio [3]
    flux (3)         rise of the spectrum: mean, peak [4]; its regularity: beat histogram [1]
    tonality (6)     flatness, crest (MPEG-7), steadiness of pitch classes [5] and of peaks,
                     centroid, roll-off [3]
    crossings (1)    spread of the zero-crossing rate (Saunders, ICASSP 1996)
    modulation (3)   envelope at 3-6 Hz (syllables), 8-16 Hz, below 2 Hz: 4-Hz modulation [3]
    novelty (2)      how the sound of 2 s before differs from 2 s after [6]

[1] Tzanetakis, Cook: Musical genre classification of audio signals, 2002.  [2] Martin: Noise power
spectral density estimation, 2001.  [3] Scheirer, Slaney: Speech/music discriminator, ICASSP 1997.
[4] Bello et al.: A tutorial on onset detection, 2005.  [5] Fujishima: Chord recognition, ICMC 1999.
[6] Foote: Automatic audio segmentation using a measure of audio novelty, ICME 2000.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zastavka.segment import Grid

Floats = NDArray[np.float32]

RATE = 16_000  # Hz; speech and the body of music lie below 8 kHz
_HOP = 320  # samples: 20 ms, 50 frames a second
_FRAME = 1024  # samples: 64 ms
_FRAMES_HZ = RATE / _HOP
_BANDS = 24
_FLOOR_DB = -80.0
_SILENCE_DB = -50.0
_PAUSE_DB = 6.0  # below the mean of a second: half of it, as the low-energy ratio has it
_BLOCK = 4096  # frames per STFT block: bounds memory, whatever the length

NAME = "sound/1"  # the number changes with every change of the values
COLUMNS: tuple[str, ...] = (
    *(f"mel{i}" for i in range(_BANDS)),
    *(f"mel_spread{i}" for i in range(_BANDS // 2)),
    *(f"mel_floor{i}" for i in range(_BANDS // 4)),
    "loudness", "softest", "loudest", "softest_2s",
    "silence", "digital_silence", "low_energy",
    "flux", "flux_peak", "pulse",
    "flatness", "crest", "chroma_steady", "peaks_steady",
    "centroid", "rolloff", "crossings_spread",
    "syllables", "fast_modulation", "slow_modulation",
    "novelty", "novelty_floor",
)  # fmt: skip


def describe_sound(samples: Floats, grid: Grid) -> Floats:
    """Descriptor rows, shape (grid.n, len(COLUMNS)), of mono `samples` at `RATE`, 0.0 s first.

    Rows beyond the end of the sound read as silence.
    """
    frames = _Frames(_fit(samples, grid))
    rows = _Rows(grid, len(frames.loudness))
    wide = frames.mel.reshape(len(frames.mel), -1, 4).mean(axis=2)
    floor = rows.lowest(wide)
    columns = [
        rows.mean(frames.mel),
        rows.spread(frames.mel.reshape(len(frames.mel), -1, 2).mean(axis=2)),
        floor,
        *_loudness(frames, rows),
        *_flux(frames, rows),
        *_tonality(frames, rows),
        *_modulation(frames, rows),
    ]
    table = np.concatenate([c if c.ndim == 2 else c[:, None] for c in columns], axis=1)
    table = np.pad(table, ((0, 0), (0, len(COLUMNS) - table.shape[1])))
    fill_context(table, grid.step)
    return np.ascontiguousarray(table, dtype=np.float32)


def fill_context(table: Floats, step: float) -> None:
    """Set the columns of descriptor rows (n, len(COLUMNS)) that follow from the rows around them.

    They are the softest moment within 2 s and the novelty; `step` is in seconds.
    """
    from scipy.ndimage import minimum_filter1d

    table[:, _SOFTEST_2S] = minimum_filter1d(table[:, _SOFTEST], 2 * _near(1.0, step) + 1)
    table[:, _NOVELTY] = _novelty(table[:, _MEL], _near(2.0, step))
    table[:, _NOVELTY + 1] = _novelty(table[:, _MEL_FLOOR], _near(2.0, step))


def _fit(samples: Floats, grid: Grid) -> Floats:
    """As many samples as the grid has seconds, silence added at the end."""
    n = round(grid.duration * RATE)
    return np.pad(samples[:n], (0, max(0, n - len(samples))))


class _Frames:
    """What is measured every 20 ms; each array has one entry per frame."""

    def __init__(self, samples: Floats) -> None:
        n = max(1, len(samples) // _HOP)
        padded = np.pad(samples, (_FRAME // 2, _FRAME))
        self.loudness = np.empty(n, np.float32)  # dBFS
        self.mel = np.empty((n, _BANDS), np.float32)  # dB
        self.flux = np.zeros(n, np.float32)
        self.flatness, self.crest = np.empty(n, np.float32), np.empty(n, np.float32)
        self.centroid, self.rolloff = np.empty(n, np.float32), np.empty(n, np.float32)
        self.crossings = np.empty(n, np.float32)
        self.chroma = np.empty((n, 12), np.float32)
        self.peaks = np.empty((n, _PEAK_BINS), np.float32)
        last: Floats | None = None
        for first in range(0, n, _BLOCK):
            last = self._measure(padded, first, min(n, first + _BLOCK), last)
        self.zero: NDArray[np.bool_] = np.asarray(_per_hop(samples == 0, n).all(axis=1))

    def _measure(self, padded: Floats, first: int, stop: int, last: Floats | None) -> Floats:
        """Fill frames first <= i < stop; `last` is the log spectrum before them."""
        block = np.lib.stride_tricks.sliding_window_view(
            padded[first * _HOP : (stop - 1) * _HOP + _FRAME], _FRAME
        )[::_HOP]
        here = slice(first, stop)
        power = (block * block).mean(axis=1)
        self.loudness[here] = _db(power)
        self.crossings[here] = (np.signbit(block[:, 1:]) != np.signbit(block[:, :-1])).mean(axis=1)
        magnitude = np.abs(np.fft.rfft(block * _WINDOW, axis=1)).astype(np.float32)
        energy = magnitude * magnitude
        self.mel[here] = _db(energy @ _MEL_BANK)
        log = np.log1p(100.0 * magnitude)
        before = np.vstack([last if last is not None else log[:1], log[:-1]])
        self.flux[here] = np.maximum(log - before, 0).mean(axis=1)
        self._shape(here, magnitude, energy)
        chroma = magnitude @ _CHROMA
        self.chroma[here] = chroma / (np.linalg.norm(chroma, axis=1, keepdims=True) + 1e-6)
        low = log[:, 1 : _PEAK_BINS + 1]
        ridge = np.maximum(low - _smooth(low, 15), 0)
        self.peaks[here] = ridge / (np.linalg.norm(ridge, axis=1, keepdims=True) + 1e-3)
        last_row: Floats = log[-1:]
        return last_row

    def _shape(self, here: slice, magnitude: Floats, energy: Floats) -> None:
        voiced = energy[:, 2:250] + 1e-10
        arithmetic = voiced.mean(axis=1)
        self.flatness[here] = np.log10(np.exp(np.log(voiced).mean(axis=1)) / arithmetic)
        self.crest[here] = np.log10(voiced.max(axis=1) / arithmetic)
        total = magnitude.sum(axis=1) + 1e-6
        self.centroid[here] = magnitude @ _HZ / total / (RATE / 2)
        reach = np.cumsum(magnitude, axis=1) >= 0.85 * total[:, None]
        self.rolloff[here] = reach.argmax(axis=1) / magnitude.shape[1]


class _Rows:
    """Frames gathered into the rows of a grid."""

    def __init__(self, grid: Grid, frames: int) -> None:
        edges = np.round(np.arange(grid.n + 1) * grid.step * _FRAMES_HZ).astype(int)
        self.first = np.minimum(edges[:-1], frames - 1)
        self.stop = np.maximum(np.minimum(edges[1:], frames), self.first + 1)

    def mean(self, values: Floats) -> Floats:
        sums = np.concatenate(
            [np.zeros_like(values[:1], np.float64), np.cumsum(values, axis=0, dtype=np.float64)]
        )
        counts = (self.stop - self.first).reshape(-1, *([1] * (values.ndim - 1)))
        means: Floats = ((sums[self.stop] - sums[self.first]) / counts).astype(np.float32)
        return means

    def spread(self, values: Floats) -> Floats:
        mean = self.mean(values)
        return np.sqrt(np.maximum(self.mean(values * values) - mean * mean, 0))

    def lowest(self, values: Floats) -> Floats:
        return self._reduce(np.minimum, values)

    def highest(self, values: Floats) -> Floats:
        return self._reduce(np.maximum, values)

    def _reduce(self, function: np.ufunc, values: Floats) -> Floats:
        bounds = np.stack([self.first, self.stop], axis=1).ravel()
        # reduceat needs indices inside the array: one more frame closes the last row
        padded = np.concatenate([values, values[-1:]])
        reduced: Floats = function.reduceat(padded, bounds, axis=0)[::2]
        return reduced


def _loudness(frames: _Frames, rows: _Rows) -> list[Floats]:
    # 60-ms means: a single quiet frame inside a vowel is no pause
    soft = _smooth(frames.loudness[None], 3)[0]
    lowest = rows.lowest(soft)
    local = _smooth(frames.loudness[None], int(_FRAMES_HZ))[0]
    return [
        rows.mean(frames.loudness),
        lowest,
        rows.highest(frames.loudness),
        np.zeros_like(lowest),  # softest_2s, which `fill_context` sets
        rows.mean((frames.loudness < _SILENCE_DB).astype(np.float32)),
        rows.mean(frames.zero.astype(np.float32)),
        rows.mean((frames.loudness < local - _PAUSE_DB).astype(np.float32)),
    ]


def _flux(frames: _Frames, rows: _Rows) -> list[Floats]:
    onsets = frames.flux - _smooth(frames.flux[None], 25)[0]
    return [rows.mean(frames.flux), rows.highest(frames.flux), rows.mean(_pulse(onsets))]


def _pulse(onsets: Floats) -> Floats:
    """Highest autocorrelation of the onsets at 60-180 beats a minute over 6 s, per frame."""
    span = int(6 * _FRAMES_HZ)
    energy = _smooth((onsets * onsets)[None], span)[0] + 1e-6
    best = np.zeros_like(onsets)
    for lag in range(int(_FRAMES_HZ / 3), int(_FRAMES_HZ) + 1):
        product = np.zeros_like(onsets)
        product[lag:] = onsets[lag:] * onsets[:-lag]
        best = np.maximum(best, _smooth(product[None], span)[0] / energy)
    return best


def _tonality(frames: _Frames, rows: _Rows) -> list[Floats]:
    return [
        rows.mean(frames.flatness),
        rows.mean(frames.crest),
        rows.mean(_steadiness(frames.chroma, 10)),
        rows.mean(_steadiness(frames.peaks, 5)),
        rows.mean(frames.centroid),
        rows.mean(frames.rolloff),
        rows.spread(frames.crossings),
    ]


def _steadiness(vectors: Floats, lag: int) -> Floats:
    """Cosine of each frame's vector with the one `lag` frames before: notes stay, speech glides."""
    out = np.zeros(len(vectors), np.float32)
    out[lag:] = (vectors[lag:] * vectors[:-lag]).sum(axis=1)
    return out


def _modulation(frames: _Frames, rows: _Rows) -> list[Floats]:
    """Share of the mel envelope's movement in three modulation bands, over 2 s."""
    from scipy.signal import butter, sosfiltfilt

    envelope = frames.mel.reshape(len(frames.mel), -1, 4).mean(axis=2)
    if len(envelope) < 64:  # shorter than the filters' settling
        return [np.zeros(len(rows.first), np.float32)] * 3
    moving = envelope - envelope.mean(axis=0)
    total = _smooth((moving**2).mean(axis=1)[None], 100)[0] + 1.0
    shares = []
    for band in ((3.0, 6.0), (8.0, 16.0), (0.25, 2.0)):
        part = sosfiltfilt(butter(2, band, "bandpass", fs=_FRAMES_HZ, output="sos"), moving, axis=0)
        share = _smooth((part**2).mean(axis=1)[None].astype(np.float32), 100)[0] / total
        shares.append(rows.mean(share))
    return shares


def _near(seconds: float, step: float) -> int:
    """How many rows `seconds` are, at least one."""
    return max(1, round(seconds / step))


def _novelty(values: Floats, k: int) -> Floats:
    """Distance between the means of k rows before and k rows from each row on, in dB."""
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0, dtype=np.float64)])
    here = np.arange(len(values))
    low, high = np.maximum(here - k, 0), np.minimum(here + k, len(values))
    before = (sums[here] - sums[low]) / np.maximum(here - low, 1)[:, None]
    after = (sums[high] - sums[here]) / np.maximum(high - here, 1)[:, None]
    distance: Floats = np.abs(after - before).mean(axis=1).astype(np.float32)
    distance[0] = 0.0  # nothing lies before the first row
    return distance


def _per_hop(values: NDArray[np.bool_], n: int) -> NDArray[np.bool_]:
    padded = np.pad(values[: n * _HOP], (0, max(0, n * _HOP - len(values))), constant_values=True)
    return padded.reshape(n, _HOP)


def _smooth(values: Floats, size: int) -> Floats:
    """Running mean along the last axis, edges repeated."""
    from scipy.ndimage import uniform_filter1d

    smoothed: Floats = uniform_filter1d(values, size, axis=-1, mode="nearest")
    return smoothed


def _db(power: NDArray[np.floating]) -> Floats:
    decibels = np.maximum(10.0 * np.log10(power + 1e-12), _FLOOR_DB)
    return np.asarray(decibels, dtype=np.float32)


def _mel_bank() -> Floats:
    """Triangular filters of equal height from 40 Hz to 8 kHz, shape (bins, _BANDS)."""
    mel = np.linspace(_to_mel(40.0), _to_mel(RATE / 2), _BANDS + 2)
    centres = 700.0 * (np.exp(mel / 1127.0) - 1.0)
    rise = (_HZ[:, None] - centres[:-2]) / (centres[1:-1] - centres[:-2])
    fall = (centres[2:] - _HZ[:, None]) / (centres[2:] - centres[1:-1])
    bank = np.maximum(0, np.minimum(rise, fall))
    return np.asarray(bank / bank.sum(axis=0), dtype=np.float32)


def _to_mel(hz: float) -> float:
    return 1127.0 * float(np.log1p(hz / 700.0))


def _chroma_bank() -> Floats:
    """Bins of 60-4,000 Hz onto the twelve pitch classes, shape (bins, 12)."""
    bank = np.zeros((len(_HZ), 12), np.float32)
    audible = np.flatnonzero((_HZ > 60) & (_HZ < 4000))
    pitch = np.round(12 * np.log2(_HZ[audible] / 440.0)).astype(int) % 12
    bank[audible, pitch] = 1.0
    return bank


_WINDOW = (np.hanning(_FRAME) * (2 / _FRAME)).astype(np.float32)  # a full-scale tone reads 1
_HZ = np.fft.rfftfreq(_FRAME, 1 / RATE).astype(np.float32)
_PEAK_BINS = 192  # up to 3 kHz
_MEL_BANK = _mel_bank()
_CHROMA = _chroma_bank()
_MEL, _MEL_FLOOR = slice(0, _BANDS), slice(_BANDS * 3 // 2, _BANDS * 7 // 4)
_SOFTEST, _SOFTEST_2S = COLUMNS.index("softest"), COLUMNS.index("softest_2s")
_NOVELTY = COLUMNS.index("novelty")  # that of the floor comes after it
_LEVELS = ("loudness", "softest", "loudest", "softest_2s", "mel_floor")
IS_LEVEL = np.array(  # columns that rise with the gain of the file, in dB; shape (len(COLUMNS),)
    [name.rstrip("0123456789") in (*_LEVELS, "mel") or name == "softest_2s" for name in COLUMNS],
    dtype=np.float32,
)
