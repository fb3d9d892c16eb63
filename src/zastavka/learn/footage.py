"""Windows whose pictures are still in the videos: listed once, read when their turn comes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zastavka.config import Config
from zastavka.detection import Detection
from zastavka.errors import ZastavkaError
from zastavka.features import row_times
from zastavka.learn.dataset import series_of, video_id
from zastavka.media import probe
from zastavka.model import windows
from zastavka.pictures import Pictures
from zastavka.segment import Grid

Prepare = Callable[[list[NDArray[np.uint8]], torch.device], dict[str, torch.Tensor]]


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """Rows of one video from `first_row` on: when their pictures are shown, and their labels."""

    path: Path
    video_id: str
    series: str
    first_row: int
    times: tuple[float, ...]
    labels: NDArray[np.float32]

    @property
    def positive(self) -> bool:
        """Whether a row of it is labelled 1."""
        return bool(self.labels.any())

    def prepared(
        self, prepare: Prepare, n: int, device: torch.device
    ) -> Iterator[dict[str, torch.Tensor]]:
        """Inputs of a tower, `n` pictures at a time; fewer in all where the video ends early."""
        with Pictures.at(self.path, self.times) as pictures:
            while some := [picture.image for picture in islice(pictures, n)]:
                yield prepare(some, device)


def footage(
    truths: Iterable[Detection], config: Config, tell: Callable[[ZastavkaError], None]
) -> list[Footage]:
    """The windows of all videos, negatives thinned as the recipe asks; no picture is read yet."""
    rng = np.random.default_rng(config.train.seed)
    stride = min(config.train.train_stride_rows, config.network.window_rows)
    shape = config.network.model_copy(update={"stride_rows": stride})
    found = []
    for truth in truths:
        path = truth.episode.path
        try:
            info = probe(path)
        except ZastavkaError as error:
            tell(error)
            continue
        if not info.video or info.duration < config.extract.step:
            continue
        grid = Grid.over(config.extract.window(info.duration), config.extract.step)
        times = row_times(grid, config.extract)
        labels = grid.labels(truth.segments()).astype(np.float32)
        for window in windows(grid.n, shape):
            one = Footage(
                path, video_id(truth), series_of(truth), window.start,
                tuple(times[window]), labels[window],
            )  # fmt: skip
            if one.positive or rng.random() < config.train.keep_negative:
                found.append(one)
    return found


def split(all_of: list[Footage], share: float, seed: int) -> tuple[list[Footage], list[Footage]]:
    """Windows to learn from and windows held back, with no series in common; one series: none."""
    names = sorted({one.series for one in all_of})
    held = 0 if len(names) == 1 else round(share * len(names)) or int(share > 0)
    chosen = set(np.random.default_rng(seed).permutation(names)[:held].tolist())
    return (
        [one for one in all_of if one.series not in chosen],
        [one for one in all_of if one.series in chosen],
    )


def digest_of(all_of: list[Footage]) -> str:
    """A name for what the windows are."""
    digest = hashlib.blake2b(digest_size=16)
    for one in all_of:
        digest.update(f"{one.video_id} {one.path.stat().st_size} {one.times}".encode())
        digest.update(one.labels.tobytes())
    return digest.hexdigest()
