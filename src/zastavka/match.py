"""What repeats between the episodes of a season, heard and seen: `find_runs`.

Sound: words that share some of their bits are brought together by sorting (an inverted index), so
that the cost grows with the material and not with the square of it; where several agree on one
pair of episodes and one lag, the words are compared along that lag, and the stretches that stay
alike are kept, all of them. For episodes in which that finds nothing there is a second way, which
compares blocks of four seconds at every lag: it hears music under speech of the same level, where
hardly a word keeps even a part of its bits.

Pictures: key pictures that look alike, at a lag that several of them share. An encoder puts key
pictures at shot cuts, so that those of a theme stand at the same places in every episode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zastavka.config import MatchOptions
from zastavka.fingerprint import BITS, HOP, Fingerprint, Words, distance
from zastavka.prints import FILM, EpisodePrint
from zastavka.signature import Signatures

Sense = Literal["sound", "picture"]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_RARE = 3  # entries of one key and episode that are used: what is there more often says little
_ALIKE = 0.42  # share of bits: words of other sounds differ in .5, +-.025 over a second
_WINDOW = 16  # words: a second
_PAD = 94  # words: six seconds around what was found, searched for the change
_STEADY = 0.5  # weight of a word that stays as it is
_PART = 39  # words: two and a half seconds, the shortest part of a run that has a level of its own
_CLEAR, _COVERED = 0.15, 0.29  # share of bits: the same sound alone, and mostly under other sound
_STEP = 0.12  # share of bits between two levels of one run
_BLOCK, _THIN = 62, 4  # words of a block of four seconds, and every how many of them are looked at
_BLOCK_STEP = 31
_GATE = 18  # bits of a picture's hash: farther apart, two pictures are never the same
_SAME_TIME = 0.09  # seconds: two pictures later or earlier at 24 pictures a second
_LONGEST_SHOT = 20.0  # seconds between key pictures of one run


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of episode `a` that is also in episode `b`, in seconds of each one's own clock.

    `score` grows with its length and likeness; `error` is the mean share of bits that differ
    (sound), or one less the mean correlation (pictures); `count` is of the words or key pictures.
    The last `tail` seconds are not sure: no key picture says when the last one alike went.
    """

    sense: Sense
    a: int
    b: int
    start_a: float
    end_a: float
    start_b: float
    end_b: float
    score: float
    error: float
    count: int
    tail: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds in `a`."""
        return self.end_a - self.start_a

    def turned(self) -> Run:
        """The same, seen from `b`."""
        return Run(
            self.sense, self.b, self.a, self.start_b, self.end_b, self.start_a, self.end_a,
            self.score, self.error, self.count, self.tail,
        )  # fmt: skip


def find_runs(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    """All stretches that two of the episodes share, best first.

    The episodes should be in the order of the season: of many, each is compared with its nearest.
    """
    heard = _heard(prints, options)
    seen = _seen(prints, options)
    if options.robust:
        heard += _heard_through_speech(prints, heard + seen, options)
    return sorted(heard + seen, key=lambda r: (-r.score, r.a, r.b, r.start_a, r.start_b))


# ------------------------------------------------------------------ sound


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """The words of an episode at one speed. Word i stands at i * step seconds of its clock."""

    episode: int
    sound: Fingerprint
    step: float
    slow: bool
    pal: bool  # there is a slow version of it

    @property
    def words(self) -> Words:
        return self.sound.words

    @property
    def usable(self) -> NDArray[np.bool_]:
        return self.sound.usable


def _tracks(prints: Sequence[EpisodePrint]) -> list[_Track]:
    tracks = []
    for i, each in enumerate(prints):
        pal = each.slow is not None
        if each.sound is not None:
            tracks.append(_Track(i, each.sound, HOP, False, pal))
        if each.slow is not None:
            tracks.append(_Track(i, each.slow, HOP / FILM, True, pal))
    return tracks


def _may_meet(a: _Track, b: _Track) -> bool:
    if a.episode == b.episode:  # rooms and music repeat in themselves, and that says nothing
        return False
    if a.slow or b.slow:  # PAL at film speed is for those that are not PAL
        return a.slow != b.slow and not (a.pal and b.pal)
    return True


def _heard(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    tracks = _tracks(prints)
    if not tracks:
        return []
    meet = np.array([[_may_meet(a, b) for b in tracks] for a in tracks])
    candidates = _candidates(tracks, meet, options)
    return [
        run
        for a, b, lags in candidates
        for run in _distinct(
            [r for lag in lags for r in _along(tracks[a], tracks[b], lag, options)]
        )
    ]


def _candidates(
    tracks: list[_Track], meet: NDArray[np.bool_], options: MatchOptions
) -> list[tuple[int, int, list[int]]]:
    """Pairs of tracks with the lags, in words, at which several keys agree; best lags first."""
    owner = np.concatenate([np.full(len(t.words), i, np.int64) for i, t in enumerate(tracks)])
    place = np.concatenate([np.arange(len(t.words)) for t in tracks])
    words = np.concatenate([t.words for t in tracks])
    rows = np.flatnonzero(np.concatenate([t.usable for t in tracks]))
    # as short as the material allows: a shorter key survives more noise, and meets more strangers
    bits = int(np.clip(np.ceil(np.log2(len(rows) + 2)) + 2, 16, 24))
    pairs = [
        _join(words[rows] >> np.uint64(shift), bits, rows, owner, place, meet, options)
        for shift in range(0, BITS - bits + 1, bits)
    ]
    return _agreeing(np.concatenate(pairs), len(tracks), options)


def _join(
    keys: Words,
    bits: int,
    rows: Index,
    owner: Index,
    place: Index,
    meet: NDArray[np.bool_],
    options: MatchOptions,
) -> Index:
    """Packed (pair of tracks, lag) for entries with the same key, each with those after it."""
    entries = np.sort((keys & np.uint64((1 << bits) - 1)) << np.uint64(40) | rows.astype(np.uint64))
    key = (entries >> np.uint64(40)).astype(np.int64)
    row = (entries & np.uint64((1 << 40) - 1)).astype(np.int64)
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
        a, b = track[first], track[second]
        lag = place[row[second]] - place[row[first]]
        good = meet[a, b]
        found.append(_pack(a[good], b[good], lag[good], len(meet)))
    return np.concatenate(found) if found else np.empty(0, np.int64)


_LAGS = 1 << 24


def _pack(a: Index, b: Index, lag: Index, n: int) -> Index:
    return (a * n + b) * _LAGS + lag + _LAGS // 2


def _agreeing(packed: Index, n: int, options: MatchOptions) -> list[tuple[int, int, list[int]]]:
    values, counts = np.unique(packed, return_counts=True)
    if not len(values):
        return []
    # where a lag lies between two steps, its hits are shared by both
    follows = np.r_[np.diff(values) == 1, False]
    together = counts + np.where(follows, np.r_[counts[1:], 0], 0)
    good = np.flatnonzero(together >= options.min_hits)
    pair = values[good] // _LAGS
    lag = values[good] % _LAGS - _LAGS // 2
    order = np.lexsort((lag, -together[good], pair))
    best: dict[int, list[int]] = {}
    for p, each in zip(pair[order].tolist(), lag[order].tolist(), strict=True):
        lags = best.setdefault(p, [])
        if len(lags) < options.max_lags and all(abs(each - other) > 2 for other in lags):
            lags.append(each)
    return [(p // n, p % n, lags) for p, lags in best.items()]


def _along(a: _Track, b: _Track, lag: int, options: MatchOptions) -> list[Run]:
    """The stretches at which word i of `a` is like word i + lag of `b`."""
    found = []
    for shift in (lag, lag + 1):
        first = max(0, -shift)
        n = min(len(a.words) - first, len(b.words) - first - shift)
        if n < _WINDOW:
            continue
        one, two = slice(first, first + n), slice(first + shift, first + shift + n)
        usable = a.usable[one] & b.usable[two]
        wrong = distance(a.words[one], b.words[two]) / np.float32(BITS)
        # what stays as it is proves nothing, but may go with what is proven beside it
        sounding = a.sound.sounding[one] & b.sound.sounding[two]
        weight = np.where(usable, 1.0, np.where(sounding, _STEADY, 0.0))
        for start, stop in _stretches(wrong, usable, weight, options):
            mine = usable[start:stop]
            if not mine.any():
                continue
            error = float(wrong[start:stop][mine].mean())
            count = int(mine.sum())
            score = count * (_ALIKE - error)
            if score < options.min_score:
                continue
            # a word is alike once most of its quarter of a second is
            found.append(
                Run(
                    "sound",
                    a.episode,
                    b.episode,
                    (first + start) * a.step,
                    (first + stop) * a.step,
                    (first + shift + start) * b.step,
                    (first + shift + stop) * b.step,
                    score,
                    error,
                    count,
                )  # fmt: skip
            )
    return found


def _stretches(
    wrong: NDArray[np.float32],
    usable: NDArray[np.bool_],
    weight: Floats,
    options: MatchOptions,
) -> list[tuple[int, int]]:
    """First and stop of the stretches where words differ little, gaps closed, ends at the change."""
    gain = np.where(usable, _ALIKE - wrong, 0.0)
    sums = np.r_[0.0, np.cumsum(gain)]
    known = np.r_[0, np.cumsum(usable)]
    alike = (sums[_WINDOW:] - sums[:-_WINDOW] > 0) & (
        known[_WINDOW:] - known[:-_WINDOW] > _WINDOW // 2
    )
    if not alike.any():
        return []
    edges = np.flatnonzero(np.diff(np.r_[0, alike.astype(np.int8), 0])).reshape(-1, 2)
    edges[:, 1] += _WINDOW - 1
    gap = round(options.max_gap / HOP)
    joined = [edges[0].tolist()]
    for start, stop in edges[1:].tolist():
        if start - joined[-1][1] <= gap:
            joined[-1][1] = stop
        else:
            joined.append([start, stop])
    trimmed = [t for s in joined if (t := _trim(wrong, usable, weight, *s)) is not None]
    return [part for t in trimmed for part in _levels(wrong, usable, *t)]


def _levels(
    wrong: NDArray[np.float32], usable: NDArray[np.bool_], start: int, stop: int
) -> list[tuple[int, int]]:
    """A stretch taken apart where it is clear on one side and covered on the other.

    A score under the scene before a theme may run on at the theme's own lag, by chance or by art.
    """
    known = np.r_[0, np.cumsum(usable[start:stop])].astype(np.float64)
    sums = np.r_[0.0, np.cumsum(np.where(usable[start:stop], wrong[start:stop], 0.0))]
    at = np.arange(_PART, stop - start - _PART + 1)
    if not len(at):
        return [(start, stop)]
    left = sums[at] / np.maximum(known[at], 1)
    right = (sums[-1] - sums[at]) / np.maximum(known[-1] - known[at], 1)
    between = known[at] * (known[-1] - known[at]) * (left - right) ** 2
    best = int(between.argmax())
    low, high = sorted((left[best], right[best]))
    if low > _CLEAR or high < low + _STEP:
        return [(start, stop)]
    middle = start + int(at[best])
    return _levels(wrong, usable, start, middle) + _levels(wrong, usable, middle, stop)


def _trim(
    wrong: NDArray[np.float32],
    usable: NDArray[np.bool_],
    weight: Floats,
    start: int,
    stop: int,
) -> tuple[int, int] | None:
    """Where the mean changes: the ends at which a two-level model fits best."""
    inside = usable[start:stop]
    if not inside.any():
        return None
    # the middle of three parts is inside for sure, if the whole is long enough to have one
    level = float(np.median(wrong[start:stop][inside]))
    between = (min(level, _ALIKE) + 0.5) / 2
    low, high = max(0, start - _PAD), min(len(wrong), stop + _PAD)
    gain = weight[low:high] * (between - wrong[low:high])
    sums = np.r_[0.0, np.cumsum(gain)]
    middle = (start + stop) // 2 - low
    first = int(sums[: middle + 1].argmin())
    last = middle + int(sums[middle:].argmax())
    return (low + first, low + last) if last > first else None


def _distinct(runs: list[Run]) -> list[Run]:
    """Without those that better ones cover in both episodes: music is like itself a beat later."""
    kept: list[Run] = []
    for run in sorted(runs, key=lambda r: (-r.score, r.start_a, r.start_b)):
        covered = any(
            _share(run.start_a, run.end_a, k.start_a, k.end_a) > 0.5
            and _share(run.start_b, run.end_b, k.start_b, k.end_b) > 0.5
            for k in kept
        )
        if not covered:
            kept.append(run)
    return kept


def _share(start: float, end: float, other_start: float, other_end: float) -> float:
    """How much of the first interval lies in the second."""
    return max(0.0, min(end, other_end) - max(start, other_start)) / (end - start)


def _heard_through_speech(
    prints: Sequence[EpisodePrint], runs: list[Run], options: MatchOptions
) -> list[Run]:
    """The second way, for episodes in whose story nothing was found."""
    plain = {t.episode: t for t in _tracks(prints) if not t.slow}
    poor = [i for i in plain if not _is_explained(prints[i], i, runs, options)]
    found = []
    done = set()
    for i in poor:
        others = sorted((j for j in plain if j != i), key=lambda j: (abs(j - i), j))
        for j in others[: options.robust_neighbours]:
            pair = (min(i, j), max(i, j))
            if pair not in done:
                done.add(pair)
                a, b = plain[pair[0]], plain[pair[1]]
                lags = _block_lags(a, b, options)
                found += _distinct([r for lag in lags for r in _along(a, b, lag, options)])
    known = [(r.a, r.b, r.start_a, r.start_b) for r in runs if r.sense == "sound"]
    return [
        r for r in found
        if not any(
            (r.a, r.b) == (a, b) and abs((r.start_b - r.start_a) - (sb - sa)) < 0.2
            and r.start_a <= sa <= r.end_a
            for a, b, sa, sb in known
        )
    ]  # fmt: skip


def _is_explained(print_: EpisodePrint, i: int, runs: list[Run], options: MatchOptions) -> bool:
    """Whether something of the story is known to repeat: no logo at its start, no credits."""
    story = (8.0, print_.duration - 60.0)
    for run in runs:
        side = run if run.a == i else run.turned()
        inside = min(side.end_a, story[1]) - max(side.start_a, story[0])
        certain = run.error < _COVERED if run.sense == "sound" else run.count > 1
        if i in (run.a, run.b) and certain and inside >= 2 * options.min_seconds:
            return True
    return False


def _block_lags(a: _Track, b: _Track, options: MatchOptions) -> list[int]:
    """The lags at which a block of `a` is most like a stretch of `b`."""
    signs_a, signs_b = _signs(a), _signs(b)
    reach = len(signs_b) - _BLOCK + 1
    starts = np.arange(0, len(signs_a) - _BLOCK + 1, _BLOCK_STEP)
    if reach < 1 or not len(starts):
        return []
    inside = np.arange(0, _BLOCK, _THIN)
    blocks = signs_a[starts[:, None] + inside].reshape(len(starts), -1)
    best = np.full(len(starts), -1.0, np.float32)
    at = np.zeros(len(starts), np.int64)
    for low in range(0, reach, 2048):
        places = np.arange(low, min(reach, low + 2048))
        alike = blocks @ signs_b[places[:, None] + inside].reshape(len(places), -1).T
        here = alike.argmax(axis=1)
        value = alike[np.arange(len(starts)), here]
        better = value > best
        best[better], at[better] = value[better], places[here[better]]
    best /= len(inside) * BITS
    good = np.flatnonzero(best > options.block_likeness)
    order = good[np.argsort(-best[good], kind="stable")]
    lags: list[int] = []
    for each in (at[order] - starts[order]).tolist():
        if all(abs(each - lag) > 2 for lag in lags):
            lags.append(each)
    return lags[: options.max_lags]


def _signs(track: _Track) -> NDArray[np.float32]:
    """The bits of each word as +-1, 0 where it is not usable, shape (n, BITS)."""
    octets = track.words.astype("<u8").view(np.uint8).reshape(-1, 8)
    signs = np.unpackbits(octets, axis=1, bitorder="little").astype(np.float32) * 2 - 1
    signs[~track.usable] = 0
    return signs


# ------------------------------------------------------------------ pictures


def neighbours(n: int, most: int) -> Iterator[tuple[int, int]]:
    """Pairs of episodes that are compared: each with those next to it."""
    for a in range(n):
        for b in range(a + 1, min(n, a + most + 1)):
            yield a, b


def _seen(prints: Sequence[EpisodePrint], options: MatchOptions) -> list[Run]:
    runs = []
    for a, b in neighbours(len(prints), options.neighbours):
        one, two = prints[a], prints[b]
        if not (len(one.times) and len(two.times)):
            continue
        i, j, likeness = alike_pictures(one.pictures, two.pictures, options.likeness)
        if not len(i):
            continue
        best: list[Run] = []
        for speed_a, speed_b in _speeds(one, two):
            lag = two.times[j] * speed_b - one.times[i] * speed_a
            found = _shared_lags(a, b, one, two, i, j, lag, likeness)
            if sum(r.count for r in found) > sum(r.count for r in best):
                best = found
        runs += best
    return runs


def _speeds(one: EpisodePrint, two: EpisodePrint) -> list[tuple[float, float]]:
    """By what to multiply the times of each: PAL against film is tried both ways."""
    if (one.slow is None) == (two.slow is None):
        return [(1.0, 1.0)]
    return [(1.0, 1.0), (FILM, 1.0) if one.slow is not None else (1.0, FILM)]


def alike_pictures(a: Signatures, b: Signatures, likeness: float) -> tuple[Index, Index, Floats]:
    """Rows of `a` and `b` that look the same, and their correlation."""
    rows_a, rows_b = np.flatnonzero(a.usable), np.flatnonzero(b.usable)
    words_a, words_b = a.words[rows_a], b.words[rows_b]
    apart = np.bitwise_count(words_a[:, None, :, None] ^ words_b[None, :, None, :]).min(axis=(2, 3))
    i, j = np.nonzero(apart <= _GATE)
    one, two = a.vectors(rows_a[i]), b.vectors(rows_b[j])
    value = np.einsum("nvd,nwd->nvw", one, two).max(axis=(1, 2)).astype(np.float64)
    good = value >= likeness
    return rows_a[i[good]], rows_b[j[good]], value[good]


def _shared_lags(
    a: int,
    b: int,
    one: EpisodePrint,
    two: EpisodePrint,
    i: Index,
    j: Index,
    lag: Floats,
    likeness: Floats,
) -> list[Run]:
    """Runs of matches (i, j) that share a lag, each match in one run, the largest first."""
    found = []
    order = np.argsort(lag, kind="stable")
    left = np.ones(len(order), np.bool_)
    while left.any():
        rest = order[left]
        stop = np.searchsorted(lag[rest], lag[rest] + _SAME_TIME, side="right")
        widest = int((stop - np.arange(len(rest))).argmax())
        group = rest[widest : stop[widest]]
        left[np.isin(order, group)] = False
        group = group[np.lexsort((j[group], i[group]))]
        breaks = np.flatnonzero(np.diff(one.times[i[group]]) > _LONGEST_SHOT) + 1
        for part in np.split(group, breaks):
            found.append(_picture_run(a, b, one, two, i[part], j[part], likeness[part]))
    return _distinct(found)


def _picture_run(
    a: int, b: int, one: EpisodePrint, two: EpisodePrint, i: Index, j: Index, likeness: Floats
) -> Run:
    # alike until the next key picture that is not, in whichever episode it comes first
    tail_a = _until_next(one, int(i[-1]))
    tail_b = _until_next(two, int(j[-1]))
    tail = min(tail_a, tail_b)
    start_a, start_b = float(one.times[i[0]]), float(two.times[j[0]])
    different = 1 + sum(
        float(np.einsum("vd,vd->v", *one.pictures.vectors(np.array([p, q]))).min()) < 0.9
        for p, q in pairwise(np.unique(i).tolist())
    )
    return Run(
        "picture", a, b, start_a, float(one.times[i[-1]]) + tail, start_b,
        float(two.times[j[-1]]) + tail, 4.0 * different, float(1 - likeness.mean()), different, tail,
    )  # fmt: skip


def _until_next(print_: EpisodePrint, key: int) -> float:
    """Seconds from a key picture to the next one, or to the end of what was searched."""
    following = print_.times[key + 1] if key + 1 < len(print_.times) else print_.searched
    return max(0.1, float(following - print_.times[key]))
