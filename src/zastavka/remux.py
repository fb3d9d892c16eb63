"""Chapters into a file: its packets copied as they are, compared, and only then put in place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    # a link stays a link: what it leads to is replaced
    with replacing(output.resolve()) as part:
        with open_media(path) as source:
            before = _copy(path, source, part, kind, chapters)
        with open_media(part) as copy:
            kept = [s for s in copy.streams if not _is_chapter_track(copy, s)]
            digests = {s.index: hashlib.sha256() for s in kept}
            for packet in _packets(copy):
                if packet.stream.index in digests:
                    digests[packet.stream.index].update(bytes(packet))
            after = _print(copy, kept, digests)
            written = [
                (c["metadata"].get("title", ""), c["start"] * (c["time_base"] or 0))
                for c in copy.chapters()
            ]
            offset = start_of(copy)
        wanted = [(c.title, c.segment.start + offset) for c in chapters]
        if after != before or not _same(written, wanted):
            raise MediaError(path, "would lose something in a copy", "write the chapters beside it")


def _same(written: Sequence[tuple[str, Any]], wanted: Sequence[tuple[str, float]]) -> bool:
    return [t for t, _ in written] == [t for t, _ in wanted] and all(
        abs(float(a) - b) < _ROUNDED for (_, a), (_, b) in zip(written, wanted, strict=True)
    )


def _copy(
    path: Path, source: InputContainer, part: Path, kind: str, chapters: Sequence[Chapter]
) -> Print:
    import av

    kept = [s for s in source.streams if not _is_chapter_track(source, s)]
    digests = {s.index: hashlib.sha256() for s in kept}
    try:
        with av.open(f"file:{part}", "w", format=kind) as target:
            new = {s.index: _added(target, s) for s in kept}
            target.metadata.update(source.metadata)
            target.set_chapters(_raw(chapters, start_of(source)))
            for packet in _packets(source):
                index = packet.stream.index
                if index in digests:
                    digests[index].update(bytes(packet))
                    packet.stream = new[index]
                    target.mux(packet)
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (27, 28):  # too large, no space
            raise
        raise MediaError(
            path, "has a track that can't be copied", "write the chapters beside it"
        ) from error
    return _print(source, kept, digests)


def _added(target: OutputContainer, stream: Any) -> Stream:
    if stream.type == "attachment":
        name = stream.metadata.get("filename", "")
        return target.add_attachment(name, stream.mimetype or "", stream.data)
    new: Stream = target.add_stream_from_template(stream, opaque=True)
    new.metadata.update(stream.metadata)
    if "name" in stream.metadata:  # so FFmpeg reads the title of a track in MP4, and writes it not
        new.metadata.setdefault("title", stream.metadata["name"])
    new.disposition = stream.disposition
    return new


def _packets(container: InputContainer) -> Iterator[Packet[Any]]:
    # the last packets of each stream are empty: they would flush a decoder
    return (p for p in container.demux() if p.size and p.stream.type != "attachment")


def _is_chapter_track(container: InputContainer, stream: Stream) -> bool:
    # MP4 keeps titles of chapters as a track of text too, which is made anew
    return "mp4" in container.format.name and stream.type == "data" and bool(container.chapters())


def _print(container: InputContainer, streams: Sequence[Any], digests: dict[int, Any]) -> Print:
    """What must be the same in a copy."""
    tracks = tuple(
        (
            s.type, int(s.disposition), _tags(s.metadata),
            s.data if s.type == "attachment" else digests[s.index].hexdigest(),
        )
        for s in streams
    )  # fmt: skip
    return (tracks, _tags(container.metadata))


def _tags(tags: dict[str, str]) -> dict[str, str]:
    plain = {key.casefold(): value for key, value in tags.items()}
    return {
        k: v for k, v in plain.items() if k not in _OF_THE_FILE and (k, v) != ("language", "und")
    }


def _raw(chapters: Sequence[Chapter], offset: float) -> list[Any]:
    return [
        {
            "id": i, "time_base": _NANO, "metadata": {"title": c.title},
            "start": round((c.segment.start + offset) / _NANO),
            "end": round((c.segment.end + offset) / _NANO),
        }
        for i, c in enumerate(chapters, 1)
    ]  # fmt: skip
