from __future__ import annotations

import json
from pathlib import Path

import pytest

from test_labels import label
from zastavka.detection import Detection, Failure, Finding, write_detections
from zastavka.episode import Episode
from zastavka.errors import LabelError
from zastavka.labels import LabelProblem
from zastavka.segment import Segment
from zastavka.truth import read_truth


def test_the_truth_of_composed_episodes(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    intro = {"type": "intro", "start": 12.5, "end": 42.0}
    rows = {
        "new-song/S01E02.mkv": {"series": "new-song", "duration": 300.0, "segments": [intro]},
        "new-song/S01E03.mkv": {"series": "new-song", "duration": 30.0, "segments": [intro]},
        "no-theme/S01E01.mkv": {"series": "no-theme", "duration": 200.0, "segments": []},
    }
    path.write_text(json.dumps(rows))
    problems: list[LabelProblem] = []
    truth = read_truth(path, on_problem=problems.append)
    assert [d.episode for d in truth] == [
        Episode(Path("new-song/S01E02.mkv"), "new-song", 1, 2),
        Episode(Path("no-theme/S01E01.mkv"), "no-theme", 1, 1),
    ]
    assert truth[0].segments() == (Segment(12.5, 42.0),)
    assert (truth[0].duration, truth[1].segments()) == (300.0, ())
    assert [(p.id, p.kind) for p in problems] == [("new-song/S01E03.mkv", "beyond-end")]
    below = read_truth(path, Path("/videos"), problems.append)
    assert below[0].episode.path == Path("/videos/new-song/S01E02.mkv")


def test_a_composed_episode_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    row = '"A/S01E01.mkv": {"series": "A", "duration": 9, "segments": []}'
    path.write_text(f"{{{row}, {row}}}")
    problems: list[LabelProblem] = []
    assert read_truth(path, on_problem=problems.append) == []
    assert [(p.id, p.kind) for p in problems] == [("A/S01E01.mkv", "duplicate")]


BAD_ROWS: dict[str, tuple[object, str, str]] = {
    "A/swapped.mkv": (
        {"segments": [{"start": 9, "end": 8}]}, "order", "end 8 is not after start 9",
    ),
    "A/minus.mkv": (
        {"segments": [{"start": -1, "end": 8}]}, "malformed",
        "can't be taken: not a segment: [-1.0, 8.0)",
    ),
    "A/open.mkv": (
        {"segments": [{"start": 1}]}, "malformed",
        "can't be taken: segments.0.end: Field required",
    ),
    "A/spoken.mkv": ({"segments": "none"}, "malformed", "can't be taken: segments: Input"),
    "A/length.mkv": ({"segments": [], "duration": -1}, "malformed", "can't be taken: duration: "),
}  # fmt: skip
NO_ROWS: dict[str, tuple[object, str, str]] = {
    "A/nothing.mkv": (None, "malformed", "can't be taken: "),
    "A/mute.mkv": ({"series": "A"}, "missing-key", "has no 'segments'"),
}


def test_one_bad_row_of_composed_episodes_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    path, bad = tmp_path / "truth.json", BAD_ROWS | NO_ROWS
    rows = {"A/1.mkv": {"segments": [{"start": 1, "end": 2}]}}
    path.write_text(
        json.dumps(rows | {id: row for id, (row, _, _) in bad.items()} | {"B/1": rows["A/1.mkv"]})
    )
    problems: list[LabelProblem] = []
    truth = read_truth(path, on_problem=problems.append)
    assert [d.episode.path.as_posix() for d in truth] == ["A/1.mkv", "B/1"]
    assert_named(problems, bad)
    with pytest.raises(LabelError, match=r"7 doubtful labels, the first is A/swapped\.mkv: end 8"):
        read_truth(path)


def test_one_bad_row_of_a_run_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    good = {"path": "S/1.mkv", "segments": [{"start": 1, "end": 2}]}
    twice = {"path": "S/2.mkv"}
    rows = [
        good,
        *({"path": id, **row} for id, (row, _, _) in BAD_ROWS.items() if isinstance(row, dict)),
    ]
    path.write_text(json.dumps({"episodes": [*rows, twice, 5, {"path": 5}, twice]}))
    problems: list[LabelProblem] = []
    assert [d.segments() for d in read_truth(path, on_problem=problems.append)] == [
        (Segment(1, 2),)
    ]
    more = {
        "S/2.mkv": (twice, "duplicate", "'S/2.mkv' is there more than once"),
        "episodes[7]": (5, "malformed", "can't be taken: "),
        "episodes[8]": (5, "malformed", "can't be taken: path: "),
    }
    assert [p.id for p in problems][-1] == "S/2.mkv"  # both of two are named
    assert_named(problems[:-1], BAD_ROWS | more)


def assert_named(problems: list[LabelProblem], bad: dict[str, tuple[object, str, str]]) -> None:
    assert [(p.id, p.kind) for p in problems] == [(id, kind) for id, (_, kind, _) in bad.items()]
    for problem, (_, _, reason) in zip(problems, bad.values(), strict=True):
        assert problem.reason.startswith(reason)


def test_our_own_detections_as_truth(tmp_path: Path) -> None:
    sure, none = label("S/1.mkv", Segment(1, 2), duration=9.0), label("S/2.mkv", duration=9.0)
    review = Finding(segment=Segment(1, 2), status="review")
    unsure = Detection(episode=Episode(Path("S/3.mkv")), duration=9.0, findings=(review,))
    failed = Failure(Episode(Path("S/4.mkv")), "S/4.mkv: is empty; copy it again")
    write_detections(tmp_path / "d.json", [sure, none, unsure, failed])
    problems: list[LabelProblem] = []
    assert read_truth(tmp_path / "d.json", on_problem=problems.append) == [sure, none]
    assert [str(problem) for problem in problems] == [
        "S/3.mkv: awaits review",
        "S/4.mkv: was not done: S/4.mkv: is empty; copy it again",
    ]
