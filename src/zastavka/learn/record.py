"""What a training run says of itself: a line per epoch as it goes, and a card at its end."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import zastavka
from zastavka.config import Config
from zastavka.inputs import InputSpec
from zastavka.storage import write_text

# under way and of a finished run: until a new model is whole, the one before keeps its own
UNDER_WAY, HISTORY = "checkpoint.jsonl", "history.jsonl"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the training log; validation figures are None where nothing is held back.

    Number 0 are the weights that training began with, where they had learned before.
    """

    epoch: int  # counted from 1; 0: before the first
    loss: float | None  # mean negative log-likelihood of a training window
    validation_loss: float | None
    validation_f1: float | None  # of rows
    validation_iou: float | None  # of intervals, a miss as 0
    seconds: float

    @property
    def score(self) -> float:
        """By which epochs are chosen."""
        return (self.validation_f1 or 0.0) + (self.validation_iou or 0.0)


@dataclass(frozen=True, slots=True)
class Start:
    """With what a run began: all that its figures depend on, but for the options' other words."""

    recipe: str
    seed: int
    parameters: int  # that are learned
    windows: tuple[int, int]  # learned from, held back
    dataset: str  # a digest of it
    begun_from: str | None  # the model whose weights it began with
    versions: Mapping[str, str]
    machine: str
    precision: str  # of products of matrices: fp32 or bf16
    threads: int
    at: str  # UTC as ISO 8601

    @classmethod
    def of(
        cls, config: Config, parameters: int, windows: tuple[int, int], dataset: str,
        begun_from: Path | None, bf16: bool,
    ) -> Start:  # fmt: skip
        """As it is now, here."""
        return cls(
            config.recipe, config.train.seed, parameters, windows, dataset,
            begun_from.name if begun_from else None,
            {
                "zastavka": zastavka.__version__, "python": platform.python_version(),
                "torch": torch.__version__, "numpy": np.__version__,
            },
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "bf16" if bf16 else "fp32", torch.get_num_threads(),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip


def write_history(file: Path, start: Start, log: Sequence[Epoch]) -> None:
    """A line of JSON for the start, and one for each epoch so far. StorageError."""
    rows = [{"run": asdict(start)}, *(asdict(row) for row in log)]
    write_text(file, "".join(f"{json.dumps(row)}\n" for row in rows))


def card_of(config: Config, spec: InputSpec, start: Start, log: Sequence[Epoch], best: int) -> str:
    """The card of a model, as Markdown."""
    row = next(row for row in log if row.epoch == best)
    figures = (
        "no series was held back"
        if row.validation_f1 is None
        else f"F1 {row.validation_f1:.3f}, IoU {row.validation_iou:.3f} on held-back windows"
    )
    versions = ", ".join(f"{name} {version}" for name, version in start.versions.items())
    begun = f" It began with the weights of `{start.begun_from}`." if start.begun_from else ""
    return (
        f"# A zastavka model, recipe `{config.recipe}`\n\n"
        f"- Pictures: `{spec.encoder}`; sound: {'yes' if spec.sound_width else 'no'};"
        f" {config.extract.step} s a row.\n"
        f"- Trained on {start.windows[0]} windows, {start.windows[1]} held back; best epoch"
        f" {best} of {log[-1].epoch}: {figures}.{begun}\n"
        f"- {start.parameters} parameters, seed {start.seed}; {versions}.\n"
        f"- Options: `options.json`; figures of each epoch: `metrics.json`, `{HISTORY}`.\n"
    )
