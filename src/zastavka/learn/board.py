"""`Board`: a run's figures for TensorBoard (extra `tensorboard`)."""

from __future__ import annotations

from pathlib import Path

from zastavka.errors import MissingExtra
from zastavka.learn.record import Epoch
from zastavka.learn.run import Progress, Step


class Board:
    """A `Progress` that also writes what it is shown to event files in a folder. MissingExtra."""

    def __init__(self, folder: Path, inner: Progress) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("tensorboard", "train --tensorboard") from error
        self._writer, self._inner = SummaryWriter(str(folder)), inner

    def __call__(self, event: Step | Epoch) -> None:
        """Write a `Step` or an `Epoch`, and hand it on."""
        if isinstance(event, Step):
            step = (event.epoch - 1) * event.batches + event.batch
            self._add("loss/step", event.loss, step)
        else:
            for name, value in (
                ("loss/epoch", event.loss), ("loss/held back", event.validation_loss),
                ("held back/F1", event.validation_f1), ("held back/IoU", event.validation_iou),
            ):  # fmt: skip
                if value is not None:
                    self._add(name, value, event.epoch)
            self._writer.flush()
        self._inner(event)

    def _add(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)
