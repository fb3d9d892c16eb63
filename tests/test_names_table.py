"""Names of files as people and groups write them, against what a person reads in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from zastavka.episode import Episode
from zastavka.names import key_of

_TABLE = Path(__file__).parent / "data" / "names.tsv"
ROWS = [
    line.split("\t")
    for line in _TABLE.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def test_the_table_is_as_wide_as_it_says() -> None:
    kinds = Counter(kind for kind, *_ in ROWS)
    assert len({path for _, path, *_ in ROWS}) == len(ROWS) >= 120
    assert kinds["ru"] >= 40
    assert kinds["anime"] >= 30
    assert sum(season == "-" and not special for *_, season, _n, special in ROWS) >= 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_names_of_the_world(row: list[str]) -> None:
    _, path, series, season, number, special = row
    episode = Episode.from_path(Path(path))
    assert episode.special is (special == "yes")
    if not special:
        told = [str(n) if n is not None else "-" for n in (episode.season, episode.number)]
        assert [key_of(episode.series or ""), *told] == [key_of(series), season, number]
