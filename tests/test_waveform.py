from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from media_files import Film, Tone, write
from zastavka.errors import MediaError
from zastavka.media import AudioTrack, MediaInfo
from zastavka.waveform import Waveform, choose_audio, read_waveform

RATE = 16_000


def film(*tones: Tone, first_picture: float = 0.0, pictures: int = 72) -> Film:
    return Film(times=tuple(first_picture + i / 24 for i in range(pictures)), tones=tones)


def heard(path: Path, seconds: float | None = None, language: str | None = None) -> Waveform:
    waveform = read_waveform(path, RATE, seconds, language)
    assert waveform
    return waveform


def sounding(waveform: Waveform) -> tuple[float, float]:
    """Seconds at which the sound begins and ends."""
    loud = np.flatnonzero(np.abs(waveform.samples) > 0.05)
    return loud[0] / waveform.rate, (loud[-1] + 1) / waveform.rate


def pitch(samples: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE / len(samples)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
def test_a_tone_is_the_same_tone_at_any_rate(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.mkv", film(Tone(hz=440, seconds=2)))
    waveform = read_waveform(path, rate, None)
    assert waveform
    assert waveform.rate == rate
    assert waveform.samples.dtype == np.float32
    assert len(waveform.samples) == pytest.approx(2 * rate, abs=rate / 100)
    inside = slice(rate // 10, -rate // 10)  # the filter's ends apart
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(waveform.samples)) / rate)
    assert np.abs(waveform.samples - expected)[inside].max() < 2e-3


def test_sound_that_needs_no_change_is_kept_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", film(Tone(seconds=2.5, codec="pcm_f32le", rate=RATE)))
    samples = heard(path).samples
    assert len(samples) == 2.5 * RATE
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / RATE)
    assert np.abs(samples - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        *[(f"a.{suffix}", codec) for suffix in ("mkv", "mp4", "ts") for codec in ("aac", "ac3")],
        *[("a.mkv", "pcm_s16le"), ("a.mov", "pcm_s16le"), ("a.mkv", "libopus")],
    ],
)
def test_sound_that_begins_late_stays_late(tmp_path: Path, name: str, codec: str) -> None:
    tone = Tone(start=1.0, seconds=1.0, codec=codec)
    begins, ends = sounding(heard(write(tmp_path / name, film(tone))))
    assert begins == pytest.approx(1.0, abs=0.012)
    assert ends == pytest.approx(2.0, abs=0.03)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_time_begins_where_a_player_begins(tmp_path: Path, name: str) -> None:
    """The whole file lies 7 s late on its own clock; the sound begins 1 s after the pictures."""
    late = film(Tone(start=8.0, seconds=1.0, codec="ac3"), first_picture=7.0)
    begins, ends = sounding(heard(write(tmp_path / name, late)))
    assert begins == pytest.approx(1.0, abs=0.012)
    assert ends == pytest.approx(2.0, abs=0.03)


def test_the_run_up_of_an_encoder_is_not_heard(tmp_path: Path) -> None:
    """AAC in MP4 stores 1024 samples before the beginning, and an edit list that hides them."""
    path = write(tmp_path / "a.mp4", film(Tone(hz=440, seconds=2, codec="aac")))
    samples = heard(path).samples[RATE // 2 : RATE]
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2, RATE) / RATE)
    assert np.corrcoef(samples, expected)[0, 1] > 0.99  # 1 ms late would be 0.93


def test_a_gap_is_silence_and_what_follows_stays_in_its_place(tmp_path: Path) -> None:
    tone = Tone(seconds=2.0, gap=(0.5, 1.2))
    samples = heard(write(tmp_path / "a.mkv", film(tone))).samples
    assert len(samples) == pytest.approx(2 * RATE, abs=RATE // 50)
    quiet = np.abs(samples[round(0.53 * RATE) : round(1.17 * RATE)])
    assert quiet.max() == 0
    for first, stop in ((0.1, 0.4), (1.3, 1.9)):
        part = slice(round(first * RATE), round(stop * RATE))
        assert np.abs(samples[part]).max() == pytest.approx(0.5, abs=0.01)


def test_sound_before_the_beginning_is_cut_off(tmp_path: Path) -> None:
    """An MP4 track whose edit begins 0.5 s inside it."""
    path = write(tmp_path / "a.mov", Film(times=(), tones=(Tone(hz=300, seconds=2),)))
    with av.open(str(path)) as container:
        assert container.streams.audio[0].duration
    data = bytearray(path.read_bytes())
    at = data.index(b"elst")
    data[at + 16 : at + 20] = (24_000).to_bytes(4)
    path.write_bytes(bytes(data))
    waveform = heard(path)
    assert len(waveform.samples) / RATE == pytest.approx(1.5, abs=0.03)


def test_seconds_limit_the_waveform(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", film(Tone(seconds=3)))
    assert len(heard(path, 1.25).samples) == 20_000
    assert len(heard(path, 100.0).samples) == pytest.approx(3 * RATE, abs=RATE // 50)


def test_sound_that_begins_after_the_time_asked_for_is_silence(tmp_path: Path) -> None:
    waveform = heard(write(tmp_path / "a.mkv", film(Tone(start=2.0, seconds=1.0))), 1.0)
    assert len(waveform.samples) == RATE
    assert not waveform.samples.any()


def test_channels_become_their_mean(tmp_path: Path) -> None:
    for layout in ("mono", "stereo"):
        path = write(tmp_path / f"{layout}.mkv", film(Tone(layout=layout)))
        samples = heard(path).samples[RATE // 2 : RATE]
        assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)


def test_one_channel_of_two(tmp_path: Path) -> None:
    """The mean of a tone and of silence is half of the tone."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
        data = np.stack([wave, np.zeros_like(wave)]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert np.abs(heard(path).samples).max() == pytest.approx(0.25, abs=0.005)


def test_loud_surround_stays_within_bounds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", film(Tone(layout="5.1")))
    samples = heard(path).samples
    assert 0.5 < np.abs(samples).max() <= 1.0


def test_the_language_wanted_is_heard(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mkv",
        film(
            Tone(hz=300, language="eng"),
            Tone(hz=500, language="rus", default=True),
            Tone(hz=800, language="ger"),
        ),
    )
    for language, hz in ((None, 500), ("en", 300), ("ru", 500), ("deu", 800), ("fr", 500)):
        samples = heard(path, language=language).samples[: RATE // 2]
        assert pitch(samples) == pytest.approx(hz, abs=5), language


def track(index: int, language: str | None, default: bool = False) -> AudioTrack:
    return AudioTrack(index, language, None, default, 2, 48_000, "aac")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (None, 2),
        ("ru", 1),
        ("rus", 1),
        ("RU", 1),
        ("ru-RU", 1),
        ("de", 3),
        ("deu", 3),
        ("ger", 3),
        ("uk", 2),
        ("qaa", 4),
        ("", 2),
    ],
)
def test_choice_of_track(language: str | None, expected: int) -> None:
    tracks = (
        track(1, "rus"),
        track(2, None, default=True),
        track(3, "ger"),
        track(4, "qaa"),
        track(5, "rus"),
    )
    chosen = choose_audio(MediaInfo(Path("a"), 1.0, None, tracks, ()), language)
    assert chosen
    assert chosen.index == expected


def test_the_default_of_a_language_comes_first() -> None:
    info = MediaInfo(Path("a"), 1.0, None, (track(1, "rus"), track(2, "rus", True)), ())
    chosen = choose_audio(info, "ru")
    assert chosen
    assert chosen.index == 2


def test_no_default_means_the_first() -> None:
    info = MediaInfo(Path("a"), 1.0, None, (track(1, "rus"), track(2, "eng")), ())
    chosen = choose_audio(info, None)
    assert chosen
    assert chosen.index == 1


def test_no_track_of_sound_is_an_answer(tmp_path: Path) -> None:
    assert read_waveform(write(tmp_path / "a.mkv"), RATE, None) is None
    assert choose_audio(MediaInfo(Path("a"), 1.0, None, (), ()), "ru") is None


def test_a_file_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    data = write(tmp_path / "whole.mkv", film(Tone(seconds=3))).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    waveform = heard(tmp_path / "cut.mkv")
    assert 1.0 < len(waveform.samples) / RATE < 2.0
    assert pitch(waveform.samples) == pytest.approx(440, abs=5)


def test_damage_in_the_middle_moves_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ts", film(Tone(hz=440, seconds=3, codec="ac3")))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 188 * 40] = np.random.default_rng(1).bytes(188 * 40)
    path.write_bytes(bytes(data))
    samples = heard(path).samples
    assert math.isclose(len(samples) / RATE, 3.0, abs_tol=0.1)
    assert sounding(Waveform(samples, RATE))[1] == pytest.approx(3.0, abs=0.05)


def test_a_track_without_one_good_packet_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", film(Tone(seconds=1, codec="flac")))
    data = bytearray(path.read_bytes())
    sync, at = b"\xff\xf8", data.index(b"\x1f\x43\xb6\x75")
    while (at := data.find(sync, at)) >= 0:
        data[at : at + 2] = b"\0\0"
    path.write_bytes(bytes(data))
    with pytest.raises(MediaError, match="sound that can't be read"):
        read_waveform(path, RATE, None)


def test_waveform_is_checked_at_birth() -> None:
    with pytest.raises(ValueError, match="not a waveform"):
        Waveform(np.zeros((2, 3), np.float32), RATE)
    assert repr(Waveform(np.zeros(3, np.float32), RATE)) == "Waveform(3 samples, 16000 Hz)"
