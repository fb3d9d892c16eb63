"""Chapters into a file: its packets copied as they are, compared, and only then put in place."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zastavka.editions import is_layered
from zastavka.errors import MediaError
from zastavka.media import Chapter, open_media, start_of
from zastavka.segment import Segment
from zastavka.storage import replacing

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

SUFFIXES = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4"}
_ROUNDED = 0.002  # seconds; MP4 keeps milliseconds
_NANO = Fraction(1, 1_000_000_000)
# what each muxer writes anew, of the file that it makes
_OF_THE_FILE = {"encoder", "duration", "major_brand", "minor_version", "compatible_brands"}

Print = tuple[object, ...]


@dataclass(slots=True)
class _Track:
    """What the packets of a track hold, and when they are shown and decoded."""

    start: float  # seconds on the clock of the container where a player shows 00:00
    digest: Any = field(default_factory=hashlib.sha256)
    times: array[float] = field(default_factory=lambda: array("d"))  # seconds; pts and dts by turns

    def take(self, packet: Packet[Any]) -> None:
        self.digest.update(bytes(packet))
        base = packet.time_base or 0
        for time in (packet.pts, packet.dts):
            self.times.append(math.nan if time is None else float(time * base) - self.start)

    def is_at_the_times_of(self, other: _Track) -> bool:
        """A time that one container does not keep, as Matroska does dts, is not compared."""
        pairs = zip(self.times, other.times, strict=True)
        return not any(abs(a - b) >= _ROUNDED for a, b in pairs)


def with_chapters(path: Path, chapters: Sequence[Chapter], output: Path) -> None:
    """Write a copy of a Matroska or MP4 file that has these chapters; nothing is encoded again.

    Tracks, attachments and tags stay. The copy is read back before it takes the place of `output`,
    which may be `path` itself. MediaError: another format, or something would be lost.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None or output.suffix.lower() != path.suffix.lower():
        raise MediaError(
            path, "can't be given chapters: only MKV and MP4 can, as the same kind",
            "write the chapters beside it",
        )  # fmt: skip
    if kind == "mp4" and chapters and chapters[0].segment.start:
        # the first chapter of a track of chapters always begins at 0:00
        chapters = [Chapter("Prologue", Segment(0.0, chapters[0].segment.start)), *chapters]
    target = output.resolve()  # a link stays a link: what it leads to is replaced
    in_place = target == path.resolve() and path.is_file()
    if in_place and kind == "matroska" and is_layered(path):
        raise MediaError(
            path, "has editions or chapters within chapters, which would be lost",
            "write a copy, or the chapters beside it",
        )  # fmt: skip
    with replacing(target, path.stat().st_mode & 0o7777 if in_place else None) as part:
        with open_media(path) as source:
            before, tracks = _copy(path, source, part, kind, chapters)
        wanted = [(c.title, c.segment.start) for c in chapters]
        if not _holds(part, before, tracks, wanted):
            raise MediaError(path, "would lose something in a copy", "write the chapters beside it")


def _holds(
    part: Path, before: Print, tracks: dict[int, _Track], wanted: Sequence[tuple[str, float]]
) -> bool:
    """Whether the copy, read back, has all that was there, at its times, and the chapters."""
    with open_media(part) as copy:
        start = start_of(copy)
        kept = [s for s in copy.streams if not is_chapter_track(copy, s)]
        read = {s.index: _Track(start) for s in kept}
        for packet in packets_of(copy):
            if packet.stream.index in read:
                read[packet.stream.index].take(packet)
        after = _print(copy, kept, read)
        written = [
            (c["metadata"].get("title", ""), float(c["start"] * (c["time_base"] or 0)) - start)
            for c in copy.chapters()
        ]
    return (
        after == before
        and all(
            a.is_at_the_times_of(b) for a, b in zip(tracks.values(), read.values(), strict=True)
        )
        and _same(written, wanted)
    )


def _same(written: Sequence[tuple[str, float]], wanted: Sequence[tuple[str, float]]) -> bool:
    return [t for t, _ in written] == [t for t, _ in wanted] and all(
        abs(a - b) < _ROUNDED for (_, a), (_, b) in zip(written, wanted, strict=True)
    )


def _copy(
    path: Path, source: InputContainer, part: Path, kind: str, chapters: Sequence[Chapter]
) -> tuple[Print, dict[int, _Track]]:
    kept = [s for s in source.streams if not is_chapter_track(source, s)]
    tracks = {s.index: _Track(start_of(source)) for s in kept}
    refusal = MediaError(path, "has a track that can't be copied", "write the chapters beside it")
    with copying(part, kind, refusal) as target:
        new = {s.index: added(target, s) for s in kept}
        target.metadata.update(source.metadata)
        target.set_chapters(raw_chapters(chapters, start_of(source)))
        for packet in packets_of(source):
            index = packet.stream.index
            if index in tracks:
                tracks[index].take(packet)
                packet.stream = new[index]
                target.mux(packet)
    return _print(source, kept, tracks), tracks


@contextmanager
def copying(part: Path, kind: str, refusal: MediaError) -> Iterator[OutputContainer]:
    """A file to copy tracks into. `refusal` is raised where one can't be copied."""
    import av

    try:
        with av.open(f"file:{part}", "w", format=kind) as target:
            yield target
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (27, 28):  # too large, no space
            raise
        raise refusal from error


def added(target: OutputContainer, stream: Any) -> Stream:
    """A track of the target for the packets of another file's, with its tags; attachments whole."""
    if stream.type == "attachment":
        name = stream.metadata.get("filename", "")
        return target.add_attachment(name, stream.mimetype or "", stream.data)
    new: Stream = target.add_stream_from_template(stream, opaque=True)
    new.metadata.update(stream.metadata)
    if "name" in stream.metadata:  # so FFmpeg reads the title of a track in MP4, and writes it not
        new.metadata.setdefault("title", stream.metadata["name"])
    new.disposition = stream.disposition
    return new


def packets_of(container: InputContainer) -> Iterator[Packet[Any]]:
    """All packets that hold something."""
    # the last packets of each stream are empty: they would flush a decoder
    return (p for p in container.demux() if p.size and p.stream.type != "attachment")


def is_chapter_track(container: InputContainer, stream: Stream) -> bool:
    """Whether a track holds nothing but titles of chapters."""
    # MP4 keeps titles of chapters as a track of text too, which is made anew
    return "mp4" in container.format.name and stream.type == "data" and bool(container.chapters())


def _print(container: InputContainer, streams: Sequence[Any], read: dict[int, _Track]) -> Print:
    """What must be the same in a copy."""
    rows = tuple(
        (
            s.type, int(s.disposition), tags_of(s.metadata),
            s.data if s.type == "attachment" else read[s.index].digest.hexdigest(),
            len(read[s.index].times),
        )
        for s in streams
    )  # fmt: skip
    return (rows, tags_of(container.metadata))


def tags_of(tags: dict[str, str]) -> dict[str, str]:
    """Tags without those that a muxer writes anew."""
    plain = {key.casefold(): value for key, value in tags.items()}
    return {
        k: v for k, v in plain.items() if k not in _OF_THE_FILE and (k, v) != ("language", "und")
    }


def raw_chapters(chapters: Sequence[Chapter], offset: float) -> list[Any]:
    """Chapters as PyAV takes them, so many seconds later."""
    return [
        {
            "id": i, "time_base": _NANO, "metadata": {"title": c.title},
            "start": round((c.segment.start + offset) / _NANO),
            "end": round((c.segment.end + offset) / _NANO),
        }
        for i, c in enumerate(chapters, 1)
    ]  # fmt: skip
