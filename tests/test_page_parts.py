"""The pages' pure functions, called in a browser, and the rules that all their files keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from browsing import Shelf, opened, serving

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parents[1] / "src" / "zastavka" / "web" / "page"
SOURCES = sorted(PAGE.rglob("*.js"))
LONGEST = 330  # lines of a file


class Call(Protocol):
    def __call__(self, module: str, name: str, *given: Any) -> Any: ...


@pytest.fixture(scope="module")
def page(
    browser: Browser,
    shelf: Shelf,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    home = tmp_path_factory.mktemp("parts")
    with serving(shelf, home) as server, opened(browser, server.url) as found:
        yield found


@pytest.fixture(scope="module")
def call(page: Page) -> Call:
    """A function of a module of the pages, with arguments as JSON."""
    code = "async ([m, f, a]) => (await import(`/static/${m}`))[f](...a)"

    def run(module: str, name: str, *given: Any) -> Any:
        return page.evaluate(code, [module, name, given])

    return run


@pytest.mark.parametrize(
    ("given", "digits", "said"),
    [
        (0, 0, "0:00"), (43.294, 2, "0:43.29"), (59.999, 2, "1:00.00"), (3599.6, 0, "1:00:00"),
        (3725.5, 1, "1:02:05.5"), (-1.25, 2, "-0:01.25"), (-0.001, 2, "0:00.00"),
    ],
)  # fmt: skip
def test_times_are_written_as_players_do(call: Call, given: float, digits: int, said: str) -> None:
    assert call("time.js", "clock", given, digits) == said


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("83", 83), ("1:23.5", 83.5), ("1:23,5", 83.5), (" 1:02:03 ", 3723), ("0:43.", 43),
        ("", None), ("1:60", None), ("1:2:3:4", None), ("-3", None), ("1.5:00", None),
        ("nan", None), ("0x10", None), ("1e3", None),
    ],
)  # fmt: skip
def test_times_are_read_as_people_type_them(call: Call, typed: str, read: float | None) -> None:
    assert call("time.js", "parseClock", typed) == read


@settings(max_examples=40)
@given(st.integers(0, 40_000_00))
def test_a_time_that_is_written_is_read_again(call: Call, hundredths: int) -> None:
    written = call("time.js", "clock", hundredths / 100, 2)
    assert call("time.js", "parseClock", written) == pytest.approx(hundredths / 100)


@settings(max_examples=60)
@given(
    st.floats(0, 100), st.floats(1, 100), st.floats(0.1, 50), st.floats(0, 1), st.floats(101, 4000)
)
def test_a_zoom_keeps_the_time_under_the_pointer_and_stays_inside(
    call: Call, start: float, length: float, factor: float, part: float, duration: float
) -> None:
    view = call("view.js", "within", {"from": start, "to": start + length}, duration)
    at = call("view.js", "timeAt", view, part)
    now = call("view.js", "zoomed", view, factor, at, duration)
    assert -1e-6 <= now["from"] < now["to"] <= duration + 1e-6
    assert now["to"] - now["from"] >= min(0.5, duration) - 1e-6
    moved = now["from"] > 1e-6 and now["to"] < duration - 1e-6
    if moved:  # where the view meets the end of the episode, the time gives way
        assert call("view.js", "share", now, at) == pytest.approx(part, abs=1e-6)


def test_the_axis_has_few_round_labels(call: Call) -> None:
    assert call("view.js", "ticks", {"from": 12, "to": 71}, 4) == {
        "times": [15, 30, 45, 60], "digits": 0,
    }  # fmt: skip
    fine = call("view.js", "ticks", {"from": 1.0, "to": 1.5}, 5)
    assert fine["digits"] == 1
    assert fine["times"] == pytest.approx([1.0, 1.1, 1.2, 1.3, 1.4, 1.5])


SPANS = st.lists(st.integers(0, 1000), min_size=2, max_size=8, unique=True).map(
    lambda cuts: [
        {"start": a / 10, "end": b / 10}
        for a, b in zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False)
    ]
)


@settings(max_examples=60)
@given(SPANS, st.data())
def test_an_edge_never_crosses_another(call: Call, spans: list[Any], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(spans) - 1))
    edge = data.draw(st.sampled_from(["start", "end"]))
    time = data.draw(st.floats(-50, 200))
    now = call("edges.js", "moved", spans, index, edge, time, 100, 25)
    edges = [span[name] for span in now for name in ("start", "end")]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= 100
    assert all(span["end"] - span["start"] > 0.038 for span in now)
    other = "end" if edge == "start" else "start"
    assert now[index][other] == spans[index][other]


def test_a_segment_is_added_where_there_is_room(call: Call) -> None:
    spans = [{"start": 10, "end": 20}, {"start": 40, "end": 50}]
    assert call("edges.js", "added", spans, 30.004, 100, 25)[1] == {"start": 30, "end": 40}
    assert call("edges.js", "added", spans, 60, 100, 25)[2] == {"start": 60, "end": 90}
    assert call("edges.js", "added", spans, 15, 100, 25) is None
    assert call("edges.js", "nearest", spans, 32) == 1
    assert call("edges.js", "nearest", [], 32) == -1


def test_a_correction_is_a_shift_of_both_edges(call: Call) -> None:
    old, now = [{"start": 10, "end": 20}], [{"start": 10.48, "end": 19.92}]
    assert call("edges.js", "shift", old, now) == {"start": 0.48, "end": -0.08}
    assert call("edges.js", "shift", [], now) == {"start": 0, "end": 0}


@pytest.mark.parametrize(
    ("key", "code", "action"),
    [
        ("[", "BracketLeft", "setStart"), ("х", "BracketLeft", "setStart"),
        ("ъ", "BracketRight", "setEnd"), ("б", "Comma", "frameBack"), ("ф", "KeyA", "accept"),
        ("A", "KeyA", "accept"), ("a", "KeyQ", "accept"),
        (" ", "Space", "play"), ("?", "Slash", "help"), ("x", "KeyX", None), ("Tab", "Tab", None),
    ],
)  # fmt: skip
def test_keys_work_on_a_russian_keyboard_too(
    call: Call, key: str, code: str, action: str | None
) -> None:
    assert call("keys.js", "action", key, code) == action


def test_the_doubtful_come_first_and_the_confirmed_last(call: Call) -> None:
    def one(id: int, state: str, confidence: float | None, locked: bool = False) -> Any:
        return {"id": id, "state": state, "confidence": confidence, "locked": locked}

    episodes = [
        one(1, "found", 0.99), one(2, "found", 1, True), one(3, "none", 0.6),
        one(4, "failed", None), one(5, "review", 0.5), one(6, "review", 0.3),
        one(7, "unknown", None),
    ]  # fmt: skip
    assert [e["id"] for e in call("answer.js", "byDoubt", episodes)] == [6, 5, 4, 7, 3, 1, 2]


def test_addresses_that_mean_nothing_lead_somewhere(call: Call) -> None:
    assert call("routes.js", "route", "#/season/0123abcd") == {"page": "season", "id": "0123abcd"}
    assert call("routes.js", "route", "#/season/../x") == {"page": "library", "id": None}
    assert call("routes.js", "route", "#/constructor") == {"page": "find", "id": None}
    assert call("routes.js", "route", "") == {"page": "find", "id": None}


def test_parts_of_an_upload_take_about_a_second(call: Call) -> None:
    assert call("uploads.js", "nextPart", 1 << 20, 0.1) == 1 << 21
    assert call("uploads.js", "nextPart", 1 << 24, 0.1) == 1 << 24
    assert call("uploads.js", "nextPart", 1 << 22, 3) == 1 << 21
    assert call("uploads.js", "nextPart", 1 << 20, 30) == 1 << 20


@pytest.mark.parametrize(
    ("key", "shift", "step"),
    [
        ("ArrowLeft", False, -0.04),
        ("ArrowRight", True, 1),
        ("PageUp", False, 5),
        ("Tab", False, None),
    ],
)
def test_keys_move_an_edge_by_a_frame_or_a_second(
    call: Call, key: str, shift: bool, step: float | None
) -> None:
    assert call("handles.js", "keyStep", {"key": key, "shiftKey": shift}, 25) == step


@pytest.mark.parametrize(
    ("typed", "read"),
    [("0.5", 0.5), ("-1,25", -1.25), ("−2", -2), ("+3", 3), ("", None), ("1 s", None)],
)
def test_a_shift_is_read_with_its_sign(call: Call, typed: str, read: float | None) -> None:
    assert call("applying.js", "parseShift", typed) == read


@pytest.mark.parametrize(
    ("media", "tried"),
    [
        ({"playable": True, "video": "h264", "audio": "aac"}, True),
        ({"playable": False, "video": "h264", "audio": "aac"}, True),
        ({"playable": False, "video": "h264", "audio": None}, True),
        ({"playable": False, "video": "h264", "audio": "ac3"}, False),  # would be silent
        ({"playable": False, "video": "mpeg4", "audio": "aac"}, False),
        (None, False),
    ],
)
def test_a_browser_is_asked_to_play_what_it_may(call: Call, media: Any, tried: bool) -> None:
    assert call("watching.js", "worthTrying", media) is tried


def test_of_a_folder_that_is_dropped_videos_are_taken(page: Page) -> None:
    """Folders as browsers give them: in parts, with files among files."""
    code = """async () => {
        const file = (name) => ({isFile: true, name, file: (got) => got(new File(['x'], name))});
        const folder = (name, ...parts) => ({isDirectory: true, name, createReader() {
            const left = [...parts];
            return {readEntries: (got) => got(left.splice(0, 1))};
        }});
        const entries = [
            folder('S1', file('e10.mkv'), file('notes.txt'), folder('more', file('e2.MP4'))),
            file('strange.bin'),
        ];
        const items = entries.map((entry) => ({webkitGetAsEntry: () => entry}));
        const found = await (await import('/static/dropped.js')).filesOf({items, files: []});
        return found.map((one) => one.name);
    }"""
    assert page.evaluate(code) == ["e2.MP4", "e10.mkv", "strange.bin"]


def test_events_are_read_from_pieces(page: Page) -> None:
    code = """async (pieces) => {
        const parse = (await import('/static/events.js')).eventParser();
        return pieces.flatMap(parse);
    }"""
    text = 'event: job\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: still here\n\nevent: job\ndata: {}\n\nda'
    for at in range(1, len(text)):
        found = page.evaluate(code, [text[:at], text[at:]])
        if at != text.index("\r\n\r\n") + 3:  # a pair of line ends may be cut in two
            assert [e["data"] for e in found] == ['{"a":\n1}', "{}"], at


def test_the_waveform_shows_every_peak_at_every_zoom(call: Call) -> None:
    high = [0] * 1000
    high[500] = 100
    peaks = {"start": 10, "end": 20, "low": [0] * 1000, "high": high}
    for view in ({"from": 10, "to": 20}, {"from": 14.9, "to": 15.2}, {"from": 0, "to": 400}):
        shown = call("waveform.js", "columns", peaks, view, 97)
        assert max(column[1] for column in shown if column) == 100
    assert call("waveform.js", "columns", peaks, {"from": 30, "to": 40}, 5) == [None] * 5


@pytest.mark.parametrize(
    ("kept", "wanted", "chosen"),
    [(None, ["ru-RU", "en"], "ru"), ("en", ["ru"], "en"), (None, ["de", "fr"], "en"),
     ("xx", ["uk", "ru"], "ru"), (None, [], "en")],
)  # fmt: skip
def test_the_language_is_the_readers(
    call: Call, kept: str | None, wanted: list[str], chosen: str
) -> None:
    assert call("texts.js", "preferred", kept, wanted) == chosen


def test_both_dictionaries_say_the_same_things(page: Page) -> None:
    code = "async (l) => (await import(`/static/texts/${l}.js`)).default"
    english, russian = (page.evaluate(code, lang) for lang in ("en", "ru"))
    assert list(english) == list(russian)
    categories = page.evaluate(
        "() => new Intl.PluralRules('ru').resolvedOptions().pluralCategories"
    )
    for key, text in english.items():
        forms = text if isinstance(text, dict) else {"other": text}
        theirs = russian[key] if isinstance(russian[key], dict) else {"other": russian[key]}
        assert isinstance(text, dict) == isinstance(russian[key], dict), key
        if isinstance(text, dict):
            assert set(theirs) == set(categories), key
        places = {tuple(sorted(re.findall(r"\{\w+\}", form))) for form in forms.values()}
        assert places == {
            tuple(sorted(re.findall(r"\{\w+\}", form))) for form in theirs.values()
        }, key
        assert all(theirs.values()), key


def test_every_text_that_is_asked_for_is_there_and_none_is_left_over(page: Page) -> None:
    known = set(
        page.evaluate("async () => Object.keys((await import('/static/texts/en.js')).default)")
    )
    files = [path for path in SOURCES if path.parent.name != "texts"]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    groups = {key.split(".")[0] for key in known if "." in key}
    dotted = re.findall(r"'(([a-z]+)\.[\w.]+)'", code)
    asked = {text for text, group in dotted if group in groups and not text.endswith(".js")}
    asked |= set(re.findall(r"\bt\('([\w.]+)'", code))
    assert asked <= known, asked - known
    # keys that are put together: a fixed beginning, then what varies, then perhaps an end
    made = [
        re.compile(re.escape(start) + r"\w+" + end)
        for start, end in re.findall(r"t\(`([a-z.]+\.)\$\{[^`]*?\}(\w*)`", code)
    ]
    unused = {key for key in known - asked if not any(p.fullmatch(key) for p in made)}
    assert not unused


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PAGE).as_posix())
def test_no_file_turns_text_into_markup_or_asks_another_server(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    markup = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
    )
    assert not re.search(markup, text)
    assert not re.search(r"'style'|https?://(?!www\.w3\.org/2000/svg)", text)
    if path.name != "theme.js":  # run before the page is drawn, so it is no module
        assert re.search(r"^(import|export|/\*\*)", text)
