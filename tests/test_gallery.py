"""Looking up pictures finds what comparing each with each finds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zastavka.gallery import Gallery
from zastavka.signature import NO_BARS, SIZE, Bars, Signatures, signatures

LIKENESS = 0.94
WIDTH, HEIGHT = SIZE


def picture(rng: np.random.Generator) -> NDArray[np.float64]:
    """Waves that are the stronger the longer they are, as in photographs."""
    rows, columns = np.arange(HEIGHT)[:, None] / HEIGHT, np.arange(WIDTH) / WIDTH
    image = np.full((HEIGHT, WIDTH), 120.0)
    for y, x in np.ndindex(6, 8):
        strength = rng.normal() * 60 / (1 + y * y + x * x)
        image += strength * np.cos(np.pi * y * rows) * np.cos(np.pi * x * columns)
    return image


def seen(images: list[NDArray[np.float64]], bars: Bars, rng: np.random.Generator) -> Signatures:
    grainy = [image + rng.normal(0, 6, image.shape) for image in images]
    return signatures([image.clip(0, 255).astype(np.uint8) for image in grainy], bars)


@pytest.fixture(scope="module")
def season() -> list[Signatures]:
    """Four episodes that share some pictures, one letterboxed, and one with none at all."""
    rng = np.random.default_rng(3)
    shared = [picture(rng) for _ in range(12)]
    episodes = []
    for bars in (NO_BARS, NO_BARS, (9, 9, 0, 0), NO_BARS):
        own = [picture(rng) for _ in range(40)]
        black = np.zeros((HEIGHT, WIDTH))
        images = [*own, *(shared[i] for i in rng.permutation(12)[:9]), black]
        if any(bars):
            for image in images:
                image[:9] = image[-9:] = 0
        episodes.append(seen([images[i] for i in rng.permutation(len(images))], bars, rng))
    return [*episodes[:2], signatures([], NO_BARS), *episodes[2:]]


def compared(a: Signatures, b: Signatures) -> dict[tuple[int, int], float]:
    """Each picture with each, in all views."""
    found = {}
    for i, j in np.ndindex(len(a), len(b)):
        apart = np.bitwise_count(a.words[i][:, None] ^ b.words[j]).min()
        if a.usable[i] and b.usable[j] and apart <= 18:
            value = float((a.vectors(np.array([i]))[0] @ b.vectors(np.array([j]))[0].T).max())
            if value >= LIKENESS:
                found[i, j] = value
    return found


def test_all_that_is_alike_is_found_and_nothing_else(season: list[Signatures]) -> None:
    gallery = Gallery.of(season)
    total = 0
    for a in range(len(season)):
        found = {b: (i, j, value) for b, i, j, value in gallery.alike(a, len(season), LIKENESS)}
        for b in range(a + 1, len(season)):
            i, j, value = found.get(b, (np.empty(0), np.empty(0), np.empty(0)))
            expected = compared(season[a], season[b])
            assert list(zip(i.tolist(), j.tolist(), strict=True)) == sorted(expected)
            assert value.tolist() == pytest.approx(
                [expected[x] for x in sorted(expected)], abs=1e-5
            )
            total += len(expected)
    assert total > 30


def test_only_episodes_up_to_a_number_are_looked_at(season: list[Signatures]) -> None:
    assert {b for b, *_ in Gallery.of(season).alike(0, 2, LIKENESS)} == {1}
