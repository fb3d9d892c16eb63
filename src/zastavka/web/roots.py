"""`Roots`: the folders that may be read, and the only way from an id to a file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zastavka.errors import MediaError, RequestError

UPLOADS = "uploads"


def id_of(*parts: str | bytes) -> str:
    """An opaque id, the same after a restart."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(os.fsencode(part) + b"\0")
    return digest.hexdigest()


def shown(name: str) -> str:
    """A file's name as text: names need not be UTF-8, and JSON must be."""
    return os.fsencode(name).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of the library, links to it followed."""

    id: str
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return self.id if self.id == UPLOADS else shown(self.folder.name or str(self.folder))


def lies_in(path: Path, folders: Iterable[Path]) -> bool:
    """Whether the path is a plain file that really lies in one of the folders, links followed."""
    try:
        real = path.resolve(strict=True)
        ordinary = stat.S_ISREG(real.stat().st_mode)
    except (OSError, RuntimeError):
        return False
    return ordinary and any(real.is_relative_to(folder) for folder in folders)


class Roots:
    """The folders of the library. A file counts as inside where it really lies, links followed."""

    def __init__(self, folders: Iterable[Path], uploads: Path) -> None:
        known: dict[str, Root] = {}
        for folder in folders:
            if not folder.is_dir():
                raise MediaError(folder, "is no folder", "name a folder with videos")
            real = folder.resolve()
            known[id_of(os.fsencode(real))] = Root(id_of(os.fsencode(real)), real)
        uploads.mkdir(parents=True, exist_ok=True)
        known[UPLOADS] = Root(UPLOADS, uploads.resolve())
        self._known = known

    def __iter__(self) -> Iterator[Root]:
        return iter(self._known.values())

    @property
    def folders(self) -> list[Path]:
        """Where they are."""
        return [root.folder for root in self]

    def get(self, id: str) -> Root:
        """RequestError: there is none of this id."""
        if id not in self._known:
            raise RequestError(404, "There is no such folder.", "Ask for the list of folders.")
        return self._known[id]

    def holds(self, path: Path) -> bool:
        """Whether the path is a plain file that really lies in one of the folders."""
        return lies_in(path, self.folders)

    def open_path(self, path: Path) -> Path:
        """The real path of a file that may be read. RequestError: it may not, or is gone."""
        if not self.holds(path):
            raise RequestError(
                410, "The file is not there any more.", "Scan its folder, or bring it back."
            )
        return path.resolve()
