"""Whether a file goes on to the end of what is searched, or breaks off before."""

from __future__ import annotations

import math
from pathlib import Path

from zastavka.errors import MediaError
from zastavka.media import open_media, start_of, time_base_of

_SLACK = 5.0  # seconds that sound and pictures may be shorter than the file says
_GUESSED = ("mp3", "aac", "ac3", "eac3", "dts")  # bare sound, whose length FFmpeg works out


def check_whole(path: Path, end: float, window: float, duration: float) -> None:
    """MediaError where nothing goes on to the end of the window; `end`: how far it was read."""
    if end >= window - _SLACK:
        return
    last = max(end, last_packet_time(path, window - _SLACK))
    if last < window - _SLACK:
        raise MediaError(
            path, "breaks off at {seconds:.0f} s of {duration:.0f} s", "copy it again",
            seconds=last, duration=duration,
        )  # fmt: skip


def last_packet_time(path: Path, enough: float) -> float:
    """When the last packet of pictures, sound or subtitles ends; at `enough` the search ends.

    Infinite where the format states no length, so that `probe` had to guess it by the bit rate.
    """
    import av

    end = 0.0
    with open_media(path) as container:
        if container.format.name in _GUESSED:
            return math.inf
        start = start_of(container)
        try:
            for packet in container.demux():
                if packet.pts is not None and packet.stream.type in ("video", "audio", "subtitle"):
                    stop = (packet.pts + (packet.duration or 0)) * time_base_of(packet.stream)
                    end = max(end, float(stop) - start)
                    if end >= enough:
                        break
        except av.error.FFmpegError:
            pass  # cut short: what was read stands
    return end
