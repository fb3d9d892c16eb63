"""Tables of reports, as people read them: the mean over the series, then each series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zastavka.counts import COVERAGES, WITHIN
from zastavka.evaluate import Report

Translate = Callable[[str], str]

ACCURACY = (
    "episodes", "failures", "precision", "recall", "f1", "iou", "hit@.5", "hit@.9",
    "edge_p50", "edge_p90", "false_alarm", "wrong/100", "story_s/h",
)  # fmt: skip
USE = ("useful", "wrong", "missed", "right", "work_s")
CONFIDENCE = ("ece", "ece_mass", *COVERAGES, "cover@.99")
EDGES = tuple(
    f"{edge}{figure}"
    for edge in ("start", "end")
    for figure in ("_p50", "_p90", *(f"<={x:g}" for x in WITHIN))
)


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column names the row, the last `sums` rows sum up the others."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sums: int = 0

    def text(self) -> str:
        """The table as Markdown with aligned columns."""
        header = ("", *self.columns)
        widths = [max(len(row[i]) for row in (header, *self.rows)) for i in range(len(header))]
        lines = [_line(header, widths), "|-" + "-|-".join("-" * width for width in widths) + "-|"]
        lines += [_line(row, widths) for row in self.rows]
        return "\n".join((self.title, "", *lines, ""))


def summaries(reports: Mapping[str, Report], translate: Translate = str) -> list[Table]:
    """Every figure, a row for each report: the mean over the series; of confidence, all as one.

    A series has too few answers for a share of them to be set beside their confidence.
    """
    rows = {name: report.macro() for name, report in reports.items()}
    pooled = {name: report.pooled().figures() for name, report in reports.items()}
    sure = translate("What the confidence is worth, all episodes as one")
    groups = (
        (translate("Mean over the series"), ACCURACY),
        (translate("What an answer is worth"), USE),
        (translate("Edges: error in seconds over hits, share found within so many seconds"), EDGES),
    )
    tables = [_table(title, rows, figures, translate) for title, figures in groups]
    return [*tables, _table(sure, pooled, CONFIDENCE, translate)]


def by_series(name: str, report: Report, translate: Translate = str) -> Table:
    """Each series of one report, their mean, and all episodes as one."""
    rows = {series: counts.figures() for series, counts in sorted(report.series().items())}
    sums = {translate("MEAN"): report.macro(), translate("POOLED"): report.pooled().figures()}
    title = translate("By series: {name}").format(name=name)
    table = _table(title, rows, ACCURACY, translate)
    total = _table(title, sums, ACCURACY, translate)
    return Table(title, table.columns, table.rows + total.rows, len(total.rows))


def heading(figure: str, translate: Translate = str) -> str:
    """The name of a figure for people."""
    known = {
        "episodes": translate("episodes"),
        "failures": translate("failures"),
        "precision": translate("precision"),
        "recall": translate("recall"),
        "f1": translate("F1"),
        "iou": translate("IoU"),
        "false_alarm": translate("false alarm"),
        "wrong/100": translate("wrong/100"),
        "story_s/h": translate("story s/h"),
        "useful": translate("useful"),
        "wrong": translate("wrong"),
        "missed": translate("missed"),
        "right": translate("right"),
        "ece": translate("ECE"),
        "ece_mass": translate("ECE, equal mass"),
        "cover@.99": translate("coverage at .99 right"),
        "work_s": translate("work, s"),
    }
    edges = (("edge", translate("edge")), ("start", translate("start")), ("end", translate("end")))
    for edge, word in edges:
        if figure.startswith((f"{edge}_", f"{edge}<")):
            return figure.replace(edge, word).replace("_", " ").replace("<=", " ≤ ")
    if figure in COVERAGES:
        return f"{known['right']} @{figure.partition('@')[2]}"
    return known.get(figure, figure)


def _table(
    title: str,
    rows: Mapping[str, Mapping[str, float | None]],
    figures: tuple[str, ...],
    translate: Translate,
) -> Table:
    columns = tuple(heading(figure, translate) for figure in figures)
    cells = tuple((name, *(_cell(row[figure]) for figure in figures)) for name, row in rows.items())
    return Table(title, columns, cells)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *others = cells
    padded = [first.replace("|", "/").ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "| " + " | ".join(padded) + " |"
