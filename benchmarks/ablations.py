"""What each part of the prototype's recipe is worth: recipe `baseline` without one part at a time.

    python benchmarks/ablations.py --introbench DIR --work DIR --compose-python PYTHON

Composes a draw of fold a, whose series are held back in turn, and a draw of fold b, whose clips
nothing was learned from; describes them with the built-in pictures; trains the recipe whole,
without class weights, without oversampling and without copies, on the same series with the same
seeds; answers every file alone; and prints two tables. Closing and bias of the transitions come
after the network, so that the whole recipe's network is decoded once more. Differences are means
over seeds and series of one and the same series by both; in brackets 95 % of 2,000 draws of seeds
and of series with replacement. What is done is kept in `--work`: a run that was stopped goes on,
and `--seeds` may be raised. PYTHON needs numpy, scipy, opencv-python-headless, av and pillow.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zastavka.cache import FeatureCache
from zastavka.config import BASELINE, Config
from zastavka.crf import CRFWeights
from zastavka.detection import Detection
from zastavka.emitted import Emitted, answer
from zastavka.evaluate import Report, constant_answers, evaluate
from zastavka.features import EpisodeFeatures
from zastavka.inputs import assemble_inputs
from zastavka.learn.dataset import Dataset, build
from zastavka.learn.prepare import input_spec
from zastavka.learn.train import CHECKPOINT, Trained, fit
from zastavka.learn.worlds import Introbench, World
from zastavka.model import windows
from zastavka.storage import write_text
from zastavka.truth import read_truth
from zastavka.vision import load_encoder

LEARNED = World("learned", "a", None, 2611, 7200.0, 400.0)
UNSEEN = World("unseen", "b", None, 2612, 3200.0, 400.0)
FOLDS = 3

# The recipe's 33 million parameters would take hours for dozens of runs: the same kind of network,
# narrower, with a rate that suits it. All else is the prototype's.
RECIPE = BASELINE.override(
    {
        "extract": {"encoder": "builtin"},
        "network": {"d_model": 128, "n_heads": 4, "n_layers": 2, "feedforward": 256},
        "train": {"learning_rate": 3e-4},
    },
    "ablations",
)
TRAINED: dict[str, Config] = {
    "the whole recipe": RECIPE,
    "no class weights": RECIPE.override({"train": {"class_weights": None}}, "ablations"),
    "no oversampling": RECIPE.override({"train": {"oversample": None}}, "ablations"),
    "no copies": RECIPE.override({"train": {"copies": 0}}, "ablations"),
}
DECODED: dict[str, Config] = {  # by the network of the whole recipe
    "no closing": RECIPE.override({"decode": {"closing_rows": 1}}, "ablations"),
    "no bias": RECIPE.override({"decode": {"transition_bias": (0.0, 0.0)}}, "ablations"),
}
WHOLE = next(iter(TRAINED))
SHOWN = ("f1", "iou", "wrong/100")

Described = dict[str, list[tuple[Detection, EpisodeFeatures]]]  # by series
Figures = dict[str, dict[str, float | None]]  # by series, by name
Judged = dict[str, dict[str, Figures]]  # by draw, by what was left out


def composed(world: World, bench: Introbench, work: Path) -> Described:
    """The episodes of a draw by series, composed and described where they are not yet."""
    media, cache = bench.media(world, work / world.name / "media"), FeatureCache(work / "features")
    encoder = load_encoder(RECIPE.extract.encoder)
    found: Described = {}
    specs = bench.specs(world)
    for i, spec in enumerate(specs):
        folder = work / world.name / spec["name"]
        if not (folder / "truth.json").exists():
            bench.compose(spec, media, folder)
        truths = read_truth(folder / "truth.json", folder)
        found[spec["name"]] = [
            (truth, cache.get(truth.episode.path, encoder, RECIPE.extract)) for truth in truths
        ]
        _tell(f"{world.name} {i + 1}/{len(specs)}")
    return found


def folds(series: Iterable[str], seed: int) -> list[set[str]]:
    """The series in groups, each of which is held back once."""
    order = np.random.default_rng(seed).permutation(sorted(series)).tolist()
    return [set(order[k::FOLDS]) for k in range(FOLDS)]


def without_copies(dataset: Dataset) -> Dataset:
    """The windows that are no copies: the first ones of their place."""
    first = {(w.video_id, w.first_row): w for w in reversed(dataset.windows)}
    kept = {id(window) for window in first.values()}
    return replace(dataset, windows=tuple(w for w in dataset.windows if id(w) in kept))


def emitted(trained: Trained, described: Described, config: Config) -> list[Emitted]:
    """What a network says of episodes; its windows stand side by side, as the prototype's did."""
    known = []
    with torch.inference_mode():
        for truth, features in (pair for each in described.values() for pair in each):
            table = torch.from_numpy(assemble_inputs(features, trained.spec))
            rows: list[NDArray[np.float32]] = [
                trained.network(table[None, window], None)[0].float().numpy()
                for window in windows(len(table), config.network)
            ]
            shape = features.grid, features.duration, features.span
            known.append(Emitted(truth, np.concatenate(rows), *shape))
    return known


def figures(known: list[Emitted], crf: CRFWeights, config: Config) -> Figures:
    """By series, what the decoding of a recipe makes of emissions."""
    rows = config.network.window_rows
    found = [answer(each, crf, config.decode, rows) for each in known]
    return of_series(evaluate([each.truth for each in known], found))


def of_series(report: Report) -> Figures:
    """The figures that are shown, by series."""
    return {
        name: {key: counts.figures()[key] for key in SHOWN}
        for name, counts in report.series().items()
    }


def judged(name: str, dataset: Dataset, held: set[str], draws: list[Described], run: Path) -> None:
    """Train once on what is not held back, judge, and keep the figures in `run`."""
    config = TRAINED[name].override({"train": {"seed": int(run.name.split("-")[1])}}, "ablations")
    windows = tuple(w for w in dataset.windows if w.series not in held)
    resume = (run / CHECKPOINT).exists()
    trained = fit(replace(dataset, windows=windows), config, run, resume=resume)
    learned, unseen = draws
    sets = {
        "learned": emitted(trained, {s: learned[s] for s in sorted(held)}, config),
        "unseen": emitted(trained, unseen, config),
    }
    ways = {name: config} | (DECODED if name == WHOLE else {})
    crf = trained.network.crf.weights()
    result: Judged = {
        draw: {way: figures(known, crf, each) for way, each in ways.items()}
        for draw, known in sets.items()
    }
    write_text(run / "figures.json", json.dumps(result, indent=1))
    (run / CHECKPOINT).unlink(missing_ok=True)


def table(runs: Mapping[int, list[Judged]], draw: str, truths: list[Detection]) -> str:
    """Each way beside the whole recipe; `runs`: by seed, those of its folds."""
    constant = evaluate(truths, constant_answers(truths)).macro()
    lines = [["(constant 5-15 s)", *(_number(name, constant[name] or 0.0) for name in SHOWN)]]
    whole = _cube(runs, draw, WHOLE)
    for way in (*TRAINED, *DECODED):
        mine = _cube(runs, draw, way)
        cells = [way]
        for i, name in enumerate(SHOWN):
            cells.append(_number(name, float(np.nanmean(mine[:, :, i]))))
            if way != WHOLE:
                parts = interval(mine[:, :, i] - whole[:, :, i])
                low, high, middle = (_number(name, part, "+") for part in parts)
                cells[-1] += f" ({middle}; {low} to {high})"
        lines.append(cells)
    rows = [["left out", *SHOWN], ["---"] * (1 + len(SHOWN)), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _number(name: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.{1 if name == 'wrong/100' else 3}f}"


def interval(difference: NDArray[np.float64]) -> tuple[float, float, float]:
    """Low, high and middle of (seeds, series), drawn again along both; a series without is NaN."""
    difference = difference[:, ~np.isnan(difference).any(axis=0)]
    rng = np.random.default_rng(0)
    seeds, series = difference.shape
    means = [
        np.mean(difference[rng.integers(seeds, size=seeds)][:, rng.integers(series, size=series)])
        for _ in range(2000)
    ]
    return (*np.quantile(means, (0.025, 0.975)).tolist(), float(difference.mean()))


def _cube(runs: Mapping[int, list[Judged]], draw: str, way: str) -> NDArray[np.float64]:
    """Figures (seeds, series, names); where a series was judged by several folds, their mean."""
    cube = []
    for results in runs.values():
        by_series: dict[str, list[list[float]]] = {}
        for result in results:
            for series, row in result[draw][way].items():
                values = [np.nan if row[name] is None else row[name] for name in SHOWN]
                by_series.setdefault(series, []).append(values)  # type: ignore[arg-type]
        cube.append([np.mean(by_series[series], axis=0) for series in sorted(by_series)])
    return np.asarray(cube, dtype=np.float64)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--introbench", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--compose-python", default=sys.executable)
    parser.add_argument("--seeds", type=int, default=3)
    a = parser.parse_args()
    torch.set_num_threads(1)
    bench = Introbench(a.introbench, a.compose_python)
    bench.check()
    draws = [composed(world, bench, a.work) for world in (LEARNED, UNSEEN)]
    encoder = load_encoder(RECIPE.extract.encoder)
    episodes = [pair for each in draws[0].values() for pair in each]
    full = build(episodes, RECIPE, input_spec(RECIPE, encoder), encoder)
    runs: dict[int, list[Judged]] = {}
    for seed in range(1, a.seeds + 1):
        runs[seed] = []
        for k, held in enumerate(folds(draws[0], seed)):
            both: Judged = {"learned": {}, "unseen": {}}
            for name, config in TRAINED.items():
                run = a.work / "runs" / f"{name.replace(' ', '_')}-{seed}-{k}"
                if not (run / "figures.json").exists():
                    judged(name, full if config.train.copies else without_copies(full), held,
                           draws, run)  # fmt: skip
                    _tell(f"seed {seed}, fold {k}: {name}")
                result = json.loads((run / "figures.json").read_text(encoding="utf-8"))
                for draw, ways in result.items():
                    both[draw] |= ways
            runs[seed].append(both)
    for world, described in zip((LEARNED, UNSEEN), draws, strict=True):
        truths = [truth for each in described.values() for truth, _ in each]
        print(f"\n{world.name}: {len(described)} series, {len(truths)} episodes, {a.seeds} seeds\n")
        print(table(runs, world.name, truths))


if __name__ == "__main__":
    main()
