"""`House`: all that the calls of the API share, and how they answer."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from zastavka.errors import RequestError, ZastavkaError
from zastavka.i18n import language
from zastavka.storage import write_text
from zastavka.web import store
from zastavka.web.access import Access
from zastavka.web.hands import Hands
from zastavka.web.holdings import Held, Holdings, Ready
from zastavka.web.keeper import Keeper
from zastavka.web.roots import Roots
from zastavka.web.runner import Runner
from zastavka.web.uploads import Uploads

_REMEMBERED = 2000  # files of which is remembered what they are
_MEDIA_SECONDS = 60.0
_ROOM = {
    "media": 100 << 20,
    "proxies": 30 << 30,
    "strips": 2 << 30,
    "peaks": 1 << 30,
    "curves": 1 << 30,
}  # bytes


@dataclass(slots=True)
class House:
    """What there is, once per server."""

    roots: Roots
    keeper: Keeper
    access: Access
    runner: Runner
    uploads: Uploads
    hands: Hands
    _media: OrderedDict[object, dict[str, Any]] = field(default_factory=OrderedDict)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        """Open what is to be opened, in order."""
        for kind, most in _ROOM.items():
            await asyncio.to_thread(store.trim, kind, most)
        await self.keeper.start()
        self._open.push_async_callback(self.keeper.stop)
        self._open.push_async_callback(self.hands.stop)
        await self.uploads.start()
        self._open.push_async_callback(self.uploads.stop)
        await self.runner.start()
        self._open.push_async_callback(self.runner.stop)

    async def stop(self) -> None:
        """Close it, the last first."""
        await self._open.aclose()

    async def file_of(self, held: Held) -> Path:
        """Where an episode's file really lies. RequestError: it is gone, or may not be read."""
        return await asyncio.to_thread(self.roots.open_path, held.file.episode.path)

    async def proxy_of(self, file: Path) -> Path:
        """Where the copy of a file for browsers is, or would be."""
        state = await asyncio.to_thread(store.state_of, file)
        return store.place("proxies", ".mp4", str(file), state)

    async def media_of(self, held: Held) -> dict[str, Any] | None:
        """What a browser must know of an episode's file; None: it can't be read."""
        try:
            file = await self.file_of(held)
            proxy = await self.proxy_of(file)
            if proxy not in self._media:
                self._media[proxy] = await self._looked_at(file)
                while len(self._media) > _REMEMBERED:
                    self._media.popitem(last=False)
        except ZastavkaError:
            return None
        known = self._media[proxy]
        has_proxy = known["playable"] or await asyncio.to_thread(proxy.exists)
        return {**known, "playable": has_proxy}

    async def _looked_at(self, file: Path) -> dict[str, Any]:
        state = await asyncio.to_thread(store.state_of, file)
        place = store.place("media", ".json", str(file), state)
        if (known := await asyncio.to_thread(store.read, place)) is None:
            known = await self.hands.ask("media", {"file": str(file)}, _MEDIA_SECONDS)
            await asyncio.to_thread(write_text, place, json.dumps(known))
        return known


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


def tagged(request: Request, document: Ready) -> Response:
    """An answer with a version, left out where the asker has it already."""
    headers = {
        "etag": f'"{document.tag}"', "cache-control": "no-cache",
        "vary": "Accept-Language, Accept-Encoding",
    }  # fmt: skip
    known = request.headers.get("if-none-match", "")
    if f'"{document.tag}"' in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    body = document.body
    if "gzip" in request.headers.get("accept-encoding", "") and len(body) > len(document.packed):
        body, headers["content-encoding"] = document.packed, "gzip"
    return Response(body, 200, headers, "application/json")


def ready(held: Holdings, name: object, make: Callable[[], dict[str, Any]]) -> Ready:
    """A document made once for what is held; hundreds may ask for it in a second."""
    key = (name, language())
    if key not in held.cache:
        body = encoded(make())
        tag = hashlib.blake2b(body, digest_size=10).hexdigest()
        held.cache[key] = Ready(tag, body, gzip.compress(body, 5))
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
