"""What a player of the pages shows: the very frame it says, of the file or of its copy."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import PATIENCE, Shelf, opened, serving
from media_files import HEIGHT, WIDTH, Film, Tone, number_of, write
from season import zastavka

pytestmark = pytest.mark.browser

SECONDS, RATE = 12, 24
expect.set_options(timeout=PATIENCE)

PICTURE = f"""() => {{
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [{WIDTH}, {HEIGHT}];
    const pen = canvas.getContext('2d');
    pen.drawImage(document.querySelector('video'), 0, 0, {WIDTH}, {HEIGHT});
    return [...pen.getImageData(0, 0, {WIDTH}, {HEIGHT}).data];
}}"""


def shelf_of(film: Film, place: Path) -> Shelf:
    shelf = Shelf(place / "library", place / "catalog.sqlite3", place / "cache")
    (shelf.folder / "Lone").mkdir(parents=True)
    write(shelf.folder / "Lone" / "S01E01.mkv", film)
    with mock.patch.dict(os.environ, {"ZASTAVKA_CACHE": str(shelf.cache)}):
        assert zastavka("scan", shelf.folder, "--catalog", shelf.catalog).code == 0
    return shelf


def shown(page: Page) -> int:
    """The number that the picture on the screen carries."""
    page.wait_for_function("() => !document.querySelector('video').seeking")
    pixels = np.array(page.evaluate(PICTURE), np.uint8).reshape(HEIGHT, WIDTH, 4)
    return number_of(np.ascontiguousarray(pixels[..., :3]))


def said(page: Page) -> float:
    minutes, seconds = page.locator(".readout").inner_text().split(" / ")[0].split(":")
    return 60 * int(minutes) + float(seconds)


def film(codec: str, sound: str) -> Film:
    times = tuple(i / RATE for i in range(SECONDS * RATE))
    return Film(times=times, codec=codec, tones=(Tone(seconds=SECONDS, codec=sound),), rate=RATE)


def step_through(page: Page) -> None:
    """Frames by keys, on and back: each is the one that the time names."""
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
    numbers = []
    for key in [*"....", "l", *"..", *",,,"]:
        page.keyboard.press(key)
        numbers.append(shown(page))
        assert said(page) == pytest.approx(numbers[-1] / RATE, abs=0.006)
    assert numbers == [1, 2, 3, 4, 124, 125, 126, 125, 124, 123]


def test_a_frame_further_is_one_frame_further(browser: Browser, tmp_path: Path) -> None:
    shelf = shelf_of(film("libx264", "aac"), tmp_path)
    with serving(shelf, tmp_path / "s") as server:
        id = server.season("Lone")["episodes"][0]["id"]
        with opened(browser, f"{server.url}/#/episode/{id}") as page:
            step_through(page)
            page.keyboard.press("i")
            start = page.get_by_role("slider", name="Start of the intro")
            expect(start).to_have_attribute("aria-valuenow", f"{123 / RATE:.3f}")


def test_what_a_browser_cannot_play_gets_a_copy_that_it_can(
    browser: Browser, tmp_path: Path
) -> None:
    shelf = shelf_of(film("mpeg4", "ac3"), tmp_path)
    with serving(shelf, tmp_path / "s") as server:
        id = server.season("Lone")["episodes"][0]["id"]
        with opened(browser, f"{server.url}/#/episode/{id}") as page:
            expect(page.get_by_text("Browsers can’t play this file")).to_be_visible()
            page.get_by_role("button", name="Make a copy").click()
            expect(page.locator("video")).to_be_visible(timeout=120_000)
            step_through(page)
            page.reload()
            expect(page.locator("video")).to_be_visible()
