"""The server under load, and killed in the middle of its work.

    python benchmarks/serving.py --work DIR [--only load uploads kills] [--seconds 60]

load     200 open connections, from a process of their own, each asking for the page of a season of
         50 episodes once a second, while two scans run; and how long events of jobs take to arrive
uploads  50 files of 100 MB at once, and what memory the server takes for that
kills    20 uploads and 5 scans; the server is killed three times in the middle, and started again

The season is composed by the program into DIR once; 50 uploads take 5 GB there for a while.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from zastavka.compose import SeriesSpec, compose
from zastavka.detection import Detection, read_detections

SPEC = SeriesSpec(
    name="Fifty", seed=11, episodes=50, body=24, theme=8, fps=12, size=(96, 54), without=(3, 17)
)
CONNECTIONS, UPLOADS, MEGABYTES = 200, 50, 100
PIECE = 4 << 20  # bytes of an upload that are sent in one request
KILLED_UPLOADS, KILLED_JOBS, KILLS = 20, 5, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.client:
        port, path, seconds = a.client
        print(json.dumps(asyncio.run(ask_all(int(port), path, float(seconds)))))
        return
    source = a.work / "source"
    if not (source / "truth.json").exists():
        compose([SPEC], source, workers=1)
    for name in a.only:
        print(f"\n{name}, load of the machine before: {os.getloadavg()[0]:.1f}")
        PARTS[name](a.work, source / SPEC.name, a.seconds)


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    port: int

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        if isinstance(body, bytes):
            data, kind = body, "application/octet-stream"
        else:
            data, kind = json.dumps(body).encode() if body is not None else b"", "application/json"
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}", data or None, method=method,
            headers={"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def resident(self) -> float:
        """Megabytes of memory of the server itself, its children apart."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1000  # type: ignore[index]

    def scheduled(self) -> tuple[float, float]:
        """Seconds that its threads ran, and that they waited for a processor."""
        ran = waited = 0
        for file in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            parts = file.read_text().split()
            ran, waited = ran + int(parts[0]), waited + int(parts[1])
        return ran / 1e9, waited / 1e9


@contextmanager
def serving(place: Path, folders: Sequence[Path]) -> Iterator[Server]:
    command = [
        sys.executable, "-m", "zastavka", "serve", *map(str, folders), "--port", "0",
        "--catalog", str(place / "catalog.sqlite3"), "--data", str(place / "data"), "--lang", "en",
    ]  # fmt: skip
    environment = {**os.environ, "ZASTAVKA_CACHE": str(place / "cache")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr
        line = process.stderr.readline()
        yield Server(process, int(re.search(r":(\d+)/", line)[1]))  # type: ignore[index]
    finally:
        process.terminate()
        process.wait()


def fresh(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def others(files: Sequence[Path], folder: Path, n: int, salt: bytes) -> Path:
    """Copies of episodes that hold something else at their ends: no cache knows them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, file in enumerate(files[:n]):
        name = f"{folder.name} S01E{i + 1:02d}.mkv"
        # a Void element of Matroska, which players pass over
        (folder / name).write_bytes(file.read_bytes() + b"\xec" + bytes([0x80 | len(salt)]) + salt)
    return folder


def scan(server: Server, name: str) -> dict[str, Any]:
    roots = {root["name"]: root["id"] for root in server.call("GET", "/roots")["roots"]}
    job: dict[str, Any] = server.call("POST", "/jobs", {"kind": "scan", "root": roots[name]})
    return job


def over(server: Server, job: dict[str, Any]) -> dict[str, Any]:
    while True:
        now: dict[str, Any] = server.call("GET", f"/jobs/{job['id']}")
        if now["state"] in ("done", "failed", "cancelled"):
            return now
        time.sleep(0.2)


def load(work: Path, source: Path, seconds: float) -> None:
    place = fresh(work / "load")
    files = sorted(source.glob("*.mkv"))
    busy = [others(files, place / name, 12, os.urandom(8)) for name in ("Left", "Right")]
    with serving(place, [source, *busy]) as server:
        over(server, scan(server, source.name))
        [fifty] = [s for s in server.call("GET", "/series")["series"] if s["title"] == SPEC.name]
        season = fifty["seasons"][0]["id"]
        ended = threading.Event()
        scans = [0]

        def keep_busy(folder: Path) -> None:
            while not ended.is_set():
                over(server, scan(server, folder.name))
                scans[0] += 1
                others(files, folder, 12, os.urandom(8))

        delays: list[float] = []
        listener = threading.Thread(target=listen, args=(server, delays, ended), daemon=True)
        listener.start()
        workers = [threading.Thread(target=keep_busy, args=(folder,)) for folder in busy]
        for worker in workers:
            worker.start()
        command = [
            sys.executable, __file__, "--work", str(work),
            "--client", str(server.port), f"/api/v1/seasons/{season}", str(seconds),
        ]  # fmt: skip
        before = server.scheduled()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        ended.set()
        memory, after = server.resident(), server.scheduled()
        for worker in workers:
            worker.join()
    times = 1000 * np.array(json.loads(done.stdout)["times"])
    p50, p95, p99 = np.percentile(times, [50, 95, 99])
    print(f"load after: {os.getloadavg()[0]:.1f}; scans that ended meanwhile: {scans[0]}")
    ran, waited = (b - a for a, b in zip(before, after, strict=True))
    print(f"the server ran {ran:.1f} s, and waited {waited:.1f} s for a processor")
    print(f"requests {len(times)}, bytes each {json.loads(done.stdout)['bytes']}")
    print(f"ms: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, max {times.max():.1f}")
    print(f"server {memory:.0f} MB; events {len(delays)}: ms from the change to its event: "
          f"p50 {1000 * np.median(delays):.0f}, max {1000 * max(delays):.0f}")  # fmt: skip


def listen(server: Server, delays: list[float], ended: threading.Event) -> None:
    """How long after a job began or ended its event came."""
    url = f"http://127.0.0.1:{server.port}/api/v1/events"
    told: set[tuple[str, str]] = set()
    began = datetime.now(UTC)
    with urllib.request.urlopen(url, timeout=600) as events:
        for line in events:
            if ended.is_set():
                return
            if not line.startswith(b"data:"):
                continue
            job = json.loads(line[5:])
            at = {"running": job["started"], "done": job["ended"]}.get(job["state"])
            if at is None or (job["id"], job["state"]) in told:
                continue
            told.add((job["id"], job["state"]))
            when = datetime.fromisoformat(at)
            if when > began:
                delays.append((datetime.now(UTC) - when).total_seconds())


async def ask_all(port: int, path: str, seconds: float) -> dict[str, Any]:
    """Seconds of each answer to many connections that ask once a second."""
    times: list[float] = []
    sizes: list[int] = []
    start = time.monotonic() + 3  # when all are connected
    end = start + seconds

    async def one(i: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        due = start + i / CONNECTIONS
        await asyncio.sleep(due - time.monotonic())
        while due < end:
            # when it was due, not when it was sent: a late answer makes the next one late too
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert head.startswith("HTTP/1.1 200"), head
            size = int(re.search(r"content-length: (\d+)", head)[1])  # type: ignore[index]
            await reader.readexactly(size)
            times.append(time.monotonic() - due)
            sizes.append(size)
            due += 1.0
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        writer.close()

    await asyncio.gather(*map(one, range(CONNECTIONS)))
    return {"times": times, "bytes": sizes[0]}


def uploads(work: Path, source: Path, _: float) -> None:
    place = fresh(work / "uploads")
    films = [file.read_bytes() for file in sorted(source.glob("*.mkv"))]
    size = MEGABYTES * 1_000_000
    with serving(place, []) as server:
        idle, most, ended = server.resident(), [0.0], threading.Event()

        def watch() -> None:
            while not ended.wait(0.05):
                most[0] = max(most[0], server.resident())

        def send(i: int) -> str:
            film = films[i % len(films)]
            body = {"name": f"Large S01E{i + 1:02d}.mkv", "size": size}
            upload = server.call("POST", "/uploads", body)
            at = 0
            while at < size:
                piece = film[at : at + PIECE] if at < len(film) else b""
                piece += bytes(min(PIECE, size - at) - len(piece))
                url = f"/uploads/{upload['id']}"
                at = server.call("PUT", url, piece, upload_offset=str(at))["offset"]
            while (state := server.call("GET", url)["state"]) not in ("ready", "refused"):
                time.sleep(0.2)
            return str(state)

        watcher = threading.Thread(target=watch)
        watcher.start()
        began = time.monotonic()
        with ThreadPoolExecutor(UPLOADS) as pool:
            states = list(pool.map(send, range(UPLOADS)))
        gone = time.monotonic() - began
        ended.set()
        watcher.join()
    ready, rate = states.count("ready"), UPLOADS * MEGABYTES / gone
    print(f"{UPLOADS} at once of {MEGABYTES} MB, ready {ready}: {gone:.0f} s, {rate:.0f} MB/s")
    print(f"server {idle:.0f} MB idle, {most[0]:.0f} MB at most")
    shutil.rmtree(place)


def kills(work: Path, source: Path, _: float) -> None:
    place = fresh(work / "kills")
    files = sorted(source.glob("*.mkv"))
    titles = ["Alder", "Birch", "Cedar", "Dogwood", "Elm"][:KILLED_JOBS]
    folders = [others(files[10 * i :], place / name, 10, os.urandom(8))
               for i, name in enumerate(titles)]  # fmt: skip
    data = [file.read_bytes() + bytes(5_000_000) for file in files[:KILLED_UPLOADS]]
    made: list[dict[str, Any]] = []
    jobs: list[dict[str, Any]] = []
    lost = 0
    rng = np.random.default_rng(3)
    for turn in range(KILLS + 1):
        with serving(place, folders) as server:
            if not turn:
                for i, each in enumerate(data):
                    body = {"name": f"Sent S01E{i + 1:02d}.mkv", "size": len(each),
                            "sha256": hashlib.sha256(each).hexdigest()}  # fmt: skip
                    made.append({**server.call("POST", "/uploads", body), "taken": 0})
                jobs = [scan(server, name) for name in titles]
            for upload in made:
                offset = server.call("GET", f"/uploads/{upload['id']}")["offset"]
                lost += offset < upload["taken"]
                upload["taken"] = offset
            threads = [threading.Thread(target=send_on, args=(server, upload, each))
                       for upload, each in zip(made, data, strict=True)]  # fmt: skip
            for thread in threads:
                thread.start()
            if turn < KILLS:
                time.sleep(rng.uniform(1.5, 4))
                server.process.kill()
            for thread in threads:
                thread.join()
            if turn < KILLS:
                continue
            states = [over(server, job)["state"] for job in jobs]
            ready = [checked(server, upload) for upload in made]
            good = right(server, source, titles)
    same = sum((place / "data" / "uploads" / f"Sent S01E{i + 1:02d}.mkv").read_bytes() == each
               for i, each in enumerate(data))  # fmt: skip
    print(f"kills {KILLS}; jobs done {states.count('done')} of {len(jobs)}")
    print(f"uploads ready {ready.count('ready')} of {len(made)}, byte for byte {same}")
    print(f"uploads that lost bytes which had been taken: {lost}")
    print(f"answers of the scans that are right: {good[0]} of {good[1]}")


def send_on(server: Server, upload: dict[str, Any], data: bytes) -> None:
    """Send what is not there yet, slowly, until it is whole or nobody answers."""
    try:
        while upload["taken"] < len(data):
            piece = data[upload["taken"] : upload["taken"] + 200_000]
            answer = server.call(
                "PUT", f"/uploads/{upload['id']}", piece, upload_offset=str(upload["taken"])
            )
            upload["taken"] = answer["offset"]
            time.sleep(0.3)
    except OSError:
        return


def checked(server: Server, upload: dict[str, Any]) -> str:
    while True:
        state = str(server.call("GET", f"/uploads/{upload['id']}")["state"])
        if state in ("ready", "refused"):
            return state
        time.sleep(0.2)


def right(server: Server, source: Path, titles: Sequence[str]) -> tuple[int, int]:
    """Of the episodes scanned, how many have the intros of their truth to a quarter of a second."""
    truth = read_detections(source.parent / "truth.json")
    good = total = 0
    for series in server.call("GET", "/series")["series"]:
        if series["title"] not in titles:
            continue
        first = 10 * titles.index(series["title"])
        for episode in server.call("GET", f"/seasons/{series['seasons'][0]['id']}")["episodes"]:
            wanted = truth[first + episode["number"] - 1]
            assert isinstance(wanted, Detection)
            found = [(s["start"], s["end"]) for s in episode["segments"] if s["status"] == "found"]
            spans = [(s.start, s.end) for s in wanted.segments()]
            total += 1
            good += len(found) == len(spans) and all(
                abs(a - b) <= 0.25 for one, other in zip(found, spans, strict=True)
                for a, b in zip(one, other, strict=True)
            )  # fmt: skip
    return good, total


PARTS: dict[str, Callable[[Path, Path, float], None]] = {
    "load": load, "uploads": uploads, "kills": kills,
}  # fmt: skip


if __name__ == "__main__":
    main()
