"""`Hands`: a few children that look at files for those who wait, and are replaced when one fails.

A file that makes FFmpeg crash or hang costs one answer, never the server.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from zastavka.errors import RequestError, ZastavkaError
from zastavka.web.child import Child, Failed

_WAITING = 64  # questions at most
_TASKS = 400  # after which a child is replaced: what leaks goes with it


class Hands:
    """At most `n` children; started when they are needed."""

    def __init__(self, n: int) -> None:
        self._free: asyncio.LifoQueue[Child | None] = asyncio.LifoQueue()
        for _ in range(n):
            self._free.put_nowait(None)
        self._n = n
        self._asked: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def ask(self, kind: str, spec: dict[str, Any], seconds: float) -> dict[str, Any]:
        """What comes of a task; who asks the same meanwhile gets the same.

        ZastavkaError: what the child says, or that it broke down, or that too many wait.
        """
        key = json.dumps([kind, spec], sort_keys=True)
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= _WAITING:
                raise RequestError(503, "Too many wait already.", "Try again in a moment.")
            task = self._asked[key] = asyncio.create_task(self._do(kind, spec, seconds))
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """End the children."""
        for task in list(self._asked.values()):
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        for _ in range(self._n):
            if child := await self._free.get():
                await child.kill()

    async def _do(self, kind: str, spec: dict[str, Any], seconds: float) -> dict[str, Any]:
        child = await self._free.get()
        try:
            if child is not None and child.tasks >= _TASKS:
                await child.kill()
            if child is None or not child.alive:
                child = None
                child = await Child.start("--bounded")
            return await child.ask(kind, spec, seconds)
        except Failed as error:
            name, found, cure, values = json.loads(error.row)
            if str(name).isdigit():
                raise RequestError(*(int(name), found, cure), **values) from None
            raise ZastavkaError(name, found, cure, **values) from None
        finally:
            self._free.put_nowait(child if child is not None and child.alive else None)
