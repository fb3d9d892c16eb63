"""What a season repeats, row by row, as columns that a network can be fed.

heard, seen   share of the other episodes that have this moment too, by sound and by pictures
steady        1 where the piece stands at one place in all episodes, towards 0 where it wanders
length        log of its seconds, 1 at two minutes
foreign       1 where other series have it too
siblings      log of how many other episodes there were, 1 at fifteen
compared      1 where there was at least one: all columns of a lone file are 0
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zastavka.recurring import Recurring
from zastavka.repeats import Repeats
from zastavka.segment import Grid

Floats = NDArray[np.float32]

COLUMNS = ("heard", "seen", "steady", "length", "foreign", "siblings", "compared")

_LONG = 120.0  # seconds
_WANDER = 60.0  # seconds of standard deviation at which a place is hardly steady
_MANY = 15  # episodes
_HEARD, _SEEN, _STEADY, _LENGTH, _FOREIGN, _SIBLINGS, _COMPARED = range(len(COLUMNS))


def evidence_rows(repeats: Repeats, episode: int, grid: Grid) -> Floats:
    """The columns of one episode of a season, shape (grid.n, len(COLUMNS)), all in [0, 1].

    Where pieces overlap, each column has its highest value.
    """
    others = repeats.season - 1
    rows = np.zeros((grid.n, len(COLUMNS)), np.float32)
    if others < 1:
        return rows
    rows[:, _SIBLINGS] = min(1.0, np.log1p(others) / np.log1p(_MANY))
    rows[:, _COMPARED] = 1.0
    for number, verdict in enumerate(repeats.verdicts):
        piece = verdict.piece
        for k, instance in enumerate(piece.instances):
            if instance.episode != episode:
                continue
            here = rows[grid.rows(repeats.segment(number, k))]
            values = np.zeros(len(COLUMNS), np.float32)
            values[_HEARD] = max(0, piece.heard - 1) / others * (instance.heard > 0.5)
            values[_SEEN] = max(0, piece.seen - 1) / others * (instance.seen > 0.3)
            values[_STEADY] = np.exp(-_spread(piece) / _WANDER)
            values[_LENGTH] = min(1.0, np.log1p(piece.length) / np.log1p(_LONG))
            values[_FOREIGN] = float(verdict.foreign)
            np.maximum(here, np.minimum(values, 1.0), out=here)
    return rows


def lone_rows(grid: Grid) -> Floats:
    """The columns of an episode that there was nothing to compare with: zeros."""
    return np.zeros((grid.n, len(COLUMNS)), np.float32)


def _spread(piece: Recurring) -> float:
    """Standard deviation of where the piece begins, in seconds."""
    return float(np.std([i.segment.start for i in piece.instances]))
