"""A training run as a picture: its loss, and how well it does on what was held back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from zastavka.charts import DPI, INK, sheet
from zastavka.comparing import Row
from zastavka.storage import replacing

CURVES = "curves.png"

_LEARNED, _HELD, _F1, _IOU = "#2a7fb8", "#e07b39", "#3a9d5d", "#a05fb5"


def draw(
    path: Path, epochs: Sequence[Row], best: int, translate: Callable[[str], str] = str
) -> None:
    """Write a PNG of the epochs of a run. MissingExtra: there is no matplotlib."""
    with replacing(path) as part, sheet("training", 10.0, 4.0) as figure:
        left, right = figure.subplots(1, 2)
        for axes, curves in (
            (left, (("loss", translate("learned from"), _LEARNED),
                    ("validation_loss", translate("held back"), _HELD))),
            (right, (("validation_f1", translate("F1 of rows"), _F1),
                     ("validation_iou", translate("IoU of intervals"), _IOU))),
        ):  # fmt: skip
            for name, label, colour in curves:
                rows = [(row["epoch"], row[name]) for row in epochs if row.get(name) is not None]
                if rows:
                    axes.plot(
                        *zip(*rows, strict=True), "-o", color=colour, markersize=3, label=label
                    )
            axes.axvline(best, linestyle=":", color=INK, label=translate("epoch that is kept"))
            axes.set_xlabel(translate("epoch"))
            axes.legend(fontsize=8, frameon=False)
        left.set_ylabel(translate("mean loss of a window"))
        right.set_ylabel(translate("on series held back"))
        right.set_ylim(0.0, 1.02)
        figure.savefig(part, format="png", dpi=DPI)
