"""`Track`: the open video track of a file: its packets, their index, and their pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zastavka.bitstream import PacketFacts, fact_reader
from zastavka.errors import MediaError
from zastavka.media import (
    check_packet_unlocked,
    check_unlocked,
    exact,
    open_media,
    start_of,
    time_base_of,
    video_stream,
)
from zastavka.packets import Entry, PacketIndex
from zastavka.segment import Segment

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer
    from av.packet import Packet

Frames = list[tuple[int, "VideoFrame"]]  # each with its ticks

_EPS = 1e-4  # seconds: times are written with four decimals
_SEEK_FROM = 20.0  # seconds: before this, reading through is as quick as seeking
_SEEKABLE = ("matroska", "mp4", "mpegts")
_DTS_SLACK = 2.0  # seconds: where a container has no decoding times, FFmpeg guesses them


class Track:
    """An open file and its video track. Ticks are in the stream's time base, as FFmpeg has them."""

    def __init__(self, path: Path, container: InputContainer) -> None:
        stream = video_stream(container)
        if stream is None:
            raise MediaError(path, "has no video track", "give a file with moving pictures")
        check_unlocked(path, stream)
        self.path = path
        self.stream: VideoStream = stream
        self._container = container
        self._base = time_base_of(stream)
        self._start = start_of(container)
        context = stream.codec_context
        # threads decode ahead what is then thrown away; it is episodes that run in parallel
        context.thread_count = 1
        codec = context.codec.canonical_name
        self._facts = fact_reader(codec, context.extradata or b"")
        # AVI stores decoding times alone, and FFmpeg's guess of the others is wrong for these two
        self._timed = container.format.name != "avi" or codec not in ("h264", "hevc")
        self._step = self.span(1 / float(exact(stream.average_rate) or 25))
        self._first = stream.start_time or 0
        self._lag: int | None = None
        self._next = self._first  # ticks of the next picture, should it not say

    def ticks(self, seconds: float) -> int:
        """The latest timestamp that a player has reached at this time."""
        return math.floor((seconds + self._start + _EPS) / self._base)

    def span(self, seconds: float) -> int:
        """A length of time in ticks."""
        return math.ceil(seconds / self._base)

    def seconds(self, ticks: int) -> float:
        """A timestamp on the player's clock."""
        return round(float(ticks * self._base) - self._start, 6)

    def seek(self, seconds: float) -> bool:
        """Go to about a key packet before the time; False if the file stays at its beginning."""
        import av

        name = self._container.format.name
        if seconds < _SEEK_FROM or not any(known in name for known in _SEEKABLE):
            return False
        try:
            self._container.seek(self.ticks(seconds), stream=self.stream)
        except av.error.FFmpegError:
            return False
        return True

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """The packets from here to the end of the file, or to where it is damaged."""
        import av

        try:
            for packet in self._container.demux(self.stream):
                if packet.size:
                    check_packet_unlocked(self.path, packet)
                    yield packet
        except av.error.FFmpegError:
            return

    def facts(self, packet: Packet[VideoStream]) -> PacketFacts | None:
        """What is certain about the packet; None for a codec that nothing is known about."""
        return None if self._facts is None else self._facts(memoryview(packet), packet.is_keyframe)

    def index(self, until: int, from_start: bool) -> PacketIndex | None:
        """The packets from here on that may hold a picture shown up to a tick; None: unreliable."""
        return PacketIndex.of(self._entries(until + self.span(_DTS_SLACK)), from_start)

    def _entries(self, enough: int) -> Iterator[Entry | None]:
        for packet in self.packets():
            facts = self.facts(packet)
            if not self._timed or facts is None or packet.pts is None:
                yield None
                return
            yield Entry(packet.pts, packet.duration or 0, not packet.is_discard, facts)
            # no picture is shown before it is decoded
            if packet.dts is not None and packet.dts > enough:
                break

    def decode(self, packet: Packet[VideoStream]) -> Frames | None:
        """The pictures that come out after the packet; None if the packet is damaged."""
        import av

        try:
            return [(self._tick(f), f) for f in self.stream.codec_context.decode(packet)]
        except av.error.FFmpegError:
            return None

    def drain(self) -> Frames:
        """The pictures still in the decoder, which is then ready for a new beginning."""
        import av

        context = self.stream.codec_context
        try:
            frames = [(self._tick(frame), frame) for frame in context.decode(None)]
        except av.error.FFmpegError:
            frames = []
        context.flush_buffers()
        return frames

    def frames(self) -> Iterator[tuple[int, VideoFrame]]:
        """Every picture from here to the end; damaged packets are passed over."""
        for packet in self.packets():
            yield from self.decode(packet) or ()
        yield from self.drain()

    def key_frames(self, window: Segment | None) -> Iterator[tuple[int, VideoFrame]]:
        """The key pictures whose time lies in the window, each decoded alone."""
        for packet in self.packets():
            if packet.is_discard or not packet.is_keyframe:
                continue
            facts = self.facts(packet)
            if facts is not None and not facts.clean:
                continue
            place = self._place(packet.pts, window)
            if place > 0:
                return
            if place == 0:
                frames = [*(self.decode(packet) or ()), *self.drain()]
                yield from (pair for pair in frames if self._place(pair[0], window) == 0)

    def _place(self, ticks: int | None, window: Segment | None) -> int:
        """-1 before the window, 0 in it, 1 behind it."""
        if ticks is None or window is None:
            return 0
        time = self.seconds(ticks) + _EPS
        return (time >= window.end) - (time < window.start)

    def _tick(self, frame: VideoFrame) -> int:
        if self._timed and frame.pts is not None:
            ticks = frame.pts
        elif frame.dts is not None:
            # when it came out of the decoder: the right order and pace, but later by the delay
            self._lag = frame.dts - self._first if self._lag is None else self._lag
            ticks = frame.dts - self._lag
        else:
            ticks = self._next
        self._next = ticks + (frame.duration or self._step)
        return ticks


@contextmanager
def open_track(path: Path) -> Iterator[Track]:
    """The video track of a file. MediaError: as `open_media`, or no video."""
    with open_media(path) as container:
        yield Track(path, container)
