"""What learning from one's own data brings: decoding tuned, labels from repeats.

    python benchmarks/learning.py --work DIR --out DIR baseline|default|tune|bootstrap

`--work` is what `zastavka train --recipe builtin --work DIR` leaves: features and prints of
composed series in `a0`, `a1` (halves of fold a that share no clip) and `b` (clips of their own).
Models are learned from fold a and judged on fold b, each file alone. A model that is in `--out`
already is taken as it is; one thread of torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch

from zastavka.bootstrap import Bar, sorted_out, supports_of
from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.counsel import detection
from zastavka.detection import Detection
from zastavka.emitted import Emitted, Objective, scores
from zastavka.evaluate import evaluate
from zastavka.features import EpisodeFeatures
from zastavka.learn.dataset import Dataset, episode_windows
from zastavka.learn.gather import Gathered, Known
from zastavka.learn.prepare import input_spec
from zastavka.learn.train import train
from zastavka.model import BUILTIN, OPTIONS_FILE, Head
from zastavka.pipeline import Detector
from zastavka.repeats import find_repeats
from zastavka.segment import Grid
from zastavka.tune import tune
from zastavka.vision import load_encoder

BASELINE_BUILTIN = BASELINE.override(
    {"extract": {"encoder": "builtin"}, "train": {"copies": 0}}, "benchmark"
)  # copies need the videos, which are gone

EPOCHS, TRIALS = 20, 60
OBJECTIVES: tuple[Objective, ...] = ("iou", "useful")
SHOWN = ("episodes", "f1", "iou", "hit@.5", "useful", "wrong", "missed", "false_alarm")

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


def repeated(series: Series, bar: Bar) -> tuple[Series, Series]:
    """Series as they are, and as their repeats label them, without those that are not sure.

    Prints alone: no second look at pictures, as the videos are gone.
    """
    known = {name: each for name, each in series.items() if len(each) > 1}
    sure: Series = {}
    confidence = Head.load(BUILTIN).confidence
    for name, each in known.items():
        prints, paths = [k.print for k in each], [k.truth.episode.path for k in each]
        repeats = find_repeats(prints, [None] * len(each), range(len(each)), DEFAULT)
        answered = [
            detection(k.truth.episode, i, repeats, confidence=confidence)
            for i, k in enumerate(each)
        ]
        labels = sorted_out(answered, supports_of(repeats, paths), bar).labels
        by_path = {label.episode.path: label for label in labels}
        kept = [k for k in each if k.truth.episode.path in by_path]
        if kept:
            sure[name] = [replace(k, truth=by_path[k.truth.episode.path]) for k in kept]
    return known, sure


def bootstrap(work: Path, out: Path) -> None:
    """A model of bootstrapped labels beside one of true labels of the same series."""
    config = DEFAULT.override({"train": {"epochs": EPOCHS, "validation": 0.0}}, "benchmark")
    known, sure = repeated(series_of(work, ("a0", "a1")), Bar())
    print(len(known), "series of two episodes or more,", sum(map(len, known.values())), "episodes")
    labels = [k.truth for each in sure.values() for k in each]
    print(len(sure), "series labelled by what repeats,", len(labels), "episodes")
    true = {k.truth.episode.path: k.truth for each in known.values() for k in each}
    report = evaluate([true[label.episode.path] for label in labels], labels)
    print("labels:", {key: report.macro()[key] for key in SHOWN}, flush=True)
    judged = series_of(work, ("b",))
    for name, learned in (("true", known), ("bootstrapped", sure)):
        model = model_of(learned, config, out / name)
        shown = figures(judged, Detector.load(model))
        print(name, {key: shown[key] for key in SHOWN}, flush=True)


def tuned(work: Path, out: Path) -> None:
    """Decoding tuned on series learned from, and on others; what either does on the others."""
    for name, config in (("baseline", BASELINE_BUILTIN), ("default", DEFAULT)):
        head = Head.load(model_of(series_of(work, ("a0", "a1")), config, out / name))
        sets = {
            world: [
                Emitted.of(k.truth, as_read(k.features, config), head)
                for each in series_of(work, worlds).values()
                for k in each
            ]
            for world, worlds in (("a", ("a0", "a1")), ("b", ("b",)))
        }
        for world, objective in product(sets, OBJECTIVES):
            journal = out / f"{name}-{world}-{objective}.journal"
            found = tune(sets[world], head, journal, trials=TRIALS, objective=objective)
            line = f"{found.old:.4f} -> {found.held_back:.4f} +-{found.error:.4f}"
            kept = "old kept" if found.after == found.before else ""
            print(name, "on", world, objective, line, kept)
            for options in (found.before, found.after):
                values = scores(sets["b"], head, options, objective).values()
                print("  on b", round(sum(values) / len(values), 4), flush=True)


WHAT = {"baseline": baseline, "default": default, "tune": tuned, "bootstrap": bootstrap}

if __name__ == "__main__":
    main()
