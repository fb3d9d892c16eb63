"""Media made on the spot: pictures that carry their own number, tones that say when they begin."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import AudioStream, Packet, VideoStream
from av.container import OutputContainer
from av.stream import Disposition
from numpy.typing import NDArray

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder tells all about itself otherwise

WIDTH, HEIGHT = 160, 96
BITS = 10  # two rows of five blocks: numbers below 1024
BLOCK = 32  # pixels: far larger than what compression smears
TICK = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class Tone:
    """A track of sound: a sine from `start` on the file's clock for `seconds`."""

    hz: float = 440.0
    start: float = 0.0
    seconds: float = 2.0
    language: str | None = None
    title: str | None = None
    default: bool = False
    layout: str = "mono"
    gap: tuple[float, float] | None = None  # nothing is stored between these times
    codec: str = "pcm_s16le"
    rate: int = 48_000


@dataclass(frozen=True, slots=True)
class Film:
    """What `write` makes. Picture i is shown at times[i] seconds on the file's clock."""

    times: Sequence[float] = tuple(i / 24 for i in range(72))
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"
    size: tuple[int, int] = (WIDTH, HEIGHT)
    rotation: int = 0  # degrees counter-clockwise, as FFmpeg writes them
    aspect: Fraction | None = None  # of one pixel
    tones: Sequence[Tone] = ()
    chapters: Sequence[tuple[str, float, float]] = ()
    format_options: dict[str, str] = field(default_factory=dict)
    rate: int = 24  # pictures a second, as the header says


def numbered(number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> NDArray[np.uint8]:
    """An RGB picture whose upper 64 rows spell its number; below, texture that moves."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    for bit in range(BITS):
        row, column = divmod(bit, 5)
        value = 235 if number >> bit & 1 else 16
        image[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK] = value
    y, x = np.mgrid[2 * BLOCK : height, 0:width]
    for channel in range(3):
        wave = np.sin((x + 3 * number) / (5 + channel)) + np.cos((y - number) / (3 + channel))
        image[2 * BLOCK :, :, channel] = np.uint8(128) + (wave * 40).astype(np.int8).astype(
            np.uint8
        )
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    """The number that a picture of `numbered` carries."""
    number = 0
    for bit in range(BITS):
        row, column = divmod(bit, 5)
        block = image[row * BLOCK + 8 : row * BLOCK + 24, column * BLOCK + 8 : column * BLOCK + 24]
        number |= int(block.mean() > 128) << bit
    return number


def write(path: Path, film: Film | None = None, format: str | None = None) -> Path:
    """Encode and mux a film; returns its path."""
    film = film or Film()
    with av.open(str(path), "w", format=format, options=film.format_options) as container:
        container.set_chapters(
            [
                {
                    "id": i,
                    "start": round(start * 1000),
                    "end": round(end * 1000),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for i, (title, start, end) in enumerate(film.chapters)
            ]
        )
        video = _video_stream(container, film) if film.times else None
        sounds = [(_sound_stream(container, tone), tone) for tone in film.tones]
        container.start_encoding()
        packets: list[Packet[Any]] = _pictures(video, film) if video else []
        for stream, tone in sounds:
            packets += _sound(stream, tone)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            container.mux(packet)
    return path


def _video_stream(container: OutputContainer, film: Film) -> VideoStream:
    # MPEG-1, 2 and 4 know only fixed rates
    fixed = film.codec.startswith("mpeg")
    stream = container.add_stream(film.codec, rate=film.rate, options=dict(film.options))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = film.size
    stream.pix_fmt = film.pixels
    stream.codec_context.time_base = Fraction(1, film.rate) if fixed else TICK
    stream.codec_context.thread_count = 1
    if film.rotation:
        stream.set_display_rotation(film.rotation)
    if film.aspect:
        stream.codec_context.sample_aspect_ratio = film.aspect
    return stream


def _pictures(stream: VideoStream, film: Film) -> list[Packet[Any]]:
    base = stream.codec_context.time_base
    packets: list[Packet[Any]] = []
    for i, time in enumerate(film.times):
        frame = av.VideoFrame.from_ndarray(numbered(i, film.size), format="rgb24")
        frame = frame.reformat(format=film.pixels)
        frame.pts, frame.time_base = round(Fraction(time) / base), base
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def _sound_stream(container: OutputContainer, tone: Tone) -> AudioStream:
    stream = container.add_stream(tone.codec, rate=tone.rate, layout=tone.layout)
    assert isinstance(stream, AudioStream)
    for name, value in (("language", tone.language), ("title", tone.title)):
        if value is not None:
            stream.metadata[name] = value
    stream.disposition = Disposition.default if tone.default else Disposition(0)
    return stream


def _sound(stream: AudioStream, tone: Tone) -> list[Packet[Any]]:
    packets: list[Packet[Any]] = []
    size = stream.codec_context.frame_size or tone.rate // 50
    channels = stream.codec_context.channels
    for first in range(0, round(tone.seconds * tone.rate), size):
        time = tone.start + first / tone.rate
        if tone.gap and tone.gap[0] <= time < tone.gap[1]:
            continue
        at = (np.arange(first, first + size)) / tone.rate
        wave = np.tile(0.5 * np.sin(2 * np.pi * tone.hz * at), (channels, 1)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout=tone.layout)
        frame.sample_rate = tone.rate
        frame.pts, frame.time_base = round(time * tone.rate), Fraction(1, tone.rate)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]
