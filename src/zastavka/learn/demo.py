"""The demo: compose small series, learn from some, find the intros of those that were not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zastavka.cache import FeatureCache
from zastavka.compose import compose, random_spec
from zastavka.config import DEFAULT, Config
from zastavka.detection import Detection, Failure, write_detections
from zastavka.learn.dataset import read_dataset
from zastavka.learn.prepare import prepare
from zastavka.learn.train import Epoch, Step, train
from zastavka.pipeline import Detector

Progress = Callable[[float, str], None]  # share done in [0, 1], and what is being done

LEARN, UNSEEN = 10, 3  # series
EPISODES = 3  # of each

# So few and short episodes want more rounds, and no cropping.
CONFIG: Config = DEFAULT.override({"train": {"epochs": 60, "batch": 6, "crop_rows": None}}, "demo")


def run_demo(folder: Path, seed: int, jobs: int, progress: Progress) -> tuple[Path, Path]:
    """Truth and answers for the unseen series, as files in `folder`; all it makes stays there."""
    learn, unseen = folder / "learn", folder / "unseen"
    specs = [random_spec(i, seed, EPISODES) for i in range(LEARN + UNSEEN)]
    compose(specs[:LEARN], learn, jobs, _share(progress, 0.0, 0.35, "Composing"))
    truth = compose(specs[LEARN:], unseen, jobs, _share(progress, 0.35, 0.45, "Composing"))
    cache = FeatureCache(folder / "features")
    dataset = folder / "dataset.pt"
    prepare(
        learn / "truth.json", learn, dataset, CONFIG, cache,
        progress=lambda share, _: progress(0.45 + 0.15 * share, "Reading"),
    )  # fmt: skip
    train(read_dataset(dataset), CONFIG, folder / "model", progress=_Training(progress))
    detector = Detector.load(folder / "model", cache=cache)
    found: list[Detection | Failure] = []
    for i, episode in enumerate(detection.episode for detection in truth):
        progress(0.9 + 0.1 * i / len(truth), "Answering")
        found += detector.detect([episode])
    answers = folder / "found.json"
    write_detections(answers, found)
    return unseen / "truth.json", answers


def _share(progress: Progress, first: float, last: float, label: str) -> Callable[[int, int], None]:
    return lambda done, of: progress(first + (last - first) * done / of, label)


class _Training:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __call__(self, event: Step | Epoch) -> None:
        if isinstance(event, Step):
            done = (event.epoch - 1 + event.batch / event.batches) / event.epochs
            self._progress(0.6 + 0.3 * done, "Training")
