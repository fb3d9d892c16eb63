"""What an answer costs beside `fpcalc`: a season of long episodes, the network, loading.

    python benchmarks/detecting.py FILE FILE [FILE ...] [--rounds 3]

The files are one season's, 24 minutes each, 1280 x 720: real or composed ones. Costs are seconds of
CPU, median of the rounds, each round in a process of its own and without any cache. `fpcalc -length
504` reads the same 504 s. The network is timed on the rows of the first file.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from matching import cpu_of
from zastavka.episode import Episode
from zastavka.model import BUILTIN
from zastavka.pipeline import Detector
from zastavka.seasonal import SeasonDetector

WINDOW = 504  # seconds: what is searched of 24 minutes
TURNS = 30  # of what takes milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.one:
        print(json.dumps(WAYS[a.one](a.files)))
        return
    rounds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(a.rounds):  # in turns, so that a busy moment meets all of them
        for name in WAYS:
            rounds[name].append(fresh(name, a.files))
    cost = {name: statistics.median(values) for name, values in rounds.items()}
    episodes = len(a.files)
    print("| seconds of CPU per episode | | times fpcalc |\n|---|---|---|")
    for name in ("fpcalc", "season", "alone"):
        one = cost[name] / episodes
        print(f"| {name} | {one:.2f} | {cost[name] / cost['fpcalc']:.2f} |")
    print(f"\nnetwork and decoding of {WINDOW} s: {1000 * cost['network']:.0f} ms of CPU")
    print(f"importing and loading: {cost['load']:.2f} s of the clock")


def fresh(name: str, files: Sequence[Path]) -> float:
    """The cost in a process of its own."""
    command = [sys.executable, __file__, "--one", name, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds: float = json.loads(done.stdout)
    return seconds


def fpcalc(files: Sequence[Path]) -> float:
    def work() -> None:
        for file in files:
            command = ["fpcalc", "-raw", "-length", str(WINDOW), str(file)]
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return cpu_of(work, resource.RUSAGE_CHILDREN)


def season(files: Sequence[Path]) -> float:
    """As `zastavka detect FOLDER`, loading left out."""
    detector = SeasonDetector(alone=Detector.load(BUILTIN))
    episodes = [Episode(file, "Series", 1, i + 1) for i, file in enumerate(files)]
    return cpu_of(lambda: detector.detect(episodes))


def alone(files: Sequence[Path]) -> float:
    """As `zastavka detect --alone`, loading left out."""
    detector = Detector.load(BUILTIN)
    return cpu_of(lambda: detector.detect([Episode(file) for file in files]))


def network(files: Sequence[Path]) -> float:
    detector = Detector.load(BUILTIN)
    rows = detector.features(Episode(files[0]))
    detector.intervals(rows)
    return statistics.median(cpu_of(lambda: detector.intervals(rows)) for _ in range(TURNS))


def load(files: Sequence[Path]) -> float:  # noqa: ARG001
    code = (
        "from zastavka.model import BUILTIN; from zastavka.pipeline import Detector; "
        "Detector.load(BUILTIN)"
    )
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


WAYS = {"fpcalc": fpcalc, "season": season, "alone": alone, "network": network, "load": load}

if __name__ == "__main__":
    main()
