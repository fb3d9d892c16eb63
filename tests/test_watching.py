"""`watch`: files are scanned once they are whole, and never in the middle of a copy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest

from season import Series, zastavka
from zastavka.library.arrivals import Arrivals, scans_due

PATIENCE = 60.0  # seconds; a test that waits this long has failed


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def arrivals(clock: Clock) -> Arrivals:
    return Arrivals(10.0, clock)


def test_a_file_is_whole_when_nothing_happened_to_it_for_a_while(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    film = tmp_path / "a.mkv"
    film.write_bytes(b"half")
    arrivals.note(film)
    clock.now = 9.0
    assert not arrivals.are_whole()
    clock.now = 10.0
    assert arrivals.are_whole()
    assert not arrivals.are_whole()  # it is told once


def test_a_file_that_grows_unseen_begins_to_wait_anew(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    film = tmp_path / "a.mkv"
    film.write_bytes(b"half")
    arrivals.note(film)
    clock.now = 9.0
    film.write_bytes(b"and the rest")
    assert not arrivals.are_whole()
    clock.now = 18.0
    assert not arrivals.are_whole()
    clock.now = 19.0
    assert arrivals.are_whole()


def test_one_that_is_whole_waits_for_others_under_way(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.mkv", tmp_path / "b.mkv"
    first.write_bytes(b"a")
    arrivals.note(first)
    clock.now = 5.0
    second.write_bytes(b"b")
    arrivals.note(second)
    clock.now = 10.0
    assert not arrivals.are_whole()
    clock.now = 15.0
    assert arrivals.are_whole()


def test_what_vanishes_or_is_no_video_is_not_waited_for(
    arrivals: Arrivals, clock: Clock, tmp_path: Path
) -> None:
    film, notes = tmp_path / "a.mkv", tmp_path / "notes.txt"
    film.write_bytes(b"a")
    notes.write_bytes(b"a")
    arrivals.note(film)
    arrivals.note(notes)
    film.unlink()
    clock.now = 100.0
    assert not arrivals.are_whole()
    assert not arrivals.under_way


def test_a_folder_stands_for_all_in_it(arrivals: Arrivals, clock: Clock, tmp_path: Path) -> None:
    season = tmp_path / "Season 1"
    season.mkdir()
    (season / "a.mkv").write_bytes(b"a")
    arrivals.note(season)
    clock.now = 10.0
    assert arrivals.are_whole()


@contextmanager
def due(*folders: Path, settle: float = 0.2, every: float = 1e6) -> Iterator[Queue[float]]:
    """Times at which scans are due, as they come."""
    stop, told = threading.Event(), Queue[float]()

    def wait() -> None:
        for _ in scans_due(folders, settle, every, stop):
            told.put(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_scan_is_due_at_once_and_when_a_folder_was_moved_in(tmp_path: Path) -> None:
    library, elsewhere = tmp_path / "library", tmp_path / "Season 1"
    library.mkdir()
    elsewhere.mkdir()
    (elsewhere / "a.mkv").write_bytes(b"a")
    with due(library) as told:
        told.get(timeout=PATIENCE)
        time.sleep(1.0)  # the system's messages begin a moment later
        elsewhere.rename(library / "Season 1")
        told.get(timeout=PATIENCE)
        (library / "notes.txt").write_bytes(b"no video")
        with pytest.raises(Empty):
            told.get(timeout=2.0)


def test_a_scan_is_due_from_time_to_time_anyhow(tmp_path: Path) -> None:
    with due(tmp_path, every=0.5) as told:
        for _ in range(3):
            told.get(timeout=PATIENCE)


def test_a_folder_may_vanish_and_come_back(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    with due(library) as told:
        told.get(timeout=PATIENCE)
        time.sleep(1.0)
        library.rmdir()
        time.sleep(1.5)
        library.mkdir()
        time.sleep(1.5)
        (library / "a.mkv").write_bytes(b"a")
        told.get(timeout=PATIENCE)


def until(true: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.1)):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(true)


def test_episodes_are_answered_once_they_are_copied(series: Series, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    words = ["watch", str(library), "--settle", "2", "--write", "edl", "--lang", "en"]
    running = subprocess.Popen(
        [sys.executable, "-m", "zastavka", *words, "--catalog", str(tmp_path / "catalog")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "ZASTAVKA_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert running.stdout is not None
    lines: Queue[str] = Queue()

    def read() -> None:
        for line in running.stdout or ():
            lines.put(line)

    threading.Thread(target=read, daemon=True).start()
    try:
        time.sleep(3.0)
        shutil.copy(series.files[0], library / series.files[0].name)
        whole = series.files[1].read_bytes()
        half = library / series.files[1].name
        half.write_bytes(whole[: len(whole) // 2])
        time.sleep(1.5)
        half.write_bytes(whole)
        told = [lines.get(timeout=PATIENCE) for _ in range(2)]
        assert [Path(line.split(": ")[0]).name for line in told] == [
            file.name for file in series.files[:2]
        ]
        assert all(": Intro found" in line for line in told)
        for file in series.files[:2]:
            until((library / file.name).with_suffix(".edl").exists)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    assert running.returncode == 0, err
    assert err.splitlines()[-1] == "stopped"
    assert "Traceback" not in err


def test_what_was_answered_before_is_given_to_players(series: Series, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    film = library / series.files[0].name
    for file in series.files[:2]:
        shutil.copy(file, library / file.name)
    zastavka("scan", library)
    words = [str(library), "--settle", "0.1", "--write", "edl"]
    with subprocess.Popen(
        [sys.executable, "-m", "zastavka", "watch", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        until(film.with_suffix(".edl").exists)
        running.send_signal(signal.SIGTERM)


def test_what_is_no_folder_is_said(tmp_path: Path) -> None:
    answer = zastavka("watch", tmp_path / "none", "--lang", "en")
    assert answer.code == 1
    assert answer.lines == [f"{tmp_path / 'none'}: is no folder; name a folder of videos"]
