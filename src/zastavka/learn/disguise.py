"""A composed episode as television would show it: a channel's logo, subtitles, another codec.

The composer varies size, rate, speed, gain, letterbox and speech over the music; what it never does
is put here: a logo in a corner, lines of text burnt into the story, grain, another codec for
pictures and sound. Times stay what they were.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zastavka.compose.letters import Typeface, block_mask
from zastavka.storage import replacing

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.container import InputContainer, OutputContainer

Pixels = NDArray[np.uint8]
Cover = NDArray[np.float32]  # how much of each pixel is covered, in [0, 1], shape (height, width)

_WORDS = (
    *("THE", "NIGHT", "AND", "WHERE", "YOU", "KNOW", "COME", "BACK"),
    *("ДОМ", "ЧТО", "ОНА", "НЕТ", "ЗАВТРА", "НИКОГДА", "ВРЕМЯ", "СНОВА"),
)
_VIDEO = {
    "libx264": {"preset": "ultrafast", "crf": "30", "threads": "1"},
    "mpeg4": {"qscale": "6", "threads": "1"},
    "mpeg2video": {"qscale": "6", "threads": "1"},
    "libx265": {"preset": "ultrafast", "crf": "30", "x265-params": "pools=1:log-level=error"},
}
_AUDIO = {"aac": 48_000, "ac3": 96_000, "libmp3lame": 64_000}  # bits per second
_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Look:
    """How a channel shows its series."""

    logo: tuple[str, int] | None  # its letters, and which corner
    subtitles: float  # share of the time with a line of text at the bottom
    grain: float  # standard deviation of the noise, in levels of 255
    video: str
    audio: str


def draw_look(rng: random.Random) -> Look | None:
    """The look of a series; two of three are left as they are composed."""
    if rng.random() < 2 / 3:
        return None
    logo = (rng.choice(_WORDS)[:4], rng.randrange(4)) if rng.random() < 0.6 else None
    return Look(
        logo=logo,
        subtitles=rng.choice([0.0, 0.0, rng.uniform(0.2, 0.7)]),
        grain=rng.choice([0.0, rng.uniform(1.0, 6.0)]),
        video=rng.choice(list(_VIDEO)),
        audio=rng.choice(list(_AUDIO)),
    )


def disguise(path: Path, look: Look, seed: int) -> None:
    """Write an episode anew in this look, in its place. StorageError: disk full."""
    import av

    with replacing(path) as part, av.open(path) as source, av.open(part, "w", "matroska") as out:
        _write(source, out, look, seed)


def _write(source: InputContainer, out: OutputContainer, look: Look, seed: int) -> None:
    import av

    shown = source.streams.video[0]
    rate = Fraction(shown.average_rate or 24)
    video = out.add_stream(look.video, rate=rate, options=dict(_VIDEO[look.video]))
    assert isinstance(video, av.VideoStream)
    video.width, video.height, video.pix_fmt = shown.width, shown.height, "yuv420p"
    sound = _Sound(out, look.audio) if source.streams.audio else None
    painter = _Painter(look, shown.width, shown.height, seed)
    for packet in source.demux():
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                out.mux(video.encode(painter.painted(frame)))
            elif sound is not None and isinstance(frame, av.AudioFrame):
                sound.write(frame)
    if sound is not None:
        sound.write(None)
    out.mux(video.encode(None))


class _Sound:
    def __init__(self, out: OutputContainer, codec: str) -> None:
        import av

        stream = out.add_stream(codec, rate=_RATE, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = _AUDIO[codec]
        context = stream.codec_context
        self._out, self._stream = out, stream
        self._resampler = av.AudioResampler(
            context.format, "stereo", _RATE, context.frame_size or 1024
        )

    def write(self, frame: AudioFrame | None) -> None:
        """Encode a frame; None: that was the last one."""
        for piece in self._resampler.resample(frame):
            self._out.mux(self._stream.encode(piece))
        if frame is None:
            self._out.mux(self._stream.encode(None))


class _Painter:
    def __init__(self, look: Look, width: int, height: int, seed: int) -> None:
        self._look, self._noise = look, np.random.default_rng(seed)
        self._lines = _lines(look.subtitles, random.Random(seed))
        self._size = (height, width)
        self._line: tuple[str, Cover] | None = None
        self._logo = None
        if look.logo is not None:
            letters, corner = look.logo
            self._logo = 0.6 * _placed(letters, self._size, 0.07, (corner // 2, corner % 2))

    def painted(self, frame: VideoFrame) -> VideoFrame:
        import av

        image = frame.to_ndarray(format="rgb24").astype(np.float32)
        if self._look.grain:
            image += self._noise.normal(0, self._look.grain, self._size)[..., None]
        for cover in (self._logo, self._subtitle(frame.time or 0.0)):
            if cover is not None:
                image += cover[..., None] * (245.0 - image)
        again = av.VideoFrame.from_ndarray(np.clip(image, 0, 255).astype(np.uint8), "rgb24")
        again.pts, again.time_base = frame.pts, frame.time_base
        return again

    def _subtitle(self, time: float) -> Cover | None:
        while self._lines and self._lines[0][1] <= time:
            self._lines.pop(0)
        if not self._lines or time < self._lines[0][0]:
            return None
        text = self._lines[0][2]
        if self._line is None or self._line[0] != text:
            self._line = text, _placed(text, self._size, 0.06, (1, None))
        return self._line[1]


def _lines(share: float, rng: random.Random) -> list[tuple[float, float, str]]:
    """Lines of text with when they come and go, for an hour."""
    return [] if not share else list(_drawn(share, rng))


def _drawn(share: float, rng: random.Random) -> Iterator[tuple[float, float, str]]:
    at = 0.0
    while at < 3600:
        lasts = rng.uniform(1.0, 4.0)
        at += lasts * (1 / share - 1) * rng.uniform(0.3, 1.7)
        yield at, at + lasts, " ".join(rng.sample(_WORDS, rng.randint(2, 4)))
        at += lasts


def _placed(
    text: str, size: tuple[int, int], letters: float, where: tuple[int, int | None]
) -> Cover:
    """A line of text on an empty picture; `where`: top or bottom, left or right, None: middle."""
    height, width = size
    mask = block_mask([text], max(6, round(letters * height)), Typeface(weight=0.2))
    mask = mask[: height // 2, : width - 4]
    cover = np.zeros(size, np.float32)
    margin = round(0.05 * height)
    top = margin if where[0] == 0 else height - margin - mask.shape[0]
    room = width - mask.shape[1]
    left = room // 2 if where[1] is None else min(margin, room) if where[1] == 0 else room - margin
    left = max(0, min(left, room))
    cover[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return cover
