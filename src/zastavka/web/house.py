"""`House`: all that the calls of the API share, and how they answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from zastavka.errors import RequestError
from zastavka.i18n import language
from zastavka.web.access import Access
from zastavka.web.holdings import Holdings
from zastavka.web.keeper import Keeper
from zastavka.web.roots import Roots


@dataclass(slots=True)
class House:
    """What there is, once per server."""

    roots: Roots
    keeper: Keeper
    access: Access

    async def start(self) -> None:
        """Open what is to be opened."""
        await self.keeper.start()

    async def stop(self) -> None:
        """Close it."""
        await self.keeper.stop()


def _house(request: Request) -> House:
    found: House = request.app.state.house
    return found


House_ = Annotated[House, Depends(_house)]


def encoded(document: object) -> bytes:
    """A document as JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def as_json(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> Response:
    """An answer."""
    content = body if isinstance(body, bytes) else encoded(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status, {"vary": "Accept-Language", **named}, "application/json")


def tagged(request: Request, tag: str, body: Callable[[], bytes]) -> Response:
    """An answer with a version, left out where the asker has it already."""
    headers = {"etag": f'"{tag}"', "cache-control": "no-cache", "vary": "Accept-Language"}
    known = request.headers.get("if-none-match", "")
    if f'"{tag}"' in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body(), 200, headers, "application/json")


def kept(held: Holdings, name: object, make: Callable[[], dict[str, Any]]) -> tuple[str, bytes]:
    """A document made once for what is held, with its tag."""
    key = (name, language())
    if key not in held.cache:
        body = encoded(make())
        held.cache[key] = hashlib.blake2b(body, digest_size=10).hexdigest(), body
    return held.cache[key]


def if_match(request: Request) -> str:
    """The version that the asker saw. RequestError: they don't say."""
    given = request.headers.get("if-match")
    if given is None:
        raise RequestError(
            428, "The request does not say which version it corrects.",
            "Send the version of the episode in If-Match.",
        )  # fmt: skip
    return given
