"""What the FFmpeg inside PyAV is, and what it can decode."""

from __future__ import annotations

from dataclasses import dataclass

# what the tracks of TV episodes are packed as -> FFmpeg's decoders for it. Its own "av1" has none:
# it hands pictures over to a graphics card.
_DECODERS = {
    "h264": ("h264",), "hevc": ("hevc",), "av1": ("libdav1d", "libgav1", "libaom-av1"),
    "vp9": ("vp9", "libvpx-vp9"), "mpeg2": ("mpeg2video",), "mpeg4": ("mpeg4",), "vc1": ("vc1",),
    "aac": ("aac",), "ac3": ("ac3",), "eac3": ("eac3",), "dts": ("dca",), "truehd": ("truehd",),
    "opus": ("opus", "libopus"), "vorbis": ("vorbis", "libvorbis"), "mp3": ("mp3", "mp3float"),
    "flac": ("flac",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FFmpeg:
    """The FFmpeg inside PyAV: its version, and by codec whether it can decode it."""

    version: str
    decoders: dict[str, bool]


def ffmpeg() -> FFmpeg:
    """What reads the files here."""
    import av

    decoders = {codec: any(map(_can_decode, names)) for codec, names in _DECODERS.items()}
    return FFmpeg(av.ffmpeg_version_info, decoders)


def _can_decode(name: str) -> bool:
    from av.codec.codec import Codec, UnknownCodecError

    try:
        return bool(Codec(name, "r").is_decoder)
    except UnknownCodecError:  # not there at all, or there to encode only
        return False
