"""Calls about long work: jobs, and what happens to them as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from fastapi import Path as InPath
from fastapi.sse import EventSourceResponse, ServerSentEvent

from zastavka.errors import RequestError
from zastavka.i18n import gettext, language, speaking
from zastavka.web import schemas, taken
from zastavka.web.house import House, House_, as_json
from zastavka.web.jobs import Job
from zastavka.web.problems import row_told

router = APIRouter()

Id = Annotated[str, InPath(max_length=64)]

_PACE = 0.25  # seconds between two rounds of events


def view(house: House, job: Job) -> dict[str, Any]:
    """A job as it is shown."""
    live = house.runner.live(job.id)
    progress = 1.0 if job.state == "done" else live.progress if live else 0.0
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "progress": progress,
        "stage": gettext(live.stage) or None if live else None,
        "file": (live.file or None) if live else None,
        "eta": live.eta() if live else None,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "error": row_told(job.error) if job.error else None,
        "episodes": list(job.episodes),
    }


@router.get("/jobs", response_model=schemas.JobList, responses=schemas.PROBLEMS)
async def jobs(house: House_) -> Response:
    """All jobs, the newest first."""
    return as_json({"jobs": [view(house, job) for job in house.runner.all()]})


@router.post("/jobs", response_model=schemas.JobView, responses=schemas.with_problems(409))
async def order(house: House_, given: Annotated[taken.Order, Body()]) -> Response:
    """Scan a folder, or find the intros of uploads; the same work is not done twice at once."""
    if given.kind == "scan":
        job = Job.new("scan", {"root": house.roots.get(given.root or "").id})
    else:
        wanted = [house.uploads.get(id) for id in dict.fromkeys(given.uploads or ())]
        if any(upload.state != "ready" for upload in wanted):
            raise RequestError(409, "Not all of these files are here yet.", "Wait for them.")
        job = Job.new("detect", {"uploads": [upload.id for upload in wanted]})
    return as_json(view(house, await house.runner.submit(job)))


@router.get("/jobs/{id}", response_model=schemas.JobView, responses=schemas.PROBLEMS)
async def job(house: House_, id: Id) -> Response:
    """A job."""
    return as_json(view(house, house.runner.get(id)))


@router.post("/jobs/{id}/cancel", response_model=schemas.JobView, responses=schemas.PROBLEMS)
async def cancel(house: House_, id: Id) -> Response:
    """Stop a job; what it has done so far is kept."""
    return as_json(view(house, await house.runner.cancel(id)))


@router.post(
    "/jobs/{id}/retry", response_model=schemas.JobView, responses=schemas.with_problems(409)
)
async def retry(house: House_, id: Id) -> Response:
    """Do a job again that failed or was cancelled."""
    return as_json(view(house, await house.runner.retry(id)))


@router.get("/events", response_class=EventSourceResponse, responses=schemas.PROBLEMS)
async def events(house: House_) -> AsyncIterator[ServerSentEvent]:
    """Each job as it changes, at most four times a second; first all that there are."""
    lang, seen = language(), 0
    yield ServerSentEvent(comment="jobs")
    for each in reversed(house.runner.all()):
        yield _event(house, each, lang)
    seen = house.runner.moment
    while not house.runner.closed:
        seen, changed = await house.runner.changes(seen)
        for each in changed:
            yield _event(house, each, lang)
        await asyncio.sleep(_PACE)


def _event(house: House, job: Job, lang: str) -> ServerSentEvent:
    with speaking(lang):
        return ServerSentEvent(event="job", raw_data=json.dumps(view(house, job)))
