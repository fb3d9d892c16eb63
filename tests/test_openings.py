"""Idents planted in random words, in their own series and in others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pieces import blank, noisy, words
from zastavka.fingerprint import HOP, Fingerprint, Words
from zastavka.openings import Openings
from zastavka.prints import EpisodePrint
from zastavka.segment import Segment

LENGTH = 60.0  # seconds of an episode here


def episode(seed: int, *planted: tuple[Words, float], noise: float = 0.07) -> EpisodePrint:
    heard = words(LENGTH, seed)
    for clean, start in planted:
        at = round(start / HOP)
        heard[at : at + len(clean)] = noisy(clean, noise, seed)
    level = np.full(len(heard), -20, np.int8)
    sound = Fingerprint(heard, np.ones(len(heard), np.bool_), level)
    return replace(blank(LENGTH), sound=sound)


IDENT = words(4.0, 99)
MINE = episode(1, (IDENT, 0.0), (words(20.0, 98), 10.0))
PLACE = Segment(0.0, 4.0)


def openings(*others: tuple[str, EpisodePrint]) -> Openings:
    known = Openings()
    known.add("mine", MINE)
    for series, print_ in others:
        known.add(series, print_)
    return known


@pytest.mark.parametrize("start", [0.0, 2.9, 20.0])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.2])
def test_an_ident_is_known_by_another_series(start: float, noise: float) -> None:
    other = episode(2, (IDENT, start), noise=noise)
    assert openings(("other", other)).elsewhere("mine", MINE, PLACE)


def test_what_is_only_a_little_like_it_is_not_it() -> None:
    other = episode(2, (IDENT, 0.0), noise=0.38)
    assert not openings(("other", other)).elsewhere("mine", MINE, PLACE)


def test_its_own_series_says_nothing() -> None:
    again = openings(("mine", episode(3, (IDENT, 0.0))))
    assert not again.elsewhere("mine", MINE, PLACE)
    assert again.elsewhere("theirs", MINE, PLACE)


def test_a_theme_of_its_own_is_nowhere_else() -> None:
    known = openings(("other", episode(2, (IDENT, 0.0))))
    assert not known.elsewhere("mine", MINE, Segment(10.0, 30.0))
    assert not known.elsewhere("mine", MINE, Segment(4.0, 8.0))


def test_what_comes_late_is_no_opening() -> None:
    late = episode(1, (IDENT, 20.0))
    known = openings(("other", episode(2, (IDENT, 20.0))))
    assert not known.elsewhere("mine", late, Segment(20.0, 24.0))
    behind = openings(("other", episode(2, (IDENT, 28.0))))  # only two seconds of it are kept
    assert not behind.elsewhere("mine", MINE, PLACE)


def test_silence_is_nobodys() -> None:
    assert MINE.sound is not None
    quiet = replace(MINE.sound, usable=np.zeros(len(MINE.sound), np.bool_))
    silent = replace(MINE, sound=quiet)
    assert not openings(("other", MINE)).elsewhere("mine", silent, PLACE)
    assert not openings(("other", silent)).elsewhere("mine", MINE, PLACE)


def test_episodes_without_sound_or_shorter_than_the_ident_are_no_harm() -> None:
    mute = replace(MINE, sound=None)
    assert not openings(("other", mute)).elsewhere("mine", MINE, PLACE)
    assert not openings(("other", MINE)).elsewhere("mine", mute, PLACE)
    assert MINE.sound is not None
    heard = MINE.sound
    short = Fingerprint(heard.words[:20], heard.usable[:20], heard.level[:20])
    assert not openings(("other", replace(MINE, sound=short))).elsewhere("mine", MINE, PLACE)
