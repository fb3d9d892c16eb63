"""What speaks for a recurring segment's being the intro, as points by kind.

Each piece earns points for:

    support   log2 of the episodes that have it, less 1.5 times the share of those that don't
    senses    heard and seen 2, seen alone 1, heard alone 1 if clear; -3 if it is mostly covered by
              other sound: a score that plays under scenes
    length    -6 below 2.5 s, -4 below 2.9 s, -0.5 below 5 s, 0 below 8 s, 1 up to 100 s, -2 beyond
    once      -3 for each time more that an episode has it (not counting the credits), -4 at most
    ends      0.5 where it begins and ends alike in all episodes, -1 and -2.5 where it does not
    place     0.5 in the first third of the episode, -1.5 behind 45 %, -2.5 behind 65 %
    flow      1 where its sound does not pause, -1.5 where it does as speech does: a scene again
    card      -2 where it is at 0:00 and shorter than 7 s, which then always awaits review

They add up in the manner of log odds. They were chosen on composed series of one half of the
benchmark's media and are judged on the other (benchmarks/README.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from zastavka.fingerprint import HOP
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance, Recurring
from zastavka.segment import Segment

Points = tuple[tuple[str, float], ...]

AT_START = 1.0  # seconds
_CREDITS_END = 10.0  # seconds before the end of the file
_CARD = 7.0  # seconds: at 0:00, what is shorter may be a studio's
_PAUSE_DB = 8  # below the median
_CLEAR, _COVERED = 0.2, 0.29  # share of bits that differ: the sound alone, and under other sound


def points_of(piece: Recurring, prints: Sequence[EpisodePrint], season: int) -> Points:
    """By kind, in the order above; `season`: how many episodes there are."""
    early = before_credits(piece, prints)
    return (
        ("support", support(piece, season)),
        ("senses", _senses(piece)),
        ("length", _length(piece.length)),
        ("once", _once(early)),
        ("ends", _ends(piece.wander)),
        ("place", _place(early or list(piece.instances), prints)),
        ("flow", _flow(piece, prints)),
        ("card", -2.0 if is_card(piece) else 0.0),
    )


def before_credits(piece: Recurring, prints: Sequence[EpisodePrint]) -> list[Instance]:
    """Its instances that do not stand at the end of their file."""
    return [i for i in piece.instances if not is_credits(i, prints)]


def is_card(piece: Recurring) -> bool:
    """Whether it is short and stands at 0:00, as studios' logos do."""
    at_start = sum(i.segment.start <= AT_START for i in piece.instances)
    return 2 * at_start > len(piece.instances) and piece.length < _CARD


def may_be_logo(segment: Segment) -> bool:
    """The same of one segment, once its edges are known."""
    return segment.start <= AT_START and segment.duration < _CARD


def is_heard(piece: Recurring) -> bool:
    """Whether most of those who have it were found by sound."""
    return piece.heard >= max(2, 0.5 * piece.support)


def is_seen(piece: Recurring) -> bool:
    """Whether most of those who have it were found by pictures."""
    return piece.seen >= max(2, 0.5 * piece.support)


def support(piece: Recurring, season: int) -> float:
    """Points of how many of `season` episodes have it."""
    return math.log2(piece.support) - 1.5 * (1 - piece.support / max(season, piece.support))


def _senses(piece: Recurring) -> float:
    heard, seen = is_heard(piece), is_seen(piece)
    if seen:
        return 2.0 if heard else 1.0
    if piece.error < _CLEAR:
        return 1.0
    return 0.0 if piece.error < _COVERED else -3.0


def _length(seconds: float) -> float:
    steps = ((2.5, -6.0), (2.9, -4.0), (5.0, -0.5), (8.0, 0.0), (100.0, 1.0))
    return next((value for limit, value in steps if seconds < limit), -2.0)


def _ends(wander: float) -> float:
    steps = ((0.3, 0.5), (1.0, 0.0), (4.0, -1.0))
    return next((value for limit, value in steps if wander < limit), -2.5)


def _once(early: Sequence[Instance]) -> float:
    times = len(early) / len({i.episode for i in early}) if early else 1.0
    return -min(4.0, 3.0 * (times - 1))


def _place(instances: Sequence[Instance], prints: Sequence[EpisodePrint]) -> float:
    where = median(i.segment.start / prints[i.episode].duration for i in instances)
    steps = ((0.35, 0.5), (0.45, 0.0), (0.65, -1.5))
    return next((value for limit, value in steps if where < limit), -2.5)


def _flow(piece: Recurring, prints: Sequence[EpisodePrint]) -> float:
    """By the share of words well below the usual level of the piece, in the median episode."""
    if not is_heard(piece):
        return 0.0
    shares = []
    for instance in piece.instances:
        sound = prints[instance.episode].sound
        if sound is None:
            continue
        # the last third of a second is often faded out
        first, stop = (
            round(t / HOP) for t in (instance.segment.start + 0.13, instance.segment.end - 0.4)
        )
        level = sound.level[first:stop].astype(np.int16)
        if len(level) > 8:
            shares.append(float((level < np.median(level) - _PAUSE_DB).mean()))
    pauses = median(shares) if shares else 0.0
    return 1.0 if pauses < 0.06 else 0.0 if pauses < 0.15 else -1.5


def is_credits(instance: Instance, prints: Sequence[EpisodePrint]) -> bool:
    """Whether it stands at the end of its file."""
    left = prints[instance.episode].duration - instance.segment.end
    return left < _CREDITS_END and instance.segment.start > AT_START
