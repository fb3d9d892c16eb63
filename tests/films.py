"""Short films made on the spot: shots that look like no other, cut to the frame, and sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import AudioStream, Packet, VideoStream
from numpy.typing import NDArray
from scipy.ndimage import zoom

from sounds import Floats
from zastavka.fingerprint import RATE

SIZE = (96, 54)  # width and height
FILM_RATE = Fraction(24_000, 1001)
_TALL, _WIDE = 6, 10  # blots of a picture
_BLOCK = 500  # samples of a packet


@dataclass(frozen=True, slots=True)
class Shot:
    """`frames` pictures of one scene, told by its number; it drifts a little. None: black."""

    scene: int | None
    frames: int


@dataclass(frozen=True, slots=True)
class Film:
    """What `shoot` makes. `sound` is at `fingerprint.RATE`; None: there is no track."""

    shots: Sequence[Shot]
    sound: Floats | None
    rate: Fraction = Fraction(25)
    keys: bool = True  # a key picture at each cut
    group: int = 9999  # pictures after which there is another one
    chapters: Sequence[tuple[float, float]] = ()


def seconds(frames: int, rate: Fraction = Fraction(25)) -> float:
    """How long so many pictures are shown."""
    return float(frames / rate)


def sequence(*parts: tuple[float, Floats | None]) -> Floats:
    """Sounds one after the other, each cut or filled up to its seconds; None: nothing sounds."""
    track, end = [], 0.0
    for length, sound in parts:
        first, end = end, end + length
        n = round(end * RATE) - round(first * RATE)  # so that roundings do not add up
        part = np.zeros(n, np.float32)
        if sound is not None:
            part[: len(sound[:n])] = sound[:n]
        track.append(part)
    return np.concatenate(track)


def shoot(path: Path, film: Film) -> Path:
    """Encode and mux a film as Matroska; returns its path."""
    with av.open(str(path), "w", format="matroska") as container:
        container.set_chapters(
            [
                {
                    "id": i, "start": round(start * 1000), "end": round(end * 1000),
                    "time_base": Fraction(1, 1000), "metadata": {"title": str(i)},
                }
                for i, (start, end) in enumerate(film.chapters)
            ]
        )  # fmt: skip
        video = None
        if film.shots:
            options = {"preset": "ultrafast", "crf": "18", "g": str(film.group), "threads": "1"}
            video = container.add_stream("libx264", rate=film.rate, options=options)
            assert isinstance(video, VideoStream)
            video.width, video.height = SIZE
            video.pix_fmt = "yuv420p"
        audio = None
        if film.sound is not None:
            audio = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
            assert isinstance(audio, AudioStream)
        packets = list(_pictures(video, film)) if video else []
        if audio is not None and film.sound is not None:
            packets += _sounds(audio, film.sound)
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            container.mux(packet)
    return path


def _pictures(stream: VideoStream, film: Film) -> Iterator[Packet[Any]]:
    at = 0
    for shot in film.shots:
        for i in range(shot.frames):
            frame = av.VideoFrame.from_ndarray(_picture(shot, i), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = at, 1 / film.rate
            if film.keys and not i:
                frame.pict_type = av.video.frame.PictureType.I
            yield from stream.encode(frame)
            at += 1
    yield from stream.encode(None)


def _picture(shot: Shot, i: int) -> NDArray[np.uint8]:
    width, height = SIZE
    if shot.scene is None:
        return np.zeros((height, width), np.uint8)
    scene = _scene(shot.scene)
    first = i // 4 % (scene.shape[1] - width)
    return scene[:, first : first + width]


_SCENES: dict[int, NDArray[np.uint8]] = {}


def _scene(number: int) -> NDArray[np.uint8]:
    if number not in _SCENES:
        blots = np.random.default_rng([3, number]).uniform(30, 225, (_TALL, 2 * _WIDE))
        width, height = SIZE
        wide = zoom(blots, (height / _TALL, width / _WIDE), order=1)
        _SCENES[number] = np.ascontiguousarray(np.clip(wide, 0, 255)).astype(np.uint8)
    return _SCENES[number]


def _sounds(stream: AudioStream, sound: Floats) -> Iterator[Packet[Any]]:
    for first in range(0, len(sound), _BLOCK):
        part = np.clip(sound[None, first : first + _BLOCK] * 32767, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)
