"""`Shield`: what every request passes before the API sees it, and every answer on its way out."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from zastavka.errors import RequestError, ZastavkaError
from zastavka.i18n import speaking
from zastavka.web.access import Access, Failures, is_allowed_host
from zastavka.web.passing import RAW, Answer, Body, Receive, Scope, Send, has_body, kind_of
from zastavka.web.problems import language_of

App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "zastavka"
API = "/api/v1"
_OPEN = frozenset((f"{API}/session", f"{API}/health"))  # to people who are not signed in
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
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
        body = Body(receive, headers)
        answer = Answer(send, scope["path"], body, self.answered)
        with speaking(language_of(headers.get("accept-language", ""))):
            try:
                self._check(scope, headers)
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
    if has_body(headers) and kind_of(headers) not in ("application/json", RAW):
        raise RequestError(
            415, "The body is of a kind that is not taken.", "Send JSON as application/json."
        )


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
