"""`Pictures`: the pictures of a video at given times, exactly, without decoding all the others.

The file is read twice: once to list its packets (nothing is decoded), once to decode those that
`packets.plan` asks for. What comes out is compared with what was planned, and at the first
difference everything is decoded instead: a file may cost more than hoped, but it never yields the
picture of another time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from zastavka.errors import MediaError
from zastavka.media import rotation_of, shown_size
from zastavka.packets import PacketIndex, Run, plan
from zastavka.segment import Segment
from zastavka.track import Track, open_track

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.packet import Packet

Size = tuple[int, int]  # width, height

# The last row of a grid may ask for a time after the end, by half of the longest step allowed.
_HOLD = 5.0  # seconds that the last picture stays; a file cut short yields nothing for later times
_LONGEST_GROUP = 12.0  # seconds: encoders' default is 250 pictures
_SEEK_MARGIN = 2.0  # seconds: a seek in MPEG-TS is not exact
_EPS = 1e-6
_UNTAGGED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_HD_LINES = 576  # players take untagged pictures with more lines for BT.709, with fewer for BT.601


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded image, RGB, shape (height, width, 3)."""

    time: float  # when a player begins to show it
    wanted: float  # the time asked for
    image: NDArray[np.uint8]


class Pictures(Iterator[Picture]):
    """Pictures in order of time; use it in a `with`.

    A file that is cut short or damaged ends the iteration early: who asked for n times and got
    fewer pictures knows by the last `wanted` how far it could be read. MediaError: not at all.
    """

    def __init__(self, pictures: Iterator[Picture]) -> None:
        self._pictures = pictures

    @classmethod
    def at(cls, path: Path, times: Sequence[float], size: Size | None = None) -> Self:
        """The picture on screen at each of the times, which must not decrease.

        Before the first picture that is the first one. `size` squashes to (width, height); None
        leaves the size that a player shows.
        """
        if not all(map(math.isfinite, times)) or any(np.diff(times) < 0):
            raise ValueError("times must be finite and must not decrease")
        return cls(_exact(path, list(times), size))

    @classmethod
    def at_rate(cls, path: Path, rate: float, window: Segment, size: Size | None = None) -> Self:
        """The pictures on screen at window.start + i / rate, up to the window's end."""
        n = math.ceil(window.duration * rate - _EPS)
        return cls.at(path, [window.start + i / rate for i in range(n)], size)

    @classmethod
    def keys(cls, path: Path, window: Segment | None = None, size: Size | None = None) -> Self:
        """The key pictures that a player begins to show in the window; no other is decoded."""
        return cls(_keys(path, window, size))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Picture:
        return next(self._pictures)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()  # type: ignore[attr-defined]  # a generator


class _Unproven(Exception):
    """What the file gives differs from what its packets promised."""


def _exact(path: Path, times: list[float], size: Size | None) -> Iterator[Picture]:
    done = 0
    for attempt in (_planned, _all_decoded):
        try:
            for picture in attempt(path, times[done:], size):
                done += 1
                yield picture
            break
        except _Unproven:
            continue
    if times and not done:
        raise MediaError(
            path,
            "has no picture that can be read from {start:.1f} s on",
            "check that it is whole and that a player shows it",
            start=times[0],
        )


def _planned(path: Path, times: list[float], size: Size | None) -> Iterator[Picture]:
    """Decoding as little as can be. _Unproven: the file does not allow it."""
    if not times:
        return
    begin, index, packets = _survey(path, times)
    with open_track(path) as track:
        track.seek(begin)
        paint = _painter(track, size)
        for time, (ticks, frame) in zip(times, _follow(track, index, packets), strict=False):
            yield paint(frame, track.seconds(ticks), time)


def _survey(path: Path, times: list[float]) -> tuple[float, PacketIndex, NDArray[np.intp]]:
    """Where to begin, the index from there, and the packet of each time before the end."""
    # a seek may land behind the key packet that is needed, in MPEG-TS as a rule
    for begin in (times[0], times[0] - _LONGEST_GROUP, -math.inf):
        with open_track(path) as track:
            sought = track.seek(begin)
            limits = np.array([track.ticks(time) for time in times], dtype=np.int64)
            index = track.index(int(limits[-1]), from_start=not sought)
            if index is not None:
                limits = limits[limits <= index.end + track.span(_HOLD)]
                packets = index.on_screen(limits)
                if packets is not None:
                    return begin, index, packets
        if not sought:
            break
    raise _Unproven


def _follow(
    track: Track, index: PacketIndex, packets: NDArray[np.intp]
) -> Iterator[tuple[int, VideoFrame]]:
    """(ticks, frame) for each of the packets."""
    wanted = index.pts[packets]
    source = enumerate(track.packets())
    for run in plan(index, packets):
        done = run.start
        limits = wanted[run.start : run.stop].tolist()
        # to its end, even if all is found: only then is the decoder ready for the next run
        for ticks, frame in _on_screen(_decoded(track, index, run, source), limits):
            if not run.whole and (ticks != wanted[done] or frame.is_corrupt):
                raise _Unproven
            yield ticks, frame
            done += 1
        if done < run.stop:
            raise _Unproven


def _decoded(
    track: Track, index: PacketIndex, run: Run, source: Iterator[tuple[int, Packet[VideoStream]]]
) -> Iterator[tuple[int, VideoFrame]]:
    """The run's frames with their ticks. Packets before the run are passed over."""
    for i, packet in source:
        if i > run.last or packet.pts != index.pts[i]:
            raise _Unproven
        if i >= run.first and run.send[i - run.first]:
            frames = track.decode(packet)
            if frames is None and not run.whole:
                raise _Unproven
            yield from frames or ()
        if i == run.last:
            break
    yield from track.drain()


def _on_screen(
    frames: Iterable[tuple[int, VideoFrame]], limits: list[int], hold: float = math.inf
) -> Iterator[tuple[int, VideoFrame]]:
    """For each limit the last frame that is not after it, or the first frame.

    The last of the frames stays on screen for `hold` ticks after its own time.
    """
    pending = deque(limits)
    shown = None
    end = -math.inf
    for ticks, frame in frames:
        while shown and pending and pending[0] < ticks:
            pending.popleft()
            yield shown
        shown = ticks, frame
        end = ticks + (frame.duration or 0) + hold
    while shown and pending and pending[0] <= end:
        pending.popleft()
        yield shown


def _all_decoded(path: Path, times: list[float], size: Size | None) -> Iterator[Picture]:
    """Decoding everything, and trusting only what comes out."""
    with open_track(path) as track:
        paint = _painter(track, size)
        limits = [track.ticks(time) for time in times]
        found = _on_screen(track.frames(), limits, track.span(_HOLD))
        # `times` first: zip then ends without waiting for a frame that nobody asked for
        for time, (ticks, frame) in zip(times, found, strict=False):
            yield paint(frame, track.seconds(ticks), time)


def _keys(path: Path, window: Segment | None, size: Size | None) -> Iterator[Picture]:
    found = False
    with open_track(path) as track:
        paint = _painter(track, size)
        if window:
            track.seek(window.start - _SEEK_MARGIN)
        for ticks, frame in track.key_frames(window):
            found = True
            time = track.seconds(ticks)
            yield paint(frame, time, time)
    if not (found or window):
        raise MediaError(
            path,
            "has no key picture that can be read",
            "check that it is whole and that a player shows it",
        )


def _painter(track: Track, size: Size | None) -> Callable[[VideoFrame, float, float], Picture]:
    """One way from a decoded frame to RGB, for everyone who looks at pictures.

    Through planes (gbrp) and with exact rounding: against the formula of BT.601, swscale's packed
    rgb24 is 1 to 1.5 levels too dark and has half the resolution in colour where it scales.
    """
    from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

    reformatter = VideoReformatter()
    interpolation = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND)

    def paint(frame: VideoFrame, time: float, wanted: float) -> Picture:
        turns = rotation_of(frame) // 90
        width, height = size or shown_size(frame, track.stream)
        if turns % 2:
            width, height = height, width
        is_hd = frame.colorspace == _UNTAGGED and frame.height > _HD_LINES
        planes = reformatter.reformat(
            frame,
            width,
            height,
            "gbrp",
            src_colorspace=int(Colorspace.ITU709) if is_hd else None,
            interpolation=interpolation,
            threads=1,
        )
        image = np.rot90(planes.to_ndarray(), -turns)
        return Picture(time, wanted, np.ascontiguousarray(image, dtype=np.uint8))

    return paint
