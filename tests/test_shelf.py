"""Seasons put on the shelf, and what is found there for a new episode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pieces import blank
from zastavka import prints
from zastavka.episode import Episode
from zastavka.season import Season, seasons_of
from zastavka.shelf import Shelf, Stored

MANY = 99


def season(*paths: Path) -> Season:
    [found] = seasons_of([Episode.from_path(path) for path in paths])
    return found


def place_of(path: Path) -> Path:
    return path.parent / "prints" / f"{path.stem}.st"


def put(shelf: Shelf, season: Season) -> None:
    """Files, their prints, and the season on the shelf. A print lasts 100 s and its number."""
    places = []
    for episode in season.episodes:
        episode.path.parent.mkdir(parents=True, exist_ok=True)
        episode.path.touch()
        places.append(place_of(episode.path))
        places[-1].parent.mkdir(exist_ok=True)
        prints.save(blank(100.0 + (episode.number or 0)), places[-1])
    shelf.remember(season, season.episodes, places, "ru")


def names(found: list[Stored]) -> list[str]:
    return [each.episode.path.stem for each in found]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def show(tmp_path: Path) -> Path:
    return tmp_path / "tv" / "Show"


def test_a_new_episode_finds_its_season(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2, 3)]))
    new = season(show / "S01E04.mkv")
    found = shelf.others(new, MANY)
    assert names(found) == ["S01E03", "S01E02", "S01E01"]  # the nearest first
    assert [each.print.duration for each in found] == [103.0, 102.0, 101.0]
    assert [(e.episode.season, e.episode.number) for e in found] == [(1, 3), (1, 2), (1, 1)]
    assert all(each.path == each.episode.path for each in found)
    assert names(shelf.others(new, 2)) == ["S01E03", "S01E02"]


def test_the_nearest_lie_on_both_sides(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2, 4, 5, 9)]))
    assert names(shelf.others(season(show / "S01E03.mkv"), 3)) == ["S01E02", "S01E04", "S01E01"]


def test_else_the_season_before(shelf: Shelf, show: Path) -> None:
    for number in (1, 2, 5):
        put(shelf, season(*[show / f"S0{number}E0{i}.mkv" for i in (1, 2)]))
    assert names(shelf.others(season(show / "S03E01.mkv"), MANY)) == ["S02E01", "S02E02"]
    assert names(shelf.others(season(show / "S02E03.mkv"), MANY)) == ["S02E02", "S02E01"]
    # never one that comes later
    put(shelf, season(*[show.parent / "Other" / f"S04E0{i}.mkv" for i in (1, 2)]))
    assert shelf.others(season(show.parent / "Other" / "S03E01.mkv"), MANY) == []


def test_an_episode_is_not_compared_with_itself(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2)]))
    assert names(shelf.others(season(show / "S01E02.mkv"), MANY)) == ["S01E01"]


def test_another_series_is_no_help(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2)]))
    assert shelf.others(season(show.parent / "Another" / "S01E03.mkv"), MANY) == []


def test_where_the_file_is_gone_the_print_serves(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2)]))
    (show / "S01E01.mkv").unlink()
    found = {each.episode.path.stem: each for each in shelf.others(season(show / "S01E3.mkv"), 9)}
    assert found["S01E01"].path is None
    assert found["S01E01"].print.duration == 101.0
    assert found["S01E02"].path == show / "S01E02.mkv"


def test_where_the_print_is_gone_there_is_nothing(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2, 3)]))
    place_of(show / "S01E02.mkv").unlink()
    place_of(show / "S01E03.mkv").write_bytes(b"damaged")
    assert names(shelf.others(season(show / "S01E04.mkv"), 1)) == ["S01E01"]


def test_two_series_of_one_title_are_told_apart_by_their_folders(
    shelf: Shelf, tmp_path: Path
) -> None:
    for disk in ("one", "two"):
        put(shelf, season(*[tmp_path / disk / "Show" / f"S01E0{i}.mkv" for i in (1, 2)]))
    found = shelf.others(season(tmp_path / "two" / "Show" / "S01E03.mkv"), MANY)
    assert [each.path for each in found] == [
        tmp_path / "two" / "Show" / f"S01E0{i}.mkv" for i in (2, 1)
    ]
    assert shelf.others(season(tmp_path / "three" / "Show" / "S01E03.mkv"), MANY) == []


def test_a_new_episode_may_wait_in_another_folder(shelf: Shelf, show: Path, tmp_path: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2)]))
    waiting = season(tmp_path / "new" / "Show.S01E03.mkv")
    assert names(shelf.others(waiting, MANY)) == ["S01E02", "S01E01"]


def test_specials_are_not_kept(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S00E0{i}.mkv" for i in (1, 2)]))
    assert not shelf.folder.exists()


def test_what_is_seen_again_is_kept_once(shelf: Shelf, show: Path) -> None:
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2)]))
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (2, 3)]))
    [file] = shelf.folder.iterdir()
    document = json.loads(file.read_text(encoding="utf-8"))
    stems = [Path(row["path"]).stem for row in document["episodes"]]
    assert sorted(stems) == ["S01E01", "S01E02", "S01E03"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "5", "null", "\xff", '{"format": 2, "episodes": []}',
        '{"format": 1}', '{"format": 1, "episodes": 5}', '{"format": 1, "episodes": [5]}',
        '{"format": 1, "episodes": [{"path": "x"}]}',
    ],
)  # fmt: skip
def test_a_damaged_shelf_is_empty_and_filled_again(shelf: Shelf, show: Path, text: str) -> None:
    whole = season(*[show / f"S01E0{i}.mkv" for i in (1, 2)])
    put(shelf, whole)
    [file] = shelf.folder.iterdir()
    file.write_bytes(text.encode("latin-1"))
    new = season(show / "S01E03.mkv")
    assert shelf.others(new, MANY) == []
    put(shelf, whole)
    assert names(shelf.others(new, MANY)) == ["S01E02", "S01E01"]


def test_a_folder_that_takes_nothing_stops_nothing(show: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    shelf = Shelf(tmp_path / "file")
    put(shelf, season(*[show / f"S01E0{i}.mkv" for i in (1, 2)]))
    assert shelf.others(season(show / "S01E03.mkv"), MANY) == []
