"""`EpisodeFeatures`: an episode as rows on one grid; extract, save, load."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zastavka import audio
from zastavka.errors import FeatureError, MediaError
from zastavka.media import probe
from zastavka.options import ExtractOptions
from zastavka.pictures import Picture, Pictures
from zastavka.segment import Grid, Segment
from zastavka.storage import write_tensors
from zastavka.vision import PictureEncoder
from zastavka.waveform import read_waveform
from zastavka.whole import check_whole

Floats = NDArray[np.float32]
Progress = Callable[[float], None]  # share of the work done, in [0, 1]
Edit = Callable[[Picture], NDArray[np.uint8]]

_FORMAT = "1"
_BATCH = 64  # pictures described at once
_BYTES = 50_000_000  # and no more than these, which are 8 pictures of 1080p or 2 of 4K


@dataclass(frozen=True, slots=True)
class EpisodeFeatures:
    """What is known of an episode, row by row.

    `picture` is (grid.n, width of `encoder`), `sound` (grid.n, len(audio.COLUMNS)). A file without
    pictures or sound has None there. `duration` is that of the episode, which may be longer than
    the grid: only its beginning is searched.
    """

    grid: Grid
    duration: float
    picture: Floats | None
    sound: Floats | None
    encoder: str
    audio: str = audio.NAME

    def __post_init__(self) -> None:
        for name in ("picture", "sound"):
            rows = getattr(self, name)
            if rows is not None and (rows.ndim != 2 or len(rows) != self.grid.n):
                raise ValueError(f"{name} {rows.shape} does not fit a grid of {self.grid.n} rows")
        if self.picture is None and self.sound is None:
            raise ValueError("neither pictures nor sound")

    def __repr__(self) -> str:
        shapes = (None if rows is None else rows.shape for rows in (self.picture, self.sound))
        return "EpisodeFeatures({} s a row, picture {}, sound {}, {})".format(
            self.grid.step, *shapes, self.encoder
        )

    @property
    def span(self) -> Segment:
        """The seconds of the episode that the grid covers."""
        return Segment(0.0, min(self.grid.duration, self.duration))

    def check_finite(self, subject: str | os.PathLike[str]) -> None:
        """FeatureError naming `subject` if a value is NaN or infinite."""
        for name, rows in (("picture", self.picture), ("sound", self.sound)):
            if rows is not None and not np.isfinite(rows).all():
                row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
                raise FeatureError(
                    subject, "{name} features hold NaN or infinity in row {row}",
                    "extract them again", name=name, row=row,
                )  # fmt: skip


def extract(
    path: Path, encoder: PictureEncoder, options: ExtractOptions, progress: Progress | None = None
) -> EpisodeFeatures:
    """Read the searched window of a file and describe its pictures and sound.

    MediaError: the file can't be read, breaks off before the window ends, or is shorter than a row.
    """
    info = probe(path)
    if info.duration < options.step:
        raise MediaError(
            path, "lasts {seconds:.2f} s, less than one row of {step} s", "give a longer file",
            seconds=info.duration, step=options.step,
        )  # fmt: skip
    grid = Grid.over(options.window(info.duration), options.step)
    sound, heard = _sound(path, grid, options) if options.sound else (None, 0.0)
    times = row_times(grid, options)
    picture, seen = _pictures(path, times, encoder, None, progress) if info.video else (None, 0.0)
    if picture is None and sound is None:
        raise MediaError(path, "holds nothing that can be described", "give a file with pictures")
    if picture is None or len(picture) < grid.n:
        check_whole(path, max(seen, heard), min(grid.duration, info.duration), info.duration)
    picture = None if picture is None else _held(picture, grid.n)
    features = EpisodeFeatures(grid, info.duration, picture, sound, encoder.name)
    features.check_finite(path)
    return features


def row_times(grid: Grid, options: ExtractOptions) -> list[float]:
    """When each row's picture is taken, in seconds."""
    shift = 0.0 if options.picture_at == "centre" else grid.step / 2
    times: list[float] = (grid.times - shift).tolist()
    return times


def _sound(path: Path, grid: Grid, options: ExtractOptions) -> tuple[Floats | None, float]:
    """The rows of the sound, and when it ends."""
    waveform = read_waveform(path, audio.RATE, grid.duration, options.language)
    if waveform is None:
        return None, 0.0
    return audio.describe_sound(waveform.samples, grid), len(waveform.samples) / audio.RATE


def describe_pictures(
    path: Path,
    times: Sequence[float],
    encoder: PictureEncoder,
    edit: Edit | None = None,
    progress: Progress | None = None,
) -> Floats | None:
    """Vectors (len(times), encoder.width) of the pictures on screen at `times`; None: none there.

    `edit` changes a picture before it is described, for augmentation.
    """
    table, _ = _pictures(path, times, encoder, edit, progress)
    return None if table is None else _held(table, len(times))


def _pictures(
    path: Path,
    times: Sequence[float],
    encoder: PictureEncoder,
    edit: Edit | None,
    progress: Progress | None,
) -> tuple[Floats | None, float]:
    """Vectors as far as there are pictures, and when the last of these begins."""
    rows: list[Floats] = []
    done, last = 0, 0.0
    with Pictures.at(path, times, encoder.size) as pictures:
        for batch in _batches(pictures):
            rows.append(encoder.encode([edit(p) if edit else p.image for p in batch]))
            done, last = done + len(batch), batch[-1].time
            batch.clear()  # or it would stay in memory while the next one is read
            if progress:
                progress(done / len(times))
    return (np.concatenate(rows) if rows else None), last


def _held(table: Floats, n: int) -> Floats:
    """`n` rows: where pictures end before the sound, the last one stays on screen."""
    return np.pad(table, ((0, n - len(table)), (0, 0)), mode="edge")


def _batches(pictures: Iterator[Picture]) -> Iterator[list[Picture]]:
    batch: list[Picture] = []
    for picture in pictures:
        batch.append(picture)
        size = len(batch) * picture.image.nbytes  # pictures of a file are of one size, as a rule
        del picture
        if len(batch) == _BATCH or size + size // len(batch) > _BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def save(features: EpisodeFeatures, path: Path) -> None:
    """Write features as safetensors (no pickle), whole or not at all."""
    meta: dict[str, object] = {
        "format": _FORMAT, "step": repr(features.grid.step), "n": str(features.grid.n),
        "duration": repr(features.duration), "encoder": features.encoder, "audio": features.audio,
    }  # fmt: skip
    tables = {"picture": features.picture, "sound": features.sound}
    arrays = {name: rows for name, rows in tables.items() if rows is not None}
    write_tensors(path, arrays, meta)


def load(path: Path) -> EpisodeFeatures:
    """Read features that `save` wrote. FeatureError: damaged, or of another format."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            meta = json.loads((file.metadata() or {})["zastavka"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if meta["format"] != _FORMAT:
            raise ValueError(f"format {meta['format']}")
        features = EpisodeFeatures(
            Grid(float(meta["step"]), int(meta["n"])), float(meta["duration"]),
            arrays.get("picture"), arrays.get("sound"), meta["encoder"], meta["audio"],
        )  # fmt: skip
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FeatureError(
            path, "is not a feature file: {why}", "extract it again", why=error
        ) from error
    features.check_finite(path)
    return features
