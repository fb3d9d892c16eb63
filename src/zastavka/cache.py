"""Features and prints on disk, by what the file holds and by the options; safe to delete."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from zastavka import audio, prints
from zastavka.errors import FeatureError, MediaError, StorageError
from zastavka.features import EpisodeFeatures, Progress, extract, load, save
from zastavka.options import ExtractOptions
from zastavka.prints import EpisodePrint
from zastavka.vision import PictureEncoder

T = TypeVar("T")

_BLOCKS, _BLOCK = 64, 1 << 16  # spread evenly over a file; bytes of each
_WHOLE = 2 * _BLOCKS * _BLOCK  # bytes of a file that is read as a whole


def default_folder() -> Path:
    """`ZASTAVKA_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("ZASTAVKA_CACHE"):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "zastavka" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zastavka"


@dataclass(frozen=True, slots=True)
class Kept:
    """How much lies in a part of the cache folder."""

    files: int
    bytes: int


def kept(folder: Path) -> dict[str, Kept]:
    """What lies in a cache folder, by the folders below it; "" is what lies in none of them."""
    parts: dict[str, Kept] = {}
    for where, _, files in os.walk(folder):
        inside = Path(where).relative_to(folder).parts
        name = inside[0] if inside else ""
        for file in files:
            with suppress(OSError):  # another run may take it away meanwhile
                size = os.lstat(os.path.join(where, file)).st_size
                before = parts.get(name, Kept(0, 0))
                parts[name] = Kept(before.files + 1, before.bytes + size)
    return parts


def check_writable(folder: Path) -> None:
    """StorageError: nothing can be kept in the folder, or the folder can't be made."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise StorageError(
            folder,
            "can't be written: {why}",
            "let ZASTAVKA_CACHE name another folder, or give --no-cache",
            why=error.strerror or error,
        ) from error


def content_key(path: Path) -> str:
    """A name for what a file holds: its size and blocks from all over it, not its path or date.

    Reading a whole 20-GB file to name it would cost more than describing it. A download that has
    its full size from the start changes its name as it comes in.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest.update(str(size).encode())
            file.seek(0)
            if size <= _WHOLE:
                digest.update(file.read())
            else:
                for i in range(_BLOCKS):
                    file.seek(i * (size - _BLOCK) // (_BLOCKS - 1))
                    digest.update(file.read(_BLOCK))
    except OSError as error:
        raise MediaError(
            path, "can't be read: {why}", "check the path", why=error.strerror
        ) from error
    return digest.hexdigest()


def options_key(encoder: PictureEncoder, options: ExtractOptions) -> str:
    """A name for how features were made."""
    text = f"{encoder.name} {audio.NAME} {options.model_dump_json()}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class _Cache:
    """Things made of files, under one folder. What is damaged there is made again.

    A folder that takes no more stops nothing: things are given all the same, and `unwritable`
    says why they were not kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unwritable: StorageError | None = None

    def _place(self, path: Path, how: str) -> Path:
        key = content_key(path)
        return self.folder / key[:2] / f"{key}-{how}.safetensors"

    def _kept(
        self,
        stored: Path,
        read: Callable[[Path], T],
        make: Callable[[], T],
        write: Callable[[T, Path], None],
    ) -> T:
        try:
            return read(stored)
        except FeatureError:
            pass  # not there, or damaged: what is derived can be made again
        made = make()
        try:
            write(made, stored)
        except StorageError as error:
            self.unwritable = StorageError(
                self.folder,
                "keeps no features: {why}",
                "free some space, let ZASTAVKA_CACHE name another folder, or give --no-cache",
                why=error.values.get("why", error.found),
            )
        return made


class FeatureCache(_Cache):
    """Features of files."""

    def get(
        self,
        path: Path,
        encoder: PictureEncoder,
        options: ExtractOptions,
        progress: Progress | None = None,
    ) -> EpisodeFeatures:
        """Features of a file: stored ones if they are of this content and these options."""
        stored = self._place(path, options_key(encoder, options))
        return self._kept(stored, load, lambda: extract(path, encoder, options, progress), save)


class PrintCache(_Cache):
    """Prints of files."""

    def get(
        self, path: Path, options: ExtractOptions, progress: Progress | None = None
    ) -> EpisodePrint:
        """The print of a file: the stored one if it is of this content and these options."""
        return self._kept(
            self.place(path, options),
            prints.load,
            lambda: prints.read_print(path, options, progress),
            prints.save,
        )

    def place(self, path: Path, options: ExtractOptions) -> Path:
        """Where the print of a file is kept."""
        told = (
            options.window_share, options.window_min, options.window_max, options.sound,
            options.language,
        )  # fmt: skip
        text = f"{prints.NAME} {told}"
        return self._place(path, hashlib.blake2b(text.encode(), digest_size=8).hexdigest())
