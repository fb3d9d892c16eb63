"""A server of a test's own, as people start it, and a browser that complains of everything."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.request import Request, urlopen

import pytest

from season import zastavka
from zastavka.compose import SeriesSpec, compose

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

# what somebody might call a file to be nasty
HOSTILE = "<img src=x onerror=document.title='owned'>"
SPECS = (
    SeriesSpec(
        name="Дом «на углу»", seed=5, episodes=10, body=24, theme=8, fps=12, size=(96, 54),
        without=(3,),
    ),
    SeriesSpec(
        name="<b>Гавань & \"S\"", seed=8, episodes=2, body=20, theme=6, fps=12, size=(96, 54)
    ),
)  # fmt: skip

CHROMIUM = os.environ.get("ZASTAVKA_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 20_000  # ms that a page may take on a machine that is busy


@dataclass(frozen=True)
class Shelf:
    """A scanned library: its folder, the catalog that a scan wrote, what was read."""

    folder: Path
    catalog: Path
    cache: Path


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    place = tmp_path_factory.mktemp("shelf")
    made = Shelf(place / "Сериалы", place / "catalog.sqlite3", place / "cache")
    compose(SPECS, made.folder, workers=1)
    for path in (made.folder / SPECS[1].name).glob("*.mkv"):
        path.rename(path.with_stem(f"{path.stem} {HOSTILE}"))
    with mock.patch.dict(os.environ, {"ZASTAVKA_CACHE": str(made.cache), "LC_ALL": "C.UTF-8"}):
        answer = zastavka("scan", made.folder, "--catalog", made.catalog)
    assert answer.code == 0, answer.err
    return made


@dataclass
class Server:
    """`zastavka serve` in a process; it can be ended and started again on the same port."""

    folder: Path
    home: Path
    cache: Path
    port: int = 0
    asks_token: bool = False
    token: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = [sys.executable, "-m", "zastavka", "serve", str(self.folder)]
        words += ["--catalog", str(self.home / "catalog.sqlite3"), "--port", str(self.port)]
        words += ["--token"] if self.asks_token else []
        # what it prints goes to a file, so that no full pipe ever stops it
        with (self.home / "log").open("w") as log:
            self.process = subprocess.Popen(
                words, stdout=log, stderr=subprocess.STDOUT, text=True,
                env={**os.environ, "ZASTAVKA_CACHE": str(self.cache), "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not (found := re.search(r":(\d+)/$", self.log.strip())):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)
        self.port = int(found[1])
        if printed := re.search(r"Token, shown this once: (\S+)", self.log):
            self.token = printed[1]

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def get(self, path: str) -> Any:
        with urlopen(f"{self.url}/api/v1{path}") as answer:
            return json.load(answer)

    def put(self, path: str, body: bytes, version: str) -> int:
        headers = {"Content-Type": "application/json", "If-Match": f'"{version}"'}
        request = Request(f"{self.url}/api/v1{path}", body, headers, method="PUT")
        with urlopen(request) as answer:
            return int(answer.status)

    def season(self, title: str) -> Any:
        for series in self.get("/series")["series"]:
            if title in series["title"]:
                return self.get(f"/seasons/{series['seasons'][0]['id']}")
        raise AssertionError(f"no series {title}")


@contextmanager
def serving(shelf: Shelf, home: Path, empty: bool = False, token: bool = False) -> Iterator[Server]:
    """A server over a library that nobody has corrected yet, or over none."""
    home.mkdir(exist_ok=True)
    folder = home / "nothing" if empty else shelf.folder
    folder.mkdir(exist_ok=True)
    if not empty:
        shutil.copy(shelf.catalog, home / "catalog.sqlite3")
    server = Server(folder, home, shelf.cache, asks_token=token)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(shelf: Shelf, tmp_path: Path) -> Iterator[Server]:
    with serving(shelf, tmp_path / "server") as made:
        yield made


@pytest.fixture(scope="session")
def reading(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests that correct nothing."""
    with serving(shelf, tmp_path_factory.mktemp("reading")) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}; ZASTAVKA_CHROMIUM names another")
    from playwright.sync_api import sync_playwright  # only where a test asks for it

    with sync_playwright() as tools:
        started = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@contextmanager
def opened(
    browser: Browser, url: str, *, expected: tuple[str, ...] = (), **context: Any
) -> Iterator[Page]:
    """A page at an address. At the end it must not have complained, but for what is expected."""
    surroundings: dict[str, Any] = {"locale": "en", "viewport": {"width": 1280, "height": 800}}
    made = browser.new_context(**{**surroundings, **context})
    page = made.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} {message.location.get('url', '')}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    page.locator("h1").first.wait_for()
    try:
        yield page
    finally:
        made.close()
    strange = [line for line in complaints if not any(part in line for part in expected)]
    assert not strange, strange
