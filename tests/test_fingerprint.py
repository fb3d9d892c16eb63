from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from sounds import (
    Floats,
    at_level,
    babble,
    hum,
    music,
    noise,
    silence,
    speech,
    sum_of,
    tone,
    write_sound,
)
from zastavka.fingerprint import (
    BITS,
    FRAME,
    HOP,
    NAME,
    RATE,
    Fingerprint,
    Words,
    distance,
    fingerprint,
)
from zastavka.waveform import read_waveform

SECONDS = 15.0
SEEDS = range(3)
STEP = round(HOP * RATE)  # samples


def error(one: Floats, two: Floats) -> float:
    """The mean share of bits that differ, of words that are usable in both."""
    return error_of(fingerprint(one), fingerprint(two))


def error_of(a: Fingerprint, b: Fingerprint) -> float:
    n = min(len(a), len(b))
    assert abs(len(a) - len(b)) <= 2
    usable = a.usable[:n] & b.usable[:n]
    assert usable.mean() > 0.9
    return float(distance(a.words[:n], b.words[:n])[usable].mean()) / BITS


# ------------------------------------------------------------------ the same sound


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gain", [0.03, 0.25, 2.5])
def test_gain_changes_next_to_nothing(seed: int, gain: float) -> None:
    sound = music(seed, SECONDS)
    assert error(sound, gain * sound) < 0.015


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("snr", "most"), [(30, 0.12), (20, 0.19), (10, 0.27), (0, 0.37)])
def test_noise_changes_some_bits(seed: int, snr: float, most: float) -> None:
    sound = music(seed, SECONDS)
    assert error(sound, sound + noise(seed, SECONDS, -20 - snr)) < most


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("codec", "suffix", "bit_rate", "most"),
    [
        ("aac", "m4a", 48_000, 0.09),
        ("aac", "m4a", 128_000, 0.03),
        ("libmp3lame", "mp3", 48_000, 0.09),
        ("libmp3lame", "mp3", 128_000, 0.03),
        ("libopus", "ogg", 48_000, 0.1),
        ("ac3", "mka", 96_000, 0.03),
    ],
)
def test_a_lossy_codec_changes_few_bits(
    tmp_path: Path, seed: int, codec: str, suffix: str, bit_rate: int, most: float
) -> None:
    sound = music(seed, SECONDS)
    path = write_sound(tmp_path / f"a.{suffix}", sound, codec, bit_rate)
    decoded = read_waveform(path, RATE, None)
    assert decoded is not None
    assert error(sound, decoded.samples) < most


@pytest.mark.parametrize("seed", SEEDS)
def test_half_a_hop_later_it_is_still_the_same_sound(seed: int) -> None:
    sound = music(seed, SECONDS)
    assert error(sound, np.pad(sound, (STEP // 2, 0))) < 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_music_is_heard_through_speech_of_its_level(seed: int) -> None:
    sound = music(seed, SECONDS)
    one, two = (sound + speech(100 + 2 * seed + i, SECONDS) for i in range(2))
    assert error(sound, one) < 0.24
    assert error(one, two) < 0.3
    assert error(sound, sound + babble(seed, SECONDS, 4)) < 0.33


@pytest.mark.parametrize("seed", SEEDS)
def test_an_equaliser_leaves_the_partials(seed: int) -> None:
    sound = music(seed, SECONDS)
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    tilt = 10 ** (-6 / 20 * np.log2(np.maximum(hz, 50) / 500))  # 6 dB an octave
    equalised = np.fft.irfft(np.fft.rfft(sound) * tilt, len(sound))
    assert error(sound, equalised.astype(np.float32)) < 0.05


# ------------------------------------------------------------------ another sound


@pytest.mark.parametrize("seed", SEEDS)
def test_other_sounds_differ_in_half_of_their_bits(seed: int) -> None:
    sound = speech(seed, SECONDS)
    for other in (speech(50 + seed, SECONDS), music(seed, SECONDS), noise(seed, SECONDS)):
        assert error(sound, other) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_music_at_another_time_is_another_sound(seed: int) -> None:
    """Though nearer than strangers: its partials lie where they lay."""
    sound = music(seed, 2 * SECONDS)
    apart = round(7.3 * RATE)
    assert 0.33 < error(sound[: 20 * RATE], sound[apart : apart + 20 * RATE]) < 0.5


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("digital black", silence(10)),
        ("one value", np.full(10 * RATE, 0.3, np.float32)),
        ("dither", noise(0, 10, -75)),
        ("a tone", tone(440, 10)),
        ("a loud tone", tone(1000, 10, -4)),
        ("hum", hum(10)),
        ("a chord held", sum_of([tone(hz, 10) for hz in (220, 277.2, 329.6)])),
    ],
)
def test_nothing_that_sounds_everywhere_alike_is_usable(name: str, sound: Floats) -> None:
    found = fingerprint(sound)
    # a quarter of a second at the ends reaches into what is before and after
    assert not found.usable[3:-3].any(), name


def test_silence_within_sound_is_left_out() -> None:
    sound = music(0, 12)
    sound[4 * RATE : 8 * RATE] = 0
    usable = fingerprint(sound).usable
    times = np.arange(len(usable)) * HOP
    assert usable[times < 3.8].all()
    assert usable[times > 8.2].all()
    assert not usable[(times > 4.2) & (times < 7.8)].any()


@pytest.mark.parametrize("level", [-61.5, -45.0, -20.0, -6.2])
def test_the_level_of_a_word_is_in_decibels_of_full_scale(level: float) -> None:
    found = fingerprint(tone(440, 5, level))
    np.testing.assert_allclose(found.level[3:-3], level, atol=0.8)
    assert (found.sounding[3:-3] == (level > -60)).all()


def test_music_and_speech_are_usable() -> None:
    for seed in SEEDS:
        assert fingerprint(music(seed, SECONDS)).usable.mean() > 0.98
        assert fingerprint(speech(seed, SECONDS)).usable.mean() > 0.9


# ------------------------------------------------------------------ times


@pytest.mark.parametrize("n", [1, STEP - 1, STEP, 10 * STEP + 7, 3000 * STEP])
@pytest.mark.parametrize("speed", [1.0, 25 / 24])
def test_a_word_stands_for_every_hop(n: int, speed: float) -> None:
    found = fingerprint(np.zeros(n, np.float32), speed)
    assert len(found) == len(found.words) == len(found.usable)
    assert abs(len(found) - max(1, math.floor(n * speed / STEP))) <= (speed != 1)
    assert found.words.dtype == np.uint64


@pytest.mark.parametrize("at", [3.0, 5.017, 7.5, 9.96])
def test_word_i_is_of_the_sound_around_i_hops(at: float) -> None:
    """At `at` seconds one music ends and another begins."""
    one, two = music(1, 14, tuning=0.2), music(2, 14, tuning=-0.3)
    cut = round(at * RATE)
    both = fingerprint(np.concatenate([one[:cut], two[cut:]]))
    to_one = distance(both.words, fingerprint(one).words)
    to_two = distance(both.words, fingerprint(two).words)
    times = np.arange(len(both)) * HOP
    reach = FRAME / 2 + 1 / RATE
    assert (to_one[times < at - reach] == 0).all()
    assert (to_two[times > at + reach] == 0).all()
    nearer_to_two = times[to_two < to_one]
    assert nearer_to_two[0] == pytest.approx(at, abs=HOP)


@pytest.mark.parametrize("seed", SEEDS)
def test_pal_at_the_speed_of_film(seed: int) -> None:
    sound = music(seed, 60)
    hurried = resample_poly(sound, 24, 25).astype(np.float32)  # 25/24 as fast and as high
    slow = fingerprint(sound)
    assert error_of(fingerprint(hurried, 25 / 24), slow) < 0.06
    plain = fingerprint(hurried)
    assert distance(plain.words, slow.words[: len(plain)]).mean() / BITS > 0.45


def test_blocks_do_not_show() -> None:
    """A long sound, hashed in blocks, has the words of its parts."""
    sound = music(0, 150)
    first = 1900
    part = fingerprint(sound[first * STEP :]).words
    whole = fingerprint(sound).words
    # the first frames of the part reach into silence
    assert distance(whole[first + 3 :], part[3:]).max() <= 2


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_a_few_samples_are_enough(n: int) -> None:
    assert len(fingerprint(music(0, 1)[:n])) >= 1


def test_words_and_flags_are_as_many() -> None:
    found = fingerprint(music(0, 2))
    with pytest.raises(ValueError, match="words"):
        replace(found, usable=found.usable[1:])


# ------------------------------------------------------------------ the values


def melody() -> Floats:
    """Struck notes, by formula alone: the same on every machine and with every library."""
    t = np.arange(4 * RATE) / RATE
    sound = np.zeros(len(t))
    for i, hz in enumerate((262, 330, 392, 523, 349, 440, 294, 587)):
        since = t - 0.45 * i
        note = sum(np.sin(2 * np.pi * k * hz * since) / k for k in range(1, 5))
        sound += np.where(since > 0, note * np.exp(-3 * np.maximum(since, 0)), 0)
    return at_level(sound.astype(np.float32), -20)


GOLDEN = {
    5: 0xBF2C9B256C17E5E3,
    14: 0x862CB8B19AFEE8F9,
    23: 0xD72E983D98EEE8F9,
    32: 0xF50C902DDE86ECE9,
    41: 0xA50FDC2DDAA6450B,
    50: 0xC26ED5855264000B,
}


def test_the_values_are_those_of_their_name() -> None:
    """Stored words are compared with new ones: other values need another NAME, and new figures."""
    assert NAME == "words/2"
    words = fingerprint(melody()).words
    expected = np.array(list(GOLDEN.values()), np.uint64)
    # a sum of floats next to zero may fall on its other side
    assert distance(words[list(GOLDEN)], expected).max() <= 2


def test_it_is_the_same_each_time() -> None:
    sound = music(3, 30)
    one, two = fingerprint(sound), fingerprint(sound.copy())
    np.testing.assert_array_equal(one.words, two.words)
    np.testing.assert_array_equal(one.usable, two.usable)


def test_distance_counts_bits() -> None:
    one = np.array([0, 1, 2**64 - 1, 0b1011], np.uint64)
    two: Words = np.array([0, 0, 0, 0b0110], np.uint64)
    assert distance(one, two).tolist() == [0, 1, 64, 3]


def test_it_shows_what_it_is() -> None:
    assert repr(fingerprint(silence(1))) == "Fingerprint(15 words, 0 usable)"
