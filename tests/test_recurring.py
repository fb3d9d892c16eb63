"""Runs made by hand, stacked to the pieces that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pieces import blank
from zastavka.match import Run, Sense
from zastavka.options import MatchOptions
from zastavka.prints import FILM
from zastavka.recurring import Instance, Recurring, stack
from zastavka.segment import Segment
from zastavka.stacks import film_speeds

NEAR = 0.11  # two ticks of the time line


def run(
    a: int,
    b: int,
    start_a: float,
    start_b: float,
    seconds: float,
    *,
    sense: Sense = "sound",
    seconds_b: float | None = None,
    error: float = 0.1,
    tail: float = 0.0,
) -> Run:
    return Run(
        sense, a, b, start_a, start_a + seconds, start_b,
        start_b + (seconds if seconds_b is None else seconds_b),
        100 * seconds * (0.42 - error), error, round(seconds / 0.064), tail,
    )  # fmt: skip


def all_pairs(starts: dict[int, float], seconds: float, **more: object) -> list[Run]:
    """The runs of a piece that episodes have whole."""
    return [
        run(a, b, starts[a], starts[b], seconds, **more)  # type: ignore[arg-type]
        for a, b in combinations(sorted(starts), 2)
    ]


def stacked(
    runs: Sequence[Run], episodes: int, votes: Sequence[int] | None = None, pal: Sequence[int] = ()
) -> list[Recurring]:
    prints = [blank(pal=i in pal) for i in range(episodes)]
    best_first = sorted(runs, key=lambda r: -r.score)
    return stack(best_first, prints, range(episodes) if votes is None else votes, MatchOptions())


def places(found: Recurring) -> dict[int, tuple[float, float]]:
    return {i.episode: (i.segment.start, i.segment.end) for i in found.instances}


def near(start: float, end: float) -> object:
    return pytest.approx((start, end), abs=NEAR)


def test_a_theme_in_every_episode_is_one_piece() -> None:
    starts = {0: 12.0, 1: 95.3, 2: 0.0, 3: 301.75}
    [theme] = stacked(all_pairs(starts, 40.0), 4)
    assert (theme.support, theme.heard, theme.seen) == (4, 4, 0)
    assert theme.length == pytest.approx(40.0, abs=NEAR)
    assert theme.error == pytest.approx(0.1)
    assert theme.wander < NEAR
    assert not theme.seamed
    for episode, place in places(theme).items():
        assert place == near(starts[episode], starts[episode] + 40.0)
    assert all(i.first == pytest.approx(0, abs=NEAR) and i.heard > 0.99 for i in theme.instances)


def test_pairs_that_never_met_are_joined_by_those_that_did() -> None:
    runs = [run(0, 1, 10, 20, 30), run(2, 3, 70, 5, 30), run(1, 2, 20, 70, 30)]
    [theme] = stacked(runs, 4)
    assert theme.support == 4
    assert places(theme)[3] == near(5, 35)


def test_a_shortened_theme_keeps_its_half() -> None:
    whole = all_pairs({0: 10, 1: 20, 2: 30, 3: 40}, 40.0)
    short = [run(i, 4, 10 * (i + 1) + 22.0, 100, 18.0) for i in range(4)]
    [theme] = stacked([*whole, *short], 5)
    assert theme.support == 5
    assert theme.length == pytest.approx(40.0, abs=NEAR)
    [last] = theme.of(4)
    assert (last.segment.start, last.segment.end) == near(100, 118)
    assert last.first == pytest.approx(22.0, abs=NEAR)
    assert places(theme)[0] == near(10, 50)


def test_two_themes_of_a_season_are_two_pieces() -> None:
    early, late = {0: 10.0, 1: 60.0, 2: 30.0}, {3: 12.0, 4: 44.0}
    one, two = stacked([*all_pairs(early, 30.0), *all_pairs(late, 45.0)], 5)
    assert {i.episode for i in one.instances} == {0, 1, 2}
    assert {i.episode for i in two.instances} == {3, 4}
    assert two.length == pytest.approx(45.0, abs=NEAR)


def test_more_support_comes_first_then_more_length() -> None:
    runs = [
        *all_pairs({0: 100.0, 1: 200.0}, 9.0),
        *all_pairs({0: 10.0, 1: 60.0, 2: 30.0}, 5.0),
        *all_pairs({1: 700.0, 2: 650.0}, 80.0),
    ]
    assert [round(p.length) for p in stacked(runs, 3)] == [5, 80, 9]


def test_a_flashback_beside_an_eyecatch_is_split_off() -> None:
    eyecatch = {0: 300.0, 1: 320.0, 2: 340.0, 3: 360.0, 4: 380.0, 5: 400.0}
    runs = [r for r in all_pairs(eyecatch, 5.0) if (r.a, r.b) != (4, 5)]
    runs.append(run(4, 5, 380.0, 400.0, 25.0))  # the scene behind it is in both
    one, two = stacked(runs, 6)
    assert (one.support, two.support) == (6, 2)
    assert one.length == pytest.approx(5.0, abs=NEAR)
    assert two.length == pytest.approx(20.0, abs=NEAR)
    assert places(one)[4] == near(380, 385)
    assert places(two) == {4: near(385, 405), 5: near(405, 425)}


def test_a_theme_that_only_half_of_a_season_has_longer_goes_with_it() -> None:
    """Ten seconds more in half of the episodes are a part of the theme, not another piece."""
    runs = [
        run(a, b, 100.0 * (a + 1), 100.0 * (b + 1), 40.0 if b < 4 else 30.0)
        for a, b in combinations(range(6), 2)
    ]
    [theme] = stacked(runs, 6)
    assert theme.length == pytest.approx(40.0, abs=NEAR)
    assert places(theme)[1] == near(200, 240)
    assert places(theme)[5] == near(600, 630)


def test_a_gap_of_sound_is_closed() -> None:
    parts = [*all_pairs({0: 10, 1: 50, 2: 30}, 12.0), *all_pairs({0: 24, 1: 64, 2: 44}, 9.0)]
    whole = run(0, 1, 10, 50, 23.0)
    [theme] = stacked([whole, *parts], 3)
    assert theme.length == pytest.approx(23.0, abs=NEAR)
    assert places(theme)[2] == near(30, 53)


def test_music_that_is_like_itself_a_beat_later_stays_one_piece() -> None:
    starts = {0: 10.0, 1: 20.0, 2: 30.0}
    echo = [
        run(0, 1, 10.0, 24.0, 26.0, error=0.25), run(1, 2, 24.0, 30.0, 26.0, error=0.25),
        run(0, 1, 10.0, 45.0, 12.0, error=0.25),  # only five seconds of it are in the theme
    ]  # fmt: skip
    [theme] = stacked([*all_pairs(starts, 30.0), *echo], 3)
    assert theme.length == pytest.approx(30.0, abs=NEAR)
    assert theme.error == pytest.approx(0.1)
    assert len(theme.instances) == 3


def test_pieces_of_one_episode_that_overlap_stay_apart() -> None:
    """A run would lay both on one line, with episode 0 in two places of it at once."""
    theme = all_pairs({0: 10.0, 1: 60.0, 2: 30.0}, 30.0)
    scene = [run(0, 3, 35.0, 100.0, 29.0), run(1, 3, 60.0, 105.0, 28.0, error=0.3)]
    one, two = stacked([*theme, *scene], 4)
    assert places(one) == {0: near(10, 40), 1: near(60, 90), 2: near(30, 60)}
    assert places(two) == {0: near(35, 64), 3: near(100, 129)}


def test_a_theme_under_the_credits_too_is_in_an_episode_twice() -> None:
    starts = {0: 10.0, 1: 60.0, 2: 30.0}
    again = [run(0, 1, 10.0, 1300.0, 30.0), run(2, 1, 30.0, 1300.0, 30.0)]
    [theme] = stacked([*all_pairs(starts, 30.0), *again], 3)
    assert theme.support == 3
    assert [(i.segment.start, i.segment.end) for i in theme.of(1)] == [
        near(60, 90),
        near(1300, 1330),
    ]


def test_versions_of_an_episode_are_one_vote() -> None:
    starts = {0: 10.0, 1: 10.2, 2: 30.0}
    versions = [run(0, 1, 0.0, 0.2, 900.0)]  # all of it is in both
    [theme] = stacked([*versions, *all_pairs(starts, 30.0)], 3, votes=[0, 0, 1])
    assert (theme.support, theme.heard, len(theme.instances)) == (2, 2, 3)
    assert places(theme) == {0: near(10, 40), 1: near(10.2, 40.2), 2: near(30, 60)}
    assert stacked(versions, 2, votes=[0, 0]) == []


def test_what_pictures_add_is_told_by_sense() -> None:
    starts = {0: 10.0, 1: 60.0, 2: 30.0, 3: 80.0}
    pictures = all_pairs({0: 11.0, 1: 61.0}, 27.0, sense="picture", tail=1.0)
    [theme] = stacked([*all_pairs(starts, 30.0), *pictures], 4)
    assert (theme.support, theme.heard, theme.seen) == (4, 4, 2)
    assert [i.seen > 0.8 for i in theme.instances] == [True, True, False, False]


def test_a_picture_that_stays_on_does_not_move_an_end_that_is_heard() -> None:
    starts = {0: 10.0, 1: 60.0, 2: 30.0}
    seen = all_pairs(starts, 34.0, sense="picture", tail=6.0)
    [heard] = stacked([*all_pairs(starts, 30.0), *seen], 3)
    assert heard.length == pytest.approx(30.0, abs=NEAR)
    # alone, the picture is all there is
    [unheard] = stacked(seen, 3)
    assert unheard.length == pytest.approx(34.0, abs=NEAR)
    assert unheard.error == 0.5


def test_ends_that_differ_tell_how_far_a_piece_wanders() -> None:
    scene = [
        run(0, 1, 100, 400, 30.0), run(0, 2, 103, 503, 34.0), run(1, 2, 403, 503, 27.0),
    ]  # fmt: skip
    assert stacked(scene, 3)[0].wander > 0.5
    assert stacked(all_pairs({0: 100, 1: 400, 2: 500}, 30.0), 3)[0].wander < NEAR


def test_a_run_shorter_than_a_piece_may_be_is_none() -> None:
    assert stacked(all_pairs({0: 10.0, 1: 60.0, 2: 30.0}, 1.0), 3) == []


def test_nothing_repeats_where_there_are_no_runs() -> None:
    assert stacked([], 5) == []


# ------------------------------------------------------------------ PAL


def pal_season(native: Sequence[int] = ()) -> list[Run]:
    """40 s of film in episodes 0, 1, 3; 2 is hurried for PAL; `native` are at 25 of their own."""
    starts = {0: 10.0, 1: 60.0, 2: 48.0, 3: 30.0}
    length = {i: 40.0 / FILM if i == 2 and i not in native else 40.0 for i in starts}
    return [
        run(a, b, starts[a], starts[b], length[a], seconds_b=length[b])
        for a, b in combinations(starts, 2)
    ]


def test_an_episode_hurried_for_pal_is_on_the_same_time_line() -> None:
    prints = [blank(pal=i == 2) for i in range(4)]
    assert film_speeds(pal_season(), prints) == [1.0, 1.0, FILM, 1.0]
    [theme] = stacked(pal_season(), 4, pal=[2])
    assert theme.support == 4
    assert theme.length == pytest.approx(40.0, abs=NEAR)
    assert places(theme)[2] == near(48.0, 48.0 + 38.4)
    [hurried] = theme.of(2)
    assert hurried.at(20.0, FILM) == pytest.approx(48.0 + 19.2, abs=NEAR)


def test_an_episode_made_at_25_pictures_a_second_is_not_hurried() -> None:
    prints = [blank(pal=i == 2) for i in range(4)]
    assert film_speeds(pal_season(native=[2]), prints) == [1.0] * 4
    [theme] = stacked(pal_season(native=[2]), 4, pal=[2])
    assert places(theme)[2] == near(48.0, 88.0)


def test_a_season_all_of_pal_runs_at_its_own_pace() -> None:
    runs = all_pairs({0: 10.0, 1: 60.0, 2: 30.0}, 40.0)
    assert film_speeds(runs, [blank(pal=True)] * 3) == [1.0] * 3


def test_a_film_is_not_slowed_for_the_episode_that_was_hurried() -> None:
    """Episode 2 has a slow version, as it is at 25 a second, but it is the other that runs fast."""
    runs = [run(0, 2, 10.0, 20.0, 40.0 / FILM, seconds_b=40.0)]
    assert film_speeds(runs, [blank(pal=i == 2) for i in range(3)]) == [1.0] * 3


def test_times_of_a_piece_in_an_episode() -> None:
    shortened = Instance(0, Segment(100.0, 120.0), 5.0, 1.0, 1.0)
    assert shortened.at(5.0, 1.0) == 100.0
    assert shortened.at(0.0, 1.0) == 95.0
    assert shortened.at(30.0, 1.25) == 120.0


# ------------------------------------------------------------------ any season


@st.composite
def seasons(draw: st.DrawFn) -> tuple[list[dict[int, float]], list[float], list[int]]:
    """Two to four pieces of their own lengths, in places of their own, and an order of runs."""
    episodes = draw(st.integers(3, 6))
    count = draw(st.integers(2, 4))
    starts: list[dict[int, float]] = []
    lengths = [draw(st.integers(6, 60)) / 2 for _ in range(count)]
    for k in range(count):
        having = draw(st.sets(st.integers(0, episodes - 1), min_size=2))
        # a hundred seconds apart, so that no two of them adjoin
        starts.append({e: 100.0 * k + draw(st.integers(0, 1200)) / 20 for e in sorted(having)})
    runs = sum(len(s) * (len(s) - 1) // 2 for s in starts)
    return starts, lengths, draw(st.permutations(range(runs)))


@given(seasons())
@settings(max_examples=40, deadline=None)
def test_what_was_planted_is_found_in_whatever_order_runs_come(
    season: tuple[list[dict[int, float]], list[float], list[int]],
) -> None:
    starts, lengths, order = season
    runs = [r for s, n in zip(starts, lengths, strict=True) for r in all_pairs(s, n)]
    found = stack([runs[i] for i in order], [blank(500.0)] * 6, range(6), MatchOptions())
    planted = sorted(
        (sorted(s), round(n, 1), [round(x) for x in s.values()])
        for s, n in zip(starts, lengths, strict=True)
    )
    got = sorted(
        (sorted(places(p)), round(p.length + 1e-9, 1), [round(a) for a, _ in places(p).values()])
        for p in found
    )
    assert [g[0] for g in got] == [p[0] for p in planted]
    for one, two in zip(got, planted, strict=True):
        np.testing.assert_allclose(one[1], two[1], atol=NEAR)
        np.testing.assert_allclose(one[2], two[2], atol=1)
