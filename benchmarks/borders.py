"""Edges of files alone: fits the weights of `borders`, and says how far edges are off with them.

    python benchmarks/borders.py --work DIR --introbench DIR --compose-python PYTHON
    python benchmarks/borders.py --work DIR --judge DIR... --cost FILE...

The first line composes what is learned from: the series of `compose.py --random 168 --seed 71
--fold a --ships` that last at most 420 s in all, and four more of short episodes, each of which
has pictures and a song of its own, so that many edges cost little. Each edge is made coarse at
random (a Laplace error of 0.3 s for three in four, else a normal one of 1.2 s; at most 2.9 s), and
a softmax over its moments is fitted so that those within 0.06 s of the truth get the mass, or
"none" where there is no such moment. Composed songs begin hard and fade out, which on television
is not so: every edge is also shown backwards, as one of the other side. A quarter of the series is
held back for a look; the weights that are printed are those of all. PYTHON needs numpy, scipy,
opencv-python-headless, av and pillow: it only composes.

The second line answers two files of each series of some folders (videos and truth.json, as
compose.py makes them) with the weights of the module, and says what a file costs.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from accuracy import Draw
from peers import markdown
from zastavka.audio import RATE
from zastavka.borders import (
    HEARD,
    PRIOR,
    REACH,
    SEEN,
    WEIGHTS,
    choose,
    features,
    moments_of,
    read_stretch,
    sharpen,
)
from zastavka.media import probe
from zastavka.moments import COLUMNS, Stretch
from zastavka.options import RefineOptions
from zastavka.overlay import Side
from zastavka.segment import Segment

Floats = NDArray[np.float64]
LEARNED = Draw(71, 168, 420.0)
SIDES: tuple[Side, ...] = ("start", "end")
RIGHT = 0.06  # seconds: a picture and a half
FARTHEST = 2.9  # seconds that a coarse edge is off
ONE_SENSE = 0.35  # weight of an edge that is shown by one sense alone
RIDGE = 5.0
PER_SERIES = 2  # files that are judged

SHORT = """
import json, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import compose
out, truth = Path(sys.argv[2]), {}
compose.set_height(144)
library = compose.Library(compose.HERE / "media", keep=99, fold="a", ships=True)
for i in range(4):
    s = compose.random_series(i, 71)
    cold = (0, 0) if s.cold_open == (0, 0) and i % 2 else (3, 14)
    s = replace(
        s, episodes=5, body=40.0, theme=min(s.theme, 15.0), cold_open=cold,
        recap=0, bumper=False, flashback=0, credits=0, vary_visual=True, vary_audio=True, pal=(),
        no_theme=False, without=(), shortened=(), second_theme_from=0, fold="a", ships=True,
    )
    composer = compose.Composer(library, s)
    for number, name in enumerate(compose.files_of(s), 1):
        blocks = compose.dissolve(composer.episode(number), s.crossfade)
        truth[name] = {"series": s.name, **compose.write(out / name, blocks, s, number)}
(out / "truth.json").write_text(json.dumps(truth))
"""


@dataclass(frozen=True)
class Edge:
    """A true edge, and the stretch around it."""

    series: str
    side: Side
    at: float
    duration: float
    stretch: Stretch


@dataclass(frozen=True)
class Trial:
    """One coarse guess at an edge, shown by both senses or by one."""

    series: str
    side: Side
    senses: str
    at: float
    coarse: float
    times: Floats
    rows: Floats
    backwards: bool = False

    def answer(self, weights: Floats) -> float:
        chosen = choose(self.times, self.rows, weights)
        return self.coarse if chosen is None else chosen

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which choices are right: the moments, and behind them "none"."""
        near = np.abs(self.times - self.at) <= RIGHT
        return np.append(near, not near.any())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--introbench", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--compose-python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--judge", type=Path, nargs="*", default=[])
    parser.add_argument("--cost", type=Path, nargs="*", default=[])
    a = parser.parse_args()
    if a.introbench:
        learn(a)
    for folder in a.judge:
        trials = kept(
            a.work / f"judged-{folder.name}.pickle", partial(look, folder, 3, a.jobs, PER_SERIES)
        )
        print(f"{folder.name}\n{markdown(judged(trials, WEIGHTS), FIGURES)}\n")
    for file in a.cost:
        print(f"{file.name}: {cost(file):.2f} s of CPU")


def learn(a: argparse.Namespace) -> None:
    """Print what the fit gives on series held back, and the weights of all."""
    LEARNED.compose(a)
    short = a.work / "short-a-71"
    if not (short / "truth.json").exists():
        short.mkdir(parents=True, exist_ok=True)
        command = [a.compose_python, "-c", SHORT, str(a.introbench), str(short)]
        subprocess.run(command, check=True)
    trials = [
        trial
        for folder in (LEARNED.folder(a.work), short)
        for trial in kept(
            a.work / f"{folder.name}.pickle", partial(look, folder, 4, a.jobs, both_ways=True)
        )
    ]
    back = [zlib.crc32(trial.series.encode()) % 4 == 0 for trial in trials]
    seen = [trial for trial, held in zip(trials, back, strict=True) if not held]
    rest = [trial for trial, held in zip(trials, back, strict=True) if held]
    weights = {side: fit([t for t in seen if t.side == side]) for side in SIDES}
    print(f"held back\n{markdown(judged(rest, weights), FIGURES)}\n")
    start, end = (fit([t for t in trials if t.side == side]) for side in SIDES)
    for name, one, two in zip((*PRIOR, *COLUMNS), start, end, strict=True):
        print(f'    "{name}": ({one:.2f}, {two:.2f}),')


def kept(file: Path, make: Callable[[], list[Trial]]) -> list[Trial]:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(make()))
    trials: list[Trial] = pickle.loads(file.read_bytes())
    return trials


def look(
    folder: Path, guesses: int, jobs: int, most: int = 99, both_ways: bool = False
) -> list[Trial]:
    """Trials at the edges of the first `most` intros of each series, `guesses` for each edge."""
    todo: list[tuple[Path, str, float, float]] = []
    for name, row in json.loads((folder / "truth.json").read_text()).items():
        for segment in row["segments"]:
            known = sum(series == row["series"] for _, series, _, _ in todo)
            if segment["type"] == "intro" and known < most:
                todo.append((folder / name, row["series"], segment["start"], segment["end"]))
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(partial(_look, guesses, both_ways), todo, chunksize=4)
        return [trial for trials in found for trial in trials]


def _look(guesses: int, both_ways: bool, intro: tuple[Path, str, float, float]) -> list[Trial]:
    path, series, start, end = intro
    info, found = probe(path), []
    for side, at in zip(SIDES, (start, end), strict=True):
        reach = FARTHEST + REACH
        wide = Segment(max(0.0, at - reach), min(info.duration, at + reach))
        edge = Edge(series, side, at, info.duration, read_stretch(info, wide, None))
        rng = np.random.default_rng(zlib.crc32(f"{path.parent.name}/{path.name} {side}".encode()))
        found += [trial for _ in range(guesses) for trial in guess(edge, rng)]
        if both_ways:
            again = [trial for _ in range(guesses) for trial in guess(backwards(edge), rng)]
            found += [replace(trial, backwards=True) for trial in again]
    return found


def guess(edge: Edge, rng: np.random.Generator) -> list[Trial]:
    """A coarse guess, shown by all senses and by each."""
    error = rng.laplace(0, 0.3) if rng.random() < 0.75 else rng.normal(0, 1.2)
    error = float(np.clip(error, -FARTHEST, FARTHEST))
    coarse = min(max(0.0, edge.at + error), edge.duration)
    window = Segment(max(0.0, coarse - REACH), min(edge.duration, coarse + REACH))
    found = []
    for senses, part in shown(within(edge.stretch, window)).items():
        moments = moments_of(part, window, edge.side, edge.duration)
        rows = features(moments, coarse)
        found.append(Trial(edge.series, edge.side, senses, edge.at, coarse, moments.times, rows))
    return found


def backwards(edge: Edge) -> Edge:
    """The edge in a film that is played backwards."""
    stretch, duration = edge.stretch, edge.duration
    times, pictures, samples, start = stretch.times, stretch.pictures, stretch.samples, 0.0
    if pictures is not None:
        ends = np.append(times[1:], 2 * times[-1] - times[-2])
        times, pictures = duration - ends[::-1], pictures[::-1]
    if samples is not None:
        start, samples = duration - stretch.start - len(samples) / RATE, samples[::-1]
    side: Side = "end" if edge.side == "start" else "start"
    turned = Stretch(times, pictures, start, samples)
    return Edge(edge.series, side, duration - edge.at, duration, turned)


def within(stretch: Stretch, window: Segment) -> Stretch:
    """What `read_stretch` gives for a window inside, but for a picture at its ends."""
    low = np.searchsorted(stretch.times, window.start - SEEN + 0.02, side="right") - 1
    high = np.searchsorted(stretch.times, window.end + SEEN - 1e-3)
    here = slice(max(0, int(low)), int(high))
    start = max(0.0, stretch.start, window.start - HEARD)
    first, stop = (round((t - stretch.start) * RATE) for t in (start, window.end + HEARD))
    pictures, samples = stretch.pictures, stretch.samples
    return Stretch(
        stretch.times[here],
        None if pictures is None else pictures[here],
        start,
        None if samples is None else samples[max(0, first) : stop],
    )


def shown(stretch: Stretch) -> dict[str, Stretch]:
    """All of a stretch and, where it has both, what either sense has of it."""
    if stretch.pictures is None or stretch.samples is None:
        return {"all there is": stretch}
    return {
        "all there is": stretch,
        "pictures alone": replace(stretch, samples=None),
        "sound alone": replace(stretch, times=np.empty(0), pictures=None),
    }


def fit(trials: Sequence[Trial]) -> Floats:
    """Weights of a softmax over moments and none of them; a ridge in units of spread."""
    from scipy.optimize import minimize

    blocks = [np.vstack([t.rows, np.zeros((1, t.rows.shape[1]))]) for t in trials]
    rows, first = np.concatenate(blocks), np.cumsum([0, *map(len, blocks)])[:-1]
    right = np.concatenate([t.right for t in trials]).astype(np.float64)
    weigh = np.array([1.0 if t.senses == "all there is" else ONE_SENSE for t in trials])
    counts = [len(block) for block in blocks]
    spread = rows.std(axis=0) + 1e-3
    scaled = rows / spread

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = scaled @ weights
        mass = np.exp(odds - np.repeat(np.maximum.reduceat(odds, first), counts))
        mass /= np.repeat(np.add.reduceat(mass, first), counts)
        good = np.add.reduceat(mass * right, first) + 1e-12
        wanted = mass * right / np.repeat(good, counts)
        slope = scaled.T @ ((mass - wanted) * np.repeat(weigh, counts)) + RIDGE * weights
        return float(-(weigh * np.log(good)).sum() + RIDGE / 2 * weights @ weights), slope

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x / spread, np.float64)


FIGURES = ("edges", "p50 before", "p50", "p90 before", "p90", "right", "moved", "worse")


def judged(
    trials: Sequence[Trial], weights: Mapping[Side, Floats]
) -> dict[str, dict[str, float | None]]:
    """Errors in seconds before and after; shares right to 0.06 s, moved, and worse by 0.1 s."""
    trials = [t for t in trials if not t.backwards]
    kinds: dict[str, Callable[[Trial], bool]] = {
        "starts": lambda t: t.senses == "all there is" and t.side == "start",
        "ends": lambda t: t.senses == "all there is" and t.side == "end",
        "**both**": lambda t: t.senses == "all there is",
        "both, pictures alone": lambda t: t.senses == "pictures alone",
        "both, sound alone": lambda t: t.senses == "sound alone",
    }
    table: dict[str, dict[str, float | None]] = {}
    for kind, chosen in kinds.items():
        mine = [t for t in trials if chosen(t)]
        if not mine:
            continue
        answers = np.array([t.answer(weights[t.side]) for t in mine])
        at, coarse = np.array([t.at for t in mine]), np.array([t.coarse for t in mine])
        before, after = np.abs(coarse - at), np.abs(answers - at)
        figures = (
            len(mine), np.median(before), np.median(after), np.quantile(before, 0.9),
            np.quantile(after, 0.9), (after <= RIGHT).mean(), (answers != coarse).mean(),
            (after > before + 0.1).mean(),
        )  # fmt: skip
        table[kind] = dict(zip(FIGURES, map(float, figures), strict=True))
    return table


def cost(file: Path) -> float:
    """CPU seconds that both edges of an intro in the middle of a file take."""
    info = probe(file)
    coarse = Segment(info.duration / 2 - 15, info.duration / 2 + 15)
    sharpen(file, coarse, RefineOptions())  # pays for imports
    began = process_time()
    sharpen(file, coarse, RefineOptions())
    return process_time() - began


if __name__ == "__main__":
    main()
