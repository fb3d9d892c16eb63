"""The command line: parse, call one function, print; exit codes are those of the README."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

import zastavka
from zastavka import training
from zastavka.answers import (
    FAILED,
    FORMATS,
    PARTLY,
    STOPPED,
    exit_code,
    failure_lines,
    problem_line,
    remarks,
)
from zastavka.arguments import (
    Cache,
    ConfigFile,
    Device,
    Encoder,
    ExpectIntro,
    Explain,
    Lang,
    Least,
    Model,
    Output,
    RecipeName,
    Settings,
    Types,
    config_of,
    episodes_of,
    file_names,
    need_torch,
    types_of,
)
from zastavka.cache import FeatureCache, default_folder
from zastavka.detection import Failure, read_detections
from zastavka.episode import Episode
from zastavka.errors import OptionError, ZastavkaError
from zastavka.i18n import gettext, language
from zastavka.invocation import HELP, run
from zastavka.labels import LabelProblem
from zastavka.search import Search
from zastavka.terminal import PartsBar, bar, complain, emit, say

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP)},
    help="Find the intro of TV episodes: when it starts, when it ends, how sure we are and why.",
)


@app.command()
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
    expect_intro: ExpectIntro = False,
) -> None:
    """Find intros: by what repeats in each season, or of files alone by a model.

    Example: zastavka detect Series/ --format json --output found.json
    """
    if format not in FORMATS:
        raise OptionError(format, "is no output format", "choose text, json or csv")
    search = Search(
        model=model, alone=alone, types=types_of(types), explain=explain, encoder=encoder,
        settings=settings or [], device=device, cache=cache, heads=heads, curves=format == "csv",
        least=min_confidence,
    )  # fmt: skip
    episodes, missing = episodes_of(paths)
    with bar(len(episodes), gettext("Reading")) as shown:
        done = dict.fromkeys(episodes, 0.0)

        def show(episode: Episode, share: float) -> None:
            done[episode] = share
            shown.at(sum(done.values()), episode.path.name)

        results = [*missing, *search.find(episodes, show)]
    for line in remarks(results, for_people=format == "text"):
        say(line)
    emit(FORMATS[format](results, search.found_curves), output)
    for trouble in search.troubles:
        complain(trouble)
    if explain is not None and not search.drawn:
        say(gettext("nothing to draw: no season of two episodes"))
    raise typer.Exit(exit_code(results, expect_intro) or (PARTLY if search.troubles else 0))


@app.command()
def extract(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; folders are searched.")],
    output: Annotated[Path, typer.Option(help="Folder for the feature files.")],
    recipe: RecipeName = "default",
    encoder: Encoder = None,
    config: ConfigFile = None,
    settings: Settings = None,
    device: Device = "auto",
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Describe files row by row, once; one .safetensors file each.

    Example: zastavka extract Series/ --output features
    """
    from zastavka.features import extract as describe_episode
    from zastavka.features import save
    from zastavka.vision import load_encoder

    options = config_of(recipe, encoder, config, settings)
    pictures = load_encoder(options.extract.encoder, device=device)
    episodes, failures = episodes_of(paths)
    total = len(episodes) + len(failures)
    with bar(len(episodes), gettext("Reading")) as shown:
        for i, (episode, name) in enumerate(zip(episodes, file_names(episodes), strict=True)):
            shown.at(i, episode.path.name)
            try:
                features = describe_episode(episode.path, pictures, options.extract)
                save(features, output / f"{name}.safetensors")
            except ZastavkaError as error:
                failures.append(Failure(episode, str(error), error))
    for line in failure_lines(failures):
        say(line)
    there = total - len(failures)
    line = gettext("{n} of {all} files described in {folder}")
    say(line.format(n=there, all=total, folder=output))
    raise typer.Exit(0 if not failures else PARTLY if there else FAILED)


@app.command()
def dataset(
    labels: Annotated[Path, typer.Argument(help="labels.json, truth.json or our own JSON.")],
    videos: Annotated[Path, typer.Argument(help="Folder the labelled videos lie in.")],
    output: Annotated[Path, typer.Option(help="The dataset to write.")] = Path("dataset.pt"),
    recipe: RecipeName = "default",
    encoder: Encoder = None,
    config: ConfigFile = None,
    settings: Settings = None,
    device: Device = "auto",
    cache: Cache = True,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Build a dataset of labelled windows from labels and videos.

    Example: zastavka dataset labels.json videos/ --output dataset.pt
    """
    need_torch("zastavka dataset")
    from zastavka.learn.prepare import prepare

    options = config_of(recipe, encoder, config, settings)
    store = FeatureCache(default_folder() / "features") if cache else None
    left_out = 0

    def report(problem: LabelProblem | ZastavkaError) -> None:
        nonlocal left_out
        left_out += 1
        shown.print(problem_line(problem))

    with bar(1.0, gettext("Reading")) as shown:
        made = prepare(labels, videos, output, options, store, device, shown.at, report)
    line = gettext("{windows} windows of {episodes} episodes, {positive} with an intro: {file}")
    say(line.format(
        windows=made.windows, episodes=made.episodes, positive=made.positive, file=output
    ))  # fmt: skip
    if store is not None and store.unwritable is not None:
        complain(store.unwritable)
        left_out += 1
    raise typer.Exit(PARTLY if left_out else 0)


@app.command()
def train(
    dataset: Annotated[
        Path | None, typer.Argument(help="A dataset that `zastavka dataset` wrote.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("model"),
    recipe: RecipeName = "default",
    encoder: Encoder = None,
    config: ConfigFile = None,
    settings: Settings = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last epoch of a run that was stopped.")
    ] = False,
    introbench: Annotated[
        Path | None,
        typer.Option(envvar="ZASTAVKA_INTROBENCH", help="For recipe builtin: where it lies."),
    ] = None,
    work: Annotated[
        Path, typer.Option(help="For recipe builtin: what is kept of it; a second run goes on.")
    ] = Path("builtin-work"),
    compose_python: Annotated[
        str | None, typer.Option(help="For recipe builtin: the interpreter that composes.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="For recipe builtin: processes that compose.")] = (
        os.cpu_count() or 1
    ),
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Train a model on a dataset; with --recipe builtin: make the built-in model, from introbench.

    Example: zastavka train dataset.pt --output my-model --set train.epochs=20
    """
    need_torch("zastavka train")
    options = config_of(recipe, encoder, config, settings)
    if options.recipe == "builtin":
        training.make_builtin(dataset, output, options, introbench, work, compose_python, jobs)
    elif not training.train_on(dataset, output, options, resume):
        raise typer.Exit(STOPPED)
    say(gettext("Model written to {folder}").format(folder=output))


@app.command()
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
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Score answers against the truth, with a constant answer beside them.

    Example: zastavka evaluate truth.json found.json --html report.html
    """
    from zastavka.report import Comparison

    if format not in ("text", "json"):
        raise OptionError(format, "is no output format", "choose text or json")
    comparison = Comparison.of(truth, found, type, without or (), videos)
    emit(comparison.json() if format == "json" else comparison.text(gettext), output)
    if html:
        comparison.write_html(html, gettext, language())
    if plots:
        comparison.write_plots(plots, gettext)
    raise typer.Exit(PARTLY if comparison.problems else 0)


@app.command()
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


@app.command()
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


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"zastavka {zastavka.__version__}\n", None)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    lang: Lang = None,
) -> None: ...


def main() -> None:
    """Entry point of the `zastavka` command."""
    sys.exit(run(get_command(app), sys.argv[1:]))
