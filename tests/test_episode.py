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
        ("TV/Мосты/2 сезон/1 серия. Начало.mkv", ("Мосты", 2, 1)),
        ("Мосты. Сезон 12, 3 серия.mkv", ("Мосты", 12, 3)),
        ("Мосты 1 сезон 05 серия из 10.mkv", ("Мосты", 1, 5)),
        ("Мосты/2 сезон 1-16 серии/Мосты 3 серия.mkv", ("Мосты", 2, 3)),
        ("[Group] Show - 05 [1080p].mkv", ("Show", None, 5)),
        ("[Group] Show - 05v2 [1080p].mkv", ("Show", None, 5)),
        ("[Group] Show - 105 [1080p][ABCD1234].mkv", ("Show", None, 105)),
        ("[Group] Show Season 2 - 05 [1080p].mkv", ("Show", 2, 5)),
        ("[Group] Show 2nd Season - 05 [1080p].mkv", ("Show", 2, 5)),
        ("Show/Season 1/Disc 1/01.mkv", ("Show", 1, 1)),
        ("Show/1080p/S01E01.mkv", ("Show", 1, 1)),
        ("Show/Season 1/Featurettes/S01E01 Notes.mkv", ("Show", 1, 1)),
        ("Extras/Extras S01E02.mkv", ("Extras", 1, 2)),
    ],
)
def test_names(path: str, named: Named) -> None:
    episode = Episode.from_path(Path(path))
    assert (episode.series, episode.season, episode.number) == named
    assert episode.path == Path(path)


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("Show.S01E01.mkv", None),
        ("Show.S01E01E02.mkv", 2),
        ("Show.S01E01-E03.mkv", 3),
        ("[Group] Show - 01-02 [1080p].mkv", 2),
        ("Мосты. 1 сезон 1-2 серия.mkv", 2),
        ("Мосты. 1 сезон, 1 и 2 серии.mkv", 2),
        ("Мосты. 1-2 серии.mkv", 2),
        ("Мосты. Серия 1-2.mkv", 2),
    ],
)
def test_several_episodes_in_a_file(name: str, last: int | None) -> None:
    episode = Episode.from_path(Path(name))
    assert (episode.number, episode.last) == (1, last)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Show.S01E03.mkv", None),
        ("Show.S01E03.Part.2.1080p.mkv", 2),
        ("Show S01E03 pt2.mkv", 2),
        ("Show.S01E03b.mkv", 2),
        ("Show 1x03b.mkv", 2),
        ("Show S01E03 CD2.avi", 2),
        ("Мосты. 1 сезон 3 серия (часть 2).mkv", 2),
        ("Мосты. 1 сезон 3 серия, 2 часть.mkv", 2),
        ("Мосты. 1 сезон, 3-я серия. 2-я часть.mkv", 2),
    ],
)
def test_parts_of_an_episode(name: str, part: int | None) -> None:
    episode = Episode.from_path(Path(name))
    assert (episode.season, episode.number, episode.part) == (1, 3, part)


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("Show/Season 1/S01E01.mkv", None),
        ("Show (2003)/Season 1/S01E01.mkv", "2003"),
        ("Show.2003.S01E01.mkv", "2003"),
        ("The.Office.US.S01E01.mkv", "US"),
        ("Show (2005)/Show.US.S01E01.mkv", "2005 US"),
    ],
)
def test_what_tells_a_remake(path: str, origin: str | None) -> None:
    assert Episode.from_path(Path(path)).origin == origin


@pytest.mark.parametrize(
    "path",
    [
        "Show/S00E01.mkv",
        "Show/Season 00/01.mkv",
        "Show/Specials/Show - 01.mkv",
        "Show/Specials/Show S01E01.mkv",
        "Show/Show Specials/01.mkv",
        "Show/Season 1/Extras/Gag Reel.mkv",
        "Show/Extras/Disc 2/Scene.mkv",
        "Show/Featurettes/Interview.mkv",
        "Show/Sample/show.s01e01.mkv",
        "Show/Behind The Scenes/x.mkv",
        "Show/NC/01.mkv",
        "Show.S01E01-sample.mkv",
        "sample-show.s01e01.mkv",
        "Show-trailer.mkv",
        "Show.S01.Trailer.2.mkv",
        "Show.S01.Special.mkv",
        "Show - Making of.mkv",
        "[Group] Show - NCOP1 [1080p].mkv",
        "[Group] Show - NCED [1080p].mkv",
        "[Group] Show S2 - NCOP 02.mkv",
        "[Group] Show - SP01 [1080p].mkv",
        "[Group] Show SP 02.mkv",
        "[Group] Show - Special 1.mkv",
        "[Group] Show - OVA.mkv",
        "[Group] Show OVA - 01.mkv",
        "[Group] Show - 05.5 [1080p].mkv",
        "Мосты/Бонус/Съёмки.mkv",
        "Мосты/Доп. материалы/1.mkv",
        "Мосты. Спецвыпуск 1.mkv",
        "Мосты. 1 сезон. Трейлер.mkv",
        "Мосты. 1 сезон 2 серия. Анонс.mkv",
        "Мосты. Фильм о фильме.mkv",
    ],
)
def test_specials(path: str) -> None:
    assert Episode.from_path(Path(path)).special


@pytest.mark.parametrize(
    "path",
    [
        "Show/S01E00.mkv",
        "Show.S01E05.Christmas.Special.mkv",
        "Show.S01E05.The.Trailer.mkv",
        "Show/S01E05 - Extras.mkv",
        "Special Ops/S01E01.mkv",
        "Extras/Extras.S01E01.mkv",
        "Extras/Season 1/Extras.S01E01.mkv",
        "Extras/Season 1/S01E01.mkv",
        "Trailer.Park.Boys.S01E01.mkv",
        "The Sample/Season 1/S01E01.mkv",
        "Something Extra/S01E01.mkv",
        "Show - 05.mkv",
        "Show S01E02 5.1.mkv",
        "Экстра. 1 сезон 1 серия.mkv",
        "Сериал/Серия 7.mkv",
        "clip.mkv",
    ],
)
def test_no_specials(path: str) -> None:
    assert not Episode.from_path(Path(path)).special


def test_what_is_read_for_seasons_is_not_compared() -> None:
    path = Path("Show (2003)/Specials/Show.S00E01-E02.Part.1.mkv")
    assert Episode.from_path(path) == Episode(path, "Show", 0, 1)


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


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["S01E01.mka", "S01E02.MP3"], ["S01E01.mka", "S01E02.MP3"]),
        (["S01E01.mkv", "S01E01.mka"], ["S01E01.mkv"]),  # a dub
        (["S01E01.mkv", "OST/01.flac"], ["S01E01.mkv"]),  # a soundtrack in a folder of its own
        (["cover.jpg", "._S01E01.mp3"], []),
    ],
)
def test_sound_counts_where_there_is_no_video(
    tmp_path: Path, files: list[str], found: list[str]
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    episodes = find_episodes([tmp_path])
    assert [episode.path.relative_to(tmp_path).as_posix() for episode in episodes] == found


def test_sound_given_by_name_counts_beside_video(tmp_path: Path) -> None:
    for name in ("S01E01.mkv", "S01E01.mka"):
        (tmp_path / name).touch()
    found = find_episodes([tmp_path, tmp_path / "S01E01.mka"])
    assert [episode.path.name for episode in found] == ["S01E01.mkv", "S01E01.mka"]


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
