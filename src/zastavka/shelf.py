"""`Shelf`: seasons seen before, so that a new episode alone has others to be compared with.

One small JSON file for each series under the cache folder: which episodes there are, where their
files lay, and where their prints are kept. It can be deleted at any time: what it forgets is
learned again with the next whole season.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from zastavka.episode import Episode
from zastavka.errors import FeatureError, StorageError
from zastavka.prints import EpisodePrint, load
from zastavka.season import Season
from zastavka.storage import write_text

_FORMAT = 2


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An episode of a season seen before. `path` is None where its file is gone."""

    episode: Episode
    path: Path | None
    print: EpisodePrint
    language: str | None  # of the sound that it was read by


class Shelf:
    """Seasons seen before, under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def remember(
        self,
        season: Season,
        episodes: Sequence[Episode],
        places: Sequence[Path],
        language: str | None,
    ) -> None:
        """Note where the prints of a season's episodes are kept.

        A folder that takes nothing is no error: the next whole season is learned anew.
        """
        if season.special:
            return
        rows = {row["path"]: row for row in self._rows(season.key)}
        for episode, place in zip(episodes, places, strict=True):
            path = str(episode.path.absolute())
            rows[path] = {
                "path": path,
                "season": season.number,
                "number": episode.number,
                "home": str(season.folders[0].absolute()) if season.folders else "",
                "print": str(place.absolute()),
                "language": language,
            }
        document = {"format": _FORMAT, "series": season.title, "episodes": list(rows.values())}
        try:
            write_text(self._file(season.key), json.dumps(document, ensure_ascii=False, indent=1))
        except StorageError:
            return

    def others(self, season: Season, most: int) -> list[Stored]:
        """Episodes of the same season, else of the season before; the nearest by number.

        Where a series lies in two folders that have an episode in common, only this one's count:
        they may be two series of one title.
        """
        mine = {str(episode.path.absolute()) for episode in season.episodes}
        home = {str(folder.absolute()) for folder in season.folders}
        rows = [row for row in self._rows(season.key) if row["path"] not in mine]
        places = {(row["season"], row["number"], row["home"]) for row in rows}
        if len({(of, number) for of, number, _ in places}) < len(places):
            rows = [row for row in rows if row["home"] in home]
        same = [row for row in rows if row["season"] == season.number]
        if not same and season.number is not None:
            numbers = [n for row in rows if (n := _number(row["season"])) is not None]
            last = max((n for n in numbers if n < season.number), default=None)
            same = [row for row in rows if last is not None and row["season"] == last]
        mid = season.episodes[0].number or 0
        same.sort(key=lambda row: (abs((_number(row["number"]) or 0) - mid), str(row["path"])))
        found = (self._stored(row, season) for row in same)
        return list(islice((each for each in found if each is not None), most))

    def _stored(self, row: dict[str, object], season: Season) -> Stored | None:
        try:
            known = load(Path(str(row["print"])))
        except FeatureError:
            return None
        path = Path(str(row["path"]))
        episode = Episode(path, season.title, _number(row["season"]), _number(row["number"]))
        language = row["language"] if isinstance(row["language"], str) else None
        return Stored(episode, path if path.is_file() else None, known, language)

    def _file(self, key: str) -> Path:
        return self.folder / f"{hashlib.blake2b(key.encode(), digest_size=12).hexdigest()}.json"

    def _rows(self, key: str) -> list[dict[str, object]]:
        try:
            document = json.loads(self._file(key).read_text(encoding="utf-8"))
            rows = document["episodes"] if document["format"] == _FORMAT else []
            known = {"path", "season", "number", "home", "print", "language"}
            return [row for row in rows if set(row) == known]
        except (OSError, ValueError, KeyError, TypeError):
            return []  # not there, or damaged: it is learned again


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
