"""Labels from repeats: what a season is sure of becomes a label of its episodes, with its origin.

A label is kept where the rule of the season found the intro, at least so confidently, and so many
episodes have the piece. What the network alone answered is left out: a model would learn its own
mistakes. No episode is labelled to have no intro: that nothing repeats is no proof (LOG.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from zastavka.detection import Detection, Failure
from zastavka.episode import Episode
from zastavka.errors import OptionError
from zastavka.pipeline import Progress
from zastavka.repeats import Repeats
from zastavka.season import Season
from zastavka.seasonal import SeasonDetector

ORIGIN = "repeats"  # the source by which such a label is told from a person's


@dataclass(frozen=True, slots=True)
class Bar:
    """What is asked of a label."""

    confidence: float = 0.9
    support: int = 2  # episodes that have the piece

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise OptionError("--min-confidence", "is a probability", "give a number from 0 to 1")
        if self.support < 2:
            raise OptionError("--min-support", "is below 2", "what repeats is in two at least")


SURE = Bar()


@dataclass(slots=True)
class Bootstrapped:
    """Labels that are sure, and what was left out."""

    labels: list[Detection] = field(default_factory=list)
    unsure: list[Detection] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def bootstrap(
    episodes: Sequence[Episode],
    detector: SeasonDetector,
    bar: Bar,
    progress: Progress | None = None,
) -> Bootstrapped:
    """Labels of a library that nobody labelled."""
    supports: dict[Path, int] = {}

    def count(_: Season, everyone: Sequence[Episode], repeats: Repeats) -> None:
        paths = [episode.path for episode in everyone]
        supports.update(supports_of(repeats, paths))

    return sorted_out(detector.detect(episodes, progress, count), supports, bar)


def supports_of(repeats: Repeats, paths: Sequence[Path]) -> dict[Path, int]:
    """For each episode: how many have the piece that is its intro; 0: the rule knows none."""
    return {
        path: 0 if choice is None or not choice.sure else choice.verdict.piece.support
        for path, choice in zip(paths, repeats.intros, strict=True)
    }


def sorted_out(
    results: Sequence[Detection | Failure], supports: Mapping[Path, int], bar: Bar
) -> Bootstrapped:
    """Answers as labels, where they are sure. Episodes that no season compared have no support."""
    out = Bootstrapped()
    for result in results:
        if isinstance(result, Failure):
            out.failures.append(result)
        elif (label := _label(result, supports.get(result.episode.path, 0), bar)) is not None:
            out.labels.append(label)
        else:
            out.unsure.append(result)
    return out


def _label(result: Detection, support: int, bar: Bar) -> Detection | None:
    intros = [f for f in result.findings if f.type == "intro"]
    if len(intros) != 1 or intros[0].status != "found":
        return None
    [intro] = intros
    if support < bar.support or intro.confidence < bar.confidence:
        return None
    return replace(result, findings=(replace(intro, sources=(*intro.sources, ORIGIN)),))
