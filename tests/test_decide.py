"""The situations that a season may be in, each made by hand from pieces of known places."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import pytest

from pieces import EPISODE, blank, piece, without_pictures
from zastavka.decide import (
    TYPES,
    Choice,
    Verdict,
    choose,
    confidence,
    doubt,
    judge,
    reason,
    senses,
    sources,
)
from zastavka.options import DecideOptions
from zastavka.prints import EpisodePrint
from zastavka.recurring import Recurring
from zastavka.segment import Segment

STARTS = {0: 60.0, 1: 12.0, 2: 95.0, 3: 240.0, 4: 33.0, 5: 128.0, 6: 71.0, 7: 50.0}
SEASON = len(STARTS)
THEME = piece(STARTS, 40.0)


def shifted(seconds: float) -> dict[int, float]:
    """So many seconds behind the theme's beginning."""
    return {episode: start + seconds for episode, start in STARTS.items()}


def decided(
    *pieces: Recurring,
    prints: Sequence[EpisodePrint] | None = None,
    votes: Sequence[int] = range(SEASON),
    foreign: Set[int] = frozenset(),
) -> tuple[list[Verdict], list[Choice | None]]:
    prints = prints or [blank()] * len(votes)
    options = DecideOptions()
    verdicts = judge(pieces, prints, votes, options, foreign)
    assert all(verdict.type in TYPES for verdict in verdicts)
    return verdicts, choose(verdicts, prints, options)


def named(*pieces: Recurring, foreign: Set[int] = frozenset()) -> list[str]:
    return [verdict.type for verdict in decided(*pieces, foreign=foreign)[0]]


def starts(chosen: Sequence[Choice | None], *, only_sure: bool = True) -> dict[int, float]:
    return {
        episode: choice.instance.segment.start
        for episode, choice in enumerate(chosen)
        if choice is not None and (choice.sure or not only_sure)
    }


def told(choice: Choice, segment: Segment | None = None) -> str:
    """The reason for a choice; `segment`: its edges, if they were refined."""
    return reason(choice, SEASON, segment or choice.instance.segment)


def scored(piece: Recurring, prints: Sequence[EpisodePrint] | None = None) -> float:
    """The points of a piece by itself."""
    return judge([piece], prints or [blank()] * SEASON, range(SEASON), DecideOptions())[0].score


# ------------------------------------------------------------------ situations


def test_a_theme_in_every_episode_is_its_intro() -> None:
    [verdict], chosen = decided(THEME)
    assert verdict.type == "intro"
    assert verdict.why_not is None
    assert starts(chosen) == STARTS


def test_a_logo_or_a_dub_ident_at_the_beginning_is_a_logo() -> None:
    logo = piece(dict.fromkeys(STARTS, 0.0), 4.0)
    assert named(THEME, logo) == ["intro", "logo"]
    assert starts(decided(THEME, logo)[1]) == STARTS
    # it is heard in every episode, and the theme is not
    most = piece({e: s for e, s in STARTS.items() if e > 2}, 40.0)
    assert named(logo, most) == ["logo", "intro"]
    assert starts(decided(logo, most)[1]).keys() == {3, 4, 5, 6, 7}


def test_what_begins_other_series_too_is_a_logo_however_long() -> None:
    ident = piece(dict.fromkeys(STARTS, 0.0), 9.0)
    assert named(ident) == ["intro"]
    assert named(ident, foreign={0}) == ["logo"]
    [verdict], chosen = decided(ident, foreign={0})
    assert verdict.foreign
    assert verdict.why_not == "other series have it too"
    assert chosen == [None] * SEASON
    # a theme is not taken for one: a series may be there twice, under two names
    assert named(THEME, foreign={0}) == ["intro"]


def test_the_jingle_of_previously_on_is_a_recap() -> None:
    jingle = piece({e: 2.0 for e in STARTS if e}, 5.0)
    verdicts, chosen = decided(THEME, jingle)
    assert [v.type for v in verdicts] == ["intro", "recap"]
    assert verdicts[1].why_not
    assert starts(chosen) == STARTS


def test_an_eyecatch_in_the_middle_is_none() -> None:
    eyecatch = piece({e: 640.0 + 9 * e for e in STARTS}, 5.0)
    assert named(THEME, eyecatch) == ["intro", "eyecatch"]
    assert starts(decided(THEME, eyecatch)[1]) == STARTS
    # where there is no theme, one behind the middle is not taken for it without asking
    late = piece({e: 930.0 + 9 * e for e in STARTS if e < 6}, 5.0)
    assert starts(decided(late)[1]) == {}


def test_a_score_under_several_scenes_is_no_intro() -> None:
    score = piece({0: 400.0, 2: 220.0, 3: 610.0, 5: 150.0}, 30.0, seen=False, error=0.33)
    assert named(THEME, score) == ["intro", "other"]
    verdicts, chosen = decided(score)
    assert verdicts[0].type == "other"
    assert verdicts[0].why_not == "other sound covers it: a score under scenes"
    assert chosen == [None] * SEASON
    # the same music by itself, seen too, in all of the season
    assert named(piece(STARTS, 30.0)) == ["intro"]


def test_a_flashback_longer_than_the_theme_is_no_intro() -> None:
    flashback = piece({5: 90.0, 6: 300.0}, 70.0)
    assert named(THEME, flashback) == ["intro", "other"]
    assert starts(decided(THEME, flashback)[1]) == STARTS
    talking = [blank(pauses=[Segment(80, 400)])] * SEASON
    verdicts, chosen = decided(flashback, prints=talking)
    assert verdicts[0].type == "other"
    assert starts(chosen) == {}


def test_a_scene_told_again_after_the_theme_does_not_take_its_place() -> None:
    """A recap of last week, shared by two neighbours each time: support 2, many of them."""
    recaps = [piece({e: 700.0, e + 1: 3.0}, 25.0, wander=2.0) for e in range(SEASON - 1)]
    verdicts, chosen = decided(THEME, *recaps)
    assert [v.type for v in verdicts] == ["intro", *["other"] * (SEASON - 1)]
    assert starts(chosen) == STARTS


def test_two_themes_of_a_season_are_both_intros() -> None:
    early = piece({e: STARTS[e] for e in range(3)}, 40.0)
    late = piece({e: STARTS[e] for e in range(3, 8)}, 45.0)
    assert named(early, late) == ["intro", "intro"]
    verdicts, chosen = decided(late, early)
    assert starts(chosen) == STARTS
    assert chosen[0] is not None
    assert chosen[0].verdict is verdicts[1]
    # the episodes of the other one do not speak against it
    assert verdicts[1].score > scored(early) + 0.5


def test_an_episode_without_the_theme_gets_none() -> None:
    some = piece({e: s for e, s in STARTS.items() if e != 4}, 40.0)
    eyecatch = piece(dict.fromkeys(STARTS, 640.0), 5.0)
    # a scene that is shown again in the next episode
    flashback = piece({4: 80.0, 5: 700.0}, 22.0)
    verdicts, chosen = decided(some, eyecatch, flashback)
    assert chosen[4] is None
    assert starts(chosen).keys() == set(STARTS) - {4}
    assert verdicts[2].why_not == "another piece has more to say for it"


def test_a_shortened_theme_is_an_intro_all_the_same() -> None:
    short = piece(STARTS, 40.0, shorter={7: 28.0})
    _, chosen = decided(short)
    assert starts(chosen) == STARTS
    assert chosen[7] is not None
    assert chosen[7].instance.segment == Segment(50.0, 62.0)
    assert told(chosen[7]).endswith(", here without its first 28 s")
    assert chosen[6] is not None
    assert "without" not in told(chosen[6])
    # refined, it turned out to be whole
    assert "without" not in told(chosen[7], Segment(22.0, 62.0))


def test_a_part_of_the_song_without_its_pictures_is_for_a_person_to_judge() -> None:
    short = piece(STARTS, 40.0, shorter={7: 28.0})
    unseen = replace(
        short,
        instances=tuple(replace(i, seen=0.0 if i.episode == 7 else 1.0) for i in short.instances),
    )
    _, chosen = decided(unseen)
    assert starts(chosen) == {e: s for e, s in STARTS.items() if e != 7}
    assert starts(chosen, only_sure=False) == STARTS
    # where nobody has the pictures, their absence says nothing
    assert starts(decided(without_pictures(short))[1]) == STARTS


def test_the_same_song_with_new_pictures() -> None:
    song = piece(STARTS, 40.0, seen=False)
    [verdict], chosen = decided(song)
    assert starts(chosen) == STARTS
    assert senses(verdict.piece) == "heard"


def test_the_same_pictures_with_a_new_song() -> None:
    pictures = piece(STARTS, 40.0, heard=False)
    [verdict], chosen = decided(pictures)
    assert starts(chosen) == STARTS
    assert sources(verdict.piece) == ("picture",)


def test_identical_advertisements_are_no_intro() -> None:
    """Five clips in blocks of three, in another order each time."""
    blocks = {0: "ABC", 1: "CAD", 2: "BDE", 3: "EAB", 4: "DCE", 5: "ABD", 6: "CEB", 7: "DAC"}
    clips = [
        piece({e: 300.0 + 20.0 * row.index(name) for e, row in blocks.items() if name in row}, 20.0)
        for name in "ABCDE"
    ]
    verdicts, chosen = decided(*clips)
    assert {v.type for v in verdicts} == {"other"}
    assert verdicts[0].why_not == "it stands among others, in changing order"
    assert chosen == [None] * SEASON
    assert named(THEME, *clips) == ["intro", *["other"] * 5]


def test_logo_jingle_and_theme_in_a_row_are_no_advertisements() -> None:
    logo = piece(dict.fromkeys(STARTS, 0.0), 4.0)
    jingle = piece(dict.fromkeys(STARTS, 4.0), 5.0)
    theme = piece(dict.fromkeys(STARTS, 9.0), 40.0)
    assert named(logo, jingle, theme) == ["logo", "recap", "intro"]
    card = piece(dict.fromkeys(STARTS, 49.0), 5.0)
    assert named(logo, jingle, theme, card) == ["logo", "recap", "intro", "eyecatch"]


def test_a_theme_that_also_plays_under_the_credits_is_taken_early() -> None:
    both = {e: (s, EPISODE - 45.0) for e, s in STARTS.items()}
    [verdict], chosen = decided(piece(both, 40.0))
    assert verdict.type == "intro"
    assert starts(chosen) == STARTS
    # that it ends each episode too costs nothing
    assert verdict.score == pytest.approx(scored(THEME))


def test_what_is_at_the_end_only_is_credits() -> None:
    credits = piece(dict.fromkeys(STARTS, EPISODE - 65.0), 60.0)
    assert named(credits) == ["credits"]
    assert named(THEME, credits) == ["intro", "credits"]
    assert starts(decided(credits)[1]) == {}


def test_a_theme_of_three_seconds_counts() -> None:
    short = piece(STARTS, 3.0)
    _, chosen = decided(short)
    assert starts(chosen) == STARTS
    # and two seconds do not
    assert starts(decided(piece(STARTS, 2.0))[1]) == {}


@pytest.mark.parametrize(("length", "sure"), [(3.0, False), (6.9, False), (7.1, True)])
def test_a_card_at_the_beginning_is_for_a_person_to_judge(length: float, sure: bool) -> None:
    card = piece(dict.fromkeys(STARTS, 0.0), length)
    verdicts, chosen = decided(card)
    for choice in chosen:
        assert choice is not None
        assert choice.sure is sure
        assert (choice.confidence < 0.5) is not sure
    assert (doubt(verdicts[0]) == "it may be a studio's logo") is not sure
    # at another place it is no card
    assert all(choice and choice.sure for choice in decided(piece(STARTS, length))[1])


def test_a_card_never_outranks_a_theme_of_fewer_points() -> None:
    card = piece(dict.fromkeys(STARTS, 0.0), 6.0)
    theme = piece({e: STARTS[e] for e in (0, 1, 2)}, 30.0, seen=False)
    assert scored(card) > scored(theme)
    verdicts, chosen = decided(card, theme)
    assert [v.type for v in verdicts] == ["intro", "intro"]
    assert [c and c.verdict.piece.length for c in chosen] == [*[30.0] * 3, *[6.0] * 5]
    assert all(c is not None and not c.sure for c in chosen[3:])


def test_what_an_episode_has_again_and_again_is_a_stinger() -> None:
    stinger = piece({e: (s, s + 300.0, s + 500.0) for e, s in STARTS.items()}, 4.0)
    verdicts, chosen = decided(stinger)
    assert doubt(verdicts[0]) == "episodes have it more than once"
    assert starts(chosen) == {}
    assert starts(decided(piece(STARTS, 4.0))[1]) == STARTS


def test_a_long_piece_beside_the_theme_is_other() -> None:
    feature = piece(shifted(200.0), 25.0)
    assert named(THEME, feature) == ["intro", "other"]


def test_a_piece_of_the_theme_that_was_found_apart_is_not_a_second_intro() -> None:
    again = piece(shifted(0.5), 39.0)
    verdicts, chosen = decided(THEME, again)
    assert [v.type for v in verdicts].count("intro") == 1
    assert all(c is not None and c.verdict.type == "intro" for c in chosen)


# ------------------------------------------------------------------ evidence and words


def test_more_evidence_is_more_points() -> None:
    full = scored(THEME)
    talking = [blank(pauses=[Segment(0, EPISODE)])] * SEASON
    less = [
        scored(piece({e: s for e, s in STARTS.items() if e < 5}, 40.0)),
        scored(without_pictures(THEME)),
        scored(replace(THEME, wander=2.0)),
        scored(piece(dict.fromkeys(STARTS, 700.0), 40.0)),
        scored(piece(STARTS, 4.0)),
        scored(piece(STARTS, 150.0)),
        scored(THEME, talking),
        scored(piece({e: (s, s + 300) for e, s in STARTS.items()}, 40.0)),
    ]
    assert max(less) < full - 0.4


def test_the_reason_changes_when_the_evidence_changes() -> None:
    seven = piece({e: s for e, s in STARTS.items() if e != 4}, 40.0)

    def why(piece: Recurring) -> str:
        choice = decided(piece)[1][0]
        assert choice is not None
        return told(choice)

    assert why(seven) == "repeats in 7 of 8 episodes, heard and seen"
    assert why(without_pictures(seven)) == "repeats in 7 of 8 episodes, heard"
    unheard = piece({e: s for e, s in STARTS.items() if e != 4}, 40.0, heard=False)
    assert why(unheard) == "repeats in 7 of 8 episodes, seen"
    six = piece({e: s for e, s in STARTS.items() if e not in (4, 5)}, 40.0)
    assert why(six) == "repeats in 6 of 8 episodes, heard and seen"


def test_pictures_of_a_few_episodes_are_not_worth_a_mention() -> None:
    few = replace(THEME, seen=3)
    assert senses(few) == "heard"
    assert senses(replace(THEME, seen=4)) == "heard and seen"


def test_versions_of_one_episode_are_one_of_the_season() -> None:
    votes = [0, 0, 0, 1, 1, 2, 2, 2]
    three = replace(THEME, support=3, heard=3, seen=3)
    [verdict] = judge([three], [blank()] * 8, votes, DecideOptions())
    [of_eight] = judge([three], [blank()] * 8, range(8), DecideOptions())
    assert verdict.score == pytest.approx(of_eight.score + 1.5 * 5 / 8)


def test_confidence_grows_with_the_points_and_is_a_probability() -> None:
    values = [confidence(score) for score in (-20.0, 0.0, 2.5, 4.0, 6.0, 20.0)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0, abs=1e-6)
    assert 0.45 < values[2] < 0.6
    assert values[3] > 0.85


def test_thresholds_are_options() -> None:
    prints = [blank()] * SEASON
    verdicts = judge([THEME], prints, range(SEASON), DecideOptions())
    score = verdicts[0].score
    strict = choose(verdicts, prints, DecideOptions(found_score=score + 0.1))
    assert [c and c.sure for c in strict] == [False] * SEASON
    none = choose(verdicts, prints, DecideOptions(found_score=score + 2, review_score=score + 0.1))
    assert none == [None] * SEASON


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_pieces_decides_nothing(order: tuple[int, ...]) -> None:
    pieces = [THEME, piece(dict.fromkeys(STARTS, 0.0), 4.0), piece(shifted(500.0), 5.0)]
    names = dict(zip(order, named(*[pieces[i] for i in order]), strict=True))
    assert names == {0: "intro", 1: "logo", 2: "eyecatch"}
