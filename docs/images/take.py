"""Takes the pictures of the pages: composes a library, serves it, and looks at every page.

PYTHONPATH=tests python docs/images/take.py --work DIR [--output docs/images]

DIR is used again, so that only the first call composes. Needs the extras web and dev, and a
Chromium (`ZASTAVKA_CHROMIUM`, else /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from browsing import CHROMIUM, FLAGS, Server, Shelf, serving
from zastavka.compose import SeriesSpec, compose

SIZE = (480, 270)
SPECS = (
    SeriesSpec(
        name="Северный мост", seed=11, episodes=10, body=70, theme=16, without=(4,), logo=True,
        size=SIZE,
    ),
    SeriesSpec(name="The Long Harbour", seed=5, episodes=6, body=50, theme=9, size=SIZE),
)  # fmt: skip
# episodes 11 on of the first series: each has a theme of its own, so that there is some doubt
STRANGE = (("slow", 32, 11), ("montage", 33, 14), ("graphics", 34, 17))
COLOURS = 256  # of a picture: enough for pages, and a third of the bytes

DESK, PHONE = (1280, 820), (360, 780)


@dataclass(frozen=True)
class Shot:
    """One picture: of a page, in a language and colours; `act` is done before it is taken."""

    name: str
    page: str
    lang: str = "en"
    scheme: str = "light"
    size: tuple[int, int] = DESK
    act: Callable[[Page], None] | None = None


def main() -> None:
    """Take them all, or those that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--only", nargs="*", help="names of pictures")
    a = parser.parse_args()
    shelf = library(a.work)
    with tempfile.TemporaryDirectory(dir=a.work) as home, serving(shelf, Path(home)) as server:
        correct(server)
        with sync_playwright() as tools:
            browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for shot in shots(server, shelf):
                if not a.only or shot.name in a.only:
                    take(browser, server, shot, a.output / f"{shot.name}.png")
            browser.close()


def library(work: Path) -> Shelf:
    """Two series; some episodes of the first are of another kind than the others."""
    shelf = Shelf(work / "Сериалы", work / "catalog.sqlite3", work / "cache")
    if not shelf.catalog.exists():
        compose(SPECS, shelf.folder, workers=1)
        for number, (style, seed, theme) in enumerate(STRANGE, SPECS[0].episodes + 1):
            spec = SeriesSpec(
                name=f"{number}",
                seed=seed,
                episodes=1,
                body=60,
                theme=theme,
                style=style,
                size=SIZE,
            )
            compose([spec], work, workers=1)
            place = shelf.folder / SPECS[0].name / f"S01E{number}.mkv"
            (work / spec.name / "S01E01.mkv").rename(place)
        subprocess.run(
            [sys.executable, "-m", "zastavka", "scan", shelf.folder, "--catalog", shelf.catalog],
            check=True, capture_output=True,
            env={**os.environ, "ZASTAVKA_CACHE": str(shelf.cache)},
        )  # fmt: skip
    return shelf


def correct(server: Server) -> None:
    """What a person would have done before: three episodes confirmed, one of them changed."""
    episodes = server.season(SPECS[0].name)["episodes"]
    for one, by in ((episodes[0], 0.0), (episodes[1], 0.48), (episodes[6], 0.0)):
        spans = [
            {"start": round(s["start"] + by, 3), "end": s["end"]}
            for s in one["segments"] if s["type"] == "intro"
        ]  # fmt: skip
        body = json.dumps({"segments": spans}).encode()
        server.put(f"/episodes/{one['id']}/segments", body, one["version"])


def shots(server: Server, shelf: Shelf) -> list[Shot]:
    """The pictures, in an order that leaves each page as the next one needs it."""
    season = server.season(SPECS[0].name)
    episode = season["episodes"][2]["id"]
    files = sorted((shelf.folder / SPECS[1].name).glob("*.mkv"))[:2]

    def send(page: Page) -> None:
        page.set_input_files("#files", files)
        page.locator(".verdict").nth(1).wait_for(timeout=300_000)

    def drag(page: Page) -> None:
        page.locator(".handle.start").focus()
        page.keyboard.press("Shift+ArrowRight")
        page.locator(".note").wait_for()

    def keys(page: Page) -> None:
        page.keyboard.press("?")

    here, there = f"#/season/{season['id']}", f"#/episode/{episode}"
    return [
        Shot("library", "#/library", "ru"),
        Shot("season", here),
        Shot("season-dark", here, "ru", "dark"),
        Shot("episode", there, act=drag),
        Shot("episode-dark", there, "ru", "dark"),
        Shot("review", "#/review", "ru"),
        Shot("review-dark", "#/review", "en", "dark"),
        Shot("keys", there, "ru", act=keys),
        Shot("exports", f"#/exports/{season['id']}", "ru"),
        Shot("phone-season", here, "ru", size=PHONE),
        Shot("phone-review", "#/review", "en", "dark", PHONE),
        Shot("find", "#/find", act=send),
        Shot("find-dark", "#/find", "ru", "dark"),
        Shot("jobs", "#/jobs", "ru"),
    ]


def take(browser: Browser, server: Server, shot: Shot, place: Path) -> None:
    """Take one picture."""
    width, height = shot.size
    options: dict[str, Any] = {
        "locale": shot.lang, "color_scheme": shot.scheme,
        "viewport": {"width": width, "height": height},
    }  # fmt: skip
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{server.url}/{shot.page}")
    page.locator("h1").wait_for()
    if shot.act:
        shot.act(page)
    if shot.page.startswith(("#/review", "#/episode")):
        page.locator(".curve canvas").first.wait_for()
        page.locator(".film img").first.wait_for()
    page.wait_for_timeout(1500)  # what comes after them
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE).save(place, optimize=True)
    context.close()


if __name__ == "__main__":
    main()
