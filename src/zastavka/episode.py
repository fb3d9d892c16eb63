"""`Episode`: one file and what its name says; `find_episodes` looks for them in folders."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from zastavka.errors import MediaError
from zastavka.names import (
    begins_with,
    is_disc_folder,
    is_extra_folder,
    is_quality_folder,
    key_of,
    names_a_year_as_season,
    names_an_extra,
    one_alphabet,
    one_notation,
    without_brackets,
    without_count,
)

VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"),
        *(".mpg", ".mts", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    )
)

AUDIO_SUFFIXES = frozenset(
    (
        *(".aac", ".ac3", ".aif", ".aiff", ".ape", ".dts", ".eac3", ".flac", ".m4a", ".mka"),
        *(".mp2", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma", ".wv"),
    )
)

_FIRST_YEAR = 1900  # no season has such a number by counting
_BEFORE_A_DASH = re.compile(r"(?:\[[^\]]*\]\s*)?(.+?)[ _]-[ _]E\d")
_VK_ID = re.compile(r"-?\d+_\d+")


@dataclass(frozen=True, slots=True)
class Episode:
    """A file of a series. What its name does not say is None.

    The first four fields are an episode's in JSON, and all that is compared. The others are what
    `season.seasons_of` must know.
    """

    path: Path
    series: str | None = None
    season: int | None = None
    number: int | None = None
    last: int | None = field(default=None, compare=False)  # number, where the file has several
    part: int | None = field(default=None, compare=False)  # of an episode in several files
    origin: str | None = field(default=None, compare=False)  # year, country: a remake's are others
    special: bool = field(default=False, compare=False)  # specials, extras, trailers, samples

    @classmethod
    def from_path(cls, path: Path) -> Episode:
        """The episode of a file, its series, season and number read from its name and folders."""
        if _VK_ID.fullmatch(path.stem):
            return cls(path)
        folders, aside = list(path.parts[:-1]), False
        while folders and _says_nothing_of_the_series(folders[-1], path.stem):
            aside |= is_extra_folder(folders.pop())
        # two folders up are enough for `Series/Season 1/file.mkv`, and more would be guesswork
        episode = cls.from_name("/".join([*folders[-2:], path.name]), path)
        return replace(episode, special=True) if aside else episode

    @classmethod
    def from_name(cls, name: str, path: Path) -> Episode:
        """The episode of `path`, all else read from `name`, as "24 часа. 8 сезон, 18 серия"."""
        from guessit import guessit  # 0.3 s to import

        folders, slash, file = one_alphabet(name).rpartition("/")
        written = one_notation(file)
        guess = guessit(f"{without_count(folders)}{slash}{written}", {"type": "episode"})
        title = guess.get("title")
        if _falls(guess.get("episode")) and (whole := _BEFORE_A_DASH.match(written)):
            title = whole[1]
        season, number = _first(guess.get("season")), _first(guess.get("episode"))
        if season is not None and season >= _FIRST_YEAR and not names_a_year_as_season(name):
            guess.setdefault("year", season)
            season = None
        stem = _without_suffix(file)
        return cls(
            path,
            _text(title),
            season,
            number,
            last=_last(guess.get("episode")),
            part=_first(guess.get("part")) or _first(guess.get("cd")),
            origin=" ".join(str(guess[key]) for key in ("year", "country") if key in guess) or None,
            special=names_an_extra(stem, season, number)
            or names_an_extra(without_brackets(stem), season, number),
        )


def find_episodes(paths: Iterable[Path]) -> list[Episode]:
    """The episodes named by files and folders, in the order given; folders are walked by name.

    A file named by itself may be of any kind. Files of sound in a folder are episodes only if it
    holds no video at all: beside videos they are soundtracks and dubs. A file named twice counts
    once. MediaError: a path that does not exist.
    """
    return [Episode.from_path(file) for file in video_files(paths)]


def video_files(
    paths: Iterable[Path], unread: Callable[[OSError], None] | None = None
) -> list[Path]:
    """The files of `find_episodes`, their names not read: that takes longer than all else.

    `unread` is told each folder below those given that can't be read; without it they are passed.
    """
    files = {os.path.abspath(file): file for path in paths for file in _walk(path, unread)}
    return list(files.values())


def _walk(path: Path, unread: Callable[[OSError], None] | None) -> list[Path]:
    if not path.exists():
        raise MediaError(path, "does not exist", "check the path")
    if not path.is_dir():
        return [path]
    files: dict[frozenset[str], list[Path]] = {VIDEO_SUFFIXES: [], AUDIO_SUFFIXES: []}
    below = (
        Path(where, name) for where, _, names in os.walk(path, onerror=unread) for name in names
    )
    for file in sorted(below):
        # hidden ones are what macOS and half-done downloads leave beside the videos
        if file.name.startswith("."):
            continue
        for suffixes, found in files.items():
            if file.suffix.lower() in suffixes and file.is_file():
                found.append(file)
    return files[VIDEO_SUFFIXES] or files[AUDIO_SUFFIXES]


def _says_nothing_of_the_series(folder: str, stem: str) -> bool:
    # a series may be called "Extras": then its files are too
    if is_extra_folder(folder):
        return not begins_with(stem, key_of(folder))
    return is_disc_folder(folder) or is_quality_folder(folder)


def _without_suffix(file: str) -> str:
    # a title of a video is no name of a file: "Мосты. 8 сезон" has no suffix
    stem, dot, suffix = file.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES else file


def _falls(value: object) -> bool:
    """Whether a greater number stands in front: it is of the title, as in `17 Moments - E05`."""
    numbers = value if isinstance(value, list) else []
    return len(numbers) == 2 and numbers[0] > numbers[1]


def _first(value: object) -> int | None:
    # a file of two episodes yields a list; it is known by its first
    if isinstance(value, list):
        value = value[_falls(value)] if value else None
    return value if isinstance(value, int) else None


def _last(value: object) -> int | None:
    numbers = value if isinstance(value, list) and value == sorted(value) else []
    return max((n for n in numbers if isinstance(n, int)), default=None)


def _text(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return str(value) if value else None
