"""What a compressed picture says about itself, so that the ones nobody needs are never decoded.

Read from the first bytes of a packet, without a decoder: whether decoding may begin there
(`clean`), and whether some other picture may refer to it (`spare` if none may). Where a stream
proves nothing, nothing is claimed. Sources: ITU-T H.264 7.3.1, 7.4.1.2, D.2.8; H.265 7.3.1.2,
7.4.2.2; H.262 6.2.3; ISO/IEC 14496-2 6.2.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple


class PacketFacts(NamedTuple):
    """What is certain about one packet."""

    clean: bool = False  # pictures shown from this one on need nothing that was sent before it
    spare: bool = False  # no picture of its own or a lower layer refers to it
    layer: int = 0  # temporal layer
    doubtful: bool = False  # it changes how the stream is read: nothing can be proven beyond it
    fresh: bool = False  # clean, and the order in which pictures are shown begins anew as well


FactReader = Callable[[memoryview, bool], PacketFacts]  # data, the container's key flag

# Key pictures of the first reset the decoder; of the second every picture is a key picture.
_RESETTING = ("vp8", "vp9", "av1")
_INTRA = ("mjpeg", "prores", "dnxhd", "rawvideo", "huffyuv", "ffvhuff", "utvideo", "png")


def fact_reader(codec: str, extradata: bytes) -> FactReader | None:
    """The reader for a codec by FFmpeg's name; None where nothing can be proven."""
    if codec == "h264":
        return _H264(extradata)
    if codec == "hevc":
        return _Hevc(extradata)
    if codec in ("mpeg1video", "mpeg2video"):
        return _mpeg2_facts
    if codec == "mpeg4":
        return _mpeg4_facts
    if codec in _RESETTING + _INTRA:
        return lambda _data, key: PacketFacts(clean=key, fresh=key)
    return None


class _H264:
    def __init__(self, extradata: bytes) -> None:
        self._length_size, self._known = _avc_configuration(extradata)

    def __call__(self, data: memoryview, key: bool) -> PacketFacts:
        kinds = set()
        referred = exact = doubtful = False
        for unit in _units(data, self._length_size):
            kind = unit[0] & 31
            kinds.add(kind)
            if 1 <= kind <= 5:
                referred |= bool(unit[0] & 0x60)
            elif kind in (7, 8):
                doubtful |= _bare(unit) not in self._known
            elif kind == 6 and key:
                exact |= _recovers_at_once(unit)
        slices = kinds & {1, 2, 3, 4, 5}
        return PacketFacts(
            clean=key and (slices == {5} or (slices == {1} and exact)),
            # 6 SEI, 7 and 8 parameter sets, 9 delimiter, 12 filler, 14 and 20 other views
            spare=slices == {1} and not referred and kinds <= {1, 6, 7, 8, 9, 12, 14, 20},
            doubtful=doubtful,
            fresh=key and slices == {5},
        )


class _Hevc:
    def __init__(self, extradata: bytes) -> None:
        self._length_size, self._known = _hevc_configuration(extradata)

    def __call__(self, data: memoryview, key: bool) -> PacketFacts:
        kinds = set()
        layer = 0
        doubtful = False
        for unit in _units(data, self._length_size):
            kind = unit[0] >> 1 & 63
            if unit[0] & 1 or unit[1] >> 3:
                continue  # another view or quality: not decoded
            kinds.add(kind)
            if kind < 32:
                layer = max(layer, (unit[1] & 7) - 1)
            elif kind <= 34:
                doubtful |= _bare(unit) not in self._known
        slices = {kind for kind in kinds if kind < 32}
        return PacketFacts(
            clean=key and bool(slices) and slices <= {16, 17, 18, 19, 20, 21},
            # even numbers below 15 are the pictures that their own layer does not refer to;
            # 36 and 37, the end of a sequence, tell the decoder something
            spare=bool(slices)
            and all(kind < 15 and kind % 2 == 0 for kind in slices)
            and not kinds & {36, 37},
            layer=layer,
            doubtful=doubtful,
            fresh=key and bool(slices) and slices <= {19, 20},
        )


def _mpeg2_facts(data: memoryview, key: bool) -> PacketFacts:
    stream = bytes(data)
    types = [stream[at + 5] >> 3 & 7 for at in _starts(stream, 0x00) if at + 5 < len(stream)]
    has_sequence = b"\0\0\1\xb3" in stream
    clean = key and has_sequence and types[:1] == [1]
    return PacketFacts(
        clean=clean,
        fresh=clean,
        spare=bool(types) and set(types) == {3} and not has_sequence,
    )


def _mpeg4_facts(data: memoryview, key: bool) -> PacketFacts:
    stream = bytes(data)
    types = [stream[at + 4] >> 6 for at in _starts(stream, 0xB6) if at + 4 < len(stream)]
    if len(types) != 1:  # two pictures packed into one, as early AVI encoders did
        return PacketFacts(doubtful=True)
    clean = key and types == [0]
    return PacketFacts(clean=clean, fresh=clean, spare=types == [2])


def _starts(stream: bytes, code: int) -> Iterator[int]:
    mark = b"\0\0\1" + bytes([code])
    at = stream.find(mark)
    while at >= 0:
        yield at
        at = stream.find(mark, at + 4)


def _units(data: memoryview, length_size: int) -> Iterator[memoryview]:
    """NAL units of at least two bytes; `length_size` 0 means that start codes part them."""
    if length_size == 0:
        yield from _between_start_codes(data)
        return
    at, end = 0, len(data)
    while at + length_size < end:
        size = int.from_bytes(data[at : at + length_size])
        at += length_size
        if 2 <= size <= end - at:
            yield data[at : at + size]
        at += size


def _between_start_codes(data: memoryview) -> Iterator[memoryview]:
    stream = bytes(data)
    at = stream.find(b"\0\0\1")
    while at >= 0:
        following = stream.find(b"\0\0\1", at + 3)
        stop = len(stream) if following < 0 else following
        if stop - at >= 5:
            yield data[at + 3 : stop]
        at = following


def _bare(unit: memoryview) -> bytes:
    # with start codes, zeros may follow a unit that are not its own
    return bytes(unit).rstrip(b"\0")


def _recovers_at_once(sei: memoryview) -> bool:
    """Whether a recovery point promises exact pictures from this one on."""
    body = bytes(sei[1:]).replace(b"\0\0\3", b"\0\0")
    at = 0
    while at + 2 < len(body):
        kind = size = 0
        while at < len(body) and body[at] == 255:
            kind, at = kind + 255, at + 1
        kind, at = kind + body[at] if at < len(body) else -1, at + 1
        while at < len(body) and body[at] == 255:
            size, at = size + 255, at + 1
        size, at = size + body[at] if at < len(body) else 0, at + 1
        if kind == 6 and at < len(body):
            # recovery_frame_cnt ue(v) = 0 is the bit 1; exact_match_flag 1; broken_link_flag 0
            return body[at] >> 5 == 0b110
        at += size
    return False


def _avc_configuration(extradata: bytes) -> tuple[int, set[bytes]]:
    """Bytes of a length field, and the parameter sets of an avcC box or of bare units."""
    if extradata[:1] != b"\1" or len(extradata) < 7:
        return 0, _sets(memoryview(extradata))
    data = memoryview(extradata)
    known, at = set(), 6
    for count in (data[5] & 31, None):
        if count is None:
            count, at = (data[at] if at < len(data) else 0), at + 1
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2])
            known.add(_bare(data[at + 2 : at + 2 + size]))
            at += 2 + size
    return (data[4] & 3) + 1, known


def _hevc_configuration(extradata: bytes) -> tuple[int, set[bytes]]:
    """As `_avc_configuration`, of an hvcC box (ISO/IEC 14496-15 8.3.3.1)."""
    if extradata[:3] == b"\0\0\1" or extradata[:4] == b"\0\0\0\1" or len(extradata) < 23:
        return 0, _sets(memoryview(extradata))
    data = memoryview(extradata)
    known, at = set(), 23
    for _ in range(data[22]):
        count = int.from_bytes(data[at + 1 : at + 3])
        at += 3
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2])
            known.add(_bare(data[at + 2 : at + 2 + size]))
            at += 2 + size
    return (data[21] & 3) + 1, known


def _sets(data: memoryview) -> set[bytes]:
    return {_bare(unit) for unit in _between_start_codes(data)}
