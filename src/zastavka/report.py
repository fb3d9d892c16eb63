"""A comparison of several runs with the constant answer: as text, JSON, plots and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zastavka import charts
from zastavka.detection import Detection, read_detections
from zastavka.errors import LabelError, MissingExtra
from zastavka.evaluate import CONSTANT, Report, constant_answers, evaluate
from zastavka.labels import LabelProblem
from zastavka.media import probe
from zastavka.page import render
from zastavka.storage import write_text
from zastavka.tables import by_series, summaries
from zastavka.truth import read_chapters, read_truth

Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Reports by name, on the same truth; the last one is looked at most closely."""

    reports: Mapping[str, Report]
    problems: tuple[LabelProblem, ...] = ()  # labels that were left out of the truth

    def __post_init__(self) -> None:
        if not self.reports:
            raise ValueError("no report to compare")

    @classmethod
    def of(
        cls,
        truth: Path,
        found: Sequence[Path],
        type: str = "intro",
        without: Sequence[str] = (),
        videos: Path | None = None,
        chapters: bool = False,
    ) -> Comparison:
        """Judge files of answers, each named by its file, beside the constant answer.

        With `videos`, labels without their video or beyond its end are left out and named.
        With `chapters`, `truth` is a folder of videos, and their chapters are the truth.
        """
        problems: list[LabelProblem] = []
        if chapters:
            true = read_chapters(truth, type, problems.append)
        else:
            true = read_truth(truth, videos, problems.append, lambda file: probe(file).duration)
        constant = constant_answers(true, CONSTANT, type)
        name = f"constant {CONSTANT.start:g}-{CONSTANT.end:g} s"
        reports = {name: evaluate(true, constant, type=type, without=without)}
        names = [path.stem for path in found]
        for path in found:
            name = path.stem if names.count(path.stem) == 1 else str(path)
            reports[name] = _judged(path, true, type, without)
        return cls(reports, tuple(problems))

    def text(self, translate: Translate = str) -> str:
        """Tables in Markdown: the mean over the series, each series, what is amiss."""
        tables = summaries(self.reports, translate)
        tables += [by_series(name, report, translate) for name, report in self.reports.items()]
        lines = [table.text() for table in tables]
        return "\n".join(lines + [f"{note}\n" for note in self.notes(translate)])

    def json(self) -> str:
        """Every figure of every report."""
        document = {
            "version": 1,
            "reports": {name: report.to_dict() for name, report in self.reports.items()},
            "labels_left_out": {problem.id: problem.reason for problem in self.problems},
        }
        return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    def html(self, translate: Translate = str, lang: str = "en") -> str:
        """A page that needs nothing else; without the extra `plots` it has none and says so."""
        notes = self.notes(translate)
        try:
            plots = charts.svgs(self.reports, translate)
        except MissingExtra as error:
            plots, notes = {}, [*notes, str(error)]
        return render(self.reports, plots, notes, translate, lang)

    def write_html(self, path: Path, translate: Translate = str, lang: str = "en") -> None:
        """Write the page."""
        write_text(path, self.html(translate, lang))

    def write_plots(self, folder: Path, translate: Translate = str) -> list[Path]:
        """Write the plots as PNG files. MissingExtra: there is no matplotlib."""
        return charts.write_pngs(folder, self.reports, translate)

    def notes(self, translate: Translate = str) -> list[str]:
        """What is amiss, a line each: labels left out, episodes without an answer or failed."""
        left_out = translate("left out of the truth: {label}")
        notes = [left_out.format(label=problem.told(translate)) for problem in self.problems]
        for name, report in self.reports.items():
            failed = [
                f"{'/'.join(j.episode.path.parts[-2:])}" for j in report.episodes if j.failure
            ]
            for line, keys in (
                (translate("{name}: no entry for {n} episodes: {first}"), report.missing),
                (translate("{name}: {n} entries are not in the truth: {first}"), report.unknown),
                (translate("{name}: {n} episodes could not be done: {first}"), failed),
            ):
                if keys:
                    first = ", ".join([*keys[:5], *(["..."] if len(keys) > 5 else [])])
                    notes.append(line.format(name=name, n=len(keys), first=first))
        return notes


def _judged(path: Path, truth: Sequence[Detection], type: str, without: Sequence[str]) -> Report:
    """The answers of a file, judged. LabelError: not one of them is of an episode in the truth."""
    found = read_detections(path)
    report = evaluate(truth, found, type=type, without=without)
    # no score of zero, but the wrong file; a truth of doubtful labels alone tells of those
    if truth and found and len(report.unknown) == len(found):
        raise LabelError(
            path, "none of the {n} answers is of an episode in the truth, as {first}",
            "give the truth of these episodes; they are matched by folder and name, or by id",
            n=len(found), first=report.unknown[0],
        )  # fmt: skip
    return report
