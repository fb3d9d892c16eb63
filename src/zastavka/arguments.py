"""What a command line says: the options that commands share, and what they stand for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from zastavka.cache import default_folder
from zastavka.config import RECIPES, Config
from zastavka.detection import Failure
from zastavka.episode import Episode, find_episodes
from zastavka.errors import MissingExtra, ModelError, OptionError, ZastavkaError

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
    typer.Option(
        help="Picture encoder: builtin, clip, a hub name or a folder. Default: the model's."
    ),
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


def episodes_of(paths: Sequence[Path]) -> tuple[list[Episode], list[Failure]]:
    """The episodes of all paths that exist; a path that does not is a failure of its own."""
    episodes: dict[Path, Episode] = {}
    failures: list[Failure] = []
    for path in paths:
        try:
            episodes |= {episode.path: episode for episode in find_episodes([path])}
        except ZastavkaError as error:
            failures.append(Failure(Episode(path), str(error), error))
    return list(episodes.values()), failures


def file_names(episodes: Sequence[Episode]) -> list[str]:
    """A file name for each episode: its stem, with its folder's name where stems are alike."""
    stems = [episode.path.stem for episode in episodes]
    return [
        stem if stems.count(stem) == 1 else f"{episode.path.parent.name}-{stem}"
        for episode, stem in zip(episodes, stems, strict=True)
    ]


def config_of(
    recipe: str, encoder: str | None, file: Path | None, settings: list[str] | None
) -> Config:
    """A recipe with the options of a file, of --encoder and of --set, the last one winning."""
    if recipe not in RECIPES:
        raise OptionError(recipe, "is no recipe", "choose default or baseline")
    config = RECIPES[recipe]
    if file is not None:
        config = Config.read(file, config)
    if encoder is not None:
        config = config.override({"extract": {"encoder": encoder}}, "--encoder")
    return config.with_settings(settings or [])


def model_folder(model: Path, encoder: str | None, heads: int, device: str) -> Path:
    """The model folder; a prototype's model.pt is converted once and kept."""
    if model.is_dir():
        return model
    if not model.is_file():
        raise ModelError(model, "does not exist", "give a folder that `zastavka train` wrote")
    need_torch("a prototype's model.pt")
    from zastavka.learn.prototype import converted

    folder: Path = converted(
        model, encoder or RECIPES["baseline"].extract.encoder, heads, default_folder(), device
    )
    return folder


def need_torch(what: str) -> None:
    """MissingExtra unless what learning needs is installed."""
    from importlib.util import find_spec

    for module in ("torch", "onnxscript"):
        if find_spec(module) is None:
            raise MissingExtra("train", what)


def shielded(argument: str) -> str:
    """An argument that names a file but begins with "-" as "./-...": ids of some sites do."""
    looks_like_option = argument.startswith("--") and not os.path.exists(argument)
    if argument in ("-", "--") or not argument.startswith("-") or looks_like_option:
        return argument
    return os.path.join(os.curdir, argument)


def language_of(arguments: Sequence[str]) -> str | None:
    """The value of --lang, needed before parsing: help is translated too."""
    for i, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and i + 1 < len(arguments):
            return arguments[i + 1]
    return None
