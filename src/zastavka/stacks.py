"""Runs of two episodes laid over each other, until each recurring piece is one stack.

A stack is a common time line, and for each episode on it by how much it must be shifted, and which
seconds of it other episodes have too. A run that shares most of its seconds with an episode of a
stack belongs there; one that belongs to two stacks makes them one, unless an episode would then be
in two places at once: music is like itself a beat later.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from zastavka.prints import FILM, EpisodePrint
from zastavka.runs import Run, Sense

_SAME_PLACE = 0.3  # seconds: lags are known to a word, and add up over a stack


def lay(runs: Sequence[Run], speeds: Sequence[float], votes: Sequence[int]) -> list[Stack]:
    """The stacks of runs, which should come best first. Runs inside one vote say nothing."""
    stacks = _Stacks()
    for run in runs:
        if votes[run.a] != votes[run.b]:
            stacks.lay(run, speeds)
    return list(stacks.by_number.values())


def film_speeds(runs: Sequence[Run], prints: Sequence[EpisodePrint]) -> list[float]:
    """What to multiply each episode's times by so that all run at one pace: 25/24 for PAL."""
    pace: dict[int, float] = defaultdict(float)
    for run in runs:
        ratio = (run.end_b - run.start_b) / run.duration
        hurried = run.b if ratio < 1 else run.a
        if run.sense == "sound" and (prints[run.a].slow is None) != (prints[run.b].slow is None):
            pal = run.a if prints[run.a].slow is not None else run.b
            pace[pal] += run.score if abs(ratio - 1) > 0.02 and pal == hurried else -run.score
    return [FILM if pace[i] > 0 else 1.0 for i in range(len(prints))]


@dataclass(frozen=True, slots=True)
class Span:
    """What one run says of a member, in its own seconds * speed; `tail`: of it, not sure."""

    start: float
    end: float
    tail: float
    sense: Sense
    error: float

    def moved(self, shift: float) -> Span:
        """The same, `shift` seconds later."""
        return Span(self.start + shift, self.end + shift, self.tail, self.sense, self.error)


@dataclass(slots=True, eq=False, repr=False)
class Member:
    """An episode on a stack: time * speed + offset is the stack's time.

    Runs hold it from `start` to `end`, its own seconds * speed. `rank` tells older ones.
    """

    episode: int
    offset: float
    stack: Stack
    spans: list[Span] = field(default_factory=list)
    start: float = math.inf
    end: float = -math.inf
    rank: tuple[int, int] = (0, 0)

    def hold(self, spans: Iterable[Span]) -> None:
        """Add what runs say of it."""
        for span in spans:
            self.spans.append(span)
            self.start, self.end = min(self.start, span.start), max(self.end, span.end)

    def overlaps(self, start: float, end: float) -> bool:
        """Whether it is held somewhere between these times of its own."""
        return min(self.end, end) - max(self.start, start) > 0

    def is_at(self, offset: float) -> bool:
        """Whether an episode at that offset would be in the same place."""
        return abs(self.offset - offset) <= _SAME_PLACE


class Stack:
    """Episodes on one time line; one may be there more than once."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.members: list[Member] = []
        self._of: defaultdict[int, list[Member]] = defaultdict(list)

    def of(self, episode: int) -> Sequence[Member]:
        """Its members that are of one episode."""
        return self._of.get(episode, ())

    def add(self, member: Member) -> Member:
        """Put one more on it."""
        member.stack, member.rank = self, (self.number, len(self.members))
        self.members.append(member)
        self._of[member.episode].append(member)
        return member


class _Stacks:
    """The stacks so far, and every member that an episode is."""

    def __init__(self) -> None:
        self.by_number: dict[int, Stack] = {}
        self._of: defaultdict[int, list[Member]] = defaultdict(list)
        self._made = 0

    def lay(self, run: Run, speeds: Sequence[float]) -> None:
        """Put a run on the stack that it belongs to; two stacks that it joins become one."""
        start_a, end_a = run.start_a * speeds[run.a], run.end_a * speeds[run.a]
        start_b, end_b = run.start_b * speeds[run.b], run.end_b * speeds[run.b]
        a, b = self._home(run.a, start_a, end_a), self._home(run.b, start_b, end_b)
        if a is None and b is None:
            a = self._add(self._new_stack(), run.a, 0.0)
        if a is None and b is not None:
            a = self._beside(b, run.a, b.offset + start_b - start_a, start_a, end_a)
        elif b is None and a is not None:
            b = self._beside(a, run.b, a.offset + start_a - start_b, start_b, end_b)
        elif a is not None and b is not None and a.stack is not b.stack:
            b = self._joined(a, b, (a.offset + start_a) - (b.offset + start_b))
        if a is None or b is None:
            return  # at another lag: music that is like itself
        if abs((a.offset + start_a) - (b.offset + start_b)) <= _SAME_PLACE:
            a.hold([Span(start_a, end_a, run.tail, run.sense, run.error)])
            b.hold([Span(start_b, end_b, run.tail, run.sense, run.error)])

    def _home(self, episode: int, start: float, end: float) -> Member | None:
        """The member that has most of these seconds of an episode; of equals, the oldest."""
        most, best = 0.0, None
        for member in self._of[episode]:
            if not (member.start < end and member.end > start):
                continue
            common = min(end, member.end) - max(start, member.start)
            if common < most or common < 0.5 * min(end - start, member.end - member.start):
                continue
            if best is None or common > most or member.rank < best.rank:
                most, best = common, member
        return best

    def _new_stack(self) -> Stack:
        self._made += 1
        self.by_number[self._made] = Stack(self._made)
        return self.by_number[self._made]

    def _add(self, stack: Stack, episode: int, offset: float) -> Member:
        member = stack.add(Member(episode, offset, stack))
        self._of[episode].append(member)
        return member

    def _beside(
        self, known: Member, episode: int, offset: float, start: float, end: float
    ) -> Member | None:
        """The place of an episode on the stack of a member; None: it is there at another lag."""
        there = known.stack.of(episode)
        # after a gap it goes on at the same lag
        twin = next((m for m in there if m.is_at(offset)), None)
        if twin is not None:
            return twin
        if any(m.overlaps(start, end) for m in there):
            return None
        return self._add(known.stack, episode, offset)

    def _joined(self, a: Member, b: Member, shift: float) -> Member | None:
        """The stack of `b` laid on that of `a`: what `b` is there. None: they don't go together."""
        stack, other = a.stack, b.stack
        if not _go_together(stack, other, shift):
            return None
        for member in other.members:
            member.offset += shift
            twin = next((m for m in stack.of(member.episode) if m.is_at(member.offset)), None)
            if twin is None:
                stack.add(member)
                continue
            twin.hold(span.moved(member.offset - twin.offset) for span in member.spans)
            self._of[member.episode].remove(member)
            if member is b:
                b = twin
        del self.by_number[other.number]
        return b


def _go_together(one: Stack, two: Stack, shift: float) -> bool:
    """Whether an episode of both would be in one place, or in two that don't overlap."""
    return not any(
        other.overlaps(member.start, member.end) and not other.is_at(member.offset + shift)
        for member in two.members
        for other in one.of(member.episode)
    )
