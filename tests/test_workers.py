"""Workers: whatever a file does to its process, the others are done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zastavka.errors import MediaError
from zastavka.workers import Limits, Workers, result_of

FILM = Path("film.mkv")
LIMITS = Limits(seconds=3.0, memory=0.7)


def make() -> str:
    return "made"


def told(made: str, what: str) -> str:
    return f"{made} {what}"


def hang(_: str) -> None:
    time.sleep(600)


def break_down(_: str) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def eat(_: str) -> int:
    return len(bytearray(2 << 30))


def refuse(_: str) -> None:
    raise MediaError("a.mkv", "is empty", "leave it out")


def fault(_: str) -> None:
    raise IndexError("no such stream")


def process(_: str) -> int:
    return os.getpid()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers[str]]:
    with Workers(1, make, LIMITS) as workers:
        yield workers


@pytest.mark.parametrize(
    ("task", "says"),
    [
        (
            hang,
            "film.mkv: was not done in 3 s, and was given up; allow more with --time-limit",
        ),
        (break_down, "film.mkv: made its reader break down (SIGSEGV); convert the file"),
        (eat, "film.mkv: needs more memory than 0.7 GB; allow more with --memory-limit"),
        (refuse, "a.mkv: is empty; leave it out"),
        (fault, "film.mkv: can't be read: no such stream; convert the file"),
    ],
)
def test_a_file_that_can_t_be_done_is_one_line_and_the_next_is_done(
    workers: Workers[str], task: Callable[[str], object], says: str
) -> None:
    bad = workers.submit(task, 1)
    good = workers.submit(told, 1, "by it")
    with pytest.raises(MediaError) as raised:
        result_of(bad, FILM, LIMITS)
    assert str(raised.value).startswith(says)
    assert result_of(good, FILM, LIMITS) == "made by it"


def test_one_process_does_many_tasks(workers: Workers[str]) -> None:
    ids = {result_of(workers.submit(process, 1), FILM, LIMITS) for _ in range(4)}
    assert len(ids) == 1
    assert os.getpid() not in ids


def test_an_exception_ends_what_is_at_work() -> None:
    numbers = []

    def stop() -> None:
        with Workers(1, make, Limits()) as workers:
            numbers.append(result_of(workers.submit(process, 1), FILM, Limits()))
            workers.submit(hang, 1)  # for longer than a test may take
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert not is_alive(numbers[0])


PARENT = """
import sys, time
sys.path.insert(0, {tests!r})
from test_workers import FILM, Limits, Workers, hang, make, process, result_of
if __name__ == "__main__":
    with Workers(1, make) as workers:
        print(result_of(workers.submit(process, 1), FILM, Limits()), flush=True)
        workers.submit(hang, 1).result()
"""


def test_none_is_left_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(tests=str(Path(__file__).parent)))
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        if not is_alive(number):
            return
        time.sleep(0.1)
    raise AssertionError("it is still there")


def is_alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
