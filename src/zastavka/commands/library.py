"""Commands of a library that is kept: correct what was found, show its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zastavka.answers import FORMATS, PARTLY, exit_code, problem_line, remarks
from zastavka.arguments import CatalogFile, Lang, Output, catalog_of
from zastavka.detection import Detection, Failure, write_detections
from zastavka.errors import LabelError, MediaError, OptionError
from zastavka.i18n import gettext
from zastavka.labels import LabelProblem
from zastavka.library.catalog import Catalog, Known
from zastavka.library.edits import is_edited, parse_intros
from zastavka.library.revise import Revision, revise, take_over
from zastavka.library.scan import look
from zastavka.library.settings import Applied, settings_of
from zastavka.terminal import Row, Section, emit, emit_sheet, one_line, say
from zastavka.truth import read_truth


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


def labels(
    paths: Annotated[list[Path], typer.Argument(help="Files; a folder stands for all in it.")],
    output: Annotated[Path, typer.Option(help="The labels to write; a new file.")],
    also: Annotated[
        Path | None,
        typer.Option(
            "--with", help="Labels of other files to add, as of `bootstrap`; a person's word wins."
        ),
    ] = None,
    catalog: CatalogFile = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Write what people said of these files as labels, for `zastavka dataset` to learn from.

    Example: zastavka labels Series/ --output labels.json
    """
    if output.exists():
        raise OptionError(output, "is there already", "give --output a new file")
    with catalog_of(catalog) as known:
        found = look(known, paths)
        kept = known.detections(found.files)
        said = [r for r in kept if isinstance(r, Detection) and is_edited(r)]
    mine = {row.episode.path for row in said}
    others = read_truth(also) if also is not None else []
    added = [row for row in others if row.episode.path.absolute() not in mine]
    if not said and not added:
        raise LabelError(paths[0], "has no correction", "say where intros are: zastavka edit")
    write_detections(output, [*said, *added])
    for line in remarks(found.failures, for_people=False):
        say(line)
    line = gettext("{n} labels of people, {others} others: {file}")
    say(line.format(n=len(said), others=len(added), file=one_line(str(output))))
    raise typer.Exit(PARTLY if found.failures else 0)


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
    if isinstance(value, tuple):
        value = ", ".join(value)
    shown = "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return Row(name, str(source or gettext("default")), shown, "plain" if source else "absent")
