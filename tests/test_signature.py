from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoStream

from scenes import Grey, levels, scene
from zastavka.options import MatchOptions
from zastavka.pictures import Pictures
from zastavka.signature import (
    COLUMNS,
    NO_BARS,
    ROWS,
    SIZE,
    Bars,
    Signatures,
    find_bars,
    grey,
    signatures,
)

WIDTH, HEIGHT = SIZE
LIKENESS = MatchOptions().likeness
BITS = 18  # of a hash of 64 that may differ
SEEDS = range(12)


def alike(one: Signatures, two: Signatures) -> tuple[float, int]:
    """The least correlation of the pairs of pictures, and the most bits that differ.

    Of the whole picture and what lies between bars the better one counts, as in comparing.
    """
    assert len(one) == len(two)
    rows = np.arange(len(one))
    values = np.einsum("nvd,nwd->nvw", one.vectors(rows), two.vectors(rows)).max(axis=(1, 2))
    bits = np.bitwise_count(one.words[:, :, None] ^ two.words[:, None, :]).min(axis=(1, 2))
    return float(values.min()), int(bits.max())


def of(pictures: Sequence[Grey], bars: Bars = NO_BARS) -> Signatures:
    return signatures(pictures, bars)


def scenes(size: tuple[int, int] = SIZE) -> list[Grey]:
    return [scene(seed, size) for seed in SEEDS]


def smaller(picture: Grey) -> Grey:
    """Brought to SIZE by the mean of blocks; its sides are multiples of it."""
    down, right = picture.shape[0] // HEIGHT, picture.shape[1] // WIDTH
    return levels(picture.reshape(HEIGHT, down, WIDTH, right).mean(axis=(1, 3)))


ORIGINAL = of(scenes())


@pytest.mark.parametrize("times", [2, 3, 5])
def test_size_doesn_t_matter(times: int) -> None:
    large = [smaller(picture) for picture in scenes((WIDTH * times, HEIGHT * times))]
    likeness, bits = alike(ORIGINAL, of(large))
    assert likeness > 0.99
    assert bits <= 6


@pytest.mark.parametrize(("gain", "offset"), [(0.4, 0), (0.7, 60), (1.25, -30), (0.86, 16)])
def test_brightness_and_contrast_don_t_matter(gain: float, offset: float) -> None:
    changed = [levels(gain * picture.astype(float) + offset) for picture in scenes()]
    likeness, bits = alike(ORIGINAL, of(changed))
    assert likeness > 0.97
    assert bits <= 12


@pytest.mark.parametrize("gamma", [0.7, 1.4])
def test_gamma_hardly_matters(gamma: float) -> None:
    changed = [levels(255 * (picture / 255) ** gamma) for picture in scenes()]
    likeness, bits = alike(ORIGINAL, of(changed))
    assert likeness > LIKENESS
    assert bits <= BITS


@pytest.mark.parametrize(
    ("rows", "columns"), [(slice(2, 10), slice(112, 126)), (slice(63, 71), slice(2, 126))]
)
def test_a_logo_and_a_ticker_at_the_border_don_t_matter(rows: slice, columns: slice) -> None:
    pictures = scenes()
    for picture in pictures:
        picture[rows, columns] = 235
    likeness, bits = alike(ORIGINAL, of(pictures))
    assert likeness > 0.999
    assert bits == 0


def test_noise_hardly_matters() -> None:
    rng = np.random.default_rng(0)
    noisy = [levels(picture + rng.normal(0, 12, picture.shape)) for picture in scenes()]
    likeness, bits = alike(ORIGINAL, of(noisy))
    assert likeness > LIKENESS
    assert bits <= BITS


def test_other_pictures_look_otherwise() -> None:
    one, two = of([scene(s) for s in range(60)]), of([scene(s) for s in range(60, 120)])
    a, b = one.vectors(np.arange(60)), two.vectors(np.arange(60))
    assert np.einsum("nvd,mwd->nmvw", a, b).max() < LIKENESS - 0.1
    bits = np.bitwise_count(one.words[:, None, 0] ^ two.words[None, :, 0])
    assert bits.mean() == pytest.approx(32, abs=1)
    assert (bits <= BITS).mean() < 0.01


# ------------------------------------------------------------------ bars


def laid_over(picture: Grey, bars: Bars) -> Grey:
    top, bottom, left, right = bars
    covered = np.full_like(picture, 16)
    inside = slice(top, HEIGHT - bottom), slice(left, WIDTH - right)
    covered[inside] = picture[inside]
    return covered


def shrunk_between(seed: int, bars: Bars) -> Grey:
    top, bottom, left, right = bars
    covered = np.full((HEIGHT, WIDTH), 16, np.uint8)
    size = WIDTH - left - right, HEIGHT - top - bottom
    covered[top : HEIGHT - bottom, left : WIDTH - right] = scene(seed, size)
    return covered


BARS = [(9, 9, 0, 0), (0, 0, 16, 16), (9, 9, 16, 16), (6, 10, 0, 0)]


@pytest.mark.parametrize("bars", BARS)
def test_bars_are_found(bars: Bars) -> None:
    assert find_bars([laid_over(picture, bars) for picture in scenes()]) == bars
    assert find_bars([shrunk_between(seed, bars) for seed in SEEDS]) == bars


@pytest.mark.parametrize("bars", BARS)
def test_bars_laid_over_the_picture_don_t_matter(bars: Bars) -> None:
    likeness, bits = alike(ORIGINAL, of([laid_over(p, bars) for p in scenes()], bars))
    assert likeness > 0.99
    assert bits <= 4


@pytest.mark.parametrize("bars", BARS)
def test_a_picture_shrunk_between_bars_is_the_same_picture(bars: Bars) -> None:
    shrunk = of([shrunk_between(seed, bars) for seed in SEEDS], bars)
    likeness, bits = alike(ORIGINAL, shrunk)
    assert likeness > LIKENESS
    assert bits <= BITS
    # not by the whole picture, bars and all
    whole = np.einsum(
        "nd,nd->n", ORIGINAL.vectors(np.arange(12))[:, 0], shrunk.vectors(np.arange(12))[:, 0]
    )
    assert whole.min() < 0.8


def test_what_is_dark_at_times_is_no_bar() -> None:
    pictures = scenes()
    pictures[3][:20] = 0
    assert find_bars(pictures) == NO_BARS


def test_captions_in_a_bar_now_and_then_leave_it_one() -> None:
    pictures = [laid_over(scene(seed), (9, 9, 0, 0)) for seed in range(30)]
    for picture in pictures[:2]:
        picture[65:70, 40:90] = 235
    assert find_bars(pictures) == (9, 9, 0, 0)


def test_noise_in_bars_is_still_dark() -> None:
    rng = np.random.default_rng(0)
    pictures = [
        levels(laid_over(scene(seed), (9, 9, 0, 0)) + rng.normal(0, 4, (HEIGHT, WIDTH)))
        for seed in range(30)
    ]
    assert find_bars(pictures) == (9, 9, 0, 0)


def test_a_dark_film_has_no_bars() -> None:
    assert find_bars([np.full((HEIGHT, WIDTH), 10, np.uint8)] * 5) == NO_BARS
    # nor where more is dark than bars can take
    night = []
    for seed in SEEDS:
        picture = scene(seed)
        picture[:40] = 12
        night.append(picture)
    assert find_bars(night) == NO_BARS


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_few_pictures_say_nothing_of_bars(n: int) -> None:
    assert find_bars([laid_over(scene(seed), (9, 9, 0, 0)) for seed in range(n)]) == NO_BARS


# ------------------------------------------------------------------ what shows nothing


@pytest.mark.parametrize("level", [0, 16, 128, 255])
@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_black_and_flat_pictures_are_not_usable(level: int, noise: float) -> None:
    rng = np.random.default_rng(level)
    flat = [levels(level + rng.normal(0, noise, (HEIGHT, WIDTH))) for _ in range(4)]
    assert not of(flat).usable.any()


def test_a_logo_on_black_shows_nothing() -> None:
    picture = np.full((HEIGHT, WIDTH), 16, np.uint8)
    picture[3:9, 110:125] = 235
    assert of([picture]).usable.tolist() == [False]


def test_scenes_are_usable_among_black() -> None:
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert of([scene(0), black, scene(1)]).usable.tolist() == [True, False, True]


# ------------------------------------------------------------------ files


def encoded(path: Path, size: tuple[int, int], options: dict[str, str]) -> list[Grey]:
    """Scenes as key pictures of a video, read back as prints read them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(4), options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for seed in SEEDS:
            image = np.repeat(scene(seed, size)[:, :, None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    with Pictures.keys(path, None, SIZE) as pictures:
        return [grey(picture.image) for picture in pictures]


@pytest.mark.parametrize(("size", "crf"), [((640, 360), 23), ((320, 180), 36), ((426, 240), 30)])
def test_another_encoding_hardly_matters(tmp_path: Path, size: tuple[int, int], crf: int) -> None:
    options = {"g": "1", "crf": str(crf), "preset": "ultrafast"}
    pictures = encoded(tmp_path / "a.mp4", size, options)
    likeness, bits = alike(ORIGINAL, of(pictures))
    assert likeness > 0.97
    assert bits <= 12


def test_grey_is_luma() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_allclose(grey(colours)[0], [76, 150, 29, 255], atol=1)
    assert grey(colours).dtype == np.uint8


def test_shapes() -> None:
    found = of(scenes())
    assert found.cells.shape == (12, 2, ROWS * COLUMNS)
    assert found.cells.dtype == np.int8
    assert found.words.shape == (12, 2)
    assert repr(found) == "Signatures(12 pictures, 12 usable)"
    np.testing.assert_allclose(np.linalg.norm(found.vectors(np.arange(12)), axis=2), 1, rtol=1e-3)
    # without bars, what is between them is the whole
    np.testing.assert_array_equal(found.words[:, 0], found.words[:, 1])


def test_no_pictures() -> None:
    none = of([])
    assert len(none) == 0
    assert none.cells.shape == (0, 2, ROWS * COLUMNS)
    assert none.vectors(np.empty(0, np.intp)).shape == (0, 2, ROWS * COLUMNS)
