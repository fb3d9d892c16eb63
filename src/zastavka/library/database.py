"""The catalog's SQLite file: opened, brought to this version's schema, written in transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from zastavka.errors import StorageError

# each brings the schema from its place in the list to the next; what was released never changes
_MIGRATIONS = (
    (
        "CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER NOT NULL,"
        " changed INTEGER NOT NULL, content TEXT NOT NULL, named TEXT NOT NULL,"
        " episode TEXT NOT NULL, task TEXT)",
        "CREATE TABLE answers (content TEXT NOT NULL, task TEXT NOT NULL, made TEXT NOT NULL,"
        " answer TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (content, task))",
        "CREATE TABLE edits (id INTEGER PRIMARY KEY, content TEXT NOT NULL, at TEXT NOT NULL,"
        " segments TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0)",
        "CREATE INDEX edits_by_content ON edits (content, undone)",
    ),
    (
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, kind TEXT NOT NULL, what TEXT NOT NULL,"
        " state TEXT NOT NULL, created TEXT NOT NULL, started TEXT, ended TEXT, error TEXT,"
        " episodes TEXT NOT NULL DEFAULT '[]', tries INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE uploads (id TEXT PRIMARY KEY, name TEXT NOT NULL, size INTEGER NOT NULL,"
        " sha256 TEXT, state TEXT NOT NULL, error TEXT, path BLOB, created TEXT NOT NULL)",
    ),
)
_PATIENCE = 30.0  # seconds that another process may hold the file


def opened(file: Path) -> sqlite3.Connection:
    """The database, its schema that of this version.

    StorageError: it is of a newer one. sqlite3.OperationalError: there is no opening it now.
    Another sqlite3.DatabaseError: it is damaged, or no database.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error
    base = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)
    try:
        _keep_a_log(base)
        base.execute("PRAGMA synchronous = FULL")  # what was committed outlives a power cut
        if base.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        _migrate(base, file)
    except BaseException:
        base.close()
        raise
    return base


def _keep_a_log(base: sqlite3.Connection) -> None:
    """Let readers and a writer go side by side.

    SQLite does not wait for another process that is about to do the same, as it does elsewhere.
    """
    last = monotonic() + _PATIENCE
    while True:
        try:
            base.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > last:
                raise
            sleep(0.05)


def _migrate(base: sqlite3.Connection, file: Path) -> None:
    if _version(base) == len(_MIGRATIONS):
        return
    with transaction(base):
        version = _version(base)  # another process may have been first
        if version > len(_MIGRATIONS):
            raise StorageError(
                file, "is a catalog of a newer version ({version})", "update zastavka",
                version=version,
            )  # fmt: skip
        for steps in _MIGRATIONS[version:]:
            for step in steps:
                base.execute(step)
        base.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _version(base: sqlite3.Connection) -> int:
    return int(base.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(base: sqlite3.Connection) -> Iterator[None]:
    """All that the block writes, or nothing; other writers wait."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:
            base.execute("ROLLBACK")
        raise
