"""`Child`: a process that does long or dangerous work, spoken to in lines of JSON, and killed.

It ends by itself once the server is gone: then its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from zastavka.errors import RequestError

_LONGEST_LINE = 1 << 24  # bytes

Told = Callable[[dict[str, Any]], None]


class Failed(Exception):
    """The child said that it can't; `row` is the error as it is kept (`problems.as_row`)."""

    def __init__(self, row: str) -> None:
        super().__init__(row)
        self.row = row


class Child:
    """One process. `alive` until it was killed or broke down."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.tasks = 0

    @classmethod
    async def start(cls, *words: str) -> Child:
        """Start one; `words` are the arguments of `zastavka.web.work`."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "zastavka.web.work", *words,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, limit=_LONGEST_LINE, start_new_session=True,
            )
        )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it may be asked."""
        return self._process.returncode is None

    async def ask(
        self, kind: str, spec: dict[str, Any], silence: float, told: Told | None = None
    ) -> dict[str, Any]:
        """What comes of a task; `told` gets what is said on the way.

        Failed: the child says why it can't. RequestError: it broke down, or said nothing for
        `silence` seconds; it is killed then.
        """
        self.tasks += 1
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": kind, **spec}).encode() + b"\n")
            await self._process.stdin.drain()
            while True:
                message = await asyncio.wait_for(self._line(), silence)
                if "done" in message:
                    done: dict[str, Any] = message["done"]
                    return done
                if "failed" in message:
                    raise Failed(json.dumps(message["failed"]))
                if told:
                    told(message)
        except Failed:
            raise
        except TimeoutError:
            await self.kill()
            raise RequestError(
                503, "The work took too long and was stopped.", "Try again, or with less."
            ) from None
        except (OSError, EOFError, ValueError):
            await self.kill()
            raise RequestError(
                503, "The work broke off.", "Try again; the file may be damaged."
            ) from None
        except asyncio.CancelledError:
            await self.kill()
            raise

    async def kill(self) -> None:
        """End it and all that it started, whatever it does."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while True:
            line = await self._process.stdout.readline()
            if not line:
                raise EOFError
            with suppress(json.JSONDecodeError):  # what a library prints of its own accord
                message = json.loads(line)
                if isinstance(message, dict):
                    return message
