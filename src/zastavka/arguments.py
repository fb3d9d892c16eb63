"""What a command line says: the options that commands share, and what they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from zastavka.cache import default_folder
from zastavka.config import RECIPES, Config
from zastavka.decide import TYPES
from zastavka.detection import Failure, files_of
from zastavka.episode import Episode
from zastavka.errors import MissingExtra, ModelError, OptionError
from zastavka.export import FORMATS
from zastavka.i18n import gettext
from zastavka.library.catalog import Catalog, default_file
from zastavka.options import DecodeOptions
from zastavka.terminal import say

SEASON_STAGES = ("extract", "match", "decide", "refine")

Lang = Annotated[str | None, typer.Option(help="Language of the output: ru or en.")]
Model = Annotated[
    Path | None,
    typer.Option(
        envvar="ZASTAVKA_MODEL",
        help="A folder that `zastavka train` wrote, or the prototype's model.pt; else built-in.",
    ),
]
Types = Annotated[
    str,
    typer.Option(help="What to report: intro, logo, recap, eyecatch, credits, other; with commas."),
]
Explain = Annotated[
    Path | None,
    typer.Option(help="Folder for a page and a picture of each season: what repeats, and why."),
]
Least = Annotated[
    float | None,
    typer.Option(
        "--min-confidence",
        help="What is found with less confidence, from 0 to 1, awaits review; nothing is promoted.",
    ),
]
ExpectIntro = Annotated[
    bool, typer.Option("--expect-intro", help="Exit with 4 if a file has no intro.")
]
Encoder = Annotated[
    str | None,
    typer.Option(
        help="Picture encoder: builtin, clip, a hub name or a folder; else the model's or recipe's."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="One option, as stage.option=value; may be repeated."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with options by stage.")
]
RecipeName = Annotated[
    str, typer.Option(help="Set of options to begin with: default, builtin or baseline.")
]
Device = Annotated[str, typer.Option(help="Where a CLIP-like encoder runs: auto, cpu or cuda.")]
Chapters = Annotated[
    bool,
    typer.Option("--chapters/--no-chapters", help="Heed chapters whose titles name an intro."),
]
Cache = Annotated[
    bool, typer.Option(help="Keep features of files, so that the next run need not read them.")
]
CatalogFile = Annotated[
    Path | None,
    typer.Option(
        "--catalog",
        help="The catalog's file; else the one in ZASTAVKA_CATALOG, else among the user's data.",
    ),
]
Output = Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")]

_WRITE = typer.Option(
    help="Formats, with commas: json, csv, edl, chapters, matroska, webvtt, mpc-hc, jellyfin, "
    "sponsorblock, aniskip, theintrodb, mpv, needle."
)
Write = Annotated[str, _WRITE]
MayWrite = Annotated[str | None, _WRITE]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", help="A folder for those files instead of beside the videos."),
]


def episodes_of(paths: Sequence[Path]) -> tuple[list[Episode], list[Failure]]:
    """The episodes of all paths; a path that has none is a failure of its own."""
    files, failures = files_of(paths)
    return [Episode.from_path(file) for file in files], failures


def file_names(episodes: Sequence[Episode]) -> list[str]:
    """A file name for each episode, no two alike: its stem, with its folder where stems recur."""
    stems = Counter(episode.path.stem for episode in episodes)
    names: dict[str, None] = {}
    for path in (episode.path for episode in episodes):
        name = path.stem if stems[path.stem] == 1 else f"{path.parent.name}-{path.stem}"
        again = (f"{name}-{i}" for i in range(2, len(episodes) + 2))
        names[next(n for n in (name, *again) if n not in names)] = None
    return list(names)


def config_of(
    recipe: str, encoder: str | None, file: Path | None, settings: list[str] | None
) -> Config:
    """A recipe with the options of a file, of --encoder and of --set, the last one winning."""
    if recipe not in RECIPES:
        raise OptionError(recipe, "is no recipe", "choose default, builtin or baseline")
    config = RECIPES[recipe]
    if file is not None:
        config = Config.read(file, config)
    if encoder is not None:
        config = config.override({"extract": {"encoder": encoder}}, "--encoder")
    return config.with_settings(settings or [])


def tuned_by(method: str, config: Config) -> Config:
    """The config with what --tune says. OptionError: neither lora nor last:N."""
    name, _, blocks = method.partition(":")
    if method == "lora":
        return config.override({"finetune": {"method": "lora"}}, "--tune")
    if name != "last" or not blocks.isdecimal() or not int(blocks):
        raise OptionError(method, "is no way to tune", "give --tune lora or last:N, such as last:2")
    return config.override({"finetune": {"method": name, "blocks": int(blocks)}}, "--tune")


def check_least(least: float | None) -> None:
    """OptionError: --min-confidence is given, and is no probability."""
    if least is not None and not 0 <= least <= 1:
        raise OptionError("--min-confidence", "is a probability", "give a number from 0 to 1")


def types_of(text: str) -> tuple[str, ...]:
    """The kinds of segments that --types names. OptionError: there is none of that name."""
    names, unknown = _listed(text, TYPES)
    if unknown or not names:
        raise OptionError(
            unknown or "--types", "is no kind of segment", "choose from {known}",
            known=", ".join(TYPES),
        )  # fmt: skip
    return names


def formats_of(text: str) -> tuple[str, ...]:
    """The formats that --write names, none twice. OptionError: there is none of that name."""
    names, unknown = _listed(text, FORMATS)
    if unknown or not names:
        raise OptionError(
            unknown or "--write", "is no format", "choose from {known}", known=", ".join(FORMATS)
        )
    return tuple(dict.fromkeys(names))


def _listed(text: str, known: Collection[str]) -> tuple[tuple[str, ...], str]:
    """The names in a text with commas, and those that are not known."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return names, ", ".join(name for name in names if name not in known)


def catalog_of(file: Path | None) -> Catalog:
    """The catalog that --catalog names, or the usual one; one that was damaged is said."""
    known = Catalog(file or default_file())
    if known.damaged is not None:
        line = gettext("{file}: is damaged, and was moved to {damaged}; scanning fills a new one")
        say(line.format(file=known.file, damaged=known.damaged))
    return known


def season_config(settings: list[str] | None) -> Config:
    """How seasons are read and compared: recipe `default` with --set, options of decode apart."""
    base = RECIPES["default"]
    changed = base.with_settings(settings or [])
    ours = {stage: getattr(changed, stage) for stage in (*SEASON_STAGES, "decode")}
    if changed != base.model_copy(update=ours):
        raise OptionError(
            ", ".join(settings or []),
            "changes what only training uses",
            "change options of {stages}",
            stages=", ".join(ours),
        )
    return changed


def decoding_of(config: Config, settings: list[str] | None) -> DecodeOptions:
    """How to decode, as the model says and --set; what it was trained with can't be changed."""
    changed = config.with_settings(settings or [])
    if changed != config.model_copy(update={"decode": changed.decode}):
        raise OptionError(
            ", ".join(settings or []),
            "changes what the model was trained with",
            "change options of decode alone",
        )
    return changed.decode


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


def need_plots(what: str) -> None:
    """MissingExtra unless what draws is installed."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingExtra("plots", what)


def need_torch(what: str) -> None:
    """MissingExtra unless what learning needs is installed."""
    from importlib.util import find_spec

    for module in ("torch", "onnxscript"):
        if find_spec(module) is None:
            raise MissingExtra("train", what)
