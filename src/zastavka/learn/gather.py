"""Gather what a model learns from: compose, disguise, describe, delete the video; series by series.

What was gathered stays: a run that is stopped goes on with the next series.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from zastavka import features, prints
from zastavka.config import Config
from zastavka.detection import Detection
from zastavka.features import EpisodeFeatures
from zastavka.learn.disguise import disguise, draw_look
from zastavka.learn.worlds import Introbench, Spec, World
from zastavka.prints import EpisodePrint
from zastavka.storage import write_text
from zastavka.truth import read_truth
from zastavka.vision import load_encoder

Progress = Callable[[int, int, str], None]  # series done, of all, the last one's name

_TRUTH = "truth.json"  # written last: a series that has it is whole


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is kept of an episode: what it shows, what it is recognised by, what is true."""

    truth: Detection
    features: EpisodeFeatures
    print: EpisodePrint


@dataclass(frozen=True, slots=True)
class Gathered:
    """A series that was gathered; its episodes are read when they are asked for."""

    name: str
    folder: Path

    def opening(self) -> EpisodePrint:
        """The print of its first episode, without all else that is kept."""
        return prints.load(_place(self.folder, self._truths()[0].episode.path, "print"))

    def episodes(self) -> list[Known]:
        """In the order of the season."""
        return [
            Known(
                truth,
                features.load(_place(self.folder, truth.episode.path, "features")),
                prints.load(_place(self.folder, truth.episode.path, "print")),
            )
            for truth in self._truths()
        ]

    def _truths(self) -> list[Detection]:
        truths = read_truth(self.folder / _TRUTH, self.folder)
        return sorted(truths, key=lambda truth: truth.episode.path)


def gather(
    world: World, bench: Introbench, work: Path, config: Config, jobs: int, progress: Progress
) -> list[Gathered]:
    """The series of a world, those that are there already as they are.

    A series that can't be composed or read ends the run: a model must not depend on chance.
    """
    folder = work / world.name
    media = bench.media(world, folder / "media")
    specs = _specs(world, bench, folder)
    every = [Gathered(spec["name"], folder / spec["name"]) for spec in specs]
    todo = [
        (series, spec)
        for series, spec in zip(every, specs, strict=True)
        if not (series.folder / _TRUTH).exists()
    ]
    done = len(every) - len(todo)
    if not todo:
        return every
    with ProcessPoolExecutor(min(jobs, len(todo)), get_context("spawn")) as pool:
        running = {
            pool.submit(_series, series, spec, bench, media, config): series
            for series, spec in todo
        }
        try:
            for job in as_completed(running):
                job.result()
                done += 1
                progress(done, len(every), running[job].name)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return every


def _specs(world: World, bench: Introbench, folder: Path) -> list[Spec]:
    file = folder / "specs.json"
    if not file.exists():
        write_text(file, json.dumps(bench.specs(world), indent=1))
    specs: list[Spec] = json.loads(file.read_text(encoding="utf-8"))
    return specs


def _series(series: Gathered, spec: Spec, bench: Introbench, media: Path, config: Config) -> None:
    encoder = load_encoder(config.extract.encoder)
    look = draw_look(random.Random(spec["seed"]))
    series.folder.mkdir(parents=True, exist_ok=True)
    # the video lies beside what is kept of it, since a folder of the system may be a small one
    with tempfile.TemporaryDirectory(dir=series.folder) as name:
        videos = Path(name)
        rows = bench.compose(spec, media, videos)
        for i, key in enumerate(sorted(rows)):
            video = videos / key
            if look is not None:
                disguise(video, look, spec["seed"] + i)
            known = features.extract(video, encoder, config.extract)
            features.save(known, _place(series.folder, Path(key), "features"))
            print_ = prints.read_print(video, config.extract)
            prints.save(print_, _place(series.folder, Path(key), "print"))
            video.unlink()
    write_text(series.folder / _TRUTH, json.dumps(rows, indent=1))


def _place(folder: Path, episode: Path, what: str) -> Path:
    return folder / f"{episode.stem}.{what}.safetensors"
