"""`Repeats`: what a season repeats, from its prints to segments with edges: the method on one page.

find_runs       pairs of episodes: what they share, heard and seen
one_vote        an episode that is there twice is one
stack           pieces of the season: who has each, and where
without_logo    what stands at 0:00, taken apart where it is two things
look_again      whether what is heard is seen, where key pictures don't say
judge, choose   names, points, and the intro of each episode
refine          its edges, to the frame
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zastavka.closeup import Closeups
from zastavka.config import Config
from zastavka.confirm import look_again, without_logo
from zastavka.decide import Choice, Verdict, choose, judge
from zastavka.match import find_runs
from zastavka.options import DecideOptions
from zastavka.prints import EpisodePrint
from zastavka.recurring import Recurring, stack
from zastavka.refine import refine
from zastavka.runs import Run
from zastavka.segment import Segment
from zastavka.stacks import film_speeds

Progress = Callable[[float], None]  # share of the work done, in [0, 1]

_HOPE = 4.0  # points that a second look at the pictures may bring
_ALL = 0.8  # share of an episode from which it is the other one
_RARE = 4.0  # seconds between key pictures, in the median, from which they may miss a theme
_MANY = 4.0  # pictures a second that are looked at in their place


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """What a season repeats. Lists by episode are in the order of `prints`.

    `edges`: (number of the verdict, number of the instance) -> its segment, to the frame, for
    what was asked for; the others have the coarse one in their piece.
    """

    prints: tuple[EpisodePrint, ...]
    votes: tuple[int, ...]
    verdicts: tuple[Verdict, ...]
    intros: tuple[Choice | None, ...]
    edges: dict[tuple[int, int], Segment] = field(default_factory=dict)

    @property
    def season(self) -> int:
        """How many episodes there are, versions of one counted once."""
        return len(set(self.votes))

    def segment(self, verdict: int, instance: int) -> Segment:
        """Where an instance is, as exactly as it is known."""
        coarse = self.verdicts[verdict].piece.instances[instance].segment
        return self.edges.get((verdict, instance), coarse)


def find_repeats(
    prints: Sequence[EpisodePrint],
    paths: Sequence[Path | None],
    votes: Sequence[int],
    config: Config,
    *,
    language: str | None = None,
    types: Collection[str] = ("intro",),
    wanted: Collection[int] | None = None,
    foreign: Callable[[Segment, int], bool] | None = None,
    progress: Progress | None = None,
) -> Repeats:
    """What repeats in a season, in the order that its episodes are given in.

    `paths`: the files, to look closer at; None where only the print is left. `types`: kinds of
    segments whose edges are wanted, in the `wanted` episodes (None: all). `foreign` tells whether
    other series have a stretch of an episode too.
    """
    closeups = Closeups(list(paths), list(prints), language)
    pieces, speeds, votes = _pieces(prints, votes, config, closeups)
    if blind := _blind(prints, pieces, votes, config.decide):
        many = [
            closeups.many(i, _MANY) or known if i in blind else known
            for i, known in enumerate(prints)
        ]
        pieces, speeds, votes = _pieces(many, votes, config, closeups)
    known = frozenset(
        i for i, piece in enumerate(pieces)
        if foreign is not None
        and any(foreign(x.segment, x.episode) for x in piece.instances[:1])
    )  # fmt: skip
    verdicts = judge(pieces, prints, votes, config.decide, known)
    intros = choose(verdicts, prints, config.decide)
    everyone = set(range(len(prints))) if wanted is None else set(wanted)
    edges: dict[tuple[int, int], Segment] = {}
    shown = [i for i, v in enumerate(verdicts) if _is_shown(v, intros, types)]
    for done, i in enumerate(shown):
        refined = refine(
            verdicts[i].piece, list(prints), votes, speeds, closeups, config.refine, everyone
        )
        edges |= {(i, k): segment for k, segment in refined.items()}
        if progress:
            progress((done + 1) / len(shown))
    return Repeats(tuple(prints), tuple(votes), tuple(verdicts), tuple(intros), edges)


def _pieces(
    prints: Sequence[EpisodePrint], votes: Sequence[int], config: Config, closeups: Closeups
) -> tuple[list[Recurring], list[float], Sequence[int]]:
    """The season's pieces, looked at again where that may matter; pace and vote of each episode."""
    runs = find_runs(prints, config.match)
    votes = one_vote(votes, runs, prints)
    speeds = film_speeds(runs, prints)
    pieces = stack(runs, prints, votes, config.match)
    pieces = [part for piece in pieces for part in without_logo(piece, votes, speeds, closeups)]
    first = judge(pieces, prints, votes, config.decide)
    pieces = [
        look_again(piece, votes, speeds, closeups)
        if verdict.type != "credits" and verdict.score + _HOPE >= config.decide.review_score
        else piece
        for piece, verdict in zip(pieces, first, strict=True)
    ]
    return pieces, speeds, votes


def one_vote(
    votes: Sequence[int], runs: Sequence[Run], prints: Sequence[EpisodePrint]
) -> Sequence[int]:
    """The votes, with one for episodes that are alike from end to end: a file under two names."""
    alike: dict[tuple[int, int, str, int], list[Run]] = defaultdict(list)
    for run in runs:
        alike[run.a, run.b, run.sense, round(run.start_b - run.start_a)].append(run)
    found = list(votes)
    for (a, b, _, _), parts in alike.items():
        if _seconds(parts) >= _ALL * max(prints[a].searched, prints[b].searched):
            found = [found[a] if vote == found[b] else vote for vote in found]
    return found


def _seconds(runs: Sequence[Run]) -> float:
    """Of the first episode, that one of the runs or several hold."""
    total, end = 0.0, 0.0
    for start, stop in sorted((run.start_a, run.end_a) for run in runs):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _blind(
    prints: Sequence[EpisodePrint],
    pieces: Sequence[Recurring],
    votes: Sequence[int],
    options: DecideOptions,
) -> set[int]:
    """Episodes without an intro yet, where key pictures are too rare in most to have shown one."""
    rare = sum(
        len(known.times) > 0
        and float(np.median(np.diff(np.r_[known.times, known.searched]))) > _RARE
        for known in prints
    )
    if 2 * rare <= len(prints):
        return set()
    intros = choose(judge(pieces, prints, votes, options), prints, options)
    left = {i for i, choice in enumerate(intros) if choice is None or not choice.sure}
    return left if 2 * len(left) > len(prints) else set()


def _is_shown(verdict: Verdict, intros: Sequence[Choice | None], types: Collection[str]) -> bool:
    if verdict.type == "intro":
        return "intro" in types and any(c is not None and c.verdict is verdict for c in intros)
    return verdict.type in types
