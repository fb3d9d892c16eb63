"""The script for mpv, run by mpv itself without picture or sound."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from media_files import Film, write
from programs import program
from zastavka.detection import Detection, Finding
from zastavka.episode import Episode
from zastavka.export import FORMATS, MPV_SCRIPT, Given, exported
from zastavka.segment import Segment

_WATCHER = """
local last = 0
mp.observe_property("time-pos", "number", function(_, t)
    if t then
        if t - last > 0.6 then mp.commandv("print-text", "JUMP " .. last .. " " .. t) end
        last = t
    end
end)
mp.add_timeout(0.7, function() if PRESS then mp.commandv("keypress", "Ctrl+i") end end)
"""


def given(path: Path) -> Given:
    intro = Finding(segment=Segment(0.5, 2.5), confidence=0.9)
    return Given(Detection(episode=Episode(path), duration=4.0, findings=(intro,)))


def jumps(folder: Path, mode: str, press: bool, skips: bool = True) -> list[tuple[float, float]]:
    """From where to where mpv went by itself or by the key, in seconds."""
    path, watcher = (
        write(folder / "Ж 1.mkv", Film(times=[i / 24 for i in range(96)])),
        folder / "watcher.lua",
    )
    text = exported(given(path), FORMATS["mpv"])
    (folder / "Ж 1.skip.json").write_text(text if skips and text else "[broken", encoding="utf-8")
    watcher.write_text(f"PRESS = {str(press).lower()}\n{_WATCHER}", encoding="utf-8")
    words = ["--no-config", "--vo=null", "--ao=null", f"--script-opts=zastavka-mode={mode}"]
    command = [program("mpv"), *words, f"--script={MPV_SCRIPT}", f"--script={watcher}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "error" not in (done.stdout + done.stderr).lower()
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("JUMP")]
    return [(float(a), float(b)) for _, a, b in lines]


@pytest.mark.parametrize(("mode", "press"), [("auto", False), ("ask", True)])
def test_mpv_goes_over_the_intro(mode: str, press: bool, tmp_path: Path) -> None:
    ((start, end),) = jumps(tmp_path, mode, press)
    assert 0.4 < start < 2.0
    assert 2.3 < end < 2.9


def test_unasked_mpv_shows_all(tmp_path: Path) -> None:
    assert jumps(tmp_path, "ask", press=False) == []


def test_a_broken_file_skips_nothing(tmp_path: Path) -> None:
    assert jumps(tmp_path, "auto", press=True, skips=False) == []


def test_needle_s_file_has_one_opening() -> None:
    text = exported(given(Path("a.mkv")), FORMATS["needle"])
    assert text is not None
    assert json.loads(text) == {"opening": [0.5, 2.5], "ending": None}
