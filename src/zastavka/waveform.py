"""`Waveform`: the sound of a file as one channel, its first sample at the player's 00:00."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zastavka.errors import MediaError
from zastavka.media import (
    AudioTrack,
    MediaInfo,
    audio_streams,
    audio_track,
    check_packet_unlocked,
    check_unlocked,
    open_media,
    start_of,
    time_base_of,
)

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

Samples = NDArray[np.float32]

# Rounded timestamps wander by milliseconds; a real gap is at least a lost packet (20 ms and more).
_JUMP = 0.015  # seconds
_SEEK_FROM = 20.0  # seconds: before this, reading through is as quick as seeking
_RUN_UP = 1.0  # seconds read before those that are wanted: filters and decoders settle
# FFmpeg's downmix sums channels; this makes it the mean of the two of a stereo downmix (BS.775),
# so that an episode in 5.1 is about as loud as the same one in stereo.
_MEAN_OF_TWO = np.float32(0.5**0.5)

# ISO 639: languages that TV carries, by their two-letter, bibliographic and terminological codes.
_LANGUAGES = (
    "ar ara; be bel; bg bul; cs cze ces; da dan; de ger deu; el gre ell; en eng; es spa; et est; "
    "fa per fas; fi fin; fr fre fra; he heb; hi hin; hr hrv; hu hun; hy arm hye; id ind; "
    "is ice isl; it ita; ja jpn; ka geo kat; kk kaz; ko kor; lt lit; lv lav; ms may msa; "
    "nl dut nld; no nor; pl pol; pt por; ro rum ron; ru rus; sk slo slk; sl slv; sq alb sqi; "
    "sr srp; sv swe; th tha; tr tur; uk ukr; uz uzb; vi vie; zh chi zho"
)
_SAME_LANGUAGE = {
    code: names.split()[0] for names in _LANGUAGES.split(";") for code in names.split()
}


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Mono samples in [-1, 1], shape (n,); sample i is heard at i / rate seconds."""

    samples: Samples
    rate: int  # Hz

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.rate <= 0:
            raise ValueError(f"not a waveform: {self.samples.shape} at {self.rate} Hz")

    def __repr__(self) -> str:
        return f"Waveform({len(self.samples)} samples, {self.rate} Hz)"


def choose_audio(info: MediaInfo, language: str | None) -> AudioTrack | None:
    """The track in a language (ISO 639, 2 or 3 letters), else the default one, else the first."""
    return _choose(info.audio, language)


def read_waveform(
    path: Path,
    rate: int,
    seconds: float | None,
    language: str | None = None,
    start: float = 0.0,
) -> Waveform | None:
    """`seconds` of the sound from `start` on (None: all); None if the file has no track of sound.

    Sample 0 is heard at `start`.
    Where the track starts late or has gaps there is silence; what it has before 00:00 is cut off.
    A damaged stretch is silence too; a file cut short gives a shorter waveform. MediaError: not
    one sample can be read.
    """
    with open_media(path) as container:
        streams = audio_streams(container)
        chosen = _choose([audio_track(stream) for stream in streams], language)
        if chosen is None:
            return None
        stream = next(stream for stream in streams if stream.index == chosen.index)
        check_unlocked(path, stream)
        end = None if seconds is None else start + seconds
        frames = _frames(path, container, stream, end)
        if start > _SEEK_FROM:
            frames = _from(start, frames, path, container, stream, end)
        pieces = ((place - round(start * rate), part) for place, part in _pieces(frames, rate))
        samples = _assemble(pieces, None if seconds is None else round(seconds * rate))
    if not len(samples) and not start:
        raise MediaError(
            path,
            "has a track of sound that can't be read",
            "check that it is whole and that a player plays it",
        )
    return Waveform(samples, rate)


def _choose(tracks: Iterable[AudioTrack], language: str | None) -> AudioTrack | None:
    ranked = sorted(tracks, key=lambda track: not track.default)
    wanted = same_language(language)
    spoken = [track for track in ranked if wanted and same_language(track.language) == wanted]
    return next(iter(spoken or ranked), None)


def same_language(code: str | None) -> str | None:
    """One code for all that ISO 639 has for a language: "rus" and "ru-RU" are "ru"."""
    if code is None:
        return None
    plain = code.lower().replace("_", "-").split("-")[0]
    return _SAME_LANGUAGE.get(plain, plain)


def _frames(
    path: Path, container: InputContainer, stream: AudioStream, seconds: float | None
) -> Iterator[tuple[float, AudioFrame]]:
    """Decoded frames with the time at which a player plays them."""
    import av

    ticks, second = time_base_of(stream).as_integer_ratio()
    start = start_of(container)
    following = 0.0
    try:
        for packet in container.demux(stream):
            check_packet_unlocked(path, packet)
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                time = following if frame.pts is None else frame.pts * ticks / second - start
                following = time + frame.samples / frame.sample_rate
                yield time, frame
                # behind its own frame: sound that begins later is sound that could be read
                if seconds is not None and time >= seconds:
                    return
    except av.error.FFmpegError:
        return  # cut short: what was read stands


def _from(
    start: float,
    frames: Iterator[tuple[float, AudioFrame]],
    path: Path,
    container: InputContainer,
    stream: AudioStream,
    end: float | None,
) -> Iterator[tuple[float, AudioFrame]]:
    """The frames from a little before `start` on, by seeking where the file allows it."""
    import av

    target = start - _RUN_UP
    try:
        container.seek(round((target + start_of(container)) / time_base_of(stream)), stream=stream)
        first = next(frames, None)
        if first is not None and first[0] <= start:
            # what a decoder gives right behind a seek may lack what came before
            yield from (pair for pair in frames if pair[0] >= target)
            return
    except av.error.FFmpegError:
        pass
    container.seek(0)
    again = _frames(path, container, stream, end)
    yield from (pair for pair in again if pair[0] >= target)


class _Stretch:
    """Sound without a gap, on its way to one channel at the wanted rate."""

    def __init__(self, time: float, frame: AudioFrame, rate: int) -> None:
        from av import AudioFifo, AudioResampler

        # a second at a time, in and out: a call costs more than the samples of one frame
        self._gathered = AudioFifo()
        self._resampler = AudioResampler(format="flt", layout="mono", rate=rate, frame_size=rate)
        self._kind = _kind(frame)
        self._gain = np.float32(1) if frame.layout.nb_channels == 1 else _MEAN_OF_TWO
        self._end = time
        self._place = round(time * rate)

    def continues(self, time: float, frame: AudioFrame) -> bool:
        return _kind(frame) == self._kind and abs(time - self._end) <= _JUMP

    def push(self, frame: AudioFrame | None) -> Iterator[tuple[int, Samples]]:
        if frame is not None:
            self._end += frame.samples / frame.sample_rate
            frame.pts = None  # or the queue would insist on timestamps that are not rounded
            self._gathered.write(frame)
            if self._gathered.samples < frame.sample_rate:
                return
        gathered = self._gathered.read()
        if gathered is not None:
            yield from self._place_samples(self._resampler.resample(gathered))
        if frame is None:
            yield from self._place_samples(self._resampler.resample(None))

    def _place_samples(self, resampled: list[AudioFrame]) -> Iterator[tuple[int, Samples]]:
        for frame in resampled:
            samples = frame.to_ndarray()[0] * self._gain
            yield self._place, np.clip(samples, -1, 1, out=samples)
            self._place += len(samples)


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _pieces(frames: Iterator[tuple[float, AudioFrame]], rate: int) -> Iterator[tuple[int, Samples]]:
    """Resampled samples and the number of their first; begun anew wherever time jumps."""
    stretch: _Stretch | None = None
    for time, frame in frames:
        if stretch is None or not stretch.continues(time, frame):
            if stretch is not None:
                yield from stretch.push(None)
            stretch = _Stretch(time, frame, rate)
        yield from stretch.push(frame)
    if stretch is not None:
        yield from stretch.push(None)


def _assemble(pieces: Iterable[tuple[int, Samples]], most: int | None) -> Samples:
    """The pieces at their places on silence, from sample 0 on; the later one wins an overlap."""
    placed = [(place, samples) for place, samples in pieces if place + len(samples) > 0]
    end = max((place + len(samples) for place, samples in placed), default=0)
    whole = np.zeros(end if most is None else min(end, most), dtype=np.float32)
    for place, samples in placed:
        first = max(0, place)
        part = whole[first : place + len(samples)]
        part[:] = samples[first - place :][: len(part)]
    return whole
