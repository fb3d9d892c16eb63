from __future__ import annotations

from pathlib import Path

import pytest

from zastavka.answers import answer_line, as_csv, exit_code, reason_line, review_lines
from zastavka.decide import REASONS
from zastavka.detection import Detection, Finding, Status, doubted
from zastavka.episode import Episode
from zastavka.i18n import set_language
from zastavka.pipeline import Curve
from zastavka.segment import Grid, Segment


def detection(status: Status) -> Detection:
    finding = Finding(segment=Segment(20.0, 35.5), confidence=0.3, status=status)
    return Detection(episode=Episode(Path("S/E1.mkv")), duration=100.0, findings=(finding,))


def test_what_awaits_review_is_told_and_not_answered() -> None:
    doubtful = detection("review")
    assert answer_line(doubtful) == "Intro not found"
    assert review_lines([doubtful]) == [
        "S/E1.mkv: perhaps 20.00s - 35.50s; look at it (sure: 0.30)"
    ]
    assert exit_code([doubtful], expect_intro=True) == 4
    set_language("ru")
    (line,) = review_lines([doubtful])
    assert "20.00с - 35.50с" in line


def none(sure: float | None = None, reason: str | None = "silence") -> Detection:
    return Detection(
        episode=Episode(Path("S/E1.mkv")), duration=100.0,
        not_found_reason=reason, not_found_confidence=sure,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "english", "russian"),
    [
        (none(), "Intro not found", "Заставка не обнаружена"),
        (
            none(0.876, "nothing of it is in another of the 8 episodes"),
            "Intro not found (87 % sure): nothing of it is in another of the 8 episodes",
            "Заставка не обнаружена (уверенность 87 %): "
            "ничего из этой серии нет в других (всего серий: 8)",
        ),
        (none(0.9999, None), "Intro not found (99 % sure)",
         "Заставка не обнаружена (уверенность 99 %)"),
        (none(1.0), "Intro not found (100 % sure): silence",
         "Заставка не обнаружена (уверенность 100 %): silence"),
        (
            doubted([detection("found")], 0.8)[0],
            "Intro not found: not sure enough: 0.30 is below 0.80",
            "Заставка не обнаружена: уверенности мало: 0.30 ниже 0.80",
        ),
        (doubted([detection("found")], 0.3)[0], "Intro found: 20.00s - 35.50s",
         "Заставка обнаружена: 20.00с - 35.50с"),
    ],
)  # fmt: skip
def test_how_sure_it_is_that_there_is_none(result: Detection, english: str, russian: str) -> None:
    assert answer_line(result) == english
    set_language("ru")
    assert answer_line(result) == russian


@pytest.mark.parametrize(
    "reason",
    [
        *(f"not sure enough: {reason}" for reason in REASONS.values()),
        *(f"what repeats is no intro: repeats in 4 of 9 episodes, {senses}, but it is at the end"
          for senses in ("heard", "seen", "heard and seen")),
        "nothing like an intro in the first 300 s",
    ],
)  # fmt: skip
def test_a_reason_is_told_in_the_reader_s_language(reason: str) -> None:
    assert reason_line(reason) == reason
    set_language("ru")
    assert not set("abcdefghijklmnopqrstuvwxyz") & set(reason_line(reason))
    digits = [sign for sign in reason if sign.isdigit()]
    assert [sign for sign in reason_line(reason) if sign.isdigit()] == digits


def test_what_is_doubted_is_acted_on_by_nobody() -> None:
    [doubtful] = doubted([detection("found")], 0.31)
    assert isinstance(doubtful, Detection)
    assert exit_code([doubtful], expect_intro=True) == 4
    grid = Grid(10.0, 10)
    curves = {doubtful.episode.path: Curve(grid, grid.times / 100)}
    assert as_csv([detection("found")], curves).count(",1\n") == 2
    assert as_csv([doubtful], curves).count(",1\n") == 0
    assert review_lines([doubtful])


def test_what_is_found_needs_no_review() -> None:
    sure = detection("found")
    assert answer_line(sure) == "Intro found: 20.00s - 35.50s"
    assert review_lines([sure]) == []
    assert exit_code([sure], expect_intro=True) == 0
