from __future__ import annotations

import numpy as np
import pytest

from zastavka.audio import COLUMNS, RATE, describe_sound
from zastavka.segment import Grid

SECONDS = 12
T = np.arange(SECONDS * RATE) / RATE
GRID = Grid(0.5, 2 * SECONDS)


def column(samples: np.ndarray, name: str) -> np.ndarray:
    rows = describe_sound(samples.astype(np.float32), GRID)
    return rows[:, COLUMNS.index(name)]


def tone(hz: float = 440.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * T)


def noise(level: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, len(T))


def syllables(rate: float) -> np.ndarray:
    return noise() * (0.55 + 0.45 * np.sin(2 * np.pi * rate * T))


def beats(per_second: float) -> np.ndarray:
    phase = (T * per_second) % 1.0
    return tone(220.0) * np.exp(-12 * phase)


INNER = slice(4, -4)  # rows away from the ends, where windows are whole


def test_loudness_is_dbfs() -> None:
    assert column(tone(level=1.0), "loudness")[INNER] == pytest.approx(-3.01, abs=0.05)
    assert column(tone(level=0.1), "loudness")[INNER] == pytest.approx(-23.01, abs=0.05)


def test_gain_moves_levels_and_leaves_shapes() -> None:
    loud = describe_sound(syllables(4).astype(np.float32), GRID)[INNER]
    soft = describe_sound((syllables(4) * 0.5).astype(np.float32), GRID)[INNER]
    level = COLUMNS.index("loudness")
    assert (loud - soft)[:, level] == pytest.approx(6.02, abs=0.1)
    for name in ("syllables", "centroid", "flatness", "chroma_steady", "crossings_spread"):
        i = COLUMNS.index(name)
        np.testing.assert_allclose(loud[:, i], soft[:, i], atol=0.02, err_msg=name)


def test_a_tone_is_tonal_and_noise_is_not() -> None:
    for name, sign in (("flatness", -1), ("crest", 1), ("peaks_steady", 1)):
        difference = column(tone(), name)[INNER] - column(noise(), name)[INNER]
        assert (sign * difference > 0.2).all(), name


@pytest.mark.parametrize("rate", [4.0, 5.0])
def test_speech_rate_shows_in_its_band(rate: float) -> None:
    assert column(syllables(rate), "syllables")[INNER].mean() > 0.4
    assert column(syllables(rate), "fast_modulation")[INNER].mean() < 0.2
    assert column(tone(), "syllables")[INNER].max() < 0.05


def test_a_steady_beat_has_a_pulse() -> None:
    assert column(beats(2.0), "pulse")[INNER].min() > 0.5
    assert column(noise(), "pulse")[INNER].max() < 0.4


def test_silence_and_pauses() -> None:
    samples = tone()
    samples[5 * RATE : 7 * RATE] = 0
    silent = column(samples, "digital_silence")
    assert (silent[11:13] == 1).all()
    assert (silent[[4, 20]] == 0).all()
    assert column(samples, "softest_2s")[9] < -60 < column(samples, "softest_2s")[4]


def test_novelty_peaks_where_the_sound_changes() -> None:
    samples = np.where(T < 6, noise(0.02), tone(880))
    assert column(samples, "novelty").argmax() in (11, 12, 13)


def test_mel_band_of_a_tone_rises_with_its_pitch() -> None:
    def loudest(hz: float) -> int:
        rows = describe_sound(tone(hz).astype(np.float32), GRID)
        return int(rows[10, :24].argmax())

    assert loudest(200) < loudest(800) < loudest(3000) < loudest(7000)


def test_sound_that_ends_early_reads_as_silence() -> None:
    rows = describe_sound(tone()[: 3 * RATE].astype(np.float32), GRID)
    assert rows.shape == (GRID.n, len(COLUMNS))
    assert (rows[8:, COLUMNS.index("digital_silence")] == 1).all()
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("n", [1, 100, 5000])
def test_a_few_samples_are_enough(n: int) -> None:
    rows = describe_sound(np.ones(n, np.float32) * 0.1, Grid(0.5, 1))
    assert rows.shape == (1, len(COLUMNS))
    assert np.isfinite(rows).all()


def test_blocks_do_not_show() -> None:
    """A long sound, measured in blocks, reads as its parts do."""
    grid = Grid(0.5, 220)
    samples = np.random.default_rng(1).normal(0, 0.1, 110 * RATE).astype(np.float32)
    whole = describe_sound(samples, grid)
    part = describe_sound(samples[60 * RATE :], Grid(0.5, 100))
    local = [i for i, name in enumerate(COLUMNS) if name.startswith(("mel", "loudness", "flux"))]
    # 82 s is where the second block begins; both readings have it well inside
    np.testing.assert_allclose(whole[140:200, local], part[20:80, local], rtol=1e-3, atol=1e-2)
