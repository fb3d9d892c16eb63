"""Pictures made on the spot: soft shapes from a seed, the same at any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_WAVES = 24


def scene(seed: int, size: tuple[int, int] = (128, 72)) -> Grey:
    """A grey picture (height, width) of `size` (width, height)."""
    rng = np.random.default_rng([4, seed])
    width, height = size
    x = (np.arange(width) + 0.5) / width
    y = ((np.arange(height) + 0.5) / height)[:, None]
    picture = np.zeros((height, width))
    for _ in range(_WAVES):
        u, v = rng.normal(0, 4, 2)
        picture += rng.normal() * np.cos(2 * np.pi * (u * x + v * y + rng.random()))
    return levels(128 + 45 * picture / picture.std())


def levels(picture: NDArray[np.floating]) -> Grey:
    """Rounded, between black and white."""
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
