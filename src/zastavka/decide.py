"""Which of the recurring segments is the intro: a rule that adds up evidence and can be read.

Each piece earns points, in the manner of log odds, for:

    support   log2 of the episodes that have it, less 1.5 times the share of those that don't
    senses    heard and seen 2, seen alone 1, heard alone 1 if clear; -3 if it is mostly covered by
              other sound: a score that plays under scenes
    length    -6 below 2.5 s, -4 below 3 s, -0.5 below 5 s, 0 below 8 s, 1 up to 100 s, -2 beyond
    once      -3 for each time more that an episode has it (not counting the credits), -4 at most
    ends      0.5 where it begins and ends alike in all episodes, -1 and -2.5 where it does not
    place     0.5 in the first third of the episode, -1.5 behind 45 %, -2.5 behind 65 %
    flow      1 where its sound does not pause, -1.5 where it does as speech does: a scene again
    card      -2 where it is at 0:00 and shorter than 7 s, which then always awaits review

From `found_score` on a piece is the intro of the episodes that have it and no better one, from
`review_score` on a person should look. What cannot be it gets a name of its own: credits (at the
end), logo (at 0:00 and shorter than 7 s, or in other series too), recap (a short piece before the
intro), eyecatch (a short one behind it), other. The points were chosen on composed series of one
half of the benchmark's media and are judged on the other (benchmarks/README.md).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from zastavka.config import DecideOptions
from zastavka.fingerprint import HOP
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance, Recurring

TYPES = ("intro", "logo", "recap", "eyecatch", "credits", "other")

# Why a piece is not the intro, or doubtful: first what settles it, then the kinds of points
REASONS = {
    "end": "it is at the end",
    "foreign": "other series have it too",
    "advertisement": "it stands among others, in changing order",
    "beside": "another piece has more to say for it",
    "support": "too few episodes have it",
    "senses": "other sound covers it: a score under scenes",
    "length": "it is too short or too long",
    "once": "episodes have it more than once",
    "ends": "it begins and ends differently in each episode",
    "place": "it is too late in the episode",
    "flow": "its sound pauses as speech does: a scene shown again",
    "card": "it may be a studio's logo",
}

_AT_START = 1.0  # seconds
_CREDITS_END = 10.0  # seconds before the end of the file
_CARD = 7.0  # seconds: at 0:00, what is shorter may be a studio's
_CARD_TRUST = 0.5  # what is left of the confidence in such a one
_SHORT = 10.0  # seconds: jingles and eyecatches
_PAUSE_DB = 8  # below the median
_CLEAR, _COVERED = 0.2, 0.29  # share of bits that differ: the sound alone, and under other sound


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of a recurring segment.

    That is its name, its points by kind, and why it is not the intro, if it isn't.
    """

    piece: Recurring
    type: str
    points: tuple[tuple[str, float], ...]
    why_not: str | None = None
    foreign: bool = False  # other series have it too

    @property
    def score(self) -> float:
        """All points."""
        return sum(value for _, value in self.points)


@dataclass(frozen=True, slots=True)
class Choice:
    """The segment of one type in one episode; `index`: of the instance in `verdict.piece`."""

    verdict: Verdict
    index: int
    confidence: float
    sure: bool

    @property
    def instance(self) -> Instance:
        """Where it is."""
        return self.verdict.piece.instances[self.index]


def judge(
    pieces: Sequence[Recurring],
    prints: Sequence[EpisodePrint],
    votes: Sequence[int],
    options: DecideOptions,
    foreign: Set[int] = frozenset(),
) -> list[Verdict]:
    """A verdict for each piece, in order. `foreign`: numbers of those that other series have."""
    season = len(set(votes))
    told = _advertisements(pieces)
    verdicts = [
        _judge(piece, prints, season, is_foreign=i in foreign, is_ad=i in told)
        for i, piece in enumerate(pieces)
    ]
    intros: list[Verdict] = []
    named = {}
    for i in sorted(range(len(pieces)), key=lambda i: (-verdicts[i].score, i)):
        if verdicts[i].type == "intro":
            named[i] = _beside(verdicts[i], intros, season, votes)
            if named[i].type == "intro" and named[i].score >= options.review_score:
                intros.append(named[i])
    return [_named(named.get(i, v), intros, season, options) for i, v in enumerate(verdicts)]


def choose(
    verdicts: Sequence[Verdict], prints: Sequence[EpisodePrint], options: DecideOptions
) -> list[Choice | None]:
    """The intro of each episode, or None."""
    best: list[Choice | None] = [None] * len(prints)
    for verdict in verdicts:
        if verdict.type != "intro" or verdict.score < options.review_score:
            continue
        for i, instance in enumerate(verdict.piece.instances):
            mine = best[instance.episode]
            rank = (verdict.score, instance.segment.duration, -instance.segment.start)
            if _is_credits(instance, prints) or (mine is not None and rank <= _rank(mine)):
                continue
            best[instance.episode] = Choice(
                verdict, i,
                confidence(verdict.score) * (_CARD_TRUST if _is_card(verdict.piece) else 1.0),
                verdict.score >= options.found_score and not _is_card(verdict.piece),
            )  # fmt: skip
    return best


def confidence(score: float) -> float:
    """The probability that the answer is right, by a logistic curve of the points."""
    return 1.0 / (1.0 + math.exp(-1.4 * (score - 2.4)))


def reason(choice: Choice, season: int) -> str:
    """One sentence: how many episodes have it, by which senses."""
    text = shared(choice.verdict.piece, season)
    if choice.instance.first > 1.0:
        text += f", here without its first {choice.instance.first:.0f} s"
    return text


def shared(piece: Recurring, season: int) -> str:
    """In how many episodes a piece is, and by which senses that was found."""
    return f"repeats in {piece.support} of {season} episodes, {senses(piece)}"


def doubt(verdict: Verdict) -> str:
    """What speaks most against a piece that only awaits review, in words."""
    return _weakest(verdict.points)


def senses(piece: Recurring) -> str:
    """By which senses a piece was found."""
    heard, seen = _is_heard(piece), _is_seen(piece)
    return "heard and seen" if heard and seen else "seen" if seen else "heard"


def sources(piece: Recurring) -> tuple[str, ...]:
    """The same, for programs."""
    return (*(("sound",) if _is_heard(piece) else ()), *(("picture",) if _is_seen(piece) else ()))


def _rank(choice: Choice) -> tuple[float, float, float]:
    segment = choice.instance.segment
    return choice.verdict.score, segment.duration, -segment.start


def _is_card(piece: Recurring) -> bool:
    """Whether it is short and stands at 0:00, as studios' logos do."""
    at_start = sum(i.segment.start <= _AT_START for i in piece.instances)
    return 2 * at_start > len(piece.instances) and piece.length < _CARD


def _is_heard(piece: Recurring) -> bool:
    return piece.heard >= max(2, 0.5 * piece.support)


def _is_seen(piece: Recurring) -> bool:
    return piece.seen >= max(2, 0.5 * piece.support)


def _judge(
    piece: Recurring,
    prints: Sequence[EpisodePrint],
    season: int,
    *,
    is_foreign: bool,
    is_ad: bool,
) -> Verdict:
    early = [i for i in piece.instances if not _is_credits(i, prints)]
    points = (
        ("support", _support(piece, season)),
        ("senses", _senses(piece)),
        ("length", _length(piece.length)),
        ("once", _once(early)),
        ("ends", _ends(piece.wander)),
        ("place", _place(early or list(piece.instances), prints)),
        ("flow", _flow(piece, prints)),
        ("card", -2.0 if _is_card(piece) else 0.0),
    )  # fmt: skip
    if len(early) < 0.5 * len(piece.instances):
        return Verdict(piece, "credits", points, REASONS["end"])
    if is_foreign and piece.length < 2 * _SHORT:
        return Verdict(piece, "logo", points, REASONS["foreign"], foreign=True)
    if is_ad:
        return Verdict(piece, "other", points, REASONS["advertisement"])
    return Verdict(piece, "intro", points)


def _support(piece: Recurring, season: int) -> float:
    return math.log2(piece.support) - 1.5 * (1 - piece.support / max(season, piece.support))


def _senses(piece: Recurring) -> float:
    heard, seen = _is_heard(piece), _is_seen(piece)
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
    if not _is_heard(piece):
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


def _is_credits(instance: Instance, prints: Sequence[EpisodePrint]) -> bool:
    left = prints[instance.episode].duration - instance.segment.end
    return left < _CREDITS_END and instance.segment.start > _AT_START


def _weakest(points: Sequence[tuple[str, float]]) -> str:
    """The kind of evidence that speaks most against a piece, in words."""
    return REASONS[min(points, key=lambda each: each[1])[0]]


def _advertisements(pieces: Sequence[Recurring]) -> set[int]:
    """Pieces that adjoin others, different ones in different episodes: blocks of advertisements."""
    rows = defaultdict(list)
    for i, piece in enumerate(pieces):
        for instance in piece.instances:
            rows[instance.episode].append((instance.segment.start, instance.segment.end, i))
    neighbours: dict[int, set[int]] = defaultdict(set)
    for row in rows.values():
        for (_, end, one), (start, _, two) in pairwise(sorted(row)):
            if one != two and abs(start - end) < 0.5:
                neighbours[one].add(two)
                neighbours[two].add(one)
    # logo, jingle and theme in a row are three; who has three different neighbours has no place
    return {i for i, near in neighbours.items() if len(near) >= 3}


def _beside(
    verdict: Verdict, intros: Sequence[Verdict], season: int, votes: Sequence[int]
) -> Verdict:
    """A verdict in the light of the intros of more points: one of theirs, or a second theme."""
    piece = verdict.piece
    mine = {i.episode for i in piece.instances}
    explained: set[int] = set()
    for other in intros:
        theirs = {i.episode for i in other.piece.instances}
        if 2 * len(mine & theirs) >= len(mine):
            name = _side_of(piece, other.piece)
            return Verdict(piece, name, verdict.points, REASONS["beside"])
        if 0.5 < piece.length / other.piece.length < 2.0:
            explained |= {votes[e] for e in theirs}
    if not explained:
        return verdict
    # episodes that have another theme are none that lack this one
    left = season - len(explained - {votes[e] for e in mine})
    points = dict(verdict.points) | {"support": _support(piece, left)}
    return Verdict(piece, "intro", tuple(points.items()))


def _named(
    verdict: Verdict, intros: Sequence[Verdict], season: int, options: DecideOptions
) -> Verdict:
    """A verdict with its name, now that it is known which pieces are intros."""
    piece = verdict.piece
    if verdict.type == "intro" and verdict.score < options.review_score:
        name = "logo" if _is_card(piece) else "other"
        verdict = Verdict(piece, name, verdict.points, _weakest(verdict.points))
    if verdict.type == "other" and intros and 2 * piece.support > season:
        best = max(intros, key=lambda v: v.score)
        return Verdict(piece, _side_of(piece, best.piece), verdict.points, verdict.why_not)
    return verdict


def _side_of(piece: Recurring, intro: Recurring) -> str:
    """The name of a piece beside the intro: logo, recap, eyecatch or other."""
    starts = {i.episode: i.segment.start for i in intro.instances}
    before = [i for i in piece.instances if i.segment.start < starts.get(i.episode, 0.0)]
    if piece.length >= 2 * _SHORT:
        return "other"
    if sum(i.segment.start <= _AT_START for i in piece.instances) > 0.5 * len(piece.instances):
        return "logo"
    if piece.length >= _SHORT:
        return "other"
    return "recap" if 2 * len(before) > len(piece.instances) else "eyecatch"
