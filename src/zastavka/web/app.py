"""`build`: the application: the API, the pages, and the shield around both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

import zastavka
from zastavka.web import exporting, library, receiving, showing, signing, working
from zastavka.web.access import Access
from zastavka.web.hands import Hands
from zastavka.web.house import House
from zastavka.web.jobs import Job
from zastavka.web.keeper import Keeper
from zastavka.web.refusing import refuse_by_problems
from zastavka.web.roots import UPLOADS, Roots
from zastavka.web.runner import Runner
from zastavka.web.shield import API, Shield
from zastavka.web.uploads import Uploads

PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a server is started with. `data`: a folder for uploads and who may sign in."""

    folders: tuple[Path, ...]
    catalog: Path
    data: Path
    token: bool = False  # whether it is asked for
    local: bool = True  # whether it listens on this machine alone
    names: frozenset[str] = frozenset()  # host names it may be asked by
    jobs: int = 2  # at once
    hands: int = 2  # children that look at files for those who wait
    largest: int = 50_000_000_000  # bytes of an upload


def build(setup: Setup) -> FastAPI:
    """The application. ZastavkaError: a folder or file it needs can't be used."""
    access = Access(setup.data / "access.json", setup.token)
    roots = Roots(setup.folders, setup.data / "uploads")
    keeper = Keeper(setup.catalog, roots.holds)
    uploads = Uploads(keeper, setup.data / "parts", roots.get(UPLOADS).folder, setup.largest)
    house = House(
        roots=roots, keeper=keeper, access=access, uploads=uploads, hands=Hands(setup.hands),
        runner=Runner(keeper, lambda job: _spec(app, job), setup.jobs),
    )  # fmt: skip
    app = FastAPI(
        title="zastavka", version=zastavka.__version__, lifespan=_lifespan,
        openapi_url=f"{API}/openapi.json", docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.house = house
    api = APIRouter(prefix=API)
    for calls in (library, showing, exporting, working, receiving, signing):
        api.include_router(calls.router)
    app.include_router(api)
    _serve_pages(app)
    refuse_by_problems(app)

    def shielded(inner):  # type: ignore[no-untyped-def]
        app.state.shield = Shield(inner, access, setup.local, setup.names)
        return app.state.shield

    app.add_middleware(shielded)
    return app


async def _spec(app: FastAPI, job: Job) -> dict[str, Any]:
    """What a child is told of a job. RequestError: what it is about is gone."""
    house: House = app.state.house
    spec: dict[str, Any] = {"catalog": str(house.keeper.file)}
    if job.kind == "scan":
        return {**spec, "folder": str(house.roots.get(job.what["root"]).folder)}
    if job.kind == "detect":
        files = [house.uploads.get(id).path for id in job.what["uploads"]]
        return {**spec, "files": [str(file) for file in files if file]}
    held = await house.keeper.holdings()
    file = await house.file_of(held.episode(job.what["episode"]))
    return {**spec, "file": str(file), "place": str(await house.proxy_of(file))}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    house: House = app.state.house
    await house.start()
    try:
        yield
    finally:
        await house.stop()


def _serve_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})

    files = StaticFiles(directory=PAGE)
    app.mount("/static", GZipMiddleware(files, minimum_size=500, compresslevel=5), name="static")
