"""Moments of stretches made by hand, whose cuts, dissolves and turns are planted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scenes import levels, scene
from sounds import Floats, music, noise
from zastavka.audio import RATE
from zastavka.fingerprint import RATE as WORDS_RATE
from zastavka.moments import COLUMNS, SIZE, Moments, Stretch, find_moments

PICTURES = 100
TIMES = np.arange(PICTURES) / 25
SILENT = (0.0, None)


def shots(mix: NDArray[np.floating], one: int = 1, two: int = 2) -> NDArray[np.uint8]:
    """Pictures with `mix` (n,) of a second scene in a first one, and a little noise."""
    rng = np.random.default_rng(1)
    a, b = (scene(seed, SIZE).astype(np.float64) for seed in (one, two))
    still = a + mix[:, None, None] * (b - a)
    grey = levels(still + rng.normal(0, 1, still.shape))
    return np.repeat(grey[..., None], 3, axis=-1)


def seen(mix: NDArray[np.floating], times: NDArray[np.float64] = TIMES) -> Moments:
    return find_moments(Stretch(times, shots(mix), *SILENT), 0.5, 3.5)


def heard(sound: Floats) -> Moments:
    at = np.arange(round(len(sound) / WORDS_RATE * RATE)) / RATE
    samples = np.interp(at, np.arange(len(sound)) / WORDS_RATE, sound).astype(np.float32)
    return find_moments(Stretch(np.empty(0), None, 0.0, samples), 0.5, len(samples) / RATE - 0.5)


def column(moments: Moments, name: str) -> NDArray[np.float64]:
    return moments.table[:, COLUMNS.index(name)]


@pytest.mark.parametrize("k", [20, 47, 80])
def test_a_cut_is_the_first_picture_of_the_new_shot(k: int) -> None:
    moments = seen((np.arange(PICTURES) >= k).astype(float))
    assert moments.times.tolist() == [TIMES[k]]
    assert column(moments, "cut")[0] > 1
    assert column(moments, "dissolve")[0] == 0
    assert column(moments, "no_sound")[0] == 1


def test_cuts_keep_their_times_where_the_rate_varies() -> None:
    times = np.cumsum(np.random.default_rng(2).uniform(0.02, 0.06, PICTURES))
    moments = seen((np.arange(PICTURES) >= 41).astype(float), times)
    assert moments.times.tolist() == [times[41]]


def test_a_flash_is_no_cut() -> None:
    mix = np.zeros(PICTURES)
    mix[50] = 1.0
    assert len(seen(mix)) == 0


@pytest.mark.parametrize("length", [8, 14, 20])
def test_a_dissolve_is_named_by_its_middle(length: int) -> None:
    mix = np.clip((np.arange(PICTURES) - 50) / length + 0.5, 0, 1)
    moments = seen(mix)
    clear = moments.times[column(moments, "dissolve").argmax()]
    assert clear == pytest.approx(TIMES[50], abs=0.041)
    assert column(moments, "dissolve").max() > 0.3


def test_a_slow_camera_is_no_dissolve() -> None:
    wide = scene(5, (SIZE[0] * 16, SIZE[1] * 8)).astype(np.float32)  # eight times as fine
    views = np.stack([wide[:, k : k + SIZE[0] * 8] for k in range(PICTURES)])
    grey = levels(views.reshape(PICTURES, SIZE[1], 8, SIZE[0], 8).mean(axis=(2, 4)))
    pictures = np.repeat(grey[..., None], 3, axis=-1)
    moments = find_moments(Stretch(TIMES, pictures, *SILENT), 0.5, 3.5)
    assert column(moments, "cut").max(initial=0.0) < 0.5
    assert column(moments, "dissolve").max(initial=0.0) < 0.5


def test_still_pictures_have_no_moment() -> None:
    assert len(seen(np.zeros(PICTURES))) == 0


def test_black_is_told_on_its_side() -> None:
    pictures = shots(np.zeros(PICTURES))
    pictures[:50] = 0
    moments = find_moments(Stretch(TIMES, pictures, *SILENT), 0.5, 3.5)
    k = int(np.abs(moments.times - 2.0).argmin())
    assert moments.times[k] == 2.0
    assert (column(moments, "black_before")[k], column(moments, "black_after")[k]) == (1, 0)


@pytest.mark.parametrize("at", [1.7, 2.503])
def test_the_strongest_turn_is_where_the_sound_changes(at: float) -> None:
    first = round(at * WORDS_RATE)
    sound = np.concatenate([noise(1, 5.0, -35.0)[:first], music(3, 5.0, -18.0)])[: 5 * WORDS_RATE]
    moments = heard(sound)
    best = column(moments, "rank").argmax()
    assert moments.times[best] == pytest.approx(at, abs=0.021)
    assert column(moments, "rise_loudness")[best] > 1
    assert column(moments, "floor_rise")[best] > 0.5
    assert column(moments, "no_pictures").all()


def test_a_cut_and_a_turn_at_one_moment_are_one() -> None:
    samples = np.random.default_rng(1).normal(0, 0.001, 4 * RATE).astype(np.float32)
    samples[2 * RATE + 300 :] *= 100
    mix = (np.arange(PICTURES) >= 50).astype(float)
    moments = find_moments(Stretch(TIMES, shots(mix), 0.0, samples), 0.5, 3.5)
    near = moments.times[np.abs(moments.times - 2.0) < 0.1]
    assert near.tolist() == [2.0]
    k = int(np.flatnonzero(moments.times == 2.0)[0])
    assert column(moments, "cut_rank")[k] == pytest.approx(2 * column(moments, "rank")[k])
    assert column(moments, "rank")[k] > 0.9


def test_the_edge_of_the_file_is_a_moment_and_takes_its_neighbours() -> None:
    moments = find_moments(
        Stretch(TIMES, shots((np.arange(PICTURES) >= 1).astype(float)), *SILENT), 0.0, 2.0, 0.0
    )
    assert moments.times[0] == 0.0
    assert column(moments, "file_edge")[0] == 1
    assert (moments.times[1:] > 0.045).all()


def test_nothing_to_look_at_is_no_moment() -> None:
    nothing = find_moments(Stretch(np.empty(0), None, *SILENT), 0.0, 4.0)
    assert nothing.table.shape == (0, len(COLUMNS))
    short = Stretch(TIMES[:3], shots(np.zeros(3)), 0.0, np.zeros(10, np.float32))
    assert len(find_moments(short, 0.0, 4.0)) == 0
