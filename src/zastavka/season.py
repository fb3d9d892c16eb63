"""`Season`: files that belong together, found by their names and folders."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from zastavka.episode import Episode
from zastavka.media import AudioTrack
from zastavka.names import (
    begins_with,
    is_disc_folder,
    is_extra_folder,
    is_quality_folder,
    is_season_folder,
    key_of,
    year_of,
)
from zastavka.waveform import same_language

_NO_LANGUAGE = frozenset(("mis", "mul", "und", "zxx"))  # ISO 639-2: uncoded, several, unknown, none
_NUMBERED_FIRST = re.compile(
    r"\W*(?:s\d+\W*)?(?:e|ep|episode\W*)?\d+(?:x\d+)?(?!\w)", re.IGNORECASE
)

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Season:
    """Episodes of one season of one series, by number and then by name.

    `votes` has a number for each of them. Versions of one episode (1080p and 720p, v2, a longer
    cut) have the same one: what repeats between them says nothing of what the season repeats.
    """

    key: str  # equal for all seasons of a series; made to be compared, not to be shown
    title: str  # as most files write it
    number: int | None
    episodes: tuple[Episode, ...]
    votes: tuple[int, ...]  # from 0 on, in the order of their first episodes
    folders: tuple[Path, ...]  # where the series lies: one, but for a library in several places
    special: bool = False  # specials, extras, trailers: by themselves, never among the others

    def __post_init__(self) -> None:
        if not self.episodes or len(self.episodes) != len(self.votes):
            raise ValueError(f"not a season: {len(self.episodes)} files, {len(self.votes)} votes")


@dataclass(frozen=True, slots=True)
class _File:
    """An episode and what its folder and its neighbours say of it."""

    episode: Episode
    title: str
    key: str
    home: Path  # the folder in which the series lies
    special: bool

    @property
    def origin(self) -> str | None:
        return self.episode.origin or year_of(self.title)


def seasons_of(episodes: Iterable[Episode]) -> list[Season]:
    """The seasons that files make up; each file is in one. Their order does not matter.

    Files make up a season by the name and season that they say. A file that says neither number
    nor series belongs to its folder.

    The same title may lie in two places. That is one season if no episode is in both, as where a
    library is spread over disks or a new episode waits in another folder. Otherwise each place
    has a season of its own: they could be two series, such as a remake, and where they are two
    copies each is complete by itself. Too small a season finds less; a mixed one finds nothing,
    or takes one series' theme for another's.
    """
    ordered = sorted(episodes, key=lambda episode: episode.path.as_posix())
    series = _grouped(_files(ordered), lambda file: (file.key, file.special))
    return [
        _season(key, number, special, files)
        for (title, special), files_of_title in sorted(series.items(), key=itemgetter(0))
        for key, files_of_key in _by_origin(title, files_of_title)
        for number, files_of_season in _by_number(files_of_key)
        for files in _by_home(files_of_season)
    ]


def previous(seasons: Iterable[Season], season: Season) -> Season | None:
    """The season before: of the same series, the highest number below. None if there is no one.

    One in the same folder comes first. Of several elsewhere none is taken: they may be of
    different series.
    """
    if season.number is None or season.special:
        return None
    earlier = [
        other
        for other in seasons
        if other.key == season.key
        and not other.special
        and other.number is not None
        and other.number < season.number
    ]
    near = [other for other in earlier if set(other.folders) & set(season.folders)]
    candidates = near or earlier
    last = max((other.number or 0 for other in candidates), default=None)
    found = [other for other in candidates if other.number == last]
    return found[0] if len(found) == 1 else None


def common_language(tracks: Sequence[Sequence[AudioTrack]]) -> str | None:
    """The language by whose sound a season is compared, from the tracks of each of its files.

    It is the one that most files have; of several such ones the one that is most often the
    default, then the first by its code. None if no track says its language.
    """
    files: Counter[str] = Counter()
    defaults: Counter[str] = Counter()
    for of_file in tracks:
        spoken = [(same_language(track.language), track.default) for track in of_file]
        known = [(code, default) for code, default in spoken if code and code not in _NO_LANGUAGE]
        files.update({code for code, _ in known})
        defaults.update({code for code, default in known if default})
    return min(files, key=lambda code: (-files[code], -defaults[code], code), default=None)


def _files(episodes: Sequence[Episode]) -> list[_File]:
    written = Counter((episode.path.parent, key_of(episode.series or "")) for episode in episodes)
    files = []
    for episode in episodes:
        title = episode.series or ""
        alone = written[episode.path.parent, key_of(title)] == 1
        if not key_of(title) or (alone and _is_title_of_episode(episode, title)):
            title = _title_of_folder(episode.path)
        key = key_of(title)
        special = episode.special or episode.season == 0
        files.append(_File(episode, title, key, _home(episode.path, key), special))
    return files


def _is_title_of_episode(episode: Episode, title: str) -> bool:
    """Whether a title that no neighbour has is that of the file, and not of its series."""
    if episode.number is None:
        return True
    stem = episode.path.stem  # "01 - Name", seen from inside its folder
    return _NUMBERED_FIRST.match(stem) is not None and not begins_with(stem, key_of(title))


def _title_of_folder(path: Path) -> str:
    in_season = False
    for folder in Path(os.path.abspath(path)).parents:
        name = folder.name
        if is_season_folder(name):
            in_season = True
        elif is_extra_folder(name) and not in_season:
            continue
        elif not (is_disc_folder(name) or is_quality_folder(name)):
            return name
    return ""


def _home(path: Path, key: str) -> Path:
    """The folder in which a series lies: above those that are named by it or by its seasons."""
    folder = Path(os.path.abspath(path)).parent
    while folder.name and (
        is_season_folder(folder.name)
        or is_extra_folder(folder.name)
        or is_quality_folder(folder.name)
        or begins_with(folder.name, key)
    ):
        folder = folder.parent
    return folder


def _by_origin(key: str, files: list[_File]) -> list[tuple[str, list[_File]]]:
    """Files of one title, by year or country if these tell one series from another.

    They do where one season has two: `Show (1978)` and `Show (2003)`. A year that goes with the
    number of the season, `Season 2 (2020)`, is that of the season.
    """
    seen: dict[int | None, set[str]] = defaultdict(set)
    for file in files:
        if file.origin:
            seen[file.episode.season].add(file.origin)
    if all(len(origins) < 2 for origins in seen.values()):
        return [(key, files)]
    groups = _grouped(files, lambda file: f"{key} {file.origin or ''}".strip())
    return sorted(groups.items(), key=itemgetter(0))


def _by_number(files: list[_File]) -> list[tuple[int | None, list[_File]]]:
    groups = _grouped(files, lambda file: file.episode.season)
    return sorted(groups.items(), key=lambda group: (group[0] is None, group[0] or 0))


def _by_home(files: list[_File]) -> list[list[_File]]:
    groups = _grouped(files, lambda file: file.home)
    homes = [groups[home] for home in sorted(groups)]
    complete = all(file.episode.number is not None and not file.special for file in files)
    numbers = [{n for file in home for n in _numbers(file.episode)} for home in homes]
    apart = all(one.isdisjoint(other) for one, other in combinations(numbers, 2))
    return [files] if complete and apart else homes


def _season(key: str, number: int | None, special: bool, files: list[_File]) -> Season:
    ordered = sorted(files, key=lambda file: _place(file.episode))
    titles = Counter(file.title for file in ordered)
    episodes = tuple(file.episode for file in ordered)
    return Season(
        key=key,
        title=min(titles, key=lambda title: (-titles[title], title)),
        number=number,
        episodes=episodes,
        votes=_votes(episodes, special),
        folders=tuple(sorted({file.home for file in ordered})),
        special=special,
    )


def _votes(episodes: Sequence[Episode], special: bool) -> tuple[int, ...]:
    parts: dict[tuple[int, ...], set[int | None]] = defaultdict(set)
    for episode in episodes:
        parts[_numbers(episode)].add(episode.part)
    votes: dict[Hashable, int] = {}
    found = []
    for episode in episodes:
        numbers = _numbers(episode)
        # "part 1" without a part 2 is of the title, and another version may leave it out
        part = episode.part if len(parts[numbers] - {None}) > 1 else None
        # extras are numbered by kind: opening 1 is no version of trailer 1
        told = numbers and (not special or episode.season == 0)
        version: Hashable = (numbers, part) if told else episode.path
        found.append(votes.setdefault(version, len(votes)))
    return tuple(found)


def _numbers(episode: Episode) -> tuple[int, ...]:
    first, last = episode.number, episode.last
    return () if first is None else tuple(range(first, max(first, last or first) + 1))


def _place(episode: Episode) -> tuple[bool, int, int, int, str, str]:
    number = episode.number
    name, path = episode.path.name.casefold(), episode.path.as_posix()
    return (number is None, number or 0, episode.last or 0, episode.part or 0, name, path)


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
