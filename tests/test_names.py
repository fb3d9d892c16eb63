from __future__ import annotations

import pytest

from zastavka.names import (
    begins_with,
    is_disc_folder,
    is_extra_folder,
    is_quality_folder,
    is_season_folder,
    key_of,
    names_an_extra,
    one_alphabet,
    one_notation,
    without_count,
    year_of,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Show", "SHOW"),
        ("The Good Show", "the.good_show"),
        ("S.W.A.T.", "SWAT"),
        ("Grey's Anatomy", "Greys Anatomy"),
        ("Ёлки", "Елки"),
        ("Тройка", "Тройка"),  # the letter, and two signs for it
        ("Show", "Show (2019)"),
        ("Show", "Show [2019]"),
        ("Show", "Show 2019"),
        ("Show", "Show.1978"),
    ],
)
def test_titles_that_are_one(one: str, other: str) -> None:
    assert key_of(one) == key_of(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Show", "Shows"),
        ("Show", "Show 2"),
        ("Show", "Show 2077"),  # no year so far
        ("24", "25"),
        ("Дом", "Дом 90210"),
        ("1923", "1883"),  # a year is the whole title
    ],
)
def test_titles_that_are_two(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


def test_a_title_of_marks_alone_has_no_key() -> None:
    assert key_of(" -_! ") == ""


@pytest.mark.parametrize(
    ("title", "year"),
    [("Show (2003)", "2003"), ("Show.1978", "1978"), ("Show", None), ("1923", None)],
)
def test_years(title: str, year: str | None) -> None:
    assert year_of(title) == year


@pytest.mark.parametrize(
    ("name", "title", "yes"),
    [
        ("Show.S01.1080p", "Show", True),
        ("[Group] Show [1080p]", "Show", True),
        ("The Show (2003)", "The Show", True),
        ("S.W.A.T. S01", "SWAT", True),
        ("Showtime", "Show", False),
        ("The Show", "Show", False),
        ("Show", "!", False),
    ],
)
def test_names_that_begin_with_a_title(name: str, title: str, yes: bool) -> None:
    assert begins_with(name, key_of(title)) is yes


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "season") for name in ("Season 1", "season_01", "S01", "s1", "Сезон 2")),
        *((name, "season") for name in ("2 сезон", "2-й сезон", "Season 2 (2020)", "Series 3")),
        *((name, "season") for name in ("2nd Season", "2 сезон, 1-16 серии", "Сезон 2 [1080p]")),
        *((name, "extra") for name in ("Specials", "EXTRAS", "Featurettes", "Sample", "NC")),
        *((name, "extra") for name in ("Show Specials", "Behind.the.Scenes", "NCOP & NCED", "SPs")),
        *((name, "extra") for name in ("Бонус", "Спецвыпуски", "Спэшлы", "Доп. материалы")),
        *((name, "disc") for name in ("Disc 1", "disk_2", "DVD3", "CD1", "Диск 2")),
        *((name, "quality") for name in ("1080p", "720i", "UHD", "4K")),
        *((name, "") for name in ("Show", "Seasons", "Season", "S01E01", "24", "Little Extra", "")),
        *((name, "") for name in ("Show S01", "Special Ops", "The Sample", "NCIS", "HDTV")),
    ],
)  # fmt: skip
def test_folders(name: str, kind: str) -> None:
    found = {
        "season": is_season_folder(name),
        "extra": is_extra_folder(name),
        "disc": is_disc_folder(name),
        "quality": is_quality_folder(name),
    }
    assert [what for what, yes in found.items() if yes] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Мосты. 2 сезон, 16 серия", "Мосты. S02E16"),
        ("Мосты. Сезон 2. Серия 16. Имя", "Мосты. S02E16. Имя"),
        ("Мосты. Сезон 2, 16 серия", "Мосты. S02E16"),
        ("Мосты. 2 сезон, серия 16", "Мосты. S02E16"),
        ("Мосты (2-й сезон) 16-я серия", "Мосты S02E16"),
        ("Мосты.2.сезон.16.серия", "Мосты.S02E16"),
        ("2 сезон 3 серия 1080p", "S02E03 1080p"),
        ("2 сезон 3 серия из 10", "S02E03"),
        ("Мосты 05 из 10", "Мосты E05"),
        ("1-2 серия", "E01-E02"),
        ("1 и 2 серии", "E01-E02"),
        ("Дом-2 - 5 серия", "Дом-2 - E05"),
        ("2-1 серия", "E02"),  # no range
        ("3 серия. 2 часть", "E03. part 2"),
        ("Серия 3. Часть 2", "E03. part 2"),
        ("Show S01E02a", "Show S01E02 part 1"),
        ("Season 2 - 05v2", "S02E05"),
        ("Show 2nd Season - 05", "Show S02E05"),
        ("Сериал о сезонах", "Сериал о сезонах"),
        ("Show.S01E02.1080p", "Show.S01E02.1080p"),
        ("Show - 05", "Show - 05"),
    ],
)
def test_one_notation(name: str, written: str) -> None:
    assert one_notation(name) == written


def test_the_count_of_a_folder_is_no_number() -> None:
    assert without_count("Мосты/2 сезон, 1-16 серии") == "Мосты/2 сезон"
    assert without_count("Мосты/2 сезон") == "Мосты/2 сезон"


def test_words_in_two_alphabets() -> None:
    assert one_alphabet("xyжe Nord") == "хуже Nord"


@pytest.mark.parametrize(
    ("stem", "season", "number", "yes"),
    [
        ("Show Special 1", None, 1, True),
        ("Show Special 1", None, 12, False),
        ("Show The Special - 12", None, 12, False),
        ("Show NCOP 01", 1, 1, True),
        ("Show S01E01 The Trailer", 1, 1, False),
        ("Show S01E01 Trailer", 1, 1, True),
        ("Show Special", None, None, True),
        ("Special Ops", None, None, False),
        ("Show 5.5", None, 5, False),
        ("Show - 5.5", None, 5, True),
    ],
)
def test_extras(stem: str, season: int | None, number: int | None, yes: bool) -> None:
    assert names_an_extra(stem, season, number) is yes
