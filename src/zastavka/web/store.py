"""What is made of files for the pages, on disk: by what it was made of; safe to delete."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from zastavka.cache import default_folder
from zastavka.errors import MediaError


def place(kind: str, suffix: str, *made_of: object) -> Path:
    """Where a thing is kept."""
    key = hashlib.blake2b(repr(made_of).encode("utf-8", "replace"), digest_size=16).hexdigest()
    return default_folder() / "server" / kind / key[:2] / f"{key}{suffix}"


def state_of(path: Path) -> tuple[int, int, int]:
    """What tells that a file is still the same. MediaError: it is not there."""
    try:
        status = path.stat()
    except OSError as error:
        raise MediaError(
            path, "can't be read: {why}", "check the path", why=error.strerror
        ) from error
    return status.st_size, status.st_mtime_ns, status.st_ino


def read(path: Path) -> dict[str, Any] | None:
    """A document that was kept; None: it is not there, or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


def trim(kind: str, most: int) -> None:
    """Delete what was used longest ago until no more than `most` bytes are left of a kind."""
    folder = default_folder() / "server" / kind
    files = []
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                status = os.stat(os.path.join(where, name))
                used = max(status.st_atime, status.st_mtime)
                files.append((used, status.st_size, os.path.join(where, name)))
    left = sum(size for _, size, _ in files)
    for _, size, name in sorted(files):
        if left <= most:
            return
        with suppress(OSError):
            os.unlink(name)
            left -= size
