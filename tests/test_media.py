from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from av.stream import Disposition

from media_files import HEIGHT, WIDTH, Film, Tone, numbered, write
from zastavka.errors import MediaError
from zastavka.media import AudioTrack, Chapter, VideoTrack, open_media, probe
from zastavka.pictures import Pictures
from zastavka.segment import Segment
from zastavka.waveform import read_waveform

HEX_KEY = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "01" * 16}


def test_everything_in_a_file(tmp_path: Path) -> None:
    film = Film(
        tones=(
            Tone(language="eng", seconds=3),
            Tone(language="rus", title="Дубляж", default=True, layout="stereo", rate=44_100),
        ),
        chapters=(("Заставка", 0.0, 1.5), ("Story", 1.5, 3.0)),
    )
    info = probe(write(tmp_path / "S01E01.mkv", film))
    assert info.path == tmp_path / "S01E01.mkv"
    assert info.duration == pytest.approx(3.0, abs=0.02)
    assert info.video == VideoTrack(0, WIDTH, HEIGHT, 0, "h264", 24.0)
    assert info.audio == (
        AudioTrack(1, "eng", None, False, 1, 48_000, "pcm_s16le"),
        AudioTrack(2, "rus", "Дубляж", True, 2, 44_100, "pcm_s16le"),
    )
    assert info.chapters == (
        Chapter("Заставка", Segment(0.0, 1.5)),
        Chapter("Story", Segment(1.5, 3.0)),
    )


def test_sound_alone(tmp_path: Path) -> None:
    info = probe(write(tmp_path / "a.mka", Film(times=(), tones=(Tone(seconds=2),))))
    assert info.video is None
    assert [track.codec for track in info.audio] == ["pcm_s16le"]
    assert info.duration == pytest.approx(2.0, abs=0.05)


def test_pictures_alone(tmp_path: Path) -> None:
    info = probe(write(tmp_path / "a.mp4"))
    assert info.video
    assert info.audio == ()
    assert info.chapters == ()


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(numbered(1), format="rgb24").reformat(format="yuvj420p")
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
        for i in range(20):
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 48_000, i * 1024
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1  # the cover is there
    info = probe(path)
    assert info.video is None
    assert len(info.audio) == 1


# FFmpeg writes counter-clockwise degrees; a telephone held upright writes -90
@pytest.mark.parametrize(("written", "shown"), [(0, 0), (-90, 90), (180, 180), (90, 270)])
def test_rotation(tmp_path: Path, written: int, shown: int) -> None:
    video = probe(write(tmp_path / "a.mp4", Film(rotation=written))).video
    assert video
    assert video.rotation == shown
    turned = shown in (90, 270)
    assert (video.width, video.height) == ((HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT))


def test_wide_pixels_make_a_wide_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "dvd.mkv", Film(aspect=Fraction(3, 2)))
    video = probe(path).video
    assert video
    assert (video.width, video.height) == (240, 96)
    with Pictures.at(path, [0.0]) as pictures:
        assert next(pictures).image.shape == (96, 240, 3)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_duration_counts_from_where_a_player_begins(tmp_path: Path, name: str) -> None:
    late = Film(times=tuple(7 + i / 24 for i in range(72)))
    assert probe(write(tmp_path / name, late)).duration == pytest.approx(3.0, abs=0.05)


def test_chapters_count_from_where_a_player_begins(tmp_path: Path) -> None:
    film = Film(times=tuple(7 + i / 24 for i in range(72)), chapters=(("Intro", 8.0, 9.5),))
    chapters = probe(write(tmp_path / "a.mkv", film)).chapters
    assert [chapter.title for chapter in chapters] == ["Intro"]
    assert chapters[0].segment.start == pytest.approx(1.0)
    assert chapters[0].segment.end == pytest.approx(2.5)


def test_a_recording_that_was_never_finished_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "live.mkv", Film(format_options={"live": "1"}))
    with av.open(str(path)) as container:
        assert container.duration is None
    assert probe(path).duration == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("name", ["Show: Pilot.mkv", "-01.mkv", "Серия 1 %d.mkv", "a?b#c.mkv"])
def test_any_name_is_a_file_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "plain.mkv").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).video


def test_a_title_that_is_not_utf8(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", Film(tones=(Tone(title="Café"),)))
    data = path.read_bytes()
    path.write_bytes(data.replace("Café".encode(), b"Caf\xe9!"))
    assert (probe(path).audio[0].title or "").startswith("Caf")


def missing(folder: Path) -> Path:
    return folder / "nowhere.mkv"


def a_folder(folder: Path) -> Path:
    return folder


def empty(folder: Path) -> Path:
    (folder / "a.mkv").write_bytes(b"")
    return folder / "a.mkv"


def text(folder: Path) -> Path:
    (folder / "a.txt").write_text("The pilot begins with a dog.\n" * 50)
    return folder / "a.txt"


def text_named_video(folder: Path) -> Path:
    (folder / "a.mkv").write_text("The pilot begins with a dog.\n" * 50)
    return folder / "a.mkv"


def subtitles(folder: Path) -> Path:
    (folder / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n\n")
    return folder / "a.srt"


def picture(folder: Path) -> Path:
    frame = av.VideoFrame.from_ndarray(numbered(1), format="rgb24")
    frame.save(str(folder / "a.png"))
    return folder / "a.png"


def picture_named_video(folder: Path) -> Path:
    return picture(folder).rename(folder / "a.mp4")


def noise(folder: Path) -> Path:
    (folder / "a.mkv").write_bytes(np.random.default_rng(1).bytes(200_000))
    return folder / "a.mkv"


def headless(folder: Path) -> Path:
    """An MP4 cut short before the index at its end."""
    data = write(folder / "whole.mp4").read_bytes()
    (folder / "a.mp4").write_bytes(data[: len(data) // 2])
    return folder / "a.mp4"


def header_alone(folder: Path) -> Path:
    """A Matroska file cut short before its first picture."""
    data = write(folder / "whole.mkv").read_bytes()
    (folder / "a.mkv").write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])
    return folder / "a.mkv"


def locked_mp4(folder: Path) -> Path:
    film = Film(format_options=HEX_KEY | {"encryption_kid": "02" * 16})
    return write(folder / "a.mp4", film)


def locked_mkv(folder: Path) -> Path:
    data = write(folder / "plain.mkv", Film(format_options={"write_crc32": "0"})).read_bytes()
    (folder / "a.mkv").write_bytes(with_content_encryption(data))
    return folder / "a.mkv"


BAD: dict[Callable[[Path], Path], str] = {
    missing: "does not exist",
    a_folder: "is a folder",
    empty: "is empty",
    text: "is a text file",
    text_named_video: "can't be read as video or sound",
    subtitles: "neither pictures nor sound",
    picture: "is a still picture",
    picture_named_video: "is a still picture",
    noise: "can't be read as video or sound",
    headless: "",
    header_alone: "",
    locked_mp4: "is encrypted",
    locked_mkv: "is encrypted",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_what_is_no_media_is_one_clear_line(
    tmp_path: Path, make: Callable[[Path], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path)
    capfd.readouterr()
    for read in (probe, _first_picture, _all_sound):
        with pytest.raises(MediaError) as caught:
            read(path)
        line = str(caught.value)
        assert str(path) in line
        assert "\n" not in line
        assert BAD[make] in line or "has no video track" in line
        assert caught.value.cure
    assert capfd.readouterr() == ("", "")  # FFmpeg itself says nothing


def _first_picture(path: Path) -> None:
    with Pictures.at(path, [0.0]) as pictures:
        next(pictures)


def _all_sound(path: Path) -> None:
    if read_waveform(path, 8000, None) is None:
        # these files would have video alone: an answer, not an error
        probe(path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a.mkv")
    monkeypatch.setattr(Path, "open", refuse)  # a mode would not stop root
    with pytest.raises(MediaError, match="can't be opened: Permission denied"):
        probe(path)


def test_errors_of_ffmpeg_inside_the_block_are_translated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv")
    with pytest.raises(MediaError, match="broken pipe") as caught, open_media(path):
        raise av.error.BrokenPipeError(32, "broken pipe")
    assert isinstance(caught.value.__cause__, av.error.FFmpegError)


def with_content_encryption(data: bytes) -> bytes:
    """A Matroska file whose one track claims to be encrypted with AES (RFC 9559 5.1.4.1.31)."""
    encryption = _element("47E1", b"\x05") + _element("47E2", b"\x07" * 16)
    claim = _element("5033", b"\x01") + _element("5032", b"\x01") + _element("5035", encryption)
    encodings = _element("6D80", _element("6240", claim))
    segment = _find(data, "18538067", 0, len(data))
    tracks = _find(data, "1654AE6B", segment.body, segment.stop)
    entry = _find(data, "AE", tracks.body, tracks.stop)
    locked = _element("AE", data[entry.body : entry.stop] + encodings)
    rest = data[tracks.body : entry.start], locked, data[entry.stop : tracks.stop]
    endless = bytes.fromhex("18538067 01FFFFFFFFFFFFFF")
    return b"".join(
        [
            data[: segment.start] + endless,
            data[segment.body : tracks.start] + _element("1654AE6B", b"".join(rest)),
            data[tracks.stop :],
        ]
    )


class Span(NamedTuple):
    start: int
    body: int
    stop: int


def _element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + (len(body) | 1 << 56).to_bytes(8) + body


def _find(data: bytes, name: str, at: int, stop: int) -> Span:
    """The first element of a name among those that lie one after another from `at` on."""
    while at < stop:
        body = at + 9 - data[at].bit_length()  # behind the name
        width = 9 - data[body].bit_length()
        size = int.from_bytes(data[body : body + width]) & ((1 << 7 * width) - 1)
        found = Span(at, body + width, body + width + size)
        if data[at:body] == bytes.fromhex(name):
            return found
        at = found.stop
    raise LookupError(name)
