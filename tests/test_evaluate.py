from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from zastavka.counts import Counts
from zastavka.detection import Detection, Failure, Finding, to_json
from zastavka.episode import Episode
from zastavka.errors import LabelError
from zastavka.evaluate import Report, constant_answers, evaluate
from zastavka.segment import Segment
from zastavka.tables import CONFIDENCE
from zastavka.trust import Answer, Point

INTROBENCH = os.environ.get("ZASTAVKA_INTROBENCH")

Span = tuple[float, float]


def detection(
    name: str, *spans: Span, duration: float | None = 100.0, review: Sequence[Span] = ()
) -> Detection:
    series, _, _ = name.partition("/")
    findings = [Finding(segment=Segment(*span)) for span in spans]
    findings += [
        Finding(segment=Segment(*span), status="review", confidence=0.3) for span in review
    ]
    episode = Episode(Path(name), series=series)
    return Detection(episode=episode, duration=duration, findings=tuple(findings))


def judge(truth: Detection, found: Detection | Failure) -> Report:
    return evaluate([truth], [found])


def test_one_answer_by_hand() -> None:
    report = judge(detection("S/1.mkv", (10, 20)), detection("S/1.mkv", (12, 21)))
    figures = report.pooled().figures()
    # 80 of 90 found frames, of 100 true ones; 8 s of 11 s in common; 1 s of story in 100 s
    assert figures["precision"] == round(80 / 90, 4)
    assert figures["recall"] == 0.8
    assert figures["f1"] == round(160 / 190, 4)
    assert figures["iou"] == round(8 / 11, 4)
    assert (figures["hit@.5"], figures["hit@.9"]) == (1.0, 0.0)
    assert (figures["start_p50"], figures["end_p50"]) == (2.0, 1.0)
    assert (figures["edge_p50"], figures["edge_p90"]) == (1.5, 1.9)
    assert [figures[f"start<={x}"] for x in ("0.1", "0.5", "1", "2", "5")] == [0, 0, 0, 1, 1]
    assert [figures[f"end<={x}"] for x in ("0.1", "0.5", "1", "2", "5")] == [0, 0, 1, 1, 1]
    assert figures["story_s/h"] == 36.0
    assert figures["wrong/100"] == 0
    assert figures["false_alarm"] is None
    assert (figures["useful"], figures["wrong"], figures["missed"]) == (1, 0, 0)
    assert figures["right"] == 1.0
    assert report.pooled().start_errors == (2.0,)


def test_a_miss_is_an_iou_of_zero() -> None:
    truth = [detection("S/1.mkv", (10, 20)), detection("S/2.mkv", (10, 20))]
    report = evaluate(truth, [detection("S/1.mkv", (10, 20)), detection("S/2.mkv")])
    figures = report.pooled().figures()
    assert figures["iou"] == 0.5
    assert figures["start<=5"] == 0.5  # a miss finds no edge
    assert figures["edge_p90"] == 0.0  # which no error of hits tells
    assert (figures["useful"], figures["missed"]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([(30, 60)], "useful"),
        ([(15, 65)], "useful"),  # 15 s early, 5 s late, IoU 0.6
        ([(14.9, 60)], "wrong"),
        ([(30, 65.1)], "wrong"),
        ([(44, 59)], "useful"),  # IoU 0.5
        ([(44.1, 59)], "wrong"),  # IoU below
        ([(70, 80)], "wrong"),
        ([(30, 60), (70, 80)], "wrong"),
        ([(30, 60), (30, 60)], "wrong"),  # a second skip from the same place
        ([], "missed"),
    ],
)
def test_verdict(found: list[Span], verdict: str) -> None:
    report = judge(detection("S/1.mkv", (30, 60)), detection("S/1.mkv", *found))
    assert report.episodes[0].verdict == verdict


def test_verdict_without_the_segment() -> None:
    none = detection("S/1.mkv")
    assert judge(none, none).episodes[0].verdict == "clean"
    assert judge(none, detection("S/1.mkv", (1, 2))).episodes[0].verdict == "alarm"
    assert judge(none, detection("S/1.mkv", review=[(1, 2)])).episodes[0].verdict == "clean"


@pytest.mark.parametrize(
    ("found", "right"),
    [
        ((10.0, 20.0), True),
        ((9.6, 20.6), True),  # 1.0 s outside, both sides together
        ((9.6, 20.7), False),
        ((15.0, 20.0), True),  # half of it, nothing outside
        ((15.1, 20.0), False),
        ((40.0, 50.0), False),
    ],
)
def test_right(found: Span, right: bool) -> None:
    report = judge(detection("S/1.mkv", (10, 20)), detection("S/1.mkv", found))
    assert report.pooled().answers == (Answer(1.0, right, True),)
    assert report.pooled().figures()["right"] == float(right)


def test_a_failure_is_not_no_intro() -> None:
    none = detection("S/1.mkv")
    failed = Failure(none.episode, "S/1.mkv: is empty; copy it again")
    report = judge(none, failed)
    assert report.episodes[0].verdict == "failed"
    assert report.pooled().failures == 1
    assert report.to_dict()["failed"] == {"S/1.mkv": failed.error}
    assert judge(none, none).pooled().failures == 0
    # with an intro it is a miss for the frames, and still not "missed"
    figures = judge(detection("S/1.mkv", (1, 2)), failed).pooled().figures()
    assert (figures["iou"], figures["recall"], figures["missed"]) == (0, 0, 0)


def test_review_is_no_answer_but_shows_in_the_calibration() -> None:
    report = judge(detection("S/1.mkv", (10, 20)), detection("S/1.mkv", review=[(10, 20)]))
    assert report.episodes[0].verdict == "missed"
    figures = report.pooled().figures()
    assert (figures["iou"], figures["right"]) == (0, None)
    assert figures["ece"] == 0.7  # said 0.3, was right


def test_other_types_are_left_alone() -> None:
    credits = Finding(segment=Segment(90, 100), type="credits")
    intro = Finding(segment=Segment(10, 20))
    both = Detection(episode=Episode(Path("S/1.mkv")), duration=100.0, findings=(intro, credits))
    assert judge(both, detection("S/1.mkv", (10, 20))).pooled().ious == (1.0,)
    report = evaluate([both], [detection("S/1.mkv", (10, 20))], type="credits")
    assert report.pooled().ious == (0.0,)


def test_entries_are_matched_by_the_last_two_parts() -> None:
    truth = [detection("S/1.mkv", (1, 2)), detection("S/2.mkv", (1, 2)), detection("T/1.mkv")]
    found = [detection("/videos/all/S/1.mkv", (1, 2)), detection("U/1.mkv")]
    report = evaluate(truth, found)
    assert report.missing == ("S/2.mkv", "T/1.mkv")
    assert report.unknown == ("U/1.mkv",)
    assert report.pooled().ious == (1.0, 0.0)
    alone = evaluate(truth, found, without=("S",))
    assert [judged.episode.series for judged in alone.episodes] == ["T"]
    assert alone.unknown == ("U/1.mkv",)


@pytest.mark.parametrize(
    ("true", "got"),
    [
        ("-5_1/-5_1.mp4", "videos/-5_1.mkv"),  # labels know ids alone
        ("-5_1/-5_1.mp4", "-5_1.mkv"),
        ("-5_1/-5_1.mp4", "/videos/-5_1/-5_1.mkv"),
        ("-5_1.part.1/-5_1.part.1.mp4", "videos/-5_1.part.1.mkv"),
        ("A/S01E02/A/S01E02.mp4", "videos/A/S01E02.mkv"),  # an id that is a path
        ("videos/-5_1.mkv", "-5_1/-5_1.mp4"),  # answers can have no more than ids as well
        ("videos/-5_1.mkv", "-5_1.mkv"),
        ("S/1.mkv", "S/1.mp4"),
    ],
)
def test_an_id_is_enough(true: str, got: str) -> None:
    truth = [detection(true, (10, 20)), detection("other/-5_10.mp4", (10, 20))]
    report = evaluate(truth, [detection(got, (10, 20))], work={Path(got): 2.0})
    assert (report.missing, report.unknown) == (("other/-5_10.mp4",), ())
    assert report.pooled().ious == (1.0, 0.0)
    assert report.pooled().work == (2.0,)


def test_a_name_without_its_folder_settles_nothing_alone() -> None:
    one = [detection("A/S01E01.mkv", (1, 2))]
    assert evaluate(one, [detection("B/S01E01.mkv")]).unknown == ("B/S01E01.mkv",)
    two = [*one, detection("B/S01E01.mkv")]
    assert evaluate(two, [detection("S01E01.mkv")]).unknown == ("S01E01.mkv",)
    # the exact one is taken, and no other falls to it
    found = [detection("A/S01E01.mkv"), detection("S01E01.mkv")]
    assert evaluate(one, found).unknown == ("S01E01.mkv",)
    with pytest.raises(LabelError, match="-5_1: has two entries; keep one"):
        evaluate([detection("-5_1/-5_1.mp4")], [detection("a/-5_1.mkv"), detection("b/-5_1.mkv")])


def test_two_entries_for_one_episode_are_refused() -> None:
    one = detection("S/1.mkv")
    with pytest.raises(LabelError, match=r"S/1\.mkv: has two entries"):
        evaluate([one], [one, detection("/elsewhere/S/1.mkv")])
    with pytest.raises(LabelError, match="two entries"):
        evaluate([one, one], [])


def test_macro_is_the_mean_over_series() -> None:
    truth = [detection("A/1.mkv", (10, 20)), detection("A/2.mkv", (10, 20)), detection("B/1.mkv")]
    truth.append(detection("C/1.mkv", (10, 20)))
    found = [detection("A/1.mkv", (10, 20)), detection("A/2.mkv"), detection("B/1.mkv")]
    found.append(detection("C/1.mkv", (10, 20)))
    report = evaluate(truth, found)
    macro = report.macro()
    assert macro["iou"] == 0.75  # A 0.5, C 1; B has none
    assert macro["false_alarm"] == 0  # of B alone
    assert macro["episodes"] == 4
    assert report.pooled().figures()["iou"] == round(2 / 3, 4)


def test_labels_without_duration_take_that_of_the_answer_or_none() -> None:
    truth = detection("S/1.mkv", (10, 20), duration=None)
    known = judge(truth, detection("S/1.mkv", (10, 22), duration=100.0)).pooled()
    assert known.figures()["story_s/h"] == 72.0
    unknown = judge(truth, detection("S/1.mkv", (10, 22), duration=None)).pooled()
    assert (unknown.tp, unknown.fp, unknown.fn) == (100, 20, 0)
    assert unknown.figures()["story_s/h"] is None


def test_work_is_averaged_over_the_episodes_timed() -> None:
    truth = [detection("S/1.mkv"), detection("S/2.mkv"), detection("S/3.mkv")]
    work = {Path("/v/S/1.mkv"): 2.0, Path("/v/S/2.mkv"): 3.0}
    assert evaluate(truth, truth, work=work).pooled().figures()["work_s"] == 2.5
    assert evaluate(truth, truth).pooled().figures()["work_s"] is None


def test_counts_add_up() -> None:
    truth, found = draw(random.Random(3), 12)
    whole = evaluate(truth, found)
    halves = [
        evaluate(truth[part], [f for f in found if f.episode.path in paths])
        for part in (slice(0, 5), slice(5, None))
        for paths in [{t.episode.path for t in truth[part]}]
    ]
    added = Counts.total(j.counts for h in halves for j in h.episodes)
    assert (halves[0].pooled() + halves[1].pooled()).episodes == 12
    assert added.figures() == Counts.total(j.counts for j in whole.episodes).figures()
    assert Counts() + added == added


def test_the_constant_answers_everywhere() -> None:
    truth = [detection("S/1.mkv", (5, 15)), detection("S/2.mkv")]
    report = evaluate(truth, constant_answers(truth))
    assert [judged.verdict for judged in report.episodes] == ["useful", "alarm"]
    assert report.pooled().ious == (1.0,)


def test_precision_against_coverage_by_hand() -> None:
    truth = [detection(f"S/{i}.mkv", (10, 20)) for i in range(4)]
    confidences = (0.9, 0.8, 0.8)
    spans = ((10, 20), (10, 20), (50, 60))
    found = [
        Detection(
            episode=Episode(Path(f"S/{i}.mkv")),
            duration=100.0,
            findings=(Finding(segment=Segment(*span), confidence=confidence),),
        )
        for i, (span, confidence) in enumerate(zip(spans, confidences, strict=True))
    ]
    curve = evaluate(truth, found).precision_coverage()
    assert curve == [Point(0.9, 1.0, 0.25), Point(0.8, 2 / 3, 0.75)]


def test_that_there_is_none_is_an_answer_with_a_confidence() -> None:
    truth = [detection("S/1.mkv", (10, 20)), detection("S/2.mkv"), detection("S/3.mkv")]
    found = [
        replace(detection("S/1.mkv", review=[(10, 20)]), not_found_confidence=0.6),
        replace(detection("S/2.mkv"), not_found_confidence=0.9),
        replace(detection("S/3.mkv", (1, 2)), not_found_confidence=0.2),  # which says nothing
    ]
    report = evaluate(truth, found)
    assert [judged.none for judged in report.episodes] == [0.6, 0.9, None]
    assert report.pooled().said == (
        (Answer(0.3, True, False), Answer(0.6, False, False, none=True)),
        (Answer(0.9, True, False, none=True),),
        (Answer(1.0, False, True),),
    )
    figures = report.pooled().figures()
    # 0.9 and 1.0 share a bin, half of it right
    assert figures["ece"] == round((0.7 + 0.6 + 2 * 0.45) / 4, 4)
    assert figures["ece_mass"] == round((0.7 + 0.6 + 0.1 + 1.0) / 4, 4)
    # surest first: a false alarm, rightly none, and a none that is surer than the segment in review
    assert report.precision_coverage() == [
        Point(1.0, 0.0, 1 / 3), Point(0.9, 0.5, 2 / 3), Point(0.6, 1 / 3, 1.0),
    ]  # fmt: skip
    at = [figures[name] for name in ("right@.5", "right@.8", "right@1", "cover@.99")]
    assert at == [0.5, 0.3333, 0.3333, 0.0]
    assert figures["right"] == 0.0  # of what is found alone
    # it is no word on credits
    assert evaluate(truth, found, type="credits").pooled().answers == ()


def test_nothing_but_confidence_knows_what_awaits_review() -> None:
    truth, found = draw(random.Random(5), 30)
    without = [
        replace(f, findings=tuple(x for x in f.findings if x.status == "found"))
        if isinstance(f, Detection)
        else f
        for f in found
    ]
    theirs, ours = (evaluate(truth, each).pooled().figures() for each in (without, found))
    changed = {name for name in ours if ours[name] != theirs[name]}
    assert {"ece", "ece_mass"} <= changed <= {*CONFIDENCE}


def draw(rng: random.Random, n: int) -> tuple[list[Detection], list[Detection | Failure]]:
    """Truth and answers of all kinds: none, several, exact, near, far, review, failed, absent."""
    truth: list[Detection] = []
    found: list[Detection | Failure] = []
    for i in range(n):
        duration = rng.choice([rng.uniform(60, 1500), float(rng.randint(60, 1500))])
        name = f"{rng.choice('ABCD')}/S01E{i:02d}.mkv"
        true = [span(rng, duration) for _ in range(rng.choice([0, 1, 1, 1, 2, 3]))]
        truth.append(detection(name, *true, duration=duration))
        kind = rng.random()
        if kind < 0.05:
            continue
        if kind < 0.1:
            found.append(Failure(truth[-1].episode, "broken"))
            continue
        near = [nudged(rng, t, duration) for t in true if rng.random() < 0.8]
        far = [span(rng, duration) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
        got = near + far
        rng.shuffle(got)
        review = [span(rng, duration)] if rng.random() < 0.2 else []
        found.append(detection(name, *got, duration=duration, review=review))
    return truth, found


def span(rng: random.Random, duration: float) -> Span:
    digits = rng.choice([0, 1, 2, 4])
    start = round(rng.uniform(0, duration - 20), digits)
    return start, round(start + rng.choice([1.0, rng.uniform(1, 19)]), digits) + 1


def nudged(rng: random.Random, span: Span, duration: float) -> Span:
    size = rng.choice([0.0, 0.05, 1.0, 4.0, 20.0])
    start = max(0.0, round(span[0] + rng.uniform(-size, size), 2))
    # past the end of the file as well
    return start, max(start + 0.5, min(round(span[1] + rng.uniform(-size, size), 2), duration + 3))


@pytest.mark.introbench
@pytest.mark.skipif(not INTROBENCH, reason="ZASTAVKA_INTROBENCH names no folder of introbench")
@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_the_referee(seed: int, tmp_path: Path) -> None:
    truth, found = draw(random.Random(seed), 40)
    without = ("B",) if seed % 4 == 3 else ()
    documents = {
        t.episode.path.as_posix(): {
            "series": t.episode.series,
            "duration": t.duration,
            "segments": [
                {"type": f.type, "start": f.segment.start, "end": f.segment.end} for f in t.findings
            ],
        }
        for t in truth
    }
    (tmp_path / "truth.json").write_text(json.dumps(documents))
    (tmp_path / "found.json").write_text(to_json(found))
    assert INTROBENCH is not None
    command = [sys.executable, str(Path(INTROBENCH) / "score.py"), "truth.json", "found.json"]
    command += ["--json", *(("--without", *without) if without else ())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    theirs = json.loads(done.stdout)
    ours = evaluate(truth, found, without=without).to_dict()
    assert ours["missing"] == theirs["missing"]
    assert compared(ours, theirs) == {"series": theirs["series"], "macro": theirs["macro"]} | {
        "pooled": theirs["pooled"]
    }


def compared(ours: dict[str, object], theirs: dict[str, dict[str, object]]) -> dict[str, object]:
    """Our figures, of those that the referee has."""
    result: dict[str, object] = {}
    for key in ("series", "macro", "pooled"):
        mine = ours[key]
        assert isinstance(mine, dict)
        if key == "series":
            assert mine.keys() == theirs[key].keys()
            rows = theirs[key].items()
            result[key] = {n: {f: mine[n][f] for f in r} for n, r in rows if isinstance(r, dict)}
        else:
            result[key] = {figure: mine[figure] for figure in theirs[key]}
    return result


def test_every_figure_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "formats.md").read_text("utf-8")
    known = set(re.findall(r"`([^`\n]+)`", text.split("The figures:")[1]))
    families = {"start_p50", "start_p90", "end_p50", "end_p90"}  # named as `start_*` and `end_*`
    for figure in Counts().figures().keys() - families:
        assert figure in known or figure.split("<=")[0] in ("start", "end"), figure


def test_work_that_the_answers_tell_is_counted() -> None:
    episode = Episode(Path("S/E1.mkv"))
    true = Detection(episode=episode, duration=100.0)
    found = Detection(episode=episode, duration=100.0, work=2.5)
    assert evaluate([true], [found]).pooled().figures()["work_s"] == 2.5
    assert evaluate([true], [true]).pooled().figures()["work_s"] is None
