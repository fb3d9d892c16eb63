from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.detection import Detection, Finding
from zastavka.episode import Episode
from zastavka.errors import LabelError, MediaError
from zastavka.labels import (
    REASONS,
    LabelProblem,
    format_time,
    parse_time,
    read_labels,
    write_labels,
)
from zastavka.segment import Segment
from zastavka.truth import read_truth

VK_LABELS = os.environ.get("ZASTAVKA_VK_LABELS")

# The oddities of real files, and worse ones, with the reason of each that can't be used.
SAMPLE = """{
    "-17_1": {"url": "https://example.org/-17_1", "name": "Мосты. 2 сезон, 16 серия",
              "start": "0:01:05", "end": "0:01:15"},
    "-17_2": {"url": "", "name": "Mocты. 2 сезон. 17 серия.",
              "start": "1:00:00.25", "end": "1:00:07"},
    "plain": {"start": "0:00:00", "end": "0:00:08"},
    "none": {"name": "Show S01E02", "start": null, "end": null},
    "unmarked": {"name": "Show S01E03"},
    "-swapped": {"name": "Мосты. 1 сезон, 3 серия", "start": "0:03:47", "end": "0:03:10"},
    "empty": {"start": "0:03:47", "end": "0:03:47"},
    "short": {"start": "3:47", "end": "0:03:55"},
    "minutes": {"start": "0:60:00", "end": "1:01:00"},
    "number": {"start": 5, "end": 15},
    "minus": {"start": "-0:00:05", "end": "0:00:15"},
    "spoken": {"start": "0:00:05", "end": "soon"},
    "half": {"start": "0:00:05"},
    "otherhalf": {"start": null, "end": "0:00:15"},
    "list": ["0:00:05", "0:00:15"],
    "text": "0:00:05",
    "nothing": null,
    "twice": {"start": "0:00:05", "end": "0:00:15"},
    "twice": {"start": "0:00:06", "end": "0:00:16"},
    "inside": {"start": "0:00:05", "start": "0:00:06", "end": "0:00:15"}
}"""

REFUSED = {
    "-swapped": ("order", "end 0:03:10 is not after start 0:03:47"),
    "empty": ("order", "end 0:03:47 is not after start 0:03:47"),
    "short": ("bad-time", "start '3:47' is not H:MM:SS"),
    "minutes": ("bad-time", "start '0:60:00' is not H:MM:SS"),
    "number": ("bad-time", "start '5' is not H:MM:SS"),
    "minus": ("bad-time", "start '-0:00:05' is not H:MM:SS"),
    "spoken": ("bad-time", "end 'soon' is not H:MM:SS"),
    "half": ("missing-key", "has no 'end'"),
    "otherhalf": ("missing-key", "has no 'start'"),
    "list": ("not-an-object", "is not an object with 'start' and 'end'"),
    "text": ("not-an-object", "is not an object with 'start' and 'end'"),
    "nothing": ("not-an-object", "is not an object with 'start' and 'end'"),
    "twice": ("duplicate", "'twice' is there more than once"),
    "inside": ("duplicate", "'start' is there more than once"),
}


def label(path: str, *segments: Segment, duration: float | None = None) -> Detection:
    return Detection(
        episode=Episode(Path(path)),
        duration=duration,
        findings=tuple(Finding(segment=segment, sources=("label",)) for segment in segments),
    )


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "labels.json"
    path.write_text(SAMPLE, encoding="utf-8")
    return path


def test_usable_labels(sample: Path) -> None:
    detections = {d.episode.path.stem: d for d in read_labels(sample).detections}
    assert list(detections) == ["-17_1", "-17_2", "plain", "none", "unmarked"]
    assert {id: d.segments() for id, d in detections.items()} == {
        "-17_1": (Segment(65, 75),),
        "-17_2": (Segment(3600.25, 3607),),
        "plain": (Segment(0, 8),),
        "none": (),
        "unmarked": (),
    }
    one, two = (detections[id].episode for id in ("-17_1", "-17_2"))
    assert one == Episode(Path("-17_1/-17_1.mp4"), "Мосты", 2, 16)
    assert two.series == "Мосты"  # though written in two alphabets
    assert detections["-17_1"].findings[0].sources == ("label",)


def test_every_doubtful_label_is_named_with_its_reason(sample: Path) -> None:
    report = read_labels(sample)
    assert {p.id: (p.kind, p.reason) for p in report.problems} == REFUSED
    assert len(report.problems) == len(REFUSED)
    # nothing is lost: each id is either used or named
    used = {d.episode.path.stem for d in report.detections}
    assert used | set(REFUSED) == set(json.loads(SAMPLE))
    assert not used & set(REFUSED)
    assert str(report.problems[0]) == "-swapped: end 0:03:10 is not after start 0:03:47"
    assert {problem.kind for problem in report.problems} <= set(REASONS)


def test_what_stood_beside_the_times(sample: Path) -> None:
    notes = read_labels(sample).notes
    assert notes["-17_1"] == {
        "url": "https://example.org/-17_1",
        "name": "Мосты. 2 сезон, 16 серия",
    }
    assert notes["plain"] == {}


@pytest.mark.parametrize(
    "layout",
    ["{id}/{id}.mp4", "{id}/{id}.mkv", "{id}.webm", "{id}.MP4", "{id}.part.1/{id}.part.1.mp4"],
)
def test_videos_are_found(tmp_path: Path, layout: str) -> None:
    videos = tmp_path / "videos"
    video = videos / layout.format(id="-17_1")
    video.parent.mkdir(parents=True)
    video.touch()
    path = tmp_path / "labels.json"
    rows = {id: {"start": "0:00:05", "end": "0:00:15"} for id in (video.stem, "gone")}
    path.write_text(json.dumps(rows))
    report = read_labels(path, videos)
    [detection], [problem] = report.detections, report.problems
    assert (detection.episode.path, detection.segments()) == (video, (Segment(5, 15),))
    assert (problem.id, problem.kind) == ("gone", "missing-video")
    assert problem.reason == f"there is no video of it in {videos}"


def test_mp4_in_its_own_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a.mp4", "a/a.avi", "a/a.mp4"):
        (tmp_path / name).touch()
    path = tmp_path / "labels.json"
    path.write_text('{"a": {"start": "0:00:05", "end": "0:00:15"}}')
    assert read_labels(path, tmp_path).detections[0].episode.path == tmp_path / "a" / "a.mp4"


def test_labels_beyond_the_end(tmp_path: Path) -> None:
    rows = {id: {"start": "0:00:05", "end": "0:00:15"} for id in ("long", "fits", "short", "bad")}
    (tmp_path / "labels.json").write_text(json.dumps(rows))
    for id in rows:
        (tmp_path / f"{id}.mp4").touch()
    durations = {"long": 20.0, "fits": 14.97, "short": 14.9}

    def duration_of(file: Path) -> float:
        if file.stem == "bad":
            raise MediaError(file, "is empty", "copy it again")
        return durations[file.stem]

    report = read_labels(tmp_path / "labels.json", tmp_path, duration_of)
    assert [(d.episode.path.stem, d.duration) for d in report.detections] == [
        ("long", 20.0),
        ("fits", 14.97),  # within a picture of the end
    ]
    assert {p.id: p.kind for p in report.problems} == {
        "short": "beyond-end",
        "bad": "unreadable-video",
    }
    assert report.problems[0].reason == "end 0:00:15 is beyond the duration of 14.9 s"
    assert "bad.mp4: is empty; copy it again" in report.problems[1].reason


@pytest.mark.parametrize("text", ["[]", "5", '"labels"', "null"])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    for read in (read_labels, read_truth):
        with pytest.raises(LabelError, match=r"labels\.json: is not an object of labels"):
            read(path)


def test_a_folder_that_is_not_there(sample: Path) -> None:
    with pytest.raises(LabelError, match="gone: is not a folder"):
        read_labels(sample, sample.parent / "gone")


def test_written_labels_are_read_back(sample: Path, tmp_path: Path) -> None:
    report = read_labels(sample)
    write_labels(tmp_path / "new.json", report.detections, notes=report.notes)
    again = read_labels(tmp_path / "new.json")
    assert again.problems == []
    assert again.detections == report.detections
    old, new = json.loads(SAMPLE), json.loads((tmp_path / "new.json").read_text("utf-8"))
    assert new["-17_1"] == old["-17_1"]
    assert new["none"]["start"] is None


def test_ids_are_paths_below_the_videos(tmp_path: Path) -> None:
    files = ("A/S01E01.mkv", "B/S01E01.mkv", "-17_1/-17_1.mp4")
    labels = []
    for i, name in enumerate(files):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
        labels.append(label(str(tmp_path / name), Segment(i, 5.5)))
    write_labels(tmp_path / "labels.json", labels, videos=tmp_path)
    rows = json.loads((tmp_path / "labels.json").read_text("utf-8"))
    assert list(rows) == ["A/S01E01", "B/S01E01", "-17_1"]
    again = read_labels(tmp_path / "labels.json", tmp_path).detections
    assert [(d.episode.path, d.segments()) for d in again] == [
        (d.episode.path, d.segments()) for d in labels
    ]


def test_what_the_format_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    with pytest.raises(LabelError, match=r"two episodes have the id S01E01"):
        write_labels(path, [label("A/S01E01.mkv"), label("B/S01E01.mkv")])
    with pytest.raises(LabelError, match="A has 2 intros"):
        write_labels(path, [label("A.mkv", Segment(0, 5), Segment(10, 15))])
    assert not path.exists()


@given(st.integers(0, 10**8))
def test_times_to_the_millisecond(ms: int) -> None:
    text = format_time(ms / 1000)
    assert parse_time(text) == ms / 1000
    assert ("." in text) == (ms % 1000 != 0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00:00", 0.0),
        ("1:02:03", 3723.0),
        ("10:00:00", 36000.0),
        ("00:00:09.5", 9.5),
        ("0:00:5", None),
        ("9" * 5000 + ":00:00", None),
        ("0:0:05", None),
        ("0:00:61", None),
        ("0:00:05,5", None),
        (" 0:00:05", None),
        ("0:00:05\n", None),
        ("٠:٠٠:٠٥", None),  # digits, but of no clock
        ("nan", None),
        (None, None),
        (5, None),
        (True, None),
    ],
)
def test_times(text: object, seconds: float | None) -> None:
    assert parse_time(text) == seconds


def test_times_are_rounded_not_cut() -> None:
    assert format_time(59.9996) == "0:01:00"
    assert format_time(3661.5) == "1:01:01.500"


def test_doubt_is_an_error_where_nobody_listens(sample: Path) -> None:
    with pytest.raises(LabelError, match="14 doubtful labels, the first is -swapped: end 0:03:10"):
        read_truth(sample)
    problems: list[LabelProblem] = []
    truth = read_truth(sample, on_problem=problems.append)
    assert truth == read_labels(sample).detections
    assert problems == read_labels(sample).problems


@pytest.mark.skipif(not VK_LABELS, reason="ZASTAVKA_VK_LABELS names no folder of real labels")
@pytest.mark.parametrize(
    ("name", "usable", "refused"), [("train_labels.json", 56, 24), ("test_labels.json", 40, 5)]
)
def test_real_labels(tmp_path: Path, name: str, usable: int, refused: int) -> None:
    path = tmp_path / name
    shutil.copyfile(Path(VK_LABELS or "") / name, path)
    report = read_labels(path)
    assert len(report.detections) == usable
    assert Counter(problem.kind for problem in report.problems) == {"order": refused}
    assert all(d.episode.series and d.episode.number for d in report.detections)
    write_labels(tmp_path / "new.json", report.detections, notes=report.notes)
    old, new = (json.loads(p.read_text("utf-8")) for p in (path, tmp_path / "new.json"))
    assert new == {id: row for id, row in old.items() if id in new}


def test_the_examples_of_the_documents(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "formats.md").read_text("utf-8")
    path = tmp_path / "labels.json"
    read: list[Detection] = []
    for example in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        path.write_text(example, encoding="utf-8")
        read += read_truth(path)
    assert [(d.episode.series, d.segments()) for d in read] == [
        ("Мосты", (Segment(5, 16.5),)),
        ("Мосты", ()),
        ("plain", (Segment(42, 72),)),
        ("no-theme", ()),
        ("S", (Segment(43, 132.5),)),
    ]
