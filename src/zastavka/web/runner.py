"""`Runner`: jobs done one after the other in children, and who wants to know how far they are.

What a job is lies in the catalog; how far it is only here, since it changes all the time and
begins anew after a restart anyway. Scans keep each season, so that little is done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from zastavka.errors import RequestError, ZastavkaError
from zastavka.web import jobs
from zastavka.web.child import Child, Failed
from zastavka.web.jobs import OVER, Job
from zastavka.web.keeper import Keeper
from zastavka.web.problems import as_row

_SILENCE = 1800.0  # seconds without a word after which a child hangs
_TRIES = 10  # times that a job may have been running when the server ended

Spec = Callable[[Job], Awaitable[dict[str, Any]]]  # what the child is told


@dataclass(slots=True)
class Live:
    """How far a running job is."""

    progress: float = 0.0
    stage: str = ""
    file: str = ""
    began: float = field(default_factory=monotonic)

    def eta(self) -> float | None:
        """Seconds until it is done; None: nobody knows yet."""
        gone = monotonic() - self.began
        if self.progress < 0.03 or gone < 1:
            return None
        return round(gone * (1 - self.progress) / self.progress, 1)


class Runner:
    """Use it between `start` and `stop`. `slots`: how many jobs run at once."""

    def __init__(self, keeper: Keeper, spec: Spec, slots: int) -> None:
        self._keeper, self._spec, self._slots = keeper, spec, slots
        self._jobs: dict[str, Job] = {}
        self._live: dict[str, Live] = {}
        self._children: dict[str, Child] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._waiting = asyncio.Condition()
        self._version, self._changed = 0, dict[str, int]()
        self._news = asyncio.Event()
        self.closed = False

    async def start(self) -> None:
        """Take up what was left by the server before."""
        for job in await self._keeper.read(jobs.kept):
            self._jobs[job.id] = job
            if job.state == "running":
                if job.tries >= _TRIES:
                    error = RequestError(
                        500, "The server ended each time while this ran.", "Look at its files."
                    )
                    await self._set(job.over("failed", as_row(error)))
                else:
                    await self._set(job.again())
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._slots)]

    async def stop(self) -> None:
        """End the children; their jobs wait for the next server."""
        self.close()
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with suppress(asyncio.CancelledError):
                await worker
        for job in list(self._jobs.values()):
            if job.state == "running":
                await self._set(replace(job.again(), tries=max(0, job.tries - 1)))

    def close(self) -> None:
        """Let those go who listen."""
        self.closed = True
        self._news.set()

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        return sorted(self._jobs.values(), key=lambda job: (job.created, job.id), reverse=True)

    def get(self, id: str) -> Job:
        """RequestError: there is none of this id."""
        if id not in self._jobs:
            raise RequestError(404, "There is no such job.", "Ask for the list of jobs.")
        return self._jobs[id]

    def live(self, id: str) -> Live | None:
        """How far a job is; None: it does not run."""
        return self._live.get(id)

    async def submit(self, job: Job) -> Job:
        """Do a job as soon as a slot is free; the same work is not done twice at once."""
        for other in self._jobs.values():
            if other.state not in OVER and (other.kind, other.what) == (job.kind, job.what):
                return other
        await self._set(job)
        return job

    async def cancel(self, id: str) -> Job:
        """Stop a job; one that is over stays as it is."""
        job = self.get(id)
        if job.state in OVER:
            return job
        await self._set(job.over("cancelled"))
        if child := self._children.get(id):
            await child.kill()
        return self._jobs[id]

    async def retry(self, id: str) -> Job:
        """Do a job again that failed or was cancelled. RequestError: it did not."""
        job = self.get(id)
        if job.state not in ("failed", "cancelled"):
            raise RequestError(409, "Only what failed or was cancelled can be tried again.",
                               "Order it anew.")  # fmt: skip
        await self._set(replace(job.again(), tries=0))
        return self._jobs[id]

    @property
    def moment(self) -> int:
        """What `changes` is to be asked from."""
        return self._version

    async def changes(self, since: int) -> tuple[int, list[Job]]:
        """Wait until a job is another than at `since`; those, and the moment to ask from next."""
        while not self.closed:
            found = [self._jobs[id] for id, at in self._changed.items() if at > since]
            if found:
                return self._version, found
            self._news.clear()
            await self._news.wait()
        return self._version, []

    async def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._note(job.id)
        await self._keeper.write(lambda catalog: jobs.keep(catalog, job))
        async with self._waiting:
            self._waiting.notify_all()

    def _note(self, id: str) -> None:
        self._version += 1
        self._changed[id] = self._version
        self._news.set()

    async def _work(self) -> None:
        while True:
            job = await self._next()
            try:
                await self._do(job)
            except ZastavkaError as error:
                await self._failed(job.id, error)
            except Exception:  # no process more, no room: the next job may do
                fault = RequestError(500, "The work broke off.", "Try again in a while.")
                await self._failed(job.id, fault)

    async def _failed(self, id: str, error: ZastavkaError) -> None:
        with suppress(ZastavkaError):  # the catalog may not be writable either
            await self._end(id, "failed", as_row(error))

    async def _next(self) -> Job:
        def first() -> Job | None:
            waiting = (job for job in self._jobs.values() if job.state == "queued")
            return min(waiting, key=lambda job: job.created, default=None)

        async with self._waiting:
            await self._waiting.wait_for(lambda: first() is not None)
            job = first()
            assert job is not None
            self._jobs[job.id] = job.begun()  # no other worker takes it
        return self._jobs[job.id]

    async def _do(self, job: Job) -> None:
        live = self._live[job.id] = Live()

        def told(message: dict[str, Any]) -> None:
            live.progress = max(0.0, min(1.0, float(message.get("progress", 0.0))))
            live.stage, live.file = str(message.get("stage", "")), str(message.get("file", ""))
            self._note(job.id)

        child: Child | None = None
        try:
            await self._set(self._jobs[job.id])
            spec = await self._spec(job)
            child = self._children[job.id] = await Child.start(
                "--low" if job.kind == "scan" else "--behind"
            )
            if self._jobs[job.id].state != "running":
                return  # cancelled meanwhile
            done = await child.ask(job.kind, spec, _SILENCE, told)
            await self._end(job.id, "done", None, tuple(done.get("episodes", job.episodes)))
        except Failed as error:
            await self._end(job.id, "failed", error.row)
        finally:
            self._live.pop(job.id, None)
            self._children.pop(job.id, None)
            if child is not None:
                await child.kill()

    async def _end(
        self, id: str, state: str, error: str | None, episodes: tuple[str, ...] | None = None
    ) -> None:
        job = self._jobs[id]
        if job.state == "running":  # else it was cancelled
            self._live.pop(id, None)
            self._keeper.look_again()  # its child wrote; whoever hears of the end asks for it
            await self._set(job.over(state, error, episodes))
