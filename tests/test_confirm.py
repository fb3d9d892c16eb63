"""Logos and themes shot for the purpose, taken apart and looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from films import Film, Shot, sequence, shoot
from pieces import piece, without_pictures
from sounds import Floats, music, speech
from zastavka.closeup import Closeups
from zastavka.confirm import look_again, without_logo
from zastavka.options import ExtractOptions
from zastavka.prints import EpisodePrint, read_print
from zastavka.recurring import Recurring
from zastavka.segment import Segment

JINGLE, SONG = music(7, 4.0), music(8, 9.0)
LOGO_SHOTS = (Shot(5, 80),)  # 3.2 s
THEME_SHOTS = (Shot(1, 75), Shot(2, 100))  # 7 s
STAND = [1.0, 1.0]  # speeds


@dataclass(frozen=True)
class Staged:
    paths: list[Path | None]
    prints: list[EpisodePrint]

    @property
    def closeups(self) -> Closeups:
        return Closeups(self.paths, self.prints, None)


def staged(folder: Path, films: Sequence[Film]) -> Staged:
    paths = [shoot(folder / f"{i}.mkv", film) for i, film in enumerate(films)]
    return Staged(list(paths), [read_print(path, ExtractOptions()) for path in paths])


# ------------------------------------------------------------------ logo and theme


def opening(number: int, shots: Sequence[Shot], gap: float, cold: int = 0) -> Film:
    """A jingle, a gap, a song from 3.2 s on; then story. `cold`: pictures of story before it."""
    before = [Shot(90 + number, cold)] if cold else []
    story = speech(number, 8.0)
    heard: list[tuple[float, Floats | None]] = [
        (3.2 - gap, JINGLE), (gap, None), (7.0, SONG), (3.0, story),
    ]  # fmt: skip
    if cold:
        heard.insert(0, (cold / 25, speech(number + 9, cold / 25)))
    return Film([*before, *shots, Shot(70 + number, 75)], sequence(*heard))


def opened(folder: Path, shots: Sequence[Shot], gap: float = 0.12) -> tuple[Staged, Recurring]:
    scene = staged(folder, [opening(i, shots, gap) for i in (1, 2)])
    return scene, piece({0: 0.0, 1: 0.0}, 10.2)


def test_a_logo_and_the_theme_behind_it_are_taken_apart(tmp_path: Path) -> None:
    scene, whole = opened(tmp_path, [*LOGO_SHOTS, *THEME_SHOTS])
    logo, theme = without_logo(whole, range(2), STAND, scene.closeups)
    assert logo.length == pytest.approx(3.2, abs=0.03)
    assert theme.length == pytest.approx(7.0, abs=0.03)
    assert logo.length + theme.length == pytest.approx(whole.length)
    for one, two in zip(logo.instances, theme.instances, strict=True):
        assert one.segment.start == 0.0
        assert one.segment.end == two.segment.start == pytest.approx(3.2, abs=0.03)
        assert two.segment.end == pytest.approx(10.2)
        assert two.first == 0.0
    assert (logo.support, theme.support) == (2, 2)
    # the likeness of what stands before it tells nothing of where the theme begins
    assert theme.seamed
    assert not logo.seamed


@pytest.mark.parametrize(
    ("shots", "gap"),
    [
        ([Shot(5, 255)], 0.12),  # the sound pauses, the picture stays
        ([*LOGO_SHOTS, *THEME_SHOTS], 0.0),  # the picture is cut, the sound goes on
        ([Shot(5, 120), *THEME_SHOTS[1:], Shot(1, 35)], 0.12),  # both, at different times
    ],
)
def test_a_theme_is_not_taken_apart_where_only_one_sense_changes(
    tmp_path: Path, shots: Sequence[Shot], gap: float
) -> None:
    scene, whole = opened(tmp_path, shots, gap)
    assert without_logo(whole, range(2), STAND, scene.closeups) == [whole]


def test_a_theme_behind_a_cold_open_is_left_as_it_is(tmp_path: Path) -> None:
    shots = [*LOGO_SHOTS, *THEME_SHOTS]
    scene = staged(tmp_path, [opening(i, shots, 0.12, cold=50) for i in (1, 2)])
    whole = piece({0: 2.0, 1: 2.0}, 10.2)
    assert without_logo(whole, range(2), STAND, scene.closeups) == [whole]


def test_a_gap_that_one_episode_alone_has_is_no_seam(tmp_path: Path) -> None:
    shots = [*LOGO_SHOTS, *THEME_SHOTS]
    scene = staged(tmp_path, [opening(1, shots, 0.12), opening(2, shots, 0.0)])
    whole = piece({0: 0.0, 1: 0.0}, 10.2)
    assert without_logo(whole, range(2), STAND, scene.closeups) == [whole]


def test_files_that_are_gone_leave_a_piece_as_it_is(tmp_path: Path) -> None:
    scene, whole = opened(tmp_path, [*LOGO_SHOTS, *THEME_SHOTS])
    gone = replace(scene, paths=[scene.paths[0], None])
    assert without_logo(whole, range(2), STAND, gone.closeups) == [whole]


def test_a_shortened_one_keeps_what_it_has_of_either_part(tmp_path: Path) -> None:
    shots = [*LOGO_SHOTS, *THEME_SHOTS]
    scene = staged(tmp_path, [opening(i, shots, 0.12) for i in (1, 2, 3)])
    whole = piece({0: 0.0, 1: 0.0, 2: 30.0}, 10.2, shorter={2: 5.2})
    logo, theme = without_logo(whole, range(3), [1.0] * 3, scene.closeups)
    assert {i.episode for i in logo.instances} == {0, 1}
    assert (logo.support, theme.support) == (2, 3)
    [last] = theme.of(2)
    assert last.segment == Segment(30.0, 35.0)
    assert last.first == pytest.approx(2.0, abs=0.03)


def test_an_episode_with_the_logo_alone_does_not_count_for_the_theme(tmp_path: Path) -> None:
    shots = [*LOGO_SHOTS, *THEME_SHOTS]
    scene = staged(tmp_path, [opening(i, shots, 0.12) for i in (1, 2, 3)])
    whole = piece({0: 0.0, 1: 0.0, 2: 0.0}, 10.2)
    alone = replace(whole.instances[2], segment=Segment(0.0, 3.2))
    some = replace(whole, instances=(*whole.instances[:2], alone))
    logo, theme = without_logo(some, range(3), [1.0] * 3, scene.closeups)
    assert (logo.support, logo.heard, logo.seen) == (3, 3, 3)
    assert (theme.support, theme.heard, theme.seen) == (2, 2, 2)
    # versions of one episode are one vote
    logo, theme = without_logo(some, [0, 1, 1], [1.0] * 3, scene.closeups)
    assert (logo.support, theme.support) == (2, 2)


# ------------------------------------------------------------------ heard, and seen as well?


def quiet(number: int, shots: Sequence[Shot], before: int) -> Film:
    """One key picture at the beginning and none at any cut."""
    sound = sequence((before / 25, speech(number, 8.0)), (7.0, SONG), (3.0, speech(number, 3.0)))
    film = [Shot(90 + number, before), *shots, Shot(70 + number, 75)]
    return Film(film, sound, keys=False)


NEW_SHOTS = (Shot(31, 75), Shot(32, 100))


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """Three episodes with the theme from 2, 4 and 3 s on; the third shows other pictures."""
    films = [quiet(1, THEME_SHOTS, 50), quiet(2, THEME_SHOTS, 100), quiet(3, NEW_SHOTS, 75)]
    scene = staged(tmp_path_factory.mktemp("keyless"), films)
    assert [len(print_.times) for print_ in scene.prints] == [1, 1, 1]
    return scene


def test_pictures_are_seen_where_no_key_picture_tells(keyless: Staged) -> None:
    heard = piece({0: 2.0, 1: 4.0}, 7.0, seen=False)
    found = look_again(heard, [0, 1], STAND, keyless.closeups)
    assert (found.heard, found.seen) == (2, 2)
    assert all(i.seen == 1.0 for i in found.instances)
    assert without_pictures(found) == heard


def test_other_pictures_to_the_same_song_are_not_seen(keyless: Staged) -> None:
    heard = piece({0: 2.0, 2: 3.0}, 7.0, seen=False)
    assert look_again(heard, range(3), [1.0] * 3, keyless.closeups) == heard
    three = piece({0: 2.0, 1: 4.0, 2: 3.0}, 7.0, seen=False)
    found = look_again(three, range(3), [1.0] * 3, keyless.closeups)
    assert found.seen == 2
    assert [i.seen for i in found.instances] == [1.0, 1.0, 0.0]


def test_at_another_lag_the_same_pictures_are_not_seen(keyless: Staged) -> None:
    moved = piece({0: 2.0, 1: 0.5}, 7.0, seen=False)
    assert look_again(moved, [0, 1], STAND, keyless.closeups).seen == 0


def test_what_versions_show_is_one_vote(keyless: Staged) -> None:
    heard = piece({0: 2.0, 1: 4.0}, 7.0, seen=False)
    assert look_again(heard, [0, 0], STAND, keyless.closeups).seen == 1


def test_there_is_no_second_look_where_the_first_told_enough(keyless: Staged) -> None:
    unread = replace(keyless, paths=[None, None, None])
    for found in (
        piece({0: 2.0, 1: 4.0}, 7.0),
        piece({0: 2.0, 1: 4.0}, 7.0, heard=False, seen=False),
    ):
        assert look_again(found, [0, 1], STAND, keyless.closeups) is found
    heard = piece({0: 2.0, 1: 4.0}, 7.0, seen=False)
    assert look_again(heard, [0, 1], STAND, unread.closeups) is heard
