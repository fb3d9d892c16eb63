"""Hand-made prints of episodes and recurring pieces, as a season's would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zastavka.fingerprint import HOP, Fingerprint, Words
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance, Recurring
from zastavka.segment import Segment
from zastavka.signature import NO_BARS, signatures

EPISODE = 1400.0  # seconds
LEVEL = -20  # dBFS of steady sound


def words(seconds: float, seed: int) -> Words:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**64, round(seconds / HOP), np.uint64, endpoint=False)


def noisy(clean: Words, share: float, seed: int) -> Words:
    """Each bit turned with a probability."""
    turned = np.random.default_rng(seed).random((len(clean), 64)) < share
    mask: Words = np.packbits(turned, axis=1).view(np.uint64)[:, 0]
    return clean ^ mask


def blank(
    duration: float = EPISODE, *, pal: bool = False, pauses: Sequence[Segment] = ()
) -> EpisodePrint:
    """An episode of steady sound, no words of which are known; quiet now and then in `pauses`."""
    n = round(duration / HOP)
    level = np.full(n, LEVEL, np.int8)
    for each in pauses:
        rows = np.arange(round(each.start / HOP), round(each.end / HOP))
        level[rows[rows % 4 == 0]] = LEVEL - 25  # a quarter, as where people talk
    sound = Fingerprint(np.zeros(n, np.uint64), np.ones(n, np.bool_), level)
    return EpisodePrint(
        duration=duration, searched=duration, sound=sound, slow=sound if pal else None,
        times=np.empty(0), pictures=signatures([], NO_BARS), bars=NO_BARS, rate=None,
    )  # fmt: skip


def piece(
    starts: Mapping[int, float | Sequence[float]],
    length: float,
    *,
    heard: bool = True,
    seen: bool = True,
    error: float = 0.08,
    wander: float = 0.1,
    shorter: Mapping[int, float] | None = None,
) -> Recurring:
    """A piece of `length` seconds at the `starts` of some episodes.

    Those in `shorter` lack that many seconds of its beginning.
    """
    instances = []
    for episode, places in starts.items():
        for start in [places] if isinstance(places, (int, float)) else places:
            first = (shorter or {}).get(episode, 0.0)
            segment = Segment(start, start + length - first)
            instances.append(Instance(episode, segment, first, float(heard), float(seen)))
    support = len(starts)
    return Recurring(
        instances=tuple(instances), length=length, support=support,
        heard=support if heard else 0, seen=support if seen else 0,
        error=error if heard else 0.5, wander=wander,
    )  # fmt: skip


def without_pictures(piece: Recurring) -> Recurring:
    """The same, had only its sound been found."""
    unseen = tuple(replace(i, seen=0.0) for i in piece.instances)
    return replace(piece, instances=unseen, seen=0)
