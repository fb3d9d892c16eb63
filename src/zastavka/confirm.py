"""A second look at recurring segments, where key pictures and the index leave something open.

Whether what was heard is also seen: where too few key pictures fall into a piece (encoders with
fixed groups of pictures), a few pictures of it are decoded at the same moments of two episodes.

Whether what stands at 0:00 is one thing: a studio's logo and the theme behind it repeat together in
every episode, and nothing in the season tells them apart; a gap in the sound where the picture
changes does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zastavka.closeup import RATE, Closeups
from zastavka.recurring import Instance, Recurring
from zastavka.segment import Segment

_MOMENTS = (0.12, 0.3, 0.5, 0.7, 0.88)  # of a piece, at which two episodes are compared
_ALIKE, _MOST = 0.88, 0.6  # correlation of pictures, and the share of moments that must be alike
_ENOUGH = 0.5  # share of the episodes in which key pictures have told already
_AT_START = 1.0  # seconds
_LOGO = (1.5, 9.5)  # seconds that a logo may last
_LEAST = 1.2  # seconds of what follows it
_FRAME, _HOP = 160, 40  # samples: 20 and 5 ms
_DIP_DB, _SILENCE_DB = 26.0, -45.0  # a gap: so far below the usual level, or this quiet
_BESIDE = 0.5  # seconds before and after a gap at which pictures are compared
_DIFFERENT = 0.6  # correlation below which two pictures are of different things


def look_again(
    piece: Recurring, votes: Sequence[int], speeds: Sequence[float], closeups: Closeups
) -> Recurring:
    """The piece, with what its pictures say where key pictures said too little."""
    if piece.seen >= max(2, _ENOUGH * piece.support) or not piece.heard:
        return piece
    readable = [i for i in piece.instances if closeups.can_read(i.episode)]
    if len(readable) < 2:
        return piece
    # the fullest one is the yardstick
    yardstick = max(readable, key=lambda i: (i.segment.duration * speeds[i.episode], -i.episode))
    seen = [
        replace(i, seen=1.0)
        if i is not yardstick and _looks_like(i, yardstick, speeds, closeups)
        else i
        for i in piece.instances
    ]
    if any(i.seen == 1.0 and i.episode != yardstick.episode for i in seen):
        seen = [replace(i, seen=1.0) if i == yardstick else i for i in seen]
    backed = len({votes[i.episode] for i in seen if i.seen > 0.3})
    return replace(piece, instances=tuple(seen), seen=max(piece.seen, backed))


def _looks_like(
    mine: Instance, theirs: Instance, speeds: Sequence[float], closeups: Closeups
) -> bool:
    if mine.episode == theirs.episode:
        return False
    speed = speeds[mine.episode]
    times = [mine.segment.start + share * mine.segment.duration for share in _MOMENTS]
    moments = [mine.first + (t - mine.segment.start) * speed for t in times]
    there = [theirs.at(m, speeds[theirs.episode]) for m in moments]
    if there[0] < 0:
        return False
    one, two = closeups.glances(mine.episode, times), closeups.glances(theirs.episode, there)
    if one is None or two is None:
        return False
    alike, told = 0, 0
    for k in range(len(times)):
        row = np.array([k])
        if one.usable[k] and two.usable[k]:
            told += 1
            value = np.einsum("nvd,nwd->vw", one.vectors(row), two.vectors(row)).max()
            alike += value > _ALIKE
    return told >= 2 and alike >= _MOST * told


def without_logo(
    piece: Recurring, votes: Sequence[int], speeds: Sequence[float], closeups: Closeups
) -> list[Recurring]:
    """The piece, or the logo at 0:00 and what follows it as two."""
    at_start = [i for i in piece.instances if i.segment.start <= _AT_START and i.first < 0.2]
    readable = [
        i for i in at_start
        if closeups.can_read(i.episode)
        and i.segment.duration * speeds[i.episode] > 0.95 * piece.length
    ]  # fmt: skip
    if 2 * len(at_start) <= len(piece.instances) or len(readable) < 2:
        return [piece]
    if piece.length < _LOGO[0] + _LEAST:
        return [piece]
    one = readable[0]
    two = next((i for i in readable if votes[i.episode] != votes[one.episode]), one)
    if two is one or speeds[one.episode] != speeds[two.episode]:
        return [piece]
    seams = _seams(one, piece, closeups)
    agreed = [a for a in seams if any(abs(a - b) < 0.1 for b in _seams(two, piece, closeups))]
    if not agreed:
        return [piece]
    at = agreed[0]
    return [_part(piece, *ends, votes, speeds) for ends in ((0.0, at), (at, piece.length))]


def _seams(instance: Instance, piece: Recurring, closeups: Closeups) -> list[float]:
    """Seconds of the piece at which its sound has a gap and its picture changes."""
    start, end = (
        instance.segment.start,
        instance.segment.start + min(_LOGO[1] + _BESIDE, piece.length),
    )
    samples = closeups.sound(instance.episode, Segment(start, end))
    if samples is None or len(samples) < RATE:
        return []
    level = _levels(samples)
    usual = float(np.median(level))
    quiet = level < max(min(usual - _DIP_DB, -20.0), _SILENCE_DB)
    found = []
    for first, stop in np.flatnonzero(np.diff(np.r_[0, quiet.astype(np.int8), 0])).reshape(-1, 2):
        # what follows the gap begins where the gap ends
        at = (stop * _HOP + (_FRAME - _HOP) / 2) / RATE
        if not _LOGO[0] <= at <= min(_LOGO[1], piece.length - _LEAST):
            continue
        gap = (stop - first) * _HOP / RATE
        times = [start + at - gap - _BESIDE, start + at + _BESIDE]
        looks = closeups.glances(instance.episode, times)
        if looks is None:
            continue
        one, two = looks.vectors(np.array([0])), looks.vectors(np.array([1]))
        if not looks.usable.all() or float((one * two).sum(axis=2).max()) < _DIFFERENT:
            found.append(at)
    return found


def _levels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """DBFS of frames of 20 ms, one every 5 ms."""
    sums = np.r_[0.0, np.cumsum(samples.astype(np.float64) ** 2)]
    starts = np.arange(0, len(samples) - _FRAME + 1, _HOP)
    return np.asarray(10 * np.log10((sums[starts + _FRAME] - sums[starts]) / _FRAME + 1e-10))


def _part(
    piece: Recurring, low: float, high: float, votes: Sequence[int], speeds: Sequence[float]
) -> Recurring:
    """Seconds [low, high) of a piece, as a piece."""
    instances = []
    for i in piece.instances:
        speed = speeds[i.episode]
        last = i.first + i.segment.duration * speed
        start, end = max(low, i.first), min(high, last)
        if end - start > 0.5 * min(high - low, _LEAST):
            segment = Segment(max(0.0, i.at(start, speed)), i.at(end, speed))
            instances.append(replace(i, segment=segment, first=start - low))
    return replace(
        piece,
        instances=tuple(instances),
        length=high - low,
        support=len({votes[i.episode] for i in instances}),
        heard=min(piece.heard, len({votes[i.episode] for i in instances if i.heard > 0.5})),
        seen=min(piece.seen, len({votes[i.episode] for i in instances if i.seen > 0.3})),
        seamed=piece.seamed or low > 0,
        seamed_end=piece.seamed_end or high < piece.length,
    )
