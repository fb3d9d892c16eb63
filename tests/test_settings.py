"""`zastavka.toml`: which one applies, and what it does to answers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from season import zastavka
from zastavka.detection import Detection, Failure, Finding
from zastavka.episode import Episode
from zastavka.errors import OptionError
from zastavka.library.edits import Edit, edited
from zastavka.library.settings import OFF, REASONS, Wishes, applied, settings_of, user_file, wished
from zastavka.segment import Segment

INTRO = Finding(segment=Segment(40.0, 70.0), confidence=0.9)
LOGO = Finding(segment=Segment(0.0, 5.0), type="logo")


def answer(path: Path = Path("S01E01.mkv"), *findings: Finding) -> Detection:
    return Detection(episode=Episode(path), duration=100.0, findings=findings or (LOGO, INTRO))


@pytest.fixture
def season(tmp_path: Path) -> Path:
    """A season's folder, with settings of the user, the library, the series and its own."""
    folder = tmp_path / "library" / "Мост" / "Season 1"
    folder.mkdir(parents=True)
    for file, text in (
        (user_file(), "offset = 1.0\nmargin_end = 0.5\nmin_length = 5"),
        (tmp_path / "library" / "zastavka.toml", "offset = 2.0\nmax_length = 90.0"),
        (folder.parent / "zastavka.toml", "margin_end = 0.25"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_the_nearest_file_that_names_a_setting_wins(season: Path, tmp_path: Path) -> None:
    found = settings_of(season)
    assert found.wishes == Wishes(offset=2.0, margin_end=0.25, min_length=5.0, max_length=90.0)
    assert found.sources == {
        "offset": tmp_path / "library" / "zastavka.toml",
        "max_length": tmp_path / "library" / "zastavka.toml",
        "margin_end": season.parent / "zastavka.toml",
        "min_length": user_file(),
    }


def test_config_says_what_applies_and_from_where(season: Path) -> None:
    file = season / "S01E01.mkv"
    file.write_text("")
    done = zastavka("config", "--show", file, "--lang", "en", "--output", season / "said.txt")
    assert (done.code, done.err) == (0, "")
    said = (season / "said.txt").read_text(encoding="utf-8")
    lines = {line.split()[0]: line.split()[1:] for line in said.splitlines()[1:] if line[:1] == " "}
    assert lines["off"] == ["false", "default"]
    assert lines["max_length"][0] == "90.0"
    assert lines["min_length"][0] == "5.0"
    missing = zastavka("config", "--show", season / "none", "--lang", "en")
    assert (missing.code, len(missing.lines)) == (1, 1)


def test_offset_and_margins_move_the_intro_alone() -> None:
    given = applied(answer(), Wishes(offset=-1.0, margin_start=0.5, margin_end=2.0))
    assert given.segments() == (Segment(39.5, 67.0),)
    assert given.segments("logo") == (LOGO.segment,)
    assert applied(answer(), Wishes(offset=-50.0)).segments() == (Segment(0.0, 20.0),)
    assert applied(answer(), Wishes(offset=50.0)).segments() == (Segment(90.0, 100.0),)


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        (Wishes(min_length=30.1), "min_length"),
        (Wishes(max_length=29.9), "max_length"),
        (Wishes(margin_start=20, margin_end=10), "margins"),
        (Wishes(offset=60.0), "margins"),
    ],
)
def test_what_is_not_wanted_awaits_review(wishes: Wishes, why: str) -> None:
    given = applied(answer(), wishes)
    assert given.segments() == ()
    assert [f.segment for f in given.findings if f.status == "review"] == [INTRO.segment]
    assert given.not_found_reason is not None
    assert why in given.not_found_reason


def test_the_first_episode_of_a_season_keeps_its_intro() -> None:
    one, two = (
        replace(answer(), episode=replace(answer().episode, number=number)) for number in (1, 2)
    )
    wishes = Wishes(keep_first=True)
    first = applied(one, wishes)
    assert (first.segments(), first.segments("logo")) == ((), (LOGO.segment,))
    assert first.not_found_reason == REASONS["first"]
    assert applied(two, wishes) == two


def test_only_the_types_that_are_named_are_given_out() -> None:
    given = applied(answer(), Wishes(types=("logo",)))
    assert given.findings == (LOGO,)
    assert given.not_found_reason == REASONS["types"]
    assert applied(answer(), Wishes(types=("intro",))).findings == (INTRO,)


def test_off(season: Path) -> None:
    (season / "zastavka.toml").write_text("off = true")
    own = edited(answer(season / "S01E02.mkv"), Edit((Segment(1.0, 2.0),)))
    off, said = wished([answer(season / "S01E01.mkv"), own])
    assert isinstance(off, Detection)
    assert (off.findings, off.not_found_reason) == ((), OFF)
    assert said is own  # a person's own words stay


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("offset = ", "is not TOML"),
        ("ofset = 1.0", "there is none of this name"),
        ("margin_end = -1", "margin_end"),
        ("max_length = 'long'", "max_length"),
        ("types = ['song']", "types"),
    ],
)
def test_settings_that_are_wrong_fail_their_files_alone(season: Path, text: str, what: str) -> None:
    (season / "zastavka.toml").write_text(text)
    with pytest.raises(OptionError, match=what):
        settings_of(season)
    bad, good = wished([answer(season / "1.mkv"), answer(season.parent / "2.mkv")])
    assert isinstance(bad, Failure)
    assert bad.error.startswith(f"{season / 'zastavka.toml'}: ")
    assert isinstance(good, Detection)


@pytest.mark.skipif(os.name == "nt", reason="names there are always Unicode")
def test_settings_that_are_not_utf_8(season: Path) -> None:
    (season / "zastavka.toml").write_bytes("# Мост".encode("cp1251"))
    with pytest.raises(OptionError, match="can't be read"):
        settings_of(season)


@pytest.mark.parametrize(
    "text", ["offset = nan", "offset = 1e9", "margin_end = inf", "min_length = 50\nmax_length = 10"]
)
def test_numbers_that_can_t_be_meant_are_refused(season: Path, text: str) -> None:
    (season / "zastavka.toml").write_text(text, encoding="utf-8")
    with pytest.raises(OptionError, match=r"zastavka.toml"):
        settings_of(season)
