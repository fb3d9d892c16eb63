"""What a season costs: fingerprints against fpcalc, matching of 10 to 200 episodes, 1080p.

    python benchmarks/matching.py --prints DIR... [--media FILE...] [--hd DIR] [--plot FILE]

Every part that is given its input runs; all of it on one thread, and in CPU seconds where nothing
else is said. The ways of a table take turns, so that other work on the machine meets all of them;
times are medians. Exits with 1 if a goal is missed.

Fingerprints (`--media`): of the searched window, decoding included, beside `fpcalc -raw` on the
same file and the bare decoding of the same seconds with PyAV, resampled frame by frame as its
documentation has it, and not resampled at all.

Seasons (`--prints`: folders of saved prints, 60 and more): 900 s of each episode are stretches of
other episodes, noisy (copies differ in 5 to 15 % of their bits), with a theme of 45 s somewhere. In
a season of its "own" stories a stretch comes once: where the prints don't suffice, further copies
have their bits turned and their pictures mirrored until they are like no other. In one of "stock"
they stay copies, so that nearly all is in several episodes. One of "copies" has three episodes in
ten of their own stories, the others are noisy copies of these as a whole: of 200 episodes 60 are
distinct. Each season is a fresh process.

1080p (`--hd`: where films are kept, made on the first run, which takes long): what season mode
costs an episode, reading and its share of the matching and of the edges, beside decoding the
window in full.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampling import FPS, HEIGHT, WIDTH, processor, texture
from zastavka import fingerprint, signature
from zastavka.config import DEFAULT
from zastavka.fingerprint import BITS, HOP, Fingerprint, Words
from zastavka.match import find_runs
from zastavka.prints import EpisodePrint, load, read_print
from zastavka.recurring import Recurring, stack
from zastavka.repeats import Repeats, find_repeats, one_vote
from zastavka.segment import Segment
from zastavka.signature import NO_BARS, Signatures

Frame = NDArray[np.uint8]

SIZES = (10, 25, 50, 100, 200)
KINDS = ("own", "stock", "copies")
DISTINCT = 0.3  # share of the episodes of "copies"
SECONDS, THEME = 900, 45
STRETCH = (20.0, 90.0)  # seconds of one episode at a time
NOISE = (0.026, 0.08)  # share of bits: two copies differ in 5 to 15 %
WANDER = 0.02  # seconds: key pictures of copies are placed so differently
CLOSE = 0.3  # seconds: a theme found
GOALS = {"fpcalc": 2.0, "PyAV, resampled": 1.25, "seconds": 3.0, "exponent": 1.5, "mb": 1000.0}
GOAL_HD = 0.2

HD_SECONDS, HD_MAIN, HD_TAIL, HD_THEME = 300, 120, 60, 25
HD_STARTS = (14.0, 47.5)
ENCODERS = {"cuts": {}, "fixed": {"x264-params": "keyint=250:min-keyint=250:scenecut=0"}}
SOUND_RATE = 44_100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prints", type=Path, nargs="+", default=[], help="folders of prints")
    parser.add_argument("--media", type=Path, nargs="+", default=[], help="episodes with sound")
    parser.add_argument("--hd", type=Path, default=None, help="a folder for films of 1080p")
    parser.add_argument("--plot", type=Path, default=None, help="a PNG of the cost of seasons")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--child", nargs=2, metavar=("SIZE", "KIND"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when numpy is imported
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | threads)
    if arguments.child:
        size, kind = arguments.child
        print(json.dumps(measure_season(int(size), kind, arguments.prints)))
        return 0
    date, load_ = time.strftime("%Y-%m-%d"), os.getloadavg()[0]
    print(f"{os.cpu_count()} cores of {processor()}, load {load_:.1f}, {date}", end="")
    print(f"; medians of {arguments.rounds} rounds, CPU seconds of one thread")
    reached = []
    if arguments.media:
        reached.append(report_sound(arguments.media, arguments.rounds))
    if arguments.prints:
        reached.append(report_seasons(arguments))
    if arguments.hd:
        reached.append(report_hd(arguments.hd, arguments.rounds))
    return 0 if all(reached) else 1


def cpu_of(work: Callable[[], object], who: int = resource.RUSAGE_SELF) -> float:
    before = resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# ------------------------------------------------------------------ fingerprints


def report_sound(files: Sequence[Path], rounds: int) -> bool:
    print("\n| fingerprint of | seconds | here | ", end="")
    print("fpcalc | ratio | PyAV, resampled | ratio | PyAV, not resampled | ratio |")
    print("|---" * 9 + "|")
    reached = True
    for file in files:
        seconds, spent = measure_sound(file, rounds)
        ours = spent.pop("here")
        cells = [file.parent.name + "/" + file.stem, f"{seconds:.0f}", f"{ours:.3f}"]
        for way, theirs in spent.items():
            cells += [f"{theirs:.3f}", f"{ours / theirs:.2f}"]
            reached &= ours / theirs <= GOALS.get(way, math.inf)
        print("| " + " | ".join(cells) + " |", flush=True)
    return reached


def measure_sound(file: Path, rounds: int) -> tuple[float, dict[str, float]]:
    """Seconds of the window, and the CPU seconds of each way."""
    from zastavka.media import probe
    from zastavka.waveform import read_waveform

    window = DEFAULT.extract.window(probe(file).duration)

    def ours() -> None:
        waveform = read_waveform(file, fingerprint.RATE, window)
        assert waveform is not None
        fingerprint.fingerprint(waveform.samples)

    def theirs() -> None:
        # ends with 3 where the file is shorter, and prints all the same
        command = ["fpcalc", "-raw", "-length", str(math.ceil(window)), str(file)]
        assert "FINGERPRINT" in subprocess.run(command, capture_output=True, text=True).stdout

    ways: dict[str, Callable[[], object]] = {
        "here": ours,
        "fpcalc": theirs,
        "PyAV, resampled": lambda: decode_sound(file, window, resampled=True),
        "PyAV, not resampled": lambda: decode_sound(file, window, resampled=False),
    }
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for way, work in ways.items():
            seconds = cpu_of(
                work, resource.RUSAGE_CHILDREN if way == "fpcalc" else resource.RUSAGE_SELF
            )
            if turn:  # the first pays for imports
                spent[way].append(seconds)
    return window, {way: median(times) for way, times in spent.items()}


def decode_sound(file: Path, window: float, *, resampled: bool) -> int:
    import av

    count = 0
    resampler = av.AudioResampler(format="flt", layout="mono", rate=fingerprint.RATE)
    with av.open(str(file)) as container:
        for frame in container.decode(audio=0):
            if (frame.time or 0) >= window:
                break
            for part in resampler.resample(frame) if resampled else [frame]:
                count += part.to_ndarray().size if resampled else part.samples
    return count


# ------------------------------------------------------------------ seasons


def report_seasons(arguments: argparse.Namespace) -> bool:
    rows: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(arguments.rounds):
        for kind in arguments.kinds:
            for size in arguments.sizes:
                command = [sys.executable, __file__, "--child", str(size), kind]
                command += ["--prints", *map(str, arguments.prints)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                rows.setdefault((kind, size), []).append(json.loads(done.stdout))
    middle = {
        case: {name: median(row[name] for row in many) for name in many[0]}
        for case, many in rows.items()
    }
    print(f"\n| stories | episodes of {SECONDS} s | find_runs | stack | both | wall ", end="")
    print("| peak MB | runs | pieces | themes found | farthest edge, s |")
    print("|---" * 11 + "|")
    for (kind, size), row in middle.items():
        print(
            f"| {kind} | {size} | {row['find_runs']:.2f} | {row['stack']:.2f} | {row['cpu']:.2f} "
            f"| {row['wall']:.2f} | {row['peak_mb']:.0f} | {row['runs']:.0f} | {row['pieces']:.0f} "
            f"| {row['found']:.0f} | {row['farthest']:.2f} |"
        )
    reached = all(row["found"] == size for (_, size), row in middle.items())
    curves = {
        kind: {size: row["cpu"] for (k, size), row in middle.items() if k == kind}
        for kind in arguments.kinds
    }
    for kind, curve in curves.items():
        power = exponent(curve)
        print(f"\nStories {kind!r}: the cost grows as n^{power:.2f} from ", end="")
        print(f"{min(curve)} to {max(curve)} episodes.")
        largest = middle[kind, max(curve)]
        # one size has no exponent
        reached &= not power > GOALS["exponent"] and largest["cpu"] <= GOALS["seconds"]
        reached &= largest["peak_mb"] <= GOALS["mb"]
    if arguments.plot:
        plot(curves, arguments.plot)
    return bool(reached)


def exponent(curve: dict[int, float]) -> float:
    """Of n, in the best fit of a power to the seconds."""
    if len(curve) < 2:
        return math.nan
    return float(np.polyfit(np.log(list(curve)), np.log(list(curve.values())), 1)[0])


def plot(curves: dict[str, dict[int, float]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for kind, curve in curves.items():
        axes.loglog(list(curve), list(curve.values()), marker="o", label=f"stories: {kind}")
    sizes = np.array(sorted(next(iter(curves.values()))), float)
    goal = GOALS["seconds"] * (sizes / sizes[-1]) ** GOALS["exponent"]
    axes.loglog(sizes, goal, "--", color="grey", label="n^1.5, 3 s at the end")
    axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel(f"episodes of {SECONDS} s")
    axes.set_ylabel("CPU seconds, one thread")
    axes.set_title("Matching a season")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)


def measure_season(size: int, kind: str, folders: Sequence[Path]) -> dict[str, float]:
    series = load_series(folders)
    prints, themes = season(size, series, kind, np.random.default_rng(size))
    del series
    wall, began = time.perf_counter(), time.process_time()
    runs = find_runs(prints, DEFAULT.match)
    between = time.process_time()
    # as find_repeats does it: what is alike as a whole has one vote, and tells nothing of a theme
    pieces = stack(runs, prints, one_vote(range(size), runs, prints), DEFAULT.match)
    ended = time.process_time()
    off = [distance_to(theme, pieces, episode) for episode, theme in enumerate(themes)]
    return {
        "find_runs": between - began,
        "stack": ended - between,
        "cpu": ended - began,
        "wall": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "runs": len(runs),
        "pieces": len(pieces),
        "found": sum(each <= CLOSE for each in off),
        "farthest": max(off),
    }


def distance_to(theme: Segment, pieces: Sequence[Recurring], episode: int) -> float:
    """How far the farther edge of what was found is, in seconds."""
    found = [x.segment for piece in pieces for x in piece.of(episode)]
    return min(
        (max(abs(x.start - theme.start), abs(x.end - theme.end)) for x in found), default=math.inf
    )


def load_series(folders: Sequence[Path]) -> list[list[EpisodePrint]]:
    """Saved prints with sound and pictures, those of one folder together."""
    series: dict[Path, list[EpisodePrint]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.st")):
            print_ = load(path)
            if print_.sound is not None and len(print_.times) and print_.searched > 2 * THEME:
                series.setdefault(path.parent, []).append(print_)
    if sum(map(len, series.values())) < 60:
        sys.exit("matching.py: needs 60 prints with sound and pictures at least")
    return list(series.values())


def season(
    size: int, series: Sequence[Sequence[EpisodePrint]], kind: str, rng: np.random.Generator
) -> tuple[list[EpisodePrint], list[Segment]]:
    """Episodes of SECONDS with one theme, and where it is in each."""
    wholes = clean(series, own=kind != "stock", rng=rng)
    if kind == "copies":
        wholes = cycle(islice(wholes, round(DISTINCT * size)))
    episodes, places = [], []
    for whole, place in islice(wholes, size):
        episodes.append(noisy(whole, rng.uniform(*NOISE), rng))
        places.append(place)
    return episodes, places


def clean(
    series: Sequence[Sequence[EpisodePrint]], *, own: bool, rng: np.random.Generator
) -> Iterator[tuple[EpisodePrint, Segment]]:
    """Episodes before the noise, and where the theme is in each; without end."""
    liveliest = max(range(len(series)), key=lambda i: usable_in_theme(series[i][0]))
    source = series[liveliest][0]
    theme = cut(source, (source.searched - THEME) / 2, THEME)
    pool = [each for i, many in enumerate(series) if i != liveliest for each in many]
    deck = shuffled(len(pool), rng)
    while True:
        parts = []
        left = float(SECONDS - THEME)
        while left > HOP:
            which, turn = next(deck)
            seconds = min(rng.uniform(*STRETCH), left, pool[which].searched - 1)
            part = cut(pool[which], rng.uniform(0, pool[which].searched - 1 - seconds), seconds)
            parts.append(stranger(part, turn) if own else part)
            left -= parts[-1].searched
        before = int(rng.integers(len(parts) + 1))
        start = sum(part.searched for part in parts[:before])
        place = Segment(start, start + theme.searched)
        yield joined([*parts[:before], theme, *parts[before:]]), place


def usable_in_theme(print_: EpisodePrint) -> int:
    theme = cut(print_, (print_.searched - THEME) / 2, THEME)
    assert theme.sound is not None
    return int(theme.sound.usable.sum())


def shuffled(n: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Numbers below n in a new order each turn, and the turn."""
    turn = 0
    while True:
        for which in rng.permutation(n).tolist():
            yield which, turn
        turn += 1


def cut(print_: EpisodePrint, start: float, seconds: float) -> EpisodePrint:
    """A stretch of an episode, in whole words."""
    assert print_.sound is not None
    first, n = round(start / HOP), max(1, round(seconds / HOP))
    words = slice(first, first + n)
    heard = print_.sound
    shown = (print_.times >= first * HOP) & (print_.times < (first + n) * HOP)
    seen = print_.pictures
    sound = Fingerprint(heard.words[words], heard.usable[words], heard.level[words])
    pictures = Signatures(seen.cells[shown], seen.words[shown], seen.usable[shown])
    length = len(sound) * HOP
    return EpisodePrint(
        length, length, sound, None, print_.times[shown] - first * HOP, pictures, NO_BARS, FPS
    )


def joined(parts: Sequence[EpisodePrint]) -> EpisodePrint:
    """Stretches one after the other, as the searched window of an episode three times as long."""
    sounds = [part.sound for part in parts if part.sound is not None]
    starts = np.cumsum([0.0, *(part.searched for part in parts)])
    sound = Fingerprint(
        np.concatenate([each.words for each in sounds]),
        np.concatenate([each.usable for each in sounds]),
        np.concatenate([each.level for each in sounds]),
    )
    pictures = Signatures(
        np.concatenate([part.pictures.cells for part in parts]),
        np.concatenate([part.pictures.words for part in parts]),
        np.concatenate([part.pictures.usable for part in parts]),
    )
    times = np.concatenate([part.times + start for part, start in zip(parts, starts, strict=False)])
    return EpisodePrint(
        3.0 * starts[-1], float(starts[-1]), sound, None, times, pictures, NO_BARS, FPS
    )


def stranger(part: EpisodePrint, turn: int) -> EpisodePrint:
    """The same stretch as another one would be: turn 0 leaves it, no two others are alike."""
    assert part.sound is not None
    if not turn:
        return part
    # a row of a Hadamard matrix: any two differ in half of their bits
    mask = sum((i & turn).bit_count() % 2 << i for i in range(BITS))
    heard = replace(part.sound, words=part.sound.words ^ np.uint64(mask))
    shape = (-1, 2, signature.ROWS, signature.COLUMNS)
    cells: NDArray[np.int8] = part.pictures.cells.reshape(shape)
    cells = np.roll(cells, 5 * (turn // 8), axis=3)
    cells = cells[:, :, :: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1]
    cells = (-cells if turn & 4 else cells).reshape(part.pictures.cells.shape)
    return replace(part, sound=heard, pictures=rehashed(part.pictures, cells))


def noisy(print_: EpisodePrint, share: float, rng: np.random.Generator) -> EpisodePrint:
    """As after coding and another cut: bits turned, pictures grainy, their times a bit off."""
    assert print_.sound is not None
    n = len(print_.sound)
    flips = np.packbits(rng.random((n, BITS), np.float32) < share, axis=1).view(np.uint64)[:, 0]
    heard = replace(print_.sound, words=print_.sound.words ^ flips)
    grain = rng.integers(-3, 4, print_.pictures.cells.shape)
    cells = np.clip(print_.pictures.cells + grain, -127, 127).astype(np.int8)
    cells[:, 1] = cells[:, 0]  # no bars
    times = np.sort(np.maximum(0, print_.times + rng.uniform(-WANDER, WANDER, len(print_.times))))
    return replace(print_, sound=heard, times=times, pictures=rehashed(print_.pictures, cells))


def rehashed(pictures: Signatures, cells: NDArray[np.int8]) -> Signatures:
    bits = cells.astype(np.float32) @ signature._PLANES > 0
    words: Words = np.packbits(bits, axis=2, bitorder="little").view("<u8")[..., 0]
    return Signatures(cells, words.astype(np.uint64), pictures.usable)


# ------------------------------------------------------------------ 1080p


def report_hd(folder: Path, rounds: int) -> bool:
    print(f"\n| {WIDTH}x{HEIGHT}, {HD_SECONDS} s, an episode | Mbit/s | key pictures ", end="")
    print("| decoded in full | read | matched, with edges | share | farthest edge, s |")
    print("|---" * 8 + "|")
    reached = True
    for kind, options in ENCODERS.items():
        films = [folder / kind / f"S01E{i + 1:02}.mkv" for i in range(len(HD_STARTS))]
        for i, film in enumerate(films):
            if not film.exists():
                print(f"making {film} ...", file=sys.stderr, flush=True)
                make_film(film, i, options)
        row = [measure_hd(films) for _ in range(rounds)]
        full, read, matched = (
            median(getattr(each, name) for each in row) / len(films)
            for name in ("full", "read", "matched")
        )
        share, off = (read + matched) / full, max(each.farthest for each in row)
        bits = sum(film.stat().st_size for film in films) * 8 / len(films) / HD_SECONDS / 1e6
        print(
            f"| {kind} | {bits:.1f} | {row[0].keys / len(films):.0f} | {full:.2f} | {read:.2f} "
            f"| {matched:.2f} | {share:.0%} | {off:.3f} |",
            flush=True,
        )
        reached &= share <= GOAL_HD and off < CLOSE
    return reached


@dataclass(frozen=True)
class Hd:
    """CPU seconds of all films together; how many key pictures; how far the farthest edge is."""

    full: float
    read: float
    matched: float
    keys: int
    farthest: float


def measure_hd(films: Sequence[Path]) -> Hd:
    prints: list[EpisodePrint] = []
    found: list[Repeats] = []

    def match() -> None:
        found.append(find_repeats(prints, films, range(len(films)), DEFAULT))

    full = cpu_of(lambda: [decode_pictures(film) for film in films])
    read = cpu_of(lambda: prints.extend(read_print(film, DEFAULT.extract) for film in films))
    matched = cpu_of(match)
    off = [
        max(abs(intro.start - start), abs(intro.end - start - HD_THEME)) if intro else math.inf
        for start, intro in zip(HD_STARTS, intros_of(found[0]), strict=True)
    ]
    return Hd(full, read, matched, sum(len(each.times) for each in prints), max(off))


def intros_of(repeats: Repeats) -> Iterator[Segment | None]:
    for choice in repeats.intros:
        numbers = [i for i, v in enumerate(repeats.verdicts) if choice and v is choice.verdict]
        yield repeats.segment(numbers[0], choice.index) if choice else None


def decode_pictures(film: Path) -> int:
    import av

    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def make_film(path: Path, episode: int, options: dict[str, str]) -> None:
    """The theme from HD_STARTS[episode] on, in a story of the episode's own; x264's defaults.

    Of the story's end a minute is encoded, and its packets repeated.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    main, tail = path.with_suffix(".main.mkv"), path.with_suffix(".tail.mkv")
    story, theme = pictures(100 + episode, HD_MAIN - HD_THEME), pictures(0, HD_THEME)
    encode_pictures(main, spliced(story, theme, round(HD_STARTS[episode] * FPS)), options)
    encode_pictures(tail, pictures(200 + episode, HD_TAIL), options)
    starts = range(HD_MAIN, HD_SECONDS, HD_TAIL)
    join(path, [(main, 0), *((tail, start) for start in starts)], sound_of(episode))
    main.unlink()
    tail.unlink()


def encode_pictures(path: Path, images: Iterator[Frame], options: dict[str, str]) -> None:
    import av

    if path.exists():
        return
    part = path.with_suffix(".part.mkv")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.rename(path)


def join(path: Path, parts: Sequence[tuple[Path, int]], sound: NDArray[np.float32]) -> None:
    """Encoded pictures, each part from a time on, with sound."""
    import av

    done = path.with_suffix(".part.mkv")
    with av.open(str(done), "w") as container:
        with av.open(str(parts[0][0])) as first:
            video = container.add_stream_from_template(first.streams.video[0])
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        container.start_encoding()
        waiting = deque(encode_sound(audio, sound))
        for part, start in parts:
            with av.open(str(part)) as source:
                for packet in source.demux(source.streams.video[0]):
                    if not packet.size or packet.pts is None:
                        continue
                    packet.pts += round(start / packet.time_base)
                    packet.dts = None
                    while waiting and waiting[0][0] < packet.pts * packet.time_base:
                        container.mux(waiting.popleft()[1])
                    packet.stream = video
                    container.mux(packet)
        for _, packet in waiting:
            container.mux(packet)
    done.rename(path)


def spliced(story: Iterator[Frame], theme: Iterator[Frame], start: int) -> Iterator[Frame]:
    for _ in range(start):
        yield next(story)
    yield from theme
    yield from story


def pictures(seed: int, seconds: int) -> Iterator[Frame]:
    """TV-like, YUV 4:2:0: textured scenes that pan or stand still, cuts every 2 to 5 s, grain."""
    rng = np.random.default_rng(seed)
    grain = [rng.normal(0, 3, (HEIGHT, WIDTH)).astype(np.int16) for _ in range(4)]
    image = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    left = 0
    for i in range(seconds * FPS):
        if left == 0:
            left = int(rng.integers(2 * FPS, 5 * FPS))
            light, *colours = planes(texture(rng))
            at, speed = np.array([400.0, 400.0]), rng.uniform(-4, 4, 2) * (rng.random() > 0.25)
        left -= 1
        at = np.clip(at + speed, 0, 799)
        y, x = (at / 2).astype(int)
        here = light[2 * y : 2 * y + HEIGHT, 2 * x : 2 * x + WIDTH] + grain[i % 4]
        image[:HEIGHT] = here.clip(16, 235)
        for k, colour in enumerate(colours):
            part = colour[y : y + HEIGHT // 2, x : x + WIDTH // 2]
            quarter = HEIGHT + k * HEIGHT // 4
            image[quarter : quarter + HEIGHT // 4] = part.reshape(HEIGHT // 4, WIDTH)
        yield image


def planes(field: NDArray[np.int16]) -> tuple[NDArray[np.int16], Frame, Frame]:
    """Light, and two colours of half its size."""
    light = (field @ [0.26, 0.5, 0.1] + 16).astype(np.int16)
    small = field[::2, ::2].astype(np.float32)
    blue, red = small @ [-0.15, -0.29, 0.44] + 128, small @ [0.44, -0.37, -0.07] + 128
    return light, blue.clip(16, 240).astype(np.uint8), red.clip(16, 240).astype(np.uint8)


def sound_of(episode: int) -> NDArray[np.float32]:
    story, theme = voice(100 + episode, HD_SECONDS - HD_THEME), notes(0, HD_THEME)
    first = round(HD_STARTS[episode] * SOUND_RATE)
    return np.concatenate([story[:first], theme, story[first:]]).astype(np.float32)


def encode_sound(stream: Any, sound: NDArray[np.float32]) -> Iterator[tuple[float, Any]]:
    """Packets with their times in seconds."""
    import av

    size = stream.codec_context.frame_size or 1024
    for at in range(0, len(sound) - size + 1, size):
        frame = av.AudioFrame.from_ndarray(
            np.tile(sound[at : at + size], (2, 1)), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
        for packet in stream.encode(frame):
            yield at / SOUND_RATE, packet
    for packet in stream.encode(None):
        yield len(sound) / SOUND_RATE, packet


def notes(seed: int, seconds: float) -> NDArray[np.float64]:
    """Struck notes of six partials, two or three at once, and a little noise."""
    rng = np.random.default_rng(1000 + seed)
    n = round(seconds * SOUND_RATE)
    sound = 0.003 * rng.normal(size=n)
    t = np.arange(SOUND_RATE) / SOUND_RATE
    at = 0
    while at < n:
        for _ in range(int(rng.integers(2, 4))):
            hz = 130.8 * 2 ** (rng.integers(0, 36) / 12)
            for k in range(1, 7):
                part = 0.05 * np.sin(2 * np.pi * k * hz * t) / k * np.exp(-k * t)
                sound[at : at + len(t)] += part[: n - at]
        at += round(rng.uniform(0.15, 0.45) * SOUND_RATE)
    return sound


def voice(seed: int, seconds: float) -> NDArray[np.float64]:
    """Syllables of gliding pitch with resonances of their own, and room."""
    rng = np.random.default_rng(2000 + seed)
    n = round(seconds * SOUND_RATE)
    sound = 0.004 * rng.normal(size=n)
    at = 0
    while at < n:
        t = np.arange(round(rng.uniform(0.12, 0.3) * SOUND_RATE)) / SOUND_RATE
        hz = rng.uniform(90, 230) * (1 + rng.normal(0, 0.8) * t)
        turns = np.cumsum(hz) / SOUND_RATE
        resonances = rng.uniform([250, 850, 1800], [850, 2000, 2600])
        for k in range(1, 16):
            loud = np.exp(-(((k * hz[:, None] - resonances) / 150) ** 2)).sum(axis=1) + 0.02
            part = 0.06 * loud * np.sin(2 * np.pi * k * turns) * np.hanning(len(t))
            sound[at : at + len(t)] += part[: n - at]
        at += round(len(t) * rng.choice([0.9, 0.9, 0.9, 2.5]))
    return sound


if __name__ == "__main__":
    sys.exit(main())
