"""`Episode`: one file and what its name says; `find_episodes` looks for them in folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zastavka.errors import MediaError

VIDEO_SUFFIXES = frozenset(
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogm .ogv .ts .vob .webm .wmv".split()
)


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
        from guessit import guessit  # 0.3 s to import

        # two folders up are enough for `Series/Season 1/file.mkv`, and more would be guesswork
        name = os.fspath(Path(*path.parts[-3:]))
        guess = guessit(name, {"type": "episode"})
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
    files = dict.fromkeys(file for path in paths for file in _walk(path))
    return [Episode.from_path(file) for file in files]


def _walk(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise MediaError(path, "does not exist", "check the path")
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file():
            yield file


def _first(value: object) -> int | None:
    # a file of two episodes yields a list; it is known by its first
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return str(value) if value else None
