"""Seasons by what repeats: accuracy on the composed benchmark, beside the constant and two peers.

    python benchmarks/seasons.py --introbench DIR --work DIR --compose-python PYTHON

`dev.json` first: our answers, the constant one, the peers of peers.py at their defaults, over the
whole file, and at the settings that do best on dev itself (`peers.py --search`); then our
edges with each kind of evidence switched off and on. Then a draw that nothing was chosen on:
`--random 60 --seed 303 --fold b`, composed series by series, read, answered and deleted again
(unless `--keep`), with 95 % intervals over series (bootstrap). Prints and answers stay in --work,
and what is there is not made again. PYTHON needs numpy, scipy, opencv-python-headless, av and
pillow: it only composes.

`--chapters` does something else on dev.json, and only that: its files have no chapters, so prints
are given some, at the borders of all segments, beside them, and elsewhere; and edges are compared.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from peers import SETTINGS, Options, find
from zastavka.config import DEFAULT, Config
from zastavka.counsel import detection
from zastavka.detection import Detection, Finding, to_json
from zastavka.episode import Episode
from zastavka.errors import ZastavkaError
from zastavka.media import Chapter
from zastavka.prints import EpisodePrint, load, read_print, save
from zastavka.repeats import find_repeats
from zastavka.segment import Segment

WITHOUT = ("single-a", "single-b", "single-c", "single-d", "no-theme")
FIGURES = ("f1", "iou", "hit@.9", "wrong/100", "false_alarm")
EVIDENCE = ("sound", "picture", "cut", "black", "silence")  # kinds that edges go by
CHAPTERS = ("no chapters", "chapters exact", "chapters off by 0.5 to 2 s", "chapters elsewhere")
OFF = (0.5, 2.0)  # seconds
AWAY = 3.0  # seconds from any border: chapters elsewhere

Answer = tuple[float, float, str] | None  # start, end, status
Method = Callable[[list[EpisodePrint], list[Path]], list[Detection]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--introbench", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--compose-python", default=sys.executable)
    parser.add_argument("--series", type=int, default=60, help="of the draw; 0: dev alone")
    parser.add_argument("--seed", type=int, default=303)
    parser.add_argument("--fold", default="b")
    parser.add_argument("--keep", action="store_true", help="leave the composed videos")
    parser.add_argument("--chapters", action="store_true", help="edges by chapters, on dev alone")
    parser.add_argument("--jobs", type=int, default=2)
    a = parser.parse_args()
    sys.path.insert(0, str(a.introbench))  # score.py, the referee
    dev = Draw(a, a.work / "dev", ["--spec", "dev.json"])
    dev.compose()
    if a.chapters:
        chapters = answer(a, dev, dev.series(), dict(with_chapters(dev.truth)))
        print(f"chapters\n{table(dev.truth, chapters, WITHOUT)}")
        return
    answers = answer(a, dev, dev.series(), whole_methods())
    print(f"dev.json, {len(answers)} methods\n{table(dev.truth, answers, WITHOUT)}\n")
    print(f"by series\n{by_series(dev.truth, answers['zastavka'])}\n")
    edges = answer(a, dev, dev.series(), dict(ablation()))
    print(f"edges\n{table(dev.truth, edges, WITHOUT)}\n")
    if a.series:
        names = [f"train-{a.seed}-{i:04d}" for i in range(a.series)]
        what = ["--random", str(a.series), "--seed", str(a.seed), "--fold", a.fold]
        draw = Draw(a, a.work / f"draw-{a.fold}-{a.seed}", [*what, "--height", "144"])
        answers = answer(a, draw, names, whole_methods())
        print(f"draw\n{with_intervals(draw.truth, answers, lone=True)}\n")
        print(f"of two and more\n{with_intervals(draw.truth, answers, lone=False)}\n")
        print(f"by series\n{by_series(draw.truth, answers['zastavka'])}")


@dataclass(frozen=True)
class Draw:
    """Composed series in a folder, made and deleted one by one."""

    a: argparse.Namespace
    folder: Path
    what: list[str]

    def compose(self, only: str | None = None) -> None:
        command = [self.a.compose_python, str(self.a.introbench / "compose.py"), *self.what]
        command += ["--only", only] if only else ["--jobs", str(self.a.jobs)]
        subprocess.run([*command, "--out", str(self.folder)], check=True, stderr=subprocess.DEVNULL)

    @property
    def truth(self) -> dict[str, Any]:
        rows: dict[str, Any] = json.loads((self.folder / "truth.json").read_text())
        return rows

    def series(self) -> list[str]:
        return sorted({row["series"] for row in self.truth.values()})

    def prints(self, name: str) -> dict[str, EpisodePrint]:
        """Of a series' episodes; read once, and the videos composed where they are needed."""
        keys = [key for key, row in sorted(self.truth.items()) if row["series"] == name]
        for key in keys:
            kept = (self.folder / "prints" / key).with_suffix(".st")
            if not kept.exists():
                save(read_print(self.folder / key, DEFAULT.extract), kept)
        return {key: load((self.folder / "prints" / key).with_suffix(".st")) for key in keys}


def whole_methods() -> dict[str, Method]:
    """Name -> method, of whole answers."""
    methods: dict[str, Method] = {"constant 5-15 s": Constant()}
    for name, options in SETTINGS.items():
        methods[name] = Peer(options)
    methods["zastavka"] = Ours(DEFAULT)
    return methods


def ablation() -> Iterator[tuple[str, Method]]:
    """Edges with single kinds of evidence, and without them."""
    off = dict.fromkeys(EVIDENCE, False)
    defaults = DEFAULT.refine.model_dump()
    yield "as they are", Ours(DEFAULT)
    yield "none: as matching leaves them", Ours(_refined(off))
    for kind in EVIDENCE:
        yield f"{kind} alone", Ours(_refined({**off, kind: True}))
        word = "without" if defaults[kind] else "with"
        yield f"{word} {kind}", Ours(_refined({**defaults, kind: not defaults[kind]}))


def with_chapters(truth: dict[str, Any]) -> Iterator[tuple[str, Method]]:
    """Edges by chapters of each kind, beside more and more of other evidence."""
    off = dict.fromkeys(EVIDENCE, False)
    beside = {
        "nothing else": _refined(off),
        "sound": _refined({**off, "sound": True}),
        "all that is on": DEFAULT,
    }
    for name, config in beside.items():
        for kind in CHAPTERS:
            yield f"{name}, {kind}", Chaptered(config, kind, truth)


def _refined(switches: dict[str, bool]) -> Config:
    return DEFAULT.override({"refine": dict(switches)}, "benchmark")


@dataclass(frozen=True)
class Constant:
    """Methods are classes, so that they can be sent to another process."""

    def __call__(self, prints: list[EpisodePrint], paths: list[Path]) -> list[Detection]:
        return [
            _detection(path, each, (5.0, 15.0)) for path, each in zip(paths, prints, strict=True)
        ]


@dataclass(frozen=True)
class Peer:
    options: Options

    def __call__(self, prints: list[EpisodePrint], paths: list[Path]) -> list[Detection]:
        found = find(prints, self.options)
        return [_detection(p, e, s) for p, e, s in zip(paths, prints, found, strict=True)]


@dataclass(frozen=True)
class Ours:
    config: Config

    def __call__(self, prints: list[EpisodePrint], paths: list[Path]) -> list[Detection]:
        if len(prints) < 2:
            return [_detection(path, each, None) for path, each in zip(paths, prints, strict=True)]
        repeats = find_repeats(prints, paths, range(len(prints)), self.config)
        return [detection(Episode(path), i, repeats) for i, path in enumerate(paths)]


@dataclass(frozen=True)
class Chaptered:
    """Ours, were the files' chapters of a kind of CHAPTERS."""

    config: Config
    kind: str
    truth: dict[str, Any]

    def __call__(self, prints: list[EpisodePrint], paths: list[Path]) -> list[Detection]:
        keys = [f"{path.parent.name}/{path.name}" for path in paths]
        given = [
            replace(each, chapters=chapters(self.kind, self.truth[key], zlib.crc32(key.encode())))
            for key, each in zip(keys, prints, strict=True)
        ]
        return Ours(self.config)(given, paths)


def chapters(kind: str, row: dict[str, Any], seed: int) -> tuple[Chapter, ...]:
    """Chapters of an episode from end to end, one more than there are borders of segments."""
    rng = np.random.default_rng(seed)
    length = row["duration"]
    edges = {each[side] for each in row["segments"] for side in ("start", "end")}
    borders = sorted(edge for edge in edges if 0 < edge < length)
    if kind == "no chapters":
        return ()
    if kind == "chapters off by 0.5 to 2 s":
        borders = [border + rng.choice([-1, 1]) * rng.uniform(*OFF) for border in borders]
    if kind == "chapters elsewhere":
        free = [t for t in rng.uniform(0, length, 1000) if min(abs(t - b) for b in edges) > AWAY]
        borders = free[: len(borders)]
    inside = sorted(round(float(b), 3) for b in borders if 0 < b < length)
    return tuple(
        Chapter("", Segment(start, end)) for start, end in pairwise([0.0, *inside, length])
    )


def _detection(path: Path, known: EpisodePrint, span: tuple[float, float] | None) -> Detection:
    findings = () if span is None else (Finding(segment=Segment(*span)),)
    return Detection(episode=Episode(path), duration=known.duration, findings=findings)


def answer(
    a: argparse.Namespace, draw: Draw, names: Sequence[str], methods: dict[str, Method]
) -> dict[str, list[dict[str, Any]]]:
    """What each method answers for each episode of the series, as rows of found.json."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in methods}
    with ProcessPoolExecutor(a.jobs) as pool:
        for rows in pool.map(_series, [draw] * len(names), names, [methods] * len(names)):
            for name, episodes in rows.items():
                found[name] += episodes
    return found


def _series(draw: Draw, name: str, methods: dict[str, Method]) -> dict[str, list[dict[str, Any]]]:
    kept = draw.folder / "answers" / name
    kept.mkdir(parents=True, exist_ok=True)
    todo = {m: f for m, f in methods.items() if not (kept / f"{_file(m)}.json").exists()}
    if todo:
        if not any((draw.folder / name).glob("*.mkv")):
            draw.compose(name)
        try:
            known = draw.prints(name)
            paths = [draw.folder / key for key in known]
            for method, function in todo.items():
                text = to_json(function(list(known.values()), paths))
                (kept / f"{_file(method)}.json").write_text(text)
        except ZastavkaError as error:
            print(error, file=sys.stderr)
        if not draw.a.keep and draw.what[0] == "--random":
            shutil.rmtree(draw.folder / name)
    return {m: json.loads((kept / f"{_file(m)}.json").read_text())["episodes"] for m in methods}


def _file(method: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in method)


# ------------------------------------------------------------------ figures


def _score(
    truth: dict[str, Any], episodes: list[dict[str, Any]], without: Sequence[str] = ()
) -> dict[str, Any]:
    result: dict[str, Any] = importlib.import_module("score").score(
        truth, {"episodes": episodes}, without=tuple(without)
    )
    return result


def table(
    truth: dict[str, Any], answers: dict[str, list[dict[str, Any]]], without: Sequence[str]
) -> str:
    head = (*FIGURES[:3], "edge p50", "edge p90", *FIGURES[3:])
    lines = [f"| method | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for name, episodes in answers.items():
        themes, every = _score(truth, episodes, without), _score(truth, episodes)
        cells = [themes["macro"][key] for key in FIGURES[:3]]
        cells += [themes["pooled"]["edge_p50"], themes["pooled"]["edge_p90"]]
        cells += [every["macro"][key] for key in FIGURES[3:]]
        lines.append(f"| {name} | {' | '.join(map(cell, cells))} |")
    return "\n".join(lines)


def by_series(truth: dict[str, Any], episodes: list[dict[str, Any]]) -> str:
    rows = _score(truth, episodes)["series"]
    head = ("f1", "iou", "hit@.9", "edge_p50", "edge_p90", "wrong/100", "false_alarm")
    lines = [f"| series | episodes | {' | '.join(head)} |", "|---" * (len(head) + 2) + "|"]
    for name, row in rows.items():
        cells = " | ".join(cell(row[key]) for key in head)
        lines.append(f"| {name} | {row['episodes']} | {cells} |")
    return "\n".join(lines)


def with_intervals(
    truth: dict[str, Any], answers: dict[str, list[dict[str, Any]]], *, lone: bool
) -> str:
    """Macro means over series, each with the interval of 2,000 draws of series with replacement."""
    counts: dict[str, int] = {}
    for row in truth.values():
        counts[row["series"]] = counts.get(row["series"], 0) + 1
    left_out = () if lone else tuple(name for name, n in counts.items() if n < 2)
    lines = [f"| method | {' | '.join(FIGURES)} |", "|---" * (len(FIGURES) + 1) + "|"]
    for name, episodes in answers.items():
        rows = list(_score(truth, episodes, left_out)["series"].values())
        lines.append(f"| {name} | {' | '.join(interval(rows, key) for key in FIGURES)} |")
    return "\n".join(lines)


def interval(rows: list[dict[str, Any]], key: str) -> str:
    values = np.array([row[key] for row in rows if row[key] is not None], np.float64)
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{values.mean():.3f} ({low:.3f}-{high:.3f})"


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
