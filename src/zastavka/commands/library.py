"""Commands of a library that is kept: scan it, correct what was found."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from zastavka.answers import FORMATS, PARTLY, exit_code, problem_line, remarks
from zastavka.arguments import (
    Device,
    Lang,
    Least,
    Model,
    Output,
    Settings,
    Types,
    catalog_of,
    check_least,
    season_config,
    types_of,
)
from zastavka.detection import Detection, Failure, doubted
from zastavka.errors import MediaError, OptionError
from zastavka.i18n import gettext
from zastavka.labels import LabelProblem
from zastavka.library.catalog import Catalog, Known
from zastavka.library.edits import parse_intros
from zastavka.library.revise import Revision, revise, take_over
from zastavka.library.scan import Plan, Task, look, made_with, plan
from zastavka.library.settings import Applied, settings_of, wished
from zastavka.model import BUILTIN
from zastavka.search import Search, answer_all
from zastavka.terminal import Row, Section, bar, complain, emit, emit_sheet, say
from zastavka.truth import read_truth

CatalogFile = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        help="The catalog's file; else the one in ZASTAVKA_CATALOG, else among the user's data.",
    ),
]


def scan(
    paths: Annotated[list[Path], typer.Argument(help="Folders of the library, and files.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    rescan: Annotated[
        bool, typer.Option("--rescan", help="Answer every season anew, changed or not.")
    ] = False,
    low_priority: Annotated[
        bool, typer.Option("--low-priority", help="Leave the processor to other programs.")
    ] = False,
    model: Model = None,
    types: Types = "intro",
    min_confidence: Least = None,
    format: Annotated[str, typer.Option(help="text for people, json for programs.")] = "text",
    output: Output = None,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
    settings: Settings = None,
    device: Device = "auto",
) -> None:
    """Answer what is new or changed in a library, season by season, and keep the answers.

    Example: zastavka scan Series/
    """
    if format not in ("text", "json"):
        raise OptionError(format, "is no output format", "choose text or json")
    check_least(min_confidence)
    asked, options = types_of(types), season_config(settings).model_dump_json()
    made = made_with(model or BUILTIN, [*asked, options])
    if low_priority and hasattr(os, "nice"):
        os.nice(19)
    with catalog_of(catalog) as known:
        with bar(1.0, gettext("Looking")) as shown:
            found = plan(
                known, paths, made, again=rescan, step=lambda file: shown.at(0.0, file.name)
            )
        for failure in remarks(found.failures, for_people=True):
            say(failure)
        if dry_run:
            emit_sheet([_intended(found)], output)
            raise typer.Exit(PARTLY if found.failures else 0)
        search = None
        if found.tasks:
            search = Search(model, types=asked, settings=settings or [], device=device)
            answer_all(known, found, made, search)
        results = wished(known.detections(found.files))
    shown_as = results if min_confidence is None else doubted(results, min_confidence)
    _tell(found, shown_as, format, output)
    troubles = search.troubles if search else []
    for trouble in troubles:
        complain(trouble)
    code = exit_code([*found.failures, *shown_as])
    raise typer.Exit(code or (PARTLY if troubles else 0))


def edit(
    paths: Annotated[list[Path], typer.Argument(help="Files; a folder stands for all in it.")],
    intro: Annotated[
        list[str] | None,
        typer.Option(help="Where the intro is, as 0:43-2:12.5; may be repeated."),
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="There is no intro.")] = False,
    shift: Annotated[
        float | None, typer.Option(help="Move the intros that are there by so many seconds.")
    ] = None,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="Let what is found hold again; history stays.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last correction.")] = False,
    labels: Annotated[
        Path | None,
        typer.Option("--from", help="Take labels over: labels.json, truth.json or our own JSON."),
    ] = None,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Say where the intro is. It is kept, and holds whatever is found later.

    Example: zastavka edit Series/S01E02.mkv --intro 0:43-2:12.5
    """
    if [bool(intro), none, shift is not None, unlock, undo, labels is not None].count(True) != 1:
        raise OptionError(
            "edit",
            "needs one thing to do",
            "give --intro, --none, --shift, --unlock, --undo or --from",
        )
    said = parse_intros(intro) if intro else () if none else None
    with catalog_of(catalog) as known:
        found = look(known, paths)
        if labels is not None:
            files, failures, doubtful = _labelled(known, found.files, labels, paths)
        else:
            doubtful = 0
            revision = Revision(said, shift=shift, undo=undo)
            failures = revise(known, found.files, revision)
            undone = {f.episode.path for f in failures}
            files = [file for file in found.files if file.episode.path not in undone]
        failures += found.failures
        results = known.detections(files)
    for line in remarks(failures, for_people=False):
        say(line)
    emit(FORMATS["text"](results, {}), None)
    raise typer.Exit(exit_code([*failures, *results]) or (PARTLY if doubtful else 0))


def _labelled(
    known: Catalog, files: list[Known], labels: Path, paths: list[Path]
) -> tuple[list[Known], list[Failure], int]:
    """Take labels over; the first folder given is that of the videos. Doubtful ones are named.

    Returns the files they are of, labels of no file, and how many are doubtful.
    """
    videos = next((path for path in paths if path.is_dir()), None)
    problems: list[LabelProblem] = []
    truth = read_truth(labels, videos, problems.append)
    for problem in problems:
        say(problem_line(problem))
    return *take_over(known, files, truth), len(problems)


def config(
    show: Annotated[
        Path, typer.Option("--show", help="A file or folder: what applies there, and from where.")
    ],
    output: Output = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Say which settings of zastavka.toml apply to a file or folder, and where each stands.

    Example: zastavka config --show Series/
    """
    if not show.exists():
        raise MediaError(show, "does not exist", "check the path")
    applied = settings_of(show if show.is_dir() else show.parent)
    rows = [_setting(name, applied) for name in type(applied.wishes).model_fields]
    emit_sheet([Section(str(show), tuple(rows))], output)


def _setting(name: str, applied: Applied) -> Row:
    value = getattr(applied.wishes, name)
    source = applied.sources.get(name)
    shown = "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return Row(name, str(source or gettext("default")), shown, "plain" if source else "absent")


def _tell(found: Plan, results: list[Detection | Failure], form: str, output: Path | None) -> None:
    for line in remarks([r for r in results if isinstance(r, Failure)], for_people=False):
        say(line)
    if form == "json":
        emit(FORMATS[form](results, {}), output)
    else:
        emit_sheet(_summary(found, results), output)


def _name(task: Task) -> str:
    season = task.season
    return season.title if season.number is None else f"{season.title} S{season.number:02d}"


def _intended(found: Plan) -> Section:
    template = gettext("files: {files}, new: {new}")
    rows = [
        Row(_name(task), template.format(files=len(task.files), new=task.fresh))
        for task in found.tasks
    ]
    rows.append(Row("", gettext("unchanged seasons: {n}").format(n=found.unchanged)))
    return Section(gettext("What would be answered"), tuple(rows))


def _summary(found: Plan, results: list[Detection | Failure]) -> list[Section]:
    """A row per season, then what was done."""
    seasons: dict[str, list[Detection | Failure]] = defaultdict(list)
    for result in results:
        number = result.episode.season
        name = result.episode.series or result.episode.path.parent.name
        seasons[name if number is None else f"{name} S{number:02d}"].append(result)
    rows = [Row(name, _counted(its)) for name, its in sorted(seasons.items())]
    line = gettext("seasons answered: {n}, unchanged: {unchanged}; new files: {new}")
    total = line.format(
        n=len(found.tasks), unchanged=found.unchanged, new=sum(task.fresh for task in found.tasks)
    )
    return [
        Section(gettext("Seasons"), (*rows, Row(gettext("all"), _counted(results)))),
        Section(gettext("This scan"), (Row("", total),)),
    ]


def _counted(results: list[Detection | Failure]) -> str:
    answers = [r for r in results if isinstance(r, Detection)]
    with_intro = sum(bool(r.segments()) for r in answers)
    review = sum(
        not r.segments() and any(f.status == "review" and f.type == "intro" for f in r.findings)
        for r in answers
    )
    line = gettext("files: {n}, intro: {found}, to look at: {review}, none: {none}, failed: {bad}")
    return line.format(
        n=len(results), found=with_intro, review=review,
        none=len(answers) - with_intro - review, bad=len(results) - len(answers),
    )  # fmt: skip
