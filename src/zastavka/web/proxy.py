"""What a browser can play: whether a file is, and a copy of it that is: H.264 and AAC in MP4."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zastavka.media import (
    MediaInfo,
    VideoTrack,
    audio_streams,
    open_media,
    probe,
    start_of,
    video_stream,
)
from zastavka.storage import replacing

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler, AudioStream, VideoFrame, VideoStream
    from av.container import InputContainer, OutputContainer

Progress = Callable[[float, str, str], None]

_LINES = 720  # at most
_TICK = Fraction(1, 90_000)
_HZ, _SAMPLES = 48_000, 1024  # of AAC
_X264 = {"preset": "veryfast", "crf": "25", "g": "48", "threads": "1"}
# by the end of the name: what browsers on all systems play in it
_PLAYED = {
    (".mp4", ".m4v", ".mov"): (("h264", "av1", "vp9"), ("aac", "mp3", "opus", "flac")),
    (".webm",): (("vp8", "vp9", "av1"), ("opus", "vorbis")),
}


def media(spec: dict[str, Any], _: Progress) -> dict[str, Any]:
    """What a browser needs to know of a file."""
    path = Path(spec["file"])
    info = probe(path)
    with open_media(path) as container:
        stream = video_stream(container)
        plain = stream is None or stream.codec_context.pix_fmt in ("yuv420p", "yuvj420p")
        formats = container.format.name.split(",")
    video = info.video
    sound = next((a for a in info.audio if a.default), info.audio[0] if info.audio else None)
    played = next((v for ends, v in _PLAYED.items() if path.suffix.lower() in ends), ((), ()))
    playable = (
        plain
        and ("mp4" in formats or "webm" in formats)
        and (video is None or video.codec in played[0])
        and (sound is None or sound.codec in played[1])
        and bool(played[0])
    )
    return {
        "playable": playable,
        "width": video.width if video else None,
        "height": video.height if video else None,
        "fps": round(video.rate, 4) if video and video.rate else None,
        "video": video.codec if video else None,
        "audio": sound.codec if sound else None,
        "duration": info.duration,
    }


def proxy(spec: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Write a copy of a file that browsers play to `place`, on the same clock."""
    import av

    path, place = Path(spec["file"]), Path(spec["place"])
    info = probe(path)
    with (
        replacing(place) as part,
        open_media(path) as source,
        av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as target,
    ):
        sounds = audio_streams(source)
        sound = next((s for s in sounds if s.disposition & 1), sounds[0] if sounds else None)
        pictures = video_stream(source) if info.video else None
        copy = _Copy.of(target, info, start_of(source), sound is not None)
        for frame in _frames(source, [s for s in (pictures, sound) if s is not None]):
            time = copy.take(frame)
            progress(min(1.0, time / info.duration), "Making a copy for the browser", path.name)
        copy.finish()
    return {}


def _frames(container: InputContainer, streams: list[Any]) -> Iterator[VideoFrame | AudioFrame]:
    """What can be decoded of these streams, as it comes; damaged packets are passed over."""
    import av

    for stream in streams:
        stream.codec_context.thread_count = 1
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        try:
            yield from packet.decode()  # type: ignore[misc]  # no subtitles were asked for
        except av.error.FFmpegError:
            continue


@dataclass(slots=True)
class _Copy:
    """What is being written."""

    target: OutputContainer
    start: float  # seconds of the source's clock at which a player shows 00:00
    video: VideoStream | None
    audio: AudioStream | None
    resampler: AudioResampler | None
    shown: int = -1  # ticks of the last picture
    heard: int = -1  # samples

    @classmethod
    def of(cls, target: OutputContainer, info: MediaInfo, start: float, sounds: bool) -> Self:
        """Both streams must be there before the first packet."""
        import av

        video = _video(target, info.video) if info.video else None
        audio, resampler = None, None
        if sounds:
            audio = target.add_stream("aac", rate=_HZ, layout="stereo")
            audio.bit_rate = 128_000
            resampler = av.AudioResampler("fltp", "stereo", _HZ, _SAMPLES)
        return cls(target, start, video, audio, resampler)

    def take(self, frame: VideoFrame | AudioFrame) -> float:
        """Encode a frame; returns its time in seconds."""
        import av

        base, seconds = frame.time_base, 0.0
        if frame.pts is not None and base is not None:
            seconds = float(frame.pts * base) - self.start
        if isinstance(frame, av.VideoFrame):
            self._show(frame, seconds)
        elif self.resampler is not None:
            for part in self.resampler.resample(frame):
                self._hear(part)
        return max(0.0, seconds)

    def finish(self) -> None:
        """Write what the encoders still hold."""
        if self.resampler is not None:
            for part in self.resampler.resample(None):
                self._hear(part)
        for stream in (self.video, self.audio):
            if stream is not None:
                self.target.mux(stream.encode(None))

    def _show(self, frame: VideoFrame, seconds: float) -> None:
        import av

        ticks = round(seconds / _TICK)
        if self.video is None or ticks < 0 or ticks <= self.shown:
            return
        self.shown = ticks
        small = frame.reformat(self.video.width, self.video.height, "yuv420p", threads=1)
        small.pts, small.time_base = ticks, _TICK
        small.pict_type = av.video.frame.PictureType.NONE  # the encoder decides
        self.target.mux(self.video.encode(small))

    def _hear(self, part: AudioFrame) -> None:
        at = self.heard + 1
        if part.pts is not None and part.time_base is not None:
            at = round((float(part.pts * part.time_base) - self.start) * _HZ)
        if self.audio is None or at < 0 or at <= self.heard:
            return
        self.heard = at
        part.pts, part.time_base = at, Fraction(1, _HZ)
        self.target.mux(self.audio.encode(part))


def _video(target: OutputContainer, track: VideoTrack) -> VideoStream:
    rate = Fraction(track.rate or 25).limit_denominator(1001)
    stream = target.add_stream("libx264", rate=rate, options=dict(_X264))
    width, height = track.width, track.height
    if track.rotation in (90, 270):
        width, height = height, width  # as it is stored; the player turns it
    scale = min(1.0, _LINES / height)
    stream.width = max(2, round(width * scale / 2) * 2)
    stream.height = max(2, round(height * scale / 2) * 2)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _TICK
    if track.rotation:
        stream.set_display_rotation(-track.rotation)
    return stream
