"""Sounds by synthesis: music, speech-like lines, rooms. Mono float32 arrays at `RATE`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zastavka.compose.letters import Array

Rng = np.random.Generator

RATE = 24_000  # Hz; a whole number of samples per picture at 12, 15, 20, 24, 25 and 30 fps
LEVEL = 0.09  # root mean square of speech and music before a series' own balance

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10))
_TURNS = ((0, 5, 3, 4), (0, 3, 4, 0), (0, 4, 5, 3), (5, 3, 0, 4), (0, 2, 3, 4), (0, 6, 5, 4))
_VOWELS = ((730, 1090), (530, 1840), (270, 2290), (570, 840), (300, 870), (660, 1720), (490, 1350))


@dataclass(frozen=True, slots=True)
class Tune:
    """What a piece of music is made of."""

    seed: int
    beat: int  # samples
    key: int  # semitones above 55 Hz
    drums: bool
    calm: bool  # long notes, as a score under a scene has

    @classmethod
    def draw(cls, rng: Rng, calm: bool = False) -> Tune:
        """A tune by chance."""
        tempo = rng.uniform(60, 90) if calm else rng.uniform(84, 150)  # beats per minute
        drums = not calm and bool(rng.random() < 0.75)
        beat, key = round(60 * RATE / tempo), int(rng.integers(0, 12))
        return cls(int(rng.integers(2**31)), beat, key, drums, calm)


@dataclass(frozen=True, slots=True)
class Voice:
    """How a character sounds."""

    pitch: float  # Hz
    size: float  # of the formants against a grown man's
    rate: float  # syllables per second

    @classmethod
    def draw(cls, rng: Rng) -> Voice:
        """A voice by chance."""
        high = bool(rng.random() < 0.5)
        pitch, size = (rng.uniform(165, 240), 1.16) if high else (rng.uniform(85, 140), 1.0)
        return cls(pitch, size * rng.uniform(0.95, 1.05), rng.uniform(3.4, 5.0))


def music(tune: Tune, samples: int) -> Array:
    """The first `samples` of a tune that comes to its close there, at `LEVEL`."""
    rng = np.random.default_rng(tune.seed)
    scale = _SCALES[rng.integers(len(_SCALES))]
    turn = _TURNS[rng.integers(len(_TURNS))]
    timbres = [_Timbre.draw(rng, tune.calm) for _ in range(3)]
    motif = _motif(rng, tune.calm)
    out = np.zeros(samples, np.float32)
    bars = max(1, round(samples / (4 * tune.beat)))
    for bar in range(bars):
        start, last = bar * 4 * tune.beat, bar == bars - 1
        degree = 0 if last else turn[bar % 4]
        _chord(out, tune, timbres[0], scale, degree, start)
        if not tune.calm:
            _bass(out, tune, timbres[1], scale, degree, start, last)
        if rng.random() < 0.2:
            motif = _motif(rng, tune.calm)
        _melody(out, tune, timbres[2], scale, degree, start, motif[:1] if last else motif)
        if tune.drums:
            _drums(out, rng, tune, start, last)
    return _levelled(out)


def speech(rng: Rng, voice: Voice, samples: int) -> Array:
    """A line of speech-like sound about `samples` long, of syllables in one breath, at `LEVEL`."""
    pulses = np.zeros((len(_VOWELS), samples), np.float32)
    hiss = np.zeros(samples, np.float32)
    fall = rng.uniform(0.75, 0.95)
    now, vowel = 0, int(rng.integers(len(_VOWELS)))
    while now < samples - RATE // 10:
        length = min(round(RATE / voice.rate * rng.uniform(0.65, 1.5)), samples - now)
        onset = min(round(RATE * rng.uniform(0.02, 0.09)), length // 2)
        hiss[now : now + onset] += rng.uniform(0, 0.5) * _burst(rng, onset)
        nextvowel = int(rng.integers(len(_VOWELS)))
        pitch = voice.pitch * (1 - (1 - fall) * now / samples) * rng.uniform(0.88, 1.15)
        _syllable(pulses[:, now + onset : now + length], pitch, vowel, nextvowel, rng)
        now, vowel = now + length, nextvowel
    sound = np.diff(hiss, prepend=hiss[:1])
    for (low, mid), train in zip(_VOWELS, pulses, strict=True):
        if train.any():
            sound += _convolved(train, _formants(low * voice.size, mid * voice.size, voice.size))
    return _levelled(sound)


def room(rng: Rng, samples: int) -> Array:
    """The noise of a place without words: hum, wind or traffic, steady, 30 to 45 dB under full."""
    loop = 6 * RATE
    far = np.fft.rfftfreq(loop, 1 / RATE)
    colour = 1 / np.maximum(far, 40) ** rng.uniform(0.4, 1.1)
    colour *= 1 + rng.uniform(0, 3) * np.exp(-(((far - rng.uniform(80, 1500)) / 120) ** 2))
    spectrum = np.fft.rfft(rng.standard_normal(loop, np.float32)) * colour
    noise = np.fft.irfft(spectrum, loop).astype(np.float32)
    noise *= 10 ** (-rng.uniform(30, 45) / 20) / noise.std()
    return np.tile(noise, -(-samples // loop))[:samples]


def thump(rng: Rng) -> Array:
    """A door, a step, something put down."""
    n = round(RATE * rng.uniform(0.05, 0.3))
    t = np.arange(n, dtype=np.float32) / RATE
    body = np.sin(2 * np.pi * rng.uniform(60, 400) * t) + 0.5 * rng.standard_normal(n, np.float32)
    sound: Array = 0.15 * rng.uniform(0.3, 1) * body * np.exp(-t * rng.uniform(15, 60))
    return sound


def laid(track: Array, sound: Array, start: int, gain: float = 1.0) -> None:
    """Add `sound` to `track` from sample `start` on, as far as the track goes."""
    part = track[start : start + len(sound)]
    part += np.float32(gain) * sound[: len(part)]


def faded(sound: Array, seconds: float) -> Array:
    """With a linear fade at both ends."""
    n = max(1, min(round(seconds * RATE), len(sound) // 2))
    ramp = np.linspace(0, 1, n, dtype=np.float32)
    sound = sound.copy()
    sound[:n] *= ramp
    sound[-n:] *= ramp[::-1]
    return sound


@dataclass(frozen=True, slots=True)
class _Timbre:
    partials: tuple[float, ...]
    stretch: float  # of the partials away from whole multiples; bells
    attack: float  # s
    decay: float  # 1/s
    vibrato: float  # share of the pitch

    @classmethod
    def draw(cls, rng: Rng, calm: bool) -> _Timbre:
        slope = rng.uniform(0.8, 2.2)
        partials = tuple((k**-slope) * rng.uniform(0.4, 1) for k in range(1, 7))
        attack = rng.uniform(0.08, 0.3) if calm else rng.uniform(0.004, 0.05)
        stretch = float(rng.choice([0.0, 0.0, 0.003, 0.02]))
        return cls(partials, stretch, attack, rng.uniform(0.3, 5), rng.uniform(0, 0.006))

    def note(self, pitch: float, samples: int) -> Array:
        t = np.arange(samples, dtype=np.float32) / RATE
        phase = 2 * np.pi * pitch * t
        phase += self.vibrato * pitch / 5.5 * np.sin(2 * np.pi * 5.5 * t)
        sound = np.zeros(samples, np.float32)
        for k, amount in enumerate(self.partials, 1):
            if pitch * k < RATE / 2.2:
                sound += np.float32(amount) * np.sin(np.float32(k + self.stretch * k * k) * phase)
        sound *= np.minimum(t / self.attack, 1) * np.exp(-self.decay * t)
        sound *= np.clip((t[-1] - t) / 0.03, 0, 1)
        return sound


def _hertz(tune: Tune, scale: tuple[int, ...], degree: int, octave: int) -> float:
    step = scale[degree % 7] + 12 * (degree // 7)
    return float(55 * 2 ** ((tune.key + step) / 12 + octave))


def _motif(rng: Rng, calm: bool) -> list[tuple[float, float, int]]:
    """Notes of a bar: (beat, length in beats, steps above the chord)."""
    lengths = (1.0, 2.0) if calm else (0.5, 0.5, 1.0, 1.0, 1.5)
    notes, at, step = [], 0.0, int(rng.integers(0, 5))
    while at < 4:
        length = min(float(rng.choice(lengths)), 4 - at)
        if rng.random() < 0.88:
            notes.append((at, length, step))
        step = int(np.clip(step + rng.integers(-2, 3), -3, 8))
        at += length
    return notes or [(0.0, 4.0, 0)]


def _chord(
    out: Array, tune: Tune, timbre: _Timbre, scale: tuple[int, ...], degree: int, start: int
) -> None:
    for third in (0, 2, 4):
        note = timbre.note(_hertz(tune, scale, degree + third, 1), round(4.2 * tune.beat))
        laid(out, note, start, 0.3)


def _bass(
    out: Array,
    tune: Tune,
    timbre: _Timbre,
    scale: tuple[int, ...],
    degree: int,
    start: int,
    last: bool,
) -> None:
    note = timbre.note(_hertz(tune, scale, degree, 0), tune.beat)
    for beat in (0,) if last else (0, 1, 2, 3) if tune.drums else (0, 2):
        laid(out, note, start + beat * tune.beat, 0.6)


def _melody(
    out: Array,
    tune: Tune,
    timbre: _Timbre,
    scale: tuple[int, ...],
    degree: int,
    start: int,
    motif: list[tuple[float, float, int]],
) -> None:
    for at, length, step in motif:
        note = timbre.note(_hertz(tune, scale, degree + step, 2), round(1.1 * length * tune.beat))
        laid(out, note, start + round(at * tune.beat), 0.45)


def _drums(out: Array, rng: Rng, tune: Tune, start: int, last: bool) -> None:
    t = np.arange(RATE // 4, dtype=np.float32) / RATE
    kick = np.sin(2 * np.pi * (48 * t - 4 * np.exp(-30 * t))) * np.exp(-14 * t)
    noise = rng.standard_normal(len(t), np.float32)
    snare, hat = noise * np.exp(-22 * t), np.diff(noise, prepend=0) * np.exp(-70 * t)
    for half in range(1 if last else 8):
        at = start + half * tune.beat // 2
        laid(out, hat, at, 0.18)
        if half % 4 == 0:
            laid(out, kick, at, 1.1)
        if half % 4 == 2:
            laid(out, snare, at, 0.4)


def _syllable(pulses: Array, pitch: float, vowel: int, following: int, rng: Rng) -> None:
    # pulses of the voice, handed over from one vowel to the next; written into `pulses` in place
    samples = pulses.shape[1]
    bend = 1 + rng.uniform(-0.12, 0.12) * np.linspace(-1, 1, samples)
    turns = np.cumsum(pitch * bend / RATE)
    at = np.flatnonzero(np.diff(np.floor(turns)) > 0)
    along = at / samples
    shape = np.sin(np.pi * np.clip(along, 0, 1)) ** 0.7
    pulses[vowel, at] += shape * (1 - along)
    pulses[following, at] += shape * along


def _formants(low: float, mid: float, size: float) -> Array:
    """The answer of a throat to one pulse: damped waves at its resonances, 25 ms."""
    t = np.arange(RATE // 40, dtype=np.float32) / RATE
    waves = ((low, 1.0, 250), (mid, 0.5, 350), (2700 * size, 0.25, 500), (3600 * size, 0.1, 700))
    answer = sum(a * np.exp(-d * t) * np.sin(2 * np.pi * f * t) for f, a, d in waves)
    return np.asarray(answer, np.float32)


def _convolved(signal: Array, kernel: Array) -> Array:
    size = 1 << (len(signal) + len(kernel) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.fft.rfft(kernel, size)
    return np.fft.irfft(spectrum, size)[: len(signal)].astype(np.float32)


def _burst(rng: Rng, samples: int) -> Array:
    return (rng.standard_normal(samples, np.float32) * np.hanning(samples)).astype(np.float32)


def _levelled(sound: Array) -> Array:
    # the level is that of the sounding parts, so that rests do not make a piece louder
    loud = np.abs(sound) > 0.1 * np.abs(sound).max(initial=1e-9)
    power = np.sqrt(np.mean(sound[loud] ** 2)) if loud.any() else 1.0
    level: Array = np.clip(sound * np.float32(LEVEL / power), -0.9, 0.9)
    return level
