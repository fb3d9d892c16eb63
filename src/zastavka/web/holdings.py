"""`Holdings`: what is known of the library at one moment, by ids; made from the catalog."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from zastavka.detection import Detection, Failure
from zastavka.errors import RequestError
from zastavka.library.catalog import Catalog, Known
from zastavka.library.edits import Edit, is_edited
from zastavka.season import Season, seasons_of
from zastavka.web.roots import id_of

Result = Detection | Failure
States = ("found", "review", "none", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Held:
    """An episode: its file, what is known of it, and its place."""

    id: str
    file: Known
    result: Result | None
    locked: bool
    season: str
    number: int | None
    version: str  # changes with all that is said of it, whatever the language

    @property
    def state(self) -> str:
        """One of `States`."""
        if self.result is None:
            return "unknown"
        if isinstance(self.result, Failure):
            return "failed"
        if self.result.segments():
            return "found"
        findings = self.result.findings
        return "review" if any(f.type == "intro" for f in findings) else "none"


@dataclass(frozen=True, slots=True)
class Shelved:
    """A season with the ids of its episodes, in order."""

    id: str
    series: str
    title: str
    season: Season
    episodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A document as it is sent, plain and packed by gzip; `tag` is another for other bytes."""

    tag: str
    body: bytes
    packed: bytes


@dataclass(frozen=True)
class Holdings:
    """Everything at one moment. `cache` holds documents made of it, by name and language."""

    files: Mapping[Path, Known]
    seasons: Mapping[str, Shelved]
    episodes: Mapping[str, Held]
    cache: dict[tuple[object, str], Ready] = field(default_factory=dict, compare=False)

    def season(self, id: str) -> Shelved:
        """RequestError: there is none of this id."""
        if id not in self.seasons:
            raise RequestError(404, "There is no such season.", "Go back to the list of series.")
        return self.seasons[id]

    def episode(self, id: str) -> Held:
        """RequestError: there is none of this id."""
        if id not in self.episodes:
            raise RequestError(404, "There is no such episode.", "Go back to the list of series.")
        return self.episodes[id]

    def of(self, season: Shelved) -> list[Held]:
        """The episodes of a season, in order."""
        return [self.episodes[id] for id in season.episodes]

    @cached_property
    def series(self) -> dict[str, list[Shelved]]:
        """The seasons of each series, in the order in which they are shown."""
        found: dict[str, list[Shelved]] = {}
        for season in self.seasons.values():
            found.setdefault(season.series, []).append(season)
        return found


def gather(
    catalog: Catalog, allowed: Callable[[Path], bool], before: Holdings | None = None
) -> Holdings:
    """What the catalog knows of files that are allowed; `before` saves work where it still fits."""
    files = {path: file for path, file in catalog.files().items() if allowed(path)}
    same = before is not None and files == before.files
    seasons = before.seasons if before is not None and same else _shelved(files)
    edits = catalog.edits()
    results = {r.episode.path: r for r in catalog.detections(files.values())}
    episodes: dict[str, Held] = {}
    for season in seasons.values():
        for id, episode in zip(season.episodes, season.season.episodes, strict=True):
            file = files[episode.path]
            episodes[id] = _held(
                id, file, results.get(episode.path), edits.get(file.content), season.id
            )
    now = Holdings(files, seasons, episodes)
    if before is not None:
        now.cache.update(_still_true(before, now))
    return now


def _still_true(before: Holdings, now: Holdings) -> dict[tuple[object, str], Ready]:
    """Documents made before that say what is so now: jobs change the catalog, but no season."""
    if before.seasons is now.seasons and before.episodes == now.episodes:
        return before.cache
    same = {
        id
        for id, season in now.seasons.items()
        if season == before.seasons.get(id) and now.of(season) == before.of(season)
    }
    return {key: made for key, made in before.cache.items() if key[0] in same}


def refreshed(catalog: Catalog, held: Held) -> Held:
    """One episode as the catalog has it at this moment. RequestError: its file is another now."""
    path = held.file.episode.path
    [*now] = catalog.rows("SELECT content FROM files WHERE path = ?", os.fsencode(path))
    if now != [(held.file.content,)]:
        raise RequestError(409, "The file was replaced meanwhile.", "Load the page again.")
    [*result] = catalog.detections([held.file])
    edit = catalog.edits().get(held.file.content)
    return _held(held.id, held.file, result[0] if result else None, edit, held.season)


def _held(id: str, file: Known, result: Result | None, edit: Edit | None, season: str) -> Held:
    locked = edit is not None and edit.segments is not None
    if locked and isinstance(result, Detection) and not is_edited(result):
        locked = False
    return Held(id, file, result, locked, season, file.episode.number, _version(result, locked))


def _version(result: Result | None, locked: bool) -> str:
    """A name for all that is said of an episode."""
    said: object = None
    if isinstance(result, Failure):
        said = result.error
    elif result is not None:
        said = [
            [[f.type, f.segment.start, f.segment.end, f.status, f.confidence, f.sources, f.reason]
             for f in result.findings],
            result.duration, result.not_found_reason, result.not_found_confidence,
        ]  # fmt: skip
    return hashlib.blake2b(json.dumps([said, locked]).encode(), digest_size=10).hexdigest()


def _shelved(files: Mapping[Path, Known]) -> dict[str, Shelved]:
    found: dict[str, Shelved] = {}
    for season in seasons_of([file.episode for file in files.values()]):
        place = os.fsencode(season.folders[0])
        name = (season.key, str(season.number), str(season.special))
        id = id_of(place, *(part.encode("utf-8", "surrogatepass") for part in name))
        series = id_of(place, season.key.encode("utf-8", "surrogatepass"))
        ids = tuple(id_of(os.fsencode(episode.path)) for episode in season.episodes)
        found[id] = Shelved(id, series, season.title, season, ids)
    return found
