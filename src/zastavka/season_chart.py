"""A season as a picture: a row for each episode, a bar for each piece of it that repeats."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from zastavka.account import Account, Bar, Row, Translate, short
from zastavka.charts import DPI, INK, as_svg, sheet
from zastavka.page import span

COLOURS = {
    "intro": "#2a7fb8",
    "logo": "#e07b39",
    "recap": "#a05fb5",
    "eyecatch": "#3a9d5d",
    "credits": "#b5a03f",
    "other": "#9aa1a8",
}

_WIDTH, _PLOT = 12.0, 8.0  # inches: of the picture, and about those of its time axis
_HIGHEST = 20_000  # pixels of a PNG file
_ROWS = ((12, 0.34), (30, 0.27), (10**9, 0.22))  # inches of a row, for up to so many of them
_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # seconds between ticks
_MOST_TICKS = 10
_MOST_LINES = 10  # pieces told under the picture
_BAND, _BAR, _CHANCE = 0.86, 0.66, 0.16  # shares of a row: all that was searched, a piece
_BAND_COLOUR, _FADED = "#80808024", "#8b9096"
_NARROWEST = 0.004  # share of the axis that a bar has at least, so that it can be seen
_LETTER = 0.07  # inches: in narrower bars it would stand on their neighbours
_TITLE_ROOM, _LONGEST_TITLE = 0.4, 60  # inches, letters
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 12, "fontweight": "bold", "pad": 26}


def season_png(account: Account, translate: Translate = str) -> bytes:
    """The season with its pieces told beneath, as a PNG file. MissingExtra: no matplotlib."""
    n = min(len(account.lines), _MOST_LINES)
    chart, told = _height(account) + _TITLE_ROOM, 0.24 * (n + 1) if n else 0.1
    file = io.BytesIO()
    with sheet("season", _WIDTH, chart + told) as figure:
        upper, lower = figure.subplots(2, 1, height_ratios=(chart, told))
        _draw(upper, account, translate)
        upper.set_title(short(account.title, _LONGEST_TITLE), **_TITLE)
        _tell(lower, account, translate)
        figure.savefig(file, format="png", dpi=min(DPI, _HIGHEST / (chart + told)))
    return file.getvalue()


def season_svg(account: Account, translate: Translate = str) -> str:
    """The season as an `<svg>` element: bars say what they are, and lead to `#piece-A`."""
    with sheet("season", _WIDTH, _height(account)) as figure:
        titles = _draw(figure.add_subplot(), account, translate)
        return as_svg(figure, titles)


def type_name(kind: str, translate: Translate) -> str:
    """A type of pieces in words."""
    names = {
        "intro": translate("intro"),
        "logo": translate("logo"),
        "recap": translate("recap"),
        "eyecatch": translate("eyecatch"),
        "credits": translate("credits"),
        "other": translate("other"),
    }
    return names.get(kind, kind)


def _height(account: Account) -> float:
    n = len(account.rows)
    return 0.8 + n * next(height for most, height in _ROWS if n <= most)


def _draw(axes: Any, account: Account, translate: Translate) -> dict[str, str]:
    """Rows, bars, legend. Returns what each bar that has a line says, by its gid."""
    rows = account.rows
    end = max([60.0, *(row.searched for row in rows)])
    places = range(len(rows))
    axes.barh(places, [row.searched for row in rows], _BAND, color=_BAND_COLOUR, linewidth=0)
    titles: dict[str, str] = {}
    for y, row in enumerate(rows):
        chance = [(b.segment.start, b.segment.duration) for b in row.bars if b.line is None]
        low = y + _BAND / 2 - _CHANCE
        axes.broken_barh(chance, (low, _CHANCE), color=COLOURS["other"], alpha=0.5, linewidth=0)
        # short ones over long ones, the chosen one over all
        for bar in sorted(row.bars, key=lambda b: (b.status != "none", -b.segment.duration)):
            if bar.line is not None:
                gid = f"bar{len(titles)}"
                titles[gid] = _bar(axes, y, bar, end, gid, translate)
    axes.set(xlim=(0, end), ylim=(len(rows) - 0.45, -0.55))
    step = next((s for s in _STEPS if end / s <= _MOST_TICKS), _STEPS[-1])
    ticks = np.arange(0, end + 1, step)
    axes.set_xticks(ticks, [f"{t // 60:.0f}:{t % 60:02.0f}" for t in ticks], fontsize=9)
    axes.spines["left"].set_visible(False)
    _sides(axes, rows, translate)
    _legend(axes, account, translate)
    return titles


def _bar(axes: Any, y: int, bar: Bar, end: float, gid: str, translate: Translate) -> str:
    assert bar.line is not None
    start, length = bar.segment.start, bar.segment.duration
    axes.barh(
        y, max(length, _NARROWEST * end), _BAR, left=start, gid=gid,
        url=f"#piece-{bar.line.name}", **_style(bar.type, bar.status),
    )  # fmt: skip
    if length / end * _PLOT > _LETTER:
        axes.text(
            start + length / 2, y, bar.line.name, ha="center", va="center_baseline",
            color="white" if bar.status == "found" else INK,
            fontsize=7.5, fontweight="bold", clip_on=True, in_layout=False,
            zorder=1,  # as bars have: later ones cover it
        )  # fmt: skip
    kind = type_name(bar.type, translate)
    return f"{bar.line.name} · {kind} · {span(bar.segment)} · {bar.line.outcome}"


def _style(kind: str, status: str) -> dict[str, Any]:
    colour = COLOURS.get(kind, COLOURS["other"])
    if status == "found":
        return {"facecolor": colour, "edgecolor": INK, "linewidth": 1.6}
    if status == "review":
        return {"facecolor": "none", "edgecolor": f"{colour}a8", "linewidth": 1.4, "hatch": "////"}
    alpha = {"intro": 0.75, "other": 0.4}.get(kind, 0.6)
    return {"color": colour, "alpha": alpha, "linewidth": 0.8}  # where two meet, a seam


def _sides(axes: Any, rows: Sequence[Row], translate: Translate) -> None:
    """Names on the left, answers on the right; what is of earlier runs is grey."""
    words = {"none": translate("no intro"), "earlier": translate("earlier run")}
    answers = [
        words[row.status]
        if row.answer is None
        else f"{span(row.answer)}{' ?' if row.status == 'review' else ''}"
        for row in rows
    ]
    right = axes.secondary_yaxis("right")
    right.spines["right"].set_visible(False)
    for side, texts in ((axes, [row.label for row in rows]), (right, answers)):
        side.set_yticks(range(len(rows)), texts, fontsize=9)
        side.tick_params(axis="y", length=0)
        for label, row in zip(side.get_yticklabels(), rows, strict=True):
            label.set_color(_FADED if row.status == "earlier" else INK)
            label.set_fontweight("bold" if side is right and row.status == "found" else "normal")


def _legend(axes: Any, account: Account, translate: Translate) -> None:
    there = {(bar.type, bar.status) for row in account.rows for bar in row.bars if bar.line}
    entries = [(type_name(kind, translate), kind, "none") for kind in COLOURS]
    entries += [(translate("chosen"), "intro", "found")]
    entries += [(translate("awaits review"), "intro", "review")]
    handles = [
        axes.barh(np.nan, 0, label=word, **_style(kind, status))  # drawn nowhere
        for word, kind, status in entries
        if (kind, status) in there
    ]
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(handles) or 1,
        fontsize=9, frameon=False, borderaxespad=0.2, handlelength=1.4, columnspacing=1.5,
    )  # fmt: skip


def _tell(axes: Any, account: Account, translate: Translate) -> None:
    """A line for each piece, from the left rim of the picture on."""
    lines = account.lines[:_MOST_LINES]
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(lines) - 0.4, -1.5))
    if not lines:
        return
    # shares of the width; numbers end there
    places = ((0.012, "left"), (0.032, "left"), (0.16, "right"), (0.22, "right"), (0.265, "right"),
              (0.285, "left"))  # fmt: skip
    heads = ("", "", translate("length, s"), translate("episodes"), translate("points"), "")
    table = [(heads, _FADED, "normal")]
    for line in lines:
        verdict = line.verdict
        cells = (
            line.name, type_name(verdict.type, translate), f"{verdict.piece.length:.1f}",
            f"{verdict.piece.support}/{account.season}", f"{verdict.score:+.1f}", line.outcome,
        )  # fmt: skip
        table.append((cells, INK, "bold" if line.status == "found" else "normal"))
    for y, (cells, ink, weight) in enumerate(table, start=-1):
        for (x, side), cell in zip(places, cells, strict=True):
            axes.annotate(
                cell, (x, y), xycoords=("figure fraction", "data"), color=ink, ha=side,
                va="center", fontsize=9, fontweight=weight, annotation_clip=False,
            )  # fmt: skip
