"""Commands that describe videos, make datasets and train."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from zastavka import training
from zastavka.answers import (
    FAILED,
    PARTLY,
    STOPPED,
    failure_lines,
    problem_line,
)
from zastavka.arguments import (
    Cache,
    ConfigFile,
    Device,
    Encoder,
    Lang,
    Output,
    RecipeName,
    Settings,
    config_of,
    episodes_of,
    file_names,
    need_torch,
    season_config,
    tuned_by,
)
from zastavka.bootstrap import SURE, Bar
from zastavka.bootstrap import bootstrap as label_by_repeats
from zastavka.cache import FeatureCache, PrintCache, default_folder
from zastavka.detection import Failure, write_detections
from zastavka.emitted import Objective
from zastavka.errors import OptionError, ZastavkaError
from zastavka.i18n import gettext
from zastavka.labels import LabelProblem
from zastavka.model import BUILTIN
from zastavka.pipeline import Detector
from zastavka.seasonal import SeasonDetector
from zastavka.terminal import EpisodesBar, bar, complain, emit, say


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
    begin: Annotated[
        Path | None,
        typer.Option("--from", help="Go on from what this model has learned."),
    ] = None,
    remember: Annotated[
        Path | None,
        typer.Option(help="With --from: a dataset of what it knew; how much of that is forgotten."),
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Also write event files for TensorBoard to this folder.")
    ] = None,
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
    elif not training.train_on(dataset, output, options, resume, begin, remember, tensorboard):
        raise typer.Exit(STOPPED)
    say(gettext("Model written to {folder}").format(folder=output))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Model folders that `zastavka train` wrote.")],
    format: Annotated[
        str, typer.Option(help="text for people, json or csv for programs.")
    ] = "text",
    output: Output = None,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Set training runs side by side: figures, cost, and the options in which they differ.

    Example: zastavka compare first-model second-model
    """
    from zastavka import comparing

    if format not in ("text", "json", "csv"):
        raise OptionError(format, "is no output format", "choose text, json or csv")
    found = comparing.runs_of(runs)
    if format == "text":
        emit(comparing.as_text(found, gettext), output)
    else:
        emit((comparing.as_json if format == "json" else comparing.as_csv)(found), output)


def finetune(
    labels: Annotated[Path, typer.Argument(help="labels.json, truth.json or our own JSON.")],
    videos: Annotated[Path, typer.Argument(help="Folder the labelled videos lie in.")],
    output: Annotated[Path, typer.Option(help="Folder for the encoder; its head lies in model/.")],
    tune: Annotated[
        str,
        typer.Option(
            help="lora: small matrices beside the attention's, saved as an adapter; "
            "last:N: the last N blocks themselves, saved as a whole checkpoint."
        ),
    ] = "lora",
    recipe: RecipeName = "baseline",
    encoder: Encoder = None,
    config: ConfigFile = None,
    settings: Settings = None,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last state of a run that was stopped.")
    ] = False,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Tune a CLIP-like encoder on your own videos, together with a head that uses it.

    Pictures are read from the videos as they are needed. The folder then serves as --encoder, for
    detect and for train; the head in it as --model.

    Example: zastavka finetune labels.json videos/ --output my-clip --encoder clip --tune lora
    """
    need_torch("zastavka finetune")
    options = tuned_by(tune, config_of(recipe, encoder, config, settings))
    left_out = 0

    def report(problem: LabelProblem | ZastavkaError) -> None:
        nonlocal left_out
        left_out += 1
        say(problem_line(problem))

    if not training.finetune_on(labels, videos, output, options, device, resume, report):
        raise typer.Exit(STOPPED)
    line = gettext("Encoder written to {folder}, its head to {model}")
    say(line.format(folder=output, model=output / "model"))
    raise typer.Exit(PARTLY if left_out else 0)


def tune(
    model: Annotated[Path, typer.Argument(help="A model folder that `zastavka train` wrote.")],
    labels: Annotated[Path, typer.Argument(help="Labels of series that it did not learn from.")],
    videos: Annotated[Path, typer.Argument(help="Folder the labelled videos lie in.")],
    output: Annotated[Path, typer.Option(help="Folder for the tuned copy and its study.")],
    trials: Annotated[int, typer.Option(min=1, help="Decodings tried, earlier calls' too.")] = 100,
    folds: Annotated[int, typer.Option(min=2, help="Groups of series, each held back once.")] = 5,
    objective: Annotated[
        str, typer.Option(help="useful: useful answers minus wrong ones; iou: mean IoU alone.")
    ] = "useful",
    encoder: Encoder = None,
    device: Device = "auto",
    cache: Cache = True,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Tune how a trained model decodes, on labels of other series; a second call goes on.

    Example: zastavka tune my-model labels.json videos/ --output my-model-tuned --trials 100
    """
    from zastavka.tuning import Tuning

    if objective not in ("iou", "useful"):
        raise OptionError(objective, "is no objective", "choose useful or iou")
    aim: Objective = "iou" if objective == "iou" else "useful"
    call = Tuning(model, output, trials, folds, aim, encoder, device, cache)
    left_out = call.run(labels, videos)
    if left_out is None:
        raise typer.Exit(STOPPED)
    raise typer.Exit(PARTLY if left_out else 0)


def bootstrap(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; folders are searched.")],
    output: Annotated[Path, typer.Option(help="The labels to write; a new file.")],
    min_confidence: Annotated[
        float, typer.Option(help="Confidence from which an answer becomes a label.")
    ] = SURE.confidence,
    min_support: Annotated[
        int, typer.Option(help="Episodes that must have the intro.")
    ] = SURE.support,
    settings: Settings = None,
    device: Device = "auto",
    cache: Cache = True,
    lang: Lang = None,  # noqa: ARG001
) -> None:
    """Label a library that nobody labelled, by what repeats in its seasons; only where it is sure.

    Example: zastavka bootstrap Series/ --output labels.json
    """
    if output.exists():
        raise OptionError(output, "is there already", "give --output a new file")
    limit = Bar(min_confidence, min_support)
    store = default_folder() if cache else None
    features = FeatureCache(store / "features") if store else None
    detector = SeasonDetector(
        season_config(settings),
        alone=Detector.load(BUILTIN, cache=features, device=device),
        cache=PrintCache(store / "prints") if store else None,
    )
    episodes, missing = episodes_of(paths)
    with bar(len(episodes), gettext("Reading")) as shown:
        made = label_by_repeats(episodes, detector, limit, EpisodesBar(shown))
    for line in failure_lines([*missing, *made.failures]):
        say(line)
    if not made.labels:
        say(gettext("no episode is sure enough to be labelled"))
        raise typer.Exit(FAILED)
    write_detections(output, made.labels)
    line = gettext("{n} of {all} episodes labelled: {file}")
    say(line.format(n=len(made.labels), all=len(episodes), file=output))
    raise typer.Exit(PARTLY if missing or made.failures else 0)
