from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zastavka.bitstream import PacketFacts
from zastavka.packets import Entry, PacketIndex, plan


def entry(pts: int, facts: PacketFacts | None = None, shown: bool = True) -> Entry:
    return Entry(pts, 1, shown, facts or PacketFacts())


CLEAN, REFERRED, SPARE = PacketFacts(clean=True), PacketFacts(), PacketFacts(spare=True)


def index_of(*entries: Entry, from_start: bool = True) -> PacketIndex:
    index = PacketIndex.of(entries, from_start)
    assert index
    return index


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Entry], list[int]]:
    """Packets in decoding order, and the number of the group of each."""
    entries: list[Entry] = []
    groups: list[int] = []
    base = 0
    for group in range(draw(st.integers(1, 5))):
        leading = draw(st.integers(0, 3)) if group else 0
        trailing = draw(st.integers(0, 6))
        kinds = draw(
            st.lists(
                st.sampled_from([REFERRED, SPARE]),
                min_size=leading + trailing,
                max_size=leading + trailing,
            )
        )
        order = draw(st.permutations(range(base + leading + 1, base + leading + 1 + trailing)))
        times = [*range(base, base + leading), *order]
        entries.append(entry(base + leading, CLEAN))
        entries += [entry(t, kind) for t, kind in zip(times, kinds, strict=True)]
        groups += [group] * (1 + leading + trailing)
        base += leading + 1 + trailing
    return entries, groups


@given(streams(), st.data())
def test_all_that_is_needed_is_sent_and_no_more(
    stream: tuple[list[Entry], list[int]], data: st.DataObject
) -> None:
    """Against the rules of reference, followed from each wanted picture by hand."""
    entries, groups = stream
    index = index_of(*entries)
    times = sorted(e.pts for e in entries)
    limits = np.array(
        sorted(data.draw(st.lists(st.integers(-2, times[-1] + 2), min_size=1, max_size=8)))
    )
    wanted = index.on_screen(limits)
    assert wanted is not None
    by_time = {e.pts: i for i, e in enumerate(entries)}
    assert wanted.tolist() == [by_time[min(max(limit, 0), times[-1])] for limit in limits]

    heads = [i for i, e in enumerate(entries) if e.facts.clean]
    needed = set()
    for packet in wanted.tolist():
        group = groups[packet]
        is_leading = entries[packet].pts < entries[heads[group]].pts
        first = heads[group - 1] if is_leading else heads[group]
        needed |= {i for i in range(first, packet) if not entries[i].facts.spare} | {packet}

    sent = set()
    position = stop = 0
    for run in plan(index, wanted):
        assert run.first >= position
        assert run.start == stop
        assert entries[run.first].facts.clean
        assert not run.whole
        position, stop = run.last + 1, run.stop
        sent |= {run.first + i for i in np.flatnonzero(run.send).tolist()}
    assert stop == len(limits)
    assert sent == needed


def test_leading_pictures_of_the_first_group_are_left_to_the_decoder() -> None:
    index = index_of(entry(2, CLEAN), entry(0, SPARE), entry(1, SPARE), entry(3), entry(4, CLEAN))
    wanted = index.on_screen(np.array([0, 4]))
    assert wanted is not None
    first, second = plan(index, wanted)
    assert first.whole
    assert (first.first, first.last, first.send.tolist()) == (0, 3, [True] * 4)
    assert (second.first, second.last, second.whole) == (4, 4, False)


def test_packets_before_the_first_clean_one_are_left_to_the_decoder() -> None:
    index = index_of(entry(0), entry(1), entry(2, CLEAN), entry(3))
    wanted = index.on_screen(np.array([0, 3]))
    assert wanted is not None
    first, second = plan(index, wanted)
    assert (first.first, first.last, first.whole) == (0, 1, True)
    assert (second.first, second.last, second.whole) == (2, 3, False)


def test_a_group_that_needs_a_whole_one_before_it_joins_it() -> None:
    index = index_of(
        entry(1, CLEAN), entry(0, SPARE), entry(2), entry(4, CLEAN), entry(3, SPARE), entry(5)
    )
    wanted = index.on_screen(np.array([0, 3]))
    assert wanted is not None
    (run,) = plan(index, wanted)
    assert (run.first, run.last, run.start, run.stop, run.whole) == (0, 4, 0, 2, True)


def test_no_clean_packet_means_everything() -> None:
    index = index_of(entry(0), entry(1, SPARE), entry(2))
    (run,) = plan(index, np.array([2]))
    assert run.whole
    assert run.send.tolist() == [True] * 3


def test_hidden_pictures_are_never_on_screen() -> None:
    index = index_of(entry(0, CLEAN, shown=False), entry(1, shown=False), entry(2), entry(3))
    chosen = index.on_screen(np.array([0, 1, 2, 3]))
    assert chosen is not None
    assert chosen.tolist() == [2, 2, 2, 3]
    assert plan(index, np.array([2]))[0].send.tolist() == [True, True, True]  # but referred to


def test_only_the_highest_layer_is_spare() -> None:
    low, high = PacketFacts(spare=True, layer=1), PacketFacts(spare=True, layer=2)
    assert index_of(entry(0, CLEAN), entry(1, low), entry(2, high)).spare.tolist() == [
        False,
        False,
        True,
    ]
    assert index_of(entry(0, CLEAN), entry(1, low)).spare.tolist() == [False, True]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry(0, CLEAN), entry(0)],
        [entry(0, CLEAN), entry(1, PacketFacts(doubtful=True))],
        [entry(5, CLEAN), entry(3, CLEAN)],
    ],
    ids=["nothing", "the same time twice", "doubtful", "time runs back"],
)
def test_what_can_not_be_trusted_has_no_index(entries: list[Entry]) -> None:
    assert PacketIndex.of(entries, from_start=True) is None


def test_after_a_seek_only_what_follows_a_clean_packet_is_known() -> None:
    def chosen(first: int) -> list[int] | None:
        index = index_of(entry(3), entry(6, CLEAN), entry(5, SPARE), entry(7), from_start=False)
        packets = index.on_screen(np.array([first, 7]))
        return None if packets is None else packets.tolist()

    assert chosen(6) == [1, 3]
    assert chosen(5) is None  # its references may lie before the place sought
    assert chosen(3) is None


def test_a_long_film_takes_little_memory() -> None:
    """As a container tells its packets: one after the other. 3 h at 60 a second are 648 000."""
    n = 100_000

    def packets() -> Iterator[Entry]:
        for i in range(n):
            facts = PacketFacts(clean=i % 250 == 0, spare=i % 2 == 1)
            yield Entry(i * 1500, 1500, True, facts)

    tracemalloc.start()
    try:
        index = PacketIndex.of(packets(), from_start=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert index
    assert len(index.pts) == n
    assert index.end == n * 1500
    assert peak < 60 * n  # as records they took 233 bytes each


def test_a_packet_of_which_nothing_is_known_ends_it() -> None:
    entries = [entry(0, CLEAN), None, entry(1)]
    assert PacketIndex.of(entries, from_start=True) is None
