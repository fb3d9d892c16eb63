"""Calls about the server itself: signing in and out, health, metrics."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from starlette.responses import PlainTextResponse

import zastavka
from zastavka.i18n import LANGUAGES
from zastavka.web import schemas, taken
from zastavka.web.house import House_, as_json
from zastavka.web.shield import COOKIE, Shield, cookie_of

router = APIRouter()


@router.get("/session", response_model=schemas.Session, responses=schemas.PROBLEMS)
async def session(house: House_, request: Request) -> Response:
    """Whether a token is needed, and whether the asker has signed in."""
    needed = house.access.needed
    signed = not needed or house.access.is_session(cookie_of(dict(request.headers)))
    return as_json(_session(needed, signed))


@router.post("/session", response_model=schemas.Session, responses=schemas.PROBLEMS)
async def sign_in(
    house: House_, request: Request, given: Annotated[taken.Token, Body()]
) -> Response:
    """Sign in with the token that the server printed; a cookie says so from then on."""
    if not house.access.needed:
        return as_json(_session(False, True))
    shield: Shield = request.app.state.shield
    shield.check_token(request.scope, given.token)
    secret = await asyncio.to_thread(house.access.sign_in)
    answer = as_json(_session(True, True))
    answer.set_cookie(
        COOKIE, secret, max_age=90 * 86400, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


@router.delete("/session", response_model=schemas.Session, responses=schemas.PROBLEMS)
async def sign_out(house: House_, request: Request) -> Response:
    """End the session."""
    await asyncio.to_thread(house.access.sign_out, cookie_of(dict(request.headers)))
    answer = as_json(_session(house.access.needed, not house.access.needed))
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.get("/health", response_model=schemas.Health, responses=schemas.PROBLEMS)
async def health() -> Response:
    """That the server runs."""
    return as_json({"status": "ok", "version": zastavka.__version__})


@router.get("/metrics", response_class=PlainTextResponse, responses=schemas.PROBLEMS)
async def metrics(house: House_, request: Request) -> Response:
    """Figures for Prometheus."""
    shield: Shield = request.app.state.shield
    held = await house.keeper.holdings()
    states = Counter(episode.state for episode in held.episodes.values())
    jobs = Counter(job.state for job in house.runner.all())
    uploads = Counter(upload.state for upload in house.uploads.all())
    lines = [
        *_family("requests_total", "counter", "code", shield.answered),
        *_family("wrong_tokens_total", "counter", "", {"": shield.refused}),
        *_family("episodes", "gauge", "state", states),
        *_family("jobs", "gauge", "state", jobs),
        *_family("uploads", "gauge", "state", uploads),
        *_family("resident_bytes", "gauge", "", {"": _resident()}),
    ]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _family(name: str, kind: str, label: str, values: Mapping[str, int]) -> list[str]:
    head = f"# TYPE zastavka_{name} {kind}"
    rows = (
        f'zastavka_{name}{{{label}="{key}"}} {value}' if label else f"zastavka_{name} {value}"
        for key, value in sorted(values.items())
    )
    return [head, *rows]


def _resident() -> int:
    """Bytes of memory of this process, where the system tells; 0 elsewhere."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def _session(needed: bool, signed_in: bool) -> dict[str, object]:
    return {
        "token_required": needed,
        "signed_in": signed_in,
        "version": zastavka.__version__,
        "languages": list(LANGUAGES),
    }
