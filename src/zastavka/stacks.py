"""Runs of two episodes laid over each other, until each recurring piece is one stack.

A stack is a common time line, and for each episode on it by how much it must be shifted, and which
seconds of it other episodes have too. A run that shares most of its seconds with an episode of a
stack belongs there; one that belongs to two stacks makes them one, unless an episode would then be
in two places at once: music is like itself a beat later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from zastavka.prints import FILM, EpisodePrint
from zastavka.runs import Run, Sense

_SAME_PLACE = 0.3  # seconds: lags are known to a word, and add up over a stack


def lay(runs: Sequence[Run], speeds: Sequence[float], votes: Sequence[int]) -> list[Stack]:
    """The stacks of runs, which should come best first. Runs inside one vote say nothing."""
    stacks: list[Stack] = []
    for run in runs:
        if votes[run.a] != votes[run.b]:
            _lay(stacks, run, speeds)
    return stacks


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
    """What one run says of a member, in seconds of the stack; `tail`: of it, not sure."""

    start: float
    end: float
    tail: float
    sense: Sense
    error: float

    def moved(self, shift: float) -> Span:
        """The same, `shift` seconds later."""
        return replace(self, start=self.start + shift, end=self.end + shift)


@dataclass(slots=True)
class Member:
    """An episode on a stack: time * speed + offset is the stack's time."""

    episode: int
    offset: float
    spans: list[Span] = field(default_factory=list)

    @property
    def hull(self) -> tuple[float, float]:
        """From where to where it is held, in seconds of the stack."""
        return min(s.start for s in self.spans), max(s.end for s in self.spans)


@dataclass(slots=True)
class Stack:
    """Episodes on one time line; one may be there more than once."""

    members: list[Member]

    def of(self, episode: int) -> list[Member]:
        """Its members that are of one episode."""
        return [m for m in self.members if m.episode == episode]


def _lay(stacks: list[Stack], run: Run, speeds: Sequence[float]) -> None:
    """Put a run on the stack that it belongs to; two stacks that it joins become one."""
    sides = [
        (run.a, run.start_a * speeds[run.a], run.end_a * speeds[run.a]),
        (run.b, run.start_b * speeds[run.b], run.end_b * speeds[run.b]),
    ]
    (home_a, a), (home_b, b) = (_home(stacks, *side) for side in sides)
    (_, start_a, end_a), (_, start_b, end_b) = sides
    if a is None and b is None:
        stacks.append(Stack([Member(run.a, 0.0), Member(run.b, start_a - start_b)]))
        home_a, (a, b) = stacks[-1], stacks[-1].members
    elif a is None or b is None:
        home = home_a or home_b
        known = a or b
        assert home is not None
        assert known is not None
        new, start, other = (run.b, start_b, start_a) if b is None else (run.a, start_a, start_b)
        end = end_b if b is None else end_a
        member = Member(new, known.offset + other - start)
        # after a gap it goes on at the same lag
        twin = next((m for m in home.of(new) if _same(m, member)), None)
        if twin is not None:
            member = twin
        elif any(_overlaps(m, start + m.offset, end + m.offset) for m in home.of(new)):
            return  # at another lag: music that is like itself
        else:
            home.members.append(member)
        a, b = (known, member) if b is None else (member, known)
    elif home_a is not home_b:
        assert home_a is not None
        assert home_b is not None
        shift = (a.offset + start_a) - (b.offset + start_b)
        if not _joins(home_a, home_b, shift):
            return
        for member in home_b.members:
            member.offset += shift
            member.spans = [span.moved(shift) for span in member.spans]
            twin = next((m for m in home_a.of(member.episode) if _same(m, member)), None)
            if twin is None:
                home_a.members.append(member)
            else:
                twin.spans += member.spans
                b = twin if member is b else b
        stacks.remove(home_b)
    if abs((a.offset + start_a) - (b.offset + start_b)) > _SAME_PLACE:
        return
    span = Span(start_a, end_a, run.tail, run.sense, run.error)
    a.spans.append(span.moved(a.offset))
    b.spans.append(replace(span, start=start_b, end=end_b).moved(b.offset))


def _home(
    stacks: list[Stack], episode: int, start: float, end: float
) -> tuple[Stack | None, Member | None]:
    """The stack that has most of these seconds of an episode."""
    best: tuple[float, Stack | None, Member | None] = (0.0, None, None)
    for each in stacks:
        for member in each.of(episode):
            low, high = (x - member.offset for x in member.hull)
            common = min(end, high) - max(start, low)
            if common > best[0] and common >= 0.5 * min(end - start, high - low):
                best = (common, each, member)
    return best[1], best[2]


def _overlaps(member: Member, start: float, end: float) -> bool:
    low, high = member.hull
    return min(end, high) - max(start, low) > 0


def _same(one: Member, two: Member) -> bool:
    return abs(one.offset - two.offset) <= _SAME_PLACE


def _joins(one: Stack, two: Stack, shift: float) -> bool:
    """Whether an episode of both would be in one place, or in two that don't overlap."""
    for member in two.members:
        moved = Member(member.episode, member.offset + shift)
        low, high = (x - member.offset for x in member.hull)
        for other in one.of(member.episode):
            if not _same(other, moved) and _overlaps(
                other, low + other.offset, high + other.offset
            ):
                return False
    return True
