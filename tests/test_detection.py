from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.detection import (
    Detection,
    Failure,
    Finding,
    Status,
    doubted,
    parse_detections,
    read_detections,
    to_json,
    write_detections,
)
from zastavka.episode import Episode
from zastavka.errors import LabelError
from zastavka.segment import Segment

EPISODE = Episode(Path("S/S01E02.mkv"), "S", 1, 2)
FINDING = Finding(
    segment=Segment(43.0, 132.5),
    confidence=0.97,
    sources=("sound", "picture", "model"),
    reason="repeats in 7 of 8 episodes",
)
ROW = {"path": "S/S01E02.mkv", "segments": [{"start": 43, "end": 132.5}]}


# not all of Unicode, whose table takes seconds to make; \udce9 is a name that is no UTF-8
texts = st.text('aя "\\\n\u2028\0😀\udce9', max_size=8)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    start, length = draw(st.integers(0, 10**8)), draw(st.integers(1, 10**7))
    statuses: st.SearchStrategy[Status] = st.sampled_from(("found", "review"))
    return Finding(
        segment=Segment(start / 10**4, (start + length) / 10**4),
        type=draw(st.sampled_from(("intro", "credits"))),
        confidence=draw(st.integers(0, 10**4)) / 10**4,
        status=draw(statuses),
        sources=tuple(draw(st.lists(texts, max_size=3))),
        reason=draw(st.none() | texts),
    )


@st.composite
def results(draw: st.DrawFn) -> Detection | Failure:
    names = st.text("abя-. []$", min_size=1, max_size=8).filter(lambda name: set(name) != {"."})
    path = Path(draw(names), draw(names))
    number = st.none() | st.integers(0, 2000)
    episode = Episode(path, draw(st.none() | texts), draw(number), draw(number))
    if draw(st.booleans()):
        return Failure(episode, draw(texts.filter(bool)))
    return Detection(
        episode=episode,
        duration=draw(st.none() | st.floats(0, 1e5)),
        findings=tuple(draw(st.lists(findings(), max_size=3))),
        not_found_reason=draw(st.none() | texts),
        not_found_confidence=draw(st.none() | st.integers(0, 10**4).map(lambda n: n / 10**4)),
    )


@given(st.lists(results(), max_size=4))
def test_what_is_written_is_read(rows: list[Detection | Failure]) -> None:
    document = json.loads(to_json(rows).encode())
    assert parse_detections(document, Path("x.json")) == rows


def test_the_document_of_a_run(tmp_path: Path) -> None:
    rows: list[Detection | Failure] = [
        Detection(episode=EPISODE, duration=1420.0, findings=(FINDING,)),
        Failure(Episode(Path("S/-3.mkv")), "S/-3.mkv: is empty; copy it again"),
    ]
    write_detections(tmp_path / "found.json", rows)
    document = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert document["version"] == 1
    assert document["generator"].startswith("zastavka ")
    assert document["episodes"] == [
        {
            "path": "S/S01E02.mkv",
            "series": "S",
            "season": 1,
            "number": 2,
            "duration": 1420.0,
            "error": None,
            "segments": [
                {
                    "type": "intro",
                    "start": 43.0,
                    "end": 132.5,
                    "status": "found",
                    "confidence": 0.97,
                    "sources": ["sound", "picture", "model"],
                    "reason": "repeats in 7 of 8 episodes",
                }
            ],
            "not_found_reason": None,
        },
        {
            "path": "S/-3.mkv",
            "series": None,
            "season": None,
            "number": None,
            "duration": None,
            "error": "S/-3.mkv: is empty; copy it again",
            "segments": [],
            "not_found_reason": None,
        },
    ]
    assert read_detections(tmp_path / "found.json") == rows


def test_that_there_is_none_has_a_confidence_where_it_is_known() -> None:
    unknown = Detection(episode=EPISODE, duration=None, not_found_reason="silence")
    known = replace(unknown, not_found_confidence=0.87)
    rows = json.loads(to_json([unknown, known]))["episodes"]
    assert "not_found_confidence" not in rows[0]
    assert rows[1] == {**rows[0], "not_found_confidence": 0.87}
    assert parse_detections({"episodes": rows}, Path("x.json")) == [unknown, known]
    assert unknown != known


def test_little_is_enough_and_more_is_no_harm() -> None:
    more = {**ROW, "colour": "red", "segments": [{"start": 43, "end": 132.5, "frames": 9}]}
    for row in (ROW, more):
        [result] = parse_detections({"episodes": [row]}, Path("x.json"))
        assert result == Detection(
            episode=Episode(Path("S/S01E02.mkv")),
            duration=None,
            findings=(Finding(segment=Segment(43.0, 132.5)),),
        )


def test_segments_are_those_found_of_a_type() -> None:
    review = Finding(segment=Segment(1, 2), status="review")
    credits = Finding(segment=Segment(1300, 1400), type="credits")
    detection = Detection(episode=EPISODE, duration=None, findings=(review, FINDING, credits))
    assert detection.segments() == (FINDING.segment,)
    assert detection.segments("credits") == (credits.segment,)
    assert detection.segments("recap") == ()


def answer(*findings: Finding, reason: str | None = None) -> Detection:
    return Detection(
        episode=EPISODE, duration=None, findings=findings, not_found_reason=reason, work=2.0
    )


def finding(confidence: float, type: str = "intro", status: Status = "found") -> Finding:
    return Finding(segment=Segment(1, 2), type=type, confidence=confidence, status=status)


def test_what_is_not_sure_enough_for_the_reader_awaits_review() -> None:
    failure = Failure(EPISODE, "broken")
    sure, unsure = answer(FINDING), answer(finding(0.62))
    results = doubted([sure, unsure, failure], 0.8)
    assert results[::2] == [sure, failure]
    why = "not sure enough: 0.62 is below 0.80"
    held = replace(finding(0.62), status="review", reason=why)
    assert results[1] == answer(held, reason=why)
    assert isinstance(results[1], Detection)
    assert (results[1].segments(), results[1].work) == ((), 2.0)
    assert doubted([unsure], 0.62) == [unsure]  # no less than asked for


def test_every_type_can_be_doubted_and_only_the_intro_s_loss_needs_a_reason() -> None:
    logo = replace(finding(0.5, "logo"), reason="repeats in 4 of 8 episodes")
    [result] = doubted([answer(FINDING, logo)], 0.9)
    held = "repeats in 4 of 8 episodes; not sure enough: 0.50 is below 0.90"
    assert result == answer(FINDING, replace(logo, status="review", reason=held))
    [result] = doubted([answer(logo, reason="silence")], 0.9)
    assert isinstance(result, Detection)
    assert result.not_found_reason == "silence"
    [result] = doubted([answer(finding(0.5), finding(0.95))], 0.9)
    assert isinstance(result, Detection)
    assert ([f.status for f in result.findings], result.not_found_reason) == (
        ["review", "found"], None
    )  # fmt: skip


def test_a_low_bar_promotes_nothing() -> None:
    card = answer(finding(0.7, status="review"), reason="not sure enough: it may be a logo")
    assert doubted([card], 0.0) == [card]
    assert doubted([card], 0.9) == [card]


def test_a_doubt_has_as_many_digits_as_tell_the_two_apart() -> None:
    [result] = doubted([answer(finding(0.79996))], 0.8)
    assert isinstance(result, Detection)
    assert result.not_found_reason == "not sure enough: 0.79996 is below 0.80000"


@given(st.lists(results(), max_size=4), st.floats(0, 1))
def test_doubting_twice_is_doubting_once(rows: list[Detection | Failure], least: float) -> None:
    once = doubted(rows, least)
    assert doubted(once, least) == once
    for before, after in zip(rows, once, strict=True):
        if isinstance(before, Detection) and isinstance(after, Detection):
            for old, new in zip(before.findings, after.findings, strict=True):
                assert (new.status == "found") == (
                    old.status == "found" and old.confidence >= least
                )


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_a_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        Finding(segment=Segment(0, 1), confidence=confidence)
    with pytest.raises(ValueError, match=r"not_found_confidence .* outside \[0, 1\]"):
        Detection(episode=EPISODE, duration=None, not_found_confidence=confidence)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"path": None}, "path: Input should be a valid string"),
        ({"duration": -1}, "duration: "),
        ({"duration": float("nan")}, "duration: "),
        ({"season": "first"}, "season: "),
        ({"segments": [{"start": 5}]}, r"segments\.0\.end: Field required"),
        ({"segments": [{"start": 5, "end": 5}]}, "not a segment"),
        ({"segments": [{"start": -5, "end": 5}]}, "not a segment"),
        ({"segments": [{"start": 5, "end": "later"}]}, r"segments\.0\.end: "),
        ({"segments": [{"start": 5, "end": 6, "status": "maybe"}]}, r"segments\.0\.status: "),
        ({"segments": [{"start": 5, "end": 6, "confidence": 2}]}, "confidence 2"),
        ({"segments": 7}, "segments: "),
        ({"not_found_confidence": 1.5}, r"not_found_confidence 1\.5 is outside"),
        ({"not_found_confidence": "much"}, "not_found_confidence: "),
    ],
)
def test_a_wrong_row_is_named(change: dict[str, object], reason: str) -> None:
    document = {"episodes": [ROW, {**ROW, "path": "S/two.mkv"} | change]}
    name = change.get("path", "S/two.mkv")
    with pytest.raises(LabelError, match=rf"x\.json: episode {name}: {reason}.*; mend"):
        parse_detections(document, Path("x.json"))


def test_a_row_that_is_no_object_is_counted() -> None:
    with pytest.raises(LabelError, match="episode 1: "):
        parse_detections({"episodes": [ROW, 5]}, Path("x.json"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("\xff\xfe", "is not JSON"),
        ("[]", "has no list 'episodes'"),
        ("5", "has no list 'episodes'"),
        ('{"episodes": {}}', "has no list 'episodes'"),
        ('{"version": 2, "episodes": []}', r"is of another format \(2\); update"),
        ('{"version": "one", "episodes": []}', r"is of another format \(one\)"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "found.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LabelError, match=rf"found\.json: {reason}"):
        read_detections(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"gone\.json: can't be read: No such file"):
        read_detections(tmp_path / "gone.json")


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_text('{"episodes": []}', encoding="utf-8-sig")
    assert read_detections(path) == []
