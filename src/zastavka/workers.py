"""`Workers`: processes that read files for us, each of which may be killed.

A damaged or hostile file can make a decoder crash, hang or take all the memory. It does so in a
process that has nothing to lose; here an error comes of it, and the next file its turn. Processes
are started anew (`spawn`): libraries that have threads do not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from zastavka.errors import MediaError, ZastavkaError, first_line

T = TypeVar("T")
M = TypeVar("M")
P = ParamSpec("P")

_TASKS = 200  # after which a process is replaced: what leaks goes with it

_made: Any = None  # in a worker: what `make` made


@dataclass(frozen=True, slots=True)
class Limits:
    """What the work on one file may take."""

    seconds: float = 1800.0
    memory: float = 4.0  # GB; kept where the system can (Linux)


class Workers(Generic[M]):
    """`n` processes; each makes its own M by `make`, once, and tasks are given it.

    Use it as a context. Leaving it by an exception kills what is still at work.
    """

    def __init__(self, n: int, make: Callable[[], M], limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._pool = ProcessPool(
            max_workers=n, max_tasks=_TASKS, initializer=_begin,
            initargs=(make, self.limits.memory), context=multiprocessing.get_context("spawn"),
        )  # fmt: skip
        with _deaf():
            assert self._pool.active  # it starts its processes when it is first asked

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        pool: Any = self._pool  # has types only in part
        if kind is None:
            pool.close()
        else:
            pool.stop()
        pool.join()

    def submit(
        self, task: Callable[Concatenate[M, P], T], files: int, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Do a task about so many files as soon as a process is free; `result_of` says how it went.

        The task must be a function of a module.
        """
        future: Future[T] = self._pool.schedule(
            _do, (task, args, kwargs), timeout=self.limits.seconds * max(1, files)
        )
        return future


def result_of(future: Future[T], path: Path, limits: Limits) -> T:
    """What came of a task. ZastavkaError: what it raised, or how its process ended.

    `path` is what the task was about.
    """
    try:
        return future.result()
    except ZastavkaError:
        raise
    except TimeoutError as error:
        raise MediaError(
            path, "was not done in {seconds:.0f} s, and was given up",
            "allow more with --time-limit and --rescan, or look at the file",
            seconds=limits.seconds,
        ) from error  # fmt: skip
    except MemoryError as error:
        raise MediaError(
            path, "needs more memory than {memory:.1f} GB",
            "allow more with --memory-limit and --rescan, or look at the file",
            memory=limits.memory,
        ) from error  # fmt: skip
    except ProcessExpired as error:
        raise MediaError(
            path, "made its reader break down ({why})",
            "convert the file, or leave it out", why=_how(error.exitcode),
        ) from error  # fmt: skip
    except Exception as error:  # what a library makes of a damaged file has no common base
        raise MediaError(
            path, "can't be read: {why}", "convert the file, or leave it out",
            why=first_line(error),
        ) from error  # fmt: skip


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C is not heard, here and in processes that begin meanwhile: they would show where."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may choose
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def _do(task: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    return task(_made(), *args, **kwargs)


def _begin(make: Callable[[], Any], memory: float) -> None:
    """What a worker does first."""
    global _made
    made: list[Any] = []

    def once() -> Any:
        if not made:
            made.append(make())
        return made[0]

    _made = once
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who gives the tasks
    _confine(int(memory * (1 << 30)))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed can't tell us: its end is seen on a pipe."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _confine(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    # what is mapped but never touched, as onnxruntime and FFmpeg like it, does not count here
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
