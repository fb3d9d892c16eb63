"""A scan done in processes of its own: the same answers, and no file that stops the others."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from season import Series, zastavka
from test_scanning import spans
from zastavka.answering import Answering, Results
from zastavka.detection import Detection, Failure, Finding
from zastavka.episode import Episode
from zastavka.errors import MediaError, StorageError
from zastavka.library.catalog import Known
from zastavka.library.scan import Change, Task, changes
from zastavka.pipeline import Progress
from zastavka.search import Search
from zastavka.season import Season, seasons_of
from zastavka.segment import Segment
from zastavka.workers import Limits


class Fake(Search):
    """Reads by names: what a file is called is what it does. No model is needed for that."""

    def __post_init__(self) -> None:
        pass

    def read(self, season: Season, episode: Episode) -> None:  # noqa: ARG002
        self.befall(episode)

    def befall(self, episode: Episode) -> None:
        name = episode.path.stem
        if "bad" in name:
            raise MediaError(episode.path, "is bad", "leave it out")
        if "hangs" in name:
            time.sleep(600)
        if "crashes" in name:
            os.kill(os.getpid(), signal.SIGKILL)

    def find(
        self,
        episodes: Sequence[Episode],
        progress: Progress | None = None,  # noqa: ARG002
    ) -> Results:
        for episode in episodes:
            if "later" in episode.path.stem:
                os.kill(os.getpid(), signal.SIGKILL)
        notes = self.explain
        assert notes is not None
        with (notes / "order").open("a") as file:
            file.write(f"{episodes[0].series} {episodes[0].season}\n")
        self.undrawn = StorageError("cache", "is full", "free some space")
        return [Detection(episode=e, duration=float(len(episodes))) for e in episodes]


def tasks_of(*names: str) -> list[Task]:
    episodes = [Episode.from_path(Path("shelf") / name) for name in names]
    return [
        Task(season, tuple(Known(e, 0, 0, e.path.name) for e in season.episodes), str(i), 0)
        for i, season in enumerate(seasons_of(episodes))
    ]


def done(tmp_path: Path, jobs: int, *names: str) -> tuple[dict[str, str], dict[Episode, float]]:
    """What was said of each file, and how far its progress went."""
    how = Answering(partial(Fake, explain=tmp_path), jobs, Limits(seconds=2.0))
    progress: dict[Episode, float] = {}
    said: dict[str, str] = {}
    for task, results in how.of(tasks_of(*names), progress.__setitem__):
        assert [r.episode for r in results] == list(task.season.episodes)
        for result in results:
            assert result.episode.path.name not in said
            said[result.episode.path.name] = (
                result.error if isinstance(result, Failure) else f"{result.duration:.0f} read"
            )
    assert list(how.troubles) == ["cache: is full; free some space"]
    return said, progress


def test_what_befalls_a_file_befalls_it_alone(tmp_path: Path) -> None:
    names = [f"A S01E0{i} {word}.mkv" for i, word in enumerate(("bad", "hangs", "crashes", "", ""))]
    said, progress = done(tmp_path, 2, *names, "B S01E01 later.mkv", "C S01E01 bad.mkv")
    assert list(said.values()).count("2 read") == 2
    assert said[names[0]] == "shelf/A S01E00 bad.mkv: is bad; leave it out"
    assert "was not done in 2 s" in said[names[1]]
    assert "made its reader break down (SIGKILL)" in said[names[2]]
    assert "made its reader break down (SIGKILL)" in said["B S01E01 later.mkv"]
    assert set(progress.values()) == {1.0}
    assert len(progress) == 7


@pytest.mark.parametrize("jobs", [0, 3])
def test_seasons_of_a_series_are_answered_in_order(tmp_path: Path, jobs: int) -> None:
    names = [f"A S0{season}E0{i}.mkv" for season in range(1, 6) for i in (1, 2)]
    said, _ = done(tmp_path, jobs, *names)
    assert set(said.values()) == {"2 read"}
    order = (tmp_path / "order").read_text().split("\n")
    assert order == [*(f"A {season}" for season in range(1, 6)), ""]


def test_two_copies_of_a_season_are_both_answered(tmp_path: Path) -> None:
    names = ["here/A S01E01.mkv", "here/A S01E02.mkv", "there/A S01E01.mkv", "there/A S01E02.mkv"]
    episodes = [Episode.from_path(Path(name)) for name in names]
    tasks = [
        Task(season, tuple(Known(e, 0, 0, e.path.name) for e in season.episodes), "equal", 0)
        for season in [*seasons_of(episodes[:2]), *seasons_of(episodes[2:])]
    ]
    how = Answering(partial(Fake, explain=tmp_path), 1)
    done = [task for task, _ in how.of(tasks, lambda *_: None)]
    assert sorted(str(task.season.episodes[0].path.parent) for task in done) == ["here", "there"]


def test_what_is_another_answer() -> None:
    def answer(name: str, *spans: tuple[float, float]) -> Detection:
        findings = tuple(Finding(segment=Segment(*span)) for span in spans)
        return Detection(episode=Episode(Path(name)), duration=None, findings=findings)

    bad = MediaError("c", "is bad", "leave it out")
    failed = Failure(Episode(Path("c")), str(bad), bad)
    before: Results = [answer("a", (1, 9)), answer("b"), failed, answer("d", (2, 3))]
    after: Results = [
        answer("a", (1.01, 9)),
        answer("b", (1, 9)),
        answer("c"),
        answer("d"),
        answer("new"),
    ]
    changed = changes(before, after)
    assert [each.after.episode.path.name for each in changed] == ["b", "c", "d"]
    assert changed[0] == Change(before[1], after[1])
    assert changes(before, before) == []


@pytest.fixture
def folder(series: Series, tmp_path: Path) -> Path:
    place = tmp_path / "Дом «на углу»"
    place.mkdir()
    for file in series.files:
        shutil.copy2(file, place / file.name)
    return place


def test_workers_answer_as_one_process_does(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.mkv").write_bytes(b"no video")
    alone = zastavka("scan", folder, "--format", "json", "--jobs", "0")
    other = tmp_path / "other"
    words = ("--format", "json", "--jobs", "2", "--catalog", other)
    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path / "cache"))  # nothing was read before
    together = zastavka("scan", folder, *words)
    assert (alone.code, together.code) == (3, 3)
    assert spans(alone.out) == spans(together.out)
    assert alone.err == together.err


def test_what_would_change_is_said_before_it_is_kept(folder: Path, series: Series) -> None:
    zastavka("scan", folder)
    one = folder / series.files[0].name
    told = zastavka("edit", one, "--intro", "0:01-0:02.5")
    assert told.code == 0
    strict = ("--set", "decide.review_score=40", "--set", "decide.found_score=50")
    preview = zastavka("scan", folder, *strict, "--changes", "--lang", "en")
    assert preview.code == 0
    assert preview.out.startswith("What would change\n")
    assert preview.out.count("was: Intro found") == 1  # a person's word is no answer of ours
    assert series.files[1].name in preview.out
    again = zastavka("scan", folder, "--lang", "en", "--dry-run")
    assert "unchanged seasons: 1" in again.out
    kept = zastavka("scan", folder, *strict, "--lang", "en")
    assert kept.out.startswith("What changed\n")
    assert kept.out.count("was: Intro found") == 1
