"""The index: which pairs of episodes are compared, at which lags, and around where."""

from __future__ import annotations

import numpy as np

from zastavka.fingerprint import Fingerprint, Words
from zastavka.hits import Lag, Track, candidates
from zastavka.options import MatchOptions

OPTIONS = MatchOptions(neighbours=3, min_hits=20)  # none by chance
LENGTH = 8000  # words
EPISODES = 12


def track(episode: int, words: Words) -> Track:
    sound = Fingerprint(words, np.ones(len(words), np.bool_), np.zeros(len(words), np.int8))
    return Track.of(episode, sound, slow=False, pal=False)


def season(rng: np.random.Generator) -> list[Words]:
    return [rng.integers(0, 2**64, LENGTH, np.uint64) for _ in range(EPISODES)]


def is_at(lags: list[Lag], words: int) -> bool:
    """Whether one lag was found, and is compared at that one."""
    return len(lags) == 1 and words in lags[0].shifts


def test_what_all_have_is_compared_with_the_nearest_that_have_it() -> None:
    rng = np.random.default_rng(1)
    words = season(rng)
    theme = rng.integers(0, 2**64, 300, np.uint64)
    places = rng.integers(0, LENGTH - 300, EPISODES).tolist()
    for each, place in zip(words, places, strict=True):
        each[place : place + 300] = theme
    found = candidates([track(i, each) for i, each in enumerate(words)], OPTIONS)
    assert {(a, b) for a, b, _ in found} == {
        (a, b) for a in range(EPISODES) for b in range(a + 1, min(EPISODES, a + 4))
    }
    assert all(is_at(lags, places[b] - places[a]) for a, b, lags in found)


def test_what_few_have_is_compared_however_far_apart_they_are() -> None:
    rng = np.random.default_rng(2)
    words = season(rng)
    theme, scene = rng.integers(0, 2**64, (2, 300), np.uint64)
    for each in words:
        each[1000:1300] = theme
    for i, place in ((0, 4000), (7, 6000), (11, 3000)):
        words[i][place : place + 300] = scene
    found = candidates([track(i, each) for i, each in enumerate(words)], OPTIONS)
    at = {(a, b): lags for a, b, lags in found}
    assert is_at(at.pop((0, 7)), 2000)
    assert is_at(at.pop((0, 11)), -1000)
    assert is_at(at.pop((7, 11)), -3000)
    assert len(at) == 3 * EPISODES - 6
    assert all(is_at(lags, 0) for lags in at.values())


def test_a_lag_is_followed_for_two_minutes_around_its_hits() -> None:
    rng = np.random.default_rng(3)
    one, two = season(rng)[:2]
    two[4100:4200] = one[4000:4100]
    ((a, b, lags),) = candidates([track(0, one), track(1, two)], OPTIONS)
    assert (a, b) == (0, 1)
    assert is_at(lags, 100)
    assert 0 < lags[0].first <= 4000 - 1875  # a hit by chance may be farther off
    assert lags[0].stop >= 4100 + 1875


def test_a_lag_is_followed_all_along_where_nothing_else_is_said() -> None:
    lag = Lag(5)
    assert lag.first == 0
    assert lag.stop > LENGTH


def test_a_lag_between_two_words_is_compared_at_both_and_any_other_at_one() -> None:
    rng = np.random.default_rng(4)
    one, two = season(rng)[:2]
    two[4100:4200] = one[4000:4100]
    ((_, _, lags),) = candidates([track(0, one), track(1, two)], OPTIONS)
    assert lags[0].shifts == (100,)
    two[4151:4201] = one[4050:4100]  # half of it a word later
    ((_, _, lags),) = candidates([track(0, one), track(1, two)], OPTIONS)
    assert lags[0].shifts == (100, 101)


def test_a_season_without_sound_or_without_usable_words() -> None:
    assert candidates([], OPTIONS) == []
    silence = np.zeros(100, np.uint64)
    mute = Fingerprint(silence, silence > 0, np.full(100, -100, np.int8))
    tracks = [Track.of(i, mute, slow=False, pal=False) for i in range(2)]
    assert candidates(tracks, OPTIONS) == []
