"""`Run`: a training run under way: its steps, its epochs, its checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
from zastavka.learn.learned import Learned
from zastavka.learn.network import Tagger, network_of
from zastavka.learn.record import Epoch, Start
from zastavka.learn.steps import autocast, optimizer_of, rate_factor, use_bf16
from zastavka.learn.validation import scores

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Step:
    """Where training stands, for a progress bar."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float


Progress = Callable[[Step | Epoch], None]


class Run:
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
        self.first: dict[str, Tensor] | None = None  # what it had learned before
        self.best_epoch, self.best_score = 0, float("-inf")
        self.bf16 = use_bf16(config.train.precision, config.network.d_model, _CPU)

    def one_epoch(self, progress: Progress | None) -> Epoch:
        """Learn from every window once, then see how well it does."""
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
        # ties go to the later epoch: without validation that is the last one
        if row.score >= self.best_score:
            self.best, self.best_epoch, self.best_score = self._weights(), self.epoch, row.score
        return row

    def begin(self, learned: Learned) -> None:
        """Take over what another network has learned, and see how well that does here."""
        self.network.load_state_dict(learned.weights)
        if self.average:
            self.average = {name: value.clone() for name, value in learned.weights.items()}
        self.first = self._weights()
        row = Epoch(0, None, *self._validate(), 0.0)
        self.log = [row]
        self.best, self.best_epoch, self.best_score = self.first, 0, row.score

    def start(self, windows: int, begun_from: Path | None) -> Start:
        """What the run is made with."""
        parameters = sum(p.numel() for p in self.network.parameters() if p.requires_grad)
        held = windows, len(self.held)
        return Start.of(self.config, parameters, held, self.digest, begun_from, self.bf16)

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
        """The network with the weights of its best epoch."""
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
        """Keep all that the next epoch depends on. StorageError: no room; what was kept stays."""
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
        """Go on where `save` was called. ModelError: that run had other options or data."""
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
