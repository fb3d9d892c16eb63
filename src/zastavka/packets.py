"""Which packets of a video track must be decoded to show the pictures of given times, and no more.

A group of pictures runs from one clean packet to the next, in decoding order. A group without a
wanted picture is left out; of the others what comes after the last wanted picture is left out, and
pictures that no other refers to. Leading pictures (shown before the packet that opens their group)
may need the group before them, which is then decoded as well.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from zastavka.bitstream import PacketFacts

Flags = NDArray[np.bool_]
Ticks = NDArray[np.int64]  # in the stream's time base


class Entry(NamedTuple):
    """One packet as the container tells it."""

    pts: int
    duration: int
    shown: bool  # an edit list may hide pictures
    facts: PacketFacts


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Packets first <= i <= last for the times start <= j < stop of those asked for."""

    first: int
    last: int
    start: int
    stop: int
    send: Flags  # of each packet of the run
    whole: bool  # nothing is left out, so what comes out of the decoder is the truth


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """The packets of a stretch of a video track, in decoding order."""

    pts: Ticks
    end: int  # where the last picture's time on screen ends
    shown: Flags
    clean: Flags
    spare: Flags
    from_start: bool  # whether the stretch begins where the file begins

    @classmethod
    def of(cls, entries: Iterable[Entry | None], from_start: bool) -> Self | None:
        """None where times are ambiguous, or the stream changes how it is to be read.

        An entry of None: nothing certain is known of that packet. Entries are not kept: 3 h
        at 60 a second would take 214 MB.
        """
        times, flags = array("q"), bytearray()  # three flags of each packet
        layers, end = bytearray(), -(1 << 63)
        for row in entries:
            if row is None or row.facts.doubtful:
                return None
            times.append(row.pts)
            flags += bytes((row.shown, row.facts.clean, row.facts.spare))
            layers.append(row.facts.layer)
            end = max(end, row.pts + row.duration)
        pts = np.frombuffer(times, np.int64)
        ordered = np.sort(pts)
        if not len(pts) or np.any(ordered[1:] == ordered[:-1]):
            return None
        shown, clean, spare = np.frombuffer(flags, np.bool_).reshape(-1, 3).T
        if np.any(np.diff(pts[clean]) <= 0):
            return None
        layer = np.frombuffer(layers, np.uint8)
        # a higher layer may refer to a picture that its own layer does not
        return cls(pts, end, shown, clean, spare & (layer == layer.max()), from_start)

    def on_screen(self, limits: Ticks) -> NDArray[np.intp] | None:
        """The packet on screen at each time: the last with pts <= limit, or else the first.

        None if this stretch can't tell.
        """
        shown = np.flatnonzero(self.shown)
        if not len(shown):
            return None
        order = shown[np.argsort(self.pts[shown])]
        places = np.searchsorted(self.pts[order], limits, side="right") - 1
        packets = order[np.maximum(places, 0)]
        if self.from_start or not len(limits):
            return packets
        first = int(np.argmax(self.clean))
        known = self.clean[first] and self.pts[first] <= limits[0] and packets.min() >= first
        return packets if known else None


def plan(index: PacketIndex, wanted: NDArray[np.intp]) -> list[Run]:
    """The runs that bring out the wanted packets' pictures; `wanted` in order of their pts."""
    if not len(wanted):
        return []
    heads = np.flatnonzero(index.clean)
    if not len(heads):
        return [_whole(len(index.pts) - 1, 0, len(wanted))]
    groups = np.searchsorted(heads, wanted, side="right") - 1
    runs: list[Run] = []
    for group, start, stop in _stretches(groups):
        last = int(wanted[start:stop].max())
        head = int(heads[max(group, 0)])
        leading = group < 0 or bool(np.any(index.pts[wanted[start:stop]] < index.pts[head]))
        if leading and group <= 0 and index.from_start:
            # what a decoder makes of pictures before the first clean one is its own affair
            end = int(heads[group + 1]) - 1 if group + 1 < len(heads) else len(index.pts) - 1
            runs.append(_whole(end, start, stop))
        elif leading and runs and runs[-1].last >= heads[group - 1]:
            before = runs.pop()
            join = _whole if before.whole else partial(_run, index, before.first, wanted)
            runs.append(join(last, before.start, stop))
        else:
            runs.append(_run(index, int(heads[group - leading]), wanted, last, start, stop))
    return runs


def _run(
    index: PacketIndex, first: int, wanted: NDArray[np.intp], last: int, start: int, stop: int
) -> Run:
    send = ~index.spare[first : last + 1]
    send[wanted[start:stop] - first] = True
    return Run(first, last, start, stop, send, whole=False)


def _whole(last: int, start: int, stop: int) -> Run:
    return Run(0, last, start, stop, np.ones(last + 1, dtype=np.bool_), whole=True)


def _stretches(groups: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """(group, start, stop) of each stretch of equal numbers."""
    edges = np.flatnonzero(np.diff(groups)) + 1
    starts = [0, *edges.tolist()]
    stops = [*edges.tolist(), len(groups)]
    return [(int(groups[a]), a, b) for a, b in zip(starts, stops, strict=True)]
