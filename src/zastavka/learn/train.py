"""Train a head on a dataset: the loop, its checkpoints, and the model folder at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zastavka.config import Config
from zastavka.errors import DatasetError, ModelError
from zastavka.inputs import InputSpec
from zastavka.learn.batches import Shown, prepared
from zastavka.learn.dataset import Dataset, Window, save_tensors
from zastavka.learn.export import write_model
from zastavka.learn.network import Tagger, network_of
from zastavka.learn.steps import autocast, optimizer_of, rate_factor, use_bf16
from zastavka.learn.validation import scores

CHECKPOINT = "checkpoint.pt"

_CPU = torch.device("cpu")
_SHARE = 0.3  # spread that columns of evidence are given


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the training log; validation figures are None where nothing is held back."""

    epoch: int  # counted from 1
    loss: float  # mean negative log-likelihood of a training window
    validation_loss: float | None
    validation_f1: float | None  # of rows
    validation_iou: float | None  # of intervals, a miss as 0
    seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """Where training stands, for a progress bar."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float


Progress = Callable[[Step | Epoch], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves: the network of its best epoch, and the figures of all."""

    network: Tagger
    spec: InputSpec
    log: tuple[Epoch, ...]
    best_epoch: int
    windows: tuple[int, int]  # learned from, held back


def train(
    dataset: Dataset,
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    subject: str = "dataset",
) -> tuple[Epoch, ...]:
    """Train a head and write its model folder to `out`; the epochs' figures. See `fit`."""
    config = dataset.as_made(config)
    trained = fit(dataset, config, out, resume=resume, progress=progress, subject=subject)
    bf16 = use_bf16(config.train.precision, config.network.d_model, _CPU)
    metrics: dict[str, object] = {
        "epochs": [asdict(row) for row in trained.log],
        "best_epoch": trained.best_epoch,
        "windows": trained.windows[0],
        "validation_windows": trained.windows[1],
        "precision": "bf16" if bf16 else "fp32",
    }
    write_model(out, trained.network, config, trained.spec, metrics, _card(config, trained))
    (out / CHECKPOINT).unlink(missing_ok=True)
    return trained.log


def fit(
    dataset: Dataset,
    config: Config,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    subject: str = "dataset",
) -> Trained:
    """Train a head; of its epochs the one of the best validation is kept, else the last.

    Each epoch leaves a checkpoint in `out`; `resume` goes on from it, bit for bit on one machine.
    DatasetError: nothing to learn from, or a loss that is not finite.
    """
    dataset.check(subject)
    config = dataset.as_made(config)
    _check_length(dataset, config, subject)
    torch.manual_seed(config.train.seed)
    learning, held = dataset.split(config.train.validation, config.train.seed)
    learning.check(subject)
    spec = _with_statistics(learning) if config.network.inputs == "all" else dataset.spec
    run = _Run(learning, held, config, spec)
    if resume:
        run.restore(out / CHECKPOINT)
    elif (out / CHECKPOINT).exists():
        raise ModelError(
            out, "holds a run that was stopped", "add --resume to go on, or name another folder"
        )
    while run.epoch < config.train.epochs:
        row = run.one_epoch(progress)
        run.save(out / CHECKPOINT)
        if progress:
            progress(row)
    windows = len(learning.windows), len(held.windows)
    return Trained(run.best_network(), spec, tuple(run.log), run.best_epoch, windows)


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


class _Run:
    """The state of a training run: what a checkpoint holds."""

    def __init__(self, learning: Dataset, held: Dataset, config: Config, spec: InputSpec) -> None:
        self.config, self.spec = config, spec
        self.learning = Shown(learning, config.train, spec, config.extract.step)
        self.held = prepared(held, spec)
        self.network = network_of(config.network, spec.width, config.train.class_weights)
        weights = self.network.state_dict() if config.train.average else {}
        self.average = {name: value.clone() for name, value in weights.items()}
        self.optimizer = optimizer_of(self.network.parameters(), config.train)
        self.rng = np.random.default_rng(config.train.seed)
        self.digest = learning.digest()
        self.epoch = self.steps = 0
        self.log: list[Epoch] = []
        self.best: dict[str, Tensor] | None = None
        self.best_epoch, self.best_score = 0, float("-inf")
        self.bf16 = use_bf16(config.train.precision, config.network.d_model, _CPU)

    def one_epoch(self, progress: Progress | None) -> Epoch:
        began = time.perf_counter()
        options = self.config.train
        drawn = self.learning.batches(self.rng)
        losses = []
        self.network.train()
        for i, batch in enumerate(drawn):
            self._set_rate((self.epoch * len(drawn) + i) / (options.epochs * len(drawn)))
            losses.append(self._step(batch))
            if progress:
                progress(Step(self.epoch + 1, options.epochs, i + 1, len(drawn), losses[-1]))
        self.epoch += 1
        row = Epoch(
            self.epoch, float(np.mean(losses)), *self._validate(), time.perf_counter() - began
        )
        self.log.append(row)
        score = (row.validation_f1 or 0.0) + (row.validation_iou or 0.0)
        # ties go to the later epoch: without validation that is the last one
        if score >= self.best_score:
            self.best, self.best_epoch, self.best_score = self._weights(), self.epoch, score
        return row

    def _set_rate(self, share: float) -> None:
        options = self.config.train
        for group in self.optimizer.param_groups:
            group["lr"] = options.learning_rate * rate_factor(options.schedule, share)

    def _step(self, batch: list[Window]) -> float:
        inputs, labels, mask = self.learning.collate(batch, self.rng)
        self.optimizer.zero_grad()
        with autocast(_CPU, self.bf16):
            emissions = self.network(inputs, mask)
        loss = -self.network.crf.log_likelihood(emissions.float(), labels, mask).mean()
        if not torch.isfinite(loss):
            videos = ", ".join(sorted({window.video_id for window in batch}))
            raise DatasetError(
                videos, "gave a loss that is not finite in epoch {epoch}",
                "look at these videos, or lower train.learning_rate; go on with --resume",
                epoch=self.epoch + 1,
            )  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.train.grad_clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.train.grad_clip)
        self.optimizer.step()
        self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        self.steps += 1
        if not self.config.train.average:
            return
        # early on there is little to average: the decay grows to its value (Polyak averaging)
        decay = min(self.config.train.average, self.steps / (self.steps + 10))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - decay)

    def _weights(self) -> dict[str, Tensor]:
        source = self.average or self.network.state_dict()
        return {name: value.clone() for name, value in source.items()}

    def best_network(self) -> Tagger:
        assert self.best is not None
        self.network.load_state_dict(self.best)
        return self.network.eval()

    def _validate(self) -> tuple[float | None, float | None, float | None]:
        if not self.held:
            return None, None, None
        kept = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self._weights())
        self.network.eval()
        try:
            with torch.inference_mode():
                return scores(self.network, self.held, self.config)
        finally:
            self.network.load_state_dict(kept)

    def save(self, path: Path) -> None:
        state = {
            "config": self.config.model_dump_json(), "digest": self.digest,
            "epoch": self.epoch, "steps": self.steps,
            "network": self.network.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "best": self.best,
            "best_epoch": self.best_epoch, "best_score": self.best_score,
            "log": [asdict(row) for row in self.log],
            "torch_rng": torch.get_rng_state(), "numpy_rng": self.rng.bit_generator.state,
        }  # fmt: skip
        save_tensors(path, state)

    def restore(self, path: Path) -> None:
        if not path.exists():
            raise ModelError(path, "does not exist", "leave out --resume to begin anew")
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            made_with, digest = state["config"], state["digest"]
        except Exception as error:  # torch raises half a dozen kinds for damaged files
            raise ModelError(path, "can't be read", "leave out --resume to begin anew") from error
        if made_with != self.config.model_dump_json():
            raise ModelError(
                path, "was made with other options", "use the same options, or leave out --resume"
            )
        if digest != self.digest:
            raise ModelError(
                path, "was made with another dataset", "use the same one, or leave out --resume"
            )
        self.network.load_state_dict(state["network"])
        self.average, self.best = state["average"], state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.steps, self.best_epoch = (
            state["epoch"],
            state["steps"],
            state["best_epoch"],
        )
        self.best_score = state["best_score"]
        self.log = [Epoch(**row) for row in state["log"]]
        torch.set_rng_state(state["torch_rng"])
        self.rng.bit_generator.state = state["numpy_rng"]


def _card(config: Config, trained: Trained) -> str:
    best, spec = trained.log[trained.best_epoch - 1], trained.spec
    figures = (
        "no series was held back"
        if best.validation_f1 is None
        else f"F1 {best.validation_f1:.3f}, IoU {best.validation_iou:.3f} on held-back windows"
    )
    return (
        f"# A zastavka model, recipe `{config.recipe}`\n\n"
        f"- Pictures: `{spec.encoder}`; sound: {'yes' if spec.sound_width else 'no'};"
        f" {config.extract.step} s a row.\n"
        f"- Trained on {trained.windows[0]} windows, {trained.windows[1]} held back; best epoch"
        f" {trained.best_epoch} of {len(trained.log)}: {figures}.\n"
        "- Options: `options.json`; figures of each epoch: `metrics.json`.\n"
    )
