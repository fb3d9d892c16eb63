"""Commands that answer, and show what an answer is worth."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from zastavka.answers import (
    FAILED,
    FORMATS,
    PARTLY,
    delivery_lines,
    exit_code,
    remarks,
)
from zastavka.arguments import (
    Cache,
    Chapters,
    Device,
    Encoder,
    ExpectIntro,
    Explain,
    Lang,
    Least,
    MayWrite,
    Model,
    OutFolder,
    Output,
    Settings,
    Types,
    catalog_of,
    episodes_of,
    formats_of,
    types_of,
)
from zastavka.delivery import deliver
from zastavka.detection import read_detections
from zastavka.errors import OptionError
from zastavka.i18n import gettext, language
from zastavka.library.catalog import default_file
from zastavka.library.revise import as_said
from zastavka.search import Search
from zastavka.terminal import EpisodesBar, PartsBar, bar, complain, emit, say


def detect(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; folders are searched.")],
    model: Model = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Every file by itself, by the model.")
    ] = False,
    types: Types = "intro",
    explain: Explain = None,
    min_confidence: Least = None,
    encoder: Encoder = None,
    format: Annotated[
        str, typer.Option(help="text for people, json for programs, csv for the curve of each row.")
    ] = "text",
    output: Output = None,
    lang: Lang = None,  # noqa: ARG001 - read before parsing, see main
    settings: Settings = None,
    device: Device = "auto",
    cache: Cache = True,
    heads: Annotated[int, typer.Option(help="Attention heads of a prototype's model.pt.")] = 12,
    chapters: Chapters = True,
    expect_intro: ExpectIntro = False,
    write: MayWrite = None,
    out: OutFolder = None,
) -> None:
    """Find intros: by what repeats in each season, or of files alone by a model.

    Example: zastavka detect Series/ --format json --output found.json
    """
    if format not in FORMATS:
        raise OptionError(format, "is no output format", "choose text, json or csv")
    wanted = () if write is None else formats_of(write)
    search = Search(
        model=model, alone=alone, types=types_of(types), explain=explain, encoder=encoder,
        settings=settings or [], device=device, cache=cache, heads=heads, curves=format == "csv",
        least=min_confidence, chapters=chapters,
    )  # fmt: skip
    episodes, missing = episodes_of(paths)
    with bar(len(episodes), gettext("Reading")) as shown:
        results = [*missing, *search.find(episodes, EpisodesBar(shown))]
    for line in remarks(results, for_people=format == "text"):
        say(line)
    emit(FORMATS[format](results, search.found_curves), output)
    for trouble in search.troubles:
        complain(trouble)
    if wanted and default_file().exists():
        with catalog_of(None) as kept:  # players are told what people said, if they did
            results = as_said(kept, results)
    delivered = list(deliver(results, wanted, out)) if wanted else []
    for line in delivery_lines(delivered) if wanted else ():
        say(line)
    if explain is not None and not search.drawn:
        say(gettext("nothing to draw: no season of two episodes"))
    raise typer.Exit(
        exit_code(results, expect_intro)
        or (PARTLY if search.troubles or any(d.failed for d in delivered) else 0)
    )


def evaluate(
    truth: Annotated[Path, typer.Argument(help="labels.json, truth.json or our own JSON.")],
    found: Annotated[list[Path], typer.Argument(help="Answers, as `detect --format json` wrote.")],
    format: Annotated[str, typer.Option(help="text or json.")] = "text",
    output: Output = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with tables and plots.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for plots as PNG.")] = None,
    type: Annotated[str, typer.Option(help="Which segments count.")] = "intro",
    without: Annotated[
        list[str] | None, typer.Option(help="Series left out; may be repeated.")
    ] = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos: labels beyond their end are found.")
    ] = None,
    chapters: Annotated[
        bool, typer.Option("--chapters", help="TRUTH is videos: their named chapters are true.")
    ] = False,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Score answers against the truth, with a constant answer beside them.

    Example: zastavka evaluate truth.json found.json --html report.html
    """
    from zastavka.report import Comparison

    if format not in ("text", "json"):
        raise OptionError(format, "is no output format", "choose text or json")
    comparison = Comparison.of(truth, found, type, without or (), videos, chapters)
    emit(comparison.json() if format == "json" else comparison.text(gettext), output)
    if html:
        comparison.write_html(html, gettext, language())
    if plots:
        comparison.write_plots(plots, gettext)
    raise typer.Exit(PARTLY if comparison.problems else 0)


def demo(
    output: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path(
        "demo-output"
    ),
    seed: Annotated[int, typer.Option(help="Another seed, another season.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes that compose.")] = os.cpu_count() or 1,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Compose a small season and a lone episode, find their intros, show how well.

    Example: zastavka demo --output demo-output
    """
    from zastavka.demo import run_demo
    from zastavka.report import Comparison

    with bar(1.0, gettext("Composing")) as shown:
        truth, found = run_demo(output, seed, jobs, PartsBar(shown))
    emit(FORMATS["text"](read_detections(found), {}), None)
    comparison = Comparison.of(truth, [found])
    emit(comparison.text(gettext), None)
    page = output / "report.html"
    comparison.write_html(page, gettext, language())
    say(gettext("The page to look at: {file}").format(file=page))


def doctor(
    format: Annotated[str, typer.Option(help="text for people, json for bug reports.")] = "text",
    output: Output = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Say what is installed and usable here, what is not, and what would bring it.

    Example: zastavka doctor --format json --output doctor.json
    """
    from zastavka.bulletin import consult

    raise typer.Exit(FAILED if consult(format, output).problems else 0)
