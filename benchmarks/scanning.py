"""A kept library: scans that are killed, unchanged, added to; memory, and processors at work.

`python benchmarks/scanning.py PART --work DIR`, PART one of kills, unchanged, added, memory, busy.
Everything is composed into DIR, once. Each scan is a process as a person starts it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

from zastavka.arguments import season_config
from zastavka.compose import SeriesSpec, compose, random_spec
from zastavka.detection import Detection, Finding
from zastavka.library.catalog import Catalog
from zastavka.library.scan import keep, made_with, plan
from zastavka.model import BUILTIN
from zastavka.segment import Segment
from zastavka.workers import processors

KILLS, EPISODES = 50, 30
FILES = 2000
SEASON = 24
SIZES = (30, 120, 480)
BUSY = 100
_MB = 1024**2


@dataclass(frozen=True)
class Scan:
    """How one scan went. `idle`: seconds of all processors that nobody used meanwhile."""

    wall: float
    cpu: float  # seconds, of all its processes
    idle: float
    peak: float  # bytes of all its processes, shared ones counted once
    answers: dict[str, object]  # by name of file


class Home:
    """A catalog and a cache of their own."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.catalog = folder, folder / "catalog.sqlite3"
        self.env = os.environ | {
            "ZASTAVKA_CACHE": str(folder / "cache"), "ZASTAVKA_CATALOG": str(self.catalog),
            "XDG_CONFIG_HOME": str(folder), "LC_ALL": "C.UTF-8",
        }  # fmt: skip

    def start(self, library: Path, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "zastavka", "scan", str(library), "--format", "json"]
        output = (self.folder / "answers.json").open("wb")
        with output, (self.folder / "errors").open("wb") as errors:
            return subprocess.Popen([*command, *words], stdout=output, stderr=errors, env=self.env)

    def scan(self, library: Path, *words: str) -> Scan:
        idle, cpu, began = _idle(), _cpu(), perf_counter()
        process, over, peaks = self.start(library, *words), Event(), [0.0]
        watch = Thread(target=_watch, args=(process.pid, over, peaks))
        watch.start()
        code = process.wait()
        wall, cpu, idle = perf_counter() - began, _cpu() - cpu, _idle() - idle
        over.set()
        watch.join()
        if code not in (0, 3):
            sys.exit((self.folder / "errors").read_text())
        return Scan(wall, cpu, idle, max(peaks), self.answers())

    def answers(self) -> dict[str, object]:
        rows = json.loads((self.folder / "answers.json").read_text(encoding="utf-8"))["episodes"]
        for row in rows:
            row.pop("work", None)  # seconds that it took
        return {row["path"]: row for row in rows}

    def read(self) -> set[str]:
        """What was made of files so far: prints, and features of those in doubt."""
        return {file.name for file in (self.folder / "cache").rglob("*.safetensors")}

    def is_sound(self) -> bool:
        if not self.catalog.exists():
            return True
        with closing(sqlite3.connect(self.catalog)) as base:
            return base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def kept(self) -> int:
        """How many answers the catalog holds."""
        if not self.catalog.exists():
            return 0
        with closing(sqlite3.connect(self.catalog)) as base:
            try:
                [(n,)] = base.execute("SELECT count(*) FROM answers")
            except sqlite3.OperationalError:
                return 0
        return int(n)


def kills(work: Path) -> None:
    library = _library(work / "small", EPISODES // 3)
    whole = Home(work / "whole").scan(library)
    print(f"undisturbed: {len(whole.answers)} files, {whole.wall:.1f} s", flush=True)
    draw, home, done, midway, rounds, damaged, others = random.Random(9), None, 0, 0, 0, 0, 0
    left = 0
    while done < KILLS:
        home = home or Home(work / "killed")
        process = home.start(library)
        try:
            process.wait(draw.uniform(0.05, whole.wall))
        except subprocess.TimeoutExpired:
            mine = _tree(process.pid)
            process.send_signal(signal.SIGKILL)
            process.wait()
            done += 1
            midway += 0 < home.kept() < len(whole.answers)
            damaged += not home.is_sound()
            left += _alive(mine)
            if done % 10:
                continue
        last = home.scan(library)
        rounds, others = rounds + 1, others + (last.answers != whole.answers)
        print(f"kills {done}, whole again {rounds}, other answers {others}", flush=True)
        home = None
    print(f"kills {done}, with some seasons kept {midway}, damaged catalogs {damaged},")
    print(
        f"processes left 5 s later {left}, scans to the end {rounds}, with other answers {others}"
    )


def unchanged(work: Path) -> None:
    """Its answers are put in, not found: what counts is the second scan."""
    library = _copies(_library(work / "small", EPISODES // 3), work / "many", FILES)
    home = Home(work / "home-many")
    made = made_with(BUILTIN, ["intro", season_config(None).model_dump_json()])
    with Catalog(home.catalog) as catalog:
        for task in plan(catalog, [library], made).tasks:
            intro = Finding(segment=Segment(3.0, 11.0))
            keep(catalog, task, made, [
                Detection(episode=e, duration=32.0, findings=(intro,)) for e in task.season.episodes
            ])  # fmt: skip
    before = home.read()
    for _ in range(3):
        scan = home.scan(library)
        _tell(f"{len(scan.answers)} files, nothing changed", scan)
    print(f"decoded: {len(home.read() - before)}")


def added(work: Path) -> None:
    [spec] = _specs(1, SEASON + 1)
    files = [d.episode.path for d in compose([spec], work / "season", workers=1)]
    library, home = work / "added", Home(work / "home-added")
    shutil.rmtree(library, ignore_errors=True)
    library.mkdir()
    for file in files[:-1]:
        shutil.copy2(file, library)
    _tell(f"season of {SEASON}", home.scan(library))
    before = home.read()
    shutil.copy2(files[-1], library)
    _tell("one added", home.scan(library))
    new = home.read() - before
    print(f"made of files: {len(new)}, of {len({name.split('-')[0] for name in new})} file(s)")


def memory(work: Path) -> None:
    source = _library(work / "small", EPISODES // 3)
    for n in SIZES:
        _tell(f"{n} files", Home(work / "home-memory").scan(_copies(source, work / f"of{n}", n)))


def busy(work: Path) -> None:
    specs = [random_spec(i, 3, 5, 45.0) for i in range(BUSY // 5)]
    library = work / "hundred"
    if not (library / "truth.json").exists():
        compose(specs, library)
    _tell(f"{BUSY} composed episodes", Home(work / "home-busy").scan(library))


def _tell(what: str, scan: Scan) -> None:
    n = processors()
    print(
        f"{what}: {scan.wall:.2f} s, CPU {scan.cpu:.2f} s, {scan.cpu / scan.wall / n:.0%} of {n}"
        f" processors, {scan.cpu / (scan.cpu + scan.idle):.0%} of what others left,"
        f" peak {scan.peak / _MB:.0f} MB, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _specs(n: int, episodes: int, body: float = 24, theme: float = 8) -> Sequence[SeriesSpec]:
    return [
        SeriesSpec(
            name=f"Series {i}", seed=50 + i, episodes=episodes, body=body, theme=theme, fps=12,
            size=(96, 54),
        )
        for i in range(n)
    ]  # fmt: skip


def _library(folder: Path, series: int) -> Path:
    if not (folder / "truth.json").exists():
        compose(_specs(series, 3), folder)
    return folder


def _copies(source: Path, folder: Path, n: int) -> Path:
    """`n` files in seasons of up to 24, each with bytes of its own behind the film."""
    shutil.rmtree(folder, ignore_errors=True)
    films = [file.read_bytes() for file in sorted(source.rglob("*.mkv"))]
    for i in range(n):
        series, number = divmod(i, SEASON)
        place = folder / f"Copy {series}" / f"Copy {series} S01E{number + 1:02d}.mkv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(films[i % len(films)] + i.to_bytes(4, "big"))
    return folder


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _idle() -> float:
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(ticks[4]) + int(ticks[5])) / os.sysconf("SC_CLK_TCK")


def _tree(root: int) -> list[int]:
    """A process and all below it."""
    found = [root]
    for pid in found:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _alive(pids: Sequence[int]) -> int:
    """How many of them are still there after 5 s."""

    def state(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return "Z"

    for _ in range(50):
        if all(state(pid) == "Z" for pid in pids):
            return 0
        sleep(0.1)
    return sum(state(pid) != "Z" for pid in pids)


def _watch(root: int, over: Event, peaks: list[float]) -> None:
    while not over.wait(0.3):
        total = 0
        for pid in _tree(root):
            try:
                rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(1024 * int(row.split()[1]) for row in rows if row.startswith("Pss:"))
        peaks.append(float(total))


PARTS = {"kills": kills, "unchanged": unchanged, "added": added, "memory": memory, "busy": busy}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--work", type=Path, required=True)
    chosen = parser.parse_args()
    PARTS[chosen.part](chosen.work)
