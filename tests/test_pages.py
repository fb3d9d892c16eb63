"""The pages in a browser, with the server as people start it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from browsing import HOSTILE, PATIENCE, SPECS, Server, Shelf, opened, serving

pytestmark = pytest.mark.browser

TITLE = SPECS[0].name
expect.set_options(timeout=PATIENCE)


def kept(server: Server, number: int) -> tuple[str, list[tuple[float, float]], bool]:
    """Id, intros and lock of an episode, as the server has them."""
    one = next(e for e in server.season(TITLE)["episodes"] if e["number"] == number)
    intros = [(s["start"], s["end"]) for s in one["segments"] if s["type"] == "intro"]
    return one["id"], intros, one["locked"]


def edge(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=f"{name} of the intro")


def value(handle: Locator) -> float:
    return float(handle.get_attribute("aria-valuenow") or "nan")


def test_files_are_sent_searched_and_answered(
    browser: Browser,
    shelf: Shelf,
    tmp_path: Path,
) -> None:
    files = sorted((shelf.folder / TITLE).glob("*.mkv"))[:2]
    with (
        serving(shelf, tmp_path / "s", empty=True) as server,
        opened(browser, server.url) as page,
    ):
        assert len(files) == 2
        empty = page.get_by_role("heading", name="Nothing searched yet")
        expect(empty).to_be_visible()
        page.set_input_files("#files", files)
        search = page.locator(".search").first
        # told by the server's events; a search is of low priority, and starts slowly where a
        # machine is busy
        expect(search.get_by_role("progressbar")).to_be_visible(timeout=120_000)
        expect(search.locator(".verdict")).to_have_count(2, timeout=120_000)
        for verdict in search.locator(".verdict").all():
            expect(verdict).to_contain_text(
                re.compile(r"Intro found: \d:\d\d\.\d\d – .* \(8\.0\d\ss\)")
            )
        start, _ = kept_times(search.locator(".verdict").first)
        search.get_by_role("button", name="Hear the start").first.click()
        video = page.locator("video").first
        page.wait_for_function("() => document.querySelector('video').currentTime > 0")
        assert video.evaluate("v => v.currentTime") == pytest.approx(max(0.0, start - 3), abs=1.5)
        search.get_by_role("link", name="Open the episode").first.click()
        expect(edge(page, "Start")).to_be_visible()
        assert value(edge(page, "Start")) == pytest.approx(start, abs=0.01)


def test_a_dropped_file_that_is_no_video_is_refused_in_words(
    browser: Browser, shelf: Shelf, tmp_path: Path
) -> None:
    drop = """() => {
        const data = new DataTransfer();
        data.items.add(new File(['<h1>not a film</h1>'], '<b>film.mkv', {type: 'video/webm'}));
        const zone = document.querySelector('.drop');
        for (const kind of ['dragenter', 'dragover', 'drop'])
            zone.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true}));
    }"""
    with (
        serving(shelf, tmp_path / "s", empty=True) as server,
        opened(browser, server.url) as page,
    ):
        page.evaluate(drop)
        row = page.locator(".file.refused")
        expect(row).to_contain_text("<b>film.mkv")
        expect(row).to_contain_text("is no video")
        assert page.locator(".search").count() == 0
        row.get_by_role("button", name=re.compile("^Remove")).click()
        expect(page.locator(".file")).to_have_count(0)


def kept_times(verdict: Locator) -> tuple[float, float]:
    found = re.findall(r"(\d+):(\d\d\.\d\d)", verdict.inner_text())
    start, end = (60 * int(m) + float(s) for m, s in found)
    return start, end


def test_an_upload_that_broke_off_goes_on_where_it_was(
    browser: Browser,
    shelf: Shelf,
    tmp_path: Path,
) -> None:
    """The connection breaks in the middle; then the page itself is loaded anew."""
    film = tmp_path / "Film.mkv"
    whole = sorted((shelf.folder / TITLE).glob("*.mkv"))[0].read_bytes()
    # EBML allows what is unknown to stand at the end; three parts of a MiB
    film.write_bytes(whole + bytes((3 << 20) - len(whole)))
    sent: list[int] = []
    with (
        serving(shelf, tmp_path / "s", empty=True) as server,
        opened(browser, server.url, expected=("ERR_", "/uploads/")) as page,
    ):

        def breaking(route, request) -> None:  # type: ignore[no-untyped-def]
            if request.method != "PUT":
                route.continue_()
                return
            sent.append(int(request.headers["upload-offset"]))
            if len(sent) > 1:
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/api/v1/uploads/*", breaking)
        page.set_input_files("#files", film)
        expect(page.get_by_text("The connection broke off")).to_be_visible()
        assert sent[:2] == [0, 1 << 20]
        page.once("dialog", lambda dialog: dialog.accept())  # "leave the page?"
        page.reload()
        expect(page.get_by_role("heading", name="Not sent to the end")).to_be_visible()
        page.unroute("**/api/v1/uploads/*")
        again: list[int] = []
        page.on(
            "request",
            lambda r: again.append(int(r.headers["upload-offset"])) if r.method == "PUT" else None,
        )
        page.set_input_files("#files", film)
        expect(page.get_by_text("received").or_(page.locator(".search")).first).to_be_visible()
        assert again[0] == 1 << 20


def test_an_edge_that_is_dragged_is_kept_and_exported(
    browser: Browser,
    server: Server,
) -> None:
    id, [(start, end)], locked = kept(server, 2)
    assert not locked
    address = f"{server.url}/#/episode/{id}"
    going = ("ERR_", "/curves", "/peaks", "/filmstrip")  # asked for while the server goes down
    with opened(browser, address, expected=going) as page:
        handle = edge(page, "Start")
        box = handle.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] + 40, box["y"] + 20, steps=5)
        page.mouse.up()
        expect(page.get_by_text("Saved.")).to_be_visible()
        moved = value(edge(page, "Start"))
        assert moved > start + 0.2
        assert kept(server, 2) == (id, [(moved, end)], True)
        expect(page.locator(".panel .badge").first).to_have_text("Confirmed")
        page.reload()
        assert value(edge(page, "Start")) == moved
        server.stop()
        server.start()
        page.reload()
        assert value(edge(page, "Start")) == moved
        found = server.get(f"/episodes/{id}/export?format=json")
        assert found["episodes"][0]["segments"][0]["start"] == moved
        page.get_by_role("button", name="Undo").first.click()
        expect(page.get_by_text("Undone.")).to_be_visible()
        assert kept(server, 2) == (id, [(start, end)], False)


def test_edges_are_moved_by_keys_to_the_frame(
    browser: Browser,
    server: Server,
) -> None:
    id, [(start, _)], _ = kept(server, 4)
    with opened(browser, f"{server.url}/#/episode/{id}") as page:
        handle = edge(page, "Start")
        handle.focus()
        page.keyboard.press("ArrowRight")
        assert value(handle) == pytest.approx(start + 1 / 12, abs=0.045)  # twelve frames a second
        page.keyboard.press("Shift+ArrowRight")
        assert value(handle) == pytest.approx(start + 1 + 1 / 12, abs=0.045)
        assert "second" in (handle.get_attribute("aria-valuetext") or "")
        expect(page.get_by_text("Saved.")).to_be_visible()
        page.locator("h1").focus()
        here = value(edge(page, "Start"))
        page.keyboard.press(".")
        page.keyboard.press(".")
        russian = "new KeyboardEvent('keydown', {key: 'х', code: 'BracketLeft', bubbles: true})"
        page.evaluate(f"document.body.dispatchEvent({russian})")
        assert value(edge(page, "Start")) == pytest.approx(here + 2 / 12, abs=0.045)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Delete")
        expect(page.get_by_text("No intro is marked")).to_be_visible()
        page.keyboard.press("i")
        expect(edge(page, "Start")).to_be_visible()
        page.evaluate("location.hash = '#/library'")  # what is not saved yet is saved on the way
        expect(page.get_by_role("heading", name="Library")).to_be_visible()
        page.wait_for_timeout(300)
        assert kept(server, 4)[2]


def test_a_time_is_typed_and_nonsense_is_not_taken(
    browser: Browser,
    server: Server,
) -> None:
    id, [(start, end)], _ = kept(server, 5)
    with opened(browser, f"{server.url}/#/episode/{id}") as page:
        field = page.get_by_role("textbox", name="End of the intro")
        field.fill("soon")
        field.press("Tab")
        expect(field).to_have_attribute("aria-invalid", "true")
        field.fill(f"{start - 1:.2f}")  # before the start: refused, not bent to a frame
        field.press("Tab")
        expect(field).to_have_attribute("aria-invalid", "true")
        assert kept(server, 5)[1][0] == pytest.approx((start, end), abs=0.001)
        field.fill(f"{end + 1:.2f}".replace(".", ","))
        field.press("Tab")
        expect(page.get_by_text("Saved.")).to_be_visible()
        assert kept(server, 5)[1][0] == pytest.approx((start, end + 1), abs=0.05)


def test_a_correction_is_applied_to_the_season(
    browser: Browser,
    server: Server,
) -> None:
    before = {n: kept(server, n)[1] for n in (1, 2, 4)}
    id = kept(server, 1)[0]
    with opened(browser, f"{server.url}/#/episode/{id}") as page:
        edge(page, "End").focus()
        page.keyboard.press("Shift+ArrowLeft")
        page.get_by_role("button", name="Apply to season").click()
        dialog = page.get_by_role("dialog", name="Apply to the season")
        by = float(dialog.get_by_label("End, seconds").input_value())
        assert by == pytest.approx(-1, abs=0.05)
        dialog.get_by_role("checkbox").first.uncheck()  # episode 2 is left out
        dialog.get_by_role("button", name=re.compile("Move 7 episodes")).click()
        expect(page.get_by_text("7 episodes were changed.")).to_be_visible()
    assert kept(server, 2)[1] == before[2]
    assert kept(server, 4)[1][0] == pytest.approx((before[4][0][0], before[4][0][1] + by), abs=0.01)


def test_two_people_who_edit_the_same_get_to_choose(
    browser: Browser,
    server: Server,
) -> None:
    id, _, _ = kept(server, 6)
    address, expected = f"{server.url}/#/episode/{id}", ("412",)
    with (
        opened(browser, address, expected=expected) as one,
        opened(browser, address, expected=expected) as other,
    ):
        edge(other, "Start").focus()  # both have read the same version
        edge(one, "Start").focus()
        one.keyboard.press("Shift+ArrowRight")
        expect(one.get_by_text("Saved.")).to_be_visible()
        theirs = kept(server, 6)[1]
        edge(other, "End").focus()
        other.keyboard.press("Shift+ArrowLeft")
        dialog = other.get_by_role("dialog", name="Somebody else changed this episode")
        expect(dialog).to_be_visible()
        expect(dialog.get_by_role("heading", name="Yours")).to_be_visible()
        assert len(dialog.locator(".version strong").all_inner_texts()) == 2
        assert serious(other) == []
        assert kept(server, 6)[1] == theirs  # nothing is overwritten before one has chosen
        dialog.get_by_role("button", name="Save mine").click()
        expect(other.get_by_text("Saved.")).to_be_visible()
        mine = kept(server, 6)[1]
        assert mine != theirs
        edge(one, "Start").focus()
        one.keyboard.press("Shift+ArrowRight")
        expect(one.get_by_role("dialog")).to_be_visible()
        wanted = value(edge(one, "Start"))
        expect(one.get_by_text("Yours starts 2.00")).to_contain_text("later and ends")
        one.get_by_role("button", name="Leave what is kept").click()
        expect(edge(one, "Start")).to_have_attribute("aria-valuenow", f"{mine[0][0]:.3f}")
        assert kept(server, 6)[1] == mine
        one.get_by_role("button", name="Save mine after all").click()
        expect(one.get_by_text("Saved.")).to_be_visible()
        assert kept(server, 6)[1][0][0] == wanted


def test_ten_episodes_are_reviewed_by_keys_alone(
    browser: Browser,
    server: Server,
) -> None:
    queue = server.get("/review?limit=50")["episodes"]
    assert len(queue) >= 10
    with opened(browser, f"{server.url}/#/review") as page:
        done: dict[str, str] = {}
        for turn in range(10):
            link = page.get_by_role("link", name="Open the episode")
            expect(link).to_be_visible()
            id = (link.get_attribute("href") or "").rsplit("/", 1)[1]
            assert id not in done
            found = page.get_by_role("slider").count() > 0
            if found and turn % 3 == 1:
                page.keyboard.press("1")  # hear the start, stop, two frames on, that is it
                page.keyboard.press(" ")
                page.keyboard.press(".")
                page.keyboard.press("[")
                page.keyboard.press("c")
                done[id] = "correct"
            elif turn % 3 == 2:
                page.keyboard.press("n")
                done[id] = "none"
            else:
                page.keyboard.press("a")
                done[id] = "accept"
            expect(page.locator(f'a[href="#/episode/{id}"]')).to_have_count(0)
        assert set(done.values()) == {"correct", "none", "accept"}
        before = {one["id"]: one for one in queue}
        for id, how in done.items():
            now = server.get(f"/episodes/{id}")
            assert now["locked"]
            spans = [(s["start"], s["end"]) for s in now["segments"] if s["type"] == "intro"]
            old = [(s["start"], s["end"]) for s in before[id]["segments"] if s["type"] == "intro"]
            assert (spans == []) if how == "none" else (spans == old) == (how == "accept")
        page.keyboard.press("u")  # the last one comes back
        expect(page.locator(f'a[href="#/episode/{id}"]')).to_have_count(1)
        assert not server.get(f"/episodes/{id}")["locked"]


def test_the_language_is_switched_and_kept(
    browser: Browser,
    reading: Server,
) -> None:
    with opened(browser, f"{reading.url}/#/library", locale="ru-RU") as page:
        expect(page.get_by_role("heading", name="Библиотека")).to_be_visible()
        expect(page.get_by_text("10 серий")).to_be_visible()
        expect(page.get_by_text("2 серии")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "ru"
        page.get_by_label("Язык").select_option("en")
        expect(page.get_by_role("heading", name="Library")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Library")).to_be_visible()
        id = kept(reading, 1)[0]
        page.goto(f"{reading.url}/#/episode/{id}")
        expect(page.get_by_text("repeats in")).to_be_visible()
        page.get_by_label("Language").select_option("ru")
        expect(page.get_by_text("повторяется в")).to_be_visible()  # the server follows


def test_colours_follow_the_system_until_one_chooses(
    browser: Browser,
    reading: Server,
) -> None:
    with opened(browser, reading.url, color_scheme="dark") as page:
        shade = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] < 90"
        assert page.evaluate(shade)
        page.get_by_role("button", name="Colours: as the system").click()
        assert not page.evaluate(shade)
        page.reload()
        expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
        assert not page.evaluate(shade)


def visited(page: Page, server: Server) -> Iterator[str]:
    """Each page in turn, when what it shows is there."""
    season = server.season(TITLE)["id"]
    episode = kept(server, 1)[0]
    names = ["find", "library", "review", "jobs", "exports"]
    for path in [*names, f"season/{season}", f"episode/{episode}"]:
        page.goto(f"{server.url}/#/{path}")
        shown = page.locator(f".page-{path.split('/')[0]}")
        shown.locator("h1").wait_for()
        shown.locator(".timeline, .card, .chart, .drop").first.wait_for()
        yield path


@pytest.mark.parametrize(("width", "height"), [(360, 740), (3840, 2160)], ids=["phone", "4K"])
def test_no_page_is_wider_than_the_screen(
    browser: Browser, reading: Server, width: int, height: int
) -> None:
    size = {"width": width, "height": height}
    with opened(browser, reading.url, viewport=size, locale="ru") as page:
        for path in visited(page, reading):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            small = page.evaluate(
                """() => [...document.querySelectorAll('main a.button, main button')]
                    .filter((b) => b.offsetWidth && Math.min(b.offsetWidth, b.offsetHeight) < 24)
                    .length"""
            )
            assert small == 0, path


def serious(page: Page) -> list[object]:
    """What axe-core holds against a page; it runs beside the page's own policy."""
    found = Axe().run(page).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["target"] for node in one["nodes"]][:5]) for one in bad]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, reading: Server, scheme: str) -> None:
    with opened(browser, reading.url, color_scheme=scheme) as page:
        for path in visited(page, reading):
            assert serious(page) == [], path
        page.get_by_role("button", name="Apply to season").click()
        assert serious(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        assert serious(page) == []


def test_the_first_page_is_small(
    browser: Browser,
    reading: Server,
) -> None:
    with opened(browser, reading.url, locale="ru") as page:
        page.wait_for_load_state("load")
        expect(page.get_by_role("heading", name="Найти заставку")).to_be_visible()
        moved = page.evaluate(
            """() => ['navigation', 'resource'].flatMap((t) => performance.getEntriesByType(t))
                .reduce((sum, entry) => sum + entry.transferSize, 0)"""
        )
        assert 5_000 < moved < 100_000
        elsewhere = page.evaluate(
            """() => performance.getEntriesByType('resource')
                .map((entry) => new URL(entry.name).origin).filter((o) => o !== location.origin)"""
        )
        assert elsewhere == []


def test_names_are_shown_as_they_are(
    browser: Browser,
    reading: Server,
) -> None:
    season = reading.season("Гавань")
    title, name = season["series"]["title"], season["episodes"][0]["name"]
    assert HOSTILE in name
    with opened(browser, f"{reading.url}/#/library") as page:
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        for path in (f"season/{season['id']}", f"episode/{season['episodes'][0]['id']}", "review"):
            page.goto(f"{reading.url}/#/{path}")
            expect(page.get_by_text("onerror").first).to_be_attached()
            assert page.locator("main img[src=x], main b, main h1 img").count() == 0
            assert page.title() != "owned"


def test_a_season_shows_its_state_in_words_too(
    browser: Browser,
    reading: Server,
) -> None:
    season = reading.season(TITLE)
    with opened(browser, f"{reading.url}/#/season/{season['id']}") as page:
        rows = page.locator(".season-chart tbody tr")
        expect(rows).to_have_count(10)
        expect(page.locator(".badge", has_text="No intro")).to_have_count(1)
        page.get_by_text("By number").click()
        assert rows.locator(".number").all_inner_texts() == [str(n) for n in range(1, 11)]
        page.get_by_text("Whole episodes").click()
        rows.nth(4).locator(".bars").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("5.")


def test_exports_are_downloaded_and_written_beside(
    browser: Browser,
    shelf: Shelf,
    reading: Server,
) -> None:
    season = reading.season(TITLE)
    with opened(browser, f"{reading.url}/#/exports/{season['id']}") as page:
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download as edl").click()
        assert Path(waiting.value.path()).read_bytes()[:2] == b"PK"
        page.get_by_role("checkbox", name=re.compile("^edl")).check()
        page.get_by_role("button", name="Write beside the videos").click()
        expect(page.get_by_text("9 files were written.")).to_be_visible()
    written = sorted((shelf.folder / TITLE).glob("*.edl"))
    assert len(written) == 9
    for path in written:
        path.unlink()


def test_a_scan_is_started_and_told_about(
    browser: Browser,
    reading: Server,
) -> None:
    with opened(browser, f"{reading.url}/#/jobs") as page:
        page.get_by_role("button", name="Scan").click()
        expect(page.locator(".job").first).to_contain_text("done", timeout=120_000)
        assert reading.get("/jobs")["jobs"][0]["state"] == "done"


def test_a_server_that_is_gone_is_said_and_a_token_is_asked_for(
    browser: Browser,
    shelf: Shelf,
    tmp_path: Path,
) -> None:
    with (
        serving(shelf, tmp_path / "s", token=True) as server,
        opened(browser, server.url, expected=("401", "ERR_")) as page,
    ):
        assert serious(page) == []
        page.get_by_label("Access token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Access token").fill(server.token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Find the intro")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Access token")).to_be_visible()
        page.get_by_label("Access token").fill(server.token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Find the intro")).to_be_visible()
        server.stop()
        page.get_by_role("link", name="Library").click()
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        server.start()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="Library")).to_be_visible()
