"""Which of the recurring segments is the intro: a rule that adds up evidence and can be read.

Each piece has points for what speaks for it (`points`). From `found_score` on it is the intro of
the episodes that have it and no better one, from `review_score` on a person should look. What can't
be it gets a name of its own: credits (at the end), logo (at 0:00 and shorter than 7 s, or in other
series too), recap (a short piece before the intro), eyecatch (a short one behind it), other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise

from zastavka.options import DecideOptions
from zastavka.points import (
    AT_START,
    Points,
    before_credits,
    is_card,
    is_credits,
    is_heard,
    is_seen,
    points_of,
    support,
)
from zastavka.prints import EpisodePrint
from zastavka.recurring import Instance, Recurring
from zastavka.segment import Segment

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

_CARD_TRUST = 0.5  # what is left of the confidence in such a one
_MOST = 0.6  # share of a piece; what has less must be seen where the others are
_SHORT = 10.0  # seconds: jingles and eyecatches


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of a recurring segment.

    That is its name, its points by kind, and why it is not the intro, if it isn't.
    """

    piece: Recurring
    type: str
    points: Points
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
    # a card at 0:00 comes last: it is a theme only where there is no other
    order = sorted(range(len(pieces)), key=lambda i: (is_card(pieces[i]), -verdicts[i].score, i))
    for i in order:
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
            rank = _rank(verdict, instance)
            taken = mine is not None and rank <= _rank(mine.verdict, mine.instance)
            if is_credits(instance, prints) or taken:
                continue
            best[instance.episode] = Choice(
                verdict, i,
                confidence(verdict.score) * (_CARD_TRUST if is_card(verdict.piece) else 1.0),
                verdict.score >= options.found_score
                and not is_card(verdict.piece)
                and _is_like_the_others(instance, verdict.piece),
            )  # fmt: skip
    return best


def confidence(score: float) -> float:
    """The probability that the answer is right, by a logistic curve of the points."""
    return 1.0 / (1.0 + math.exp(-1.4 * (score - 2.4)))


def reason(choice: Choice, season: int, segment: Segment) -> str:
    """One sentence: how many episodes have it, by which senses; `segment`: where it is, refined."""
    text = shared(choice.verdict.piece, season)
    if seconds := lacks(choice, segment):
        text += f", here without its first {seconds:.0f} s"
    return text


def lacks(choice: Choice, segment: Segment) -> float:
    """Seconds of its beginning that the intro lacks at `segment`; 0 where that is none to tell."""
    seconds = choice.instance.first + segment.start - choice.instance.segment.start
    return seconds if seconds > 1.0 else 0.0


def shared(piece: Recurring, season: int) -> str:
    """In how many episodes a piece is, and by which senses that was found."""
    return f"repeats in {piece.support} of {season} episodes, {senses(piece)}"


def doubt(verdict: Verdict) -> str:
    """What speaks most against a piece that only awaits review, in words."""
    return _weakest(verdict.points)


def senses(piece: Recurring) -> str:
    """By which senses a piece was found."""
    heard, seen = is_heard(piece), is_seen(piece)
    return "heard and seen" if heard and seen else "seen" if seen else "heard"


def sources(piece: Recurring) -> tuple[str, ...]:
    """The same, for programs."""
    return (*(("sound",) if is_heard(piece) else ()), *(("picture",) if is_seen(piece) else ()))


def _is_like_the_others(instance: Instance, piece: Recurring) -> bool:
    """Whether it is no mere part without the pictures of the others: their song, elsewhere."""
    whole = instance.segment.duration >= _MOST * piece.length
    return whole or instance.seen > 0.3 or not is_seen(piece)


def _rank(verdict: Verdict, instance: Instance) -> tuple[bool, float, float, float]:
    segment = instance.segment
    return not is_card(verdict.piece), verdict.score, segment.duration, -segment.start


def _judge(
    piece: Recurring,
    prints: Sequence[EpisodePrint],
    season: int,
    *,
    is_foreign: bool,
    is_ad: bool,
) -> Verdict:
    points = points_of(piece, prints, season)
    if 2 * len(before_credits(piece, prints)) < len(piece.instances):
        return Verdict(piece, "credits", points, REASONS["end"], is_foreign)
    if is_foreign and piece.length < _SHORT:
        return Verdict(piece, "logo", points, REASONS["foreign"], is_foreign)
    if is_ad:
        return Verdict(piece, "other", points, REASONS["advertisement"], is_foreign)
    return Verdict(piece, "intro", points, foreign=is_foreign)


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
            name = _side_of(piece, other.piece) if 2 * piece.support > season else "other"
            return replace(verdict, type=name, why_not=REASONS["beside"])
        if 0.5 < piece.length / other.piece.length < 2.0:
            explained |= {votes[e] for e in theirs}
    if not explained:
        return verdict
    # episodes that have another theme are none that lack this one
    left = season - len(explained - {votes[e] for e in mine})
    points = dict(verdict.points) | {"support": support(piece, left)}
    return replace(verdict, points=tuple(points.items()))


def _named(
    verdict: Verdict, intros: Sequence[Verdict], season: int, options: DecideOptions
) -> Verdict:
    """A verdict with its name, now that it is known which pieces are intros."""
    piece = verdict.piece
    if verdict.type == "intro" and verdict.score < options.review_score:
        name = "logo" if is_card(piece) else "other"
        verdict = replace(verdict, type=name, why_not=_weakest(verdict.points))
    if verdict.type == "other" and intros and 2 * piece.support > season:
        best = max(intros, key=lambda v: v.score)
        return replace(verdict, type=_side_of(piece, best.piece))
    return verdict


def _side_of(piece: Recurring, intro: Recurring) -> str:
    """The name of a piece beside the intro: logo, recap, eyecatch or other."""
    starts = {i.episode: i.segment.start for i in intro.instances}
    before = [i for i in piece.instances if i.segment.start < starts.get(i.episode, 0.0)]
    if piece.length >= 2 * _SHORT:
        return "other"
    if sum(i.segment.start <= AT_START for i in piece.instances) > 0.5 * len(piece.instances):
        return "logo"
    if piece.length >= _SHORT:
        return "other"
    return "recap" if 2 * len(before) > len(piece.instances) else "eyecatch"
