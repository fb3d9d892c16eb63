"""All options together, and recipes: named sets of them.

A trained model stores the `Config` it was made with, so that answering uses what training used.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from zastavka.errors import OptionError
from zastavka.options import (
    DecideOptions,
    DecodeOptions,
    ExtractOptions,
    FinetuneOptions,
    MatchOptions,
    NetworkOptions,
    Options,
    RefineOptions,
    TrainOptions,
)


class Config(Options):
    """All stages of one recipe."""

    recipe: str = "default"
    extract: ExtractOptions = ExtractOptions()
    network: NetworkOptions = NetworkOptions()
    train: TrainOptions = TrainOptions()
    finetune: FinetuneOptions = FinetuneOptions()
    decode: DecodeOptions = DecodeOptions()
    match: MatchOptions = MatchOptions()
    decide: DecideOptions = DecideOptions()
    refine: RefineOptions = RefineOptions()

    @classmethod
    def read(cls, path: Path, base: Config | None = None) -> Config:
        """A TOML file over the defaults, or over `base`. OptionError names the wrong option."""
        try:
            with path.open("rb") as file:
                tables = tomllib.load(file)
        except OSError as error:
            raise OptionError(
                path, "can't be read: {why}", "check the path", why=error.strerror
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(path, "is not TOML: {why}", "mend that line", why=error) from error
        return (base or cls()).override(tables, str(path))

    def override(self, tables: dict[str, object], subject: str) -> Config:
        """This config with options of `tables` ({stage: {option: value}}) in place of its own."""
        merged = self.model_dump()
        for stage, options in tables.items():
            mine = merged.get(stage)
            if isinstance(mine, dict) and isinstance(options, dict):
                merged[stage] = {**mine, **options}
            else:  # not a stage, or not a table: validation says which
                merged[stage] = options
        try:
            return Config.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            unknown = first["type"] == "extra_forbidden"
            where = ".".join(str(part) for part in first["loc"])
            raise OptionError(
                subject,
                "option {where}: {why}",
                "see docs/commands.md for all options",
                where=where or "-",
                why="there is none of this name" if unknown else first["msg"],
            ) from error

    def with_settings(self, settings: list[str]) -> Config:
        """This config with `stage.option=value` settings from the command line; values are TOML."""
        tables: dict[str, dict[str, object]] = {}
        for text in settings:
            name, separator, value = text.partition("=")
            stage, dot, option = name.strip().partition(".")
            if not (separator and dot):
                raise OptionError(text, "is not STAGE.OPTION=VALUE", "write e.g. train.epochs=5")
            try:
                parsed = tomllib.loads(f"value = {value}")["value"]
            except tomllib.TOMLDecodeError:
                parsed = value.strip()
            tables.setdefault(stage, {})[option] = parsed
        # at once: some are right only together, in whatever order they were given
        return self.override(dict(tables), ", ".join(settings)) if tables else self


# The prototype's own settings (SearchIntroSerials): 1 picture a second of the first 180 s, windows
# of 60 rows, class weights 1:2, windows with a positive row drawn 20 times as often, two augmented
# copies, Adam 3e-5, 30 epochs, transitions biased by +-1.5, closing of width 3, runs of >= 3 rows.
BASELINE = Config(
    recipe="baseline",
    extract=ExtractOptions(
        step=1.0, picture_at="start", window_share=1.0, window_min=180.0, window_max=180.0,
        encoder="clip", sound=False,
    ),
    network=NetworkOptions(
        d_model=768, n_heads=12, n_layers=6, feedforward=2048, dropout=0.1, attention_dropout=0.1,
        window_rows=60, stride_rows=60, conv_layers=0, inputs="pictures",
    ),
    train=TrainOptions(
        epochs=30, batch=16, learning_rate=3e-5, weight_decay=1e-5, optimizer="adam",
        schedule="constant",
        class_weights=(1.0, 2.0), oversample=(20.0, 1.0), copies=2, keep_negative=0.4,
        train_stride_rows=30, mask_rows=0.0, drop_sense=0.0, splice=0.0, crop_rows=None, noise=0.0,
        grad_clip=None, average=0.0,
    ),
    decode=DecodeOptions(method="closing", transition_bias=(1.5, -1.5)),
)  # fmt: skip

# The defaults above: chosen on composed series (LOG.md); small, and disturbed a lot, since labelled
# intros are few.
DEFAULT = Config()

# The built-in model's: one network for lone files and for seasons. Nothing is held back to choose
# the epoch by, since series of the same clips would choose the one that knows these clips best.
BUILTIN = Config(
    recipe="builtin",
    network=NetworkOptions(evidence=True),
    train=TrainOptions(epochs=60, alone=0.6, validation=0.0),
    decode=DecodeOptions(
        threshold=0.6,
        shortest_episode=60.0,
        shortest_lone=4.0,
        shortest_at_zero=7.0,
        sharpen=True,
    ),
)

RECIPES: dict[str, Config] = {"baseline": BASELINE, "builtin": BUILTIN, "default": DEFAULT}
