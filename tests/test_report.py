from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from media_files import write
from test_evaluate import detection, draw
from zastavka.charts import svgs, write_pngs
from zastavka.detection import Detection, Failure, Finding, write_detections
from zastavka.episode import Episode
from zastavka.errors import LabelError, MissingExtra
from zastavka.evaluate import Report, constant_answers, evaluate
from zastavka.i18n import gettext, set_language
from zastavka.page import render
from zastavka.report import Comparison
from zastavka.segment import Segment
from zastavka.tables import Table, by_series, summaries

NASTY = '<script>alert("1")</script>&$x_ Мосты 橋'
PLOTS = ["calibration", "coverage", "edges", "errors", "f1", "iou"]


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    truth, found = draw(random.Random(1), 30)
    return {
        "constant 5-15 s": evaluate(truth, constant_answers(truth)),
        "_model $": evaluate(truth, found),
    }


@pytest.fixture
def nasty() -> dict[str, Report]:
    """Names and reasons that mean something to HTML, to matplotlib or to neither."""
    truth = detection(f"{NASTY}/S01E01.mkv".replace("/script", ""), (10, 20))
    episode = Episode(truth.episode.path, series=NASTY)
    truth = Detection(episode=episode, duration=100.0, findings=truth.findings)
    answer = Finding(segment=Segment(11, 21), reason=NASTY, confidence=0.9)
    failed = detection("S/2.mkv", (5, 15))
    found: list[Detection | Failure] = [
        Detection(episode=episode, duration=100.0, findings=(answer,)),
        Failure(failed.episode, NASTY),
    ]
    return {NASTY: evaluate([truth, failed], found)}


class Page(HTMLParser):
    """Checks that tags are balanced, and gathers what a page holds."""

    VOID = frozenset({"meta", "br", "img", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, tag: str, attribute: str) -> list[str]:
        return [value for t, name, value in self.attributes if (t, name) == (tag, attribute)]


def test_tables_show_the_figures(reports: dict[str, Report]) -> None:
    accuracy, use, edges, sure = summaries(reports)
    assert [row[0] for row in accuracy.rows] == list(reports)
    macro = reports["_model $"].macro()
    cells = dict(zip(accuracy.columns, accuracy.rows[1][1:], strict=True))
    assert cells["F1"] == f"{macro['f1']:g}"
    assert cells["wrong/100"] == f"{macro['wrong/100']:g}"
    assert dict(zip(use.columns, use.rows[1][1:], strict=True))["work, s"] == "-"
    cells = dict(zip(edges.columns, edges.rows[1][1:], strict=True))
    assert cells["start ≤ 0.5"] == f"{macro['start<=0.5']:g}"
    assert cells["end p90"] == f"{macro['end_p90']:g}"
    pooled = reports["_model $"].pooled().figures()
    cells = dict(zip(sure.columns, sure.rows[1][1:], strict=True))
    assert cells["ECE"] == f"{pooled['ece']:g}"
    assert cells["right @.5"] == f"{pooled['right@.5']:g}"
    shown = {name for table in (accuracy, use, edges, sure) for name in table.columns}
    assert len(shown) == len(macro)  # every figure is in one of them


def test_each_series_then_mean_and_pooled(reports: dict[str, Report]) -> None:
    table = by_series("model", reports["_model $"])
    assert [row[0] for row in table.rows] == ["A", "B", "C", "D", "MEAN", "POOLED"]
    assert (table.title, table.sums) == ("By series: model", 2)
    figures = reports["_model $"].pooled().figures()
    assert table.rows[-1][table.columns.index("IoU") + 1] == f"{figures['iou']:g}"


def test_a_table_is_aligned_markdown() -> None:
    table = Table("Title", ("one", "two"), (("a|b", "1", "-"), ("longer", "0.25", "22")))
    assert table.text() == (
        "Title\n\n"
        "|        |  one | two |\n"
        "|--------|------|-----|\n"
        "| a/b    |    1 |   - |\n"
        "| longer | 0.25 |  22 |\n"
    )


def test_pngs_are_pictures(reports: dict[str, Report], tmp_path: Path) -> None:
    from matplotlib.image import imread

    files = write_pngs(tmp_path / "plots", reports)
    assert sorted(file.stem for file in files) == PLOTS
    for file in files:
        pixels = np.asarray(imread(file))
        assert min(pixels.shape[:2]) > 150
        assert len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) > 10  # not an empty sheet


def test_svgs_take_the_colour_of_the_page(reports: dict[str, Report]) -> None:
    plots = svgs(reports)
    assert sorted(plots) == PLOTS
    for svg in plots.values():
        assert svg.startswith("<svg")
        assert "currentColor" in svg
        Page(svg)
    assert "_model $" in plots["f1"]  # shown as it is, in the legend
    ids = [id for svg in plots.values() for id in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))  # they stand in one page
    assert plots == svgs(reports)  # the same run, the same file


def test_bars_are_as_long_as_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    drawn: list[list[float]] = []
    plain = Axes.barh

    def barh(self: Axes, y: object, width: list[float], *args: object, **kw: object) -> object:
        drawn.append(list(width))
        return plain(self, y, width, *args, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "barh", barh)
    truth = [detection("A/1.mkv", (10, 20)), detection("B/1.mkv", (10, 20)), detection("C/1.mkv")]
    found = [detection("A/1.mkv", (10, 20)), detection("B/1.mkv", (10, 15)), detection("C/1.mkv")]
    svgs({"x": evaluate(truth, truth), "y": evaluate(truth, found)})
    f1, iou = drawn[:2], drawn[2:]
    # the worst of the last on top; C has no intro to be found
    assert f1 == [[1, 1], [0.6667, 1]]
    assert iou == [[1, 1], [0.5, 1]]


def test_the_page_needs_nothing_else(reports: dict[str, Report]) -> None:
    page = Page(Comparison(reports).html())
    assert "script" not in page.tags
    assert not page.of("link", "href")
    links = [v for _, name, v in page.attributes if name in ("src", "href", "xlink:href")]
    assert all(link.startswith("#") for link in links)
    assert page.tags.count("svg") == len(PLOTS)
    assert page.of("html", "lang") == ["en"]
    assert "width=device-width, initial-scale=1" in page.of("meta", "content")


def test_every_episode_is_in_the_page_the_worst_first(reports: dict[str, Report]) -> None:
    page = Page(Comparison(reports).html())
    verdicts = page.of("li", "class")
    judged = reports["_model $"].episodes
    assert sorted(verdicts) == sorted(j.verdict for j in judged)
    order = ["alarm", "wrong", "failed", "missed", "useful", "clean"]
    assert verdicts == sorted(verdicts, key=order.index)
    marks = page.of("i", "class")
    for kind in ("true", "found", "review"):
        segments = [
            *(s for j in judged for s in (j.truth if kind == "true" else ())),
            *(f.segment for j in judged for f in j.findings if f.status == kind),
        ]
        assert marks.count(kind) == len(segments) + 1  # and one in the key


def test_marks_stand_where_the_segments_are() -> None:
    truth, found = detection("S/1.mkv", (20, 40)), detection("S/1.mkv", (30, 100))
    text = render({"x": evaluate([truth], [found])}, {})
    styles = Page(text).of("i", "style")
    places = [tuple(map(float, re.findall(r"[\d.]+", style))) for style in styles]
    scale = 102.0  # the last mark and a little
    assert places == [
        pytest.approx((100 * 20 / scale, 100 * 20 / scale), abs=1e-3),
        pytest.approx((100 * 30 / scale, 100 * 70 / scale), abs=1e-3),
    ]
    assert "true: 0:20.0-0:40.0 · found: 0:30.0-1:40.0 (1.00)" in text


def test_the_plots_of_confidence_draw_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    drawn: list[tuple[list[float], list[float], object]] = []
    plain = Axes.plot

    def plot(self: Axes, x: list[float], y: list[float], *args: object, **kw: object) -> object:
        drawn.append((x, y, kw.get("label")))
        return plain(self, x, y, *args, **kw)  # type: ignore[arg-type]

    truth = [detection(f"S/{i}.mkv", (10, 20)) for i in range(3)] + [detection("S/3.mkv")]
    found = [
        replace(detection(f"S/{i}.mkv", (10, 20)), findings=(
            Finding(segment=Segment(10, 20) if i else Segment(50, 60), confidence=sure),
        ))
        for i, sure in enumerate((0.65, 0.95, 0.85))
    ]  # fmt: skip
    found.append(replace(detection("S/3.mkv"), not_found_confidence=0.75))
    reports = {"x": evaluate(truth, found)}
    monkeypatch.setattr(Axes, "plot", plot)
    svgs(reports)
    [(coverage, precision, _)] = [row for row in drawn if row[2] == "x: 0.75 in all"]
    assert (coverage, precision) == ([0.25, 0.5, 0.75, 1.0], [1.0, 1.0, 1.0, 0.75])
    error = round((0.05 + 0.15 + 0.25 + 0.65) / 4, 3)
    [(confidence, right, _)] = [row for row in drawn if row[2] == f"x: ECE {error:.3f}"]
    assert (confidence, right) == ([0.65, 0.75, 0.85, 0.95], [0.0, 1.0, 1.0, 1.0])
    assert "found: nothing (0.75)" in Comparison(reports).html()


def test_names_are_only_names(nasty: dict[str, Report], tmp_path: Path) -> None:
    comparison = Comparison(nasty)
    page = Page(comparison.html())
    assert "script" not in page.tags
    assert NASTY in page.text  # its heading or row says it letter by letter
    assert any(NASTY in text for text in page.text if "found:" in text)
    assert page.of("li", "class") == ["failed", "useful"]
    assert comparison.write_plots(tmp_path)
    comparison.text()


def test_no_episode_at_all(tmp_path: Path) -> None:
    comparison = Comparison({"nothing": evaluate([], [])})
    assert "| nothing |        0 |        0 |" in comparison.text()
    assert Page(comparison.html()).tags.count("svg") == len(PLOTS)
    assert json.loads(comparison.json())["reports"]["nothing"]["macro"]["f1"] is None
    assert len(comparison.write_plots(tmp_path)) == len(PLOTS)


def test_only_misses(tmp_path: Path) -> None:
    truth = [detection("S/1.mkv", (1, 2))]
    comparison = Comparison({"nothing": evaluate(truth, [])})
    assert len(comparison.write_plots(tmp_path)) == len(PLOTS)
    assert "nothing: no entry for 1 episodes: S/1.mkv" in comparison.text()


def test_without_matplotlib(
    reports: dict[str, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    comparison = Comparison(reports)
    with pytest.raises(MissingExtra, match=r'pip install "zastavka\[plots\]"'):
        comparison.write_plots(tmp_path)
    assert list(tmp_path.iterdir()) == []
    page = Page(comparison.html())
    assert "svg" not in page.tags
    assert any("zastavka[plots]" in text for text in page.text)
    assert len(page.of("li", "class")) == 30


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    truth, found = tmp_path / "labels.json", tmp_path / "found.json"
    rows = {
        "-1_2": {"name": "Мосты. 1 сезон, 2 серия", "start": "0:00:10", "end": "0:00:20"},
        "-1_3": {"name": "Мосты. 1 сезон, 3 серия", "start": "0:00:30", "end": "0:00:20"},
    }
    truth.write_text(json.dumps(rows), encoding="utf-8")
    write_detections(found, [detection("-1_2/-1_2.mp4", (12, 20))])
    return truth, found


def test_files_are_compared_with_the_constant(files: tuple[Path, Path]) -> None:
    truth, found = files
    comparison = Comparison.of(truth, [found])
    assert list(comparison.reports) == ["constant 5-15 s", "found"]
    assert comparison.reports["found"].pooled().ious == (0.8,)
    assert comparison.reports["constant 5-15 s"].pooled().ious == (5 / 15,)
    document = json.loads(comparison.json())
    assert document["reports"]["found"]["series"]["Мосты"]["iou"] == 0.8
    assert document["reports"]["found"]["macro"]["end<=0.1"] == 1.0
    assert document["labels_left_out"] == {"-1_3": "end 0:00:20 is not after start 0:00:30"}
    assert "left out of the truth: -1_3: end 0:00:20 is not after" in comparison.text()


def test_with_the_videos_labels_beyond_their_end_are_found(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "-1_2").mkdir()
    write(tmp_path / "-1_2" / "-1_2.mp4")  # lasts 3 s, its label ends at 20
    comparison = Comparison.of(*files[:1], [files[1]], videos=tmp_path)
    assert {p.id: p.kind for p in comparison.problems} == {"-1_2": "beyond-end", "-1_3": "order"}
    assert comparison.reports["found"].unknown == ("-1_2/-1_2.mp4",)


def test_files_of_one_name_are_told_apart(files: tuple[Path, Path], tmp_path: Path) -> None:
    truth, found = files
    other = tmp_path / "other" / "found.json"
    write_detections(other, [])
    names = list(Comparison.of(truth, [found, other]).reports)
    assert names == ["constant 5-15 s", str(found), str(other)]


def test_in_russian(files: tuple[Path, Path], tmp_path: Path) -> None:
    truth, found = files
    comparison = Comparison.of(truth, [found])
    set_language("ru")
    try:
        comparison.write_html(tmp_path / "page.html", gettext, "ru")
        text = comparison.text(gettext)
    finally:
        set_language("en")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert Page(page).of("html", "lang") == ["ru"]
    for english in ("Mean over", "Episodes, the worst", "is not after", "coverage:", "By series"):
        assert english not in page
        assert english not in text
    assert "точность" in text.lower()


def test_a_comparison_of_nothing() -> None:
    with pytest.raises(ValueError, match="no report"):
        Comparison({})


def test_labels_are_compared_by_id(tmp_path: Path) -> None:
    rows = {id: {"start": "0:00:10", "end": "0:00:20"} for id in ("-5_1", "-5_2")}
    (tmp_path / "labels.json").write_text(json.dumps(rows))
    found = [detection(f"videos/{id}.mkv", (10, 20)) for id in rows]
    write_detections(tmp_path / "found.json", found)
    comparison = Comparison.of(tmp_path / "labels.json", [tmp_path / "found.json"])
    assert comparison.reports["found"].pooled().figures()["f1"] == 1.0


def test_answers_to_other_episodes_are_an_error_not_a_zero(tmp_path: Path) -> None:
    write_detections(tmp_path / "truth.json", [detection("S/1.mkv", (10, 20))])
    write_detections(tmp_path / "found.json", [detection("T/2.mkv"), detection("T/3.mkv")])
    none = r"found\.json: none of the 2 answers is of an episode in the truth, as T/2\.mkv; give"
    with pytest.raises(LabelError, match=none):
        Comparison.of(tmp_path / "truth.json", [tmp_path / "found.json"])
    write_detections(tmp_path / "found.json", [])
    missed = Comparison.of(tmp_path / "truth.json", [tmp_path / "found.json"]).reports["found"]
    assert missed.missing == ("S/1.mkv",)
