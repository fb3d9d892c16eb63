"""`Keeper`: the catalog behind two threads of its own, so that the loop that answers never waits.

One thread reads, one writes. What was read last is kept, and read anew once anybody has written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import TypeVar

from zastavka.library.catalog import Catalog
from zastavka.web.holdings import Holdings, gather

T = TypeVar("T")

_LOOK = 0.3  # seconds between looks at whether another process has written
_GONE = 30.0  # seconds after which files that were deleted are noticed


class Keeper:
    """Use it between `start` and `stop`."""

    def __init__(self, file: Path, allowed: Callable[[Path], bool]) -> None:
        self.file, self._allowed = file, allowed
        self._threads = [ThreadPoolExecutor(1, f"catalog-{name}") for name in ("read", "write")]
        self._catalogs: list[Catalog] = []
        self._held: Holdings | None = None
        self._stale = True
        self._seen = -1
        self._gathering = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the catalog. StorageError: it can't be."""
        loop = asyncio.get_running_loop()
        for thread in self._threads:
            self._catalogs.append(await loop.run_in_executor(thread, Catalog, self.file))
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Let the catalog go."""
        if self._watching:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        loop = asyncio.get_running_loop()
        for thread, catalog in zip(self._threads, self._catalogs, strict=False):
            await loop.run_in_executor(thread, catalog.close)
        for thread in self._threads:
            thread.shutdown()

    async def read(self, work: Callable[[Catalog], T]) -> T:
        """What a question to the catalog gives."""
        return await self._run(0, work)

    async def write(self, work: Callable[[Catalog], T]) -> T:
        """Change the catalog; whoever asks from now on sees it."""
        try:
            return await asyncio.shield(self._run(1, work))
        finally:
            self._stale = True

    def look_again(self) -> None:
        """Another process has written: what is held is read anew when it is asked for."""
        self._stale = True

    async def holdings(self) -> Holdings:
        """What is known, as new as what was written before the call."""
        # while somebody reads anew, what is held is what was before
        if self._held is not None and not self._stale and not self._gathering.locked():
            return self._held
        async with self._gathering:
            if self._held is None or self._stale:
                self._stale = False
                before = self._held
                try:
                    self._held = await self.read(
                        lambda catalog: gather(catalog, self._allowed, before)
                    )
                except BaseException:
                    self._stale = True
                    raise
        return self._held

    async def _run(self, which: int, work: Callable[[Catalog], T]) -> T:
        context = copy_context()  # the language of who asks
        catalog = self._catalogs[which]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads[which], context.run, work, catalog)

    async def _watch(self) -> None:
        loop, looked = asyncio.get_running_loop(), 0.0
        while True:
            with suppress(Exception):  # a disk that is away for a while; requests say so
                seen = await self.read(lambda catalog: catalog.written_elsewhere())
                if seen != self._seen or loop.time() > looked + _GONE:
                    self._seen, self._stale, looked = seen, True, loop.time()
            await asyncio.sleep(_LOOK)
