"""`watch`: a library that is scanned again as files appear in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from zastavka.answers import answer_line, delivery_lines, failure_lines, remarks
from zastavka.arguments import (
    Device,
    Lang,
    Least,
    MayWrite,
    Model,
    OutFolder,
    Settings,
    Types,
    catalog_of,
    check_least,
    formats_of,
    season_config,
    types_of,
)
from zastavka.commands.library import CatalogFile
from zastavka.delivery import deliver
from zastavka.detection import Detection, doubted
from zastavka.errors import MediaError, ZastavkaError
from zastavka.i18n import gettext
from zastavka.library.arrivals import scans_due
from zastavka.library.scan import made_with, plan
from zastavka.library.settings import wished
from zastavka.model import BUILTIN
from zastavka.search import Search, answer_all
from zastavka.terminal import complain, emit, one_line, say


def watch(
    folders: Annotated[list[Path], typer.Argument(help="Folders of the library.")],
    settle: Annotated[
        float,
        typer.Option(min=0.0, help="Seconds without a change after which a file counts as whole."),
    ] = 20.0,
    every: Annotated[
        float, typer.Option(min=0.1, help="Minutes after which all is looked through anyhow.")
    ] = 60.0,
    poll: Annotated[
        bool, typer.Option("--poll", help="Look again and again: for network drives.")
    ] = False,
    write: MayWrite = None,
    out: OutFolder = None,
    low_priority: Annotated[
        bool, typer.Option("--low-priority", help="Leave the processor to other programs.")
    ] = False,
    model: Model = None,
    types: Types = "intro",
    min_confidence: Least = None,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
    settings: Settings = None,
    device: Device = "auto",
) -> None:
    """Scan a library, and again as files appear in it, until Ctrl-C.

    Example: zastavka watch Series/ --write edl,chapters
    """
    check_least(min_confidence)
    for folder in folders:
        if not folder.is_dir():
            raise MediaError(folder, "is no folder", "name a folder of videos")
    asked, options = types_of(types), season_config(settings).model_dump_json()
    made = made_with(model or BUILTIN, [*asked, options])
    formats = formats_of(write) if write else ()
    watcher = Watcher(
        folders, model, asked, settings or [], device, made, min_confidence, formats, out, catalog
    )
    if low_priority and hasattr(os, "nice"):
        os.nice(19)
    stop = Event()
    with _ended_by(stop):
        due = scans_due(folders, settle, 60.0 * every, stop, poll=poll)
        try:
            for _ in due:
                watcher.scan()
        except KeyboardInterrupt:  # the answers to every season that was done are kept
            pass
    say(gettext("stopped"))


@dataclass(slots=True)
class Watcher:
    """What one scan after another is made with; the model stays loaded."""

    folders: list[Path]
    model: Path | None
    types: tuple[str, ...]
    settings: list[str]
    device: str
    made: str
    least: float | None
    formats: tuple[str, ...]
    out: Path | None
    catalog: Path | None
    _search: Search | None = field(default=None, init=False)
    _said: set[str] = field(default_factory=set, init=False)  # of files that stay unreadable

    def scan(self) -> None:
        """Answer what is new or changed, and tell it; what goes wrong is said and not the end."""
        try:
            self._scan()
        except ZastavkaError as error:
            complain(error)

    def _scan(self) -> None:
        there = [folder for folder in self.folders if folder.is_dir()]
        with catalog_of(self.catalog) as known:
            found = plan(known, there, self.made)
            for line in failure_lines(found.failures):
                if line not in self._said:
                    say(line)
                self._said.add(line)
            if not found.tasks:
                return
            if self._search is None:
                self._search = Search(
                    self.model, types=self.types, settings=self.settings, device=self.device
                )
            answer_all(known, found, self.made, self._search)
            results = wished(known.detections(found.files))
        if self.least is not None:
            results = doubted(results, self.least)
        answered = {file.episode.path for task in found.tasks for file in task.files}
        fresh = [result for result in results if result.episode.path in answered]
        for line in remarks(fresh, for_people=False):
            say(line)
        for result in fresh:
            if isinstance(result, Detection):
                emit(f"{one_line(str(result.episode.path))}: {answer_line(result)}\n", None)
        if self.formats:
            for line in delivery_lines(list(deliver(results, self.formats, self.out))):
                say(line)


@contextmanager
def _ended_by(stop: Event) -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does."""

    def end(*_: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
