"""Whether a file that a stranger sent may come in: looked at in a process that can do little else.

FFmpeg is given the bytes and no way to open anything: no protocol at all, and only formats that
hold pictures and sound themselves. What is too large to be decoded here is refused before it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zastavka.errors import MediaError
from zastavka.media import PLAIN_FORMATS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

STREAMS = 64  # at most; MKV keeps fonts and covers as streams too
PIXELS = 8192 * 4608  # of a picture
DURATION = 12 * 3600.0  # seconds
_PACKETS = 400  # until a first picture or sound must have come out
_SUFFIXES = {
    "matroska": ".mkv", "mov": ".mp4", "avi": ".avi", "mpegts": ".ts", "mpeg": ".mpg",
    "flv": ".flv", "asf": ".wmv", "ogg": ".ogv", "wav": ".wav", "mp3": ".mp3", "aac": ".aac",
    "flac": ".flac",
}  # fmt: skip


def digest(spec: dict[str, Any], progress: Callable[[float, str, str], None]) -> dict[str, Any]:
    """The SHA-256 of a file."""
    path, done = Path(spec["file"]), 0
    size, state = max(1, path.stat().st_size), hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
            done += len(block)
            progress(done / size, "Checking", "")
    return {"sha256": state.hexdigest()}


def check(spec: dict[str, Any], _: Callable[[float, str, str], None]) -> dict[str, Any]:
    """What the file is. MediaError: it may not come in, and why."""
    import av

    name = spec["name"]
    with Path(spec["file"]).open("rb") as file:
        try:
            with av.open(
                file, options={"protocol_whitelist": "none",
                               "format_whitelist": ",".join(PLAIN_FORMATS)},
            ) as container:  # fmt: skip
                assert isinstance(container, av.container.InputContainer)
                return _checked(name, container)
        except av.error.FFmpegError as error:
            raise MediaError(
                name, "is no video that is taken here ({why})",
                "send a video file such as MKV or MP4", why=error.strerror or type(error).__name__,
            ) from error  # fmt: skip


def _checked(name: str, container: InputContainer) -> dict[str, Any]:
    kind = container.format.name.split(",")[0]
    if kind not in _SUFFIXES:
        raise MediaError(
            name, "is of a format that is not taken ({kind})",
            "send a video file such as MKV or MP4", kind=kind,
        )  # fmt: skip
    streams = list(container.streams)
    if len(streams) > STREAMS:
        raise MediaError(
            name, "has {n} tracks", "send a file with at most {most}", n=len(streams), most=STREAMS
        )
    seconds = (container.duration or 0) / 1_000_000
    if seconds > DURATION:
        raise MediaError(
            name, "lasts {hours:.0f} hours", "send a file of at most {most:.0f}",
            hours=seconds / 3600, most=DURATION / 3600,
        )  # fmt: skip
    for video in container.streams.video:
        _check_size(name, video.codec_context.width, video.codec_context.height)
        video.codec_context.options = {"max_pixels": str(PIXELS)}
        video.codec_context.thread_count = 1
    shown = [s for s in streams if s.type in ("video", "audio")]
    if not any(_comes_out(name, container, stream) for stream in shown):
        raise MediaError(
            name, "holds no picture and no sound that can be read",
            "check that it is whole and that a player shows it",
        )  # fmt: skip
    return {"format": kind, "suffix": _SUFFIXES[kind], "seconds": seconds}


def _check_size(name: str, width: int, height: int) -> None:
    if width * height > PIXELS:
        raise MediaError(
            name, "has pictures of {width} x {height} pixels",
            "send a file with smaller pictures", width=width, height=height,
        )  # fmt: skip


def _comes_out(name: str, container: InputContainer, stream: Stream) -> bool:
    import av

    with suppress(av.error.FFmpegError):
        container.seek(0)
    try:
        for i, packet in enumerate(container.demux(stream)):
            with suppress(av.error.FFmpegError):
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        _check_size(name, frame.width, frame.height)
                    return True
            if i == _PACKETS:
                return False
    except av.error.FFmpegError:
        return False
    return False
