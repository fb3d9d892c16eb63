from __future__ import annotations

from pathlib import Path

import av
import pytest

from media_files import Film, write
from zastavka.bitstream import PacketFacts, fact_reader

SPS, PPS = b"\x67\x64\x00\x0a\xac", b"\x68\xee\x3c\x80"
AVCC = b"\x01\x64\x00\x0a\xff\xe1" + b"\x00\x05" + SPS + b"\x01" + b"\x00\x04" + PPS
IDR, P, B = b"\x65\x88\x84", b"\x41\x9a\x24", b"\x01\x9e\x43"


def boxed(*units: bytes) -> memoryview:
    return memoryview(b"".join(len(unit).to_bytes(4) + unit for unit in units))


def coded(*units: bytes) -> memoryview:
    return memoryview(b"".join(b"\0\0\0\1" + unit for unit in units))


def recovery(count_and_flags: int) -> bytes:
    """A supplemental message of 3 bytes, then the recovery point (H.264 D.2.8)."""
    return b"\x06\x05\x03abc\x06\x01" + bytes([count_and_flags]) + b"\x80"


H264_CASES: dict[str, tuple[list[bytes], bool, PacketFacts]] = {
    "IDR": ([IDR], True, PacketFacts(clean=True, fresh=True)),
    "IDR in slices": ([IDR, IDR], True, PacketFacts(clean=True, fresh=True)),
    "IDR with known sets": ([SPS, PPS, IDR], True, PacketFacts(clean=True, fresh=True)),
    "P": ([P], False, PacketFacts()),
    "B": ([B], False, PacketFacts(spare=True)),
    "B with delimiter and filler": ([b"\x09\xf0", B, b"\x0c\xff"], False, PacketFacts(spare=True)),
    "B whose second field is referred to": ([B, P], False, PacketFacts()),
    "B with something unknown": ([B, b"\x0f\x00"], False, PacketFacts()),
    "B at the end of the sequence": ([B, b"\x0a\x00"], False, PacketFacts()),
    "partitioned": ([b"\x02\x9e", b"\x03\x9e"], False, PacketFacts()),
    "recovers at once": ([recovery(0b1100_0000), P], True, PacketFacts(clean=True)),
    "recovers at once, but not exactly": ([recovery(0b1000_0000), P], True, PacketFacts()),
    "recovers over a link that is broken": ([recovery(0b1110_0000), P], True, PacketFacts()),
    "recovers later": ([recovery(0b0101_1000), P], True, PacketFacts()),
    "key by the container's word alone": ([P], True, PacketFacts()),
    "other sets": ([SPS + b"\x01", IDR], True, PacketFacts(clean=True, fresh=True, doubtful=True)),
}


@pytest.mark.parametrize("case", H264_CASES)
def test_h264(case: str) -> None:
    units, key, expected = H264_CASES[case]
    in_boxes = fact_reader("h264", AVCC)
    with_codes = fact_reader("h264", bytes(coded(SPS, PPS)))
    assert in_boxes
    assert with_codes
    assert in_boxes(boxed(*units), key) == expected
    assert with_codes(coded(*units), key) == expected


def hevc(kind: int, temporal_id: int = 0) -> bytes:
    return bytes([kind << 1, temporal_id + 1, 0xAA])


HEVC_CASES: dict[str, tuple[list[bytes], bool, PacketFacts]] = {
    "IDR": ([hevc(19)], True, PacketFacts(clean=True, fresh=True)),
    "CRA": ([hevc(21)], True, PacketFacts(clean=True)),
    "TRAIL_R": ([hevc(1)], False, PacketFacts()),
    "TRAIL_N": ([hevc(0)], False, PacketFacts(spare=True)),
    "RASL_N of layer 2": ([hevc(8, 2)], False, PacketFacts(spare=True, layer=2)),
    "N and R": ([hevc(0), hevc(1)], False, PacketFacts()),
    "N, then the end": ([hevc(0), hevc(36)], False, PacketFacts()),
    "another view": ([hevc(0), b"\x03\x01\x00"], False, PacketFacts(spare=True)),
    "unknown sets": (
        [hevc(33), hevc(19)],
        True,
        PacketFacts(clean=True, fresh=True, doubtful=True),
    ),
}


@pytest.mark.parametrize("case", HEVC_CASES)
def test_hevc(case: str) -> None:
    units, key, expected = HEVC_CASES[case]
    read = fact_reader("hevc", bytes(coded(hevc(32))))
    assert read
    assert read(coded(*units), key) == expected


def test_hevc_configuration() -> None:
    sets = [hevc(32), hevc(33), hevc(34)]
    arrays = b"".join(
        bytes([kind, 0, 1]) + len(unit).to_bytes(2) + unit
        for kind, unit in zip((32, 33, 34), sets, strict=True)
    )
    configuration = b"\x01" + bytes(20) + b"\x03" + b"\x03" + arrays
    read = fact_reader("hevc", configuration)
    assert read
    assert read(boxed(*sets, hevc(19)), True) == PacketFacts(clean=True, fresh=True)


def test_mpeg2() -> None:
    read = fact_reader("mpeg2video", b"")
    assert read
    sequence = b"\0\0\1\xb3abcdefgh"
    pictures = {kind: b"\0\0\1\0\0" + bytes([kind << 3]) + b"\0\0\1\1slice" for kind in (1, 2, 3)}
    assert read(memoryview(sequence + pictures[1]), True) == PacketFacts(clean=True, fresh=True)
    assert read(memoryview(pictures[1]), True) == PacketFacts()  # its sequence may have changed
    assert read(memoryview(pictures[2]), False) == PacketFacts()
    assert read(memoryview(pictures[3]), False) == PacketFacts(spare=True)
    assert read(memoryview(pictures[3] + pictures[2]), False) == PacketFacts()


def test_mpeg4() -> None:
    read = fact_reader("mpeg4", b"")
    assert read
    i, p, b = (b"\0\0\1\xb6" + bytes([kind << 6]) + b"data" for kind in (0, 1, 2))
    assert read(memoryview(i), True) == PacketFacts(clean=True, fresh=True)
    assert read(memoryview(p), False) == PacketFacts()
    assert read(memoryview(b), False) == PacketFacts(spare=True)
    assert read(memoryview(p + b), False) == PacketFacts(doubtful=True)


def test_what_is_not_known_is_not_claimed() -> None:
    assert fact_reader("vc1", b"") is None
    assert fact_reader("wmv3", b"") is None


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\1", b"\0\0\0\xff\x65", b"\xff" * 40])
@pytest.mark.parametrize("codec", ["h264", "hevc", "mpeg2video", "mpeg4"])
@pytest.mark.parametrize("extradata", [b"", AVCC, b"\1" * 30])
def test_damage_proves_nothing(data: bytes, codec: str, extradata: bytes) -> None:
    read = fact_reader(codec, extradata)
    assert read
    facts = read(memoryview(data), True)
    assert not facts.clean
    assert not facts.spare


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "keyint=20:log-level=none"}),
        ("libx265", {"x265-params": "keyint=20:log-level=none"}),
        ("mpeg4", {"bf": "2", "g": "20"}),
        ("mpeg2video", {"bf": "2", "g": "12"}),
    ],
)
@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_ffmpeg_skips_the_same_pictures(
    tmp_path: Path, codec: str, options: dict[str, str], suffix: str
) -> None:
    """A second opinion: FFmpeg's decoders, told to leave out what is not referred to."""
    path = write(tmp_path / f"a.{suffix}", Film(codec=codec, options=options))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        context.thread_count = 1
        context.skip_frame = "NONREF"
        read = fact_reader(context.codec.canonical_name, context.extradata or b"")
        assert read
        spare, kept = set(), set()
        for packet in container.demux(stream):
            if packet.size and read(memoryview(packet), packet.is_keyframe).spare:
                spare.add(packet.pts)
            kept |= {frame.pts for frame in packet.decode()}
    assert len(spare) > 10
    assert len(kept) + len(spare) == 72
    assert not kept & spare
