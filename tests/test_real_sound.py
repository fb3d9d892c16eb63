"""Real music, not composed: recordings of one piece, one a part of the other, laid over each other.

Ten pieces, two pairs of each, coded at 48 to 128 kb/s and at levels of -12 to 0 dB.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from zastavka.closeup import Closeups
from zastavka.config import DEFAULT
from zastavka.decide import TYPES
from zastavka.overlay import Overlay
from zastavka.prints import read_print
from zastavka.repeats import find_repeats
from zastavka.waveform import read_waveform

pytestmark = pytest.mark.introbench

MEDIA = Path(os.environ.get("ZASTAVKA_INTROBENCH", "")) / "media"
RATE = 44_100
WHOLE = 50.0  # seconds of the longer recording
CODECS = (("m4a", "aac"), ("mp3", "libmp3lame"), ("ogg", "libopus"))
# an MP4 that is written so does not say that AAC begins with a frame of nothing: it plays late
LATE = {"aac": 1024 / RATE}


@dataclass(frozen=True)
class Pair:
    """Seconds [start, start + length) of a piece are one recording, its first WHOLE the other."""

    music: Path
    start: float
    length: float
    kbits: tuple[int, int]
    decibels: tuple[float, float]
    coded: tuple[int, int]  # in CODECS


def pairs() -> list[Pair]:
    with (MEDIA / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "music"]
    long = [row["file"] for row in rows if float(row["seconds"] or 0) >= WHOLE]
    rng = np.random.default_rng(5)
    chosen = rng.choice(sorted(long), 10, replace=False)
    return [
        Pair(
            MEDIA / name, float(rng.uniform(1, 20)), float(rng.uniform(8, 25)),
            (int(rng.choice([48, 64, 96, 128])), int(rng.choice([48, 64, 96, 128]))),
            (float(rng.uniform(-12, 0)), float(rng.uniform(-12, 0))),
            (int(rng.integers(3)), int(rng.integers(3))),
        )
        for name in chosen for _ in range(2)
    ]  # fmt: skip


def record(path: Path, samples: NDArray[np.float32], codec: str, kbits: int, db: float) -> Path:
    """A file of sound alone."""
    rate = 48_000 if codec == "libopus" else RATE
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = kbits * 1000
        loud = np.clip(samples * np.float32(10 ** (db / 20)), -1, 1)
        frame = av.AudioFrame.from_ndarray(loud[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            stream.codec_context.format.name, "stereo", rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )  # fmt: skip
        for part in (frame, None):
            for resampled in resampler.resample(part):
                container.mux(stream.encode(resampled))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def tried() -> list[Pair]:
    if not (MEDIA / "manifest.csv").is_file():
        pytest.skip("ZASTAVKA_INTROBENCH names no benchmark of composed episodes")
    return pairs()


@pytest.mark.parametrize("number", range(20))
def test_a_part_is_found_in_the_whole(number: int, tried: list[Pair], tmp_path: Path) -> None:
    pair = tried[number]
    waveform = read_waveform(pair.music, RATE, WHOLE)
    assert waveform is not None
    first = round(pair.start * RATE)
    cut = waveform.samples[first : first + round(pair.length * RATE)]
    paths = []
    for name, samples, i in (("whole", waveform.samples, 0), ("part", cut, 1)):
        suffix, codec = CODECS[pair.coded[i]]
        path = tmp_path / f"{name}.{suffix}"
        paths.append(record(path, samples, codec, pair.kbits[i], pair.decibels[i]))
    prints = [read_print(path, DEFAULT.extract) for path in paths]
    repeats = find_repeats(prints, paths, (0, 1), DEFAULT, types=TYPES)
    number, verdict = max(enumerate(repeats.verdicts), key=lambda each: each[1].piece.length)
    # music may have the part once more; what was cut out is the one at its place
    instances = verdict.piece.instances
    places = [repeats.segment(number, k) for k in range(len(instances))]
    in_whole = min(
        (k for k, each in enumerate(instances) if each.episode == 0),
        key=lambda k: abs(places[k].start - first / RATE),
    )
    in_part = next(k for k, each in enumerate(instances) if each.episode == 1)
    whole, part = places[in_whole], places[in_part]
    late_whole, late_part = (LATE.get(CODECS[i][1], 0.0) for i in pair.coded)
    there = first / RATE + late_whole
    assert abs(whole.start - there) <= 0.05
    assert abs(whole.end - there - pair.length) <= 0.05
    assert abs(part.start - late_part) <= 0.05
    assert abs(part.end - late_part - pair.length) <= 0.05

    closeups = Closeups([*paths], prints, None)
    overlay = Overlay(
        instances[in_whole], instances[in_part], "start", [1.0, 1.0], prints, closeups
    )
    assert overlay.sound_edge(whole.start) is not None
    lag = overlay.there(whole.start) - whole.start
    assert abs(lag - (late_part - there)) <= 0.01
