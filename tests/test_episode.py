from __future__ import annotations

from pathlib import Path

import pytest

from zastavka.episode import Episode, find_episodes
from zastavka.errors import MediaError

Named = tuple[str | None, int | None, int | None]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("Show/S01E02.mkv", ("Show", 1, 2)),
        ("/media/tv/Show/Season 3/Show.S03E11.1080p.WEB-DL.H264-GRP.mkv", ("Show", 3, 11)),
        ("Show.1x02.mkv", ("Show", 1, 2)),
        ("1x02.mkv", (None, 1, 2)),
        ("Show/Season 2/07 - Name.mkv", ("Show", 2, 7)),
        ("Show.S01E02E03.mkv", ("Show", 1, 2)),
        ("24/Season 01/24.S01E03.mkv", ("24", 1, 3)),
        ("a-b/S01E01.mkv", ("a-b", 1, 1)),
        ("-Show S01E02.mkv", ("Show", 1, 2)),
        ("24 часа. 8 сезон, 18 серия.mp4", ("24 часа", 8, 18)),
        ("Мосты. 3 сезон. 4 серия..mp4", ("Мосты", 3, 4)),
        ("Мосты. 1 сезон ,18 серия.mp4", ("Мосты", 1, 18)),
        ("Мосты. 8 серия (финал).mp4", ("Мосты", None, 8)),
        ("Дом 90210. 5 сезон, 4 серия.mp4", ("Дом 90210", 5, 4)),
        ("Мосты (1-й сезон) 5-я серия.mp4", ("Мосты", 1, 5)),
        ("Мосты. Сезон 2. Серия 14.mkv", ("Мосты", 2, 14)),
        ("Мосты/8 сезон/18 серия.mkv", ("Мосты", 8, 18)),
        ("Мосты/Сезон 8/18.mkv", ("Мосты", 8, 18)),
        ("Мосты.s01e03.mkv", ("Мосты", 1, 3)),
    ],
)
def test_names(path: str, named: Named) -> None:
    episode = Episode.from_path(Path(path))
    assert (episode.series, episode.season, episode.number) == named
    assert episode.path == Path(path)


def test_an_id_says_nothing_of_its_series() -> None:
    path = Path("videos/-1234_5678/-1234_5678.mp4")
    assert Episode.from_path(path) == Episode(path)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("Mocты и peки. 1 сезон, 2 серия", "Мосты и реки"),  # Latin twins among the letters
        ("Мосты Nord. 1 сезон, 2 серия", "Nord"),  # the same title in two languages
        ("Rекa. 1 сезон, 2 серия", "Rекa"),  # R has no Cyrillic twin: not a disguise
    ],
)
def test_a_disguised_name_is_of_the_same_series(name: str, series: str) -> None:
    assert Episode.from_name(name, Path("x.mp4")) == Episode(Path("x.mp4"), series, 1, 2)


def test_folders_are_walked_by_name(tmp_path: Path) -> None:
    for name in ("B/S01E02.mkv", "B/S01E01.MKV", "A/one.txt", "A/S01E01.mp4", "A/._S01E01.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "A" / "folder.mkv").mkdir()
    found = find_episodes([tmp_path])
    names = [episode.path.relative_to(tmp_path).as_posix() for episode in found]
    assert names == ["A/S01E01.mp4", "B/S01E01.MKV", "B/S01E02.mkv"]
    assert [(e.series, e.number) for e in found] == [("A", 1), ("B", 1), ("B", 2)]


def test_a_file_named_twice_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "S01E01.mkv").touch()
    monkeypatch.chdir(tmp_path)
    assert len(find_episodes([Path("S01E01.mkv"), tmp_path / "S01E01.mkv", tmp_path])) == 1


def test_a_file_given_by_name_needs_no_suffix(tmp_path: Path) -> None:
    file = tmp_path / "-5_7"
    file.touch()
    assert find_episodes([file]) == [Episode(file)]


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.mkv: does not exist; check the path"):
        find_episodes([tmp_path / "gone.mkv"])
