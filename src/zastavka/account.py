"""`Account`: what a season repeats, told: pieces by name, answers in sentences, bars to be drawn.

The picture and the page of a season show the same account. Pieces worth a line are named A, B, C;
the rest are likenesses by chance, such as of two scenes in one room, and are only counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from string import ascii_uppercase
from typing import Literal

from zastavka import decide
from zastavka.decide import Choice, Verdict
from zastavka.episode import Episode
from zastavka.page import span
from zastavka.recurring import Recurring
from zastavka.repeats import Repeats
from zastavka.segment import Segment

Translate = Callable[[str], str]
Status = Literal["found", "review", "none", "earlier"]

MOST_LINES = 20
_BEST = 3  # pieces that are told where none is worth it
_CHANCE = 6.0  # seconds: shorter pieces of few episodes are likenesses by chance
_WEIGHTY = -1.0  # points from which on a doubt is told beside another reason
_LONGEST_LABEL = 32  # letters


@dataclass(frozen=True, slots=True)
class Line:
    """A piece worth a line. `outcome`: what became of it, and why."""

    name: str  # a letter
    number: int  # of its verdict
    verdict: Verdict
    status: Status
    outcome: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece in one episode. `line` is None where the piece is not worth one."""

    segment: Segment
    type: str
    line: Line | None
    status: Status  # "none": not chosen here


@dataclass(frozen=True, slots=True)
class Row:
    """An episode: its answer, the reason in a sentence, and what it shares with others."""

    label: str  # short
    name: str  # of the file
    searched: float  # seconds
    status: Status
    answer: Segment | None
    confidence: float | None
    sentence: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A season, told. `more`: how many pieces have no line."""

    title: str
    season: int  # episodes, versions of one counted once
    rows: tuple[Row, ...]
    lines: tuple[Line, ...]
    more: int


def account(
    title: str,
    episodes: Sequence[Episode],
    repeats: Repeats,
    translate: Translate = str,
    own: int | None = None,
) -> Account:
    """Tell a season. Episodes from number `own` on (None: not one) are of earlier runs.

    They were only compared with, and get no answer.
    """
    own = len(episodes) if own is None else own
    lines = _lines(repeats, own, translate)
    names, labels = _names(episodes)
    rows = tuple(
        _row(i, name, label, repeats, lines, translate, is_earlier=i >= own)
        for i, (name, label) in enumerate(zip(names, labels, strict=True))
    )
    return Account(
        shown(title), repeats.season, rows, tuple(lines), len(repeats.verdicts) - len(lines)
    )


def senses(piece: Recurring, translate: Translate) -> str:
    """By which senses a piece was found, in words."""
    known = {
        "heard and seen": translate("heard and seen"),
        "heard": translate("heard"),
        "seen": translate("seen"),
    }
    return known[decide.senses(piece)]


def shown(text: str) -> str:
    """A name as it can be shown: without what no page and no picture has a letter for."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def short(name: str, most: int) -> str:
    """The beginning and the end of a name, so that it has no more letters than `most`."""
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}…{name[most // 2 + 1 - most :]}"


def _lines(repeats: Repeats, own: int, translate: Translate) -> list[Line]:
    chosen = {id(c.verdict): c.sure for c in repeats.intros if c is not None}

    verdicts = repeats.verdicts
    worth = [
        i for i, verdict in enumerate(verdicts)
        if id(verdict) in chosen or not _is_chance(verdict.piece, repeats.season)
    ]  # fmt: skip
    worth.sort(key=lambda i: id(verdicts[i]) not in chosen)
    # where nothing much repeats, the best of the little says so
    best = sorted(range(len(verdicts)), key=lambda i: -verdicts[i].score)[:_BEST]
    numbers = worth[:MOST_LINES] or best
    return [
        _line(name, i, repeats, own, chosen.get(id(verdicts[i])), translate)
        for name, i in zip(ascii_uppercase, numbers, strict=False)
    ]


def _is_chance(piece: Recurring, season: int) -> bool:
    return season > 2 and piece.length < _CHANCE and 2 * piece.support <= season


def _line(
    name: str, number: int, repeats: Repeats, own: int, is_sure: bool | None, translate: Translate
) -> Line:
    verdict = repeats.verdicts[number]
    n = sum(c is not None and c.verdict is verdict for c in repeats.intros[:own])
    if is_sure is None:
        return Line(name, number, verdict, "none", _why_not(verdict, translate))
    if n == 0:
        text = translate("the intro of episodes seen in an earlier run")
        return Line(name, number, verdict, "earlier", text)
    if is_sure:
        text = translate("chosen: the intro of {n} episodes")
        return Line(name, number, verdict, "found", text.format(n=n))
    text = translate("perhaps the intro of {n} episodes, to be looked at: {why}")
    why = translate(decide.doubt(verdict))
    return Line(name, number, verdict, "review", text.format(n=n, why=why))


def _why_not(verdict: Verdict, translate: Translate) -> str:
    if verdict.why_not is None:
        return translate("where it is, another piece was chosen, or the credits run")
    most = min(value for _, value in verdict.points)
    doubt = decide.doubt(verdict)
    if verdict.type == "credits" or most > _WEIGHTY or doubt == verdict.why_not:
        return translate(verdict.why_not)
    return f"{translate(verdict.why_not)}; {translate(doubt)}"


def _row(
    i: int,
    name: str,
    label: str,
    repeats: Repeats,
    lines: Sequence[Line],
    translate: Translate,
    *,
    is_earlier: bool,
) -> Row:
    choice = None if is_earlier else repeats.intros[i]
    status: Status = "earlier" if is_earlier else "none"
    answer = None
    bars = []
    by_number = {line.number: line for line in lines}
    for number, verdict in enumerate(repeats.verdicts):
        for k, instance in enumerate(verdict.piece.instances):
            if instance.episode != i:
                continue
            segment = repeats.segment(number, k)
            mine: Status = "none"
            if choice is not None and choice.verdict is verdict and choice.index == k:
                answer = segment
                mine = status = "found" if choice.sure else "review"
            bars.append(Bar(segment, verdict.type, by_number.get(number), mine))
    return Row(
        label=label,
        name=name,
        searched=repeats.prints[i].searched,
        status=status,
        answer=answer,
        confidence=choice.confidence if choice else None,
        sentence=translate("seen in an earlier run, and only compared with")
        if is_earlier else _sentence(i, choice, repeats, lines, translate),
        bars=tuple(bars),
    )  # fmt: skip


def _sentence(
    i: int,
    choice: Choice | None,
    repeats: Repeats,
    lines: Sequence[Line],
    translate: Translate,
) -> str:
    """Why an episode has the answer that it has."""
    here = [v for v in repeats.verdicts if v.piece.of(i)]
    if not here:
        text = translate("nothing of it is in another of the {season} episodes")
        return text.format(season=repeats.season)
    verdict = choice.verdict if choice else max(here, key=lambda v: v.score)
    name = next((line.name for line in lines if line.verdict is verdict), None)
    told = translate("{piece} repeats in {n} of {season} episodes, {senses}").format(
        piece=name or span(verdict.piece.of(i)[0].segment), n=verdict.piece.support,
        season=repeats.season, senses=senses(verdict.piece, translate),
    )  # fmt: skip
    if choice is None:
        text = translate("what repeats is no intro: {piece}, but {why}")
        return text.format(piece=told, why=_why_not(verdict, translate))
    parts = [told]
    number = next(k for k, v in enumerate(repeats.verdicts) if v is choice.verdict)
    if seconds := decide.lacks(choice, repeats.segment(number, choice.index)):
        part = translate("here without its first {seconds:.0f} s")
        parts.append(part.format(seconds=seconds))
    if not choice.sure:
        part = translate("not sure enough: {why}")
        parts.append(part.format(why=translate(decide.doubt(verdict))))
    return "; ".join(parts)


def _names(episodes: Sequence[Episode]) -> tuple[list[str], list[str]]:
    """Names of files, with their folders where they need them; and what differs in them, short."""
    names = [shown(episode.path.name) for episode in episodes]
    labels = [shown(episode.path.stem) for episode in episodes]
    if len(set(labels)) < len(labels):
        names = labels = [shown("/".join(episode.path.parts[-2:])) for episode in episodes]
    if max(map(len, labels), default=0) > _LONGEST_LABEL:
        labels = _without_common(labels)
        labels = [label[::-1] for label in _without_common([label[::-1] for label in labels])]
    return names, [short(label, _LONGEST_LABEL) for label in labels]


def _without_common(names: list[str]) -> list[str]:
    """Names with … for the whole words that all of them begin with."""
    alike = sum(
        1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    )
    while alike and names[0][alike - 1].isalnum():
        alike -= 1
    # not where it would save nothing, or leave nothing of one of them
    if alike < 2 or min(map(len, names)) <= alike:
        return names
    return [f"…{name[alike:]}" for name in names]
