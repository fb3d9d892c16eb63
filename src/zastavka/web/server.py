"""`serve`: the application on a port, with bounds on what a client may hold on to."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from zastavka.errors import OptionError
from zastavka.web.house import House

_HEADERS_WITHIN = 15.0  # seconds from the first byte, or the end of the last answer
_IDLE = 10.0  # seconds between requests of a connection
_CONNECTIONS = 1000  # at once; more are told to come later
_LAST_ANSWERS = 3.0  # seconds that open requests are given when the server ends


class Bounded(H11Protocol):
    """HTTP as uvicorn speaks it, but a client that never finishes its headers is cut off."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # noqa: D102
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:  # noqa: D102
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()  # the headers are here; the body has bounds of its own

    def on_response_complete(self) -> None:  # noqa: D102
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(_HEADERS_WITHIN, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. OptionError: the address can't be had."""
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = infos[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(512)
        except OSError:
            found.close()
            raise
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise OptionError(
            f"{host}:{port}", "can't be listened on: {why}",
            "give another --port" if taken else "give another --host or --port",
            why=error.strerror or error,
        ) from error  # fmt: skip
    return found


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The only server of a folder, as long as the block lasts. OptionError: there is another."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # Windows has no such lock
        except OSError as error:
            raise OptionError(
                folder, "is used by another server", "end that one, or give another --data"
            ) from error
        yield


def serve(app: FastAPI, at: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Answer until the process is told to end."""
    asyncio.run(Server(app, ready).serve(sockets=[at]))


class Server(uvicorn.Server):
    """uvicorn with our bounds; says when it is ready, and lets listeners go when it ends."""

    def __init__(self, app: FastAPI, ready: Callable[[], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app, http=Bounded, ws="none", loop="asyncio", log_config=None, access_log=False,
                server_header=False, timeout_keep_alive=int(_IDLE),
                limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=int(_LAST_ANSWERS),
            )
        )  # fmt: skip
        self._house: House = app.state.house
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: D102
        await super().startup(sockets)
        if self.started and self._ready:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: D102
        self._house.runner.close()  # else those who listen to events would hold it up
        await super().shutdown(sockets)
