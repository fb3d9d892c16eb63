"""Two published ways to find the intros of a season, rebuilt over our own sound fingerprints.

    python benchmarks/peers.py --introbench DIR --truth DIR/truth.json --prints DIR --out DIR

They are what the season's answers are compared with. Written from descriptions of the methods:

longest run    (intro-skipper) every alignment of two episodes at which a word of one is a word of
               the other, as an index says that keeps a word's last place; of all of them the one
               longest run of words that are alike. An episode takes the first later episode that
               has such a run, and the longest of the runs it took part in is the answer. Left out:
               snapping to chapters, silence and key pictures, which its own code does after this.
cluster vote   (media_preview_generator) the 40 alignments of a pair that the index speaks for most;
               all runs at them that don't overlap; the runs of an episode are grouped by start and
               end, and the group that is long enough, then has the most partners, then is longest
               wins if half of the others are among them; the answer are the medians. Guards as
               described, and the second opening of a season has a quorum of its own. Left out:
               whatever is not this sound: that what begins in the first 30 s must end on the same
               picture (it can only take answers away), chapters, data bases, credits by text, files
               retimed from PAL, episodes borrowed from another season.

Their words are Chromaprint's, 32 bits each 0.124 s, alike up to 6 bits; ours are 64 bits each
0.064 s. `ALIKE` and `KEY_BITS` are what corresponds to that, measured on dev.json beside
`fpcalc -raw` 1.5.1. Of words of different series at random alignments, Chromaprint calls .0068 a
second alike; ours with up to 16 bits .0051 (17 bits: .0101), and they then find alike 91.8 % of
the words that two themes share, Chromaprint 91.9 %. (Under speech as loud as the music: 26 % and
14 %.) An index of values up to 2 apart brings up the true alignment in 81 % of all pairs of
episodes that have a theme, whether it holds its words or the lowest 24 bits of ours; all 64: 62 %.

Fed with Chromaprint's words instead of ours, this code comes to the figures that the benchmark
quotes for these methods, but for a quorum of the second opening there (defaults: F1 .164 and .349
for its .160 and .344; first 90 %: .588 and .691 for .588 and .624). With ours edges are better:
a word is placed to 0.13 s, a point of Chromaprint's says something of the 2.6 s that follow it.
And music under speech is found, which is more themes, and more scores that are none.

Prints cover what is searched by default, at least 300 s: "the whole file" is no more than that.
"First 90 %" leaves out the credits, which otherwise are an answer as good as any. The two settings
called best were chosen on dev.json by `--search`, by macro F1.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zastavka.detection import Detection, Finding, write_detections
from zastavka.episode import Episode
from zastavka.fingerprint import HOP, Words, distance
from zastavka.prints import EpisodePrint, load
from zastavka.segment import Segment

Span = tuple[float, float]  # seconds
Index = NDArray[np.int64]

ALIKE = 16  # bits of 64
KEY_BITS = 24
WITHOUT = ("single-a", "single-b", "single-c", "single-d", "no-theme")
COLUMNS = ("f1", "iou", "hit@.9", "edge_p50", "edge_p90", "false_alarm", "false alarms, pooled")


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The words of what is searched, and which of them are neither silence nor steady sound."""

    words: Words
    usable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """What is searched: a share of the episode, and at most so many seconds."""

    share: float = 1.0
    most: float = math.inf

    def of(self, episode: EpisodePrint) -> Heard:
        if episode.sound is None:
            return Heard(np.empty(0, np.uint64), np.empty(0, np.bool_))
        n = int(min(self.share * episode.duration, self.most) / HOP)
        return Heard(episode.sound.words[:n], episode.sound.usable[:n])


@dataclass(frozen=True, slots=True)
class Alike:
    """When two words, and two stretches of words, are the same."""

    bits: int = ALIKE  # that may differ
    key_bits: int = KEY_BITS  # lowest bits of a word that the index goes by
    near: int = 2  # how far two values may be apart in the index
    gap: float = 3.5  # seconds between words of one run


@dataclass(frozen=True, slots=True)
class LongestRun:
    """Seconds; the defaults are the plug-in's."""

    window: Window = Window(0.25, 600.0)
    alike: Alike = Alike()
    shortest: float = 15.0
    longest: float = 120.0
    to_zero: float = 5.0  # what starts no later starts at 0


@dataclass(frozen=True, slots=True)
class Guards:
    """What an answer of the vote must pass, in seconds."""

    silent: float = 0.5  # share of words that are not usable, at most
    at_zero: float = 2.0  # what starts before
    at_zero_shortest: float = 10.0  # must be as long
    core: float = 8.0  # of words alike that are close together must be in the median partner
    core_gap: float = 0.5
    early: float = 30.0  # what starts between `at_zero` and this
    early_free: float = 30.0  # needs no core if as long
    later_free: float = 10.0  # nor does what starts later and is as long
    later_support: int = 2  # with as many partners


@dataclass(frozen=True, slots=True)
class ClusterVote:
    """Seconds; the defaults are the program's."""

    window: Window = Window(0.35, 900.0)
    alike: Alike = Alike()
    shortest: float = 8.0
    longest: float = 120.0
    partners: int = 40
    lags: int = 40  # alignments of a pair
    together: float = 4.0  # starts and ends of one cluster
    preferred: float = 15.0
    quorum: float = 0.5  # of the other episodes
    guards: Guards = field(default_factory=Guards)


Options = LongestRun | ClusterVote


@dataclass(frozen=True, slots=True)
class Run:
    """Words first..last, inclusive, of one episode; in the other they stand `lag` words later."""

    first: int
    last: int
    lag: int

    @property
    def length(self) -> float:
        return (self.last - self.first) * HOP

    def turned(self) -> Run:
        return Run(self.first + self.lag, self.last + self.lag, -self.lag)


def longest_run(prints: Sequence[EpisodePrint], options: LongestRun) -> list[Span | None]:
    """The intro of each episode of a season, in order of episodes, or None."""
    heard = [options.window.of(episode) for episode in prints]
    answers: list[Span | None] = [None] * len(heard)
    for i, a in enumerate(heard):
        for j in range(i + 1, len(heard)):
            run = _longest_common(a, heard[j], options)
            if run is None or run.length > options.longest:
                continue
            for episode, here in ((i, run), (j, run.turned())):
                start, end = here.first * HOP, here.last * HOP
                span = (0.0 if start <= options.to_zero else start, end)
                old = answers[episode]
                if old is None or span[1] - span[0] > old[1] - old[0]:
                    answers[episode] = span
            break
    return answers


def _longest_common(a: Heard, b: Heard, options: LongestRun) -> Run | None:
    alike = options.alike
    # a dict keeps the last place of what comes twice, as their index does
    places = [
        dict(zip(*(x.tolist() for x in _keys(heard, alike)), strict=True)) for heard in (a, b)
    ]
    ours, theirs = places
    lags = {
        theirs[key + apart] - i
        for key, i in ours.items()
        for apart in range(-alike.near, alike.near + 1)
        if key + apart in theirs
    }
    runs = (run for lag in sorted(lags) for run in _runs(a.words, b.words, lag, alike))
    best = max(runs, key=lambda run: run.length, default=None)
    return None if best is None or best.length < options.shortest else best


def _keys(heard: Heard, alike: Alike) -> tuple[Index, Index]:
    """What the index goes by, and where it is; silence and steady sound speak for no alignment."""
    at = np.flatnonzero(heard.usable).astype(np.int64)
    return (heard.words[at] & np.uint64((1 << alike.key_bits) - 1)).astype(np.int64), at


def _runs(a: Words, b: Words, lag: int, alike: Alike) -> Iterator[Run]:
    """All runs at one alignment."""
    begin = max(0, -lag)
    n = min(len(a) - begin, len(b) - begin - lag)
    if n > 0:
        far = distance(a[begin : begin + n], b[begin + lag : begin + lag + n])
        for first, last in _stretches(far <= alike.bits, alike.gap):
            yield Run(begin + first, begin + last, lag)


def _stretches(alike: NDArray[np.bool_], gap: float) -> list[tuple[int, int]]:
    """First and last word of what is alike without a longer gap."""
    at = np.flatnonzero(alike)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > int(gap / HOP))
    return list(zip(at[[0, *(breaks + 1)]].tolist(), at[[*breaks, -1]].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Runs of one episode with others, at about the same place; median start and end in seconds."""

    start: float
    end: float
    hits: tuple[tuple[int, Run], ...]  # with partners

    @property
    def partners(self) -> set[int]:
        return {partner for partner, _ in self.hits}

    @property
    def length(self) -> float:
        return self.end - self.start


def cluster_vote(prints: Sequence[EpisodePrint], options: ClusterVote) -> list[Span | None]:
    """The intro of each episode of a season, in order of episodes, or None."""
    vote = _Vote([options.window.of(episode) for episode in prints], options)
    return [vote.answer(target) for target in range(len(prints))]


class _Vote:
    """The runs between all episodes, each pair looked at once."""

    def __init__(self, heard: Sequence[Heard], options: ClusterVote) -> None:
        self.heard, self.options = heard, options
        self.runs = {
            (i, j): self._common(heard[i], heard[j])
            for i, j in itertools.combinations(range(len(heard)), 2)
            if j - i <= options.partners
        }

    def answer(self, target: int) -> Span | None:
        others = [i for i in range(len(self.heard)) if i != target]
        others = sorted(others, key=lambda i: abs(i - target))[: self.options.partners]
        for cluster in self._clusters(target, others):
            supported = self._enough(cluster, len(others))
            if not supported and not self._other_opening(target, cluster, others):
                return None
            if self._passes(target, cluster):
                here = slice(round(cluster.start / HOP), round(cluster.end / HOP) + 1)
                silent = 1 - self.heard[target].usable[here].mean()
                return None if silent > self.options.guards.silent else (cluster.start, cluster.end)
        return None

    def _common(self, a: Heard, b: Heard) -> list[Run]:
        """Runs that don't overlap in `a`, the longest first."""
        alike = self.options.alike
        every = [
            run
            for lag in _best_lags(a, b, alike, self.options.lags)
            for run in _runs(a.words, b.words, lag, alike)
            if run.length >= self.options.shortest
        ]
        kept: list[Run] = []
        for run in sorted(every, key=lambda run: -run.length):
            if all(run.first >= other.last or run.last <= other.first for other in kept):
                kept.append(run)
        return kept

    def _clusters(self, target: int, among: Sequence[int]) -> list[Cluster]:
        """One for each run, the best first."""
        o = self.options
        hits = [
            (partner, run if target < partner else run.turned())
            for partner in sorted(among)
            for run in self.runs.get((min(target, partner), max(target, partner)), ())
            if run.length <= o.longest
        ]
        ranked = []
        for _, run in hits:
            near = tuple(
                (partner, other)
                for partner, other in hits
                if abs(other.first - run.first) * HOP <= o.together
                and abs(other.last - run.last) * HOP <= o.together
            )
            start = float(np.median([other.first for _, other in near])) * HOP
            end = float(np.median([other.last for _, other in near])) * HOP
            cluster = Cluster(start, end, near)
            rank = (run.length >= o.preferred, len(cluster.partners), run.length)
            ranked.append((rank, cluster))
        return [cluster for _, cluster in sorted(ranked, key=lambda pair: pair[0], reverse=True)]

    def _enough(self, cluster: Cluster, others: int) -> bool:
        return len(cluster.partners) >= max(1, self.options.quorum * others)

    def _other_opening(self, target: int, cluster: Cluster, others: Sequence[int]) -> bool:
        """Whether half of those agree that are not on the far side of a change of openings."""
        ours = cluster.partners | {target}
        rest = [i for i in others if i not in ours]
        second = [i for i in rest if self._has_opening(i, rest)]
        if cluster.length < self.options.preferred or not second:
            return False
        if any(self._has_opening(i, second) for i in cluster.partners):
            return False
        apart = max(ours) < min(second) or min(ours) > max(second)
        return apart and self._enough(cluster, len(others) - len(second))

    def _has_opening(self, target: int, pool: Sequence[int]) -> bool:
        others = [i for i in pool if i != target]
        best = next(iter(self._clusters(target, others)), None)
        return (
            best is not None
            and best.length >= self.options.preferred
            and self._enough(best, len(others))
        )

    def _passes(self, target: int, cluster: Cluster) -> bool:
        g = self.options.guards
        if cluster.start < g.at_zero:
            free = False
            if cluster.length < g.at_zero_shortest:
                return False
        elif cluster.start < g.early:
            free = cluster.length >= g.early_free
        else:
            free = cluster.length >= g.later_free and len(cluster.partners) >= g.later_support
        return free or self._core(target, cluster) >= g.core

    def _core(self, target: int, cluster: Cluster) -> float:
        """Seconds of the longest dense stretch in it, in the median partner."""
        o, a = self.options, self.heard[target].words
        longest: dict[int, float] = {}
        for partner, run in cluster.hits:
            b = self.heard[partner].words
            first = max(round(cluster.start / HOP), 0, -run.lag)
            stop = min(round(cluster.end / HOP), len(a), len(b) - run.lag)
            if stop <= first:
                continue
            far = distance(a[first:stop], b[first + run.lag : stop + run.lag])
            dense = _stretches(far <= o.alike.bits, o.guards.core_gap)
            seconds = max((last - first for first, last in dense), default=0) * HOP
            longest[partner] = max(longest.get(partner, 0.0), seconds)
        return float(np.median(list(longest.values()))) if longest else 0.0


def _best_lags(a: Heard, b: Heard, alike: Alike, count: int) -> list[int]:
    """The alignments that most words of the index speak for, the best first."""
    (ours, at_a), (theirs, at_b) = _keys(a, alike), _keys(b, alike)
    order = np.argsort(theirs, kind="stable")
    left = np.searchsorted(theirs, ours - alike.near, "left", order)
    n = np.searchsorted(theirs, ours + alike.near, "right", order) - left
    within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    lags = at_b[order[np.repeat(left, n) + within]] - np.repeat(at_a, n)
    values, votes = np.unique(lags, return_counts=True)
    best: list[int] = values[np.argsort(-votes, kind="stable")[:count]].tolist()
    return best


def find(prints: Sequence[EpisodePrint], options: Options) -> list[Span | None]:
    """By the method that the options are of."""
    if isinstance(options, LongestRun):
        return longest_run(prints, options)
    return cluster_vote(prints, options)


WHOLE = Window()
OPENING = Window(0.9)  # the credits of composed episodes come after
SHORT_GUARDS = Guards(core=3.0)
SETTINGS: dict[str, Options] = {
    "longest run, its defaults (15-120 s, first 25 %, at most 600 s)": LongestRun(),
    "longest run, first 600 s": LongestRun(Window(most=600.0)),
    "longest run, whole file": LongestRun(WHOLE),
    "longest run, whole file, >= 3 s": LongestRun(WHOLE, shortest=3.0),
    "longest run, first 90 %": LongestRun(OPENING),
    "longest run, first 90 %, >= 3 s": LongestRun(OPENING, shortest=3.0),
    # the two best on dev are what --search found there
    "longest run, best on dev (first 70 %, >= 3 s, 22 bits, gaps <= 1 s, 16 bits in the index)": (
        LongestRun(Window(0.7), Alike(22, 16, gap=1.0), shortest=3.0)
    ),
    "cluster vote, its defaults (8-120 s, first 35 %, at most 900 s)": ClusterVote(),
    "cluster vote, first 900 s": ClusterVote(Window(most=900.0)),
    "cluster vote, whole file": ClusterVote(WHOLE),
    "cluster vote, whole file, >= 3 s": ClusterVote(WHOLE, shortest=3.0, guards=SHORT_GUARDS),
    "cluster vote, first 90 %": ClusterVote(OPENING),
    "cluster vote, first 90 %, >= 3 s": ClusterVote(OPENING, shortest=3.0, guards=SHORT_GUARDS),
    "cluster vote, best on dev (first 90 %, >= 3 s, no core, 30 % of the others, gaps <= 5 s, "
    "20 bits in the index)": ClusterVote(
        OPENING, Alike(key_bits=20, gap=5.0), shortest=3.0, quorum=0.3, guards=Guards(core=0.0)
    ),
}


def grid() -> Iterator[tuple[str, Options]]:
    """What `--search` tries: some hundred settings of each method."""
    windows = [Window(share) for share in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    for window, bits, shortest in itertools.product(windows, (12, 16, 20, 22), (3.0, 5.0)):
        for key_bits, gap, to_zero in itertools.product((16, 24), (1.0, 2.0, 3.5), (0.0, 5.0)):
            alike = Alike(bits, key_bits, gap=gap)
            yield "longest run", LongestRun(window, alike, shortest, to_zero=to_zero)
        for key_bits, gap in itertools.product((20, 24), (2.0, 3.5, 5.0)):
            alike = Alike(bits, key_bits, gap=gap)
            for core, quorum in itertools.product((0.0, shortest), (0.3, 0.5)):
                guards = Guards(core=core)
                vote = ClusterVote(window, alike, shortest, quorum=quorum, guards=guards)
                yield "cluster vote", vote


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--introbench", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--prints", type=Path, required=True, help="<series>/<episode>.st in it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--without", nargs="*", default=WITHOUT, metavar="SERIES")
    parser.add_argument("--search", action="store_true", help="try the grid, and show the best")
    a = parser.parse_args()
    sys.path.insert(0, str(a.introbench))  # score.py, the referee
    a.out.mkdir(parents=True, exist_ok=True)
    seasons = read_prints(a.truth, a.prints)
    rows = {
        name: judge(a, seasons, options, f"found-peer-{n}.json")
        for n, (name, options) in enumerate(SETTINGS.items())
    }
    if a.search:
        rows |= search(a, seasons)
    (a.out / "peers.json").write_text(json.dumps(rows, indent=1))
    print(markdown(rows))


Seasons = dict[str, dict[str, EpisodePrint]]  # by series, then by path as in the truth
Row = dict[str, float | None]


def read_prints(truth: Path, folder: Path) -> Seasons:
    seasons: Seasons = {}
    for key, row in sorted(json.loads(truth.read_text()).items()):
        seasons.setdefault(row["series"], {})[key] = load((folder / key).with_suffix(".st"))
    return seasons


def search(a: argparse.Namespace, seasons: Seasons) -> dict[str, Row]:
    """The setting of each method with the highest macro F1 on this very set."""
    best: dict[str, tuple[float, Options]] = {}
    for name, options in grid():
        f1 = judge(a, seasons, options, "found-peer-trial.json")["f1"] or 0.0
        if name not in best or f1 > best[name][0]:
            best[name] = f1, options
            print(f"{f1:.4f} {options}", file=sys.stderr, flush=True)
    return {
        f"{name}, best on this set": judge(a, seasons, o, f"found-peer-best-{name.split()[0]}.json")
        for name, (_, o) in best.items()
    }


def judge(a: argparse.Namespace, seasons: Seasons, options: Options, file: str) -> Row:
    """Find, write, and let the referee score: macro means, edges pooled over hits.

    False alarms are those of all series: `without` may name some that have no theme.
    """
    write_detections(a.out / file, list(detections(seasons, options)))
    referee = importlib.import_module("score").score
    truth, found = (json.loads(path.read_text()) for path in (a.truth, a.out / file))
    themes, every = (referee(truth, found, without=tuple(w)) for w in (a.without, ()))
    return {
        **{key: themes["macro"][key] for key in COLUMNS[:3]},
        **{key: themes["pooled"][key] for key in COLUMNS[3:5]},
        "false_alarm": every["macro"]["false_alarm"],
        "false alarms, pooled": every["pooled"]["false_alarm"],
    }


def detections(seasons: Seasons, options: Options) -> Iterator[Detection]:
    for series, episodes in seasons.items():
        answers = find(list(episodes.values()), options)
        for (key, episode), span in zip(episodes.items(), answers, strict=True):
            found = () if span is None else (Finding(segment=Segment(*span), sources=("sound",)),)
            yield Detection(
                episode=Episode(Path(key), series), duration=episode.duration, findings=found
            )


def markdown(table: dict[str, Row], columns: Sequence[str] = COLUMNS) -> str:
    lines = ["| method | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in table.items():
        cells = ("-" if row.get(c) is None else f"{row[c]:.3f}" for c in columns)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
