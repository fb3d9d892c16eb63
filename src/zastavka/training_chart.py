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
    held = any(row.get("validation_loss") is not None for row in epochs)
    loss = ("loss", translate("learned from"), _LEARNED)
    held_loss = ("validation_loss", translate("held back"), _HELD)
    f1 = ("validation_f1", translate("F1 of rows"), _F1)
    iou = ("validation_iou", translate("IoU of intervals"), _IOU)
    panels = [
        (translate("mean loss of a window"), (loss, held_loss)),
        (translate("on series held back"), (f1, iou)),
    ][: 1 + held]
    with replacing(path) as part, sheet("training", 5.0 * len(panels), 4.0) as figure:
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, curves) in zip(all_axes, panels, strict=True):
            for name, label, colour in curves:
                rows = [(row["epoch"], row[name]) for row in epochs if row.get(name) is not None]
                if rows:
                    x, y = zip(*rows, strict=True)
                    axes.plot(x, y, "-o", color=colour, markersize=3, label=label)
            axes.axvline(best, linestyle=":", color=INK, label=translate("epoch that is kept"))
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set_xlabel(translate("epoch"))
            axes.set_ylabel(title)
            axes.legend(fontsize=8, frameon=False)
        if held:
            all_axes[1].set_ylim(0.0, 1.02)
        figure.savefig(part, format="png", dpi=DPI)
