"""The command line: parse, call one function, print.

Exit codes: 0 every file was answered ("no intro" is an answer); 1 the command could not be done; 2 the
command line is wrong; 3 some files or labels could not be used, the rest was done; 4 with
`--expect-intro`, a file has none.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

import zastavka
from zastavka.cache import FeatureCache, default_folder
from zastavka.config import RECIPES, Config
from zastavka.detection import Detection, Failure, to_json
from zastavka.episode import Episode, find_episodes
from zastavka.errors import ModelError, OptionError, ZastavkaError
from zastavka.features import EpisodeFeatures
from zastavka.i18n import gettext, set_language
from zastavka.pipeline import Detector
from zastavka.terminal import TrainingBar, answer_line, bar, complain, emit, say

FAILED, USAGE, PARTLY, NO_INTRO = 1, 2, 3, 4

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Find the intro of TV episodes: when it starts, when it ends, how sure we are and why.",
)

Lang = Annotated[str | None, typer.Option(help="Language of the output: ru or en.")]
Model = Annotated[
    Path,
    typer.Option(
        envvar="ZASTAVKA_MODEL",
        help="A folder that `zastavka train` wrote, or a model.pt of the prototype.",
    ),
]
Encoder = Annotated[
    str | None,
    typer.Option(help="Picture encoder: builtin, clip, a hub name or a folder. Default: the model's."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="One option, as stage.option=value; may be repeated."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with options by stage.")
]
RecipeName = Annotated[str, typer.Option(help="Set of options to begin with: default or baseline.")]
Device = Annotated[str, typer.Option(help="Where a CLIP-like encoder runs: auto, cpu or cuda.")]
Cache = Annotated[
    bool, typer.Option(help="Keep features of files, so that the next run need not read them.")
]
Output = Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")]


@app.command()
def detect(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; folders are searched.")],
    model: Model,
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
    expect_intro: Annotated[
        bool, typer.Option("--expect-intro", help="Exit with 4 if a file has no intro.")
    ] = False,
) -> None:
    """Find intros in files and folders.

    Example: zastavka detect Series/ --model my-model --format json --output found.json
    """
    formats = {"text": _as_text, "json": _as_json, "csv": _as_csv}
    if format not in formats:
        raise OptionError(format, "is no output format", "choose text, json or csv")
    folder = _model_folder(model, encoder, heads, device)
    store = FeatureCache(default_folder() / "features") if cache else None
    detector = Detector.load(folder, encoder, store, device=device)
    if settings:
        detector.decoding = detector.config.with_settings(settings).decode
    episodes, results = _episodes(paths)
    with bar(len(episodes), gettext("Reading")) as shown:
        for i, episode in enumerate(episodes):
            show = _mover(shown, i)
            results += detector.detect([episode], show)
    emit(formats[format](results, detector), output)
    if format != "text" or output is not None:
        _complain_about(results)
    raise typer.Exit(_exit_code(results, expect_intro))


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

    options = _config(recipe, encoder, config, settings)
    pictures = load_encoder(options.extract.encoder, device=device)
    episodes, results = _episodes(paths)
    names = _names(episodes)
    with bar(len(episodes), gettext("Reading")) as shown:
        for i, episode in enumerate(episodes):
            try:
                features = describe_episode(
                    episode.path, pictures, options.extract, lambda share, i=i: shown.at(i + share)
                )
                save(features, output / f"{names[i]}.safetensors")
            except ZastavkaError as error:
                results.append(Failure(episode, str(error), error))
    _complain_about(results)
    say(gettext("{n} of {all} files described in {folder}").format(
        n=len(episodes) - sum(isinstance(r, Failure) for r in results if r.episode in episodes),
        all=len(episodes), folder=output,
    ))  # fmt: skip
    raise typer.Exit(_exit_code(results))


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
    _need_torch("zastavka dataset")
    from zastavka.learn.prepare import prepare

    options = _config(recipe, encoder, config, settings)
    store = FeatureCache(default_folder() / "features") if cache else None
    with bar(1.0, gettext("Reading")) as shown:
        made = prepare(
            labels, videos, output, options, store, device, lambda share, name: shown.at(share, name)
        )
    for problem in made.problems:
        say(f"{problem.id}: {problem.reason}")
    for failure in made.failures:
        complain(failure)
    say(gettext("{windows} windows of {episodes} episodes, {positive} with an intro, in {file}").format(
        windows=made.windows, episodes=made.episodes, positive=made.positive, file=output
    ))  # fmt: skip
    raise typer.Exit(PARTLY if made.problems or made.failures else 0)


@app.command()
def train(
    dataset: Annotated[Path, typer.Argument(help="A dataset that `zastavka dataset` wrote.")],
    output: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("model"),
    recipe: RecipeName = "default",
    encoder: Encoder = None,
    config: ConfigFile = None,
    settings: Settings = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last epoch of a run that was stopped.")
    ] = False,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Train a model on a dataset.

    Example: zastavka train dataset.pt --output my-model --set train.epochs=20
    """
    _need_torch("zastavka train")
    from zastavka.learn.dataset import read_dataset
    from zastavka.learn.train import train as train_head

    options = _config(recipe, encoder, config, settings)
    windows = read_dataset(dataset)
    with bar(options.train.epochs, gettext("Training")) as shown:
        train_head(
            windows, options, output, resume=resume, progress=TrainingBar(shown), subject=str(dataset)
        )
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
    without: Annotated[list[str] | None, typer.Option(help="Series left out; may be repeated.")] = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Score answers against the truth, with a constant answer beside them.

    Example: zastavka evaluate truth.json found.json --html report.html
    """
    from zastavka.report import Comparison

    comparison = Comparison.of(truth, found, type, tuple(without or ()))
    emit(comparison.json() if format == "json" else comparison.text(gettext), output)
    if html:
        comparison.write_html(html, gettext)
    if plots:
        comparison.write_plots(plots, gettext)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("demo-output"),
    seed: Annotated[int, typer.Option(help="Another seed, another season.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes that compose.")] = max(1, os.cpu_count() or 1),
    lang: Lang = None,
) -> None:
    """Compose small series, train on some, find the intros of others, show how well.

    Example: zastavka demo --output demo-output
    """
    _need_torch("zastavka demo")
    from zastavka.learn.demo import run_demo

    with bar(1.0, gettext("Composing")) as shown:
        table = run_demo(output, seed, jobs, lambda share, label: shown.at(share, gettext(label)), gettext, lang)
    emit(table, None)
    say(gettext("The page to look at: {file}").format(file=output / "report.html"))


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"zastavka {zastavka.__version__}\n", None)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,  # noqa: ARG001
) -> None: ...


def _episodes(paths: Sequence[Path]) -> tuple[list[Episode], list[Detection | Failure]]:
    """The episodes of all paths that exist; a path that does not is a failure of its own."""
    episodes: dict[Path, Episode] = {}
    failures: list[Detection | Failure] = []
    for path in paths:
        try:
            episodes |= {episode.path: episode for episode in find_episodes([path])}
        except ZastavkaError as error:
            failures.append(Failure(Episode(path), str(error), error))
    return list(episodes.values()), failures


def _names(episodes: Sequence[Episode]) -> list[str]:
    """A file name for each episode: its stem, with its folder's name where stems are alike."""
    stems = [episode.path.stem for episode in episodes]
    return [
        stem if stems.count(stem) == 1 else f"{episode.path.parent.name}-{stem}"
        for episode, stem in zip(episodes, stems, strict=True)
    ]


def _config(
    recipe: str, encoder: str | None, file: Path | None, settings: list[str] | None
) -> Config:
    if recipe not in RECIPES:
        raise OptionError(recipe, "is no recipe", "choose default or baseline")
    config = RECIPES[recipe]
    if file is not None:
        config = Config.read(file, config)
    if encoder is not None:
        config = config.override({"extract": {"encoder": encoder}}, "--encoder")
    return config.with_settings(settings or [])


def _model_folder(model: Path, encoder: str | None, heads: int, device: str) -> Path:
    """The model folder; a prototype's model.pt is converted once and kept."""
    if model.is_dir():
        return model
    if not model.is_file():
        raise ModelError(model, "does not exist", "give a folder that `zastavka train` wrote")
    _need_torch("a prototype's model.pt")
    from zastavka.learn.prototype import converted

    return converted(model, encoder or RECIPES["baseline"].extract.encoder, heads, default_folder(), device)


def _need_torch(what: str) -> None:
    from importlib.util import find_spec

    from zastavka.errors import MissingExtra

    for module in ("torch", "onnxscript"):
        if find_spec(module) is None:
            raise MissingExtra("train", what)


def _as_text(results: Sequence[Detection | Failure], detector: Detector) -> str:  # noqa: ARG001
    lines = []
    for result in results:
        line = answer_line(result)
        if isinstance(result, Failure):
            say(line)
        else:
            lines.append(line if len(results) == 1 else f"{result.episode.path}: {line}")
    return "".join(f"{line}\n" for line in lines)


def _as_json(results: Sequence[Detection | Failure], detector: Detector) -> str:  # noqa: ARG001
    return to_json(results)


def _as_csv(results: Sequence[Detection | Failure], detector: Detector) -> str:
    """A line per row: path, time of its centre, probability of the intro, whether it is in the answer."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", "time", "probability", "found"])
    for result in results:
        if isinstance(result, Detection):
            curve = detector.curve(detector.features(result.episode), str(result.episode.path))
            inside = curve.grid.labels(result.segments())
            for time, share, found in zip(curve.grid.times, curve.probability, inside, strict=True):
                writer.writerow([result.episode.path, f"{time:.3f}", f"{share:.4f}", int(found)])
    return table.getvalue()


def _mover(shown: Any, i: int) -> Any:
    return lambda episode, share: shown.at(i + share, episode.path.name)


def _complain_about(results: Sequence[Detection | Failure]) -> None:
    for result in results:
        if isinstance(result, Failure):
            say(answer_line(result))


def _exit_code(results: Sequence[Detection | Failure], expect_intro: bool = False) -> int:
    if any(isinstance(result, Failure) for result in results):
        return PARTLY if any(isinstance(result, Detection) for result in results) else FAILED
    if expect_intro and any(isinstance(r, Detection) and not r.segments() for r in results):
        return NO_INTRO
    return 0


def _shielded(argument: str) -> str:
    """An argument that names a file but begins with "-" as "./-...": ids of some sites do."""
    looks_like_option = argument.startswith("--") and not os.path.exists(argument)
    if argument in ("-", "--") or not argument.startswith("-") or looks_like_option:
        return argument
    return os.path.join(os.curdir, argument)


def _language(arguments: Sequence[str]) -> str | None:
    """The value of --lang, needed before parsing: help is translated too."""
    for i, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and i + 1 < len(arguments):
            return arguments[i + 1]
    return None


def _translate(command: Any) -> None:
    """Help texts in the chosen language, for a command and those below it."""
    if command.help:
        command.help = gettext(command.help)
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = gettext(parameter.help)
    for below in getattr(command, "commands", {}).values():
        _translate(below)


def main() -> None:
    """Entry point of the `zastavka` command."""
    arguments = [_shielded(argument) for argument in sys.argv[1:]]
    set_language(_language(arguments))
    command = get_command(app)
    _translate(command)
    try:
        code = command.main(args=arguments, prog_name="zastavka", standalone_mode=False)
    except ZastavkaError as error:
        complain(error)
        code = FAILED
    except typer.Abort:
        code = 130
    except Exception as error:
        code = _usage_code(error)
    sys.exit(code or 0)
