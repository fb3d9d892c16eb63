"""Sound as a stream of 64-bit words that stay alike under noise, coding and speech on top.

Each word stands for a quarter of a second, one every 64 ms. It says on which side of 64 fixed
hyperplanes the frame's spectrum lies (SimHash [1]), once the spectrum is divided by its own running
mean over 120 Hz: what is left are the partials of music, which speech as loud as the music leaves
standing, and which gain and equalisers don't touch. Two words of the same sound differ in 7 % of
their bits after a lossy codec, in 33 % under speech of the same level, else in 50 % on average.

A word is not usable where nothing sounds, and where the sound stays as it is (a tone, hum): it
would match everywhere. The idea of one short word per frame is that of Haitsma and Kalker [2].

[1] Charikar: Similarity estimation techniques from rounding algorithms, STOC 2002.
[2] Haitsma, Kalker: A highly robust audio fingerprinting system, ISMIR 2002.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Floats = NDArray[np.float32]

NAME = "words/2"  # the number changes with every change of the values
RATE = 5_000  # Hz: the partials that tell pieces of music apart lie below 2.2 kHz
BITS = 64
HOP = 0.064  # seconds between words
FRAME = 0.256  # seconds of sound in a word

_HOP = round(HOP * RATE)
_FRAME = round(FRAME * RATE)
_LOW, _HIGH = round(200 * FRAME), round(2200 * FRAME)  # bins
_AROUND = 31  # bins of the running mean: 120 Hz
_HIGHEST = 3.0  # times the running mean above it; what is more counts as this
_BLOCK = 256  # frames at once: what lies in the cache is not fetched anew
_ROWS = 8  # frames in a product: more are shared out to threads, which cost more than it does
_SILENT_DB = -60
_STEADY_LAGS = (8, 16)  # frames: half a second and a second
_STEADY_BITS = 6  # words that differ in no more than these are the same sound going on


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """Words (n,) of a stretch of sound, word i centred at i * HOP seconds.

    `usable` says which can be compared, `level` how loud each is, in whole dBFS.
    """

    words: Words
    usable: NDArray[np.bool_]
    level: NDArray[np.int8]

    def __post_init__(self) -> None:
        shapes = {self.words.shape, self.usable.shape, self.level.shape}
        if self.words.ndim != 1 or len(shapes) != 1:
            raise ValueError(f"words, flags and levels of different lengths: {shapes}")

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Which words are of more than silence, those that stay as they are among them."""
        return self.level >= _SILENT_DB

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Fingerprint({len(self)} words, {int(self.usable.sum())} usable)"


def fingerprint(samples: Floats, speed: float = 1.0) -> Fingerprint:
    """The words of mono `samples` at `RATE`, 0.0 s first.

    `speed` 25/24: as they would be at 24/25 of the pace and pitch, which is how film sounds before
    it is hurried for PAL. Word i then stands at i * HOP seconds of the slow version.
    """
    hop, frame = _HOP / speed, round(_FRAME / speed)
    n = max(1, int(len(samples) / hop))
    padded = np.pad(samples, (frame // 2, frame + 1))
    starts = np.round(np.arange(n) * hop).astype(np.intp)
    window = np.hanning(frame).astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, frame)
    # the bins of a frame of another length are as wide as those of the slow version
    words, level = np.empty(n, np.uint64), np.empty(n, np.int8)
    for first in range(0, n, _BLOCK):
        here = slice(first, min(n, first + _BLOCK))
        block = views[starts[here]]
        words[here] = _hash(_partials(block * window))
        power = np.einsum("ij,ij->i", block, block) / frame
        level[here] = np.round(10 * np.log10(power + 1e-12))
    return Fingerprint(words, (level >= _SILENT_DB) & ~_steady(words), level)


def distance(a: Words, b: Words) -> NDArray[np.uint8]:
    """In how many of their 64 bits words differ, elementwise."""
    bits: NDArray[np.uint8] = np.bitwise_count(a ^ b)
    return bits


def _partials(frames: Floats) -> Floats:
    """How far each bin rises above the mean of those around it, shape (n, _HIGH - _LOW)."""
    from scipy.fft import rfft

    half = _AROUND // 2
    spectrum = np.abs(rfft(frames, axis=1)[:, _LOW - half - 1 : _HIGH + half])
    sums = np.cumsum(spectrum, axis=1, dtype=np.float32)
    near = (sums[:, _AROUND:] - sums[:, :-_AROUND]) * np.float32(1 / _AROUND)
    rise = spectrum[:, half + 1 : -half] / (near + 1e-5) - 1
    return np.asarray(np.clip(rise, 0, _HIGHEST, out=rise))


def _hash(rise: Floats) -> Words:
    centred = rise - rise.mean(axis=1, keepdims=True)
    sides = [centred[i : i + _ROWS] @ _PLANES for i in range(0, len(centred), _ROWS)]
    packed = np.packbits(np.concatenate(sides) > 0, axis=1, bitorder="little")
    words: Words = packed.view("<u8")[:, 0].astype(np.uint64)
    return words


def _steady(words: Words) -> NDArray[np.bool_]:
    """Words that differ hardly from those half a second and a second before, or after."""
    steady = np.zeros(len(words), np.bool_)
    longest = max(_STEADY_LAGS)
    if len(words) <= longest:
        return steady
    same = np.ones(len(words) - longest, np.bool_)
    for lag in _STEADY_LAGS:
        same &= distance(words[: len(same)], words[lag : lag + len(same)]) <= _STEADY_BITS
    steady[: len(same)] |= same
    steady[longest:] |= same
    return steady


def _planes() -> Floats:
    """Normals of the hyperplanes, entries +-1, the same on every machine."""
    bits = random.Random(20_020).getrandbits((_HIGH - _LOW) * BITS)
    signs = np.frombuffer(bits.to_bytes((_HIGH - _LOW) * BITS // 8, "little"), np.uint8)
    planes = np.unpackbits(signs).reshape(_HIGH - _LOW, BITS).astype(np.float32)
    return planes * 2 - 1


_PLANES = _planes()
