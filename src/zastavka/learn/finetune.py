"""Tune a CLIP-like checkpoint together with a head, on pictures read out of the videos.

A step takes `train.batch` windows one after the other and adds their gradients up. The state on
disk holds what changes; going on from it gives the weights of a run that was not disturbed.
"""

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
from zastavka.detection import Detection
from zastavka.errors import DatasetError, ModelError, ZastavkaError
from zastavka.inputs import InputSpec
from zastavka.learn.batches import batches
from zastavka.learn.dataset import Window, save_tensors
from zastavka.learn.export import write_model
from zastavka.learn.footage import Footage, digest_of, footage, split
from zastavka.learn.network import network_of
from zastavka.learn.record import Epoch
from zastavka.learn.run import Step
from zastavka.learn.steps import autocast, optimizer_of, rate_factor, use_bf16
from zastavka.learn.tower import Tower
from zastavka.learn.validation import scores
from zastavka.vision import EncoderName, choose_device, load_encoder

STATE, MODEL = "finetune.pt", "model"
_RESUME = "use the same, or leave out --resume and name another folder"


@dataclass(frozen=True, slots=True)
class Kept:
    """A state was written: after `batch` batches of `epoch`."""

    epoch: int
    done: int


Progress = Callable[[Step | Epoch | Kept], None]
Problem = Callable[[ZastavkaError], None]


def finetune(
    truths: list[Detection],
    config: Config,
    out: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
    on_problem: Problem | None = None,
) -> tuple[Epoch, ...]:
    """Tune, and write the encoder to `out` and the head to `out/model`; figures of the epochs.

    A video that can't be read is left out and told once. DatasetError: nothing to learn from, or a
    loss that is not finite. ModelError: the checkpoint or the state can't be used.
    """
    config = _pictures_alone(config)
    _check_folder(out, resume)
    torch.manual_seed(config.train.seed)
    told: set[str] = set()

    def tell(error: ZastavkaError) -> None:
        if on_problem and error.subject not in told:
            on_problem(error)
        told.add(error.subject)

    tower = Tower(config.extract.encoder, config.finetune, choose_device(device, "auto")[0])
    run = _Run(tower, footage(truths, config, tell), config, tell)
    if resume:
        run.restore(out / STATE)
    else:
        run.save(out / STATE, progress)
    while run.epoch < config.train.epochs:
        row = run.one_epoch(out / STATE, progress)
        if progress:
            progress(row)
    run.finish(out)
    (out / STATE).unlink(missing_ok=True)
    return tuple(run.log)


def _pictures_alone(config: Config) -> Config:
    """The head is fed vectors as they are: other columns would need gradients of their own."""
    return config.override(
        {"network": {"inputs": "pictures", "evidence": False}, "extract": {"sound": False}},
        "finetune",
    )


def _check_folder(out: Path, resume: bool) -> None:
    if resume and not (out / STATE).exists():
        raise ModelError(out / STATE, "does not exist", "leave out --resume to begin anew")
    if not resume and (out / STATE).exists():
        raise ModelError(
            out, "holds a run that was stopped", "add --resume to go on, or name another folder"
        )
    if not resume and any((out / file).exists() for file in ("config.json", "adapter_config.json")):
        raise ModelError(out, "holds an encoder already", "name another folder")


class _Run:
    """What a state holds, and how it moves on."""

    def __init__(self, tower: Tower, windows: list[Footage], config: Config, tell: Problem) -> None:
        self.config, self.tower, self.tell = config, tower, tell
        self.learning, self.held = split(windows, config.train.validation, config.train.seed)
        if not any(one.positive for one in self.learning):
            raise DatasetError(
                "labels", "hold no positive row to learn from", "check the labels and the videos"
            )
        with torch.no_grad():
            width = tower.vectors(self._first()).shape[1]
        self.head = network_of(config.network, width, config.train.class_weights).to(tower.device)
        self.optimizer = optimizer_of(
            [
                {"params": list(tower.trained.values())},
                {"params": list(self.head.parameters())},
            ],
            config.train,
        )
        self.rates = config.finetune.learning_rate, config.train.learning_rate
        self.bf16 = use_bf16(config.train.precision, width, tower.device)
        self.rng = np.random.default_rng(config.train.seed)
        self.began: dict[str, Any] = dict(self.rng.bit_generator.state)
        self.epoch = self.done = 0
        self.losses: list[float] = []
        self.log: list[Epoch] = []
        self.best: list[dict[str, Tensor]] = []
        self.best_epoch, self.best_score = 0, float("-inf")

    def _first(self) -> Footage:
        one = self.learning[0]
        return replace(one, times=one.times[:1], labels=one.labels[:1])

    def one_epoch(self, path: Path, progress: Progress | None) -> Epoch:
        began = time.perf_counter()
        self.began = dict(self.rng.bit_generator.state)
        drawn = list(batches(self.learning, self.config.train, self.rng))
        epochs = self.config.train.epochs
        for i in range(self.done, len(drawn)):
            factor = rate_factor(self.config.train.schedule, (self.epoch + i / len(drawn)) / epochs)
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * factor
            self.losses += self._step(drawn[i], i + 1)
            self.done = i + 1
            if self.done % self.config.finetune.save_steps == 0 and self.done < len(drawn):
                self.save(path, progress)
            if progress:
                loss = self.losses[-1] if self.losses else float("nan")
                progress(Step(self.epoch + 1, epochs, i + 1, len(drawn), loss))
        if not self.losses:
            raise DatasetError("videos", "gave no picture in an epoch", "check that they play")
        self.epoch += 1
        figures = self._validate()
        row = Epoch(self.epoch, float(np.mean(self.losses)), *figures, time.perf_counter() - began)
        self.log.append(row)
        score = (row.validation_f1 or 0.0) + (row.validation_iou or 0.0)
        if score >= self.best_score:  # ties go to the later epoch
            self.best, self.best_epoch, self.best_score = self._weights(), self.epoch, score
        self.done, self.losses, self.began = 0, [], dict(self.rng.bit_generator.state)
        self.save(path, progress)
        return row

    def _step(self, batch: list[Footage], number: int) -> list[float]:
        """One update; the loss of the batch, or none where no video of it can be read."""
        self.optimizer.zero_grad()
        losses = []
        for window in batch:
            try:
                with autocast(self.tower.device, self.bf16):
                    emissions = self.head(self.tower.vectors(window)[None])
            except ZastavkaError as error:
                self.tell(error)
                continue
            labels = torch.from_numpy(window.labels.astype(np.int64))[None].to(self.tower.device)
            loss = -self.head.crf.log_likelihood(emissions.float(), labels).mean()
            if not torch.isfinite(loss):
                self._stop([window], number)
            (loss / len(batch)).backward()  # type: ignore[no-untyped-call]
            losses.append(float(loss.detach()))
        if not losses:
            return []
        weights = [p for group in self.optimizer.param_groups for p in group["params"]]
        limit = self.config.train.grad_clip or float("inf")
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(weights, limit)):
            self._stop(batch, number)
        self.optimizer.step()
        return [float(np.mean(losses))]

    def _stop(self, batch: list[Footage], number: int) -> None:
        raise DatasetError(
            ", ".join(sorted({window.video_id for window in batch})),
            "gave a loss that is not finite in batch {batch} of epoch {epoch}",
            "look at these videos, or go on with --resume and lower learning rates",
            batch=number, epoch=self.epoch + 1,
        )  # fmt: skip

    def _validate(self) -> tuple[float | None, float | None, float | None]:
        windows = []
        for held in self.held:
            try:
                with autocast(self.tower.device, self.bf16):
                    rows = self.tower.rows(held)
            except ZastavkaError as error:
                self.tell(error)
                continue
            windows.append(Window(held.video_id, held.series, held.first_row, rows, held.labels))
        if not windows:
            return None, None, None
        head = self.head.cpu().eval()
        try:
            with torch.inference_mode():
                return scores(head, windows, self.config)
        finally:
            self.head.to(self.tower.device).train()

    def _weights(self) -> list[dict[str, Tensor]]:
        parts: tuple[dict[str, Any], ...] = (self.tower.trained, self.head.state_dict())
        return [{n: v.detach().cpu().clone() for n, v in part.items()} for part in parts]

    def _load(self, weights: list[dict[str, Tensor]]) -> None:
        with torch.no_grad():
            for name, value in self.tower.trained.items():
                value.copy_(weights[0][name])
        self.head.load_state_dict(weights[1])

    def _options(self) -> str:
        """What must be the same to go on: everything but the rates, which may be lowered."""
        same = self.config.override(
            {"train": {"learning_rate": 1.0}, "finetune": {"learning_rate": 1.0}}, "finetune"
        )
        return same.model_dump_json()

    def save(self, path: Path, progress: Progress | None) -> None:
        cuda = torch.cuda.get_rng_state_all() if self.tower.device.type == "cuda" else []
        state = {
            "config": self._options(), "digest": digest_of(self.learning), "base": self.tower.name,
            "epoch": self.epoch, "done": self.done, "losses": self.losses, "began": self.began,
            "weights": self._weights(), "optimizer": self.optimizer.state_dict(),
            "best": self.best, "best_epoch": self.best_epoch, "best_score": self.best_score,
            "log": [asdict(row) for row in self.log],
            "torch_rng": torch.get_rng_state(), "cuda_rng": cuda,
        }  # fmt: skip
        save_tensors(path, state)
        if progress:
            progress(Kept(self.epoch + 1, self.done))

    def restore(self, path: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            config, digest, base = state["config"], state["digest"], state["base"]
        except Exception as error:  # torch raises half a dozen kinds for damaged files
            raise ModelError(path, "can't be read", "leave out --resume to begin anew") from error
        if config != self._options():
            raise ModelError(path, "was made with other options", _RESUME)
        if digest != digest_of(self.learning) or base != self.tower.name:
            raise ModelError(path, "was made with other videos, labels or encoder", _RESUME)
        self._load(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.done, self.losses = state["epoch"], state["done"], state["losses"]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_score = state["best_score"]
        self.log = [Epoch(**row) for row in state["log"]]
        self.rng.bit_generator.state = state["began"]
        torch.set_rng_state(state["torch_rng"])
        if state["cuda_rng"] and self.tower.device.type == "cuda":
            torch.cuda.set_rng_state_all(state["cuda_rng"])

    def finish(self, out: Path) -> None:
        """Write encoder and head of the best epoch; the model names the encoder as it is read."""
        self._load(self.best)
        self.tower.save(out)
        place = str(EncoderName(str(out.resolve()), raw=self.tower.raw))
        encoder = load_encoder(place, device=self.tower.device.type)
        spec = InputSpec(encoder.name, encoder.width, 0, "pictures")
        config = self.config.override({"extract": {"encoder": place}}, "finetune")
        metrics: dict[str, object] = {
            "epochs": [asdict(row) for row in self.log], "best_epoch": self.best_epoch,
            "windows": len(self.learning), "validation_windows": len(self.held),
            "precision": "bf16" if self.bf16 else "fp32", "base": self.tower.name,
        }  # fmt: skip
        card = (
            f"# A zastavka model, recipe `{config.recipe}`, learned together with its encoder\n\n"
            f"- Pictures: `{encoder.name}`, tuned from `{self.tower.name}`.\n"
            f"- {len(self.learning)} windows, {len(self.held)} held back; best epoch"
            f" {self.best_epoch} of {len(self.log)}. Figures: `metrics.json`.\n"
        )
        write_model(out / MODEL, self.head.cpu().eval(), config, spec, metrics, card)
