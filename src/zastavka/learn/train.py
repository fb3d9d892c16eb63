"""Train a head on a dataset: the loop, its checkpoints, and the model folder at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from zastavka.config import Config
from zastavka.errors import DatasetError, ModelError
from zastavka.inputs import InputSpec
from zastavka.learn.batches import prepared
from zastavka.learn.dataset import Dataset
from zastavka.learn.export import write_model
from zastavka.learn.learned import learned_by
from zastavka.learn.network import Tagger
from zastavka.learn.record import HISTORY, UNDER_WAY, Epoch, Start, card_of, write_history
from zastavka.learn.run import Progress, Run
from zastavka.learn.validation import scores

CHECKPOINT = "checkpoint.pt"

_CPU = torch.device("cpu")
_SHARE = 0.3  # spread that columns of evidence are given


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves: the network of its best epoch, and the figures of all.

    `remembered`: figures on another dataset before and after.
    """

    network: Tagger
    spec: InputSpec
    start: Start
    log: tuple[Epoch, ...]
    best_epoch: int
    remembered: tuple[Epoch, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a run goes on from: a model's folder, and windows of what it had learned."""

    model: Path
    remember: Dataset | None = None


def train(
    dataset: Dataset,
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    subject: str = "dataset",
    earlier: Earlier | None = None,
) -> tuple[Epoch, ...]:
    """Train a head and write its model folder to `out`; the epochs' figures. See `fit`."""
    config = dataset.as_made(config)
    trained = fit(
        dataset, config, out, resume=resume, progress=progress, subject=subject, earlier=earlier
    )
    metrics: dict[str, object] = {
        "run": asdict(trained.start),
        "epochs": [asdict(row) for row in trained.log],
        "best_epoch": trained.best_epoch,
        "remembered": [asdict(row) for row in trained.remembered],
        "windows": trained.start.windows[0],
        "validation_windows": trained.start.windows[1],
    }
    card = card_of(config, trained.spec, trained.start, trained.log, trained.best_epoch)
    write_model(out, trained.network, config, trained.spec, metrics, card)
    write_history(out / HISTORY, trained.start, trained.log)
    for name in (CHECKPOINT, UNDER_WAY):
        (out / name).unlink(missing_ok=True)
    return trained.log


def fit(
    dataset: Dataset,
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    subject: str = "dataset",
    earlier: Earlier | None = None,
) -> Trained:
    """Train a head; of its epochs the one of the best validation is kept, else the last.

    Each epoch leaves a checkpoint in `out` and a line for people; `resume` goes on from it, bit for
    bit on one machine. `earlier` gives the weights to begin with, which are kept if no epoch does
    better. DatasetError: nothing to learn from, or a loss that is not finite.
    """
    dataset.check(subject)
    config = dataset.as_made(config)
    _check_length(dataset, config, subject)
    torch.manual_seed(config.train.seed)
    learning, held = dataset.split(config.train.validation, config.train.seed)
    learning.check(subject)
    spec = _with_statistics(learning) if config.network.inputs == "all" else dataset.spec
    begun = learned_by(earlier.model, config, dataset.spec) if earlier else None
    run = Run(learning, held, config, begun.spec if begun else spec)
    if begun:
        run.begin(begun)
    if resume:
        run.restore(out / CHECKPOINT)
    elif (out / CHECKPOINT).exists():
        raise ModelError(
            out, "holds a run that was stopped", "add --resume to go on, or name another folder"
        )
    start = run.start(len(learning.windows), earlier.model if earlier else None)
    while run.epoch < config.train.epochs:
        row = run.one_epoch(progress)
        run.save(out / CHECKPOINT)
        write_history(out / UNDER_WAY, start, run.log)
        if progress:
            progress(row)
    remembered = _remembered(run, earlier)
    return Trained(run.best_network(), run.spec, start, tuple(run.log), run.best_epoch, remembered)


def _remembered(run: Run, earlier: Earlier | None) -> tuple[Epoch, ...]:
    """How the first and the best weights do on what was learned before."""
    if earlier is None or earlier.remember is None or run.first is None:
        return ()
    windows = prepared(earlier.remember, run.spec)
    rows = []
    for number, weights in ((0, run.first), (run.best_epoch, run.best)):
        assert weights is not None
        run.network.load_state_dict(weights)
        run.network.eval()
        with torch.inference_mode():
            rows.append(Epoch(number, None, *scores(run.network, windows, run.config), 0.0))
    return tuple(rows)


def _check_length(dataset: Dataset, config: Config, subject: str) -> None:
    longest = max(len(window.labels) for window in dataset.windows)
    if longest > config.network.window_rows:
        raise DatasetError(
            subject, "has windows of {n} rows, the recipe takes {rows}",
            "train with the recipe it was made with, or make it again",
            n=longest, rows=config.network.window_rows,
        )  # fmt: skip


def _with_statistics(dataset: Dataset) -> InputSpec:
    """The spec with mean and spread of the training rows; a column that never moves: 1."""
    # window by window: all rows in float64 at once would not fit where the dataset just does
    n = sum(len(window.labels) for window in dataset.windows)
    mean = sum(window.inputs.sum(axis=0, dtype=np.float64) for window in dataset.windows) / n
    square = sum(((window.inputs - mean) ** 2).sum(axis=0) for window in dataset.windows) / n
    spread = np.sqrt(square)
    spread[spread < 1e-6] = 1.0
    # shares between 0 and 1, which most windows have none of
    evidence = dataset.spec.parts.evidence
    mean[evidence], spread[evidence] = 0.0, _SHARE
    return replace(dataset.spec, mean=mean.astype(np.float32), spread=spread.astype(np.float32))
