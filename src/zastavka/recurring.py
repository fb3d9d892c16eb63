"""Recurring segments of a season: the pieces of its stacks.

A stack is laid of what pairs of episodes share. How many episodes hold each moment of it says where
a piece begins and ends: where the count falls far below its peak, something else begins, such as a
scene of one episode shown again in another right after an eyecatch. An episode with half of a theme
still has that half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from zastavka.options import MatchOptions
from zastavka.prints import EpisodePrint
from zastavka.runs import Run, Sense
from zastavka.segment import Segment
from zastavka.stacks import Member, Stack, film_speeds, lay

_TICK = 0.05  # seconds of the time line on which episodes are counted
_EDGE = 1.5  # seconds: ends that differ by less are one end, seen through noise
_LEAST = 0.25  # share of a piece that an episode must have to be counted
_CORE, _REST = 0.75, 0.5  # shares of the peak of the count: of the core, and of what may go with it
_LONGER = 4.0  # seconds: what goes with the core is a part of some episodes' piece, and no noise


@dataclass(frozen=True, slots=True)
class Instance:
    """A recurring piece in one episode.

    `first` is where in the piece it begins, in seconds of it; `heard` and `seen` are the shares of
    it that sound and pictures found again elsewhere.
    """

    episode: int
    segment: Segment
    first: float
    heard: float
    seen: float

    def at(self, time: float, speed: float) -> float:
        """When `time` of the piece comes in this episode; `speed`: its PAL factor, else 1."""
        return self.segment.start + (time - self.first) / speed


@dataclass(frozen=True, slots=True)
class Recurring:
    """A piece that several episodes have: `length` seconds, `support` episodes (votes, by sense).

    `error` is the mean share of bits in which its sound differs; `wander` how far the ends of the
    episodes lie from its own, in seconds: what is cut as one piece ends as one. `seamed`: what
    stands before it repeats as well, so that nothing but the seam tells where it begins; and
    `seamed_end` likewise.
    """

    instances: tuple[Instance, ...]
    length: float
    support: int
    heard: int
    seen: int
    error: float
    wander: float
    seamed: bool = False
    seamed_end: bool = False

    def of(self, episode: int) -> list[Instance]:
        """Its instances in one episode."""
        return [i for i in self.instances if i.episode == episode]


def stack(
    runs: Sequence[Run],
    prints: Sequence[EpisodePrint],
    votes: Sequence[int],
    options: MatchOptions,
) -> list[Recurring]:
    """The recurring segments behind runs (best first), those of most support and length first.

    `votes[i]` is the vote of episode i: versions of one episode share it.
    """
    speeds = film_speeds(runs, prints)
    pieces = [p for s in lay(runs, speeds, votes) for p in _pieces(s, speeds, votes, options)]
    return sorted(
        pieces,
        key=lambda p: (-p.support, -p.length, p.instances[0].episode, p.instances[0].segment),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Count:
    """Which members hold each tick of a stack: (members, ticks), by any sense and by each."""

    low: float
    any: NDArray[np.bool_]
    by: dict[Sense, NDArray[np.bool_]]

    @classmethod
    def of(cls, members: list[Member]) -> _Count:
        low = min(m.start + m.offset for m in members)
        ticks = int((max(m.end + m.offset for m in members) - low) / _TICK) + 2
        by: dict[Sense, NDArray[np.bool_]] = {
            sense: np.zeros((len(members), ticks), np.bool_) for sense in ("sound", "picture")
        }
        # where sound tells the ends, a picture that merely stays on does not
        is_heard = sum(any(s.sense == "sound" for s in m.spans) for m in members) >= 2
        sure = np.zeros((len(members), ticks), np.bool_)
        for i, member in enumerate(members):
            for span in member.spans:
                first, stop = (
                    round((t + member.offset - low) / _TICK) for t in (span.start, span.end)
                )
                by[span.sense][i, first:stop] = True
                sure[i, first : max(first + 1, stop - round(span.tail * is_heard / _TICK))] = True
        return cls(low, sure, by)

    def votes(self, table: NDArray[np.bool_], owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many votes hold each tick: several members may share one."""
        each = [table[owners == owner].any(axis=0) for owner in np.unique(owners)]
        return np.asarray(np.array(each).sum(axis=0))


def _pieces(
    each: Stack, speeds: list[float], votes: Sequence[int], options: MatchOptions
) -> list[Recurring]:
    members = [m for m in each.members if m.spans]
    if len(members) < 2:
        return []
    count = _Count.of(members)
    owners = np.array([votes[m.episode] for m in members])
    height = count.votes(count.any, owners)
    pieces = []
    left = height >= 2
    taken = np.zeros(len(height) + 1, np.bool_)
    while left.any():
        peak = int(np.sort(height[left])[-max(1, int(1.0 / _TICK)) :].min())
        core, rest = (
            _spans(left & (height >= max(2, np.ceil(share * peak))), options.max_gap)
            for share in (_CORE, _REST)
        )
        for first, stop in core:
            if not left[first:stop].any():
                continue  # went with another core
            begin, end = next((f, s) for f, s in rest if f <= first and stop <= s)
            low = begin if (first - begin) * _TICK > _LONGER else first
            high = end if (end - stop) * _TICK > _LONGER else stop
            piece = _piece(members, count, owners, low, high, taken, speeds, options)
            if piece is not None:
                pieces.append(piece)
                taken[low:high] = True
            left[low:high] = False
    return pieces


def _spans(mask: NDArray[np.bool_], gap: float) -> list[tuple[int, int]]:
    """First and stop of the runs of True, gaps of up to `gap` seconds closed."""
    padded = np.zeros(len(mask) + 2, np.bool_)
    padded[1:-1] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2).tolist()
    joined = [edges[0]]
    for first, stop in edges[1:]:
        if (first - joined[-1][1]) * _TICK <= gap:
            joined[-1][1] = stop
        else:
            joined.append([first, stop])
    return [(first, stop) for first, stop in joined]


def _piece(
    members: list[Member],
    count: _Count,
    owners: NDArray[np.int64],
    first: int,
    stop: int,
    taken: NDArray[np.bool_],
    speeds: list[float],
    options: MatchOptions,
) -> Recurring | None:
    low, high = (count.low + tick * _TICK for tick in (first, stop))
    room = _room(taken, first, stop)
    ends = [_own_ends(count, i, low, high, room) for i in range(len(members))]
    whole = [e for e in ends if e is not None and e[0] - low < _EDGE and high - e[1] < _EDGE]
    if whole:
        low, high = median(e[0] for e in whole), median(e[1] for e in whole)
    if high - low < options.min_seconds:
        return None
    instances, kept = [], []
    for i, (member, own) in enumerate(zip(members, ends, strict=True)):
        if own is None or own[1] - own[0] < max(_LEAST * (high - low), options.min_seconds * 0.8):
            continue
        start = low if own[0] - low < _EDGE else own[0]
        end = high if high - own[1] < _EDGE else own[1]
        speed = speeds[member.episode]
        begin = max(0.0, (start - member.offset) / speed)
        start = begin * speed + member.offset  # a file may begin inside the piece
        segment = Segment(begin, max(begin + _TICK, (end - member.offset) / speed))
        shares = [_share(count.by[s][i], count.low, start, end) for s in ("sound", "picture")]
        instances.append(Instance(member.episode, segment, start - low, *shares))
        kept.append(i)
    backed = {int(owners[i]) for i in kept}
    if len(backed) < 2:
        return None
    errors = [
        (span.end - span.start, span.error)
        for i in kept for span in members[i].spans
        if span.sense == "sound"
        and min(span.end, high - members[i].offset) - max(span.start, low - members[i].offset)
        > 0.5 * (span.end - span.start)
    ]  # fmt: skip
    return Recurring(
        instances=tuple(sorted(instances, key=lambda x: (x.episode, x.segment))),
        length=high - low,
        support=len(backed),
        heard=len({int(owners[i]) for i, x in zip(kept, instances, strict=True) if x.heard > 0.5}),
        seen=len({int(owners[i]) for i, x in zip(kept, instances, strict=True) if x.seen > 0.3}),
        error=float(np.average([e for _, e in errors], weights=[w for w, _ in errors]))
        if errors else 0.5,
        wander=_wander([ends[i] for i in kept], low, high),
    )  # fmt: skip


def _room(taken: NDArray[np.bool_], first: int, stop: int) -> tuple[int, int]:
    """The ticks around [first, stop) in which a piece may end, and no other is."""
    reach = round(_EDGE / _TICK)
    low, high = max(0, first - reach), min(len(taken), stop + reach)
    before, after = np.flatnonzero(taken[low:first]), np.flatnonzero(taken[stop:high])
    return (
        low + int(before[-1]) + 1 if len(before) else low,
        stop + int(after[0]) if len(after) else high,
    )


def _own_ends(
    count: _Count, i: int, low: float, high: float, room: tuple[int, int]
) -> tuple[float, float] | None:
    first, stop = room
    held = np.flatnonzero(count.any[i, first:stop])
    if not len(held):
        return None
    start, end = (count.low + float(first + h) * _TICK for h in (held[0], held[-1] + 1))
    return (max(start, low - _EDGE), min(end, high + _EDGE)) if end > low and start < high else None


def _share(held: NDArray[np.bool_], base: float, start: float, end: float) -> float:
    part = held[round((start - base) / _TICK) : round((end - base) / _TICK)]
    return np.count_nonzero(part) / len(part) if len(part) else 0.0


def _wander(ends: Sequence[tuple[float, float] | None], low: float, high: float) -> float:
    """How far the ends of the episodes lie from those of the piece, in seconds, in the median."""
    apart = [max(abs(e[0] - low), abs(e[1] - high)) for e in ends if e is not None]
    return median(apart) if apart else 0.0
