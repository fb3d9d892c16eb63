"""Files that are there whole or not at all: write beside the target, then rename over it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zastavka.errors import StorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A temporary path in the folder of `path`; on leaving without error it becomes `path`.

    `mode` are the permissions it gets; None: those of any new file.
    A run that is killed leaves the old file as it was. StorageError: disk full, no permission.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # a name of its own for each writer, so that two processes never share a part; none of the
        # target's in it, which may be as long as names can be
        handle, name = tempfile.mkstemp(
            prefix=".zastavka.", suffix=f".part{path.suffix}", dir=path.parent
        )
        os.close(handle)
        part = Path(name)
        yield part
        part.chmod(ORDINARY if mode is None else mode)
        part.replace(path)
    except OSError as error:
        raise StorageError(
            path,
            "can't be written: {why}",
            "free some space, or choose another place",
            why=error.strerror or error,
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    with replacing(path) as part:
        # a name of a file need not be UTF-8, and must not stop the rest from being written
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_tensors(path: Path, arrays: Mapping[str, NDArray[Any]], meta: dict[str, object]) -> None:
    """Write arrays as safetensors (no pickle), whole or not at all; `meta` as JSON beside them."""
    import numpy as np
    from safetensors.numpy import save_file

    # safetensors writes the memory as it lies
    tables = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    with replacing(path) as part:
        try:
            save_file(tables, part, metadata={"zastavka": json.dumps(meta)})
        except Exception as error:
            # safetensors reports a full disk as its own error, not as OSError
            raise StorageError(
                path,
                "can't be written: {why}",
                "free some space, or choose another place",
                why=error,
            ) from error


def set_aside(path: Path, *beside: str) -> Path:
    """Rename a file, and those named like it with `beside` behind, to a name not taken yet.

    Returns the new path of the file itself. StorageError: it can't be renamed.
    """
    names = (path.with_name(f"{path.name}.damaged-{i}") for i in count(1))
    new = next(name for name in names if not name.exists())
    try:
        path.rename(new)
        for end in beside:
            with suppress(FileNotFoundError):
                Path(f"{path}{end}").rename(f"{new}{end}")
    except OSError as error:
        raise StorageError(
            path,
            "can't be renamed: {why}",
            "give its folder back its permissions",
            why=error.strerror or error,
        ) from error
    return new


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# Permissions of a new file: mkstemp and others make private ones. Read once: reading means setting.
ORDINARY = 0o666 & ~_umask()
