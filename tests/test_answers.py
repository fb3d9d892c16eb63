from __future__ import annotations

from pathlib import Path

from zastavka.answers import answer_line, exit_code, review_lines
from zastavka.detection import Detection, Finding, Status
from zastavka.episode import Episode
from zastavka.i18n import set_language
from zastavka.segment import Segment


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


def test_what_is_found_needs_no_review() -> None:
    sure = detection("found")
    assert answer_line(sure) == "Intro found: 20.00s - 35.50s"
    assert review_lines([sure]) == []
    assert exit_code([sure], expect_intro=True) == 0
