"""`export`, `detect --write` and `chapters`: what is written, where, and what is refused."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from media_files import Film, write
from programs import program
from season import Series, zastavka
from zastavka.cache import content_key
from zastavka.detection import Detection, Failure, Finding, write_detections
from zastavka.editions import is_layered
from zastavka.episode import Episode
from zastavka.library.catalog import Catalog, default_file
from zastavka.media import probe
from zastavka.segment import Segment
from zastavka.sidecars import LIST

INTRO = Finding(segment=Segment(0.5, 1.5), confidence=0.97, sources=("sound",))
NESTED = """<?xml version="1.0"?>
<Chapters><EditionEntry><ChapterAtom><ChapterTimeStart>00:00:00.000</ChapterTimeStart>
<ChapterDisplay><ChapterString>A</ChapterString></ChapterDisplay>{inner}
</ChapterAtom></EditionEntry>{more}</Chapters>"""
ATOM = "<ChapterAtom><ChapterTimeStart>00:00:01.000</ChapterTimeStart></ChapterAtom>"


def video(path: Path, **film: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, replace(Film(), **film))  # type: ignore[arg-type]


def answer(path: Path, *findings: Finding) -> Detection:
    return Detection(episode=Episode(path), duration=3.0, findings=findings)


def written(folder: Path, *results: Detection | Failure) -> Path:
    path = folder / "found.json"
    write_detections(path, results)
    return path


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_files_beside_the_videos_follow_the_answers(tmp_path: Path) -> None:
    one = video(tmp_path / "S" / "Ж 1.mkv", chapters=[("A", 0.0, 3.0)])
    gone = Failure(Episode(tmp_path / "S" / "2.mkv"), "2.mkv: is broken; mend it")
    found = written(tmp_path, answer(one, INTRO), gone)
    done = zastavka("export", found, "--write", "edl,chapters")
    assert (done.code, done.out) == (0, "")
    assert done.lines == [
        "2.mkv: is broken; mend it",
        "files: 2 written, 0 as they were, 0 removed",
    ]
    assert (one.parent / "Ж 1.edl").read_text() == "0.500 1.500 3\n"
    chapters = (one.parent / "Ж 1.ffmetadata").read_text()
    assert chapters.count("title=A") == 2
    assert "title=Intro" in chapters
    again = zastavka("export", found, "--write", "edl,chapters")
    assert again.lines[-1] == "files: 0 written, 2 as they were, 0 removed"
    zastavka("export", found, "--write", "edl", "--edl-action", "2")
    assert (one.parent / "Ж 1.edl").read_text() == "0.500 1.500 2\n"
    (one.parent / "Ж 1.ffmetadata").write_text("edited by a person")
    stale = zastavka("export", written(tmp_path, answer(one)), "--write", "edl,chapters")
    assert stale.code == 3
    assert "left as it is" in stale.lines[0]
    assert stale.lines[1] == "files: 0 written, 0 as they were, 1 removed"
    assert tree(one.parent) == [LIST, "Ж 1.ffmetadata", "Ж 1.mkv"]


def test_under_out_the_folders_are_the_same(tmp_path: Path) -> None:
    paths = [tmp_path / "in" / "Show" / f"Season {s}" / f"{s}.mkv" for s in (1, 2)]
    found = written(tmp_path, *(answer(path, INTRO) for path in paths))
    out = tmp_path / "out"
    done = zastavka("export", found, "--write", "edl", "--out", out)
    assert done.code == 0
    assert [n for n in tree(out) if LIST not in n] == ["Season 1/1.edl", "Season 2/2.edl"]
    assert not (tmp_path / "in").exists()


def test_two_videos_of_one_name_do_not_share_a_file(tmp_path: Path) -> None:
    found = written(tmp_path, *(answer(tmp_path / n, INTRO) for n in ("a.mkv", "a.mp4")))
    done = zastavka("export", found, "--write", "edl")
    assert done.code == 3
    assert "a.mp4: has the name of another video beside it" in done.lines[0]


def test_a_place_that_can_not_be_written_to_is_one_line_that_names_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    paths = [tmp_path / "gone" / "a.mkv", tmp_path / "gone" / "b.mkv", tmp_path / "c.mkv"]
    found = written(tmp_path, *(answer(path, INTRO) for path in paths))
    done = zastavka("export", found, "--write", "edl")
    assert done.code == 3
    assert [line.count("give --out a folder") for line in done.lines] == [1, 0]
    assert (tmp_path / "c.edl").is_file()
    (tmp_path / "lone").mkdir()
    lone = written(tmp_path / "lone", *(answer(path, INTRO) for path in paths[:2]))
    done = zastavka("export", lone, "--write", "edl", "--out", tmp_path / "file")
    assert done.code == 1
    assert [line.count("give --out another folder") for line in done.lines] == [1, 0]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("export", "found.json", "--write", "edl,smi"), "smi: is no format"),
        (("export", "found.json", "--write", ","), "--write: is no format"),
        (("export", "found.json", "--write", "edl", "--min-confidence", "2"), "is a probability"),
        (("export", "absent.json", "--write", "edl"), "can't be read"),
        (("chapters", "absent.mkv"), "does not exist"),
        (("chapters", "a.mkv", "--apply"), "give --output or --in-place"),
        (("chapters", "a.mkv", "--in-place"), "give --apply too"),
        (("chapters", "a.mkv", "--apply", "--output", "found.json"), "is there already"),
        (("chapters", "a.mkv", "--answers", "found.json"), "has no answer for a.mkv"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(
    words: tuple[str, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    video(tmp_path / "a.mkv")
    written(tmp_path)
    done = zastavka(*words)
    assert done.code in (1, 2)
    assert len(done.lines) == 1
    assert why in done.lines[0]


def test_detect_writes_them_at_once(series: Series, tmp_path: Path) -> None:
    out, found = tmp_path / "out", tmp_path / "found.json"
    words: list[str | Path] = ["detect", *series.files, "--format", "json", "--output", found]
    done = zastavka(*words, "--write", "json", "--out", out)
    assert done.code == 0
    rows = json.loads(found.read_text(encoding="utf-8"))["episodes"]
    for path, row in zip(series.files, rows, strict=True):
        text = (out / f"{path.stem}.zastavka.json").read_text(encoding="utf-8")
        assert json.loads(text)["episodes"] == [row]


def test_chapters_are_shown_and_then_put_in_place(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mkv", chapters=[("A", 0.0, 3.0)])
    path.chmod(0o640)
    old, found = path.read_bytes(), written(tmp_path, answer(path, INTRO))
    done = zastavka("chapters", path, "--answers", found)
    assert (done.code, done.out) == (0, "0.00 - 0.50 A\n0.50 - 1.50 Intro\n1.50 - 3.00 A\n")
    copy = tmp_path / "b.mkv"
    assert zastavka("chapters", path, "--answers", found, "--apply", "--output", copy).code == 0
    assert path.read_bytes() == old
    assert zastavka("chapters", path, "--answers", found, "--apply", "--in-place").code == 0
    assert path.stat().st_mode & 0o777 == 0o640
    for file in (copy, path):
        assert [c.title for c in probe(file).chapters] == ["A", "Intro", "A"]


def test_without_answers_the_intro_is_found(series: Series, tmp_path: Path) -> None:
    source = series.files[2]
    done = zastavka("chapters", source, "--apply", "--output", tmp_path / f"b{source.suffix}")
    assert (done.code, done.out) == (0, "")
    assert done.lines == ["Intro not found"] or done.lines[0].startswith("Intro not found")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("layers", [{"inner": ATOM, "more": ""}, {"inner": "", "more": "2"}])
def test_editions_and_nested_chapters_are_not_lost(layers: dict[str, str], tmp_path: Path) -> None:
    mkvmerge = program("mkvmerge")
    plain, path, xml = video(tmp_path / "p.mkv"), tmp_path / "a.mkv", tmp_path / "c.xml"
    if layers["more"]:
        layers = {"inner": "", "more": f"<EditionEntry>{ATOM}</EditionEntry>"}
    xml.write_text(NESTED.format(**layers))
    subprocess.run([mkvmerge, "-q", "-o", path, "--chapters", xml, plain], check=True)
    assert (is_layered(plain), is_layered(path), is_layered(xml)) == (False, True, False)
    old, found = path.read_bytes(), written(tmp_path, answer(path, INTRO))
    done = zastavka("chapters", path, "--answers", found, "--apply", "--in-place")
    assert done.code == 1
    assert "chapters within chapters" in done.lines[0]
    assert path.read_bytes() == old


def test_named_chapters_are_the_truth(tmp_path: Path) -> None:
    rows = [("Intro", 0.0, 0.5), ("OP", 0.5, 1.5), ("A", 1.5, 3.0)]
    path = video(tmp_path / "S" / "a.mkv", chapters=rows)
    video(tmp_path / "S" / "b.mkv", chapters=[("A", 0.0, 3.0)])  # says nothing
    (tmp_path / "S" / "c.mkv").write_bytes(b"broken")
    found = written(tmp_path, answer(path, INTRO))
    done = zastavka("evaluate", path.parent, found, "--chapters", "--format", "json")
    document = json.loads(done.out)
    assert done.code == 3
    assert [Path(p).name for p in document["labels_left_out"]] == ["c.mkv"]
    figures = document["reports"]["found"]["pooled"]
    assert (figures["episodes"], figures["iou"]) == (1, pytest.approx(1.0, abs=0.01))
    none = zastavka("evaluate", path.parent, found, "--chapters", "--type", "recap")
    assert none.code == 1
    assert "no video with a chapter named as recap" in none.lines[0]


def test_what_a_person_said_holds_for_the_file_with_chapters(tmp_path: Path) -> None:
    path = video(tmp_path / "S01E01.mkv")
    assert zastavka("edit", path, "--intro", "0:01-0:03").code == 0
    said = content_key(path)
    found = written(tmp_path, answer(path, Finding(segment=Segment(2.0, 4.0), confidence=0.95)))
    assert zastavka("chapters", path, "--answers", found, "--apply", "--in-place").code == 0
    assert content_key(path) != said
    with Catalog(default_file()) as catalog:
        edits = catalog.edits()
        assert edits[content_key(path)].segments == (Segment(1.0, 3.0),)
        assert edits[said] == edits[content_key(path)]  # nothing is taken away
        assert not catalog.carry_over(said, content_key(path))
        assert not catalog.carry_over("nobody", "spoke of it")


def test_a_library_is_exported_as_it_is_kept(tmp_path: Path) -> None:
    path = video(tmp_path / "S01E01.mkv")
    nothing = zastavka("export", tmp_path, "--write", "edl")
    assert nothing.code == 2
    assert "answer it first: zastavka scan FOLDER" in nothing.lines[-1]
    assert zastavka("edit", path, "--intro", "0:01-0:02.5").code == 0
    assert zastavka("export", tmp_path, "--write", "edl").code == 0
    assert (tmp_path / "S01E01.edl").read_text(encoding="utf-8") == "1.000 2.500 3\n"
    assert zastavka("edit", path, "--none").code == 0
    assert zastavka("export", tmp_path, "--write", "edl").code == 0
    assert not (tmp_path / "S01E01.edl").exists()
