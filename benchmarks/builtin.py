"""The built-in model on the composed benchmark: alone, in seasons, and what each sense is worth.

    python benchmarks/builtin.py --introbench DIR --work DIR --model DIR --judged DIR

`--model` is judged on `dev.json` (by default the one that ships). `--judged`, a model that learned
from fold a alone (`fold-a` in the work folder of `zastavka train --recipe builtin`), is judged on
two draws of fold b, which share no clip with what it learned from: 200 episodes of random series,
and 150 episodes without a theme, half of them of series that have none and half of series that
leave it out. Then every clip of the media folder, which is real footage and has no intro. The ten
worst answers of the draw, alone, are drawn into --worst. Videos
and answers stay in --work, and what is there is not made again. Confidence intervals are of 2,000
draws of series with replacement. --compose-python needs numpy, scipy, opencv-python-headless, av
and pillow: it only composes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seasons import cell, interval
from zastavka import signature
from zastavka.cache import FeatureCache, PrintCache
from zastavka.detection import Detection, Failure, read_detections, write_detections
from zastavka.episode import Episode
from zastavka.evaluate import evaluate
from zastavka.features import EpisodeFeatures
from zastavka.learn.worlds import Introbench
from zastavka.model import BUILTIN
from zastavka.options import ExtractOptions
from zastavka.pipeline import Detector
from zastavka.prints import EpisodePrint
from zastavka.seasonal import SeasonDetector
from zastavka.truth import read_truth
from zastavka.vision import PictureEncoder

SEED, EPISODES = 977, 200  # of the draw of fold b; the seed is used for nothing else
EMPTY_SEED = 978
LONGEST = 1200.0  # seconds of a series of the draw: composing is what takes the time
WITHOUT = ("single-a", "single-b", "single-c", "single-d", "no-theme")
FIGURES = ("f1", "iou", "hit@.5", "hit@.9", "wrong/100", "false_alarm")

Series = list[Path]  # the episodes of one


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--introbench", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=BUILTIN)
    parser.add_argument("--judged", type=Path)
    parser.add_argument("--compose-python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only-compose", action="store_true")
    parser.add_argument("--worst", type=Path, help="a picture of the ten worst answers (PNG)")
    a = parser.parse_args()
    sys.path.insert(0, str(a.introbench))  # score.py, the referee
    dev, draw, empty = (Draw(a, name) for name in ("dev", "draw", "empty"))
    compose(a, draw.folder, draw_specs(a))
    compose(a, empty.folder, empty_specs(a))
    run(a, "--spec", "dev.json", "--out", str(dev.folder))
    if a.only_compose:
        return
    for way in WAYS:
        dev.answer(a.model, way)
    print(f"dev.json, seasons\n{dev.table(a.model, ['season', *ABLATION], WITHOUT)}\n")
    print(f"dev.json, every file alone\n{dev.table(a.model, ['alone', *ALONE], ())}\n")
    if a.judged is None:
        return
    for each in (draw, empty):
        for way in ("season", "alone"):
            each.answer(a.judged, way)
    for way in ABLATION:
        draw.answer(a.judged, way)
    ways = ["season", "alone", *ABLATION]
    print(f"{EPISODES} episodes of fold b\n{draw.table(a.judged, ways, (), intervals=True)}\n")
    print(f"episodes without a theme, fold b\n{empty.alarms(a.judged)}\n")
    print(f"real clips\n{clips(a)}")
    if a.worst:
        print("\n".join(draw.worst(a.judged, "alone", a.worst)))


@dataclass(frozen=True)
class Way:
    """How a season is answered: by what it is given of it."""

    season: bool = True
    among: int | None = None  # episodes of a season that are compared at most; None: all
    see: bool = True
    hear: bool = True


WAYS = {
    "season": Way(),
    "alone": Way(season=False),
    "two siblings": Way(among=3),
    "eight siblings": Way(among=9),
    "pictures only": Way(hear=False),
    "sound only": Way(see=False),
    "alone, pictures only": Way(season=False, hear=False),
    "alone, sound only": Way(season=False, see=False),
}
ABLATION = [name for name, way in WAYS.items() if way.season][1:]
ALONE = [name for name, way in WAYS.items() if not way.season][1:]


@dataclass(frozen=True)
class Draw:
    """A folder of composed series, and the answers to them."""

    a: argparse.Namespace
    name: str

    @property
    def folder(self) -> Path:
        path: Path = self.a.work / self.name
        return path

    @property
    def truth(self) -> dict[str, Any]:
        rows: dict[str, Any] = json.loads((self.folder / "truth.json").read_text())
        return rows

    def series(self) -> dict[str, Series]:
        found: dict[str, Series] = {}
        for key, row in sorted(self.truth.items()):
            found.setdefault(row["series"], []).append(self.folder / key)
        return found

    def file(self, model: Path, way: str) -> Path:
        name = "".join(c if c.isalnum() else "-" for c in way)
        path: Path = self.a.work / f"found-{self.name}-{model.resolve().name}-{name}.json"
        return path

    def answer(self, model: Path, way: str) -> None:
        """Answer all series, some at once, and keep the answers."""
        kept = self.file(model, way)
        if kept.exists():
            return
        series = list(self.series().values())
        n = len(series)
        found: list[Detection | Failure] = []
        with ProcessPoolExecutor(self.a.jobs) as pool:
            for part in pool.map(
                answered, series, [model] * n, [WAYS[way]] * n, [self.a.work / "cache"] * n
            ):
                found += part
        write_detections(kept, found)

    def table(
        self, model: Path, ways: Sequence[str], without: Sequence[str], intervals: bool = False
    ) -> str:
        """Figures of the referee, and our calibration error and median edge."""
        head = (*FIGURES, "edge p50", "edge p90", "ece")
        lines = [f"| answered | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
        truths = read_truth(self.folder / "truth.json", self.folder)
        for way in ways:
            if not self.file(model, way).exists():
                continue
            found = json.loads(self.file(model, way).read_text())
            score = importlib.import_module("score").score(self.truth, found, without=without)
            rows = list(score["series"].values())
            cells = [interval(rows, key) if intervals else mean(rows, key) for key in FIGURES]
            cells += [cell(score["pooled"][key]) for key in ("edge_p50", "edge_p90")]
            report = evaluate(truths, read_detections(self.file(model, way)), without=without)
            cells.append(cell(report.pooled().figures()["ece"]))
            lines.append(f"| {way} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def worst(self, model: Path, way: str, picture: Path) -> list[str]:
        """The ten worst answers, a line each: wrong ones, the surest first, then what was missed.

        Drawn: what each row is thought to be, what is true (green, below), what was answered (red)
        or only shown (orange).
        """
        found = read_detections(self.file(model, way))
        truths = {t.episode.path: t for t in read_truth(self.folder / "truth.json", self.folder)}
        costs: list[tuple[float, Detection, Detection]] = []
        for answer in found:
            if isinstance(answer, Failure):
                continue
            truth = truths[answer.episode.path]
            said, true = answer.segments(), truth.segments()
            best = max((a.iou(b) for a in said for b in true), default=0.0)
            sure = max((f.confidence for f in answer.findings), default=0.0)
            if said and best < 0.5:
                costs.append((2.0 + sure, answer, truth))
            elif true and not said:
                costs.append((1.0 - sure, answer, truth))
        costs.sort(key=lambda cost: -cost[0])
        chosen = [(answer, truth) for _, answer, truth in costs[:10]]
        _draw(
            chosen,
            Detector.load(model, cache=FeatureCache(self.a.work / "cache/features")),
            picture,
        )
        return [_line(answer, truth) for answer, truth in chosen]

    def alarms(self, model: Path) -> str:
        """Shares of the episodes without a theme in which one is reported."""
        lines = []
        for way in ("season", "alone"):
            found = {
                row["path"]: row
                for row in json.loads(self.file(model, way).read_text())["episodes"]
            }
            for kind in ("none", "some"):
                keys = [
                    key for key, row in self.truth.items()
                    if row["series"].startswith(kind)
                    and not any(s["type"] == "intro" for s in row["segments"])
                ]  # fmt: skip
                rows = [found[(self.folder / key).as_posix()] for key in keys]
                wrong = sum(any(s["status"] == "found" for s in r["segments"]) for r in rows)
                lines.append(f"{way}, series with {kind}: {wrong} of {len(rows)}")
        return "\n".join(lines)


def _line(answer: Detection, truth: Detection) -> str:
    true = ", ".join(f"{s.start:.1f}-{s.end:.1f}" for s in truth.segments()) or "none"
    shown = [
        f"{f.segment.start:.1f}-{f.segment.end:.1f} ({f.status}, {f.confidence:.2f}: {f.reason})"
        for f in answer.findings
    ]
    path = answer.episode.path
    why = "; ".join(shown) or answer.not_found_reason
    return f"- {path.parent.name}/{path.stem}: true {true}; answered {why}"


def _draw(chosen: list[tuple[Detection, Detection]], detector: Detector, picture: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 1.25 * len(chosen)), layout="constrained")
    rows = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
    for axes, (answer, truth) in zip(rows, chosen, strict=True):
        curve = detector.curve(detector.features(answer.episode))
        axes.plot(curve.grid.times, curve.probability, color="0.3", linewidth=0.8)
        for s in truth.segments():
            axes.axvspan(s.start, s.end, 0.0, 0.35, color="tab:green", alpha=0.5)
        for f in answer.findings:
            colour = "tab:red" if f.status == "found" else "tab:orange"
            axes.axvspan(f.segment.start, f.segment.end, 0.65, 1.0, color=colour, alpha=0.5)
        path = answer.episode.path
        axes.set(ylim=(0, 1.02), xlim=(0, curve.grid.duration), yticks=(0, 1))
        axes.set_ylabel(f"{path.parent.name[-4:]}\n{path.stem[-3:]}", fontsize=8)
        axes.tick_params(labelsize=7)
    rows[-1].set_xlabel("seconds")
    figure.savefig(picture, dpi=110)


def answered(series: Series, model: Path, way: Way, cache: Path) -> list[Detection | Failure]:
    """The answers for one series."""
    detector = Detector.load(model, cache=Features(cache / "features", way))
    episodes = [Episode(path, path.parent.name, 1, i + 1) for i, path in enumerate(series)]
    if not way.season:
        return detector.detect(episodes)
    seasons = SeasonDetector(alone=detector, cache=Prints(cache / "prints", way))
    size = way.among or len(episodes)
    parts = [episodes[i : i + size] for i in range(0, len(episodes), size)]
    if len(parts) > 1 and len(parts[-1]) < size:  # the last ones get siblings that are answered
        parts[-1] = episodes[-size:]
    found: dict[Path, Detection | Failure] = {}
    for part in parts:
        found |= {result.episode.path: result for result in seasons.detect(part)}
    return [found[episode.path] for episode in episodes]


class Features(FeatureCache):
    """Features of what may be seen and heard."""

    def __init__(self, folder: Path, way: Way) -> None:
        super().__init__(folder)
        self._way = way

    def get(
        self,
        path: Path,
        encoder: PictureEncoder,
        options: ExtractOptions,
        progress: Callable[[float], None] | None = None,
    ) -> EpisodeFeatures:
        known = super().get(path, encoder, options, progress)
        if not self._way.see and known.sound is not None:
            known = replace(known, picture=None)
        if not self._way.hear and known.picture is not None:
            known = replace(known, sound=None)
        return known


class Prints(PrintCache):
    """Prints of what may be seen and heard."""

    def __init__(self, folder: Path, way: Way) -> None:
        super().__init__(folder)
        self._way = way

    def get(
        self,
        path: Path,
        options: ExtractOptions,
        progress: Callable[[float], None] | None = None,
    ) -> EpisodePrint:
        known = super().get(path, options, progress)
        if not self._way.see:
            none = signature.signatures([], known.bars)
            known = replace(known, times=np.empty(0), pictures=none, rate=None)
        return known if self._way.hear else replace(known, sound=None, slow=None)


# ------------------------------------------------------------------ what is composed


def draw_specs(a: argparse.Namespace) -> list[dict[str, Any]]:
    """Random series of fold b, short enough, until there are so many episodes."""
    specs, left = [], EPISODES
    for spec in Introbench(a.introbench, a.compose_python).drawn(SEED):
        theme = 0.0 if spec["no_theme"] else spec["theme"]
        if spec["episodes"] * (spec["body"] + theme + spec["credits"]) > LONGEST:
            continue
        spec["episodes"] = min(left, spec["episodes"])
        specs.append({**spec, "fold": "b"})
        left -= spec["episodes"]
        if not left:
            return specs
    raise AssertionError("two thousand series hold more than that")


def empty_specs(a: argparse.Namespace) -> list[dict[str, Any]]:
    """75 episodes of 15 series without a theme, and 75 of 15 series that have one elsewhere."""
    rng = random.Random(EMPTY_SEED)
    specs = []
    for i, spec in enumerate(Introbench(a.introbench, a.compose_python).drawn(EMPTY_SEED)[:30]):
        spec |= {"fold": "b", "body": rng.uniform(90, 150), "second_theme_from": 0, "pal": ()}
        if i < 15:
            spec |= {"name": f"none-{i:02d}", "episodes": 5, "no_theme": True}
        else:
            left_out = sorted(rng.sample(range(1, 11), 5))
            spec |= {"name": f"some-{i:02d}", "episodes": 10, "no_theme": False}
            spec |= {"without": left_out, "theme": min(spec["theme"], 40.0)}
        specs.append(spec)
    return specs


def compose(a: argparse.Namespace, folder: Path, specs: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "spec.json"
    file.write_text(json.dumps(specs))
    run(a, "--spec", str(file), "--height", "144", "--out", str(folder))


def run(a: argparse.Namespace, *what: str) -> None:
    """compose.py passes over what it has made already."""
    command = [a.compose_python, str(a.introbench / "compose.py"), *what, "--jobs", str(a.jobs)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def clips(a: argparse.Namespace) -> str:
    """In how many clips of the media folder the model claims an intro."""
    media = a.introbench / "media"
    files = sorted(path for path in media.rglob("*") if path.is_file() and path.suffix != ".csv")
    detector = Detector.load(a.model)
    results = list(_each(detector, files))
    found = [r for r in results if isinstance(r, Detection) and r.segments()]
    failed = [r for r in results if isinstance(r, Failure)]
    lines = [f"{len(found)} of {len(results) - len(failed)} clips; {len(failed)} could not be read"]
    lines += [f"- {r.episode.path.name}: {r.segments()}" for r in found]
    return "\n".join(lines)


def _each(detector: Detector, files: Sequence[Path]) -> Iterator[Detection | Failure]:
    for file in files:
        yield from detector.detect([Episode(file)])


# ------------------------------------------------------------------ figures


def mean(rows: list[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return cell(float(np.mean(values)) if values else None)


if __name__ == "__main__":
    main()
