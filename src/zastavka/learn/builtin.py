"""The built-in model, made from nothing but introbench: gather, learn, calibrate, judge, write.

The clips are in three parts that share none: two halves of fold a, and fold b. How sure a model may
be is found out on parts that a network did not learn from (`calibrate`): each part of those that
the model learns from is answered by a network that learned the others. The first model learns fold
a and is judged on fold b, of which neither it nor its confidence ever saw a clip. The second one
learns all three parts: the one that is given away, with the figures of the one that was judged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from zastavka.confidence import Confidence
from zastavka.config import Config
from zastavka.counsel import Counsel, detection, is_sure
from zastavka.detection import Detection
from zastavka.evaluate import Report, evaluate
from zastavka.evidence import evidence_rows
from zastavka.inputs import InputSpec
from zastavka.learn.calibrate import Question, calibrated, lone_question, season_question
from zastavka.learn.card import card_of
from zastavka.learn.dataset import Dataset, Window, episode_windows
from zastavka.learn.export import write_model
from zastavka.learn.gather import Gathered, gather
from zastavka.learn.prepare import input_spec
from zastavka.learn.record import Epoch
from zastavka.learn.run import Step
from zastavka.learn.siblings import evidence_among, repeats_of
from zastavka.learn.train import CHECKPOINT, fit
from zastavka.learn.worlds import Introbench, World
from zastavka.model import OPTIONS_FILE
from zastavka.openings import Openings
from zastavka.pipeline import Detector
from zastavka.storage import write_text
from zastavka.vision import load_encoder

Progress = Callable[[str, float], None]  # the stage at work, and its share done in [0, 1]

HALVES = (World("a0", "a", 0, 41, 22000.0, 600.0), World("a1", "a", 1, 42, 22000.0, 600.0))
JUDGED = World("b", "b", None, 43, 16000.0, 600.0)

WAYS = ("alone", "season")  # ways in which episodes are answered

_DRAWS = 3  # smaller seasons that a season is shown as


@dataclass(frozen=True, slots=True)
class Run:
    """Where the run finds and keeps things; each stage keeps what it made in `work`."""

    bench: Introbench
    work: Path
    config: Config
    jobs: int
    progress: Progress

    def gathered(self, world: World) -> list[Gathered]:
        """The series of a world."""

        def show(done: int, of: int, name: str) -> None:
            self.progress(f"{world.name}: {name}", done / of)

        return gather(world, self.bench, self.work, self.config, self.jobs, show)

    def model(
        self,
        name: str,
        series: Sequence[Gathered],
        confidence: Confidence | None = None,
        figures: dict[str, object] | None = None,
        card: str = "",
        folder: Path | None = None,
    ) -> Path:
        """A model that learned from some series, in `folder` or among what is kept."""
        folder = folder or self.work / name
        if (folder / OPTIONS_FILE).exists():
            return folder
        began = time.perf_counter()
        dataset = dataset_of(series, self.config)

        def show(event: Step | Epoch) -> None:
            if isinstance(event, Step):
                done = (event.epoch - 1 + event.batch / event.batches) / event.epochs
                self.progress(f"{name}: {event.loss:.1f}", done)

        kept = self.work / f"{name}-run"
        resume = (kept / CHECKPOINT).exists()
        trained = fit(dataset, self.config, kept, resume=resume, progress=show)
        metrics = {
            **(figures or {}),
            "windows": trained.start.windows[0],
            "training_s": round(time.perf_counter() - began),
            "epochs": [asdict(row) for row in trained.log],
        }
        config = dataset.as_made(self.config)
        write_model(folder, trained.network, config, trained.spec, metrics, card, confidence)
        return folder


def make(run: Run, out: Path) -> None:
    """Make the built-in model, each stage from what the ones before it have kept."""
    run.bench.check()
    halves = {world.name: run.gathered(world) for world in HALVES}
    first = run.model(_name(halves), _all(halves), _confidence(run, "fold-a", halves))
    judged = run.gathered(JUDGED)
    reports = judge(judged, Detector.load(first), run.config)
    figures = {way: report.pooled().figures() for way, report in reports.items()}
    clips = [row for world in (*HALVES, JUDGED) for row in run.bench.clips(world)]
    card = card_of(run.config, figures, clips, len(_all(halves)), len(judged))
    parts = {**halves, JUDGED.name: judged}
    confidence = _confidence(run, "both", parts)
    run.model("both", _all(parts), confidence, {"fold_b": figures}, card, out)


Parts = Mapping[str, list[Gathered]]  # series by the world they are of


def _all(parts: Parts) -> list[Gathered]:
    return [series for part in parts.values() for series in part]


def _name(parts: Parts) -> str:
    """Of a model that learned these parts, whatever it says of how sure it is."""
    return "of-" + "-".join(parts)


def _confidence(run: Run, name: str, parts: Parts) -> Confidence:
    """Fitted on the answers to each part of a network that learned the others."""
    file = run.work / f"{name}-confidence.json"
    if file.exists():
        return Confidence.from_json(json.loads(file.read_text(encoding="utf-8")))
    questions = []
    for part, series in parts.items():
        others = {other: found for other, found in parts.items() if other != part}
        detector = Detector.load(run.model(_name(others), _all(others)))
        run.progress(f"{part}: answering", 0.0)
        questions.append(list(questions_of(series, detector, run.config, run.config.train.seed)))
    fitted = calibrated(questions)
    write_text(file, json.dumps(fitted.as_json(), indent=1))
    return fitted


def judge(series: Sequence[Gathered], detector: Detector, config: Config) -> dict[str, Report]:
    """How a detector does on series it did not learn from: each file alone, and in its season.

    Edges are those of the rows and of the key pictures, since the videos are gone.
    """
    openings = openings_of(series)
    truths: list[Detection] = []
    answers: dict[str, list[Detection]] = {way: [] for way in WAYS}
    for each in series:
        known = each.episodes()
        truths += [episode.truth for episode in known]
        alone = [detector.answer(k.truth.episode, k.features, look=False) for k in known]
        answers["alone"] += alone
        if len(known) < 2:
            answers["season"] += alone
            continue
        repeats = repeats_of(known, config, openings, each.name)
        for i, episode in enumerate(known):
            counsel: Counsel | None = None
            if not is_sure(i, repeats):
                rows = evidence_rows(repeats, i, episode.features.grid)
                counsel = detector.counsel(
                    episode.truth.episode, episode.features, rows, look=False
                )
            confidence = detector.head.confidence
            answers["season"].append(
                detection(episode.truth.episode, i, repeats, ("intro",), confidence, counsel)
            )
    return {way: evaluate(truths, answers[way]) for way in WAYS}


def windows_of(
    series: Sequence[Gathered], config: Config, spec: InputSpec, seed: int
) -> Iterator[Window]:
    """The training windows of some series, with what they repeat among different siblings."""
    openings = openings_of(series)
    for each in series:
        known = each.episodes()
        rng = np.random.default_rng([seed, *each.name.encode()])
        seasons = evidence_among(known, config, openings, each.name, _DRAWS, rng)
        for episode, among in zip(known, seasons, strict=True):
            yield from episode_windows(episode.features, episode.truth, config, spec, among)


def openings_of(series: Sequence[Gathered]) -> Openings:
    """How all these series begin."""
    openings = Openings()
    for each in series:
        openings.add(each.name, each.opening())
    return openings


def dataset_of(series: Sequence[Gathered], config: Config) -> Dataset:
    """All windows of some series."""
    spec = input_spec(config, load_encoder(config.extract.encoder))
    return Dataset(tuple(windows_of(series, config, spec, config.train.seed)), spec, config.extract)


def questions_of(
    series: Sequence[Gathered], detector: Detector, config: Config, seed: int
) -> Iterator[Question]:
    """Series that the detector did not learn from, each episode alone and among siblings."""
    openings = openings_of(series)
    for each in series:
        known = each.episodes()
        for episode in known:
            yield lone_question(episode, detector)
        rng = np.random.default_rng([seed, *each.name.encode()])
        for chosen in _seasons(len(known), rng):
            some = [known[i] for i in chosen]
            repeats = repeats_of(some, config, openings, each.name)
            if repeats.season < 2:
                continue
            for i, episode in enumerate(some):
                yield season_question(episode, i, repeats, detector)


def _seasons(n: int, rng: np.random.Generator) -> list[list[int]]:
    """All episodes, and two of them."""
    if n < 2:
        return []
    pair = sorted(int(i) for i in rng.permutation(n)[:2])
    return [list(range(n)), pair] if n > 2 else [list(range(n))]
