"""Accuracy of single files on the composed benchmark: learned on random series, judged on dev.json.

    python benchmarks/accuracy.py --introbench DIR --work DIR --compose-python PYTHON

Composes what is learned from (`compose.py --random --fold a --ships --height 144`: the first 43
series of seed 1, and of seed 2 those of the first 342 that last at most 420 s in all, so that many
themes cost little) and `dev.json`; extracts; trains the recipes `default` and `baseline` (built-in
pictures); answers every file of dev alone; finds the best setting of the loudness-only rule on
dev; and prints a table by the benchmark's own `score.py`, and one for a draw of the other fold,
whose clips nothing was learned from. Each stage keeps what it made in
`--work` and is passed over when it is there. PYTHON needs numpy, scipy, opencv-python-headless, av
and pillow: it only composes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from peers import markdown
from zastavka.cache import FeatureCache
from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.descriptor import BuiltinDescriptor
from zastavka.detection import Detection, Failure, Finding, write_detections
from zastavka.errors import ZastavkaError
from zastavka.evaluate import constant_answers
from zastavka.learn.dataset import read_dataset
from zastavka.learn.prepare import prepare
from zastavka.learn.train import train
from zastavka.pipeline import Detector
from zastavka.segment import Segment
from zastavka.truth import read_truth
from zastavka.waveform import read_waveform

WITHOUT = ("silent-file",)
BASELINE_BUILTIN = BASELINE.override({"extract": {"encoder": "builtin"}}, "benchmark")
COLUMNS = ("f1", "iou", "hit@.5", "hit@.9", "false_alarm", "wrong/100", "story_s/h")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--introbench", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--compose-python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=2)
    a = parser.parse_args()
    for draw in DRAWS:
        draw.compose(a)
    dev = a.work / "dev"
    compose(a, ["--spec", "dev.json"], dev)
    cache = FeatureCache(a.work / "features")
    loudest, rule = loudness(a.work, dev, a.introbench)
    answers = {
        "constant 5-15 s": write(a.work, "constant", constant(dev)),
        "loudness only, best setting": loudest,
    }
    for name, config, draws in (
        # 33 million parameters: half an hour on two cores with no more than these
        ("baseline (built-in pictures)", BASELINE_BUILTIN, (Draw(2, 120, 420.0),)),
        ("default", DEFAULT, DRAWS),
    ):
        model = fit(a.work, draws, config, cache, a.jobs)
        answers[name] = write(a.work, model.name, answer(dev, model, cache))
    show(a, "dev", dev, answers)
    UNSEEN.compose(a)
    unseen = UNSEEN.folder(a.work)
    truths = read_truth(unseen / "truth.json", unseen)
    heard = [rule.find(truth, frames(truth.episode.path)) for truth in truths]
    found = answer(unseen, a.work / f"model-{DEFAULT.recipe}", cache)
    answers = {
        "constant 5-15 s": write(a.work, "constant-unseen", constant(unseen)),
        "loudness only, setting of dev": write(a.work, "loudness-unseen", heard),
        "default": write(a.work, "default-unseen", found),
    }
    show(a, "unseen", unseen, answers)


def show(a: argparse.Namespace, name: str, truth: Path, answers: dict[str, Path]) -> None:
    """Print the table of one set, and keep it."""
    table = {method: score(a.introbench, truth, path) for method, path in answers.items()}
    columns = (*COLUMNS, "edge_p50", "edge_p90")
    print(f"{name}\n{markdown(table, columns)}\n")
    (a.work / f"accuracy-{name}.json").write_text(json.dumps(table, indent=1))


@dataclass(frozen=True)
class Draw:
    """Random series of a seed: the first `count`, or those of them of at most `seconds`."""

    seed: int
    count: int
    seconds: float | None = None
    fold: str = "a"

    def folder(self, work: Path) -> Path:
        return work / f"random-{self.fold}-{self.seed}"

    def compose(self, a: argparse.Namespace) -> None:
        what = ["--random", str(self.count), "--seed", str(self.seed)]
        only = ["--only", *self._short(a)] if self.seconds else []
        ships = ["--ships"] if self.fold == "a" else []  # what only measures may be of any licence
        rest = ["--fold", self.fold, *ships, "--height", "144"]
        compose(a, [*what, *only, *rest], self.folder(a.work))

    def _short(self, a: argparse.Namespace) -> list[str]:
        code = (
            f"import sys; sys.path.insert(0, {str(a.introbench)!r}); import compose\n"
            f"for i in range({self.count}):\n"
            f"    s = compose.random_series(i, {self.seed})\n"
            "    theme = 0 if s.no_theme else s.theme\n"
            f"    if s.episodes * (s.body + theme + s.credits) <= {self.seconds}: print(s.name)\n"
        )
        command = [a.compose_python, "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


DRAWS = (Draw(1, 43), Draw(2, 342, 420.0))
UNSEEN = Draw(5, 126, 420.0, fold="b")  # other clips than those learned from; used for nothing else


def compose(a: argparse.Namespace, what: list[str], out: Path) -> None:
    """compose.py passes over what it has made already."""
    command = [a.compose_python, str(a.introbench / "compose.py"), *what]
    subprocess.run([*command, "--jobs", str(a.jobs), "--out", str(out)], check=True)


def fit(work: Path, draws: Sequence[Draw], config: Config, cache: FeatureCache, jobs: int) -> Path:
    """A model trained on some draws."""
    model = work / f"model-{config.recipe}"
    if (model / "options.json").exists():
        return model
    truth = {
        f"{draw.folder(work).name}/{name}": row
        for draw in draws
        for name, row in json.loads((draw.folder(work) / "truth.json").read_text()).items()
        if int(row["series"].rpartition("-")[2]) < draw.count
    }
    chosen = work / f"truth-{config.recipe}.json"
    chosen.write_text(json.dumps(truth))
    warm([d.episode.path for d in read_truth(chosen, work)], config, cache, jobs)
    dataset = work / f"dataset-{config.recipe}.pt"
    made = prepare(chosen, work, dataset, config, cache)
    print(f"{config.recipe}: {made.windows} windows of {made.episodes} episodes", file=sys.stderr)
    train(read_dataset(dataset), config, model, progress=_log)
    return model


def _log(event: object) -> None:
    if not hasattr(event, "batch"):
        print(event, file=sys.stderr, flush=True)


def warm(files: Sequence[Path], config: Config, cache: FeatureCache, jobs: int) -> None:
    """Extract in parallel; what fails here is reported by whoever asks for it next."""
    with ProcessPoolExecutor(jobs) as pool:
        list(pool.map(_extract, files, [config] * len(files), [cache] * len(files), chunksize=4))


def _extract(file: Path, config: Config, cache: FeatureCache) -> None:
    try:
        cache.get(file, BuiltinDescriptor(), config.extract)
    except ZastavkaError as error:
        print(error, file=sys.stderr)


def answer(dev: Path, model: Path, cache: FeatureCache) -> list[Detection | Failure]:
    """Every file alone."""
    detector = Detector.load(model, cache=cache)
    episodes = [truth.episode for truth in read_truth(dev / "truth.json", dev)]
    warm([episode.path for episode in episodes], detector.config, cache, 2)
    return detector.detect(episodes)


def write(work: Path, name: str, results: Sequence[Detection | Failure]) -> Path:
    path = work / f"found-{name}.json"
    write_detections(path, results)
    return path


def constant(dev: Path) -> list[Detection]:
    return list(constant_answers(read_truth(dev / "truth.json", dev), Segment(5.0, 15.0)))


@dataclass(frozen=True)
class Loudness:
    """The longest stretch without a pause: above `level` dBFS, gaps up to `pause` s closed."""

    level: float
    pause: float
    tail: float  # seconds at the end of the file that are left out

    def find(self, truth: Detection, loud: NDArray[np.float32]) -> Detection:
        hop = 0.02
        on = loud > self.level
        n = len(on) - round(self.tail / hop)
        best, start, last = (0, 0), None, None
        for i in np.flatnonzero(on[: max(0, n)]):
            if last is None or i - last > self.pause / hop:
                start = int(i)
            last = int(i)
            if start is not None and last - start > best[1] - best[0]:
                best = (start, last)
        found = () if best[1] <= best[0] else (
            Finding(segment=Segment(best[0] * hop, (best[1] + 1) * hop), sources=("sound",)),
        )  # fmt: skip
        return Detection(episode=truth.episode, duration=truth.duration, findings=found)


def loudness(work: Path, dev: Path, introbench: Path) -> tuple[Path, Loudness]:
    """The rule with the setting that does best on dev itself: more than it can claim elsewhere."""
    truths = read_truth(dev / "truth.json", dev)
    sounds = {truth.episode.path: frames(truth.episode.path) for truth in truths}
    best, best_f1, chosen = work / "found-loudness.json", -1.0, Loudness(-28, 0.3, 15.5)
    grid = itertools.product((-40, -36, -34, -32, -30, -28, -26, -24), (0.2, 0.3, 0.5), (0.0, 15.5))
    for level, pause, tail in grid:
        rule = Loudness(level, pause, tail)
        trial = write(
            work, "loudness-trial", [rule.find(t, sounds[t.episode.path]) for t in truths]
        )
        f1 = float(score(introbench, dev, trial)["f1"] or 0)
        if f1 > best_f1:
            best_f1, chosen = f1, rule
            trial.replace(best)
            print(f"loudness {rule}: F1 {f1}", file=sys.stderr)
    return best, chosen


def frames(path: Path) -> NDArray[np.float32]:
    """Level of 20-ms frames in dBFS; nothing where a file has no sound."""
    waveform = read_waveform(path, 16_000, None)
    if waveform is None:
        return np.empty(0, np.float32)
    n = len(waveform.samples) // 320
    power = (waveform.samples[: n * 320].reshape(n, 320) ** 2).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-10), dtype=np.float32)


def score(introbench: Path, dev: Path, found: Path) -> dict[str, float | None]:
    """The macro row of the referee, with the pooled edge errors."""
    command = [sys.executable, str(introbench / "score.py"), str(dev / "truth.json"), str(found)]
    done = subprocess.run(
        [*command, "--json", "--without", *WITHOUT], check=True, capture_output=True, text=True
    )
    result = json.loads(done.stdout)
    edges = {key: result["pooled"][key] for key in ("edge_p50", "edge_p90")}
    return {**result["macro"], **edges}


if __name__ == "__main__":
    main()
