"""`SeasonDetector`: episodes in, detections out, season by season by what repeats.

An episode that has no others to be compared with, here or among those seen before, is left to the
model, if there is one; and so is one that its season leaves in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from zastavka import prints
from zastavka.cache import PrintCache
from zastavka.config import DEFAULT, Config
from zastavka.counsel import Counsel, detection, is_sure
from zastavka.detection import Detection, Failure
from zastavka.episode import Episode
from zastavka.errors import ZastavkaError
from zastavka.evidence import evidence_rows
from zastavka.marked import heeding
from zastavka.media import probe
from zastavka.openings import Openings
from zastavka.options import ExtractOptions
from zastavka.pipeline import Detector, Progress
from zastavka.prints import EpisodePrint
from zastavka.repeats import Repeats, find_repeats
from zastavka.season import Season, common_language, previous, seasons_of
from zastavka.shelf import Shelf, Stored

OnSeason = Callable[[Season, Sequence[Episode], Repeats], None]

_BORROWED = 8  # episodes that a season should have; what is missing is borrowed from earlier runs
_READING = 0.9  # share of an episode's work that is reading it

ALONE = "a single episode: give others of its season too, or a model"


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A season's episodes that could be read, in its order."""

    episodes: list[Episode]
    votes: list[int]
    prints: list[EpisodePrint]
    seconds: list[float]  # of work, for each
    language: str | None


class SeasonDetector:
    """Finds what repeats in each season; `alone` answers what has nothing to be compared with."""

    def __init__(
        self,
        config: Config = DEFAULT,
        *,
        alone: Detector | None = None,
        cache: PrintCache | None = None,
        shelf: Shelf | None = None,
        types: Sequence[str] = ("intro",),
        chapters: bool = True,
    ) -> None:
        self.chapters = chapters
        self.config, self.alone, self.cache, self.shelf = config, alone, cache, shelf
        self.types = tuple(types)

    def detect(
        self,
        episodes: Sequence[Episode],
        progress: Progress | None = None,
        on_season: OnSeason | None = None,
    ) -> list[Detection | Failure]:
        """One result per episode, in the order given. What can't be read is a Failure.

        `on_season` is given each season that was compared, with what it repeats.
        """
        seasons = seasons_of(episodes)
        results: dict[Path, Detection | Failure] = {}
        read = []
        openings = Openings()
        for season in seasons:
            known, failures = self._read(season, progress)
            results |= {failure.episode.path: failure for failure in failures}
            read.append(known)
            if known.prints and not season.special:  # titles of extras are often their own
                openings.add(season.key, known.prints[0])
        for season, known in zip(seasons, read, strict=True):
            lent = self._borrowed(season, seasons, read) if known.prints else []
            for result in self._answers(season, known, lent, openings, progress, on_season):
                results[result.episode.path] = result
        return [results[episode.path] for episode in episodes]

    def _read(self, season: Season, progress: Progress | None) -> tuple[_Read, list[Failure]]:
        options = self._options(season)
        read = _Read([], [], [], [], options.language)
        failures, places = [], []
        for episode, vote in zip(season.episodes, season.votes, strict=True):
            began = perf_counter()
            try:
                known = self._print(episode, options, progress)
            except ZastavkaError as error:
                failures.append(Failure(episode, str(error), error))
                continue
            read.episodes.append(episode)
            read.votes.append(vote)
            read.prints.append(known)
            read.seconds.append(perf_counter() - began)
            if self.cache and self.shelf:
                places.append(self.cache.place(episode.path, options))
        if self.shelf and places:
            self.shelf.remember(season, read.episodes, places, options.language)
        return read, failures

    def prepare(self, season: Season, episode: Episode) -> None:
        """Read one episode of a season as `detect` will need it, and keep it in the cache.

        MediaError: it can't be read.
        """
        self._print(episode, self._options(season), None)

    def _options(self, season: Season) -> ExtractOptions:
        """How the files of a season are read: all by the sound of one language."""
        lent = self._stored(season, 1) if len(set(season.votes)) == 1 else []
        stored = lent[0].language if lent else None
        language = self.config.extract.language or stored or _language(season)
        return self.config.extract.model_copy(update={"language": language})

    def _stored(self, season: Season, most: int = _BORROWED) -> list[Stored]:
        """Episodes seen before that a lone one is compared with."""
        if self.shelf is None or season.special:
            return []
        return self.shelf.others(season, most)

    def _borrowed(
        self, season: Season, seasons: Sequence[Season], read: Sequence[_Read]
    ) -> list[Stored]:
        """What a season of few episodes is compared with too.

        That is its others that were seen before; for a lone one those of the season before do.
        """
        mine = read[seasons.index(season)]
        own = len(set(mine.votes))
        stored = self._stored(season) if own < _BORROWED else []
        if own > 1:
            stored = [each for each in stored if each.episode.season == season.number]
        if stored or own > 1:
            return stored[: _BORROWED - own]
        before = previous(seasons, season)
        if before is None:
            return []
        known = read[seasons.index(before)]
        rows = zip(known.episodes, known.prints, strict=True)
        return [Stored(e, e.path, each, known.language) for e, each in rows][:_BORROWED]

    def _print(
        self, episode: Episode, options: ExtractOptions, progress: Progress | None
    ) -> EpisodePrint:
        source = self.cache.get if self.cache else prints.read_print
        known = source(
            episode.path, options, lambda share: _report(progress, episode, _READING * share)
        )
        _report(progress, episode, _READING)
        return known

    def _answers(
        self,
        season: Season,
        read: _Read,
        lent: Sequence[Stored],
        openings: Openings,
        progress: Progress | None,
        on_season: OnSeason | None,
    ) -> list[Detection | Failure]:
        began = perf_counter()
        own = len(read.prints)
        known, votes = list(read.prints), list(read.votes)
        paths: list[Path | None] = [episode.path for episode in read.episodes]
        everyone = list(read.episodes)
        voted = {(e.season, e.number): vote for e, vote in zip(read.episodes, votes, strict=True)}
        for stored in lent:
            known.append(stored.print)
            paths.append(stored.path)
            everyone.append(stored.episode)
            key = stored.episode.season, stored.episode.number
            vote = max(votes) + 1
            votes.append(vote if None in key else voted.setdefault(key, vote))
        if len(set(votes)) < 2:
            return self._alone(read.episodes, read.prints, progress)

        def show(share: float) -> None:
            for episode in read.episodes:
                _report(progress, episode, _READING + (1 - _READING) * share)

        repeats = find_repeats(
            known, paths, votes, self.config,
            language=read.language, types=self.types, wanted=range(own),
            progress=show,
            foreign=lambda segment, i: openings.elsewhere(season.key, known[i], segment),
        )  # fmt: skip
        if repeats.season < 2:
            return self._alone(read.episodes, read.prints, progress)
        if on_season:
            on_season(season, everyone, repeats)
        each = (perf_counter() - began) / own
        answers: list[Detection | Failure] = []
        confidence = self.alone.head.confidence if self.alone else None
        for i, episode in enumerate(read.episodes):
            began = perf_counter()
            counsel = None if is_sure(i, repeats) else self._asked(episode, i, repeats)
            _report(progress, episode, 1.0)
            answer = detection(episode, i, repeats, self.types, confidence, counsel)
            if self.chapters and "intro" in self.types:
                answer = heeding(answer, read.prints[i].chapters)
            work = read.seconds[i] + each + perf_counter() - began
            answers.append(replace(answer, work=work))
        return answers

    def _asked(self, episode: Episode, i: int, repeats: Repeats) -> Counsel | None:
        """What the network says of an episode that the rule is not sure of."""
        if self.alone is None or not self.alone.head.spec.evidence_width:
            return None
        try:
            features = self.alone.features(episode)
        except ZastavkaError:
            return None  # pictures that can't all be read: what was heard and seen stands
        rows = evidence_rows(repeats, i, features.grid)
        return self.alone.counsel(episode, features, rows)

    def _alone(
        self,
        episodes: Sequence[Episode],
        known: Sequence[EpisodePrint],
        progress: Progress | None,
    ) -> list[Detection | Failure]:
        if self.alone is not None:
            return self.alone.detect(episodes, progress)
        for episode in episodes:
            _report(progress, episode, 1.0)
        return [
            Detection(
                episode=episode, duration=round(each.duration, 3), not_found_reason=ALONE
            )
            for episode, each in zip(episodes, known, strict=True)
        ]  # fmt: skip


def _language(season: Season) -> str | None:
    tracks = []
    for episode in season.episodes:
        try:
            tracks.append(probe(episode.path).audio)
        except ZastavkaError:
            continue  # reading it will say why
    # with one track each there is nothing to choose
    return common_language(tracks) if any(len(each) > 1 for each in tracks) else None


def _report(progress: Progress | None, episode: Episode, share: float) -> None:
    if progress:
        progress(episode, share)
