"""`Arrivals`: when a library is to be scanned, because files that appeared in it are whole now.

A file counts as whole when its size and date have not changed for a while: nothing else tells on
every system that a copy or a download has ended. What no message comes of, as on network drives,
is found by the scan that is due from time to time anyhow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from zastavka.episode import AUDIO_SUFFIXES, VIDEO_SUFFIXES, video_files
from zastavka.errors import MissingExtra, ZastavkaError

_GLANCE = 0.5  # seconds between two looks at what is being copied
_SUFFIXES = VIDEO_SUFFIXES | AUDIO_SUFFIXES

Stamp = tuple[int, int]  # size in bytes, date in nanoseconds


@dataclass(slots=True)
class Arrivals:
    """Files that changed and are not whole yet. `settle`: seconds without a change that make one.

    `clock` gives seconds that never go back.
    """

    settle: float
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, tuple[Stamp, float]] = field(default_factory=dict, init=False)
    _whole: bool = field(default=False, init=False)  # any since it was last told

    @property
    def under_way(self) -> bool:
        """Whether a file is still being copied, as far as is known."""
        return bool(self._seen)

    def note(self, path: Path) -> None:
        """Something happened to this file, or to this folder and all in it."""
        try:
            files = video_files([path]) if path.is_dir() else [path]
        except (OSError, ZastavkaError):
            return  # gone again
        for file in files:
            stamp = _stamp(file)
            if stamp is not None and file.suffix.lower() in _SUFFIXES:
                self._seen[file] = (stamp, self.clock())

    def are_whole(self) -> bool:
        """Whether files have become whole since this was last true, and none is under way."""
        now = self.clock()
        for file, (stamp, since) in list(self._seen.items()):
            current = _stamp(file)
            if current is None:
                del self._seen[file]
            elif current != stamp:
                self._seen[file] = (current, now)
            elif now - since >= self.settle:
                del self._seen[file]
                self._whole = True
        if self._seen or not self._whole:
            return False
        self._whole = False
        return True


def scans_due(
    folders: Sequence[Path], settle: float, every: float, stop: Event, *, poll: bool = False
) -> Iterator[None]:
    """Yields each time that a scan is due: at once, when files are whole, after `every` seconds.

    Ends when `stop` is set. Folders may vanish and come back. `poll`: look at every file again and
    again instead of being told by the system, which knows nothing of network drives. MissingExtra.
    """
    try:
        from watchfiles import Change, watch
    except ImportError as error:
        raise MissingExtra("watch", "zastavka watch") from error
    arrivals = Arrivals(settle)
    for file in _newest(folders, settle):
        arrivals.note(file)
    due = time.monotonic() + (every if arrivals.under_way else 0.0)
    while not stop.is_set():
        there = [folder for folder in folders if folder.is_dir()]
        if not there:
            stop.wait(_GLANCE)
            continue
        changes = watch(
            *there, watch_filter=None, stop_event=stop, yield_on_timeout=True,
            rust_timeout=int(1000 * _GLANCE), force_polling=poll or None,
            ignore_permission_denied=True,
        )  # fmt: skip
        for happened in changes:
            for change, path in happened:
                if change is not Change.deleted:
                    arrivals.note(Path(path))
            if arrivals.are_whole() or time.monotonic() >= due:
                yield
                due = time.monotonic() + every
            if there != [folder for folder in folders if folder.is_dir()]:
                break  # one has vanished or come back, of which nobody tells


def _newest(folders: Sequence[Path], seconds: float) -> list[Path]:
    """Files that changed so few seconds ago that they may be in the middle of a copy."""
    files: list[Path] = []
    for folder in folders:
        with suppress(OSError, ZastavkaError):  # it is not there yet
            files += video_files([folder])
    since = time.time_ns() - int(1e9 * seconds)
    return [file for file in files if (stamp := _stamp(file)) is not None and stamp[1] > since]


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
