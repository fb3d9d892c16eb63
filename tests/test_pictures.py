"""Two oracles: pictures carry their number, and a full decode by PyAV must give the same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import zastavka.pictures
import zastavka.track
from media_files import HEIGHT, WIDTH, Film, Tone, number_of, numbered, write
from zastavka.errors import MediaError
from zastavka.pictures import Picture, Pictures
from zastavka.segment import Segment
from zastavka.track import Track, open_track

N = 96
TIMES = tuple(i / 24 for i in range(N))
BICUBIC_EXACT = 0x4 | 0x40000  # swscale's BICUBIC and ACCURATE_RND


def x264(params: str, **others: Any) -> Film:
    return Film(times=TIMES, options={"x264-params": f"{params}:log-level=none"}, **others)


def x265(params: str) -> Film:
    return Film(TIMES, codec="libx265", options={"x265-params": f"{params}:log-level=none"})


def other(codec: str, pixels: str = "yuv420p", **options: str) -> Film:
    return Film(times=TIMES, codec=codec, options=options, pixels=pixels)


def uneven() -> tuple[float, ...]:
    """Times as a variable rate has them: from 20 ms to half a second apart."""
    steps = np.random.default_rng(3).choice([0.02, 0.04, 0.1, 0.5], N)
    return tuple((np.cumsum(steps) - steps[0]).round(3).tolist())


# Of each file: what it is, and the most packets that one picture a second may cost (of 96).
FILMS: dict[str, tuple[Film, int]] = {
    "default.mkv": (x264("keyint=24"), 8),
    "default.mp4": (x264("keyint=40"), 45),
    "default.ts": (x264("keyint=24"), 8),
    "default.flv": (x264("keyint=24"), 8),
    "open-gop.mkv": (x264("open-gop=1:keyint=20:min-keyint=10"), 45),
    "open-gop.mp4": (x264("open-gop=1:keyint=20:min-keyint=10"), 45),
    "open-gop.ts": (x264("open-gop=1:keyint=20:min-keyint=10"), 45),
    "no-b.mp4": (x264("bframes=0:keyint=30"), 60),
    "strict-pyramid.mkv": (x264("b-pyramid=strict:bframes=7:b-adapt=0:keyint=40"), 40),
    "intra-refresh.ts": (x264("intra-refresh=1:keyint=20"), 70),
    "slices.mkv": (x264("slices=4:keyint=24:repeat-headers=1"), 8),
    "interlaced.mkv": (x264("tff=1:keyint=24"), 8),
    "uneven.mkv": (Film(uneven(), options={"g": "24"}), 40),
    "uneven.mp4": (Film(uneven(), options={"g": "24"}), 40),
    "hevc.mkv": (x265("keyint=20:min-keyint=10"), 40),
    "hevc.mp4": (x265("keyint=20:min-keyint=10"), 40),
    "hevc.ts": (x265("keyint=20:min-keyint=10"), 40),
    "hevc-closed.mkv": (x265("open-gop=0:keyint=24"), 8),
    "hevc-layers.mkv": (x265("temporal-layers=3:keyint=40:b-adapt=0:bframes=7"), 40),
    "mpeg4.mp4": (other("mpeg4", bf="2", g="20"), 30),
    "mpeg4.avi": (other("mpeg4", bf="2", g="20"), 40),
    "mpeg2.ts": (other("mpeg2video", bf="2", g="12"), 30),
    "mpeg2.mpg": (other("mpeg2video", bf="2", g="12"), 30),
    "mpeg1.mpg": (other("mpeg1video", bf="2", g="12"), 30),
    "vp8.webm": (other("libvpx", g="20", deadline="realtime", **{"cpu-used": "8"}), 60),
    "vp9.webm": (other("libvpx-vp9", g="20", deadline="good", **{"cpu-used": "5"}), 60),
    "av1.mkv": (other("libsvtav1", g="20", preset="12"), 60),
    "mjpeg.mkv": (other("mjpeg", "yuvj420p"), 4),
    "wmv.asf": (other("wmv2", g="20"), 96),  # nothing can be proven: all is decoded
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(params=FILMS)
def film(request: pytest.FixtureRequest, folder: Path) -> Path:
    return made(folder, request.param)


def made(folder: Path, name: str) -> Path:
    path = folder / name
    return path if path.exists() else write(path, FILMS[name][0])


class Truth:
    """Every picture of a file, decoded by PyAV without any cleverness, in order of time."""

    def __init__(self, path: Path) -> None:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            start = (container.start_time or 0) / 1e6
            base = float(stream.time_base or 0)
            frames = [
                ((frame.pts or 0) * base - start, paint(frame))
                for frame in container.decode(stream)
            ]
        frames.sort(key=lambda pair: pair[0])
        self.times = [time for time, _ in frames]
        self.images = [image for _, image in frames]

    def at(self, time: float) -> tuple[float, NDArray[np.uint8]]:
        before = [i for i, shown in enumerate(self.times) if shown <= time + 1e-4]
        i = before[-1] if before else 0
        return self.times[i], self.images[i]


def paint(frame: Any) -> NDArray[np.uint8]:
    return frame.to_ndarray(format="gbrp", interpolation=BICUBIC_EXACT)  # type: ignore[no-any-return]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The packets that go to a decoder, by their time stamps."""
    packets: list[int] = []
    decode = Track.decode

    def count(self: Track, packet: Any) -> Any:
        packets.append(packet.pts)
        return decode(self, packet)

    monkeypatch.setattr(Track, "decode", count)
    return packets


def numbers(pictures: list[Picture]) -> list[int]:
    return [number_of(picture.image) for picture in pictures]


def read(path: Path, times: list[float]) -> list[Picture]:
    with Pictures.at(path, times) as pictures:
        return list(pictures)


def assert_true(pictures: list[Picture], truth: Truth, times: list[float]) -> None:
    assert [picture.wanted for picture in pictures] == times
    for picture in pictures:
        time, image = truth.at(picture.wanted)
        assert picture.time == pytest.approx(time, abs=1e-5)
        assert np.array_equal(picture.image, image), f"another picture at {picture.wanted}"


def test_pictures_are_those_of_a_full_decode(film: Path, sent: list[int]) -> None:
    truth = Truth(film)
    assert [number_of(image) for image in truth.images] == list(range(N))
    rng = np.random.default_rng(1)
    seconds = [float(t) for t in range(4)]
    for times in (seconds, sorted(rng.uniform(0, 4, 15).tolist()), [1.7, 1.7, 3.1], truth.times):
        sent.clear()
        assert_true(read(film, times), truth, times)
        if times == seconds:
            assert len(sent) <= FILMS[film.name][1]


def test_key_pictures_are_those_of_a_full_decode(film: Path, sent: list[int]) -> None:
    truth = Truth(film)
    with Pictures.keys(film) as keys:
        found = list(keys)
    assert found
    assert found[0].time == pytest.approx(truth.times[0], abs=1e-5)
    assert_true(found, truth, [picture.time for picture in found])
    assert all(a.time < b.time for a, b in pairwise(found))
    assert len(sent) == len(found)  # no other picture was decoded


def test_seeking_changes_nothing(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Truth(film)
    monkeypatch.setattr(zastavka.track, "_SEEK_FROM", 0.5)
    monkeypatch.setattr(zastavka.pictures, "_LONGEST_GROUP", 1.5)
    for times in ([3.0], [2.2, 2.5, 3.9], [truth.times[-1]], [1.0 + i / 24 for i in range(24)]):
        assert_true(read(film, times), truth, times)
    with Pictures.keys(film) as keys:
        late = [k.time for k in keys if 2.0 <= k.time < 3.5]
    with Pictures.keys(film, Segment(2.0, 3.5)) as keys:
        assert [k.time for k in keys] == late


def test_seeking_passes_over_the_beginning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_packets: list[int] = []
    packets = Track.packets

    def count(self: Track) -> Iterator[Any]:
        for packet in packets(self):
            read_packets.append(packet.pts or 0)
            yield packet

    monkeypatch.setattr(Track, "packets", count)
    monkeypatch.setattr(zastavka.track, "_SEEK_FROM", 0.5)
    for name in ("default.mkv", "default.mp4", "hevc.mkv"):
        path = made(folder, name)
        read_packets.clear()
        assert numbers(read(path, [3.5])) == [84]
        assert min(read_packets) > 0


def test_not_an_unneeded_packet_is_decoded(folder: Path, sent: list[int]) -> None:
    """Closed groups of 24 at one picture a second: each second's first picture is a key picture."""
    path = made(folder, "default.mkv")
    with Pictures.at_rate(path, 1.0, Segment(0.0, 4.0)) as pictures:
        assert numbers(list(pictures)) == [0, 24, 48, 72]
    assert sent == [0, 1000, 2000, 3000]


def test_rate_and_window(folder: Path) -> None:
    path = made(folder, "default.mp4")
    with Pictures.at_rate(path, 4.0, Segment(1.0, 2.0)) as pictures:
        found = list(pictures)
    assert [picture.wanted for picture in found] == [1.0, 1.25, 1.5, 1.75]
    assert numbers(found) == [24, 30, 36, 42]


def test_a_picture_stays_until_the_next_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", Film(times=(0.0, 0.1, 2.0, 2.04, 9.0)))
    times = [0.0, 0.0998, 0.1, 1.9998, 2.0, 2.0398, 2.04, 8.99, 9.0]
    assert numbers(read(path, times)) == [0, 0, 1, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_time_begins_where_a_player_begins(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, Film(times=tuple(7 + i / 24 for i in range(48))))
    found = read(path, [0.0, 0.5, 1.0])
    assert numbers(found) == [0, 12, 24]
    assert [picture.time for picture in found] == pytest.approx([0.0, 0.5, 1.0], abs=1e-3)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_video_that_begins_after_the_sound_stays_later(tmp_path: Path, name: str) -> None:
    codec = "aac" if name.endswith("ts") else "pcm_s16le"
    film = Film(
        times=tuple(1 + i / 24 for i in range(48)), tones=(Tone(seconds=3, codec=codec, hz=300),)
    )
    found = read(write(tmp_path / name, film), [0.0, 0.5, 1.6, 2.1])
    # before the first picture the first one; AAC's run-up begins 21 ms before the sound
    assert numbers(found) in ([0, 0, 14, 26], [0, 0, 13, 25])
    assert found[0].time == pytest.approx(1.0, abs=0.025)


def test_an_edit_list_hides_pictures(tmp_path: Path) -> None:
    """Cutting without encoding: the file holds a whole group, a player begins inside it."""
    path = write(tmp_path / "whole.mp4", Film(times=TIMES[:48], options={"g": "48"}))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(with_later_start(path.read_bytes(), seconds=0.5))
    truth = Truth(cut)
    assert number_of(truth.images[0]) == 12  # FFmpeg obeys the list
    found = read(cut, [0.0, 0.25, 1.0])
    assert numbers(found) == [12, 18, 36]
    assert [picture.time for picture in found] == pytest.approx([0.0, 0.25, 1.0], abs=1e-3)


def with_later_start(data: bytes, seconds: float) -> bytes:
    """An MP4 file whose one edit begins later in the media (ISO/IEC 14496-12 8.6.6)."""
    at = data.index(b"elst")
    assert data[at + 4 : at + 12] == bytes([0, 0, 0, 0, 0, 0, 0, 1])  # version 0, one entry
    scale_at = data.index(b"mdhd") + 16
    scale = int.from_bytes(data[scale_at : scale_at + 4])
    duration = int.from_bytes(data[at + 12 : at + 16])
    start = int.from_bytes(data[at + 16 : at + 20])
    entry = (duration - round(seconds * 1000)).to_bytes(4)
    entry += (start + round(seconds * scale)).to_bytes(4)
    return data[: at + 12] + entry + data[at + 20 :]


@pytest.mark.parametrize("name", ["strict-pyramid.mkv", "open-gop.mp4", "hevc.ts"])
def test_frames_that_wait_for_reordering_do_not_shift_time(folder: Path, name: str) -> None:
    found = read(made(folder, name), [i / 24 + 0.001 for i in range(10)])
    assert numbers(found) == list(range(10))
    assert [picture.time for picture in found] == pytest.approx(list(TIMES[:10]), abs=1e-3)


@pytest.mark.parametrize("suffix", ["h264", "avi"])
def test_files_without_times_of_presentation(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", x264("keyint=24"))
    rate = 24 if suffix == "avi" else av_rate(path)
    found = read(path, [i / rate + 0.001 for i in (0, 5, 30, 60, 95)])
    assert numbers(found) == [0, 5, 30, 60, 95]
    for i in range(0, N, 5):  # alone, so that no neighbour gives a wrong time away
        assert numbers(read(path, [i / rate + 0.001])) == [i]


def av_rate(path: Path) -> float:
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
    return float(rate or 25)


@pytest.mark.parametrize(("written", "turns"), [(0, 0), (-90, 1), (180, 2), (90, 3)])
def test_pictures_are_turned_as_a_player_turns_them(
    tmp_path: Path, written: int, turns: int
) -> None:
    path = write(tmp_path / "a.mp4", Film(times=TIMES[:30], rotation=written))
    picture = read(path, [1.0])[0]
    stored = np.rot90(picture.image, turns)  # clockwise back to counter-clockwise
    assert stored.shape == (HEIGHT, WIDTH, 3)
    assert number_of(np.ascontiguousarray(stored)) == 24
    assert picture.image.flags.c_contiguous


@pytest.mark.parametrize("rotation", [0, 90])
def test_size_squashes_what_is_shown(tmp_path: Path, rotation: int) -> None:
    path = write(tmp_path / "a.mp4", Film(rotation=rotation))
    with Pictures.at(path, [0.0], size=(64, 40)) as pictures:
        assert next(pictures).image.shape == (40, 64, 3)
    with Pictures.keys(path, size=(64, 40)) as pictures:
        assert next(pictures).image.shape == (40, 64, 3)


def test_colours_are_right_at_any_size(tmp_path: Path) -> None:
    """Against BT.601 (SD) and BT.709 (HD, untagged) computed by the formula."""
    rgb = (200.0, 60.0, 30.0)
    for size, (red, blue) in (((160, 96), (0.299, 0.114)), ((1280, 720), (0.2126, 0.0722))):
        luma = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2]
        planes = (
            16 + 219 / 255 * luma,
            128 + 224 / 255 * (rgb[2] - luma) / (2 - 2 * blue),
            128 + 224 / 255 * (rgb[0] - luma) / (2 - 2 * red),
        )
        path = tmp_path / f"{size[0]}.mkv"
        flat_film(path, size, [round(plane) for plane in planes])
        for target in (None, (90, 50), (224, 224)):
            with Pictures.at(path, [0.0], target) as pictures:
                image = next(pictures).image
            assert np.abs(image.astype(float) - rgb).max() <= 2.0


def flat_film(path: Path, size: tuple[int, int], levels: list[int]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, level in zip(frame.planes, levels, strict=True):
            plane.update(bytes([level]) * plane.buffer_size)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_file_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.mkv", x264("keyint=24"))
    data = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 6 // 10])
    truth = Truth(cut)
    last = truth.times[-1]
    assert 1.0 < last < 3.5
    times = [i / 4 for i in range(80)]
    found = read(cut, times)
    held = [time for time in times if time <= last + 5.1]
    assert [picture.wanted for picture in found] == held[: len(found)]
    assert len(found) >= len(held) - 1
    assert_true(found, truth, held[: len(found)])


def test_damage_in_the_middle_costs_pictures_not_the_file(folder: Path, tmp_path: Path) -> None:
    whole = made(folder, "default.ts")
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 1500] = np.random.default_rng(2).bytes(1500)
    broken = tmp_path / "broken.ts"
    broken.write_bytes(bytes(data))
    times = [i / 4 for i in range(16)]
    found = read(broken, times)
    assert [picture.wanted for picture in found] == times
    good = [number for number, time in zip(numbers(found), times, strict=True) if time < 1]
    assert good == [0, 6, 12, 18]


def test_parameters_that_change_on_the_way(tmp_path: Path) -> None:
    """Two encodings joined into one track, as advertisements are into a recording."""
    path = tmp_path / "joined.ts"
    join(path, ["cabac=1:ref=4:keyint=24:repeat-headers=1", "cabac=0:ref=1:keyint=24:8x8dct=0"])
    truth = Truth(path)
    assert [number_of(image) for image in truth.images] == list(range(N))
    times = [float(t) for t in range(4)] + [3.5]
    assert_true(read(path, times), truth, times)


def join(path: Path, settings: list[str]) -> None:
    with av.open(str(path), "w") as container:
        out = None
        for part, params in enumerate(settings):
            context = av.CodecContext.create("libx264", "w")
            context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            context.time_base = Fraction(1, 24)
            context.options = {"x264-params": f"{params}:repeat-headers=1:log-level=none"}
            first = part * N // len(settings)
            frames = [
                av.VideoFrame.from_ndarray(numbered(first + i), format="rgb24")
                for i in range(N // len(settings))
            ]
            packets = []
            for i, frame in enumerate(frames):
                frame = frame.reformat(format="yuv420p")
                frame.pts = first + i
                packets += context.encode(frame)
            packets += context.encode(None)
            if out is None:
                out = container.add_stream("libx264", rate=24)
                out.width, out.height, out.pix_fmt = WIDTH, HEIGHT, "yuv420p"
                container.start_encoding()
            for packet in packets:
                packet.time_base = Fraction(1, 24)
                packet.stream = out
                container.mux(packet)


def test_the_first_group_of_a_recording_may_lack_what_it_refers_to(
    folder: Path, tmp_path: Path
) -> None:
    """A recording that begins at an open group: its leading pictures can't be decoded."""
    for name in ("open-gop.ts", "hevc.ts", "mpeg2.ts"):
        cut = tmp_path / name
        cut_at_second_key(made(folder, name), cut)
        truth = Truth(cut)
        times = [0.0, 0.02, 0.05, 0.1, 0.5, 1.0, 2.0]
        assert_true(read(cut, times), truth, times)


def cut_at_second_key(source: Path, target: Path) -> None:
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        copy = out.add_stream_from_template(stream)
        keys = 0
        for packet in container.demux(stream):
            keys += packet.is_keyframe and packet.size > 0
            if keys >= 2 and packet.size:
                packet.stream = copy
                out.mux(packet)


def test_what_the_decoder_gives_is_compared_with_the_plan(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts that lie cost time, not the picture: here decoding may begin anywhere."""
    facts = Track.facts

    def lie(self: Track, packet: Any) -> Any:
        true = facts(self, packet)
        return true and true._replace(clean=packet.pts % 125 == 0)

    monkeypatch.setattr(Track, "facts", lie)
    path = made(folder, "default.mkv")
    found = read(path, [0.5, 1.5, 2.5])
    assert_true(found, Truth(path), [0.5, 1.5, 2.5])


def test_pictures_that_the_decoder_keeps_to_itself(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VP8 and AVI know packets that show nothing; then the picture before is on screen."""
    decode, drain = Track.decode, Track.drain
    monkeypatch.setattr(Track, "decode", lambda *args: seen(decode(*args) or []))
    monkeypatch.setattr(Track, "drain", lambda self: seen(drain(self)))

    def seen(frames: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        return [(ticks, frame) for ticks, frame in frames if ticks != hidden]

    for i in range(25, 47):
        hidden = round(i * 1000 / 24)
        assert numbers(read(made(folder, "default.mkv"), [i / 24 + 0.001, 2.0])) == [i - 1, 48]


@pytest.mark.parametrize("fault", ["nothing", "damaged", "corrupt"])
def test_everything_is_decoded_where_the_plan_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    decode, drain, frames = Track.decode, Track.drain, Track.frames
    mended: list[bool] = []

    def all_frames(self: Track) -> Iterator[tuple[int, Any]]:
        mended.append(True)
        return frames(self)

    def spoil(found: list[tuple[int, Any]] | None) -> list[tuple[int, Any]] | None:
        if mended or not found:
            return found
        bad = [(ticks, SimpleNamespace(is_corrupt=True, duration=0)) for ticks, _ in found]
        return bad if fault == "corrupt" else []

    def first_try(self: Track, packet: Any) -> list[tuple[int, Any]] | None:
        found = decode(self, packet)
        if fault == "damaged":
            return found if mended or packet.pts else None
        return spoil(found)

    monkeypatch.setattr(Track, "frames", all_frames)
    monkeypatch.setattr(Track, "decode", first_try)
    monkeypatch.setattr(Track, "drain", lambda self: spoil(drain(self)))
    assert numbers(read(made(folder, "default.mkv"), [0.5, 1.5])) == [12, 36]
    assert mended


def test_a_file_that_changes_between_the_two_readings(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Track.index

    def lose_one(self: Track, until: int, from_start: bool) -> Any:
        found = index(self, until, from_start)
        assert found
        keep = np.arange(len(found.pts)) != 3
        return replace(
            found,
            pts=found.pts[keep],
            shown=found.shown[keep],
            clean=found.clean[keep],
            spare=found.spare[keep],
        )

    monkeypatch.setattr(Track, "index", lose_one)
    path = made(folder, "default.mkv")
    assert_true(read(path, [0.5, 1.5, 2.9]), Truth(path), [0.5, 1.5, 2.9])


def test_h264_in_avi_is_not_trusted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avi", x264("keyint=24"))
    with open_track(path) as track:
        assert track.index(track.ticks(4.0), from_start=True) is None


def test_no_video(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", Film(times=(), tones=(Tone(),)))
    for pictures in (Pictures.at(path, [0.0]), Pictures.keys(path)):
        with pytest.raises(MediaError, match="no video track"), pictures:
            next(pictures)


def test_nothing_at_those_times_is_an_error(folder: Path) -> None:
    with pytest.raises(MediaError, match=r"no picture that can be read from 60\.0 s on"):
        read(made(folder, "default.mkv"), [60.0])


def test_no_times_no_pictures(folder: Path) -> None:
    assert read(made(folder, "default.mkv"), []) == []


def test_the_last_picture_is_held_a_little(folder: Path) -> None:
    found = read(made(folder, "default.mkv"), [3.9, 4.5, 8.0, 60.0])
    assert [picture.wanted for picture in found] == [3.9, 4.5, 8.0]
    assert numbers(found) == [93, 95, 95]


@pytest.mark.parametrize("times", [[1.0, 0.5], [float("nan")], [0.0, float("inf")]])
def test_wrong_times(times: list[float]) -> None:
    with pytest.raises(ValueError, match="times"):
        Pictures.at(Path("any.mkv"), times)


def test_a_window_without_a_key_picture_is_empty(folder: Path) -> None:
    with Pictures.keys(made(folder, "default.mkv"), Segment(0.2, 0.9)) as keys:
        assert list(keys) == []


def test_leaving_early_closes_the_file(folder: Path) -> None:
    with Pictures.at(made(folder, "default.mkv"), list(TIMES)) as pictures:
        next(pictures)
    with pytest.raises(StopIteration):
        next(pictures)
