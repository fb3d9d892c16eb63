"""Columns against a season of known pieces, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pieces import blank, piece
from zastavka.decide import Verdict
from zastavka.evidence import COLUMNS, evidence_rows, lone_rows
from zastavka.recurring import Recurring
from zastavka.repeats import Repeats
from zastavka.segment import Grid, Segment

GRID = Grid(0.5, 200)
THEME = piece({0: 10.0, 1: 10.0, 2: 10.0, 3: 10.0}, 40.0)


def repeats(*pieces: Recurring, episodes: int = 5, foreign: bool = False) -> Repeats:
    verdicts = tuple(Verdict(p, "intro", (("support", 1.0),), None, foreign) for p in pieces)
    prints = tuple(blank(100.0) for _ in range(episodes))
    return Repeats(prints, tuple(range(episodes)), verdicts, (None,) * episodes)


def column(name: str, found: Repeats, episode: int = 0) -> np.ndarray:
    rows = evidence_rows(found, episode, GRID)
    assert rows.shape == (GRID.n, len(COLUMNS))
    assert rows.dtype == np.float32
    assert ((rows >= 0) & (rows <= 1)).all()
    return rows[:, COLUMNS.index(name)]


def test_a_piece_is_told_where_it_is_and_nowhere_else() -> None:
    found = repeats(THEME)
    inside = GRID.labels((Segment(10.0, 50.0),))
    np.testing.assert_allclose(column("heard", found), np.where(inside, 0.75, 0))  # 3 of 4 others
    np.testing.assert_allclose(column("seen", found), np.where(inside, 0.75, 0))
    np.testing.assert_allclose(column("steady", found), np.where(inside, 1.0, 0))
    assert not column("heard", found, episode=4).any()
    assert not column("foreign", found).any()


def test_how_many_were_compared_stands_in_all_rows() -> None:
    for episodes, value in ((2, 0.25), (5, 0.58), (16, 1.0), (40, 1.0)):
        siblings = column("siblings", repeats(episodes=episodes))
        np.testing.assert_allclose(siblings, value, atol=0.01)
    assert (column("compared", repeats(THEME), episode=4) == 1).all()


def test_versions_are_one_sibling() -> None:
    three = repeats(piece({0: 10.0, 2: 10.0}, 40.0), episodes=3)
    versions = replace(three, votes=(0, 0, 1))
    assert column("heard", versions).max() == pytest.approx(1.0)
    assert column("heard", three).max() == pytest.approx(0.5)
    assert column("siblings", versions).max() == pytest.approx(0.25)


def test_each_sense_has_its_own_column() -> None:
    heard = piece({0: 10.0, 1: 10.0, 2: 10.0}, 40.0, seen=False)
    assert column("heard", repeats(heard)).max() == pytest.approx(0.5)
    assert not column("seen", repeats(heard)).any()
    seen = piece({0: 10.0, 1: 10.0, 2: 10.0}, 40.0, heard=False)
    assert not column("heard", repeats(seen)).any()
    assert column("seen", repeats(seen)).max() == pytest.approx(0.5)


def test_what_others_heard_is_not_heard_where_it_is_covered() -> None:
    covered = tuple(replace(i, heard=0.2 if i.episode == 1 else 1.0) for i in THEME.instances)
    found = repeats(replace(THEME, instances=covered, heard=3))
    assert column("heard", found, episode=0).max() == pytest.approx(0.5)
    assert not column("heard", found, episode=1).any()
    assert column("seen", found, episode=1).any()


def test_a_wandering_piece_is_not_steady() -> None:
    values = [
        column("steady", repeats(piece({0: 10.0, 1: 10.0 + by, 2: 10.0}, 40.0))).max()
        for by in (0.0, 20.0, 300.0)
    ]
    assert values[0] == 1.0
    assert values == sorted(values, reverse=True)
    assert values[2] < 0.2


def test_a_longer_piece_is_longer() -> None:
    lengths = [
        column("length", repeats(piece({0: 1.0, 1: 2.0}, seconds))).max()
        for seconds in (3.0, 30.0, 120.0)
    ]
    assert lengths == sorted(lengths)
    assert lengths[-1] == pytest.approx(1.0)


def test_what_other_series_have_is_marked() -> None:
    found = repeats(THEME, foreign=True)
    np.testing.assert_array_equal(column("foreign", found) > 0, GRID.labels((Segment(10.0, 50.0),)))


def test_where_pieces_overlap_the_highest_counts() -> None:
    long = piece({0: 0.0, 1: 0.0}, 90.0)
    for order in ((THEME, long), (long, THEME)):
        heard = column("heard", repeats(*order))
        assert heard[30] == pytest.approx(0.75)
        assert heard[160] == pytest.approx(0.25)
        assert heard[190] == 0


def test_refined_edges_are_used_where_they_are_known() -> None:
    found = replace(repeats(THEME), edges={(0, 0): Segment(12.0, 48.0)})
    np.testing.assert_array_equal(column("heard", found) > 0, GRID.labels((Segment(12.0, 48.0),)))
    assert column("heard", found, episode=1).sum() > column("heard", found).sum()


def test_a_lone_file_has_zeros_and_a_flag_that_says_so() -> None:
    rows = lone_rows(GRID)
    assert rows.shape == (GRID.n, len(COLUMNS))
    assert not rows.any()
    np.testing.assert_array_equal(evidence_rows(repeats(episodes=1), 0, GRID), rows)
    assert evidence_rows(repeats(), 0, GRID).any()
