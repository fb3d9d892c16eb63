"""`Shield`: what every request passes before the API sees it, and every answer on its way out."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any

from zastavka.errors import RequestError, ZastavkaError
from zastavka.i18n import speaking
from zastavka.web.access import Access, Failures, is_allowed_host
from zastavka.web.problems import MEDIA_TYPE, language_of, problem_of, status_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "zastavka"
API = "/api/v1"
_OPEN = frozenset((f"{API}/session", f"{API}/health"))  # to people who are not signed in
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_RAW = "application/octet-stream"
_BODY = 1 << 20  # bytes of a JSON document
_PATIENCE = 20.0  # seconds that a client may be silent within a body
_WHOLE_BODY = 60.0  # seconds that a JSON document may take

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

log = logging.getLogger("zastavka.web")


@dataclass(slots=True)
class Shield:
    """An ASGI application around another. `names`: host names that it may be asked by."""

    app: App
    access: Access
    local: bool
    names: frozenset[str] = frozenset()
    failures: Failures = field(default_factory=Failures)
    answered: Counter[str] = field(default_factory=Counter)  # answers by their status
    refused: int = 0  # wrong tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        answer = _Answer(send, scope["path"], self.answered)
        with speaking(language_of(headers.get("accept-language", ""))):
            try:
                self._check(scope, headers)
                body = _Body(receive, _most(headers), scope)
                await self.app(scope, body, answer)
            except ZastavkaError as error:
                await answer.refuse(error)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # its text may name files and what stood in the request
                log.error("%s in %s", type(error).__name__, _where(error))
                fault = RequestError(
                    500, "Something went wrong in the server.", "Try again; its log says where."
                )
                await answer.refuse(fault)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        host = headers.get("host", "")
        if not is_allowed_host(host, self.local, self.names):
            raise RequestError(
                421, "This server is not known by that name.",
                "Use its address, or start it with --allow-host.",
            )  # fmt: skip
        is_api = scope["path"].startswith("/api/")
        unsafe = scope["method"] not in _SAFE
        if unsafe or is_api:
            _check_origin(headers, host)
        if unsafe:
            _check_content(headers)
        if is_api and scope["path"] not in _OPEN:
            self.check_signed_in(scope, headers)

    def check_signed_in(self, scope: Scope, headers: dict[str, str]) -> None:
        """RequestError: a token is needed and not there, or a wrong one was tried too often."""
        if not self.access.needed:
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            self.check_token(scope, token.strip())
        elif not self.access.is_session(cookie_of(headers)):
            raise RequestError(401, "You are not signed in.", "Give the token of this server.")

    def check_token(self, scope: Scope, token: str) -> None:
        """RequestError: it is wrong, or too many from there were."""
        address = (scope.get("client") or ("",))[0]
        if (wait := self.failures.wait(address)) > 0:
            raise RequestError(
                429, "Too many wrong tokens came from your address.",
                "Wait {wait} seconds.", wait=math.ceil(wait),
            )  # fmt: skip
        if not self.access.knows(token):
            self.failures.note(address)
            self.refused += 1
            raise RequestError(
                401, "That is not the token of this server.",
                "It was printed when the server was first started.",
            )  # fmt: skip
        self.failures.forget(address)


def cookie_of(headers: dict[str, str]) -> str:
    """The secret of a session, or ""."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")[:4096]).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _check_origin(headers: dict[str, str], host: str) -> None:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    strange = origin is not None and origin.partition("://")[2].lower() != host.strip().lower()
    if strange or site in ("cross-site", "same-site"):
        raise RequestError(403, "Another site asked for this.", "Open the page of this server.")


def _check_content(headers: dict[str, str]) -> None:
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind not in ("application/json", _RAW):
        raise RequestError(
            415, "The body is of a kind that is not taken.", "Send JSON as application/json."
        )


def _most(headers: dict[str, str]) -> int | None:
    """Bytes that the body may have; None: it is counted where it is received."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _RAW:
        return None
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > _BODY:
        raise _too_long()
    return _BODY


def _too_long() -> RequestError:
    return RequestError(413, "The document is too long.", "Send less at once.")


@dataclass(slots=True)
class _Body:
    """What the client sends, cut off where it is endless or does not come."""

    receive: Receive
    most: int | None
    scope: Scope
    got: int = 0
    done: bool = False
    began: float = 0.0

    async def __call__(self) -> Message:
        if self.done:
            return await self.receive()  # until the client goes away
        loop = asyncio.get_running_loop()
        self.began = self.began or loop.time()
        try:
            message = await asyncio.wait_for(self.receive(), _PATIENCE)
        except TimeoutError:
            raise _too_slow() from None
        self.done = message["type"] != "http.request" or not message.get("more_body", False)
        self.got += len(message.get("body", b""))
        if self.most is not None:
            if self.got > self.most:
                raise _too_long()
            if loop.time() - self.began > _WHOLE_BODY:
                raise _too_slow()
        return message


def _too_slow() -> RequestError:
    return RequestError(408, "The body did not come in time.", "Send it again.")


@dataclass(slots=True)
class _Answer:
    """What goes out, with the headers that each answer has."""

    send: Send
    path: str
    answered: Counter[str]
    begun: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self.answered[str(message["status"])] += 1
            headers = message["headers"] = list(message.get("headers", ()))
            headers += _HEADERS.items()
            if self.path.startswith("/api/") and not any(k == b"cache-control" for k, _ in headers):
                headers.append((b"cache-control", b"no-store"))
        await self.send(message)

    async def refuse(self, error: ZastavkaError) -> None:
        if self.begun:
            return  # half an answer is out: the connection is closed, which says so
        status = status_of(error)
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"vary", b"Accept-Language")]
        if status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="zastavka"'))
        if status == 429:
            headers.append((b"retry-after", str(error.values.get("wait", 1)).encode()))
        if status in (408, 413, 415):
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        body = problem_of(error)
        headers.append((b"content-length", str(len(body)).encode()))
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
