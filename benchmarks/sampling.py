"""One picture a second of 180 s of 1080p H.264: ours against OpenCV reading every frame.

    python benchmarks/sampling.py --work /tmp/sampling --opencv-python OTHER/bin/python

OpenCV brings an FFmpeg of its own that does not go together with PyAV's, so it runs in an
environment of its own. Each measurement is a fresh process; the ways take turns in each round.
Times are checked by content: every picture carries its number in black and white blocks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

FPS = 24
SECONDS = 180
UNIQUE = 60  # seconds encoded; the file is these, three times over
WIDTH, HEIGHT = 1920, 1080
BITS, BLOCK = 11, 32
WAYS = ("opencv", "exact", "keys")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/sampling"))
    parser.add_argument("--opencv-python", default=None, help="a Python that has cv2 and numpy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    film = arguments.work / "tv-1080p.mkv"
    if arguments.child:
        print(json.dumps(measure(arguments.child, film)))
        return
    arguments.work.mkdir(parents=True, exist_ok=True)
    if not film.exists():
        print(f"making {film} ...", flush=True)
        make_film(film)
    pythons = dict.fromkeys(WAYS, sys.executable) | {"opencv": arguments.opencv_python}
    ways = [way for way in WAYS if pythons[way]]
    rows: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way in ways:
            command = [pythons[way], __file__, "--work", str(arguments.work), "--child", way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows[way].append(json.loads(done.stdout))
    report(film, rows)


def report(film: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    bits = film.stat().st_size * 8 / SECONDS / 1e6
    rounds, load = len(rows["exact"]), os.getloadavg()[0]
    print(f"{WIDTH}x{HEIGHT} H.264, {SECONDS} s, {bits:.1f} Mbit/s; medians of {rounds} rounds")
    print(f"{os.cpu_count()} cores of {processor()}, load {load:.1f}")
    print("way      pictures  wall s   CPU s  CPU ratio  wall ratio  peak MB  max error s")
    middle = {
        way: {name: statistics.median(row[name] for row in many) for name in many[0]}
        for way, many in rows.items()
    }
    base = middle.get("opencv", middle["exact"])
    for way, row in middle.items():
        print(
            f"{way:8} {row['pictures']:8.0f} {row['wall']:7.2f} {row['cpu']:7.2f} "
            f"{base['cpu'] / row['cpu']:9.2f}x {base['wall'] / row['wall']:10.2f}x "
            f"{row['peak_mb']:8.0f} {row['error']:11.4f}"
        )


def processor() -> str:
    """What Linux calls the processor, else what Python does."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or platform.machine())


def measure(way: str, film: Path) -> dict[str, float]:
    """Wall and CPU seconds, peak resident memory and the worst error of a time."""
    took, spent = time.perf_counter(), time.process_time()
    error, pictures = 0.0, 0
    for wanted, stated, number in {"opencv": opencv, "exact": exact, "keys": keys}[way](film):
        pictures += 1
        shown = number / FPS
        # the picture on screen at `wanted` began at most one picture before it
        late = (wanted - shown + UNIQUE / 2) % UNIQUE - UNIQUE / 2
        error = max(error, abs(stated - wanted), abs(late))
    return {
        "pictures": pictures,
        "wall": time.perf_counter() - took,
        "cpu": time.process_time() - spent,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "error": error,
    }


def opencv(film: Path) -> Iterator[tuple[float, float, int]]:
    """(time wanted, time stated, number in the picture): the way of the prototype."""
    import cv2

    capture = cv2.VideoCapture(str(film))
    i = 0
    while True:
        good, image = capture.read()
        if not good:
            return
        if i % FPS == 0:
            yield i / FPS, i / FPS, number_of(image)
        i += 1


def exact(film: Path) -> Iterator[tuple[float, float, int]]:
    from zastavka.pictures import Pictures
    from zastavka.segment import Segment

    with Pictures.at_rate(film, 1.0, Segment(0, SECONDS)) as pictures:
        for picture in pictures:
            yield picture.wanted, picture.time, number_of(picture.image)


def keys(film: Path) -> Iterator[tuple[float, float, int]]:
    from zastavka.pictures import Pictures
    from zastavka.segment import Segment

    with Pictures.keys(film, Segment(0, SECONDS)) as pictures:
        for picture in pictures:
            yield picture.time, picture.time, number_of(picture.image)


def number_of(image: np.ndarray[Any, Any]) -> int:
    cells = image[8 : BLOCK - 8, : BITS * BLOCK].mean((0, 2)).reshape(BITS, BLOCK)[:, 8:-8].mean(1)
    return sum(int(value > 128) << bit for bit, value in enumerate(cells))


def make_film(path: Path) -> None:
    """Encode `UNIQUE` seconds with x264's defaults, then repeat the packets to full length."""
    import av

    part = path.with_suffix(".part.mp4")  # has decoding times, Matroska has none
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_type = "AUTO"
        for i, image in enumerate(scenes()):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    repeat(part, path)
    part.unlink()


def repeat(source: Path, target: Path) -> None:
    import av

    part = target.with_suffix(".tmp.mkv")
    with av.open(str(part), "w") as out:
        stream = None
        for turn in range(SECONDS // UNIQUE):
            with av.open(str(source)) as container:
                inner = container.streams.video[0]
                stream = stream or out.add_stream_from_template(inner)
                for packet in container.demux(inner):
                    if packet.size and packet.pts is not None:
                        offset = round(turn * UNIQUE / packet.time_base)
                        packet.pts += offset
                        packet.dts = None if packet.dts is None else packet.dts + offset
                        packet.stream = stream
                        out.mux(packet)
    part.rename(target)


def scenes() -> Iterator[np.ndarray[Any, Any]]:
    """TV-like: textured scenes that pan or stand still, cuts every 2 to 5 s, grain, a sprite."""
    rng = np.random.default_rng(7)
    grain = [rng.normal(0, 3, (HEIGHT, WIDTH, 1)).astype(np.int16) for _ in range(6)]
    left = 0
    for i in range(UNIQUE * FPS):
        if left == 0:
            left = min(int(rng.integers(2 * FPS, 5 * FPS)), UNIQUE * FPS - i)
            field, sprite = texture(rng), texture(rng)[:200, :160]
            speed = rng.uniform(-4, 4, 2) * (rng.random() > 0.25)
            at = np.array([400.0, 400.0])
        left -= 1
        at = np.clip(at + speed, 0, 799)
        y, x = at.astype(int)
        image = field[y : y + HEIGHT, x : x + WIDTH].copy()
        down, right = 400 + int(200 * np.sin(i / 15)), 300 + (i * 7) % 1300
        image[down : down + 200, right : right + 160] = sprite
        image += grain[int(rng.integers(6))]
        spell(image, i)
        yield image.clip(0, 255).astype(np.uint8)


def texture(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """1/f noise in three related colours, larger than the screen."""
    height, width = HEIGHT + 800, WIDTH + 800
    field = np.zeros((height, width, 3))
    for size in (4, 8, 16, 32, 64, 128, 256):
        coarse = rng.normal(0, 1, (size, size, 3)) * [1, 0.9, 0.8] + rng.normal(
            0, 1, (size, size, 1)
        )
        rows = np.linspace(0, size - 1, height).astype(int)
        columns = np.linspace(0, size - 1, width).astype(int)
        field += coarse[rows][:, columns] * (40 / size**0.5)
    return (field + 120).clip(0, 255).astype(np.int16)


def spell(image: np.ndarray[Any, Any], number: int) -> None:
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 235 if number >> bit & 1 else 16


if __name__ == "__main__":
    main()
