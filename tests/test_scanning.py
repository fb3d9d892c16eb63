"""`zastavka scan` and `edit`, end to end, on a small season of real files."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import pytest

from season import Series, zastavka
from zastavka import prints
from zastavka.errors import OptionError
from zastavka.library.edits import parse_intros
from zastavka.segment import Segment

KILLS = 9


@pytest.fixture
def folder(series: Series, tmp_path: Path) -> Path:
    """The first two of three episodes."""
    place = tmp_path / "Дом «на углу»"
    place.mkdir()
    for file in series.files[:2]:
        shutil.copy2(file, place / file.name)
    return place


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read as a whole, as it happens."""
    names: list[str] = []
    reading = prints.read_print

    def counted(path: Path, *rest: Any) -> prints.EpisodePrint:
        names.append(path.name)
        return reading(path, *rest)

    monkeypatch.setattr(prints, "read_print", counted)
    return names


def spans(text: str) -> dict[str, list[tuple[float, float]]]:
    rows = json.loads(text)["episodes"]
    return {
        Path(row["path"]).name: [(s["start"], s["end"]) for s in row["segments"]] for row in rows
    }


def test_a_library_from_its_first_scan_on(series: Series, folder: Path, read: list[str]) -> None:
    dry = zastavka("scan", folder, "--dry-run", "--lang", "en")
    assert (dry.code, read) == (0, [])
    assert "files: 2, new: 2" in dry.out
    first = zastavka("scan", folder, "--lang", "en")
    assert (first.code, first.err) == (0, "")
    assert "seasons answered: 1, unchanged: 0; new files: 2" in first.out
    assert "files: 2, intro: 2, to look at: 0, none: 0, failed: 0" in first.out
    assert sorted(read) == sorted(file.name for file in series.files[:2])
    read.clear()
    again = zastavka("scan", folder, "--lang", "ru")
    assert (again.code, read) == (0, [])
    assert "сезонов решено: 0, без изменений: 1; новых файлов: 0" in again.out

    shutil.copy2(series.files[2], folder)
    third = zastavka("scan", folder, "--format", "json")
    assert (third.code, read) == (0, [series.files[2].name])
    found = spans(third.out)
    for truth in series.truth:
        expected = [pytest.approx((s.start, s.end), abs=0.25) for s in truth.segments()]
        assert found[truth.episode.path.name] == expected
    assert found == spans(zastavka("detect", folder, "--format", "json").out)

    read.clear()
    other = zastavka("scan", folder, "--types", "intro,logo", "--lang", "en")
    assert "seasons answered: 1" in other.out
    assert read == []


def test_a_broken_file_stops_nothing(series: Series, folder: Path) -> None:
    broken = folder / series.files[2].name
    broken.write_bytes(b"no video")
    for again in (False, True):
        done = zastavka("scan", folder, "--lang", "en")
        assert done.code == 3
        [line] = done.lines
        assert line.startswith(f"{broken}: ")
        assert "files: 3, intro: 2, to look at: 0, none: 0, failed: 1" in done.out
        assert ("seasons answered: 0" in done.out) == again


def test_a_correction_holds_until_it_is_taken_back(series: Series, folder: Path) -> None:
    zastavka("scan", folder)
    one = folder / series.files[0].name
    before = spans(zastavka("scan", folder, "--format", "json").out)
    said = zastavka("edit", one, "--intro", "0:01-0:02.5", "--lang", "en")
    assert (said.code, said.out, said.err) == (0, "Intro found: 1.00s - 2.50s\n", "")
    after = spans(zastavka("scan", folder, "--rescan", "--format", "json").out)
    assert after == before | {one.name: [(1.0, 2.5)]}
    shifted = zastavka("edit", folder, "--shift", "0.5", "--lang", "en")
    assert shifted.code == 0
    now = spans(zastavka("scan", folder, "--format", "json").out)
    assert now == {
        name: [(round(a + 0.5, 4), round(b + 0.5, 4)) for a, b in intros]
        for name, intros in after.items()
    }
    assert zastavka("edit", folder, "--undo").code == 0
    assert zastavka("edit", one, "--none", "--lang", "en").out.startswith("Intro not found (100 %")
    assert zastavka("edit", one, "--unlock").code == 0
    assert spans(zastavka("scan", folder, "--format", "json").out) == before


def test_a_correction_that_can_t_be(series: Series, folder: Path) -> None:
    one = folder / series.files[0].name
    zastavka("scan", folder)
    for words, code, line in (
        ((), 2, "needs one thing to do"),
        (("--none", "--undo"), 2, "needs one thing to do"),
        (("--intro", "soon"), 2, "is no span of time"),
        (("--intro", "0:43-9:12"), 1, "before the intro does"),
        (("--shift=-600",), 1, "would begin before 0:00"),
        (("--undo",), 1, "has no correction to take back"),
    ):
        done = zastavka("edit", one, *words, "--lang", "en")
        assert (done.code, done.out) == (code, "")
        assert len(done.lines) == 1
        assert line in done.err


def test_labels_are_taken_over(folder: Path, series: Series, tmp_path: Path) -> None:
    one, two = (folder / file.name for file in series.files[:2])
    labels = tmp_path / "labels.json"
    labels.write_text(
        json.dumps(
            {
                one.stem: {"name": one.stem, "start": "0:00:01", "end": "0:00:03"},
                two.stem: {"name": two.stem, "start": "0:00:05", "end": "0:00:04"},
            }
        )
    )
    done = zastavka("edit", folder, "--from", labels, "--lang", "en")
    assert (done.code, done.out) == (3, "Intro found: 1.00s - 3.00s\n")
    assert len(done.lines) == 1  # the one that is turned round
    ours = tmp_path / "ours.json"
    row = {"path": str(two), "segments": [{"start": 2.0, "end": 4.0}]}
    ours.write_text(json.dumps({"episodes": [row, {"path": "gone.mkv", "segments": []}]}))
    done = zastavka("edit", folder, "--from", ours, "--lang", "en")
    assert (done.code, done.out) == (3, "Intro found: 2.00s - 4.00s\n")
    assert done.err.startswith("gone.mkv: is not among the files given")


def test_players_are_told_what_people_said(folder: Path, series: Series) -> None:
    one, two = (folder / file.name for file in series.files[:2])
    zastavka("edit", one, "--intro", "0:01-0:02.5")
    zastavka("edit", two, "--none")
    assert zastavka("detect", folder, "--write", "edl").code == 0
    assert one.with_suffix(".edl").read_text().split()[:2] == ["1.000", "2.500"]
    assert not two.with_suffix(".edl").exists()
    shown = zastavka("chapters", one, "--lang", "en")
    assert "1.00 - 2.50 Intro" in shown.out
    assert "Intro" not in zastavka("chapters", two, "--lang", "en").out


def test_what_people_said_becomes_labels(folder: Path, series: Series, tmp_path: Path) -> None:
    one, two = (folder / file.name for file in series.files[:2])
    bootstrapped, out = tmp_path / "repeats.json", tmp_path / "labels.json"
    rows = [
        {"path": str(file), "segments": [{"start": 5.0, "end": 9.0, "confidence": 0.9}]}
        for file in (one, two)
    ]
    bootstrapped.write_text(json.dumps({"episodes": rows}))
    none = zastavka("labels", folder, "--output", out, "--lang", "en")
    assert (none.code, len(none.lines)) == (1, 1)
    assert "has no correction" in none.err
    zastavka("edit", one, "--intro", "0:01-0:02.5")
    alone = zastavka("labels", folder, "--output", out, "--lang", "en")
    assert (alone.code, alone.err) == (0, f"1 labels of people, 0 others: {out}\n")
    assert spans(out.read_text()) == {one.name: [(1.0, 2.5)]}
    assert zastavka("labels", folder, "--output", out).code == 2  # nothing is written over
    both = tmp_path / "both.json"
    zastavka("labels", folder, "--output", both, "--with", bootstrapped)
    assert spans(both.read_text()) == {one.name: [(1.0, 2.5)], two.name: [(5.0, 9.0)]}


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("0:43-2:12.5", 43.0, 132.5),
        ("43 - 132,5", 43.0, 132.5),
        ("1:02:03.1–1:03:00", 3723.1, 3780.0),
        ("0-90", 0.0, 90.0),
    ],
)
def test_times_as_people_write_them(text: str, start: float, end: float) -> None:
    assert parse_intros([text]) == (Segment(start, end),)


@pytest.mark.parametrize("text", ["", "1:00", "2:00-1:00", "0:60-1:10", "1:60:00-2:00:00", "a-b"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(OptionError):
        parse_intros([text])


def test_two_intros_of_a_file() -> None:
    assert parse_intros(["5:00-6:00", "0:10-0:20"]) == (Segment(10, 20), Segment(300, 360))
    with pytest.raises(OptionError, match="overlap"):
        parse_intros(["0:10-0:20", "0:15-0:30"])


def kept(catalog: Path) -> int:
    """How many answers the catalog holds, as another process sees it."""
    if not catalog.exists():
        return 0
    with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as base:
        try:
            [(n,)] = base.execute("SELECT count(*) FROM answers")
        except sqlite3.OperationalError:
            return 0  # no tables yet
    return int(n)


@pytest.mark.slow
def test_a_scan_that_is_killed_goes_on_and_answers_the_same(
    series: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "library"
    for season in range(1, 5):
        for number, file in enumerate(series.files, 1):
            place = folder / f"Пост S0{season}E0{number}.mkv"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(file.read_bytes() + bytes([season]))  # each is read by itself
    words = ["scan", str(folder), "--format", "json", "--jobs", "2"]
    command = [sys.executable, "-m", "zastavka", *words]
    draw, kills, midway = random.Random(6), 0, 0

    def fresh(name: str) -> Path:
        monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path / name / "cache"))
        monkeypatch.setenv("ZASTAVKA_CATALOG", str(tmp_path / name / "catalog.sqlite3"))
        return tmp_path / name / "catalog.sqlite3"

    fresh("undisturbed")
    began = perf_counter()
    whole = subprocess.run(command, capture_output=True, text=True, check=True)
    length = perf_counter() - began
    catalog = fresh("0")
    while kills < KILLS:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # at any moment; and in turn right after a season was kept
        last = perf_counter() + (draw.uniform(0.1, length) if kills % 2 else 60)
        while process.poll() is None and perf_counter() < last:
            sleep(0.02)
            if not kills % 2 and 0 < kept(catalog) < 12:
                break
        if process.poll() is not None:
            catalog = fresh(str(kills))  # it was done: from the start again
            continue
        process.kill()
        process.wait()
        kills += 1
        midway += 0 < kept(catalog) < 12
        if catalog.exists():
            with closing(sqlite3.connect(catalog)) as base:
                assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if kills % 3 == 0:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            assert spans(done.stdout) == spans(whole.stdout)
            catalog = fresh(f"after {kills}")
    assert midway, "no kill fell between two seasons"


def test_a_twin_of_what_is_known_gets_its_answer(folder: Path, tmp_path: Path) -> None:
    assert zastavka("scan", folder).code == 0
    twin = tmp_path / "twins" / folder.name
    shutil.copytree(folder, twin)
    zastavka("edit", twin, "--none")  # which notes the files
    zastavka("edit", twin, "--undo")
    again = zastavka("scan", twin, "--format", "json")
    assert [len(found) for found in spans(again.out).values()] == [1, 1]
