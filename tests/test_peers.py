"""The two published methods against repeats planted in random words."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pieces import noisy, words
from zastavka.fingerprint import HOP, RATE, Words, fingerprint
from zastavka.prints import EpisodePrint
from zastavka.signature import NO_BARS, signatures

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from peers import Alike, ClusterVote, Guards, LongestRun, Span, Window, cluster_vote, longest_run

SECONDS = 200.0
SILENCE = fingerprint(np.zeros(round(SECONDS * RATE), np.float32))
WHOLE = Window()
METHODS = pytest.mark.parametrize("method", ["longest run", "cluster vote"])


def answers(
    method: str, prints: list[EpisodePrint], window: Window = WHOLE, shortest: float = 8.0
) -> list[Span | None]:
    if method == "longest run":
        return longest_run(prints, LongestRun(window, shortest=shortest))
    return cluster_vote(prints, ClusterVote(window, shortest=shortest))


def episode(seed: int, *planted: tuple[Words, float], noise: float = 0.07) -> EpisodePrint:
    """Random words with others planted at seconds, their bits turned as by a lossy codec."""
    heard = words(SECONDS, seed)
    for clean, start in planted:
        at = round(start / HOP)
        heard[at : at + len(clean)] = noisy(clean, noise, seed)
    sound = replace(SILENCE, words=heard, usable=np.ones(len(heard), np.bool_))
    nothing = signatures([], NO_BARS)
    return EpisodePrint(
        duration=SECONDS, searched=SECONDS, sound=sound, slow=None, times=np.empty(0),
        pictures=nothing, bars=NO_BARS, rate=None,
    )  # fmt: skip


def season(theme: Words, starts: list[float | None]) -> list[EpisodePrint]:
    return [
        episode(seed, *([] if start is None else [(theme, start)]))
        for seed, start in enumerate(starts)
    ]


def near(found: Span | None, start: float, end: float) -> bool:
    return found is not None and found == pytest.approx((start, end), abs=0.2)


@METHODS
def test_what_repeats_is_found_where_it_is(method: str) -> None:
    starts: list[float | None] = [12.0, 60.0, 33.5, 90.0]
    found = answers(method, season(words(20.0, 99), starts))
    for span, start in zip(found, starts, strict=True):
        assert start is not None
        assert near(span, start, start + 20.0)


@METHODS
def test_without_a_repeat_nothing_is_found(method: str) -> None:
    assert answers(method, season(words(20.0, 99), [None] * 3)) == [None] * 3
    assert answers(method, season(words(20.0, 99), [10.0])) == [None]
    assert answers(method, []) == []


@METHODS
def test_files_without_sound_have_no_answer(method: str) -> None:
    mute = [replace(print_, sound=None) for print_ in season(words(20.0, 99), [10.0, 20.0])]
    assert answers(method, mute) == [None, None]


@METHODS
def test_an_episode_without_the_theme_has_no_answer(method: str) -> None:
    found = answers(method, season(words(20.0, 99), [12.0, 60.0, None, 90.0]))
    assert [span is None for span in found] == [False, False, True, False]


@METHODS
def test_what_is_too_short_or_too_long_or_beyond_the_window_is_not_taken(method: str) -> None:
    both = [50.0, 60.0, 70.0]
    assert answers(method, season(words(6.0, 99), [*both])) == [None] * 3
    assert answers(method, season(words(125.0, 99), [*both])) == [None] * 3
    assert answers(method, season(words(20.0, 99), [*both]), Window(0.25)) == [None] * 3
    assert answers(method, season(words(20.0, 99), [*both]), Window(most=49.0)) == [None] * 3
    assert None not in answers(method, season(words(20.0, 99), [*both]), Window(0.5))


def test_the_longest_run_starts_at_zero_and_stops_at_its_first_partner() -> None:
    short, long = words(16.0, 98), words(30.0, 99)
    prints = [
        episode(0, (short, 4.0), (long, 100.0)), episode(1, (short, 40.0)),
        episode(2, (long, 50.0)),
    ]  # fmt: skip
    first, second, third = longest_run(prints, LongestRun(WHOLE))
    assert near(first, 0.0, 20.0)  # a start up to 5 s is 0
    assert near(second, 40.0, 56.0)
    assert third is None
    first, _, third = longest_run([prints[0], prints[2], prints[1]], LongestRun(WHOLE))
    assert near(first, 100.0, 130.0)


def test_a_gap_of_three_seconds_is_bridged_and_one_of_four_is_not() -> None:
    theme = words(40.0, 99)
    prints = season(theme, [20.0, 50.0])
    sound = prints[1].sound
    assert sound is not None
    for gap, length in ((3.0, 40.0), (4.0, 20.0)):
        hole = slice(round(70.0 / HOP), round((70.0 + gap) / HOP))
        sound.words[hole] = words(gap, 97)
        span = longest_run(prints, LongestRun(WHOLE))[0]
        assert near(span, 20.0, 20.0 + length)


def test_votes_need_half_of_the_others() -> None:
    starts: list[float | None] = [20.0, None, 40.0, None, None]
    theme = words(20.0, 99)
    assert cluster_vote(season(theme, starts), ClusterVote(WHOLE)) == [None] * 5
    found = cluster_vote(season(theme, starts), ClusterVote(WHOLE, quorum=0.2))
    assert [span is None for span in found] == [False, True, False, True, True]


def test_an_opening_that_changes_has_a_quorum_of_its_own() -> None:
    first, second = words(20.0, 98), words(25.0, 99)
    prints = [episode(i, (first, 20.0 + 5 * i)) for i in range(3)]
    prints += [episode(i, (second, 20.0 + 5 * i)) for i in range(3, 7)]
    found = cluster_vote(prints, ClusterVote(WHOLE))
    for i, span in enumerate(found):
        assert near(span, 20.0 + 5 * i, 20.0 + 5 * i + (20.0 if i < 3 else 25.0))
    mixed = [prints[i] for i in (0, 3, 1, 4, 2, 5, 6)]
    assert [span is None for span in cluster_vote(mixed, ClusterVote(WHOLE))] == [
        True, False, True, False, True, False, False,
    ]  # fmt: skip


def test_silence_and_a_short_card_at_the_start_are_no_intro() -> None:
    prints = season(words(9.0, 99), [1.0, 1.5, 1.0])
    assert cluster_vote(prints, ClusterVote(WHOLE)) == [None] * 3
    assert None not in cluster_vote(season(words(9.0, 99), [3.0, 9.0, 5.0]), ClusterVote(WHOLE))
    quiet = season(words(20.0, 99), [20.0, 40.0, 60.0])
    for print_, start in zip(quiet, (20.0, 40.0, 60.0), strict=True):
        assert print_.sound is not None
        print_.sound.usable[round(start / HOP) : round((start + 11.0) / HOP)] = False
    assert cluster_vote(quiet, ClusterVote(WHOLE)) == [None] * 3


def test_the_index_decides_which_alignments_are_looked_at() -> None:
    """With one bit of eight turned no word keeps all of its own, and a third keep eight of them."""
    theme = words(20.0, 99)
    prints = [episode(i, (theme, 30.0 + i), noise=0.12) for i in range(2)]
    wide, narrow = Alike(key_bits=8), Alike(key_bits=62)
    assert longest_run(prints, LongestRun(WHOLE, narrow)) == [None, None]
    assert None not in longest_run(prints, LongestRun(WHOLE, wide))
    assert cluster_vote(prints, ClusterVote(WHOLE, narrow)) == [None, None]
    assert None not in cluster_vote(prints, ClusterVote(WHOLE, wide))


def test_the_longest_result_of_an_episode_wins_whichever_came_first() -> None:
    short, long = words(16.0, 98), words(30.0, 99)
    first = episode(0, (short, 40.0))
    both = episode(1, (short, 20.0), (long, 100.0))
    last = episode(2, (long, 50.0))
    for order in ([first, both, last], [last, both, first]):
        assert near(longest_run(order, LongestRun(WHOLE))[1], 100.0, 130.0)


def test_votes_prefer_fifteen_seconds_then_partners_then_length() -> None:
    card, theme, scene = words(10.0, 97), words(16.0, 98), words(30.0, 99)
    everywhere = [(card, 40.0), (theme, 60.0)]
    prints = [episode(i, *everywhere, *([(scene, 100.0)] * (i < 3))) for i in range(5)]
    for span in cluster_vote(prints, ClusterVote(WHOLE)):
        assert near(span, 60.0, 76.0)
    # the card has four partners, the scene two, which are enough, and 15 s count for more
    prints = [episode(i, (card, 40.0), *([(scene, 100.0)] * (i < 3))) for i in range(5)]
    for i, span in enumerate(cluster_vote(prints, ClusterVote(WHOLE))):
        assert near(span, 100.0, 130.0) if i < 3 else near(span, 40.0, 50.0)


def test_only_the_nearest_partners_are_asked() -> None:
    prints = season(words(20.0, 99), [None, 20.0, 40.0])
    found = cluster_vote(prints, ClusterVote(WHOLE, partners=1))
    assert [span is None for span in found] == [True, True, False]


def test_what_agrees_in_patches_needs_to_be_long_or_late() -> None:
    theme, patch = words(20.0, 99), round(1.0 / HOP)

    def patchy(start: float) -> list[EpisodePrint]:
        prints = season(theme, [start, start + 10.0, start + 20.0])
        for seed, print_ in enumerate(prints):
            assert print_.sound is not None
            first = round((start + 10.0 * seed) / HOP)
            for at in range(first + patch, first + len(theme) - patch, 2 * patch):
                print_.sound.words[at : at + patch] = words(patch * HOP, 1000 * seed + at)
        return prints

    assert cluster_vote(patchy(5.0), ClusterVote(WHOLE)) == [None] * 3
    assert None not in cluster_vote(patchy(5.0), ClusterVote(WHOLE, guards=Guards(core=0.0)))
    assert None not in cluster_vote(patchy(40.0), ClusterVote(WHOLE))


def test_runs_are_as_long_as_asked_for() -> None:
    prints = season(words(6.0, 99), [20.0, 40.0, 60.0])
    guards = Guards(core=0.0)
    assert cluster_vote(prints, ClusterVote(WHOLE, guards=guards)) == [None] * 3
    assert None not in cluster_vote(prints, ClusterVote(WHOLE, shortest=5.0, guards=guards))


def test_values_that_are_almost_the_same_are_found_in_the_index() -> None:
    theme = words(20.0, 99)
    prints = [episode(0, (theme, 20.0), noise=0), episode(1, (theme + np.uint64(1), 50.0), noise=0)]
    for apart, missed in ((0, True), (1, False)):
        alike = Alike(near=apart)
        assert (longest_run(prints, LongestRun(WHOLE, alike))[0] is None) == missed
        assert (cluster_vote(prints, ClusterVote(WHOLE, alike))[0] is None) == missed
