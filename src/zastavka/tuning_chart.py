"""A study of `tune` as a picture: what mattered, and how the trials went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zastavka.charts import DPI, INK, sheet
from zastavka.storage import replacing
from zastavka.tune import Tuned

_BARS, _DOTS, _GIVEN_UP = "#2a7fb8", "#3a9d5d", "#b0b0b0"


def draw(path: Path, tuned: Tuned, translate: Callable[[str], str] = str) -> None:
    """Write a PNG. MissingExtra: there is no matplotlib."""
    with replacing(path) as part, sheet("tuning", 10.0, 4.0) as figure:
        left, right = figure.subplots(1, 2)
        shares = sorted(tuned.importance.items(), key=lambda item: item[1])
        left.barh([name for name, _ in shares], [share for _, share in shares], color=_BARS)
        left.set_xlabel(translate("share of what mattered"))
        for pruned, colour, label in (
            (False, _DOTS, translate("judged on all folds")),
            (True, _GIVEN_UP, translate("given up")),
        ):
            rows = [trial for trial in tuned.trials if trial.pruned == pruned]
            right.plot([t.number for t in rows], [t.value for t in rows], "o", color=colour,
                       markersize=4, label=label)  # fmt: skip
        right.axhline(tuned.old, linestyle=":", color=INK, label=translate("old options"))
        right.axhline(
            tuned.held_back, color=INK, linewidth=1, label=translate("on series held back")
        )
        right.set_xlabel(translate("trial"))
        right.set_ylabel(translate("mean over the series"))
        right.legend(fontsize=8, frameon=False, loc="lower right")
        figure.savefig(part, format="png", dpi=DPI)
