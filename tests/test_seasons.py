from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.episode import Episode
from zastavka.media import AudioTrack
from zastavka.season import Season, common_language, previous, seasons_of

LIBRARY = [
    "/tv/Show/Season 1/Show.S01E01.1080p.mkv",
    "/tv/Show/Season 1/Show.S01E02.1080p.mkv",
    "/tv/Show/Season 1/Show.S01E02.720p.mkv",
    "/tv/Show/Season 1/Show.S01E03-E04.mkv",
    "/tv/Show/Season 1/Extras/Gag Reel.mkv",
    "/tv/Show/Season 1/Show.S01E01-sample.mkv",
    "/tv/Show/Season 2/07 - Name.mkv",
    "/tv/Show/Season 2/Pilot.mkv",
    "/tv/Show/Specials/Show - S00E01.mkv",
    "/tv/Show.S01E05.1080p-GRP/show.s01e05.mkv",
    "/tv/Battlestar (1978)/S01E01.mkv",
    "/tv/Battlestar (2003)/S01E01.mkv",
    "/tv/Мосты/2 сезон/1 серия. Начало.mkv",
    "/tv/Мосты/2 сезон/2 серия. Продолжение.mkv",
    "/tv/Мосты. 1 сезон, 1 серия (часть 1).mkv",
    "/tv/Мосты. 1 сезон, 1 серия (часть 2).mkv",
    "/tv/Мосты. Трейлер.mkv",
    "/anime/[Group] Ёж/[Group] Ёж - 01 [1080p].mkv",
    "/anime/[Group] Ёж/[Group] Ёж - 02v2 [1080p].mkv",
    "/anime/[Group] Ёж/[Group] Еж - 02 [720p].mkv",
    "/anime/[Group] Ёж/[Group] Ёж - NCOP1 [1080p].mkv",
    "/new/Show/Show.S01E01.mkv",
    "/new/clip.mkv",
    "/new/-12_34.mkv",
    "1x01.mkv",
]
FOUND = [Episode.from_path(Path(path)) for path in LIBRARY]


def found(*paths: str) -> list[Season]:
    return seasons_of([Episode.from_path(Path(path)) for path in paths])


def groups(*paths: str) -> set[frozenset[str]]:
    return {
        frozenset(episode.path.as_posix() for episode in season.episodes)
        for season in found(*paths)
    }


@pytest.mark.parametrize(
    "paths",
    [
        ["/tv/Show/S01E01.mkv", "/tv/Show/1x02.mkv", "/tv/Show/Show.S01E03.1080p.mkv"],
        ["/tv/Show/Season 1/01.mkv", "/tv/Show/Season 1/S01E02.mkv", "/tv/Show/Show.S01E03.mkv"],
        ["/tv/Show/Season 1/Show S01E01.mkv", "/tv/Show (2019)/Season 1/SHOW (2019) 1x02.mkv"],
        ["/tv/Show/Season 1/abc.mkv", "/tv/Show/Season 1/S01E02.mkv"],  # one name says nothing
        ["/tv/Show.S01E01-GRP/a.s01e01.mkv", "/tv/Show.S01E02.1080p-OTHER/b.s01e02.mkv"],
        ["/tv/Show/1080p/S01E01.mkv", "/tv/Show/720p/S01E01.mkv"],
        ["/tv/S.W.A.T/Season 1/S01E01.mkv", "/tv/SWAT.S01E02.mkv"],
        ["/tv/Show/Season 1/Disc 1/01.mkv", "/tv/Show/Season 1/Disc 2/02.mkv"],
        ["Мосты. 2 сезон, 16 серия.mkv", "Мосты 2 сезон 3 серия.mkv"],
        ["Мосты. 2 сезон, 16 серия.mkv", "Мосты. Сезон 2. Серия 1.mkv"],
        ["Мосты/2 сезон/1 серия. Начало.mkv", "Мосты/2 сезон/2 серия.mkv"],
        ["Мосты/Сезон 2/1.mkv", "Мосты/Сезон 2/Серия 2 - Конец.mkv"],
        ["Ёлки. 1 серия.mkv", "Елки. 2 серия.mkv"],
        ["[A] Show - 05 [1080p].mkv", "[B] Show - 06v2 [720p].mkv", "[C] Show - 107.mkv"],
        ["[A] Show S2 - 05.mkv", "[A] Show Season 2 - 06.mkv", "[A] Show 2nd Season - 07.mkv"],
        ["/x/clip.mkv", "/x/other.mkv", "/x/-12_34.mkv"],  # names that say nothing: their folder
        ["/x/Show.2024.05.17.mkv", "/x/Show.2024.05.18.mkv"],
        ["01 - Begin.mkv", "02 - End.mkv"],  # seen from inside the folder
        ["1x01.mkv", "1x02.mkv"],
        # a library over two disks, and one episode yet to be put away
        ["/disk1/Show/S01E01.mkv", "/disk2/Show/S01E02.mkv", "/new/Show.S01E03-GRP/x.s01e03.mkv"],
        # seasons have a year each, and each season one
        ["/tv/Show/Season 1 (2019)/S01E01.mkv", "/tv/Show/Season 1 (2019)/S01E02.mkv"],
    ],
)  # fmt: skip
def test_one_season(paths: list[str]) -> None:
    assert groups(*paths) == {frozenset(paths)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/tv/Show/S01E01.mkv", "/tv/Show/S02E01.mkv"),
        ("/tv/Show/S01E01.mkv", "/tv/Other/S01E02.mkv"),
        ("/tv/Show S01E01.mkv", "/tv/Other S01E02.mkv"),
        ("/tv/Show S01E01.mkv", "/tv/clip.mkv"),
        ("/x/clip.mkv", "/y/clip.mkv"),
        ("/x/-12_34/-12_34.mkv", "/x/-12_35/-12_35.mkv"),
        # the same episode in two places: two series, or two copies
        ("/a/Show/S01E01.mkv", "/b/Show/S01E01.mkv"),
        ("/a/Show/S01E01-E02.mkv", "/b/Show/S01E02.mkv"),
        # remakes
        ("/tv/Show (1978)/S01E01.mkv", "/tv/Show (2003)/S01E02.mkv"),
        ("/tv/Show.1978.S01E01.mkv", "/tv/Show.2003.S01E02.mkv"),
        ("/tv/The.Office.US.S01E01.mkv", "/tv/The.Office.UK.S01E02.mkv"),
        # specials and extras
        ("/tv/Show/S01E01.mkv", "/tv/Show/S00E01.mkv"),
        ("/tv/Show/Season 1/S01E01.mkv", "/tv/Show/Season 1/Extras/Gag Reel.mkv"),
        ("/tv/Show/Season 1/S01E01.mkv", "/tv/Show/Season 1/Featurettes/S01E02.mkv"),
        ("/tv/Show/S01E01.mkv", "/tv/Show/Show.S01E01-sample.mkv"),
        ("/tv/Show/Show - 01.mkv", "/tv/Show/Show - NCOP 02.mkv"),
        ("/tv/Show/Show - 01.mkv", "/tv/Show/Show - SP02.mkv"),
        ("/tv/Show/Show - 01.mkv", "/tv/Show/Show-trailer.mkv"),
        ("/tv/Мосты/1 серия.mkv", "/tv/Мосты/Бонус/2 серия.mkv"),
        ("/tv/Мосты/1 серия.mkv", "/tv/Мосты/Мосты. Спецвыпуск 2.mkv"),
        # an opening of all seasons is not of one of them
        ("/tv/Show/Show - NCOP1.mkv", "/tv/Show/S00E01.mkv"),
    ],
)
def test_two_seasons(one: str, other: str) -> None:
    assert groups(one, other) == {frozenset([one]), frozenset([other])}


def test_a_third_place_does_not_choose_between_two() -> None:
    paths = ["/a/Show/S01E01.mkv", "/b/Show/S01E01.mkv", "/c/Show/S01E02.mkv"]
    assert groups(*paths) == {frozenset([path]) for path in paths}


def test_extras_of_a_series_are_together() -> None:
    seasons = found(
        "/tv/Show/Extras/Gag Reel.mkv", "/tv/Show/Extras/Interview.mkv", "/tv/Show/Show - NCED.mkv",
        "/tv/Show/Show - 01.mkv", "/tv/Show/Trailers/Show - 01.mkv",
    )  # fmt: skip
    assert [(season.key, season.special, len(season.episodes)) for season in seasons] == [
        ("show", False, 1),
        ("show", True, 4),
    ]
    assert seasons[1].votes == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("names", "votes"),
    [
        (["S01E01", "S01E02", "S01E10"], (0, 1, 2)),
        (["S01E01.1080p", "S01E01.720p", "S01E02.1080p", "S01E02.PROPER.1080p"], (0, 0, 1, 1)),
        (["S01E01", "S01E01.Director's.Cut", "S01E01.Extended", "S01E02"], (0, 0, 0, 1)),
        (["1x01", "S01E01", "S01E02"], (0, 0, 1)),
        (["Show - 05 [1080p]", "Show - 05v2 [1080p]", "Show - 06"], (0, 0, 1)),
        # a double episode, and one of its halves
        (["S01E01", "S01E01-E02", "S01E02", "S01E03E04"], (0, 1, 2, 3)),
        (["S01E01-E02.1080p", "S01E01-E02.720p"], (0, 0)),
        # two halves of one episode are two different films
        (["S01E01.Part.1", "S01E01.Part.1.720p", "S01E01.Part.2", "S01E02"], (0, 0, 1, 2)),
        (["S01E01.CD1", "S01E01.CD2"], (0, 1)),
        (["S01E01", "S01E01.Part.1", "S01E01.Part.2"], (0, 1, 2)),
        # the first part of a story in two episodes
        (["S01E01", "S01E01.Pilot.Part.1.720p", "S01E02", "S01E02.Pilot.Part.2"], (0, 0, 1, 1)),
        (["a", "b", "c"], (0, 1, 2)),
        (["S00E01.1080p", "S00E01.720p", "S00E02"], (0, 0, 1)),
        (["Show - NCED 01", "Show - NCOP 01", "Show - OVA 01"], (0, 1, 2)),
    ],
)
def test_versions_of_an_episode_have_one_vote(names: list[str], votes: tuple[int, ...]) -> None:
    (season,) = found(*(f"/tv/Show/{name}.mkv" for name in reversed(names)))
    named = dict(zip((episode.path.stem for episode in season.episodes), season.votes, strict=True))
    assert tuple(named[name] for name in names) == votes


def test_the_order_is_by_number_then_part_then_name() -> None:
    names = ["S01E02", "S01E10.a", "S01E10.b", "S01E11.Part.1", "S01E11.Part.2", "Pilot", "Zero"]
    (season,) = found(*(f"/tv/Show/Season 1/{name}.mkv" for name in reversed(names)))
    assert [episode.path.stem for episode in season.episodes] == names


def test_what_a_season_says_of_itself() -> None:
    (season,) = found(
        "/tv/Show/Season 2/S02E01.mkv",
        "/tv/SHOW.S02E02.mkv",
        "/tv/Show/S02E03.mkv",
        "/new/Show/S02E04.mkv",
    )
    assert (season.key, season.title, season.number, season.special) == ("show", "Show", 2, False)
    assert season.folders == (Path("/new"), Path("/tv"))


def test_a_folder_gives_its_name_where_files_say_nothing() -> None:
    (season,) = found("/tv/Мой сериал/Сезон 2/-12_34.mkv", "/tv/Мой сериал/Сезон 2/-12_35.mkv")
    assert (season.title, season.number) == ("Мой сериал", None)


def test_an_episode_made_by_hand_is_enough() -> None:
    rows = [(0, 1), (1, 2), (1, 1)]
    made = [Episode(Path(f"/x/{s}{n}.mkv"), "Show (2019)", s, n) for s, n in rows]
    seasons = seasons_of(made)
    assert [(season.key, season.number, season.special) for season in seasons] == [
        ("show", 1, False),
        ("show", 0, True),
    ]
    assert seasons[0].episodes == (made[2], made[1])


def test_no_files_make_no_season() -> None:
    assert seasons_of([]) == []
    with pytest.raises(ValueError, match="not a season: 0 files, 0 votes"):
        Season("show", "Show", 1, (), (), (Path("/tv"),))


@given(st.lists(st.sampled_from(FOUND), unique=True), st.randoms())
def test_the_order_of_files_makes_no_difference(files: list[Episode], random: object) -> None:
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    seasons = seasons_of(files)
    assert seasons_of(shuffled) == seasons
    _check(files, seasons)


def test_the_library_of_the_property_has_what_it_should() -> None:
    seasons = seasons_of(FOUND)
    _check(FOUND, seasons)
    assert sorted(len(season.episodes) for season in seasons)[-3:] == [2, 3, 5]
    assert sum(season.special for season in seasons) == 4


def _check(files: Sequence[Episode], seasons: Sequence[Season]) -> None:
    held = [episode for season in seasons for episode in season.episodes]
    assert Counter(held) == Counter(files)
    for season in seasons:
        assert {episode.special or episode.season == 0 for episode in season.episodes} == {
            season.special
        }
        assert {episode.season for episode in season.episodes} == {season.number}
        numbers = [e.number for e in season.episodes if e.number is not None]
        assert numbers == sorted(numbers)
        # votes count up as they appear, and a number that differs never shares one
        assert [v for i, v in enumerate(season.votes) if v not in season.votes[:i]] == list(
            range(max(season.votes) + 1)
        )
        named = {(v, e.number) for v, e in zip(season.votes, season.episodes, strict=True)}
        assert len(named) == len(set(season.votes))


@pytest.mark.parametrize(
    ("paths", "path", "before"),
    [
        (["/tv/Show/S01E01.mkv", "/tv/Show/S02E01.mkv"], "/tv/Show/S02E01.mkv", 1),
        (["/tv/Show/S01E01.mkv", "/tv/Show/S03E01.mkv"], "/tv/Show/S03E01.mkv", 1),
        (["/tv/Show/S01E01.mkv", "/tv/Show/S02E01.mkv"], "/tv/Show/S01E01.mkv", None),
        (["/tv/Show/S00E01.mkv", "/tv/Show/S01E01.mkv"], "/tv/Show/S01E01.mkv", None),
        (["/tv/Show/S01E01.mkv", "/tv/Show/Extras/S02E01.mkv"], "/tv/Show/Extras/S02E01.mkv", None),
        (["/tv/Show/S01E01.mkv", "/tv/Other/S02E01.mkv"], "/tv/Other/S02E01.mkv", None),
        (["/tv/Show/S01E01.mkv", "/tv/Show/Show - 02.mkv"], "/tv/Show/Show - 02.mkv", None),
        (["/a/Show/S01E01.mkv", "/b/Show/S02E01.mkv"], "/b/Show/S02E01.mkv", 1),
        # nearer comes first
        (["a/Show/S02E01.mkv", "b/Show/S01E01.mkv", "b/Show/S03E01.mkv"], "b/Show/S03E01.mkv", 1),
        # two elsewhere
        (["a/Show/S01E01.mkv", "b/Show/S01E01.mkv", "c/Show/S02E1.mkv"], "c/Show/S02E1.mkv", None),
    ],
)  # fmt: skip
def test_the_season_before(paths: list[str], path: str, before: int | None) -> None:
    seasons = found(*paths)
    (season,) = [s for s in seasons if s.episodes[0].path == Path(path)]
    earlier = previous(seasons, season)
    assert (earlier and earlier.number) == before


def test_the_season_before_a_remake_is_the_remake_s() -> None:
    seasons = found(
        *(f"/tv/Show ({year})/S0{number}E01.mkv" for year in (1978, 2003) for number in (1, 2))
    )
    for season in seasons:
        earlier = previous(seasons, season)
        assert (earlier and earlier.key) == (season.key if season.number == 2 else None)


def track(language: str | None, default: bool = False) -> AudioTrack:
    return AudioTrack(0, language, None, default, 2, 48000, "aac")


RUS, ENG, NONE = track("rus"), track("eng"), track(None)
RUS_DEFAULT, ENG_DEFAULT = track("rus", True), track("eng", True)


@pytest.mark.parametrize(
    ("tracks", "language"),
    [
        ([], None),
        ([[]], None),
        ([[NONE], [NONE, NONE]], None),
        ([[track("und")], [track("mul")]], None),
        ([[ENG]], "en"),
        ([[NONE], [RUS]], "ru"),
        ([[ENG, RUS], [RUS], [RUS, ENG]], "ru"),  # most files
        ([[ENG_DEFAULT, RUS], [ENG_DEFAULT, RUS], [RUS]], "ru"),
        ([[RUS, RUS, RUS], [ENG], [ENG]], "en"),  # a file counts once
        ([[RUS, ENG_DEFAULT], [RUS, ENG]], "en"),  # a tie: the default
        ([[RUS_DEFAULT, ENG], [RUS, ENG_DEFAULT]], "en"),  # a tie of ties: the first by code
        ([[track("ru")], [track("ru-RU")], [ENG_DEFAULT]], "ru"),  # codes of one language
        ([[track("ger")], [track("deu")], [ENG_DEFAULT]], "de"),
    ],
)
def test_the_language_of_a_season(tracks: list[list[AudioTrack]], language: str | None) -> None:
    assert common_language(tracks) == language
    assert common_language([of_file[::-1] for of_file in reversed(tracks)]) == language
