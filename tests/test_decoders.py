"""What FFmpeg can decode, beside what it does decode."""

from __future__ import annotations

import re

import av
import pytest

from zastavka import decoders
from zastavka.decoders import ffmpeg


def test_version_and_codecs_of_tv_episodes() -> None:
    found = ffmpeg()
    assert re.match(r"n?\d+\.\d+", found.version)
    assert {"h264", "hevc", "av1", "aac", "ac3", "eac3", "opus", "dts"} <= set(found.decoders)
    assert all(found.decoders.values()), "the wheels of PyAV decode all of them"


@pytest.mark.parametrize("codec", decoders._DECODERS)
def test_a_decoder_that_is_named_decodes_that_codec(codec: str) -> None:
    there = False
    for name in decoders._DECODERS[codec]:
        if decoders._can_decode(name):
            found = av.Codec(name, "r")
            assert found.canonical_name == {"mpeg2": "mpeg2video"}.get(codec, codec)
            there = True
    assert there == ffmpeg().decoders[codec]


def test_a_decoder_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    # libx264 encodes alone; FFmpeg's own av1 needs a graphics card and is no answer for av1
    table = {"one": ("no-such",), "two": ("libx264",), "three": ("no-such", "h264")}
    monkeypatch.setattr(decoders, "_DECODERS", table)
    assert ffmpeg().decoders == {"one": False, "two": False, "three": True}
    monkeypatch.undo()
    assert "av1" not in decoders._DECODERS["av1"]
