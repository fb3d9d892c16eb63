from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from season import SMALL, Series, zastavka
from zastavka.bootstrap import ORIGIN, Bar, sorted_out
from zastavka.compose import SeriesSpec, compose
from zastavka.detection import Detection, Failure, Finding
from zastavka.episode import Episode
from zastavka.errors import OptionError
from zastavka.segment import Segment
from zastavka.truth import read_truth

EPISODE = Episode(Path("S/S01E01.mkv"), "S", 1, 1)
INTRO = Finding(segment=Segment(3.0, 11.0), confidence=0.95, sources=("sound",), reason="why")
FOUND = Detection(episode=EPISODE, duration=60.0, findings=(INTRO,))


def label_of(result: Detection, support: int | None, bar: Bar | None = None) -> Detection | None:
    supports = {} if support is None else {EPISODE.path: support}
    out = sorted_out([result], supports, bar or Bar())
    assert len(out.labels) + len(out.unsure) == 1
    return out.labels[0] if out.labels else None


def test_a_sure_answer_is_a_label_that_says_where_it_comes_from() -> None:
    label = label_of(FOUND, 3)
    assert label is not None
    assert label.findings == (replace(INTRO, sources=("sound", ORIGIN)),)


@pytest.mark.parametrize(
    ("result", "support"),
    [
        (FOUND, 1),
        (FOUND, 0),  # the network's alone
        (FOUND, None),  # no season to be compared with
        (replace(FOUND, findings=(replace(INTRO, confidence=0.89),)), 3),
        (replace(FOUND, findings=(replace(INTRO, status="review"),)), 3),
        (replace(FOUND, findings=(), not_found_confidence=0.99), 3),
        (replace(FOUND, findings=()), 3),
    ],
)
def test_what_is_not_sure_is_no_label(result: Detection, support: int | None) -> None:
    assert label_of(result, support) is None


def test_failures_are_kept_apart() -> None:
    failure = Failure(EPISODE, "broken")
    assert sorted_out([failure], {}, Bar()).failures == [failure]


def test_bars_are_checked() -> None:
    with pytest.raises(OptionError, match="probability"):
        Bar(confidence=1.5)
    with pytest.raises(OptionError, match="below 2"):
        Bar(support=1)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("library")
    spec = SeriesSpec(name="Маяк", seed=3, episodes=4, body=50, theme=12, fps=12, size=(96, 54))
    return Series(folder, compose([spec], folder, workers=1))


def test_an_unlabelled_season_becomes_a_dataset(
    library: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LC_ALL", "C")
    labels = tmp_path / "labels.json"
    done = zastavka("bootstrap", library.folder, "--output", labels)
    assert done.code == 0, done.err
    assert "4 of 4 episodes labelled" in done.err
    read = {d.episode.path.name: d for d in read_truth(labels)}
    for truth in library.truth:
        [true], [found] = truth.segments(), read[truth.episode.path.name].segments()
        assert found.iou(true) > 0.9
    rows = json.loads(labels.read_text(encoding="utf-8"))["episodes"]
    assert all(ORIGIN in row["segments"][0]["sources"] for row in rows)
    assert all(row["segments"][0]["reason"] for row in rows)
    made = zastavka(
        "dataset", labels, library.folder, "--output", tmp_path / "dataset.pt", *SMALL
    )  # fmt: skip
    assert made.code == 0, made.err
    before = labels.read_bytes()
    again = zastavka("bootstrap", library.folder, "--output", labels)
    assert (again.code, len(again.lines)) == (2, 1)
    assert "is there already" in again.err
    assert labels.read_bytes() == before


def test_a_lone_episode_is_not_labelled(
    library: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LC_ALL", "C")
    output = tmp_path / "labels.json"
    done = zastavka("bootstrap", library.files[0], "--output", output)
    assert done.code == 1
    assert "no episode is sure enough" in done.err
    assert not output.exists()
