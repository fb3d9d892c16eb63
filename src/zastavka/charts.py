"""Plots of reports, drawn by matplotlib (extra `plots`): PNG files, or SVG to stand in a page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from zastavka.errors import MissingExtra
from zastavka.evaluate import Report
from zastavka.storage import replacing
from zastavka.trust import BINS, calibration_error

Reports = Mapping[str, Report]
Translate = Callable[[str], str]
Draw = Callable[[Any, Reports, Translate], None]

LEVELS = (0.9, 0.7, 0.5, 0.3)  # confidences that are shown on the curve
FEW = 30  # points; of more, dots would be a thick line
MOST_SERIES = 40  # bars for more can't be read
WIDTH = 5.2  # inches: with letters of 10 points it can still be read on a phone
DPI = 150  # of PNG files
_HEIGHT = 3.6  # inches
_STRIP = 0.22  # of how many answers there are, below a plot from 0 to 1
INK = "#444443"  # an odd grey of our own, which in a page becomes the colour of its text
_COLOURS = ("#8a8a8a", "#2a7fb8", "#e07b39", "#3a9d5d", "#a05fb5", "#c44e52", "#b5a03f")


def svgs(reports: Reports, translate: Translate = str) -> dict[str, str]:
    """Each plot by its name, as an `<svg>` element whose letters take the colour of the page."""
    return {name: _svg(name, reports, translate) for name in _PLOTS}


def write_pngs(folder: Path, reports: Reports, translate: Translate = str) -> list[Path]:
    """Write each plot to `folder`/<name>.png."""
    files = []
    for name in _PLOTS:
        files.append(folder / f"{name}.png")
        with replacing(files[-1]) as part, sheet(name, WIDTH, _HEIGHT) as figure:
            _PLOTS[name](figure.add_subplot(), reports, translate)
            figure.savefig(part, format="png", dpi=DPI)
    return files


def _svg(name: str, reports: Reports, translate: Translate) -> str:
    with sheet(name, WIDTH, _HEIGHT) as figure:
        _PLOTS[name](figure.add_subplot(), reports, translate)
        return as_svg(figure)


def as_svg(figure: Any, titles: Mapping[str, str] | None = None) -> str:
    """What is drawn on a `sheet`, as an `<svg>` element in the colour of the page's text.

    `titles`: what to show over an element when it is pointed at, by the `gid` of its artist.
    """
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    if titles:
        names = "|".join(map(re.escape, titles))
        svg = re.sub(
            f'<g id="({names})">',
            lambda group: f"<g><title>{escape(titles[group.group(1)])}</title>",
            svg,
        )
    # several in one page: ids that nothing points to would be there more than once
    used = set(re.findall(r"#([\w.-]+)", svg))
    return re.sub(r' id="([^"]*)"', lambda id: id.group() if id.group(1) in used else "", svg)


@contextmanager
def sheet(name: str, width: float, height: float) -> Iterator[Any]:
    """An empty figure of so many inches, to be drawn on and saved inside the block.

    `name` tells its ids from those of others. MissingExtra: there is no matplotlib.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure  # not pyplot: no display, nothing global
    except ImportError as error:
        raise MissingExtra("plots", "plots") from error
    keys = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = {**dict.fromkeys(keys, INK), "font.size": 10}
    style |= {"axes.spines.top": False, "axes.spines.right": False}
    # letters stay letters, the same input gives the same file, and $ in a name is no mathematics
    style |= {"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False}
    with rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # names in any script
        yield Figure(figsize=(width, height), layout="constrained")


def _f1(axes: Any, reports: Reports, translate: Translate) -> None:
    _bars(axes, reports, "f1")
    axes.set_xlabel(translate("F1 over frames"))


def _iou(axes: Any, reports: Reports, translate: Translate) -> None:
    _bars(axes, reports, "iou")
    axes.set_xlabel(translate("mean IoU"))


def _bars(axes: Any, reports: Reports, figure: str) -> None:
    """One group of bars for each series, the worst of the last report on top."""
    rows = {
        name: {series: counts.figures()[figure] for series, counts in report.series().items()}
        for name, report in reports.items()
    }
    last = list(rows.values())[-1]
    series = sorted((s for s in last if last[s] is not None), key=lambda s: last[s] or 0.0)
    series = series[:MOST_SERIES]
    places = np.arange(len(series))
    thick = 0.8 / len(rows)
    for i, (name, figures) in enumerate(rows.items()):
        values = [figures.get(s) or 0.0 for s in series]
        axes.barh(
            places + (i + 0.5) * thick - 0.4, values, thick, label=_label(name), color=_colour(i)
        )
    axes.set_yticks(places, [_short(s) for s in series])
    axes.set(xlim=(0, 1), ylim=(max(1, len(series)) - 0.5, -0.5))
    axes.figure.set_figheight(1.4 + max(3, len(series)) * max(0.25, 0.12 * len(rows)))
    _legend(axes, above=True)


def _edges(axes: Any, reports: Reports, translate: Translate) -> None:
    """Share of true segments whose edge is found within x seconds; a miss finds none."""
    for i, (name, report) in enumerate(reports.items()):
        counts = report.pooled()
        sides = (
            (counts.start_errors, translate("start"), "-"),
            (counts.end_errors, translate("end"), "--"),
        )
        for errors, side, line in sides:
            sizes = np.sort(np.abs(errors))
            shares = np.arange(1, len(sizes) + 1) / max(1, len(counts.ious))
            # from the left edge of the axis to the right one
            x = np.concatenate(([0.01], np.maximum(sizes, 0.01), [60.0]))
            y = np.concatenate(([0.0], shares, shares[-1:] if len(shares) else [0.0]))
            label = _label(f"{name}: {side}")
            axes.step(x, y, line, where="post", color=_colour(i), label=label)
    axes.set(xscale="log", xlim=(0.01, 60), ylim=(0, 1.02))
    ticks = (0.01, 0.1, 0.5, 1, 2, 5, 15, 60)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(translate("error of the edge at most, seconds"))
    axes.set_ylabel(translate("share of true segments"))
    _legend(axes)


def _errors(axes: Any, reports: Reports, translate: Translate) -> None:
    """Signed errors of the last report; what is further off than 5 s stands at the rim."""
    name, report = list(reports.items())[-1]
    counts = report.pooled()
    bins = np.linspace(-5, 5, 41)
    sides = [np.clip(errors, -5, 5) for errors in (counts.start_errors, counts.end_errors)]
    labels = (translate("start"), translate("end"))
    axes.hist(sides, bins=bins, label=labels, color=[_COLOURS[1], _COLOURS[2]])
    axes.set_xlabel(translate("found - true, seconds"))
    axes.set_ylabel(translate("hits"))
    axes.set_title(_short(name), fontsize=10)
    _legend(axes)


def _coverage(axes: Any, reports: Reports, translate: Translate) -> None:
    """How many are right against how many are answered; confidences on the curve of the last."""
    curves = {name: report.precision_coverage() for name, report in reports.items()}
    in_all = translate("{name}: {right:.2f} in all")
    for i, (name, points) in enumerate(curves.items()):
        x, y = [p.coverage for p in points], [p.precision for p in points]
        label = in_all.format(name=name, right=y[-1]) if y else name
        line = ".-" if len(points) <= FEW else "-"
        axes.plot(x, y, line, color=_colour(i), label=_label(label))
    last, at = list(curves.values())[-1], None
    for level in LEVELS if len(last) > 1 else ():
        kept = [p for p in last if p.confidence >= level]
        if kept and (kept[-1].coverage, kept[-1].precision) != at:
            at = kept[-1].coverage, kept[-1].precision
            axes.plot(*at, "o", color=_colour(len(curves) - 1), markersize=5)
            shift = {"xytext": (-3, -12), "textcoords": "offset points", "ha": "right"}
            axes.annotate(f"≥ {level:g}", at, fontsize=8, **shift)
    axes.axhline(0.99, linestyle=":", color=INK, linewidth=0.8)
    # one that says everything with one confidence is a dot, whose figure the legend has
    lowest = [p.precision for points in curves.values() if len(points) > 1 for p in points]
    axes.set(xlim=(0, 1.02), ylim=(max(0.0, min(lowest, default=0.0) - 0.1) - 0.02, 1.02))
    axes.set_xlabel(translate("coverage: share of episodes answered"))
    axes.set_ylabel(translate("share of answers that are right"))
    _legend(axes)


def _calibration(axes: Any, reports: Reports, translate: Translate) -> None:
    """A reliability diagram; below it, how many say so. A bar: 95 % of where the share may be."""
    axes.plot((0, 1), (0, 1), ":", color=INK)
    axes.axhline(0, color=INK, linewidth=0.8)
    thick = 0.8 / BINS / len(reports)
    for i, (name, report) in enumerate(reports.items()):
        rows = report.reliability()
        x, y = [row.confidence for row in rows], [row.right for row in rows]
        error = calibration_error(rows)
        label = name if error is None else f"{name}: {translate('ECE')} {error:.3f}"
        axes.plot(x, y, "o-", color=_colour(i), markersize=5, label=_label(label))
        axes.vlines(x, *zip(*(row.spread for row in rows), strict=True) if rows else ((), ()),
                    color=_colour(i), linewidth=1, alpha=0.6)  # fmt: skip
        n = sum(row.n for row in rows)
        left = [min(int(c * BINS), BINS - 1) / BINS + 0.1 / BINS + i * thick for c in x]
        heights = [_STRIP * row.n / n for row in rows]
        axes.bar(left, heights, thick, -_STRIP - 0.03, align="edge", color=_colour(i), alpha=0.6)
    axes.text(0.01, -0.04, translate("share of all answers"), fontsize=8, va="top")
    axes.set(xlim=(0, 1.02), ylim=(-_STRIP - 0.03, 1.04), yticks=np.linspace(0, 1, 6))
    axes.set_xlabel(translate("confidence"))
    axes.set_ylabel(translate("share of answers that are right"))
    _legend(axes)


_PLOTS: dict[str, Draw] = {
    "f1": _f1,
    "iou": _iou,
    "edges": _edges,
    "errors": _errors,
    "coverage": _coverage,
    "calibration": _calibration,
}


def _colour(i: int) -> str:
    return _COLOURS[i % len(_COLOURS)]


def _legend(axes: Any, above: bool = False) -> None:
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1)} if above else {"loc": "best"}
    axes.legend(fontsize=8, frameon=False, **place)


def _label(name: str) -> str:
    """A name for the legend, which leaves out those that begin with _."""
    return f" {name}" if name.startswith("_") else name


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"
