"""Emissions of labelled episodes, kept so that decoding them anew takes no network; how it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zastavka.crf import CRFWeights
from zastavka.detection import Detection, Finding
from zastavka.errors import DatasetError, ModelError
from zastavka.evaluate import evaluate
from zastavka.features import EpisodeFeatures
from zastavka.intervals import decode
from zastavka.model import Head
from zastavka.options import DecodeOptions
from zastavka.pipeline import doubt_about
from zastavka.segment import Grid, Segment

Objective = Literal["iou", "useful"]
Scores = dict[str, float]  # by series


@dataclass(frozen=True, slots=True, eq=False)
class Emitted:
    """What a head says of an episode's rows, and what is true."""

    truth: Detection
    emissions: NDArray[np.float32]
    grid: Grid
    duration: float
    span: Segment

    @classmethod
    def of(cls, truth: Detection, features: EpisodeFeatures, head: Head) -> Emitted:
        """By running the head."""
        rows = head.emissions(features, str(truth.episode.path))
        return cls(truth, rows, features.grid, features.duration, features.span)

    @property
    def series(self) -> str:
        """By which folds are made."""
        return self.truth.episode.series or "-"


def answer(known: Emitted, crf: CRFWeights, options: DecodeOptions, rows: int) -> Detection:
    """What is found by these options, as `Detector` finds it in a lone file without looking."""
    least = options.threshold if options.method == "duration" else 0.0
    findings = []
    for interval in decode(known.emissions, crf, known.grid, options, rows):
        segment = interval.segment & known.span
        if segment is None or interval.confidence < least:
            continue
        if doubt_about(segment, known, options, lone=True) is None:
            findings.append(Finding(segment=segment, confidence=interval.confidence))
    return Detection(episode=known.truth.episode, duration=known.duration, findings=tuple(findings))


def scores(
    episodes: Sequence[Emitted], head: Head, options: DecodeOptions, objective: Objective
) -> Scores:
    """A figure for each series.

    "iou": mean IoU, a miss 0; what is found where there is no intro costs nothing.
    "useful": share of useful answers minus that of wrong ones and of false alarms.
    """
    rows = head.config.network.window_rows
    found = [answer(known, head.crf, options, rows) for known in episodes]
    report = evaluate([known.truth for known in episodes], found)
    values = {}
    for name, counts in report.series().items():
        if objective == "iou" and counts.ious:
            values[name] = float(np.mean(counts.ious))
        elif objective == "useful":
            wrong = counts.verdicts.count("wrong") + counts.verdicts.count("alarm")
            values[name] = (counts.verdicts.count("useful") - wrong) / counts.episodes
    return values


def folds_of(episodes: Sequence[Emitted], k: int, seed: int) -> list[list[Emitted]]:
    """At most k groups of whole series, about as many in each."""
    names = sorted({known.series for known in episodes})
    order = np.random.default_rng(seed).permutation(len(names))
    fold = {names[place]: i % k for i, place in enumerate(order)}
    groups = [[e for e in episodes if fold[e.series] == i] for i in range(min(k, len(names)))]
    return [group for group in groups if group]


def with_intro(episodes: Sequence[Emitted]) -> set[str]:
    """The series of which an intro is labelled."""
    return {known.series for known in episodes if known.truth.segments()}


def check(episodes: Sequence[Emitted], head: Head, subject: Path) -> None:
    """DatasetError, ModelError: nothing to be learned from, or no decoding to be tuned."""
    if head.confidence is not None:
        raise ModelError(
            head.folder, "weighs spans and does not decode", "tune a model that you trained"
        )
    if not with_intro(episodes):
        raise DatasetError(subject, "has no intro that could be used", "label some, then tune")
    if len(with_intro(episodes)) < 2:
        raise DatasetError(
            subject, "has intros of one series, and one must be held back", "label another series"
        )
