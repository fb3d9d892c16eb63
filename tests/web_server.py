"""A server for tests: the real application on a composed season, in this process or in another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
from fastapi import FastAPI

from season import Series, zastavka
from zastavka.web.app import Setup, build
from zastavka.web.server import Server, listening

RAW = {"content-type": "application/octet-stream"}
API = "/api/v1"


@dataclass(frozen=True)
class Scanned:
    """A season that was scanned, with its catalog and cache; all three are only read."""

    folder: Path
    catalog: Path
    cache: Path


@pytest.fixture(scope="session")
def scanned(series: Series, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    place = tmp_path_factory.mktemp("scanned")
    found = Scanned(series.files[0].parent, place / "catalog.sqlite3", place / "cache")
    variables = {"ZASTAVKA_CATALOG": str(found.catalog), "ZASTAVKA_CACHE": str(found.cache)}
    with mock.patch.dict(os.environ, variables):
        assert zastavka("scan", found.folder).code == 0
        setup = Setup(folders=(found.folder,), catalog=found.catalog, data=place / "data")
        with answering(build(setup)) as client:  # so that no test has to look at the files again
            for episode in season_of(client)["episodes"]:
                client.get(f"/episodes/{episode['id']}")
    return found


@pytest.fixture
def kept(scanned: Scanned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """A setup with a catalog and a cache of its own, in which the season is known."""
    data = tmp_path / "data"
    data.mkdir()
    catalog = Path(shutil.copy2(scanned.catalog, data / "catalog.sqlite3"))
    shutil.copytree(scanned.cache, data / "cache")
    monkeypatch.setenv("ZASTAVKA_CACHE", str(data / "cache"))
    monkeypatch.setenv("ZASTAVKA_CATALOG", str(catalog))
    return Setup(folders=(scanned.folder,), catalog=catalog, data=data / "server", hands=1)


@contextmanager
def answering(app: FastAPI, **headers: str) -> Iterator[httpx.Client]:
    """The application on a port, in a thread of this process."""
    at = listening("127.0.0.1", 0)
    address = f"http://127.0.0.1:{at.getsockname()[1]}"
    server = Server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [at]}, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    assert server.started
    try:
        with httpx.Client(base_url=address + API, timeout=60, headers=headers) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)
        at.close()
        assert not thread.is_alive()


@pytest.fixture
def client(kept: Setup) -> Iterator[httpx.Client]:
    """Someone who asks a server about the season."""
    with answering(build(kept)) as client:
        yield client


@contextmanager
def process(setup: Setup, *words: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """`zastavka serve` in a process of its own, which is killed in the end."""
    command = [
        sys.executable, "-m", "zastavka", "serve", *map(str, setup.folders), "--port", "0",
        "--catalog", str(setup.catalog), "--data", str(setup.data), *words,
    ]  # fmt: skip
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr is not None
        found = None
        while not found:
            line = child.stderr.readline()
            assert line, "it ended before it was ready"
            found = re.search(r"http://\S+", line)
        with closing(httpx.Client(base_url=found[0] + API[1:], timeout=60)) as client:
            yield client, child
    finally:
        child.kill()
        child.wait()
        if child.stderr:
            child.stderr.close()


def until(done: Callable[[], Any], seconds: float = 60) -> Any:
    """What `done` gives once it gives something."""
    end = time.monotonic() + seconds
    while not (value := done()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return value


def season_of(client: httpx.Client) -> dict[str, Any]:
    """The document of the only season with a number."""
    [series] = client.get("/series").json()["series"]
    [season] = series["seasons"]
    document: dict[str, Any] = client.get(f"/seasons/{season['id']}").json()
    return document


def job_over(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """A job once it is over."""

    def over() -> dict[str, Any] | None:
        now: dict[str, Any] = client.get(f"/jobs/{job['id']}").json()
        return now if now["state"] in ("done", "failed", "cancelled") else None

    found: dict[str, Any] = until(over)
    return found


def uploaded(client: httpx.Client, name: str, data: bytes, **more: Any) -> dict[str, Any]:
    """An upload once it was looked at."""
    made = client.post("/uploads", json={"name": name, "size": len(data), **more}).json()
    sent = client.put(f"/uploads/{made['id']}", content=data, headers={**RAW, "upload-offset": "0"})
    assert sent.status_code == 200, sent.text

    def checked() -> dict[str, Any] | None:
        now: dict[str, Any] = client.get(f"/uploads/{made['id']}").json()
        return now if now["state"] in ("ready", "refused") else None

    found: dict[str, Any] = until(checked)
    return found
