"""Truth against found; knows no model. Every figure per series, then the mean over the series.

Frames lie on a grid of 0.1 s. An answer that awaits review is no answer, but for what `trust`
measures. Episodes are matched by the last two parts of their paths, else without the suffix, else
by the id alone where a side has no more than that; one without an entry counts as nothing found and
is listed. Of several answers each true segment takes the best of those left; where there are more
answers than an episode can have segments (one at least), none of them is a hit. `counts` defines
the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zastavka.counts import NOISE, Counts, Verdict, mean
from zastavka.detection import RIGHT_IOU, RIGHT_SLACK, Detection, Failure, Finding
from zastavka.episode import Episode
from zastavka.errors import LabelError
from zastavka.segment import Segment
from zastavka.trust import Answer, Bin, Point, curve, equal_mass, reliability

STEP = 0.1  # seconds
CONSTANT = Segment(5.0, 15.0)  # the constant answer that does best on the prototype's test labels

R = TypeVar("R", bound=Detection | Failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One episode of the truth, its answers, and what they count."""

    episode: Episode
    duration: float | None
    truth: tuple[Segment, ...]
    findings: tuple[Finding, ...]  # of the type judged, also those that await review
    none: float | None  # probability that there is no segment, where none is found and it is known
    failure: str | None
    counts: Counts

    @property
    def verdict(self) -> Verdict:
        """How the answers served."""
        return self.counts.verdicts[0]

    @property
    def iou(self) -> float | None:
        """Mean over the true segments; None where there are none."""
        return float(np.mean(self.counts.ious)) if self.counts.ious else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All episodes of the truth, judged."""

    type: str
    episodes: tuple[Judged, ...]
    missing: tuple[str, ...]  # episodes of the truth without an entry
    unknown: tuple[str, ...]  # entries that are not in the truth

    def series(self) -> dict[str, Counts]:
        """Counts of each series, in order of appearance."""
        groups: dict[str, list[Counts]] = {}
        for judged in self.episodes:
            groups.setdefault(judged.episode.series or "-", []).append(judged.counts)
        return {name: Counts.total(counts) for name, counts in groups.items()}

    def pooled(self) -> Counts:
        """Counts over all episodes."""
        return Counts.total(self.series().values())

    def macro(self) -> dict[str, float | None]:
        """Mean over the series of each figure, which is what to quote; episodes are summed."""
        rows = [counts.figures() for counts in self.series().values()]
        pooled = self.pooled()
        means = {name: mean(row[name] for row in rows) for name in pooled.figures()}
        return means | {"episodes": pooled.episodes, "failures": pooled.failures}

    def to_dict(self) -> dict[str, object]:
        """Everything, for JSON."""
        pooled = self.pooled()
        return {
            "type": self.type,
            "series": {name: counts.figures() for name, counts in sorted(self.series().items())},
            "macro": self.macro(),
            "pooled": pooled.figures(),
            "missing": list(self.missing),
            "unknown": list(self.unknown),
            "failed": {_key(j.episode.path): j.failure for j in self.episodes if j.failure},
            "precision_coverage": [list(astuple(point)) for point in self.precision_coverage()],
            "reliability": [list(astuple(row)) for row in self.reliability()],
            "reliability_mass": [list(astuple(row)) for row in equal_mass(pooled.answers)],
        }

    def precision_coverage(self) -> list[Point]:
        """Precision against coverage over all episodes, by falling confidence."""
        return curve(self.pooled().said)

    def reliability(self) -> list[Bin]:
        """Bins of equal width over all answers."""
        return reliability(self.pooled().answers)


def evaluate(
    truth: Sequence[Detection],
    found: Sequence[Detection | Failure],
    *,
    type: str = "intro",
    without: Collection[str] = (),
    work: Mapping[Path, float] | None = None,
) -> Report:
    """Judge the answers `found`; series `without` are left out of every figure.

    `work` gives the seconds of work of episodes, where the answers do not. LabelError: two entries
    for one episode.
    """
    truths, answers = _by_key(truth), _by_key(found)
    pairs = _paired(truths, answers)
    taken = set(pairs.values())
    timed = {d.episode.path: d.work for d in found if isinstance(d, Detection)}
    seconds = {_key(path): value for path, value in (timed | dict(work or {})).items()}
    wanted = {k: t for k, t in truths.items() if t.episode.series not in without}
    return Report(
        type=type,
        episodes=tuple(
            _judge(t, answers.get(pair), type, seconds.get(pair))
            for key, t in wanted.items()
            for pair in (pairs.get(key, key),)
        ),
        missing=tuple(key for key in wanted if key not in pairs),
        unknown=tuple(key for key in answers if key not in taken),
    )


def constant_answers(
    truth: Sequence[Detection], segment: Segment = CONSTANT, type: str = "intro"
) -> list[Detection]:
    """The same answer for every episode: what any method must beat."""
    finding = Finding(segment=segment, type=type, sources=("constant",))
    return [Detection(episode=t.episode, duration=t.duration, findings=(finding,)) for t in truth]


def _judge(
    truth: Detection, answer: Detection | Failure | None, type: str, seconds: float | None
) -> Judged:
    failed = isinstance(answer, Failure)
    findings = answer.findings if isinstance(answer, Detection) else ()
    findings = tuple(f for f in findings if f.type == type)
    true = truth.segments(type)
    got = [f.segment for f in findings if f.status == "found"]
    # it is said of the intro alone, and only where none is found
    none = None
    if isinstance(answer, Detection) and type == "intro" and not got:
        none = answer.not_found_confidence
    duration = truth.duration
    if duration is None and isinstance(answer, Detection):
        duration = answer.duration
    return Judged(
        episode=truth.episode,
        duration=duration,
        truth=true,
        findings=findings,
        none=none,
        failure=answer.error if isinstance(answer, Failure) else None,
        counts=_frames(true, got, duration)
        + _matches(true, got)
        + Counts(
            episodes=1,
            empty=int(not true),
            alarms=() if true else (bool(got),),
            verdicts=("failed" if failed else _verdict(true, got),),
            said=(_said(findings, none, true),),
            work=() if seconds is None else (seconds,),
        ),
    )


def _said(
    findings: Sequence[Finding], none: float | None, true: Sequence[Segment]
) -> tuple[Answer, ...]:
    """All that an answer says with a confidence, and whether it is right."""
    answers = [
        Answer(f.confidence, is_right(f.segment, true), f.status == "found") for f in findings
    ]
    if none is not None:
        answers.append(Answer(none, not true, found=False, none=True))
    return tuple(answers)


def _frames(true: Sequence[Segment], got: Sequence[Segment], duration: float | None) -> Counts:
    # labels without their video have no duration: all that is marked counts, and no hour is known
    length = max((s.end for s in (*true, *got)), default=0.0) if duration is None else duration
    # not Grid, whose tolerance would move a frame now and then: the referee compares exactly
    times = (np.arange(int(np.ceil(length / STEP)), dtype=np.float64) + 0.5) * STEP
    t, g = _mask(times, true), _mask(times, got)
    outside = int((~t & g).sum())
    return Counts(
        tp=int((t & g).sum()),
        fp=outside,
        fn=int((t & ~g).sum()),
        story=0.0 if duration is None else STEP * outside,
        hours=(duration or 0.0) / 3600,
    )


def _mask(times: NDArray[np.float64], segments: Sequence[Segment]) -> NDArray[np.bool_]:
    mask = np.zeros(len(times), dtype=np.bool_)
    for s in segments:
        mask |= (times >= s.start) & (times < s.end)
    return mask


def _matches(true: Sequence[Segment], got: Sequence[Segment]) -> Counts:
    """IoUs and edge errors of each true segment's answer, and the answers that are no hit."""
    overlaps = [max((t.iou(g) for t in true), default=0.0) for g in got]
    near = sum(overlap >= 0.5 for overlap in overlaps)
    wrong = len(got) - near + max(0, near - len(true))
    ranked = sorted(range(len(got)), key=lambda i: overlaps[i], reverse=True)
    free = [] if len(got) > max(1, len(true)) else [got[i] for i in ranked]
    ious, starts, ends = [], [], []
    for t in true:
        best = max(free, key=t.iou, default=None)
        if best is None:
            ious.append(0.0)
            continue
        free.remove(best)
        ious.append(t.iou(best))
        if ious[-1] >= 0.5:
            starts.append(best.start - t.start)
            ends.append(best.end - t.end)
    return Counts(
        wrong_answers=wrong,
        ious=tuple(ious),
        start_errors=tuple(starts),
        end_errors=tuple(ends),
    )


def _verdict(true: Sequence[Segment], got: Sequence[Segment]) -> Verdict:
    if not true:
        return "alarm" if got else "clean"
    if not got:
        return "missed"
    useful = all(any(_is_useful(g, t) for t in true) for g in got)
    return "useful" if useful and len(got) <= len(true) else "wrong"


def _is_useful(got: Segment, true: Segment) -> bool:
    near_start = abs(got.start - true.start) <= 15.0 + NOISE
    near_end = abs(got.end - true.end) <= 5.0 + NOISE
    return near_start and near_end and got.iou(true) >= 0.5


def is_right(got: Segment, true: Sequence[Segment], slack: float = RIGHT_SLACK) -> bool:
    """Whether an answer has IoU >= `RIGHT_IOU` with a true one and at most `slack` s outside."""
    best = max(true, key=got.iou, default=None)
    if best is None or got.iou(best) < RIGHT_IOU:
        return False
    common = got & best
    return common is not None and got.duration - common.duration <= slack + NOISE


def _by_key(rows: Sequence[R]) -> dict[str, R]:
    by_key: dict[str, R] = {}
    for row in rows:
        key = _key(row.episode.path)
        if key in by_key:
            raise LabelError(key, "has two entries", "keep one")
        by_key[key] = row
    return by_key


def _key(path: Path) -> str:
    return "/".join(path.parts[-2:])


def _paired(truths: Collection[str], answers: Collection[str]) -> dict[str, str]:
    """The key of each truth's answer; a name that several truths share settles nothing."""
    pairs = {key: key for key in truths if key in answers}
    for name_of in (_without_suffix, _stem):
        taken = set(pairs.values())
        offered = _grouped((key for key in answers if key not in taken), name_of)
        wanted = _grouped((key for key in truths if key not in pairs), name_of)
        for name, (key, *more) in wanted.items():
            fits = offered.get(name, [])
            if name_of is _stem and not _is_id(key):
                fits = [answer for answer in fits if _is_id(answer)]
            if fits and not more:
                if len(fits) > 1:
                    raise LabelError(name, "has two entries", "keep one")
                pairs[key] = fits[0]
    return pairs


def _grouped(keys: Iterable[str], name_of: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(name_of(key), []).append(key)
    return groups


def _without_suffix(key: str) -> str:
    return f"{PurePosixPath(key).parent.name}/{_stem(key)}"


def _stem(key: str) -> str:
    return PurePosixPath(key).stem


def _is_id(key: str) -> bool:
    """Whether a path says no more than an id: "<id>/<id>.mp4", or a file without a folder."""
    return PurePosixPath(key).parent.name in ("", _stem(key))
