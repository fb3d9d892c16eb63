"""`Search`: what a call of `detect` asks for, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zastavka.arguments import check_least, decoding_of, model_folder, need_plots, season_config
from zastavka.cache import FeatureCache, PrintCache, default_folder
from zastavka.detection import Detection, Failure, doubted
from zastavka.episode import Episode
from zastavka.errors import OptionError, StorageError
from zastavka.i18n import gettext, language
from zastavka.model import BUILTIN
from zastavka.pipeline import Curve, Detector, Progress
from zastavka.repeats import Repeats
from zastavka.season import Season
from zastavka.seasonal import OnSeason, SeasonDetector
from zastavka.shelf import Shelf


@dataclass(slots=True)
class Search:
    """Options of `detect`, checked and loaded at birth, so that what is wrong is said first.

    OptionError, ModelError, MissingExtra. `found_curves` holds what `curves` asked for, by path.
    """

    model: Path | None = None
    alone: bool = False
    types: tuple[str, ...] = ("intro",)
    explain: Path | None = None
    encoder: str | None = None
    settings: list[str] = field(default_factory=list)
    device: str = "auto"
    cache: bool = True
    heads: int = 12
    curves: bool = False
    chapters: bool = True  # whether titles of chapters are evidence
    least: float | None = None  # confidence below which nothing is found
    found_curves: dict[Path, Curve] = field(default_factory=dict)
    stores: list[FeatureCache | PrintCache] = field(default_factory=list)
    drawn: int = 0  # seasons
    undrawn: StorageError | None = None  # why one was not
    _single: Detector | None = field(default=None, init=False)
    _seasons: SeasonDetector | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.curves and not self.alone:
            raise OptionError("csv", "is the curve of a model", "give --alone, or choose json")
        if self.alone and self.explain is not None:
            raise OptionError("--explain", "draws what repeats", "leave out --alone")
        check_least(self.least)
        if self.explain is not None:
            need_plots("--explain")
            if self.explain.exists() and not self.explain.is_dir():
                raise OptionError(self.explain, "is a file", "give --explain a folder")
        if self.alone and self.types != ("intro",):
            raise OptionError("--types", "names what repeats", "leave out --alone")
        self._single = self._load(self.model or BUILTIN)
        if not self.alone:
            self._seasons = self._season_detector()

    @property
    def troubles(self) -> list[StorageError]:
        """What could not be kept or drawn, while the answers are there."""
        undrawn = [self.undrawn] if self.undrawn else []
        return [s.unwritable for s in self.stores if s.unwritable] + undrawn

    def find(
        self, episodes: Sequence[Episode], progress: Progress | None = None
    ) -> list[Detection | Failure]:
        """One result per episode, in order."""
        results = self._answers(episodes, progress)
        return results if self.least is None else doubted(results, self.least)

    def read(self, season: Season, episode: Episode) -> None:
        """Read an episode as its season will need it. ZastavkaError: it can't be read."""
        assert self._seasons is not None
        self._seasons.prepare(season, episode)

    def _answers(
        self, episodes: Sequence[Episode], progress: Progress | None
    ) -> list[Detection | Failure]:
        if self._seasons is not None:
            return self._seasons.detect(episodes, progress, self._drawing())
        assert self._single is not None

        def keep(episode: Episode, curve: Curve) -> None:
            self.found_curves[episode.path] = curve

        return self._single.detect(episodes, progress, keep if self.curves else None)

    def _load(self, model: Path) -> Detector:
        folder = model_folder(model, self.encoder, self.heads, self.device)
        store = FeatureCache(default_folder() / "features") if self.cache else None
        self.stores += [store] if store else []
        single = Detector.load(folder, self.encoder, store, device=self.device)
        decoding = [text for text in self.settings if text.strip().startswith("decode.")]
        single.decoding = decoding_of(single.config, self.settings if self.alone else decoding)
        single.chapters = self.chapters
        return single

    def _season_detector(self) -> SeasonDetector:
        prints = PrintCache(default_folder() / "prints") if self.cache else None
        self.stores += [prints] if prints else []
        settings = self.settings if self.chapters else [*self.settings, "refine.chapters=false"]
        return SeasonDetector(
            season_config(settings), alone=self._single, cache=prints, types=self.types,
            chapters=self.chapters,
            shelf=Shelf(default_folder() / "seasons") if self.cache else None,
        )  # fmt: skip

    def _drawing(self) -> OnSeason | None:
        if self.explain is None:
            return None
        from zastavka import explain

        folder = self.explain
        written: list[Path] = []

        def draw(season: Season, episodes: Sequence[Episode], repeats: Repeats) -> None:
            number = "" if season.number is None else f" S{season.number:02d}"
            own = sum(episode in season.episodes for episode in episodes)
            try:
                made = explain.write(
                    folder, season.title + number, episodes, repeats, gettext, language(),
                    own=own, taken=written,
                )  # fmt: skip
            except StorageError as error:  # the answers are worth more than their picture
                self.undrawn = error
            else:
                written.extend(made)
                self.drawn += 1

        return draw


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of some episodes, and what could not be kept."""

    results: list[Detection | Failure]
    troubles: list[StorageError]


def answered(search: Search, episodes: Sequence[Episode]) -> Answered:
    """`Search.find`, as a task of another process."""
    return Answered(search.find(episodes), search.troubles)


def read(search: Search, season: Season, episode: Episode) -> None:
    """Read an episode as its season will need it, as a task of another process.

    ZastavkaError: it can't be read.
    """
    search.read(season, episode)
