"""What a client sends and what it gets: the one with bounds, the other with its headers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from zastavka.errors import RequestError, ZastavkaError
from zastavka.web.problems import MEDIA_TYPE, problem_of, status_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

RAW = "application/octet-stream"
_LONGEST = 1 << 20  # bytes of a JSON document
_PATIENCE = 20.0  # seconds that a client may be silent within a body
_WHOLE = 60.0  # seconds that a JSON document may take
_LEFT_OVER, _LEFT_OVER_WITHIN = 16 << 20, 3.0  # bytes, seconds: of a body that nobody wants

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}


def has_body(headers: dict[str, str]) -> bool:
    """Whether a request says that a body follows."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def kind_of(headers: dict[str, str]) -> str:
    """The media type of a body."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class Body:
    """What the client sends, cut off where it is endless or does not come.

    `fault`: why it was cut off. FastAPI makes its own error of what is raised while it reads.
    """

    def __init__(self, receive: Receive, headers: dict[str, str]) -> None:
        self._receive = receive
        # bytes of an upload are counted where they are received
        self._most = None if kind_of(headers) == RAW else _LONGEST
        self._got, self._began = 0, 0.0
        self.done = not has_body(headers)
        self.fault: RequestError | None = None
        length = headers.get("content-length", "0")
        if self._most is not None and length.isdigit() and int(length) > self._most:
            self.fault = _too_long()

    async def __call__(self) -> Message:
        """The next piece."""
        if self.fault is not None:
            raise self.fault
        if self.done:
            return await self._receive()  # until the client goes away
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        try:
            message = await asyncio.wait_for(self._receive(), _PATIENCE)
        except TimeoutError:
            self.fault = _too_slow()
            raise self.fault from None
        self._take(message)
        if self._most is not None:
            if self._got > self._most:
                self.fault = _too_long()
            elif loop.time() - self._began > _WHOLE:
                self.fault = _too_slow()
            if self.fault is not None:
                raise self.fault
        return message

    async def drain(self) -> None:
        """Take the rest of a body that nobody wants: else its sender does not read the answer."""
        end = self._got + _LEFT_OVER
        try:
            async with asyncio.timeout(_LEFT_OVER_WITHIN):
                while not self.done and self._got < end:
                    self._take(await self._receive())
        except TimeoutError:
            pass

    def _take(self, message: Message) -> None:
        self._got += len(message.get("body", b""))
        self.done = message["type"] != "http.request" or not message.get("more_body", False)


def _too_long() -> RequestError:
    return RequestError(413, "The document is too long.", "Send less at once.")


def _too_slow() -> RequestError:
    return RequestError(408, "The body did not come in time.", "Send it again.")


@dataclass(slots=True)
class Answer:
    """What goes out, with the headers that each answer has."""

    send: Send
    path: str
    body: Body
    answered: Counter[str]
    begun: bool = False
    refused: bool = False

    async def __call__(self, message: Message) -> None:
        """Send a piece."""
        if self.refused:
            return
        if message["type"] == "http.response.start":
            if self.body.fault is not None:
                await self.refuse(self.body.fault)
                return
            await self._start(message)
        else:
            await self.send(message)

    async def refuse(self, error: ZastavkaError) -> None:
        """Send an error in place of what there would have been."""
        if self.begun:
            return  # half an answer is out: the connection is closed, which says so
        self.refused = True
        status = status_of(error)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"vary", b"Accept-Language")]
        if status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="zastavka"'))
        if status == 429:
            headers.append((b"retry-after", str(error.values.get("wait", 1)).encode()))
        body = problem_of(error)
        headers.append((b"content-length", str(len(body)).encode()))
        await self._start({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def _start(self, message: Message) -> None:
        self.begun = True
        self.answered[str(message["status"])] += 1
        headers = message["headers"] = list(message.get("headers", ()))
        headers += _HEADERS.items()
        if self.path.startswith("/api/") and not any(k == b"cache-control" for k, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        fault = self.body.fault
        if not self.body.done and (fault is None or fault.status == 413):
            await self.body.drain()
        if not self.body.done:
            headers.append((b"connection", b"close"))
        await self.send(message)
