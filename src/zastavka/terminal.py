"""What a person sees in a terminal: bars and lines. Answers go to stdout, the rest to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zastavka.errors import ZastavkaError
from zastavka.i18n import describe, gettext
from zastavka.storage import write_text


class Bar:
    """A progress bar over `total` steps; says nothing when stderr is not a terminal."""

    def __init__(self, progress: Progress, total: float, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=total)

    def print(self, line: str) -> None:
        """A line above the bar, shown where there is no bar too."""
        if self._progress.disable:
            say(line)
        else:
            self._progress.console.print(line, markup=False, highlight=False)

    def at(self, done: float, label: str | None = None) -> None:
        """Move to `done` steps."""
        if label is None:
            self._progress.update(self._task, completed=done)
        else:
            self._progress.update(self._task, completed=done, description=label)


class TrainingBar:
    """Shows steps on a bar and a line per epoch; a `learn.train.Progress`."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def __call__(self, event: Any) -> None:
        """Show a `Step` or an `Epoch`: told apart by shape, since torch is not imported here."""
        if hasattr(event, "batch"):
            done = event.epoch - 1 + event.batch / event.batches
            self._bar.at(done, gettext("Training, loss {loss:.3f}").format(loss=event.loss))
            return
        line = gettext("epoch {epoch}: loss {loss:.4f}").format(epoch=event.epoch, loss=event.loss)
        if event.validation_loss is not None:
            line += gettext(", held back: loss {loss:.4f}, F1 {f1:.3f}, IoU {iou:.3f}").format(
                loss=event.validation_loss, f1=event.validation_f1, iou=event.validation_iou
            )
        self._bar.print(line)


@contextmanager
def bar(total: float, label: str) -> Iterator[Bar]:
    """A bar for as long as the block lasts."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as shown:
        yield Bar(shown, total, label)


def say(line: str) -> None:
    """A line for people, on stderr."""
    sys.stderr.write(line + "\n")


def complain(error: ZastavkaError) -> None:
    """An error in the reader's language, one line."""
    say(describe(error))


def emit(text: str, output: Path | None) -> None:
    """An answer: to a file if one is named, else to stdout."""
    if output is not None:
        write_text(output, text)
    else:
        sys.stdout.write(text)
