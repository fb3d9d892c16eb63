"""`Catalog`: files, answers and edits in one SQLite file that several processes may use at once.

A file is known by what it holds (`cache.content_key`), so that a moved or renamed one keeps its
answers and edits. Its size and date only save that it be read again.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Self

import zastavka
from zastavka.cache import content_key
from zastavka.detection import Detection, Failure, parse_detections, to_json
from zastavka.episode import Episode
from zastavka.errors import LabelError, MediaError, StorageError
from zastavka.library.database import opened, transaction
from zastavka.library.edits import Edit, edited
from zastavka.segment import Segment
from zastavka.storage import set_aside

Result = Detection | Failure

_FEW = 200  # files that are asked for by name


def default_file() -> Path:
    """`ZASTAVKA_CATALOG`, else a file among the user's data: unlike the cache it is no waste."""
    if chosen := os.environ.get("ZASTAVKA_CATALOG"):
        return Path(chosen)
    if os.name == "nt":
        home = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return home / "zastavka" / "catalog.sqlite3"


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was when it was last read."""

    episode: Episode
    size: int  # bytes
    changed: int  # nanoseconds
    content: str

    @classmethod
    def of(cls, path: Path, before: Known | None = None) -> Self:
        """The file as it is now. MediaError: it can't be read."""
        try:
            status = path.stat()
        except OSError as error:
            raise MediaError(
                path, "can't be read: {why}", "check the path", why=error.strerror
            ) from error
        content = content_key(path)
        episode = before.episode if before else Episode.from_path(path)
        return cls(episode, status.st_size, status.st_mtime_ns, content)

    def is_current(self) -> bool:
        """Whether the file still has this size and date."""
        try:
            status = self.episode.path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.changed)


class Catalog:
    """One open catalog. StorageError: it can't be opened or written, or is of a newer version.

    `damaged` names the copy that a file was moved to which is no catalog any more; edits that
    could still be read there were taken over.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.damaged: Path | None = None
        with self._telling():
            try:
                self._base = opened(file)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise  # locked, no room, no permission: nothing is wrong with what it holds
                self.damaged = set_aside(file, "-wal", "-shm")
                self._base = opened(file)
                self._take_edits(self.damaged)

    def close(self) -> None:
        """Let the file go."""
        self._base.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(
                self.file, "can't be used: {why}",
                "free some space, end what else writes it, or let ZASTAVKA_CATALOG name another",
                why=error,
            ) from error  # fmt: skip

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._telling():
            if self._base.in_transaction:
                yield self._base
                return
            with transaction(self._base):
                yield self._base

    @contextmanager
    def together(self) -> Iterator[sqlite3.Connection]:
        """What the block reads and writes as one: no other process writes in between."""
        with self._writing() as base:
            yield base

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The answer to a question of SQL."""
        return self._rows(query, *values)

    def written_elsewhere(self) -> int:
        """A number that changes whenever another connection has written."""
        return _int(self._rows("PRAGMA data_version")[0][0])

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._telling():
            return self._base.execute(query, values).fetchall()

    def files(self) -> dict[Path, Known]:
        """Every file that was ever noted, whether it is still there or not."""
        found = {}
        for path, size, changed, content, named, episode in self._rows(
            "SELECT path, size, changed, content, named, episode FROM files"
        ):
            place = Path(os.fsdecode(_bytes(path)))
            # another version may read names better
            if named == zastavka.__version__:
                known = Episode(path=place, **json.loads(str(episode)))
            else:
                known = Episode.from_path(place)
            found[place] = Known(known, _int(size), _int(changed), str(content))
        return found

    def note(self, files: Iterable[Known]) -> None:
        """Remember files as they are now; what is said of them stays with what they hold."""
        rows = []
        for each in files:
            fields = {k: v for k, v in asdict(each.episode).items() if k != "path"}
            rows.append(
                (os.fsencode(each.episode.path), each.size, each.changed, each.content,
                 zastavka.__version__, _json(fields))
            )  # fmt: skip
        with self._writing() as base:
            base.executemany(
                "INSERT INTO files (path, size, changed, content, named, episode)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET size = excluded.size,"
                " changed = excluded.changed, content = excluded.content, named = excluded.named,"
                " episode = excluded.episode",
                rows,
            )

    def answered(self) -> set[tuple[str, str]]:
        """(content, task) of every answer."""
        return {(str(c), str(t)) for c, t in self._rows("SELECT content, task FROM answers")}

    def assigned(self) -> set[tuple[Path, str]]:
        """(file, task) of every file whose answer is that of a task."""
        rows = self._rows("SELECT path, task FROM files WHERE task IS NOT NULL")
        return {(Path(os.fsdecode(_bytes(path))), str(task)) for path, task in rows}

    def store(
        self, task: str, made: str, files: Sequence[Known], results: Mapping[Path, Result]
    ) -> None:
        """Keep the answers of a task, all or none; each file's answer is from now on this one.

        A file without a result has it already. `made` says by what model and options.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as base:
            for file in files:
                if (result := results.get(file.episode.path)) is not None:
                    base.execute(
                        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
                        (file.content, task, made, to_json([result]), now),
                    )
                base.execute(
                    "UPDATE files SET task = ? WHERE path = ?",
                    (task, os.fsencode(file.episode.path)),
                )
                base.execute(
                    "DELETE FROM answers WHERE content = ? AND task NOT IN"
                    " (SELECT task FROM files WHERE content = ? AND task IS NOT NULL)",
                    (file.content, file.content),
                )

    def edit(self, content: str, edit: Edit) -> None:
        """Keep what a person said; what was said before stays in the history."""
        now = edit.at or datetime.now(UTC).isoformat(timespec="seconds")
        said = None if edit.segments is None else [[s.start, s.end] for s in edit.segments]
        with self._writing() as base:
            base.execute(
                "INSERT INTO edits (content, at, segments) VALUES (?, ?, ?)",
                (content, now, json.dumps(said)),
            )

    def carry_over(self, old: str, new: str) -> bool:
        """Let the edit of one content hold for another, made from it; False: there is none."""
        edits = self.edits()
        if old not in edits or new in edits:
            return False
        self.edit(new, edits[old])
        return True

    def undo(self, content: str) -> bool:
        """Take back the last edit that was not taken back; False: there is none."""
        with self._writing() as base:
            done = base.execute(
                "UPDATE edits SET undone = 1 WHERE id ="
                " (SELECT max(id) FROM edits WHERE content = ? AND undone = 0)",
                (content,),
            )
            return done.rowcount > 0

    def history(self, content: str) -> list[tuple[Edit, bool]]:
        """Every edit of a file, first to last, and whether it was taken back."""
        rows = self._rows("SELECT segments, at, undone FROM edits WHERE content = ?"
                          " ORDER BY id", content)  # fmt: skip
        return [(_edit(said, at), bool(undone)) for said, at, undone in rows]

    def edits(self) -> dict[str, Edit]:
        """The edit that holds for each content that has one."""
        rows = self._rows("SELECT content, segments, at FROM edits WHERE undone = 0 ORDER BY id")
        return {str(content): _edit(said, at) for content, said, at in rows}

    def detections(self, files: Iterable[Known]) -> list[Result]:
        """What is known of these files, a person's word above all; without settings applied.

        Files of which nothing is known are left out. Failures are given too, unless a person said
        what there is.
        """
        files, edits = list(files), self.edits()
        query = (
            "SELECT path, files.content, answer FROM files JOIN answers"
            " ON answers.content = files.content AND answers.task = files.task"
        )
        paths = [os.fsencode(file.episode.path) for file in files]
        if len(paths) <= _FEW:  # a season of a large library is not worth reading all of it
            query += f" WHERE path IN ({', '.join('?' * len(paths))})"
        else:
            paths = []
        stored = {
            Path(os.fsdecode(_bytes(path))): (str(content), str(answer))
            for path, content, answer in self._rows(query, *paths)
        }
        results: list[Result] = []
        for file in files:
            content, answer = stored.get(file.episode.path, ("", ""))
            edit = edits.get(file.content)
            result = self._read(answer, file.episode) if content == file.content else None
            if edit is not None and edit.segments is not None:
                if not isinstance(result, Detection):
                    result = Detection(episode=file.episode, duration=None)
                result = edited(result, edit)
            if result is not None:
                results.append(result)
        return results

    def _read(self, answer: str, episode: Episode) -> Result | None:
        result = _parsed(answer)
        return result if result is None else replace(result, episode=episode)

    def _take_edits(self, damaged: Path) -> None:
        with suppress(sqlite3.Error), closing(sqlite3.connect(damaged)) as old:
            rows = old.execute("SELECT content, at, segments, undone FROM edits ORDER BY id")
            for row in rows:
                self._base.execute(
                    "INSERT INTO edits (content, at, segments, undone) VALUES (?, ?, ?, ?)", row
                )


@lru_cache(maxsize=1 << 14)
def _parsed(answer: str) -> Result | None:
    """None: of a format that this version does not know, so that it is answered again."""
    try:
        [result] = parse_detections(json.loads(answer), Path())
    except (LabelError, ValueError):
        return None
    return result


def _edit(said: object, at: object) -> Edit:
    segments = json.loads(str(said))
    if segments is None:
        return Edit(None, str(at))
    return Edit(tuple(Segment(*pair) for pair in segments), str(at))


def _json(value: object) -> str:
    return json.dumps(value)  # ASCII: halves of surrogate pairs in names are no UTF-8


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
