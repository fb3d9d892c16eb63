"""Seasons that the benchmark of matching makes are what it says of them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from zastavka.fingerprint import BITS, HOP, Fingerprint, Words, distance
from zastavka.prints import EpisodePrint
from zastavka.signature import COLUMNS, NO_BARS, ROWS, Signatures

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from matching import KINDS, NOISE, SECONDS, THEME, cut, exponent, noisy, season, stranger


def made(rng: np.random.Generator) -> EpisodePrint:
    """Five minutes of words and pictures without sense."""
    n, k = round(300 / HOP), 60
    words = rng.integers(0, 2**BITS, n, np.uint64)
    cells = rng.integers(-120, 120, (k, 2, ROWS * COLUMNS)).astype(np.int8)
    cells[:, 1] = cells[:, 0]
    return EpisodePrint(
        900.0,
        n * HOP,
        Fingerprint(words, np.ones(n, np.bool_), np.full(n, -20, np.int8)),
        None,
        np.sort(rng.uniform(0, 299, k)),
        Signatures(cells, np.zeros((k, 2), np.uint64), np.ones(k, np.bool_)),
        NO_BARS,
        24.0,
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def words_of(print_: EpisodePrint) -> Words:
    assert print_.sound is not None
    return print_.sound.words


@pytest.mark.parametrize("kind", KINDS)
def test_every_episode_has_the_theme_where_it_is_said_to_be(
    rng: np.random.Generator, kind: str
) -> None:
    series = [[made(rng), made(rng)] for _ in range(4)]
    prints, themes = season(7, series, kind, rng)
    assert len({theme.start for theme in themes}) > 1
    parts = []
    for print_, theme in zip(prints, themes, strict=True):
        assert print_.searched == pytest.approx(SECONDS, abs=HOP)
        assert theme.duration == pytest.approx(THEME, abs=HOP)
        assert len(words_of(print_)) == round(print_.searched / HOP)
        first = round(theme.start / HOP)
        parts.append(words_of(print_)[first : first + round(theme.duration / HOP)])
    apart = [distance(parts[0], part).mean() / BITS for part in parts[1:]]
    assert 2 * NOISE[0] * (1 - NOISE[0]) - 0.01 < min(apart)
    assert max(apart) < 2 * NOISE[1] * (1 - NOISE[1]) + 0.01


def test_three_episodes_in_ten_are_distinct(rng: np.random.Generator) -> None:
    series = [[made(rng), made(rng)] for _ in range(4)]
    prints, themes = season(10, series, "copies", rng)
    assert len(set(themes)) == 3
    for k, print_ in enumerate(prints):
        apart = [distance(words_of(print_), words_of(each)).mean() / BITS for each in prints[:3]]
        assert int(np.argmin(apart)) == k % 3
        assert (min(apart) == 0) == (k < 3)  # itself
        assert min(apart) < 2 * NOISE[1] * (1 - NOISE[1]) + 0.01
        assert sorted(apart)[1] > 0.4


def test_copies_of_a_stretch_are_strangers(rng: np.random.Generator) -> None:
    part = cut(made(rng), 100.0, 30.0)
    copies = [stranger(part, turn) for turn in range(12)]
    assert copies[0] is part
    for i, one in enumerate(copies):
        for other in copies[:i]:
            assert set(distance(words_of(one), words_of(other)).tolist()) == {BITS // 2}
            a, b = one.pictures.vectors(np.arange(5)), other.pictures.vectors(np.arange(5))
            assert np.einsum("nvd,nvd->nv", a, b).max() < 0.3


def test_noise_turns_its_share_of_bits(rng: np.random.Generator) -> None:
    print_ = made(rng)
    after = noisy(print_, 0.05, rng)
    assert distance(words_of(print_), words_of(after)).mean() / BITS == pytest.approx(
        0.05, abs=0.003
    )
    assert np.abs(after.times - print_.times).max() < 0.1


def test_the_exponent_of_a_power() -> None:
    assert exponent({n: 0.1 * n**1.3 for n in (10, 50, 200)}) == pytest.approx(1.3)
