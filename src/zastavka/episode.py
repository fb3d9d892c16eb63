"""`Episode`: one file and what its name says; `find_episodes` looks for them in folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zastavka.errors import MediaError

VIDEO_SUFFIXES = frozenset(
    (
        *(".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg"),
        *(".mpg", ".mts", ".ogm", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
    )
)

_WORD = re.compile(r"\w+")
_LATIN, _CYRILLIC = re.compile("[a-z]", re.IGNORECASE), re.compile("[а-яё]", re.IGNORECASE)
_VK_ID = re.compile(r"-?\d+_\d+")
_LATIN_TWINS = str.maketrans("aceopxykABCEHKMOPTXY", "асеорхукАВСЕНКМОРТХУ")


@dataclass(frozen=True, slots=True)
class Episode:
    """A file of a series. What its name does not say is None."""

    path: Path
    series: str | None = None
    season: int | None = None
    number: int | None = None

    @classmethod
    def from_path(cls, path: Path) -> Episode:
        """The episode of a file, its series, season and number read from its name and folders."""
        if _VK_ID.fullmatch(path.stem):
            return cls(path)
        # two folders up are enough for `Series/Season 1/file.mkv`, and more would be guesswork
        return cls.from_name("/".join(path.parts[-3:]), path)

    @classmethod
    def from_name(cls, name: str, path: Path) -> Episode:
        """The episode of `path`, all else read from `name`, as "24 часа. 8 сезон, 18 серия"."""
        from guessit import guessit  # 0.3 s to import

        guess = guessit(_one_alphabet(name), {"type": "episode"})
        return cls(
            path,
            _text(guess.get("title")),
            _first(guess.get("season")),
            _first(guess.get("episode")),
        )


def find_episodes(paths: Iterable[Path]) -> list[Episode]:
    """The episodes named by files and folders, in the order given; folders are walked by name.

    A file named twice counts once. MediaError: a path that does not exist.
    """
    files = {os.path.abspath(file): file for path in paths for file in _walk(path)}
    return [Episode.from_path(file) for file in files.values()]


def _walk(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise MediaError(path, "does not exist", "check the path")
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        # hidden ones are what macOS and half-done downloads leave beside the videos
        hidden = file.name.startswith(".")
        if file.suffix.lower() in VIDEO_SUFFIXES and not hidden and file.is_file():
            yield file


def _one_alphabet(name: str) -> str:
    """Words of mixed alphabets made Cyrillic: some sites write "xyжe" to hide from searches."""
    return _WORD.sub(lambda word: _unmixed(word.group()), name)


def _unmixed(word: str) -> str:
    if not (_CYRILLIC.search(word) and _LATIN.search(word)):
        return word
    cyrillic = word.translate(_LATIN_TWINS)
    return word if _LATIN.search(cyrillic) else cyrillic


def _first(value: object) -> int | None:
    # a file of two episodes yields a list; it is known by its first
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return str(value) if value else None
