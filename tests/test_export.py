"""Exports, each read back by a program or library that is not ours."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import av
import pytest

from media_files import Film, write
from programs import program
from zastavka.chapters import kind_of, merged
from zastavka.detection import Detection, Finding, parse_detections
from zastavka.episode import Episode
from zastavka.export import FORMATS, Given, exported
from zastavka.media import Chapter
from zastavka.segment import Segment

INTRO = Finding(segment=Segment(43.0, 132.5), confidence=0.97, sources=("sound",))
CREDITS = Finding(segment=Segment(1331.66, 1419.02), type="credits", confidence=0.9)
REVIEW = Finding(segment=Segment(5.0, 9.0), type="recap", status="review")
NAMES = ["Prologue", "Intro", "Episode", "Credits", "Episode"]
STARTS = [0, 43, 132.5, 1331.66, 1419.02]
GIVEN = Given(
    Detection(
        episode=Episode(Path("S/Ж \udcff.mkv")), duration=1420.0, findings=(REVIEW, INTRO, CREDITS)
    )
)


def text_of(name: str, given: Given = GIVEN, least: float | None = None) -> str:
    text = exported(given, FORMATS[name], least)
    assert text is not None
    return text


def test_edl_is_a_break_that_can_be_gone_back_into() -> None:
    assert text_of("edl") == "43.000 132.500 3\n1331.660 1419.020 3\n"
    assert text_of("edl", replace(GIVEN, edl_action=0)).split("\n")[0] == "43.000 132.500 0"


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json", "csv"}))
def test_what_awaits_review_or_is_not_sure_enough_goes_nowhere(name: str) -> None:
    assert exported(GIVEN, FORMATS[name], 0.98) is None
    assert exported(GIVEN, FORMATS[name], 0.95) != exported(GIVEN, FORMATS[name])
    only = replace(GIVEN, detection=replace(GIVEN.detection, findings=(REVIEW,)))
    assert exported(only, FORMATS[name]) is None


def test_chapters_are_read_by_ffmpeg(tmp_path: Path) -> None:
    there = (Chapter("a=b;c#d\\e", Segment(0, 700)), Chapter("", Segment(700, 1420)))
    path = tmp_path / "chapters.ffmetadata"
    path.write_text(text_of("chapters", replace(GIVEN, chapters=there)), encoding="utf-8")
    with av.open(str(path)) as container:
        read = [
            (c["metadata"].get("title", ""), c["start"], c["end"]) for c in container.chapters()
        ]
    odd = "a=b;c#d\\e"
    assert read == [
        (odd, 0, 43_000), ("Intro", 43_000, 132_500), (odd, 132_500, 700_000),
        ("", 700_000, 1_331_660), ("Credits", 1_331_660, 1_419_020), ("", 1_419_020, 1_420_000),
    ]  # fmt: skip


def test_matroska_chapters_are_xml() -> None:
    atoms = ET.fromstring(text_of("matroska")).findall("EditionEntry/ChapterAtom")
    assert [a.findtext("ChapterDisplay/ChapterString") for a in atoms] == NAMES
    assert atoms[1].findtext("ChapterTimeEnd") == "00:02:12.500000000"


def test_matroska_chapters_are_read_by_mkvmerge(tmp_path: Path) -> None:
    mkvmerge = program("mkvmerge")
    (tmp_path / "c.xml").write_text(text_of("matroska"), encoding="utf-8")
    film, out = write(tmp_path / "film.mkv", Film()), tmp_path / "out.mkv"
    command = [mkvmerge, "-q", "-o", str(out), "--chapters", str(tmp_path / "c.xml"), str(film)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b""
    with av.open(str(out)) as container:
        read = container.chapters()
    assert [c["metadata"]["title"] for c in read] == NAMES
    assert [float(c["start"] * (c["time_base"] or 0)) for c in read] == STARTS


def test_webvtt_and_mpc_hc() -> None:
    blocks = text_of("webvtt").split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert blocks[2] == "00:00:43.000 --> 00:02:12.500\nIntro"
    assert text_of("mpc-hc").splitlines()[1] == "00:00:43.000 Intro"


def test_json_for_servers() -> None:
    first = json.loads(text_of("jellyfin"))["Items"][0]
    assert (first["Type"], first["StartTicks"], first["EndTicks"]) == (
        "Intro",
        43 * 10**7,
        1325 * 10**6,
    )
    assert json.loads(text_of("sponsorblock"))[1]["category"] == "outro"
    assert [r["skipType"] for r in json.loads(text_of("aniskip"))["results"]] == ["op", "ed"]
    assert json.loads(text_of("theintrodb"))["intro"][0]["end_ms"] == 132_500
    (back,) = parse_detections(json.loads(text_of("json")), Path("x"))
    assert back == GIVEN.detection
    assert len(text_of("csv").splitlines()) == 4


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        *((t, "intro") for t in ("Intro", "Opening", "OP", "op1", "Заставка", "ОПЕНИНГ", "[OP]")),
        *((t, "credits") for t in ("Ending", "ED", "Титры", "End Credits", "Outro")),
        ("Previously on Show", "recap"), ("Next Episode", "preview"),
        *((t, None) for t in ("", "Chapter 1", "Operation", "Part A", "Introducing Bob", "00:01")),
    ],
)  # fmt: skip
def test_titles(title: str, kind: str | None) -> None:
    assert kind_of(title) == kind


def test_what_the_author_marked_stays_and_no_title_is_lost() -> None:
    marked = [Chapter("OP", Segment(44, 130)), Chapter("A", Segment(130, 1420))]
    assert merged(marked, [INTRO], 1420) == marked
    song = [
        Chapter("A", Segment(0, 44)),
        Chapter("Song", Segment(44, 130)),
        Chapter("B", Segment(130, 1420)),
    ]
    assert merged(song, [INTRO], 1420) == [
        Chapter("A", Segment(0, 43)), Chapter("Intro (Song)", INTRO.segment),
        Chapter("B", Segment(132.5, 1420)),
    ]  # fmt: skip
