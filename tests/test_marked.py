"""What chapters add to an answer: a person's titles count, our own and vague ones do not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from season import Series, zastavka
from zastavka.answers import reason_line
from zastavka.chapters import merged
from zastavka.detection import Detection, Finding
from zastavka.episode import Episode
from zastavka.i18n import set_language
from zastavka.marked import heeding
from zastavka.media import Chapter
from zastavka.remux import with_chapters
from zastavka.segment import Segment

INTRO = Segment(43.0, 72.5)
NEAR, FAR = Segment(42.0, 73.0), Segment(300.0, 330.0)
BY_SEASON = Finding(
    segment=INTRO, confidence=0.99, sources=("sound", "picture", "model"), reason="repeats"
)
BY_MODEL = replace(BY_SEASON, confidence=0.7, sources=("model", "sound"), reason="known")


def answer(*findings: Finding) -> Detection:
    return Detection(
        episode=Episode(Path("a.mkv")), duration=1500.0, findings=findings,
        not_found_reason=None if any(f.status == "found" for f in findings) else "nothing",
        not_found_confidence=None if findings else 0.8,
    )  # fmt: skip


def marks(title: str, segment: Segment) -> list[Chapter]:
    return [
        Chapter("Part 1", Segment(0.0, segment.start)),
        Chapter(title, segment),
        Chapter("Part 2", Segment(segment.end, 1500.0)),
    ]


def test_a_file_without_such_chapters_is_answered_as_it_was() -> None:
    for before in (answer(), answer(BY_SEASON)):
        assert heeding(before, ()) is before
        assert heeding(before, marks("Scene two", INTRO)) is before
        assert heeding(before, marks("Opening", Segment(1.0, 900.0))) is before  # no intro is that


@pytest.mark.parametrize("title", ["Opening", "OP", "Заставка", "Opening Credits"])
def test_a_title_is_the_answer_where_there_is_none(title: str) -> None:
    found = heeding(answer(), marks(title, NEAR))
    [finding] = found.findings
    assert found.segments() == (NEAR,)
    assert (finding.sources, finding.reason) == (("chapters",), "a chapter of the file says so")
    assert (found.not_found_reason, found.not_found_confidence) == (None, None)


def test_a_title_lets_stand_what_awaited_review_with_its_finer_edges() -> None:
    found = heeding(answer(replace(BY_MODEL, status="review")), marks("OP", NEAR))
    [finding] = found.findings
    assert found.segments() == (INTRO,)
    assert finding.sources == ("model", "sound", "chapters")
    assert finding.confidence == 0.9
    assert found.not_found_reason is None


def test_what_is_found_already_keeps_its_edges_and_loses_no_confidence() -> None:
    [finding] = heeding(answer(BY_SEASON), marks("Opening", NEAR)).findings
    assert (finding.segment, finding.confidence, finding.status) == (INTRO, 0.99, "found")
    assert finding.reason == "repeats; a chapter of the file agrees"


def test_what_repeats_is_not_overruled_and_the_network_alone_gives_way() -> None:
    season = heeding(answer(BY_SEASON), marks("Opening", FAR))
    assert season.segments() == (INTRO,)
    assert [f.status for f in season.findings] == ["found", "review"]
    model = heeding(answer(BY_MODEL), marks("Opening", FAR))
    assert model.segments() == (FAR,)
    assert model.findings[0].status == "review"
    assert model.findings[0].reason == "known; a chapter of the file says otherwise"


def test_reasons_are_told_in_russian() -> None:
    set_language("ru")
    [finding] = heeding(answer(BY_SEASON), marks("Opening", NEAR)).findings
    why = "repeats in 3 of 3 episodes, heard and seen"
    told = reason_line((finding.reason or "").replace("repeats", why))
    assert told.endswith("; глава файла с этим согласна")
    assert told.startswith("повторяется")
    assert "модель" in reason_line("not sure enough: the model knows it by its sound")


def test_a_very_long_chapter_or_one_of_several_is_not_believed_by_itself() -> None:
    long = heeding(answer(), marks("Opening", Segment(10.0, 160.0)))
    assert [f.status for f in long.findings] == ["review"]
    two = [*marks("Opening", NEAR)[:2], Chapter("OP", FAR)]
    assert [f.status for f in heeding(answer(), two).findings] == ["review", "review"]


def test_a_plain_intro_makes_nobody_skip() -> None:
    assert heeding(answer(), marks("Intro", NEAR)).segments() == ()
    waiting = heeding(answer(replace(BY_MODEL, status="review")), marks("Intro", NEAR))
    assert waiting.segments() == ()
    assert heeding(answer(BY_MODEL), marks("Intro", FAR)).segments() == (INTRO,)


def test_our_own_chapters_confirm_nothing() -> None:
    own = merged((), [BY_MODEL], 1500.0)
    assert heeding(answer(BY_MODEL), own) == answer(BY_MODEL)
    doubtful = answer(replace(BY_MODEL, status="review"))
    assert heeding(doubtful, own) == doubtful


def test_other_kinds_stay() -> None:
    logo = Finding(segment=Segment(0.0, 5.0), type="logo")
    found = heeding(answer(logo, replace(BY_MODEL, status="review")), marks("OP", NEAR))
    assert [f.type for f in found.findings] == ["logo", "intro"]


@pytest.fixture
def folder(series: Series, tmp_path: Path) -> Path:
    """A season whose last episode has no theme, but a chapter that says so."""
    place = tmp_path / "Дом"
    place.mkdir()
    for file in series.files[:2]:
        shutil.copy(file, place / file.name)
    told = [
        Chapter("Part 1", Segment(0.0, 4.0)),
        Chapter("Opening", Segment(4.0, 10.0)),
        Chapter("Part 2", Segment(10.0, 20.0)),
    ]
    with_chapters(series.files[2], told, place / series.files[2].name)
    return place


def found_in(folder: Path, name: str, *words: str) -> list[tuple[float, float, str]]:
    rows = json.loads(zastavka("detect", folder, "--format", "json", *words).out)["episodes"]
    [row] = [row for row in rows if Path(row["path"]).name == name]
    return [(s["start"], s["end"], s["status"]) for s in row["segments"]]


@pytest.mark.parametrize("road", [(), ("--alone",)])
def test_chapters_of_a_file_are_heeded_unless_one_asks_not_to(
    series: Series, folder: Path, road: tuple[str, ...]
) -> None:
    name = series.files[2].name
    assert found_in(folder, name, *road) == [(4.0, 10.0, "found")]
    assert (4.0, 10.0, "found") not in found_in(folder, name, "--no-chapters", *road)


def test_a_scan_without_chapters_is_another_scan(series: Series, folder: Path) -> None:
    zastavka("scan", folder)
    preview = zastavka("scan", folder, "--no-chapters", "--changes", "--lang", "en")
    assert preview.out.count("was: Intro found: 4.00s - 10.00s") == 1
    assert series.files[2].name in preview.out
