"""`Uploads`: files that come in piece by piece; each piece that was taken outlives the server.

How much is here is the size of the part on disk, and nothing else: no count can go wrong.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from zastavka.errors import MediaError, RequestError, StorageError, ZastavkaError
from zastavka.library.catalog import Known
from zastavka.storage import write_text
from zastavka.web.child import Child, Failed
from zastavka.web.jobs import now
from zastavka.web.keeper import Keeper
from zastavka.web.parts import Upload, append, clean_name, forget, keep, kept, sync
from zastavka.web.problems import as_row

_BLOCK = 1 << 18  # bytes that are gathered before they are written
_SPARE = 256 << 20  # bytes of the disk that uploads leave alone
_OPEN = 500  # uploads at once that are not whole
_EXPIRE = 7 * 86400.0  # seconds after which a part that nobody goes on with is deleted
_SILENCE = 60.0  # seconds that looking at a file may take
_PATIENCE = 3  # times that a check may break off


_MISPLACED = RequestError(
    409, "The bytes do not follow those that are here.", "Go on at byte {offset}."
)


class Misplaced(RequestError):
    """The bytes do not follow those that are here; `offset` says where they would."""

    def __init__(self, offset: int) -> None:
        super().__init__(_MISPLACED.status, _MISPLACED.found, _MISPLACED.cure, offset=offset)
        self.offset = offset


class Uploads:
    """Use it after `start`. `parts` and `home` are on one disk; `most` bytes may a file have."""

    def __init__(self, keeper: Keeper, parts: Path, home: Path, most: int) -> None:
        self._keeper, self._parts, self._home, self._most = keeper, parts, home, most
        self._known: dict[str, Upload] = {}
        self._turns: dict[str, object] = {}  # who is sending now
        self._locks: dict[str, asyncio.Lock] = {}
        self._writers = ThreadPoolExecutor(4, "uploads")
        self._checks = asyncio.Semaphore(2)
        self._settling = asyncio.Lock()  # two of one name must not take one place
        self._checking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take up what was left by the server before."""
        self._parts.mkdir(parents=True, exist_ok=True)
        self._known = {upload.id: upload for upload in await self._keeper.read(kept)}
        for upload in list(self._known.values()):
            part = self.part(upload.id)
            if upload.state == "open":
                if not part.exists() or time.time() - part.stat().st_mtime > _EXPIRE:
                    await self.delete(upload.id)
            elif upload.state == "checking":
                self._check_later(upload)
        for part in self._parts.iterdir():  # of uploads that were forgotten
            if part.stem not in self._known:
                part.unlink(missing_ok=True)

    async def stop(self) -> None:
        """Let what is being looked at wait for the next server."""
        for task in list(self._checking):
            task.cancel()
        await asyncio.gather(*self._checking, return_exceptions=True)
        self._writers.shutdown()

    def all(self) -> list[Upload]:
        """Every upload, the newest first."""
        return sorted(self._known.values(), key=lambda u: (u.created, u.id), reverse=True)

    def get(self, id: str) -> Upload:
        """RequestError: there is none of this id."""
        if id not in self._known:
            raise RequestError(404, "There is no such upload.", "Begin it anew.")
        return self._known[id]

    def part(self, id: str) -> Path:
        """Where its bytes are gathered."""
        return self._parts / f"{id}.part"

    def offset(self, upload: Upload) -> int:
        """Bytes that are here."""
        if upload.state != "open":
            return upload.size
        try:
            return self.part(upload.id).stat().st_size
        except OSError:
            return 0

    async def create(self, name: str, size: int, sha256: str | None) -> Upload:
        """A new upload. RequestError: too large, no room, too many."""
        if size > self._most:
            raise RequestError(
                413, "The file is larger than {most} GB.", "Send a smaller one.",
                most=round(self._most / 1e9, 3),
            )  # fmt: skip
        open_ones = [u for u in self._known.values() if u.state == "open"]
        if len(open_ones) >= _OPEN:
            raise RequestError(
                409, "Too many uploads are not finished.", "Finish or delete some of them."
            )
        coming = sum(u.size - self.offset(u) for u in open_ones)
        if shutil.disk_usage(self._parts).free - coming - _SPARE < size:
            raise RequestError(507, "There is no room for it on the disk.", "Free some space.")
        upload = Upload(
            secrets.token_hex(8), name, size, sha256.lower() if sha256 else None, created=now()
        )
        await self._keep(upload)
        return upload

    async def receive(self, id: str, offset: int, pieces: AsyncIterator[bytes]) -> Upload:
        """Take bytes from `offset` on; who sends last is listened to.

        Misplaced: they don't follow. RequestError: there are more than were announced, no room.
        """
        upload = self.get(id)
        if upload.state != "open":
            if offset != upload.size:
                raise Misplaced(upload.size)
            return upload
        turn = self._turns[id] = object()
        lock = self._locks.setdefault(id, asyncio.Lock())
        async with lock:  # whoever was sending has written its last block
            here = self.offset(upload)
        if here != offset:
            raise Misplaced(here)
        block = bytearray()
        try:
            async for piece in pieces:
                block += piece
                if here + len(block) > upload.size:
                    block.clear()
                    raise RequestError(
                        413, "More bytes came than were announced.", "Begin it anew."
                    )
                if len(block) >= _BLOCK:
                    here = await self._write(id, turn, here, block)
        finally:  # also where the sender goes away: what came is kept
            if block:
                here = await asyncio.shield(self._write(id, turn, here, block))
        if here == upload.size:
            await self._whole(upload)
        return self.get(id)

    async def delete(self, id: str) -> Upload:
        """Forget an upload, and delete its bytes."""
        upload = self.get(id)
        self._turns[id] = object()
        async with self._locks.setdefault(id, asyncio.Lock()):
            del self._known[id]
            await self._keeper.write(lambda catalog: forget(catalog, id))
            for path in (self.part(id), upload.path):
                if path is not None:
                    await asyncio.to_thread(path.unlink, missing_ok=True)
        return upload

    async def _write(self, id: str, turn: object, here: int, block: bytearray) -> int:
        data = bytes(block)
        block.clear()
        async with self._locks[id]:
            if self._turns.get(id) is not turn or id not in self._known:
                raise RequestError(409, "Somebody else goes on with this upload.", "Stop here.")
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._writers, append, self.part(id), here, data)
        return here + len(data)

    async def _whole(self, upload: Upload) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writers, sync, self.part(upload.id))
        upload = replace(upload, state="checking")
        await self._keep(upload)
        self._check_later(upload)

    def _check_later(self, upload: Upload) -> None:
        task = asyncio.create_task(self._check(upload))
        self._checking.add(task)
        task.add_done_callback(self._checking.discard)

    async def _check(self, upload: Upload) -> None:
        part = self.part(upload.id)
        async with self._checks:
            try:
                suffix = await self._patiently(upload, part)
                async with self._settling:
                    path = await asyncio.to_thread(self._settle, upload, part, suffix)
                known = await asyncio.to_thread(Known.of, path)
                await self._keeper.write(lambda catalog: catalog.note([known]))
                done = replace(upload, state="ready", path=path)
            except Failed as error:
                done = replace(upload, state="refused", error=error.row)
            except ZastavkaError as error:
                done = replace(upload, state="refused", error=as_row(error))
            except OSError as error:
                fault = StorageError(
                    upload.name, "can't be written: {why}",
                    "free some space, or choose another place", why=error.strerror,
                )  # fmt: skip
                done = replace(upload, state="refused", error=as_row(fault))
        if upload.id in self._known:  # else it was deleted meanwhile
            await self._keep(done)
            (self._parts / f"{upload.id}.place").unlink(missing_ok=True)
            if done.state == "refused":
                await asyncio.to_thread(part.unlink, missing_ok=True)

    async def _patiently(self, upload: Upload, part: Path) -> str:
        """`_suffix`; a machine that is too busy to look at a file says nothing about the file."""
        for _ in range(_PATIENCE):
            with suppress(RequestError, OSError):
                return await self._suffix(upload, part)
        return await self._suffix(upload, part)

    async def _suffix(self, upload: Upload, part: Path) -> str:
        """What the file's name should end in. Failed, ZastavkaError: it may not come in."""
        if not part.exists() and (settled := self._settled(upload)) is not None:
            return settled.suffix  # the server ended between two steps
        if upload.sha256 is not None:
            found = await _asked("--behind", "digest", {"file": str(part)})
            if found["sha256"] != upload.sha256:
                raise MediaError(
                    upload.name, "has not the checksum that was announced", "send it again"
                )
        spec = {"file": str(part), "name": upload.name}
        return str((await _asked("--sandbox", "check", spec))["suffix"])

    def _settle(self, upload: Upload, part: Path, suffix: str) -> Path:
        if not part.exists() and (settled := self._settled(upload)) is not None:
            return settled
        name = clean_name(upload.name, suffix)
        place = self._home / name
        if place.exists():
            place = self._home / upload.id / name
            place.parent.mkdir(exist_ok=True)
        # first where it goes, so that a server that ends between the two finds it there
        write_text(self._parts / f"{upload.id}.place", os.fsencode(place).hex())
        part.replace(place)
        return place

    def _settled(self, upload: Upload) -> Path | None:
        with suppress(OSError):
            noted = (self._parts / f"{upload.id}.place").read_text()
            place = Path(os.fsdecode(bytes.fromhex(noted)))
            return place if place.exists() else None
        return None

    async def _keep(self, upload: Upload) -> None:
        self._known[upload.id] = upload
        await self._keeper.write(lambda catalog: keep(catalog, upload))


async def _asked(how: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    child = await Child.start(how)
    try:
        return await child.ask(kind, spec, _SILENCE)
    finally:
        await child.kill()
