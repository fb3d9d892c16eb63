"""What a scan would do, did and changed, as sections for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from zastavka.answers import answer_line, failure_lines
from zastavka.detection import Detection, Failure
from zastavka.i18n import gettext
from zastavka.library.scan import Change, Plan, Task
from zastavka.terminal import Row, Section, one_line

Results = list[Detection | Failure]


def _name(task: Task) -> str:
    season = task.season
    return season.title if season.number is None else f"{season.title} S{season.number:02d}"


def intended(found: Plan) -> Section:
    """A row per season that a scan would answer."""
    template = gettext("files: {files}, new: {new}")
    rows = [
        Row(_name(task), template.format(files=len(task.files), new=task.fresh))
        for task in found.tasks
    ]
    rows.append(Row("", gettext("unchanged seasons: {n}").format(n=found.unchanged)))
    return Section(gettext("What would be answered"), tuple(rows))


def summary(found: Plan, results: Results) -> list[Section]:
    """A row per season, then what was done."""
    seasons: dict[str, Results] = defaultdict(list)
    for result in results:
        number = result.episode.season
        name = result.episode.series or result.episode.path.parent.name
        seasons[name if number is None else f"{name} S{number:02d}"].append(result)
    rows = [Row(name, _counted(its)) for name, its in sorted(seasons.items())]
    line = gettext("seasons answered: {n}, unchanged: {unchanged}; new files: {new}")
    total = line.format(
        n=len(found.tasks), unchanged=found.unchanged, new=sum(task.fresh for task in found.tasks)
    )
    return [
        Section(gettext("Seasons"), (*rows, Row(gettext("all"), _counted(results)))),
        Section(gettext("This scan"), (Row("", total),)),
    ]


def _counted(results: Results) -> str:
    answers = [r for r in results if isinstance(r, Detection)]
    with_intro = sum(bool(r.segments()) for r in answers)
    review = sum(
        not r.segments() and any(f.status == "review" and f.type == "intro" for f in r.findings)
        for r in answers
    )
    line = gettext("files: {n}, intro: {found}, to look at: {review}, none: {none}, failed: {bad}")
    return line.format(
        n=len(results), found=with_intro, review=review,
        none=len(answers) - with_intro - review, bad=len(results) - len(answers),
    )  # fmt: skip


def changed_sheet(changed: Sequence[Change], title: str) -> Section:
    """A row per file whose answer is another one."""
    template = gettext("was: {before}\nnow: {after}")
    rows = [
        Row(
            one_line(each.after.episode.path.name),
            template.format(before=_said_of(each.before), after=_said_of(each.after)),
        )
        for each in changed
    ]
    return Section(title, tuple(rows or [Row("", gettext("nothing"))]))


def _said_of(result: Detection | Failure) -> str:
    return answer_line(result) if isinstance(result, Detection) else failure_lines([result])[0]
