"""Open a media file, say what is in it, and turn what goes wrong into `MediaError`.

The clock: 0.0 is where a player shows 00:00, so the offset at which the container starts is taken
off every time. Edit lists and the skipped beginning of a sound track are FFmpeg's own work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from zastavka.errors import MediaError
from zastavka.segment import Segment

if TYPE_CHECKING:
    from av import AudioStream, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

# What files that strangers gave may be. None of these names other files to be opened.
PLAIN_FORMATS = (
    *("matroska", "webm", "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "avi", "mpegts", "mpeg"),
    *("flv", "asf", "ogg", "wav", "mp3", "aac", "flac"),
)

# A recording may begin in the middle of a group of pictures; longer than this none of them is.
_PACKETS_TO_FIRST_PICTURE = 1000


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The track of moving pictures. Width and height are as shown: turned, with square pixels."""

    index: int
    width: int
    height: int
    rotation: int  # degrees clockwise from what is stored to what is shown: 0, 90, 180 or 270
    codec: str
    rate: float | None  # pictures per second on average


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One track of sound."""

    index: int
    language: str | None
    title: str | None
    default: bool
    channels: int
    rate: int  # Hz
    codec: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter as its author wrote it."""

    title: str
    segment: Segment


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file holds. `duration` is what a player shows, even where the file is cut short."""

    path: Path
    duration: float
    video: VideoTrack | None
    audio: tuple[AudioTrack, ...]
    chapters: tuple[Chapter, ...]


_options: dict[str, str] = {}


def open_only(formats: Sequence[str] = PLAIN_FORMATS) -> None:
    """From now on, in this process: files of these formats alone, and nothing that they name.

    A playlist or a script that is called a video would otherwise make FFmpeg open what it says.
    """
    _options.update(format_whitelist=",".join(formats), protocol_whitelist="file")


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """The opened file; whatever FFmpeg raises inside the block becomes MediaError."""
    _check_file(path)
    import av

    try:
        # "file:" keeps a name such as "Show: Pilot.mkv" from being taken for a protocol
        lenient = _lenient(av.__version__)
        with av.open(f"file:{path}", options=dict(_options), **lenient) as container:
            _check_format(path, container.format.name)
            yield container
    except av.error.FFmpegError as error:
        raise MediaError(
            path,
            "can't be read as video or sound ({why})",
            "check that it is whole and that a player shows it",
            why=error.strerror or type(error).__name__,
        ) from error


def probe(path: Path) -> MediaInfo:
    """What the file holds.

    MediaError: missing, a folder, empty, no media, a still picture, encrypted, nothing readable.
    """
    with open_media(path) as container:
        video, audio = video_stream(container), audio_streams(container)
        if video is None and not audio:
            raise MediaError(path, "has neither pictures nor sound", "give a whole video file")
        track = None if video is None else _video_track(path, container, video)
        if track is None and not _is_audible(path, container, audio):
            raise MediaError(
                path,
                "holds no picture and no sound that can be read",
                "check that it is whole and that a player shows it",
            )
        duration = _duration(container)
        chapters = tuple(_chapters(container, duration))
        tracks = tuple(audio_track(stream) for stream in audio)
    return MediaInfo(
        path, _scan_duration(path) if duration is None else duration, track, tracks, chapters
    )


def video_stream(container: InputContainer) -> VideoStream | None:
    """The track that a player shows: the default one, else the first; covers don't count."""
    from av.stream import Disposition

    cover = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & cover
    ]
    return next(
        (s for s in streams if s.disposition & Disposition.default), next(iter(streams), None)
    )


def audio_streams(container: InputContainer) -> list[AudioStream]:
    """The tracks of sound that there is a decoder for."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def audio_track(stream: AudioStream) -> AudioTrack:
    """What the container says about a track of sound."""
    from av.stream import Disposition

    context = stream.codec_context
    language = stream.language
    return AudioTrack(
        index=stream.index,
        language=None if language in (None, "", "und") else language,
        title=stream.metadata.get("title"),
        default=bool(stream.disposition & Disposition.default),
        channels=context.channels,
        rate=context.sample_rate,
        codec=context.codec.canonical_name,
    )


def start_of(container: InputContainer) -> float:
    """Seconds on the container's clock where a player shows 00:00."""
    return (container.start_time or 0) / 1_000_000


def time_base_of(stream: Stream) -> Fraction:
    """Seconds per unit of the stream's timestamps."""
    return exact(stream.time_base) or Fraction(1, 1_000_000)


def exact(value: object) -> Fraction | None:
    """A ratio of PyAV, whichever type its version has for it; None for an unknown one (x/0, 0)."""
    numerator = getattr(value, "numerator", 0)
    denominator = getattr(value, "denominator", 0)
    return Fraction(numerator, denominator) if numerator and denominator else None


def rotation_of(frame: VideoFrame) -> int:
    """Degrees clockwise, in steps of 90, by which a player turns the picture."""
    return round(-frame.rotation / 90) % 4 * 90


def shown_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as a player shows them: pixels made square, then turned."""
    aspect = exact(stream.sample_aspect_ratio) or Fraction(1)
    width, height = max(1, round(frame.width * aspect)), frame.height
    return (height, width) if rotation_of(frame) in (90, 270) else (width, height)


def check_unlocked(path: Path, stream: Stream) -> None:
    """MediaError if the track says that it is encrypted, as Matroska's do."""
    if "enc_key_id" in stream.metadata:
        _refuse_locked(path)


def check_packet_unlocked(path: Path, packet: Packet[Any]) -> None:
    """MediaError if the packet says that it is encrypted, as MP4's do, from some point on."""
    if packet.has_sidedata("encryption_info"):
        _refuse_locked(path)


def _refuse_locked(path: Path) -> NoReturn:
    raise MediaError(path, "is encrypted", "give a copy without copy protection")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise MediaError(path, "does not exist", "check the path")
    if path.is_dir():
        raise MediaError(path, "is a folder", "name a file in it")
    try:
        with path.open("rb") as file:
            empty = path.is_file() and not file.read(1)
    except OSError as error:
        raise MediaError(
            path, "can't be opened: {why}", "check its permissions", why=error.strerror
        ) from error
    if empty:
        raise MediaError(path, "is empty", "copy it again")


def _lenient(version: str) -> dict[str, Any]:
    # titles are not always UTF-8; from 19 on PyAV bears that by itself
    return {"metadata_errors": "replace"} if int(version.partition(".")[0]) < 19 else {}


def _check_format(path: Path, name: str) -> None:
    if name == "image2" or name.endswith("_pipe"):
        raise MediaError(path, "is a still picture", "give a video file")
    if name == "tty":  # FFmpeg draws a text file as a terminal would
        raise MediaError(path, "is a text file", "give a video file")


def _video_track(path: Path, container: InputContainer, stream: VideoStream) -> VideoTrack | None:
    frame = _first_frame(path, container, stream)
    if frame is None:
        return None
    width, height = shown_size(frame, stream)
    rate = exact(stream.average_rate) or exact(stream.guessed_rate)
    return VideoTrack(
        index=stream.index,
        width=width,
        height=height,
        rotation=rotation_of(frame),
        codec=stream.codec_context.codec.canonical_name,
        rate=None if rate is None else float(rate),
    )


def _first_frame(path: Path, container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    stream.codec_context.thread_count = 1
    return next(_frames(path, container, stream), None)


def _is_audible(path: Path, container: InputContainer, streams: list[AudioStream]) -> bool:
    for stream in streams:
        container.seek(0)
        if next(_frames(path, container, stream), None) is not None:
            return True
    return False


def _frames(path: Path, container: InputContainer, stream: Stream) -> Iterator[Any]:
    import av

    check_unlocked(path, stream)
    try:
        for i, packet in enumerate(container.demux(stream)):
            check_packet_unlocked(path, packet)
            with suppress(av.error.FFmpegError):
                yield from packet.decode()
            if i == _PACKETS_TO_FIRST_PICTURE:
                return
    except av.error.FFmpegError:
        return


def _duration(container: InputContainer) -> float | None:
    if not container.duration or container.duration < 0:
        return None
    seconds = container.duration / 1_000_000
    # Matroska's header tells the time of the end, not the length
    late = start_of(container) if "matroska" in container.format.name else 0.0
    return seconds - late if seconds > late > 0 else seconds


def _scan_duration(path: Path) -> float:
    # a recording that was never finished has no length in its header: read it through
    end = 0.0
    with open_media(path) as container:
        start = start_of(container)
        for packet in container.demux():
            if packet.pts is not None and packet.stream.type in ("video", "audio"):
                stop = (packet.pts + (packet.duration or 0)) * time_base_of(packet.stream)
                end = max(end, float(stop) - start)
    return end


def _chapters(container: InputContainer, duration: float | None) -> Iterator[Chapter]:
    offset = start_of(container)
    for chapter in container.chapters():
        base = exact(chapter["time_base"]) or Fraction(1, 1000)
        start = max(0.0, float(chapter["start"] * base) - offset)
        end = float(chapter["end"] * base) - offset
        if duration is not None:
            end = min(end, duration)
        if end > start:
            yield Chapter(chapter["metadata"].get("title", ""), Segment(start, end))
