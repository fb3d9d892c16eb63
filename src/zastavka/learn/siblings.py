"""What the episodes of a season repeat, seen among some of their siblings or all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zastavka.config import Config
from zastavka.evidence import evidence_rows
from zastavka.learn.gather import Known
from zastavka.openings import Openings
from zastavka.repeats import Repeats, find_repeats
from zastavka.segment import Grid

Floats = NDArray[np.float32]

_MOST = 9  # episodes that are compared: one among eight


def repeats_of(series: Sequence[Known], config: Config, openings: Openings, name: str) -> Repeats:
    """What some episodes of a series repeat; the videos are gone, so that edges are coarse."""
    prints = [known.print for known in series]
    return find_repeats(
        prints, [None] * len(prints), range(len(prints)), config, wanted=(),
        foreign=lambda segment, i: openings.elsewhere(name, prints[i], segment),
    )  # fmt: skip


def evidence_among(
    series: Sequence[Known],
    config: Config,
    openings: Openings,
    name: str,
    draws: int,
    rng: np.random.Generator,
) -> list[tuple[Floats, ...]]:
    """For each episode its evidence (n, e) among all siblings, and among `draws` smaller seasons.

    An episode that is in none of the smaller ones has the first alone; a lone one has nothing.
    """
    found: list[list[Floats]] = [[] for _ in series]
    n = len(series)
    if n < 2:
        return [() for _ in series]
    sizes = [min(n, _MOST), *(int(rng.integers(2, min(n, _MOST) + 1)) for _ in range(draws))]
    seen: set[tuple[int, ...]] = set()
    for size in sizes:
        chosen = tuple(sorted(int(i) for i in rng.permutation(n)[:size]))
        if chosen in seen:
            continue
        seen.add(chosen)
        repeats = repeats_of([series[i] for i in chosen], config, openings, name)
        if repeats.season < 2:
            continue  # files that are alike from end to end
        for at, i in enumerate(chosen):
            grid: Grid = series[i].features.grid
            found[i].append(evidence_rows(repeats, at, grid))
    return [tuple(rows) for rows in found]
