"""`without`: a copy of a video that lacks a span, nothing encoded again.

A picture can be taken out only with all that are told by it, so that the copy goes on at a key
picture: the last one in the span at which the order of pictures begins anew (an IDR picture in
H.264 and H.265; those of an open group would be shown in the wrong order). It may break off at any
picture. What is left of the span is said; nothing beside it is lost.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zastavka.bitstream import fact_reader
from zastavka.errors import MediaError
from zastavka.media import Chapter, open_media, probe, start_of
from zastavka.remux import (
    SUFFIXES,
    added,
    copying,
    is_chapter_track,
    packets_of,
    raw_chapters,
)
from zastavka.segment import Segment
from zastavka.storage import replacing

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

_ROUNDED = 0.002  # seconds; containers keep milliseconds
_LEAST = 0.5  # seconds; a cut that takes less is none
_ATTACHED = 0x400  # FFmpeg's mark of a cover, which is a track of one picture


@dataclass(frozen=True, slots=True)
class Picture:
    """A compressed picture: when it is shown, for how long, whether it needs no other."""

    time: float
    duration: float
    key: bool  # and the order in which pictures are shown begins anew there


@dataclass(frozen=True, slots=True)
class Plan:
    """What is taken out: `gone`; and which pictures stay, in the order in which they are stored.

    The first `until` of them stay, and from number `again` on those that are shown after `gone`.
    """

    gone: Segment
    until: int
    again: int


def plan(pictures: Sequence[Picture], span: Segment) -> Plan | None:
    """What of a span can be taken out of pictures in the order of their packets; None: nothing."""
    before = [i for i, picture in enumerate(pictures) if picture.time < span.start - _ROUNDED]
    keys = [
        i
        for i, picture in enumerate(pictures)
        if picture.key and span.start < picture.time <= span.end + _ROUNDED
    ]
    if not keys:
        return None
    again = max(keys, key=lambda i: pictures[i].time)
    # up to the last that is shown before the span; what is stored before it, it may need
    until = before[-1] + 1 if before else 0
    kept = pictures[:until]
    start = max((p.time + p.duration for p in kept), default=0.0)
    end = pictures[again].time
    if until > again or end - start < _LEAST:
        return None
    return Plan(Segment(start, end), until, again)


def without(path: Path, span: Segment, output: Path) -> Segment:
    """Write a copy of a Matroska or MP4 file that lacks a span; returns what is gone of it.

    Tracks, attachments, tags and chapters stay, and what comes later is so much earlier. The copy
    is read back before it is put in place. MediaError: another format, no key picture in the span,
    or something would be lost.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None or output.suffix.lower() != path.suffix.lower():
        raise MediaError(
            path, "can't be cut: only MKV and MP4 can, into the same kind", "convert it first"
        )
    info = probe(path)
    planned = _planned(path, span) if info.video else Plan(span, 0, 0)
    if planned is None:
        raise MediaError(
            path, "has no key picture in the intro, at which a copy could go on",
            "let a player skip it instead: zastavka export",
        )  # fmt: skip
    chapters = shortened(info.chapters, planned.gone)
    with replacing(output.resolve()) as part:
        with open_media(path) as source:
            wanted = _copy(path, source, part, kind, planned, chapters)
        if not _holds(part, wanted):
            raise MediaError(
                path, "would lose something in a copy",
                "let a player skip it instead: zastavka export",
            )  # fmt: skip
    return planned.gone


def shortened(chapters: Iterable[Chapter], gone: Segment) -> list[Chapter]:
    """Chapters of a file from which a span was taken; those that lie in it are gone too."""
    kept = []
    for chapter in chapters:
        start, end = (_moved(time, gone) for time in (chapter.segment.start, chapter.segment.end))
        if end - start > _ROUNDED:
            kept.append(Chapter(chapter.title, Segment(start, end)))
    return kept


def _moved(time: float, gone: Segment) -> float:
    """When is shown what was shown at a time; all that is gone falls on the seam."""
    return time - max(0.0, min(time, gone.end) - gone.start)


def _planned(path: Path, span: Segment) -> Plan | None:
    with open_media(path) as source:
        start = start_of(source)
        track, *others = [s for s in source.streams.video if not int(s.disposition) & _ATTACHED]
        if others:  # whose key pictures lie elsewhere
            raise MediaError(
                path, "has several tracks of pictures",
                "let a player skip it instead: zastavka export",
            )  # fmt: skip
        context = track.codec_context
        facts = fact_reader(context.name, context.extradata or b"")
        pictures = []
        for packet in source.demux(track):
            if not packet.size or packet.pts is None:
                continue
            base, key = packet.time_base or 0, packet.is_keyframe
            if key and facts is not None:
                key = facts(memoryview(bytes(packet)), True).fresh
            time, length = float(packet.pts * base) - start, float((packet.duration or 0) * base)
            pictures.append(Picture(time, length, key))
        return plan(pictures, span)


@dataclass(slots=True)
class _Track:
    """What the copy of a track must hold, and when it is shown."""

    digest: Any = field(default_factory=hashlib.sha256)
    times: array[float] = field(default_factory=lambda: array("d"))  # seconds

    def take(self, packet: Packet[Any], offset: float) -> None:
        self.digest.update(bytes(packet))
        pts = packet.pts
        self.times.append(
            math.nan if pts is None else float(pts * (packet.time_base or 0)) - offset
        )

    def is_that_of(self, other: _Track) -> bool:
        if self.digest.digest() != other.digest.digest():
            return False
        pairs = zip(self.times, other.times, strict=True)
        return not any(abs(a - b) >= _ROUNDED for a, b in pairs)


def _copy(
    path: Path, source: InputContainer, part: Path, kind: str, planned: Plan,
    chapters: Sequence[Chapter],
) -> list[_Track]:  # fmt: skip
    start = start_of(source)
    kept = [s for s in source.streams if not is_chapter_track(source, s)]
    scissors = {s.index: _scissors(s, planned, start) for s in kept}
    tracks = {s.index: _Track() for s in kept}
    refusal = MediaError(
        path, "has a track that can't be copied", "let a player skip it instead: zastavka export"
    )
    with copying(part, kind, refusal) as target:
        new = {s.index: added(target, s) for s in kept}
        target.metadata.update(source.metadata)
        target.set_chapters(raw_chapters(chapters, start))
        for packet in packets_of(source):
            index = packet.stream.index
            if index in scissors and scissors[index].keeps(packet):
                tracks[index].take(packet, start)
                packet.stream = new[index]
                target.mux(packet)
    return [tracks[s.index] for s in kept]


def _holds(part: Path, wanted: Sequence[_Track]) -> bool:
    with open_media(part) as copy:
        start = start_of(copy)
        kept = [s for s in copy.streams if not is_chapter_track(copy, s)]
        read = {s.index: _Track() for s in kept}
        for packet in packets_of(copy):
            if packet.stream.index in read:
                read[packet.stream.index].take(packet, start)
    return len(read) == len(wanted) and all(
        a.is_that_of(b) for a, b in zip(wanted, read.values(), strict=True)
    )


class _Scissors:
    """Takes the span out of a track: packets that stay are moved to where they belong."""

    def __init__(self, gone: Segment, start: float) -> None:
        self.gone, self.start = gone, start
        self._last: int | None = None  # the time at which the packet before is decoded

    def keeps(self, packet: Packet[Any]) -> bool:
        """Whether the packet stays; it is moved then."""
        if packet.pts is None:
            return False
        base = float(packet.time_base or 0)
        time = packet.pts * base - self.start
        place = self._place(time, (packet.duration or 0) * base)
        if place is None:
            return False
        self._move(packet, round((place - time) / base) if base else 0)
        return True

    def _place(self, time: float, duration: float) -> float | None:
        """When a packet of that time is shown; None: it goes. Half of one may be in the span."""
        middle = time + duration / 2
        if middle < self.gone.start:
            return time
        return time - self.gone.duration if middle >= self.gone.end else None

    def _move(self, packet: Packet[Any], ticks: int) -> None:
        assert packet.pts is not None
        packet.pts += ticks
        if packet.dts is None:
            return
        packet.dts += ticks
        # at the seam two packets may be due at once, which no muxer takes
        if self._last is not None and packet.dts <= self._last:
            packet.dts = min(self._last + 1, packet.pts)
        self._last = packet.dts


class _PictureScissors(_Scissors):
    """For the track by which the cut was planned."""

    def __init__(self, planned: Plan, start: float) -> None:
        super().__init__(planned.gone, start)
        self._planned, self._i = planned, -1

    def _place(self, time: float, duration: float) -> float | None:  # noqa: ARG002
        self._i += 1
        if self._i < self._planned.until:
            return time
        # pictures that are stored behind the key but shown before it are told by what is gone
        again = self._i >= self._planned.again and time >= self.gone.end - _ROUNDED
        return time - self.gone.duration if again else None


class _TextScissors(_Scissors):
    """For subtitles: one that is shown into the span or out of it stays, but is shown for less."""

    def keeps(self, packet: Packet[Any]) -> bool:
        if packet.pts is None:
            return False
        base = float(packet.time_base or 0)
        start = packet.pts * base - self.start
        end = start + (packet.duration or 0) * base
        first, last = _moved(start, self.gone), _moved(end, self.gone)
        within = self.gone.start <= start < self.gone.end
        if within and end <= self.gone.end:
            return False
        if base:
            packet.duration = max(0, round((last - first) / base))
            self._move(packet, round((first - start) / base))
        return True


def _scissors(stream: Any, planned: Plan, start: float) -> _Scissors:
    if stream.type == "subtitle":
        return _TextScissors(planned.gone, start)
    if stream.type == "video" and not int(stream.disposition) & _ATTACHED:
        return _PictureScissors(planned, start)
    return _Scissors(planned.gone, start)
