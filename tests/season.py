"""A tiny season, and a model that has learned it by heart: made once, for all tests of the road."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from zastavka.cli import main
from zastavka.compose import SeriesSpec, compose
from zastavka.detection import Detection
from zastavka.terminal import TrainingBar

SPEC = SeriesSpec(
    name="Дом «на углу»", seed=5, episodes=3, body=24, theme=8, fps=12, size=(96, 54), without=(3,)
)  # fmt: skip

# smaller than any recipe, and enough for three episodes; no series is left to hold back
TINY = {
    "network.d_model": 16, "network.n_heads": 2, "network.n_layers": 1, "network.feedforward": 32,
    "network.conv_layers": 1, "network.window_rows": 40, "network.stride_rows": 20,
    "train.train_stride_rows": 10, "train.epochs": 20, "train.batch": 4,
    "train.learning_rate": 5e-3, "train.validation": 0.0, "train.average": 0.5,
    "train.mask_rows": 0.0, "train.noise": 0.0, "train.drop_sense": 0.0,
}  # fmt: skip
SMALL = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
STOPPED_AFTER = 3  # epochs


@dataclass(frozen=True)
class Answer:
    """What a call of the command line ended with."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


def zastavka(*arguments: str | Path) -> Answer:
    """The command line in this process: each new one would import torch for seconds.

    The streams encode as a terminal's do, and refuse what has no code.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n") for _ in range(2))
    words = ["zastavka", *map(str, arguments)]
    with mock.patch.object(sys, "argv", words), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        else:
            raise AssertionError("main() returned")
    return Answer(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@dataclass(frozen=True)
class Series:
    """Three episodes in `folder`, the last one without an intro; `folder/truth.json`."""

    folder: Path
    truth: list[Detection]

    @property
    def files(self) -> list[Path]:
        return [detection.episode.path for detection in self.truth]


@dataclass(frozen=True)
class Learned:
    """The model, and how the commands that made it ended."""

    model: Path
    dataset: Path
    cache: Path  # with the features of the series
    made: Answer  # dataset
    stopped: Answer  # train, by Ctrl-C in the midst of an epoch
    trained: Answer  # train --resume


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("series")
    return Series(folder, compose([SPEC], folder, workers=1))


@pytest.fixture(scope="session")
def learned(series: Series, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learned]:
    folder = tmp_path_factory.mktemp("learned")
    cache = folder / "cache"
    with mock.patch.dict(os.environ, {"ZASTAVKA_CACHE": str(cache), "LC_ALL": "C"}):
        dataset, model = folder / "dataset.pt", folder / "model"
        made = zastavka(
            "dataset", series.folder / "truth.json", series.folder, "--output", dataset, *SMALL
        )
        train: tuple[str | Path, ...] = ("train", dataset, "--output", model, *SMALL)
        with mock.patch.object(TrainingBar, "__call__", stopping(TrainingBar.__call__)):
            stopped = zastavka(*train)
        yield Learned(model, dataset, cache, made, stopped, zastavka(*train, "--resume"))


def stopping(shown: object) -> object:
    """A progress callback during which somebody presses Ctrl-C."""

    def call(self: TrainingBar, event: object) -> None:
        if getattr(event, "batch", 0) == 1 and getattr(event, "epoch", 0) == STOPPED_AFTER + 1:
            signal.raise_signal(signal.SIGINT)
        shown(self, event)  # type: ignore[operator]

    return call
