"""`Upload`: a file that comes in, as it is kept; its part on disk, and the name that it gets."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zastavka.episode import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from zastavka.errors import RequestError
from zastavka.library.catalog import Catalog

_LONGEST_NAME = 180  # bytes on disk
_COLUMNS = "id, name, size, sha256, state, error, path, created"
_NOT_IN_NAMES = frozenset('/\\<>:"|?*')


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that comes in; `path` once it is here and was found good."""

    id: str
    name: str
    size: int  # bytes
    sha256: str | None
    state: str = "open"
    error: str | None = None  # as `problems.as_row`
    path: Path | None = None
    created: str = ""


def clean_name(name: str, suffix: str) -> str:
    """A name for the disk that can't lead anywhere and says what the given one said."""
    plain = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    plain = "".join(
        "_" if c in _NOT_IN_NAMES or unicodedata.category(c)[0] == "C" else c for c in plain
    ).strip(" .")
    stem, dot, end = plain.rpartition(".")
    if not dot or f".{end}".lower() not in VIDEO_SUFFIXES | AUDIO_SUFFIXES:
        stem, end = plain, suffix.removeprefix(".")
    room = _LONGEST_NAME - len(end) - 1
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip(" .")
    return f"{stem or 'upload'}.{end}"


def append(path: Path, at: int, data: bytes) -> None:
    """Write bytes at a place of a file. RequestError: the disk takes no more."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            os.lseek(handle, at, os.SEEK_SET)
            while data:
                data = data[os.write(handle, data) :]
        finally:
            os.close(handle)
    except OSError as error:
        raise RequestError(
            507, "The disk takes no more: {why}.", "Free some space, then go on.",
            why=error.strerror,
        ) from error  # fmt: skip


def sync(path: Path) -> None:
    """Make sure that a file outlives a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def keep(catalog: Catalog, upload: Upload) -> None:
    """Write an upload down."""
    with catalog.together() as base:
        base.execute(
            f"INSERT OR REPLACE INTO uploads ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (upload.id, upload.name, upload.size, upload.sha256, upload.state, upload.error,
             None if upload.path is None else os.fsencode(upload.path), upload.created),
        )  # fmt: skip


def forget(catalog: Catalog, id: str) -> None:
    """Strike an upload out."""
    with catalog.together() as base:
        base.execute("DELETE FROM uploads WHERE id = ?", (id,))


def kept(catalog: Catalog) -> list[Upload]:
    """All uploads, the oldest first."""
    rows: list[Any] = catalog.rows(f"SELECT {_COLUMNS} FROM uploads ORDER BY created, id")
    return [
        Upload(id, name, size, sha256, state, error,
               None if path is None else Path(os.fsdecode(path)), created)
        for id, name, size, sha256, state, error, path, created in rows
    ]  # fmt: skip
