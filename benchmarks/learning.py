"""What learning from one's own data brings: networks, tuning, labels from repeats, habits of old.

    python benchmarks/learning.py --work DIR networks|tune|bootstrap|recipe|step

DIR is what `zastavka train --recipe builtin --work DIR` leaves: features and prints of composed
series in `a0`, `a1` (halves of fold a that share no clip) and `b` (clips of their own). Models are
learned from fold a and judged on fold b, each file alone. Each model is kept in `--out` and passed
over when it is there; one thread of torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.detection import Detection
from zastavka.evaluate import evaluate
from zastavka.features import EpisodeFeatures
from zastavka.learn.dataset import Dataset, episode_windows
from zastavka.learn.gather import Gathered, Known
from zastavka.learn.prepare import input_spec
from zastavka.learn.train import train
from zastavka.model import OPTIONS_FILE
from zastavka.pipeline import Detector
from zastavka.segment import Grid
from zastavka.vision import load_encoder

BASELINE_BUILTIN = BASELINE.override(
    {"extract": {"encoder": "builtin"}, "train": {"copies": 0}}, "benchmark"
)  # copies need the videos, which are gone

Series = dict[str, list[Known]]


def series_of(work: Path, worlds: Iterable[str]) -> Series:
    """Gathered series by name, without those that are seen as files of tens of seconds."""
    found = {}
    for world in worlds:
        for folder in sorted((work / world).iterdir()):
            if (folder / "truth.json").exists():
                found[folder.name] = Gathered(folder.name, folder).episodes()
    return found


def as_read(features: EpisodeFeatures, config: Config) -> EpisodeFeatures:
    """Rows as a recipe reads them: the baseline has one of a second, pictures alone, 180 s."""
    if config.extract.step == features.grid.step:
        return features
    every = round(config.extract.step / features.grid.step)
    n = round(config.extract.window(features.duration) / features.grid.step)
    assert features.picture is not None
    rows = features.picture[:n:every]
    return replace(features, grid=Grid(config.extract.step, len(rows)), picture=rows, sound=None)


def dataset_of(series: Series, config: Config) -> Dataset:
    """All windows of some series, negatives thinned as the recipe asks."""
    import numpy as np

    spec = input_spec(config, load_encoder(config.extract.encoder))
    rng = np.random.default_rng(config.train.seed)
    windows = [
        window
        for known in series.values()
        for each in known
        for window in episode_windows(as_read(each.features, config), each.truth, config, spec)
        if window.positive or rng.random() < config.train.keep_negative
    ]
    return Dataset(tuple(windows), spec, config.extract)


def model_of(series: Series, config: Config, folder: Path) -> Path:
    """A model that learned from some series, with a line an epoch."""
    if not (folder / OPTIONS_FILE).exists():
        dataset = dataset_of(series, config)
        print(folder.name, len(dataset.windows), "windows", flush=True)
        resume = (folder / "checkpoint.pt").exists()
        train(dataset, config, folder, resume=resume, progress=_show)
    return folder


def _show(event: object) -> None:
    if hasattr(event, "validation_f1"):
        print(event, flush=True)


def answers(series: Series, detector: Detector) -> tuple[list[Detection], list[Detection]]:
    """What is true, and what each file alone is answered, without a look at its video."""
    truths, found = [], []
    for known in series.values():
        for each in known:
            features = as_read(each.features, detector.config)
            truths.append(each.truth)
            found.append(detector.answer(each.truth.episode, features, look=False))
    return truths, found


def figures(series: Series, detector: Detector) -> dict[str, float | None]:
    """Macro means over series."""
    report = evaluate(*answers(series, detector))
    return report.macro()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("what", choices=WHAT)
    a = parser.parse_args(argv)
    torch.set_num_threads(1)
    WHAT[a.what](a.work, a.out)


def baseline(work: Path, out: Path) -> None:
    model_of(series_of(work, ("a0", "a1")), BASELINE_BUILTIN, out / "baseline")


def default(work: Path, out: Path) -> None:
    model_of(series_of(work, ("a0", "a1")), DEFAULT, out / "default")


WHAT = {"baseline": baseline, "default": default}

if __name__ == "__main__":
    main()
