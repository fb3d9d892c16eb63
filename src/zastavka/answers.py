"""Results as text for people, JSON for programs, CSV for the curve of each row; and exit codes."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zastavka.delivery import Delivered
from zastavka.detection import Detection, Failure, to_json
from zastavka.errors import ZastavkaError
from zastavka.i18n import describe, gettext
from zastavka.labels import LabelProblem
from zastavka.pipeline import Curve
from zastavka.seasonal import ALONE
from zastavka.terminal import one_line

Results = Sequence[Detection | Failure]
Curves = Mapping[Path, Curve]

# Why there is no intro, as `pipeline`, `seasonal` and `detection` say it; what stands in braces may
# be one of these again
SENTENCES = {
    "doubt": "not sure enough: {why}",
    "below": "{sure} is below {least}",
    "model": "nothing like an intro in the first {seconds} s",
    "alone": "nothing of it is in another of the {season} episodes",
    "other": "what repeats is no intro: {piece}, but {why}",
    "piece": "repeats in {n} of {season} episodes, {senses}",
    "short file": "a file of {seconds} s is no episode",
    "whole": "it is most of the file",
    "card": "it may be a studio's logo",
    "glimpse": "so short a piece may be an eyecatch",
    "model agrees": "{why}; the model agrees",
    "chapter agrees": "{why}; a chapter of the file agrees",
    "chapter says otherwise": "{why}; a chapter of the file says otherwise",
}

# exit codes, beside 0
FAILED, USAGE, PARTLY, NO_INTRO, STOPPED = 1, 2, 3, 4, 130


def as_text(results: Results, curves: Curves) -> str:  # noqa: ARG001
    """A line per answered file; the path in front where there are several."""
    lines = []
    for result in results:
        if isinstance(result, Detection):
            line = answer_line(result)
            lines.append(
                line if len(results) == 1 else f"{one_line(str(result.episode.path))}: {line}"
            )
    return "".join(f"{line}\n" for line in lines)


def as_json(results: Results, curves: Curves) -> str:  # noqa: ARG001
    """The JSON document of the run."""
    return to_json(results)


def as_csv(results: Results, curves: Curves) -> str:
    """A line per row: path, time of its centre, probability of an intro, whether it is answered."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", "time", "probability", "found"])
    for result in results:
        if isinstance(result, Detection):
            curve = curves[result.episode.path]
            inside = curve.grid.labels(result.segments())
            for time, share, found in zip(curve.grid.times, curve.probability, inside, strict=True):
                writer.writerow([result.episode.path, f"{time:.3f}", f"{share:.4f}", int(found)])
    return table.getvalue()


FORMATS: dict[str, Callable[[Results, Curves], str]] = {
    "text": as_text,
    "json": as_json,
    "csv": as_csv,
}


def answer_line(result: Detection) -> str:
    """The answer for one episode, in the prototype's words; then other kinds of segments."""
    template = gettext("Intro found: {start:.2f}s - {end:.2f}s")
    parts = [template.format(start=s.start, end=s.end) for s in result.segments()]
    others = [f for f in result.findings if f.type != "intro" and f.status == "found"]
    sought = any(f.type == "intro" for f in result.findings)
    why_not = (result.not_found_reason, result.not_found_confidence)
    if not parts and (sought or why_not != (None, None)):
        parts = [_none_line(result, sought)]
    template = gettext("{type}: {start:.2f}s - {end:.2f}s")
    parts += [
        template.format(type=gettext(f.type), start=f.segment.start, end=f.segment.end)
        for f in others
    ]
    return "; ".join(parts) or gettext("none of the kinds asked for")


def _none_line(result: Detection, awaits_review: bool) -> str:
    """That there is no intro, in the prototype's words; then how sure that is, and why."""
    line, sure, why = gettext("Intro not found"), result.not_found_confidence, None
    if sure is not None:
        # rounded down: 100 % is said of nothing less
        line = gettext("{answer} ({share} % sure)").format(answer=line, share=int(100 * sure))
    if sure is not None or awaits_review:
        why = result.not_found_reason
    return f"{line}: {reason_line(why)}" if why else line


def reason_line(reason: str) -> str:
    """Why there is no intro, in the reader's language; a sentence nobody knows stays as it is."""
    for template in SENTENCES.values():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template))
        if found := re.fullmatch(pattern, reason):
            values = {name: reason_line(part) for name, part in found.groupdict().items()}
            return gettext(template).format(**values)
    return gettext(reason)


def remarks(results: Results, *, for_people: bool) -> list[str]:
    """What is said beside the answers; `for_people`: also what programs read in the answers."""
    said = failure_lines(results)
    return said + review_lines(results) + alone_lines(results) if for_people else said


def review_lines(results: Results) -> list[str]:
    """A line for each interval that is shown to people and acted on by nobody."""
    template = gettext("{path}: perhaps {start:.2f}s - {end:.2f}s; look at it (sure: {sure:.2f})")
    return [
        template.format(
            path=one_line(str(result.episode.path)), start=finding.segment.start,
            end=finding.segment.end, sure=finding.confidence,
        )
        for result in results if isinstance(result, Detection)
        for finding in result.findings if finding.status == "review"
    ]  # fmt: skip


def alone_lines(results: Results) -> list[str]:
    """A line where files had nothing to be compared with, and no model was given for them."""
    n = sum(isinstance(r, Detection) and r.not_found_reason == ALONE for r in results)
    if not n:
        return []
    line = gettext(
        "without other episodes to be compared with: {n}; give their seasons too, "
        "or --alone with --model"
    )
    return [line.format(n=n)]


def failure_lines(results: Results) -> list[str]:
    """A line for each episode that could not be done, in the reader's language."""
    failures = (result for result in results if isinstance(result, Failure))
    return [describe(failure.cause) if failure.cause else failure.error for failure in failures]


def delivery_lines(delivered: Sequence[Delivered]) -> list[str]:
    """A line for each file that could not be written, and one for all that could."""
    foreign = gettext("{path}: is not of this program, or was changed since; left as it is")
    lines = [
        describe(one.outcome)
        if isinstance(one.outcome, ZastavkaError)
        else foreign.format(path=one_line(str(one.path)))
        for one in delivered
        if one.failed
    ]
    n = Counter(one.outcome for one in delivered if isinstance(one.outcome, str))
    line = gettext("files: {written} written, {same} as they were, {removed} removed")
    done = line.format(written=n["written"], same=n["same"], removed=n["removed"])
    return [*lines, done]


def problem_line(problem: LabelProblem | ZastavkaError) -> str:
    """A label or a video that was left out and why, in the reader's language."""
    if isinstance(problem, ZastavkaError):
        return describe(problem)
    values = {
        name: describe(value) if isinstance(value, ZastavkaError) else value
        for name, value in problem.values.items()
    }
    return replace(problem, values=values).told(gettext)


def exit_code(results: Results, expect_intro: bool = False) -> int:
    """What the process ends with; as the README says."""
    if any(isinstance(result, Failure) for result in results):
        return PARTLY if any(isinstance(result, Detection) for result in results) else FAILED
    if expect_intro and any(isinstance(r, Detection) and not r.segments() for r in results):
        return NO_INTRO
    return 0
