"""`EpisodePrint`: what an episode is recognised by in its season; read, save, load.

Sound as words and key pictures as signatures: a few hundred kilobytes that cost a second or two to
read, since of the pictures only those are decoded that need no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka import fingerprint as sound
from zastavka import signature
from zastavka.errors import FeatureError, MediaError
from zastavka.fingerprint import Fingerprint
from zastavka.media import Chapter, probe
from zastavka.options import ExtractOptions
from zastavka.pictures import Pictures
from zastavka.segment import Segment
from zastavka.signature import Bars, Signatures
from zastavka.storage import write_tensors
from zastavka.waveform import read_waveform
from zastavka.whole import check_whole

Progress = Callable[[float], None]  # share of the work done, in [0, 1]

NAME = f"prints/1 {sound.NAME} {signature.NAME}"
FILM = 25 / 24  # how much faster PAL shows what was filmed at 24 pictures a second

_APART = 0.2  # seconds between key pictures that are kept
_PAL_RATES = ((24.9, 25.1), (49.8, 50.2))  # pictures per second


@dataclass(frozen=True, slots=True, eq=False)
class EpisodePrint:
    """What is known of an episode's first `searched` seconds of `duration`.

    `slow` is the sound as it would be at 24/25 of the speed, for files at 25 pictures a second.
    `times` (k,) are those of the key pictures, in seconds.
    """

    duration: float
    searched: float
    sound: Fingerprint | None
    slow: Fingerprint | None
    times: NDArray[np.float64]
    pictures: Signatures
    bars: Bars
    rate: float | None  # pictures per second
    chapters: tuple[Chapter, ...] = ()

    def __post_init__(self) -> None:
        if len(self.times) != len(self.pictures):
            raise ValueError(f"{len(self.times)} times for {len(self.pictures)} pictures")

    def __repr__(self) -> str:
        return (
            f"EpisodePrint({self.searched:.0f} of {self.duration:.0f} s, {self.sound}, "
            f"{len(self.times)} key pictures)"
        )


def read_print(
    path: Path, options: ExtractOptions, progress: Progress | None = None
) -> EpisodePrint:
    """Read the searched window of a file.

    MediaError: the file can't be read, or breaks off before the window ends.
    """
    info = probe(path)
    if info.duration < sound.FRAME:
        raise MediaError(
            path, "lasts {seconds:.2f} s, too little to be compared", "give a longer file",
            seconds=info.duration,
        )  # fmt: skip
    searched = options.window(info.duration)
    heard, slow, end = None, None, 0.0
    rate = info.video.rate if info.video else None
    waveform = (
        read_waveform(path, sound.RATE, searched, options.language) if options.sound else None
    )
    if waveform is not None:
        heard = sound.fingerprint(waveform.samples)
        if rate is not None and any(low < rate < high for low, high in _PAL_RATES):
            slow = sound.fingerprint(waveform.samples, FILM)
        end = len(waveform.samples) / sound.RATE
        del waveform
    times, pictures = _key_pictures(path, searched, progress) if info.video else ([], [])
    check_whole(path, max([end, *times[-1:]]), searched, info.duration)
    bars = signature.find_bars(pictures)
    return EpisodePrint(
        info.duration, searched, heard, slow, np.array(times, np.float64),
        signature.signatures(pictures, bars), bars, rate, info.chapters,
    )  # fmt: skip


def _key_pictures(
    path: Path, searched: float, progress: Progress | None
) -> tuple[list[float], list[NDArray[np.uint8]]]:
    times: list[float] = []
    greys: list[NDArray[np.uint8]] = []
    with Pictures.keys(path, Segment(0.0, searched), signature.SIZE) as pictures:
        for picture in pictures:
            if times and picture.time - times[-1] < _APART:
                continue  # every picture of the file is a key: these tell as much
            times.append(picture.time)
            greys.append(signature.grey(picture.image))
            if progress:
                progress(min(1.0, picture.time / searched))
    return times, greys


def save(print_: EpisodePrint, path: Path) -> None:
    """Write a print as safetensors (no pickle), whole or not at all."""
    meta: dict[str, object] = {
        "name": NAME, "duration": print_.duration, "searched": print_.searched,
        "bars": print_.bars, "rate": print_.rate,
        "chapters": [[c.title, c.segment.start, c.segment.end] for c in print_.chapters],
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {
        "times": print_.times, "cells": print_.pictures.cells,
        "picture_words": print_.pictures.words, "picture_usable": print_.pictures.usable,
    }  # fmt: skip
    for name, heard in (("sound", print_.sound), ("slow", print_.slow)):
        if heard is not None:
            arrays |= {
                f"{name}_words": heard.words, f"{name}_usable": heard.usable,
                f"{name}_level": heard.level,
            }  # fmt: skip
    write_tensors(path, arrays, meta)


def load(path: Path) -> EpisodePrint:
    """Read what `save` wrote. FeatureError: damaged, or of another version."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            meta = json.loads((file.metadata() or {})["zastavka"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if meta["name"] != NAME:
            raise ValueError(f"made by {meta['name']}")
        top, bottom, left, right = meta["bars"]
        return EpisodePrint(
            float(meta["duration"]), float(meta["searched"]),
            _sound(arrays, "sound"), _sound(arrays, "slow"), arrays["times"],
            Signatures(arrays["cells"], arrays["picture_words"], arrays["picture_usable"]),
            (top, bottom, left, right), meta["rate"],
            tuple(Chapter(title, Segment(a, b)) for title, a, b in meta["chapters"]),
        )  # fmt: skip
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FeatureError(
            path, "is no print of an episode: {why}", "extract it again", why=error
        ) from error


def _sound(arrays: dict[str, NDArray[np.generic]], name: str) -> Fingerprint | None:
    if f"{name}_words" not in arrays:
        return None
    words, usable, level = (arrays[f"{name}_{part}"] for part in ("words", "usable", "level"))
    return Fingerprint(words, usable, level)  # type: ignore[arg-type]
