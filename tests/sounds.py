"""Sound made on the spot: music of struck notes, speech of syllables, both from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av import AudioStream
from numpy.typing import NDArray
from scipy.signal import resample_poly

from zastavka.fingerprint import RATE

Floats = NDArray[np.float32]

_LOWEST, _NOTES = 130.8, 36  # Hz, semitones: three octaves
_RING = 1.6  # seconds until a note has faded
_TRACT = 4  # resonances of a voice


def music(seed: int, seconds: float, level: float = -20.0, tuning: float | None = None) -> Floats:
    """Chords of struck notes in an own tempo; `level` in dB of full scale, root mean square.

    `tuning` in semitones; None: a piece's own.
    """
    rng = np.random.default_rng([1, seed])
    n = round(seconds * RATE)
    sound = np.zeros(n + round(_RING * RATE), np.float32)
    own = rng.uniform(-0.5, 0.5)
    notes = _instrument(own if tuning is None else tuning)
    beat, time = rng.uniform(0.18, 0.32), 0.0
    while time < seconds:
        first = round(time * RATE)
        for note in rng.choice(_NOTES, rng.integers(2, 5), replace=False):
            sound[first : first + notes.shape[1]] += rng.uniform(0.4, 1) * notes[note]
        time += beat * rng.choice([1, 1, 1, 2]) * rng.uniform(0.97, 1.03)
    return at_level(sound[:n], level)


@lru_cache(maxsize=16)
def _instrument(tuning: float) -> Floats:
    """A sample of each note, shape (_NOTES, n)."""
    t = np.arange(round(_RING * RATE)) / RATE
    notes = np.zeros((_NOTES, len(t)))
    for i in range(_NOTES):
        hz = _LOWEST * 2 ** ((i + tuning) / 12)
        for k in range(1, int(2400 / hz) + 1):
            notes[i] += np.sin(2 * np.pi * k * hz * t + k) * np.exp(-(1 + 0.7 * k) * t) / k
    fade = np.minimum(1, np.minimum(t / 0.01, (t[-1] - t) / 0.1))
    faded: Floats = (notes * fade).astype(np.float32)
    return faded


def speech(seed: int, seconds: float, level: float = -20.0) -> Floats:
    """Syllables: a buzz of gliding pitch or a hiss, through a mouth that changes its shape."""
    rng = np.random.default_rng([2, seed])
    sound = np.zeros(round(seconds * RATE), np.float32)
    pitch, first = rng.uniform(90, 220), 0
    while first < len(sound):
        n = round(rng.uniform(0.1, 0.3) * RATE)
        t = np.arange(n) / RATE
        hz = pitch * np.exp2(rng.normal(0, 0.15) + rng.normal(0, 0.6) * t)
        hiss = rng.normal(0, 1, n)
        buzz = np.mod(np.cumsum(hz) / RATE, 1) - 0.5
        source = hiss if rng.random() < 0.25 else 2 * buzz + 0.1 * hiss
        part = _through_mouth(source, rng) * np.hanning(n)
        stop = min(len(sound), first + n)
        sound[first:stop] += part[: stop - first].astype(np.float32)
        first += round(n * rng.choice([0.8, 0.8, 0.8, 2.0]))
    return at_level(sound, level)


def _through_mouth(source: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    hz = np.fft.rfftfreq(len(source), 1 / RATE)
    shape = np.full(len(hz), 0.02)
    for low, high in ((250, 850), (850, 2000), (1800, 2400)):
        shape += np.exp(-(((hz - rng.uniform(low, high)) / rng.uniform(60, 150)) ** 2))
    return np.fft.irfft(np.fft.rfft(source) * shape, len(source))


def at_level(sound: Floats, level: float) -> Floats:
    """The sound at `level` dB of full scale, root mean square."""
    rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return (sound * (10 ** (level / 20) / max(rms, 1e-9))).astype(np.float32)


def babble(seed: int, seconds: float, voices: int, level: float = -20.0) -> Floats:
    """Several people who speak at once."""
    return at_level(sum_of([speech(seed * 100 + i, seconds) for i in range(voices)]), level)


def noise(seed: int, seconds: float, level: float = -20.0) -> Floats:
    """White noise."""
    rng = np.random.default_rng([3, seed])
    return at_level(rng.normal(0, 1, round(seconds * RATE)).astype(np.float32), level)


def tone(hz: float, seconds: float, level: float = -20.0) -> Floats:
    """A sine that goes on and on."""
    t = np.arange(round(seconds * RATE)) / RATE
    return at_level(np.sin(2 * np.pi * hz * t).astype(np.float32), level)


def hum(seconds: float, level: float = -20.0) -> Floats:
    """Mains hum with its overtones, and a trace of noise."""
    return sum_of([tone(50 * k, seconds, level - 2 * k) for k in range(1, 20)])


def silence(seconds: float) -> Floats:
    """Digital black."""
    return np.zeros(round(seconds * RATE), np.float32)


def sum_of(sounds: Sequence[Floats]) -> Floats:
    """All at once, for as long as the shortest of them."""
    n = min(map(len, sounds))
    total = np.zeros(n, np.float32)
    for sound in sounds:
        total += sound[:n]
    return total


def write_sound(
    path: Path, sound: Floats, codec: str = "aac", bit_rate: int = 128_000, rate: int = 48_000
) -> Path:
    """Encode mono sound at `RATE` as a file of sound alone; the suffix chooses the container."""
    ratio = Fraction(rate, RATE)
    wave = resample_poly(sound, ratio.numerator, ratio.denominator).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate
        size = 1024
        for first in range(0, len(wave), size):
            frame = av.AudioFrame.from_ndarray(wave[None, first : first + size], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
