"""What a person sees in a terminal: bars and lines. Answers go to stdout, the rest to stderr."""

from __future__ import annotations

import errno
import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from zastavka.episode import Episode
from zastavka.errors import StorageError, ZastavkaError
from zastavka.i18n import describe, gettext
from zastavka.storage import write_text

# control characters, halves of surrogate pairs, and the two line ends that are none of ASCII's
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}

State = Literal["plain", "good", "absent", "bad"]
_STYLES: dict[State, str] = {"plain": "", "good": "green", "absent": "dim", "bad": "bold red"}
_WIDTH = 80  # of a sheet that goes to a file


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sheet; `text` may have several lines, `mark` is the word for `state`."""

    name: str
    text: str
    mark: str = ""
    state: State = "plain"


@dataclass(frozen=True, slots=True)
class Section:
    """Rows below a title, their columns in line."""

    title: str
    rows: tuple[Row, ...]
    state: State = "plain"  # of the title


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
            self._progress.console.print(one_line(line), markup=False, highlight=False)

    def at(self, done: float, label: str | None = None) -> None:
        """Move to `done` steps."""
        if label is None:
            self._progress.update(self._task, completed=done)
        else:
            self._progress.update(self._task, completed=done, description=one_line(label))


class TrainingBar:
    """Shows steps on a bar and a line per epoch; a `learn.train.Progress`."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self.epoch = 0  # the last one that was done

    def __call__(self, event: Any) -> None:
        """Show a `Step` or an `Epoch`: told apart by shape, since torch is not imported here."""
        if hasattr(event, "batch"):
            done = event.epoch - 1 + event.batch / event.batches
            self._bar.at(done, gettext("Training, loss {loss:.3f}").format(loss=event.loss))
            return
        self.epoch = event.epoch
        line = gettext("epoch {epoch}: loss {loss:.4f}").format(epoch=event.epoch, loss=event.loss)
        if event.validation_loss is not None:
            line += gettext(", held back: loss {loss:.4f}, F1 {f1:.3f}, IoU {iou:.3f}").format(
                loss=event.validation_loss, f1=event.validation_f1, iou=event.validation_iou
            )
        self._bar.print(line)


class PartsBar:
    """Shows parts of a work on a bar, by labels that are looked up, and a line for each part.

    Minutes of silence in a pipe look like a hang.
    """

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._told: set[str] = set()

    def __call__(self, share: float, label: str) -> None:
        """Move to this share of the work."""
        if label not in self._told:
            self._bar.print(gettext(label))
            self._told.add(label)
        self._bar.at(share, gettext(label))


class EpisodesBar:
    """Shows the shares of episodes done on a bar of as many as there are."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._done: dict[Episode, float] = {}

    def __call__(self, episode: Episode, share: float) -> None:
        """That share of this episode is done."""
        self._done[episode] = share
        self._bar.at(sum(self._done.values()), episode.path.name)


@contextmanager
def bar(total: float, label: str) -> Iterator[Bar]:
    """A bar for as long as the block lasts."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as shown:
        yield Bar(shown, total, label)


def one_line(text: str) -> str:
    """The text with escapes for what would break a line, or change a terminal's state."""
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNSHOWN else c
        for c in text
    )


def say(line: str) -> None:
    """A line for people, on stderr."""
    sys.stderr.write(_writable(one_line(line), sys.stderr.encoding) + "\n")


def complain(error: ZastavkaError) -> None:
    """An error in the reader's language, one line."""
    say(describe(error))


def emit(text: str, output: Path | None) -> None:
    """An answer: to a file if one is named, else to stdout. StorageError: it takes no more."""
    if output is not None and (output.is_file() or not output.exists()):
        write_text(output, text)
        return
    try:
        if output is None and sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # it was closed by the caller
        if output is None:
            sys.stdout.write(_writable(text, sys.stdout.encoding))
            sys.stdout.flush()
        else:  # /dev/stdout and the like can't be renamed over
            output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except BrokenPipeError:  # `zastavka ... | head` has read enough, as typer knows
        raise
    except OSError as error:
        if output is None:
            _drop_what_is_buffered()
        raise StorageError(
            output or "stdout",
            "can't be written: {why}",
            "free some space, or choose another place",
            why=error.strerror or error,
        ) from error


def emit_sheet(sections: Sequence[Section], output: Path | None) -> None:
    """Sections one below the other, as wide as the terminal; painted there alone."""
    if output is None:
        console = Console(highlight=False)
    else:
        console = Console(highlight=False, no_color=True, color_system=None, width=_WIDTH)
    with console.capture() as captured:
        for i, section in enumerate(sections):
            title = Text(one_line(section.title), f"bold {_STYLES[section.state]}")
            console.print(title if i == 0 else Text("\n") + title)
            console.print(_table(section))
    lines = captured.get().splitlines()
    emit("".join(f"{line.rstrip()}\n" for line in lines), output)


def _table(section: Section) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    names = any(row.name for row in section.rows)
    marks = any(row.mark for row in section.rows)
    table.add_column(width=0)  # the indent is its padding
    for shown in (names, marks):
        if shown:
            table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in section.rows:
        style = _STYLES[row.state]
        cells = [Text(""), *([Text(one_line(row.name))] if names else [])]
        cells += [Text(row.mark, style)] if marks else []
        text = "\n".join(map(one_line, row.text.split("\n")))
        table.add_row(*cells, Text(text, "dim" if row.state == "absent" else ""))
    return table


def _drop_what_is_buffered() -> None:
    """Else Python tries once more at its exit, and complains in its own words."""
    with suppress(OSError, ValueError, AttributeError):  # the last: there is no stdout at all
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _writable(text: str, encoding: str | None) -> str:
    """The text with escapes for what the stream has no code for, such as a broken file name."""
    encoding = encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
