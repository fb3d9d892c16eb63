"""Small files beside the videos: written, brought up to date and removed, and only if ours.

A list in each folder has the digest of what we wrote. A file that is not in it, or was changed
since, is somebody's.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from zastavka.errors import StorageError
from zastavka.storage import write_text

LIST = ".zastavka-sidecars.json"

Outcome = Literal["written", "same", "removed", "absent", "foreign"]


def put(path: Path, text: str | None) -> Outcome:
    """Make `path` hold this text, or remove it where there is none; "foreign": left as it was.

    StorageError: no permission, disk full.
    """
    known = _read(path.parent / LIST)
    there = path.is_symlink() or path.exists()
    old = _digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else ""
    new = None if text is None else _digest(text.encode("utf-8", "backslashreplace"))
    if there and old == new and path.name in known:
        return "same"
    if there and old not in known.get(path.name, ()):
        return "foreign"
    if text is None:
        if not there:
            return "absent"
        try:
            path.unlink()
        except OSError as error:
            raise StorageError(
                path, "can't be written: {why}", "free some space, or choose another place",
                why=error.strerror or error,
            ) from error  # fmt: skip
        return "removed"
    # both digests first, so that a run killed between the two writes finds its own file again
    known[path.name] = [d for d in (old, new) if d]
    write_text(path.parent / LIST, json.dumps(known, indent=1) + "\n")
    write_text(path, text)
    return "written"


def _read(path: Path) -> dict[str, list[str]]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then every file is somebody's
    rows = known.items() if isinstance(known, dict) else ()
    return {name: row for name, row in rows if isinstance(row, list)}


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()
