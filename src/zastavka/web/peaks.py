"""The outline of the sound: its lowest and highest sample every hundredth of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka.storage import replacing
from zastavka.waveform import read_waveform
from zastavka.web import store

_RATE = 8000  # Hz
RESOLUTION = 100  # outlines a second
BLOCK = 120.0  # seconds that are read and kept at once
LONGEST = 4 * 3600.0  # seconds that may be asked for

Outline = NDArray[np.int8]


def peaks(spec: dict[str, Any], _: Callable[[float, str, str], None]) -> dict[str, Any]:
    """The outline between `start` and `end` in `bins` parts; silence where there is no sound."""
    path, start, end, bins = Path(spec["file"]), spec["start"], spec["end"], spec["bins"]
    state = store.state_of(path)
    first, last = int(start // BLOCK), int(np.ceil(end / BLOCK))
    whole = np.concatenate([_block(path, state, i) for i in range(first, max(last, first + 1))])
    edges = np.linspace(start, end, bins + 1) * RESOLUTION - first * BLOCK * RESOLUTION
    left = np.clip(np.floor(edges[:-1]).astype(int), 0, len(whole) - 1)
    right = np.clip(np.maximum(np.ceil(edges[1:]).astype(int), left + 1), 1, len(whole))
    low = [int(whole[a:b, 0].min()) for a, b in zip(left, right, strict=True)]
    high = [int(whole[a:b, 1].max()) for a, b in zip(left, right, strict=True)]
    return {"start": start, "end": end, "low": low, "high": high}


def _block(path: Path, state: object, i: int) -> Outline:
    place = store.place("peaks", ".npy", str(path), state, i)
    try:
        kept: Outline = np.load(place, allow_pickle=False)
        return kept
    except (OSError, ValueError):
        made = _outline(path, i * BLOCK)
        with replacing(place) as part, part.open("wb") as file:
            np.save(file, made)
        return made


def _outline(path: Path, start: float) -> Outline:
    n = round(BLOCK * RESOLUTION)
    wave = read_waveform(path, _RATE, BLOCK, start=start)
    step = _RATE // RESOLUTION
    samples = np.zeros(n * step, np.float32)
    if wave is not None:
        samples[: len(wave.samples)] = wave.samples[: n * step]
    rows = np.clip(samples * 127, -127, 127).reshape(n, step)
    return np.stack([np.floor(rows.min(1)), np.ceil(rows.max(1))], 1).astype(np.int8)
