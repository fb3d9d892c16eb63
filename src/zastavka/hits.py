"""Where two episodes may sound alike: the pairs and lags at which several keys agree.

A key is a part of a word's bits. Words of one key are brought together by sorting (an inverted
index), so that the cost grows with the material and not with the square of it. What many episodes
have, such as a theme, would still be found in each pair of them: where enough nearer episodes have
a stretch too, those farther off are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zastavka.fingerprint import BITS, HOP, Fingerprint, Words
from zastavka.options import MatchOptions
from zastavka.prints import FILM, EpisodePrint

Index = NDArray[np.int64]

_RARE = 3  # entries of one key and episode that are used: what is there more often says little
_LAG_BITS, _SPOT_BITS = 24, 12  # of a packed hit
_SPOT = 64  # words: where in an episode a hit is, to four seconds
_BETWEEN = 0.2  # share of hits that each of two words has, where a lag may lie between them
_AROUND = 30  # spots, two minutes: so far before and after its hits a lag is followed


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The words of an episode at one speed. Word i stands at i * step seconds of its clock."""

    episode: int
    words: Words
    usable: NDArray[np.bool_]
    sounding: NDArray[np.bool_]
    step: float
    slow: bool
    pal: bool  # there is a slow version of it

    @classmethod
    def of(cls, episode: int, sound: Fingerprint, *, slow: bool, pal: bool) -> Track:
        """The sound of an episode, slowed down or not."""
        step = HOP / FILM if slow else HOP
        return cls(episode, sound.words, sound.usable, sound.sounding, step, slow, pal)


class Lag(NamedTuple):
    """Words i of one track beside i + `words` of another, for i of [first, stop).

    And beside the next word, where the lag may lie between two of them.
    """

    words: int
    first: int = 0
    stop: int = sys.maxsize
    between: bool = True

    @property
    def shifts(self) -> tuple[int, ...]:
        """By how many words the tracks are laid over each other."""
        return (self.words, self.words + 1) if self.between else (self.words,)


def tracks_of(prints: Sequence[EpisodePrint]) -> list[Track]:
    """The sound of the episodes that have some, in their order."""
    tracks = []
    for i, each in enumerate(prints):
        pal = each.slow is not None
        if each.sound is not None:
            tracks.append(Track.of(i, each.sound, slow=False, pal=pal))
        if each.slow is not None:
            tracks.append(Track.of(i, each.slow, slow=True, pal=pal))
    return tracks


def _may_meet(a: Track, b: Track) -> bool:
    if a.episode == b.episode:  # rooms and music repeat in themselves, and that says nothing
        return False
    if a.slow or b.slow:  # PAL at film speed is for those that are not PAL
        return a.slow != b.slow and not (a.pal and b.pal)
    return True


def candidates(tracks: list[Track], options: MatchOptions) -> list[tuple[int, int, list[Lag]]]:
    """Pairs of tracks with the lags at which several keys agree, and around where; best first."""
    if not tracks:
        return []
    meet = np.array([[_may_meet(a, b) for b in tracks] for a in tracks])
    owner = np.concatenate([np.full(len(t.words), i, np.int64) for i, t in enumerate(tracks)])
    place = np.concatenate([np.arange(len(t.words)) for t in tracks])
    words = np.concatenate([t.words for t in tracks])
    rows = np.flatnonzero(np.concatenate([t.usable for t in tracks]))
    # as short as the material allows: a shorter key survives more noise, and meets more strangers
    bits = int(np.clip(np.ceil(np.log2(len(rows) + 2)) + 2, 16, 24))
    words = words[rows]
    found = [
        _join(words >> np.uint64(shift), bits, rows, owner, place, meet, options)
        for shift in range(0, BITS - bits + 1, bits)
    ]
    return _agreeing(_nearest(np.sort(np.concatenate(found)), tracks, options), tracks, options)


def _join(
    keys: Words,
    bits: int,
    rows: Index,
    owner: Index,
    place: Index,
    meet: NDArray[np.bool_],
    options: MatchOptions,
) -> Index:
    """Hits, packed: entries with the same key, the low `bits`, each with those after it."""
    above = np.uint64(64 - bits)  # a key is the upper part of an entry, its row the lower one
    entries = keys << above
    entries |= rows.astype(np.uint64)
    entries.sort()
    same = (entries[1:] ^ entries[:-1]) >> above == 0
    shared = np.zeros(len(entries), np.bool_)  # most keys are of one word
    shared[1:] = same
    shared[:-1] |= same
    entries = entries[shared]
    key = (entries >> above).astype(np.int64)
    row = (entries & (np.uint64(1) << above) - np.uint64(1)).astype(np.int64)
    track = owner[row]
    # no more than a few of one key and track, or a beat would crowd out the other episodes
    new = np.flatnonzero(np.r_[True, (np.diff(key) != 0) | (np.diff(track) != 0)])
    rank = np.arange(len(key)) - np.repeat(new, np.diff(np.r_[new, len(key)]))
    keep = rank < _RARE
    key, row, track = key[keep], row[keep], track[keep]
    found = []
    first = np.arange(len(key) - 1)
    for ahead in range(1, options.neighbours * 2 + 1):
        first = first[first + ahead < len(key)]
        first = first[key[first] == key[first + ahead]]
        if not len(first):
            break
        second = first + ahead
        good = meet[track[first], track[second]]
        one, two = first[good], second[good]
        found.append(_pack(track[one], track[two], place[row[one]], place[row[two]], len(meet)))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _pack(a: Index, b: Index, place_a: Index, place_b: Index, n: int) -> Index:
    """One number for a hit, from high to low: the tracks, the lag, the spot in `a`."""
    lag = place_b - place_a + (1 << _LAG_BITS - 1)
    spot = np.minimum(place_a // _SPOT, (1 << _SPOT_BITS) - 1)
    return ((a * n + b) << _LAG_BITS | lag) << _SPOT_BITS | spot


def _nearest(packed: Index, tracks: Sequence[Track], options: MatchOptions) -> Index:
    """Sorted hits at lags of many, without those of spots that enough nearer episodes have.

    What all episodes have, such as a theme, would else be compared in every pair of them.
    """
    values, counts, together, _, _ = _at_lags(packed)
    many = together >= options.min_hits
    many[1:] |= many[:-1] & (np.diff(values) == 1)
    packed = packed[np.repeat(many, counts)]
    n = len(tracks)
    episode = np.array([track.episode for track in tracks])
    pair, spot = packed >> _LAG_BITS + _SPOT_BITS, packed & (1 << _SPOT_BITS) - 1
    other = episode[pair % n]
    near = np.ones(len(packed), np.bool_)
    for first, stop in pairwise(np.searchsorted(pair, np.arange(n + 1) * n).tolist()):
        spots, others = spot[first:stop], other[first:stop]
        if first == stop:
            continue
        held = np.zeros((spots.max() + 1, episode[-1] + 1), np.bool_)
        held[spots, others] = True
        # tracks are in the order of episodes, and a hit's second one is the later
        near[first:stop] = held.cumsum(axis=1)[spots, others] <= options.neighbours
    return packed[near]


def _agreeing(
    packed: Index, tracks: Sequence[Track], options: MatchOptions
) -> list[tuple[int, int, list[Lag]]]:
    """The best lags of each pair of tracks in sorted hits."""
    values, counts, together, lowest, highest = _at_lags(packed)
    good = np.flatnonzero(together >= options.min_hits)
    pair = values[good] >> _LAG_BITS
    lag = (values[good] & (1 << _LAG_BITS) - 1) - (1 << _LAG_BITS - 1)
    first = np.maximum(0, lowest[good] - _AROUND) * _SPOT
    stop = (highest[good] + 1 + _AROUND) * _SPOT
    at_next = 1 - counts[good] / together[good]
    between = (at_next > _BETWEEN) & (at_next < 1 - _BETWEEN)
    lag += at_next >= 1 - _BETWEEN
    order = np.lexsort((lag, -together[good], pair))
    best: dict[int, list[Lag]] = {}
    for p, words, *where, split in np.stack([pair, lag, first, stop, between], 1)[order].tolist():
        lags = best.setdefault(p, [])
        if len(lags) < options.max_lags and all(abs(words - known.words) > 2 for known in lags):
            lags.append(Lag(words, where[0], where[1], bool(split)))
    n = len(tracks)
    return [(p // n, p % n, lags) for p, lags in best.items()]


def _at_lags(packed: Index) -> tuple[Index, Index, Index, Index, Index]:
    """Of sorted hits: the lags of pairs, and how many hits are at each.

    And of those at it and the next one: how many, and the first and the last spot. Where a lag lies
    between two steps, its hits are shared by both.
    """
    lag, spot = packed >> _SPOT_BITS, packed & (1 << _SPOT_BITS) - 1
    new = np.flatnonzero(np.diff(lag, prepend=-1))
    values, counts = lag[new], np.diff(new, append=len(lag))
    together, lowest, highest = counts.copy(), spot[new], spot[new + counts - 1]
    follows = np.flatnonzero(np.diff(values) == 1)
    together[follows] += counts[follows + 1]
    lowest[follows] = np.minimum(lowest[follows], spot[new[follows + 1]])
    last = new[follows + 1] + counts[follows + 1] - 1
    highest[follows] = np.maximum(highest[follows], spot[last])
    return values, counts, together, lowest, highest
