"""Training runs side by side: what they were told, how long they took, how well they did.

A run is what `train` left in a model folder: `metrics.json` and `options.json`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zastavka.detection import read_json
from zastavka.errors import LabelError, ModelError
from zastavka.model import METRICS_FILE, OPTIONS_FILE
from zastavka.tables import Table

Translate = Callable[[str], str]
Row = Mapping[str, Any]

_STAGES = ("extract", "network", "train", "decode", "match", "decide", "refine")


@dataclass(frozen=True, slots=True)
class Run:
    """A run by the name of its folder. `figures` are numbers or text, None where not known."""

    name: str
    figures: Mapping[str, float | int | str | None]
    options: Mapping[str, object]  # as stage.option

    @classmethod
    def read(cls, folder: Path, name: str) -> Run:
        """What a model folder says of its run. ModelError: it says nothing."""
        metrics, made = _read(folder / METRICS_FILE), _read(folder / OPTIONS_FILE)
        config = made.get("config") or {}
        options = {
            f"{stage}.{key}": value
            for stage in _STAGES
            for key, value in (config.get(stage) or {}).items()
        }
        return cls(name, _figures(metrics, config), options)


def runs_of(folders: Sequence[Path]) -> list[Run]:
    """The runs of these folders, each by a name of its own. ModelError."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    return [Run.read(folder, name) for folder, name in zip(folders, names, strict=True)]


def differing(runs: Sequence[Run]) -> dict[str, list[object]]:
    """By option, what each run was told, for those in which they differ."""
    names = sorted({name for run in runs for name in run.options})
    rows = {name: [run.options.get(name) for run in runs] for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def as_text(runs: Sequence[Run], translate: Translate = str) -> str:
    """Two tables: figures, a column for each run; then the options in which they differ."""
    columns = tuple(run.name for run in runs)
    figures = tuple(
        (translate(HEADINGS[name]), *(_cell(run.figures[name]) for run in runs))
        for name in HEADINGS
    )
    tables = [Table(translate("Runs"), columns, figures)]
    if options := differing(runs):
        rows = tuple((name, *map(_cell, values)) for name, values in options.items())
        tables.append(Table(translate("Options that differ"), columns, rows))
    return "\n".join(table.text() for table in tables)


def as_json(runs: Sequence[Run]) -> str:
    """The same for programs, all options of each run among it."""
    rows = [{"name": r.name, "figures": r.figures, "options": r.options} for r in runs]
    return json.dumps({"runs": rows}, indent=1, ensure_ascii=False) + "\n"


def as_csv(runs: Sequence[Run]) -> str:
    """A line per run: its figures, and the options in which they differ."""
    options = differing(runs)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["run", *HEADINGS, *options])
    for i, run in enumerate(runs):
        figures = [run.figures[name] for name in HEADINGS]
        writer.writerow([run.name, *figures, *(values[i] for values in options.values())])
    return table.getvalue()


HEADINGS = {
    "recipe": "recipe",
    "network": "network",
    "parameters": "parameters",
    "windows": "windows learned from",
    "held": "windows held back",
    "epochs": "epochs",
    "best_epoch": "best epoch",
    "loss": "loss there",
    "validation_loss": "held-back loss there",
    "f1": "F1 of rows",
    "iou": "IoU of intervals",
    "epoch_s": "seconds per epoch",
    "begun_from": "begun from",
    "f1_before": "F1 before",
    "remembered_f1_before": "F1 on what it knew, before",
    "remembered_f1": "F1 on what it knew, after",
    "seed": "seed",
    "torch": "torch",
    "zastavka": "zastavka",
}


def _figures(metrics: Row, config: Row) -> dict[str, float | int | str | None]:
    run, epochs = metrics.get("run") or {}, metrics.get("epochs") or []
    best = metrics.get("best_epoch", len(epochs))
    there: Row = next((row for row in epochs if row.get("epoch") == best), {})
    first: Row = next((row for row in epochs if row.get("epoch") == 0), {})
    before, after = (metrics.get("remembered") or [{}, {}])[:2]
    learned = [row for row in epochs if row.get("epoch")]
    network, versions = config.get("network") or {}, run.get("versions") or {}
    seconds = sum(row.get("seconds", 0.0) for row in learned) / len(learned) if learned else None
    return {
        "recipe": config.get("recipe"),
        "network": network.get("kind"),
        "parameters": run.get("parameters"),
        "windows": metrics.get("windows"),
        "held": metrics.get("validation_windows"),
        "epochs": len(learned),
        "best_epoch": best,
        "loss": there.get("loss"),
        "validation_loss": there.get("validation_loss"),
        "f1": there.get("validation_f1"),
        "iou": there.get("validation_iou"),
        "epoch_s": seconds,
        "begun_from": run.get("begun_from"),
        "f1_before": first.get("validation_f1"),
        "remembered_f1_before": before.get("validation_f1"),
        "remembered_f1": after.get("validation_f1"),
        "seed": run.get("seed", (config.get("train") or {}).get("seed")),
        "torch": versions.get("torch"),
        "zastavka": versions.get("zastavka"),
    }


def _read(file: Path) -> Row:
    try:
        document = read_json(file)
    except LabelError as error:
        raise ModelError(
            file.parent, "is no run of training: {why}", "give a folder that `train` wrote",
            why=f"{file.name} {error.found.format(**error.values)}",
        ) from error  # fmt: skip
    if not isinstance(document, dict):
        raise ModelError(
            file.parent, "is no run of training: {why}", "give a folder that `train` wrote",
            why=f"{file.name} holds no object",
        )  # fmt: skip
    return document


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
