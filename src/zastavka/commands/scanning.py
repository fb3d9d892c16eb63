"""Commands that answer a library: `scan` once, `watch` again and again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from zastavka.answering import Answering
from zastavka.answers import (
    FORMATS,
    PARTLY,
    answer_line,
    delivery_lines,
    exit_code,
    failure_lines,
    remarks,
)
from zastavka.arguments import (
    CatalogFile,
    Chapters,
    Device,
    Lang,
    Least,
    MayWrite,
    Model,
    OutFolder,
    Output,
    Settings,
    Types,
    catalog_of,
    check_least,
    formats_of,
    season_config,
    types_of,
)
from zastavka.delivery import deliver
from zastavka.detection import Detection, Failure, doubted, to_json
from zastavka.errors import MediaError, OptionError, ZastavkaError
from zastavka.i18n import gettext
from zastavka.library.arrivals import scans_due
from zastavka.library.catalog import Catalog
from zastavka.library.scan import Change, Plan, Task, changes, keep, made_with, plan
from zastavka.library.settings import wished
from zastavka.model import BUILTIN
from zastavka.search import Search
from zastavka.sheets import changed_sheet, intended, summary
from zastavka.terminal import (
    EpisodesBar,
    bar,
    complain,
    emit,
    emit_sheet,
    one_line,
    say,
)
from zastavka.workers import Limits, processors

Results = list[Detection | Failure]

LIMITS = Limits()

LowPriority = Annotated[
    bool, typer.Option("--low-priority", help="Leave the processor to other programs.")
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=0,
        envvar="ZASTAVKA_JOBS",
        help="Files read at once, each in a process of its own; else as many as there are "
        "processors. 0: all in this process, without limits.",
    ),
]
TimeLimit = Annotated[float, typer.Option(min=1.0, help="Seconds after which a file is given up.")]
MemoryLimit = Annotated[
    float, typer.Option(min=0.5, help="GB that the reading of a file may take (on Linux).")
]


@dataclass(frozen=True, slots=True)
class Scanner:
    """What a library is answered with. Made by `_scanner`, which checks it."""

    made: str
    answering: Answering

    def results(self, found: Plan) -> Iterator[tuple[Task, Results]]:
        """Do the tasks of a plan and show how far it is."""
        with bar(sum(len(task.files) for task in found.tasks), gettext("Reading")) as shown:
            yield from self.answering.of(found.tasks, EpisodesBar(shown))

    def keep(self, known: Catalog, found: Plan) -> list[Change]:
        """Answer and keep; what is another answer than it was."""
        before = known.detections(found.files)
        for task, results in self.results(found):
            keep(known, task, self.made, results)
        return changes(before, known.detections(found.files))

    def preview(self, known: Catalog, found: Plan) -> list[Change]:
        """What would be another answer than it is; nothing is kept."""
        after = [result for _, results in self.results(found) for result in results]
        said = known.edits()
        free = {f.episode.path for f in found.files if f.content not in said}
        return changes(known.detections(found.files), [r for r in after if r.episode.path in free])


def _scanner(
    model: Path | None, types: str, settings: list[str] | None, device: str, low_priority: bool,
    jobs: int | None, seconds: float, memory: float, chapters: bool,
) -> Scanner:  # fmt: skip
    asked, options = types_of(types), season_config(settings).model_dump_json()
    made = made_with(model or BUILTIN, [*asked, options, *([] if chapters else ["no chapters"])])
    if low_priority and hasattr(os, "nice"):
        os.nice(19)
    ask = partial(
        Search, model, types=asked, settings=settings or [], device=device, chapters=chapters
    )
    limits = Limits(seconds, memory)
    return Scanner(made, Answering(ask, processors() if jobs is None else jobs, limits))


def scan(
    paths: Annotated[list[Path], typer.Argument(help="Folders of the library, and files.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    only_changes: Annotated[
        bool,
        typer.Option("--changes", help="Say which answers would be others, and keep none."),
    ] = False,
    rescan: Annotated[
        bool, typer.Option("--rescan", help="Answer every season anew, changed or not.")
    ] = False,
    jobs: Jobs = None,
    time_limit: TimeLimit = LIMITS.seconds,
    memory_limit: MemoryLimit = LIMITS.memory,
    low_priority: LowPriority = False,
    model: Model = None,
    types: Types = "intro",
    min_confidence: Least = None,
    format: Annotated[str, typer.Option(help="text for people, json for programs.")] = "text",
    output: Output = None,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
    settings: Settings = None,
    device: Device = "auto",
    chapters: Chapters = True,
) -> None:
    """Answer what is new or changed in a library, season by season, and keep the answers.

    Example: zastavka scan Series/
    """
    if format not in ("text", "json"):
        raise OptionError(format, "is no output format", "choose text or json")
    check_least(min_confidence)
    how = _scanner(
        model, types, settings, device, low_priority, jobs, time_limit, memory_limit, chapters
    )
    with catalog_of(catalog) as known:
        found = _look(known, paths, how.made, rescan)
        if dry_run:
            emit_sheet([intended(found)], output)
            raise typer.Exit(PARTLY if found.failures else 0)
        if found.tasks:
            how.answering.search()  # what is wrong with the model is said first
        changed = how.preview(known, found) if only_changes else how.keep(known, found)
        results = wished(known.detections(found.files))
    if only_changes:
        emit_sheet([changed_sheet(changed, gettext("What would change"))], output)
        raise typer.Exit(PARTLY if found.failures else 0)
    shown_as = results if min_confidence is None else doubted(results, min_confidence)
    _tell(found, shown_as, changed, format, output)
    troubles = list(how.answering.troubles.values())
    for trouble in troubles:
        complain(trouble)
    code = exit_code([*found.failures, *shown_as])
    raise typer.Exit(code or (PARTLY if troubles else 0))


def _look(known: Catalog, paths: list[Path], made: str, again: bool) -> Plan:
    with bar(1.0, gettext("Looking")) as shown:
        found = plan(known, paths, made, again=again, step=lambda f: shown.at(0.0, f.name))
    for failure in remarks(found.failures, for_people=True):
        say(failure)
    return found


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
    jobs: Jobs = None,
    time_limit: TimeLimit = LIMITS.seconds,
    memory_limit: MemoryLimit = LIMITS.memory,
    low_priority: LowPriority = False,
    model: Model = None,
    types: Types = "intro",
    min_confidence: Least = None,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
    settings: Settings = None,
    device: Device = "auto",
    chapters: Chapters = True,
) -> None:
    """Scan a library, and again as files appear in it, until Ctrl-C.

    Example: zastavka watch Series/ --write edl,chapters
    """
    check_least(min_confidence)
    for folder in folders:
        if not folder.is_dir():
            raise MediaError(folder, "is no folder", "name a folder of videos")
    how = _scanner(
        model, types, settings, device, low_priority, jobs, time_limit, memory_limit, chapters
    )
    how.answering.search()  # what is wrong with the model is said first
    formats = formats_of(write) if write else ()
    watcher = _Watcher(how, folders, min_confidence, formats, out, catalog)
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
class _Watcher:
    """One scan after another."""

    how: Scanner
    folders: list[Path]
    least: float | None
    formats: tuple[str, ...]
    out: Path | None
    catalog: Path | None
    _said: set[str] = field(default_factory=set, init=False)  # of files that stay unreadable
    _delivered: str = field(default="", init=False)  # the answers that were given to players

    def scan(self) -> None:
        """Answer what is new or changed, and tell it; what goes wrong is said and not the end."""
        try:
            self._scan()
        except ZastavkaError as error:
            complain(error)

    def _scan(self) -> None:
        there = [folder for folder in self.folders if folder.is_dir()]
        with catalog_of(self.catalog) as known:
            found = plan(known, there, self.how.made)
            for line in failure_lines(found.failures):
                if line not in self._said:
                    say(line)
                self._said.add(line)
            if found.tasks:
                self.how.keep(known, found)
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
            self._deliver(results)

    def _deliver(self, results: Results) -> None:
        """Give players what is new, whoever found or said it."""
        if (news := to_json(results)) == self._delivered:
            return
        delivered = list(deliver(results, self.formats, self.out))
        for line in delivery_lines(delivered):
            say(line)
        if not any(each.failed for each in delivered):
            self._delivered = news


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


def _tell(
    found: Plan, results: Results, changed: Sequence[Change], form: str, output: Path | None
) -> None:
    for line in remarks([r for r in results if isinstance(r, Failure)], for_people=False):
        say(line)
    if form == "json":
        emit(FORMATS[form](results, {}), output)
    else:
        sheet = summary(found, results)
        if changed:
            sheet.insert(0, changed_sheet(changed, gettext("What changed")))
        emit_sheet(sheet, output)
