"""A library that is kept: the catalog, edits, scans; nothing read twice, nothing said is lost."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from zastavka.detection import Detection, Failure, Finding
from zastavka.episode import Episode
from zastavka.errors import MediaError, StorageError
from zastavka.library.catalog import Catalog
from zastavka.library.edits import SAID_NONE, Edit, is_edited
from zastavka.library.scan import Plan, answers, keep, look, made_with, plan
from zastavka.pipeline import Progress
from zastavka.segment import Segment

INTRO = Segment(43.0, 72.5)
MADE = "a model"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "data" / "catalog.sqlite3")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Two seasons of three files; what they hold is no video, and nobody reads it as one."""
    for season in (1, 2):
        for number in (1, 2, 3):
            file = tmp_path / "Мост" / f"Season {season}" / f"Мост S0{season}E0{number}.mkv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{season} {number}")
    return tmp_path / "Мост"


class Finder:
    """Answers every episode alike, and counts them; `broken` ones fail."""

    def __init__(self, broken: Sequence[str] = ()) -> None:
        self.asked: list[str] = []
        self.broken = broken

    def __call__(
        self,
        episodes: Sequence[Episode],
        progress: Progress | None,  # noqa: ARG002
    ) -> list[Detection | Failure]:
        self.asked += [episode.path.name for episode in episodes]
        return [self._one(episode) for episode in episodes]

    def _one(self, episode: Episode) -> Detection | Failure:
        if episode.path.name in self.broken:
            error = MediaError(episode.path, "is empty", "get it anew")
            return Failure(episode, str(error), error)
        return Detection(episode=episode, duration=1500.0, findings=(Finding(segment=INTRO),))


def scanned(catalog: Catalog, folder: Path, find: Finder, made: str = MADE) -> Plan:
    found = plan(catalog, [folder], made)
    for task in found.tasks:
        keep(catalog, task, made, find(task.season.episodes, None))
    return found


def test_what_is_unchanged_is_neither_read_nor_answered_again(
    catalog: Catalog, shelf: Path
) -> None:
    find = Finder()
    first = scanned(catalog, shelf, find)
    assert (first.read, len(first.tasks), [t.fresh for t in first.tasks]) == (6, 2, [3, 3])
    assert len(find.asked) == 6
    again = scanned(catalog, shelf, find)
    assert (again.read, again.tasks, again.unchanged) == (0, [], 2)
    assert len(find.asked) == 6
    results = catalog.detections(again.files)
    assert [r.episode.number for r in results] == [1, 2, 3, 1, 2, 3]
    assert all(isinstance(r, Detection) and r.segments() == (INTRO,) for r in results)


def test_a_new_episode_touches_its_season_alone(catalog: Catalog, shelf: Path) -> None:
    scanned(catalog, shelf, Finder())
    (shelf / "Season 2" / "Мост S02E04.mkv").write_text("2 4")
    found = plan(catalog, [shelf], MADE)
    assert [(t.season.number, t.fresh, len(t.files)) for t in found.tasks] == [(2, 1, 4)]
    assert found.read == 1


def test_another_model_or_option_answers_anew(
    catalog: Catalog, shelf: Path, tmp_path: Path
) -> None:
    scanned(catalog, shelf, Finder())
    assert [t.fresh for t in plan(catalog, [shelf], "another").tasks] == [0, 0]
    assert len(plan(catalog, [shelf], MADE, again=True).tasks) == 2
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_text("1")
    name = made_with(model, ["intro"])
    assert name == made_with(model, ["intro"]) != made_with(model, ["logo"])
    (model / "weights").write_text("2")
    assert name != made_with(model, ["intro"])


def test_moved_files_keep_answers_and_edits(catalog: Catalog, shelf: Path, tmp_path: Path) -> None:
    [first, *_] = scanned(catalog, shelf, Finder()).files
    catalog.edit(first.content, Edit((Segment(1.0, 2.0),)))
    shelf.rename(tmp_path / "moved")
    (tmp_path / "moved").rename(tmp_path / "Films")
    shelf = (tmp_path / "Films").rename(tmp_path / "x")
    (shelf / "Мост").mkdir()
    for part in ("Season 1", "Season 2"):
        (shelf / part).rename(shelf / "Мост" / part)
    found = plan(catalog, [shelf], MADE)
    assert (found.tasks, found.unchanged, found.read) == ([], 2, 6)
    results = catalog.detections(found.files)
    assert len(results) == 6
    assert isinstance(results[0], Detection)
    assert results[0].segments() == (Segment(1.0, 2.0),)


def test_a_broken_file_stops_nothing_and_is_not_tried_until_it_changes(
    catalog: Catalog, shelf: Path
) -> None:
    find = Finder(["Мост S01E02.mkv"])
    scanned(catalog, shelf, find)
    found = scanned(catalog, shelf, find)
    assert len(find.asked) == 6
    assert [type(r) for r in catalog.detections(found.files)].count(Failure) == 1
    (shelf / "Season 1" / "Мост S01E02.mkv").write_text("mended")
    assert [t.season.number for t in plan(catalog, [shelf], MADE).tasks] == [1]


def test_a_file_that_changes_while_it_is_read_is_not_kept(catalog: Catalog, shelf: Path) -> None:
    class Slow(Finder):
        def _one(self, episode: Episode) -> Detection | Failure:
            if episode.path.name == "Мост S01E01.mkv":
                episode.path.write_text("more of it came in")
            return super()._one(episode)

    task = plan(catalog, [shelf], MADE).tasks[0]
    results = keep(catalog, task, MADE, Slow()(task.season.episodes, None))
    assert isinstance(results[0], Failure)
    assert "changed while it was read" in results[0].error
    assert [t.season.number for t in plan(catalog, [shelf], MADE).tasks] == [1, 2]


def test_an_answer_does_not_give_way_to_a_failure(catalog: Catalog, shelf: Path) -> None:
    scanned(catalog, shelf, Finder())
    [task, _] = plan(catalog, [shelf], "another model").tasks
    error = MediaError("film", "was not done in 1 s", "allow more")
    failures: list[Detection | Failure] = [
        Failure(episode, str(error), error) for episode in task.season.episodes
    ]
    keep(catalog, task, "another model", failures)
    kept = catalog.detections(task.files)
    assert all(isinstance(result, Detection) for result in kept)
    assert len(kept) == len(task.files)
    again = plan(catalog, [shelf], "another model").tasks  # it is tried again
    assert task.name in [each.name for each in again]


def test_paths_that_hold_nothing_or_are_not_there(
    catalog: Catalog, shelf: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    found = plan(catalog, [tmp_path / "none", tmp_path / "empty", shelf], MADE)
    assert len(found.tasks) == 2
    assert ["does not exist" in f.error for f in found.failures] == [True, False]
    os.symlink(shelf, shelf / "loop")
    assert len(look(catalog, [shelf]).files) == 6


@pytest.mark.skipif(os.name == "nt", reason="names there are always Unicode")
def test_a_name_that_is_not_utf_8(catalog: Catalog, shelf: Path) -> None:
    name = os.fsdecode("Мост S01E04.mkv".encode("cp1251"))
    (shelf / "Season 1" / name).write_text("old")
    scanned(catalog, shelf, Finder())
    again = scanned(catalog, shelf, Finder())
    assert not again.tasks
    assert name in {r.episode.path.name for r in catalog.detections(again.files)}


# edits


def test_what_a_person_said_wins_whatever_is_found(catalog: Catalog, shelf: Path) -> None:
    files = scanned(catalog, shelf, Finder(["Мост S01E03.mkv"])).files
    said = (Segment(1.0, 2.0), Segment(600.0, 630.0))
    catalog.edit(files[0].content, Edit(said))
    catalog.edit(files[1].content, Edit(()))
    catalog.edit(files[2].content, Edit(said))
    for made in (MADE, "another"):
        scanned(catalog, shelf, Finder(["Мост S01E03.mkv"]), made)
        first, second, third, fourth, *_ = catalog.detections(files)
        assert isinstance(first, Detection)
        assert isinstance(second, Detection)
        assert isinstance(third, Detection)
        assert isinstance(fourth, Detection)
        assert first.segments() == third.segments() == said
        assert (second.segments(), second.not_found_reason) == ((), SAID_NONE)
        assert [is_edited(r) for r in (first, second, third, fourth)] == [True, True, True, False]


def test_edits_are_undone_one_by_one_and_history_stays(catalog: Catalog) -> None:
    first, second = Edit((Segment(1.0, 2.0),)), Edit(())
    for edit in (first, second, Edit(None)):
        catalog.edit("c", edit)
    held = []
    while True:
        holds = catalog.edits().get("c")
        held.append(holds.segments if holds else "nothing")
        if not catalog.undo("c"):
            break
    assert held == [None, (), first.segments, "nothing"]
    assert [undone for _, undone in catalog.history("c")] == [True] * 3
    catalog.edit("c", second)
    assert catalog.edits()["c"].segments == ()


def test_what_players_are_told_has_edits_and_settings_in_it(
    catalog: Catalog, shelf: Path, tmp_path: Path
) -> None:
    files = scanned(catalog, shelf, Finder()).files
    catalog.edit(files[0].content, Edit((Segment(1.0, 2.0),)))
    (shelf / "Season 1" / "zastavka.toml").write_text("margin_end = 2.5")
    (shelf / "Season 2" / "Мост S02E09.mkv").write_text("never scanned")
    missing, *told = answers(catalog, [tmp_path / "none", shelf])
    assert isinstance(missing, Failure)
    spans = [r.segments()[0] for r in told if isinstance(r, Detection)]
    assert spans == [Segment(1.0, 2.0), *[Segment(43.0, 70.0)] * 2, *[INTRO] * 3]


# the file


def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    Catalog(file).close()
    base = sqlite3.connect(file)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(StorageError, match=r"newer version \(99\); update zastavka"):
        Catalog(file)
    assert [path.name for path in tmp_path.glob("*damaged*")] == []


def test_what_is_no_catalog_is_moved_aside(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    for n in (1, 2):
        file.write_bytes(b"this is a letter, no database" * 100)
        with Catalog(file) as catalog:
            assert catalog.damaged == tmp_path / f"catalog.sqlite3.damaged-{n}"
            assert catalog.damaged.read_bytes().startswith(b"this is a letter")
            assert catalog.files() == {}
    with Catalog(file) as catalog:
        assert catalog.damaged is None


def test_edits_of_a_damaged_catalog_are_taken_over(tmp_path: Path, shelf: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    with Catalog(file) as catalog:
        scanned(catalog, shelf, Finder())
        catalog.edit("c", Edit((INTRO,)))
    base = sqlite3.connect(file)
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    [(page,)] = base.execute("SELECT rootpage FROM sqlite_master WHERE name = 'answers'")
    [(size,)] = base.execute("PRAGMA page_size")
    base.close()
    data = bytearray(file.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(data)
    with Catalog(file) as catalog:
        assert catalog.damaged is not None
        assert catalog.edits()["c"].segments == (INTRO,)


def test_two_writers(tmp_path: Path, shelf: Path) -> None:
    file = tmp_path / "catalog.sqlite3"
    with Catalog(file) as one, Catalog(file) as other:
        scanned(one, shelf, Finder())
        other.edit("c", Edit(()))
        one.edit("d", Edit(()))
        assert set(one.edits()) == set(other.edits()) == {"c", "d"}
        assert plan(other, [shelf], MADE).unchanged == 2


def test_a_place_that_takes_no_catalog(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be used"):
        Catalog(tmp_path / "file" / "catalog.sqlite3")
