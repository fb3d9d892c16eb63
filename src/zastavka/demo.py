"""The demo: compose a small season and a lone episode, and find their intros as anybody would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from zastavka.cache import FeatureCache, PrintCache
from zastavka.compose import compose, random_spec
from zastavka.detection import write_detections
from zastavka.episode import Episode
from zastavka.model import BUILTIN
from zastavka.pipeline import Detector
from zastavka.seasonal import SeasonDetector

Progress = Callable[[float, str], None]  # share done in [0, 1], and what is being done

EPISODES = 4  # of the season; the other series has one
_BODY = 90.0  # seconds of story
_COMPOSING = 0.7  # share of the work


def run_demo(folder: Path, seed: int, jobs: int, progress: Progress) -> tuple[Path, Path]:
    """Truth and answers, as files in `folder`; all it makes stays there."""
    season, lone = (random_spec(i, seed, n, _BODY) for i, n in enumerate((EPISODES, 1)))
    specs = [season, replace(lone, without=())]  # one without an intro would show nothing
    truth = compose(
        specs, folder, jobs, lambda done, of: progress(_COMPOSING * done / of, "Composing")
    )
    episodes = [detection.episode for detection in truth]
    done = dict.fromkeys(episodes, 0.0)

    def show(episode: Episode, share: float) -> None:
        done[episode] = share
        progress(_COMPOSING + (1 - _COMPOSING) * sum(done.values()) / len(done), "Answering")

    alone = Detector.load(BUILTIN, cache=FeatureCache(folder / "features"))
    seasons = SeasonDetector(alone=alone, cache=PrintCache(folder / "prints"))
    answers = folder / "found.json"
    write_detections(answers, seasons.detect(episodes, show))
    return folder / "truth.json", answers
