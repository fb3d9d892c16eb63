"""What the pages cost a reader: bytes and time of the first one, a season drawn, a decision made.

    PYTHONPATH=tests python benchmarks/pages.py --work DIR [--episodes 50] [--rounds 9]

DIR gets a composed season of so many episodes, scanned once and used again. The server is the real
one, as a command; the browser is a Chromium without a screen. Needs the extras web and dev.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from browsing import CHROMIUM, FLAGS, Server, Shelf, serving
from zastavka.compose import SeriesSpec, compose

TITLE = "Season"
# until what was drawn is on the screen: two frames later at most
DRAWN = """async () => {
    const radio = document.querySelector('input[value=number]');
    const began = performance.now();
    radio.click();
    document.querySelector('.chart').getBoundingClientRect();
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const shown = performance.now() - began;
    const built = performance.getEntriesByName('season-chart').at(-1).duration;
    document.querySelector('input[value=doubt]').click();
    return [built, shown];
}"""
DECIDED = """async (key) => {
    const before = document.querySelector('.desk');
    const began = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    while (!document.querySelector('.desk') || document.querySelector('.desk') === before)
        await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""
MOVED = """() => ['navigation', 'resource'].flatMap((t) => performance.getEntriesByType(t))
    .reduce(([n, bytes], entry) => [n + 1, bytes + entry.transferSize], [0, 0])"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=9)
    a = parser.parse_args()
    shelf = library(a.work, a.episodes)
    with (
        tempfile.TemporaryDirectory(dir=a.work) as home,
        serving(shelf, Path(home)) as server,
        sync_playwright() as tools,
    ):
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for lang in ("en", "ru"):
            first_page(browser, server, lang, a.rounds)
        season(browser, server, a.rounds)
        decisions(browser, server, min(a.rounds, a.episodes - 1))
        browser.close()


def library(work: Path, episodes: int) -> Shelf:
    shelf = Shelf(work / "library", work / "catalog.sqlite3", work / "cache")
    if not shelf.catalog.exists():
        spec = SeriesSpec(
            name=TITLE, seed=3, episodes=episodes, body=24, theme=8, fps=12, size=(96, 54)
        )
        compose([spec], shelf.folder, workers=1)
        subprocess.run(
            [sys.executable, "-m", "zastavka", "scan", shelf.folder, "--catalog", shelf.catalog],
            check=True, env={**os.environ, "ZASTAVKA_CACHE": str(shelf.cache)},
        )  # fmt: skip
    return shelf


def opened(browser: Browser, address: str, lang: str = "en") -> Page:
    page = browser.new_context(locale=lang, viewport={"width": 1280, "height": 800}).new_page()
    page.goto(address)
    page.locator("h1").wait_for()
    return page


def first_page(browser: Browser, server: Server, lang: str, rounds: int) -> None:
    times = []
    for _ in range(rounds):
        page = opened(browser, server.url, lang)
        times.append(page.evaluate("performance.now()"))
        page.wait_for_timeout(500)
        files, bytes = page.evaluate(MOVED)
        page.context.close()
    tell(f"first page, {lang}: {files} files, {bytes / 1000:.1f} KB", times)


def season(browser: Browser, server: Server, rounds: int) -> None:
    id = server.season(TITLE)["id"]
    page = opened(browser, f"{server.url}/#/season/{id}")
    rows = page.locator(".season-chart tbody tr").count()
    built, shown = zip(*(page.evaluate(DRAWN) for _ in range(rounds)), strict=True)
    tell(f"season of {rows}: built", built)
    tell(f"season of {rows}: on the screen", shown)
    page.context.close()


def decisions(browser: Browser, server: Server, rounds: int) -> None:
    page = opened(browser, f"{server.url}/#/review")
    page.locator(".desk").wait_for()
    times = []
    for _ in range(rounds):
        page.wait_for_timeout(700)  # a person looks; the next episode is read meanwhile
        times.append(page.evaluate(DECIDED, "a"))
    tell("from the key to the next episode", times)
    page.context.close()


def tell(what: str, times: Sequence[float]) -> None:
    print(f"{what}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")


if __name__ == "__main__":
    main()
