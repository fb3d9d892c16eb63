"""Labelled windows of rows: built from episodes, kept in the prototype's `dataset.pt` format.

The file is a list of `{"video_id", "window_start_frame_idx", "embeddings" [t, f], "labels" [t]}`,
read with `weights_only=True`. We add `series` (to split by), `encoder`, `inputs`, `widths` and
`extract` to each entry; readers of the old format pass over them, entries without them are the
prototype's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zastavka.config import Config
from zastavka.detection import Detection
from zastavka.errors import DatasetError
from zastavka.features import EpisodeFeatures, describe_pictures, row_times
from zastavka.inputs import UNKNOWN, InputSpec, assemble_inputs
from zastavka.model import windows
from zastavka.options import ExtractOptions
from zastavka.pictures import Picture
from zastavka.storage import replacing
from zastavka.vision import PictureEncoder

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of one video from `first_row` on: inputs (t, f), labels (t,) of 0 and 1.

    `seasons`: what its columns of evidence (t, e) are among different siblings; the inputs
    themselves have the file alone.
    """

    video_id: str
    series: str
    first_row: int
    inputs: Floats
    labels: Floats
    seasons: tuple[Floats, ...] = ()

    def __post_init__(self) -> None:
        if self.inputs.ndim != 2 or self.labels.shape != self.inputs.shape[:1]:
            raise ValueError(f"inputs {self.inputs.shape} do not fit labels {self.labels.shape}")
        if any(len(rows) != len(self.labels) for rows in self.seasons):
            raise ValueError("evidence does not fit the labels")

    @property
    def positive(self) -> bool:
        """Whether a row of it is labelled 1."""
        return bool(self.labels.any())


@dataclass(frozen=True, slots=True)
class Dataset:
    """Windows with what a head needs to know of their columns."""

    windows: tuple[Window, ...]
    spec: InputSpec
    extract: ExtractOptions | None = None  # how the rows were made; None: the file does not say

    def as_made(self, config: Config) -> Config:
        """`config` with the extraction and the columns that these windows were made with.

        A model stores them and answers by them, whatever recipe it is trained by.
        """
        extract = self.extract or config.extract
        network = config.network.model_copy(update={"inputs": self.spec.inputs})
        return config.model_copy(update={"extract": extract, "network": network})

    def check(self, subject: str | Path) -> None:
        """DatasetError: nothing to learn from, or rows that can't be used."""
        if not self.windows:
            raise DatasetError(subject, "holds no window", "check the labels and the videos")
        if not any(window.positive for window in self.windows):
            raise DatasetError(
                subject, "holds no positive row: no label lies in the searched window",
                "check the labels, or search a longer window",
            )  # fmt: skip
        for window in self.windows:
            if not np.isfinite(window.inputs).all():
                raise DatasetError(
                    subject, "holds NaN in a window of '{video}'", "extract that video again",
                    video=window.video_id,
                )  # fmt: skip
            if window.inputs.shape[1] != self.spec.width:
                raise DatasetError(
                    subject, "holds a window of '{video}' {found} wide, {wanted} wanted",
                    "make the dataset again: this version has other columns",
                    video=window.video_id, found=window.inputs.shape[1], wanted=self.spec.width,
                )  # fmt: skip
            if not np.isin(window.labels, (0, 1)).all():
                raise DatasetError(
                    subject, "has labels of '{video}' other than 0 and 1", "make the dataset again",
                    video=window.video_id,
                )  # fmt: skip

    def digest(self) -> str:
        """A name for what the windows hold."""
        digest = hashlib.blake2b(digest_size=16)
        for window in self.windows:
            digest.update(f"{window.video_id} {window.first_row} {window.inputs.shape}".encode())
            digest.update(window.labels.tobytes())
            digest.update(window.inputs.sum(axis=0, dtype=np.float64).tobytes())
            for rows in window.seasons:
                digest.update(rows.sum(axis=0, dtype=np.float64).tobytes())
        return digest.hexdigest()

    def split(self, share: float, seed: int) -> tuple[Dataset, Dataset]:
        """Two datasets with no series in common; the second has about `share` of the series.

        With one series alone its videos are split; with one video nothing is held back.
        """
        names = sorted({window.series for window in self.windows})
        key: Callable[[Window], str] = lambda window: window.series  # noqa: E731
        if len(names) == 1:
            names = sorted({window.video_id for window in self.windows})
            key = lambda window: window.video_id  # noqa: E731
        held = round(share * len(names)) or int(share > 0 and len(names) > 1)
        chosen = set(np.random.default_rng(seed).permutation(names)[:held].tolist())
        kept = tuple(w for w in self.windows if key(w) not in chosen)
        return replace(self, windows=kept), replace(
            self, windows=tuple(w for w in self.windows if key(w) in chosen)
        )


def episode_windows(
    features: EpisodeFeatures,
    truth: Detection,
    config: Config,
    spec: InputSpec,
    seasons: Sequence[Floats] = (),
) -> Iterator[Window]:
    """The training windows of one episode, overlapping by `train.train_stride_rows`.

    `seasons`: the episode's evidence (n, spec.evidence_width) among different siblings.
    """
    table = assemble_inputs(features, spec)
    labels = features.grid.labels(truth.segments()).astype(np.float32)
    stride = min(config.train.train_stride_rows, config.network.window_rows)
    shape = config.network.model_copy(update={"stride_rows": stride})
    video, series = video_id(truth), series_of(truth)
    for window in windows(features.grid.n, shape):
        among = tuple(rows[window] for rows in seasons)
        yield Window(video, series, window.start, table[window], labels[window], among)


def video_id(truth: Detection) -> str:
    """The prototype's id of `DIR/<id>/<id>.mp4`; elsewhere folder and stem: stems recur."""
    path = truth.episode.path
    return path.stem if path.parent.name == path.stem else f"{path.parent.name}/{path.stem}"


def series_of(truth: Detection) -> str:
    """What an episode must not be split from: its series, else its folder."""
    return truth.episode.series or truth.episode.path.parent.name


def build(
    episodes: Iterable[tuple[Detection, EpisodeFeatures]],
    config: Config,
    spec: InputSpec,
    encoder: PictureEncoder,
) -> Dataset:
    """Windows of labelled episodes, copies added and negatives thinned as the recipe asks."""
    rng = np.random.default_rng(config.train.seed)
    kept: list[Window] = []
    for truth, features in episodes:
        for window in episode_windows(features, truth, config, spec):
            if window.positive or rng.random() < config.train.keep_negative:
                kept.append(window)
        for _ in range(config.train.copies):
            copy = _augmented(features, truth, config, encoder, rng)
            if copy is not None:
                again = episode_windows(copy, truth, config, spec)
                kept.extend(window for window in again if window.positive)
    return Dataset(tuple(kept), spec, config.extract)


def _augmented(
    features: EpisodeFeatures,
    truth: Detection,
    config: Config,
    encoder: PictureEncoder,
    rng: np.random.Generator,
) -> EpisodeFeatures | None:
    """The episode with its positive pictures described anew, brighter or flatter than they were."""
    rows = np.flatnonzero(features.grid.labels(truth.segments()))
    if features.picture is None or not len(rows):
        return None
    times = row_times(features.grid, config.extract)
    changed = describe_pictures(
        truth.episode.path, [times[row] for row in rows], encoder, lambda p: jittered(p, rng)
    )
    if changed is None:
        return None
    picture = features.picture.copy()
    picture[rows] = changed
    return replace(features, picture=picture)


def jittered(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness, then contrast, changed by up to 40 % with a chance of 0.3: the prototype's."""
    image = picture.image.astype(np.float32)
    if rng.random() < 0.3:
        image = image * rng.uniform(0.6, 1.4)
    if rng.random() < 0.3:
        image = (image - image.mean()) * rng.uniform(0.6, 1.4) + image.mean()
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def write_dataset(path: Path, dataset: Dataset) -> None:
    """Write `dataset.pt`, whole or not at all."""
    spec = dataset.spec
    extract = dataset.extract.model_dump_json() if dataset.extract else None
    entries = [
        {
            "video_id": window.video_id,
            "window_start_frame_idx": window.first_row,
            "embeddings": torch.from_numpy(window.inputs),
            "labels": torch.from_numpy(window.labels),
            "series": window.series,
            "encoder": spec.encoder,
            "inputs": spec.inputs,
            "widths": [spec.picture_width, spec.sound_width, spec.evidence_width],
            "extract": extract,
            "seasons": [torch.from_numpy(rows) for rows in window.seasons],
        }
        for window in dataset.windows
    ]
    save_tensors(path, entries)


def save_tensors(path: Path, content: object) -> None:
    """`torch.save`, whole or not at all. StorageError: disk full, no permission."""
    with replacing(path) as part:
        try:
            with part.open("wb") as file:
                torch.save(content, file)
        except RuntimeError as error:
            # torch's writer stumbles once more over the bytes that the disk refused
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def read_dataset(path: Path) -> Dataset:
    """Read a `dataset.pt`, ours or the prototype's. DatasetError: none, or nothing to learn."""
    try:
        entries = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        raise DatasetError(path, "does not exist", "make it with `zastavka dataset`") from error
    except Exception as error:  # torch raises half a dozen kinds for files that are none of its own
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(
            path, "is not a dataset: {why}", "make it with `zastavka dataset`", why=first
        ) from error
    if not isinstance(entries, list) or not entries:
        raise DatasetError(path, "holds no window", "check the labels and the videos")
    try:
        found = Dataset(
            tuple(_window(entry) for entry in entries), _spec(entries[0]), _extract(entries[0])
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DatasetError(
            path, "is not a dataset: {why}", "make it with `zastavka dataset`", why=repr(error)
        ) from error
    found.check(path)
    return found


def _window(entry: dict[str, Any]) -> Window:
    video = str(entry["video_id"])
    return Window(
        video,
        str(entry.get("series", video)),
        int(entry["window_start_frame_idx"]),
        entry["embeddings"].to(torch.float32).numpy(),
        entry["labels"].to(torch.float32).numpy(),
        tuple(rows.to(torch.float32).numpy() for rows in entry.get("seasons", ())),
    )


def _spec(entry: dict[str, Any]) -> InputSpec:
    widths = entry.get("widths", (int(entry["embeddings"].shape[1]), 0))
    picture, sound, evidence = (*map(int, widths), 0)[:3]
    return InputSpec(
        entry.get("encoder", UNKNOWN), picture, sound, entry.get("inputs", "pictures"),
        evidence_width=evidence,
    )  # fmt: skip


def _extract(entry: dict[str, Any]) -> ExtractOptions | None:
    text = entry.get("extract")
    return None if text is None else ExtractOptions.model_validate_json(text)
