from __future__ import annotations

import json
import re
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from media_files import HEIGHT, WIDTH, Film, Tone, number_of, write
from zastavka import audio
from zastavka import features as features_module
from zastavka.errors import FeatureError, MediaError
from zastavka.features import EpisodeFeatures, extract, load, row_times, save
from zastavka.media import probe
from zastavka.options import ExtractOptions
from zastavka.pictures import Picture, Pictures
from zastavka.segment import Grid, Segment

OPTIONS = ExtractOptions(step=0.5)
RATE = 12  # pictures a second


class Reader:
    """An encoder that says which picture it was shown."""

    name, width, size = "reader/1", 2, None

    def __init__(self) -> None:
        self.calls: list[int] = []

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        self.calls.append(len(pictures))
        return np.array([[number_of(picture), 1] for picture in pictures], np.float32)


def film(path: Path, seconds: float = 6.0, tones: Sequence[Tone] = (), first: float = 0.0) -> Path:
    times = tuple(first + i / RATE for i in range(round(seconds * RATE)))
    return write(path, Film(times=times, tones=tones))


def features(n: int = 8, sound: bool = True) -> EpisodeFeatures:
    rng = np.random.default_rng(0)
    return EpisodeFeatures(
        Grid(0.5, n),
        n * 0.5 + 100.25,
        rng.normal(size=(n, 3)).astype(np.float32),
        rng.normal(size=(n, len(audio.COLUMNS))).astype(np.float32) if sound else None,
        "reader/1",
    )


@pytest.mark.parametrize(("at", "shift"), [("start", 0.0), ("centre", 0.25)])
def test_each_row_is_the_picture_on_screen_at_its_time(
    tmp_path: Path, at: str, shift: float
) -> None:
    options = OPTIONS.model_copy(update={"picture_at": at})
    found = extract(film(tmp_path / "a.mkv"), Reader(), options)
    assert found.grid == Grid(0.5, 12)
    assert row_times(found.grid, options) == [i / 2 + shift for i in range(12)]
    assert found.picture is not None
    # a picture stays on screen until the next one
    assert found.picture[:, 0].tolist() == [int((i / 2 + shift) * RATE) for i in range(12)]
    assert found.encoder == "reader/1"
    assert found.duration == pytest.approx(6.0, abs=0.05)
    assert found.sound is None


def test_only_the_window_is_read(tmp_path: Path) -> None:
    options = OPTIONS.model_copy(
        update={"window_share": 0.5, "window_min": 1.0, "window_max": 900.0}
    )
    found = extract(film(tmp_path / "a.mkv"), Reader(), options)
    assert found.grid.n == 6
    assert found.span == Segment(0.0, 3.0)
    assert found.duration == pytest.approx(6.0, abs=0.05)


def test_sound_is_described_on_the_same_grid(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", tones=[Tone(start=2.0, seconds=4.0)])
    found = extract(path, Reader(), OPTIONS)
    assert found.sound is not None
    assert found.sound.shape == (12, len(audio.COLUMNS))
    loud = found.sound[:, audio.COLUMNS.index("loudness")]
    assert loud[:4].max() < loud[5:].min() - 20  # dB: the tone begins in row 4
    assert extract(path, Reader(), OPTIONS.model_copy(update={"sound": False})).sound is None


def test_the_track_of_the_language_asked_for_is_heard(tmp_path: Path) -> None:
    tones = [Tone(language="eng", hz=300), Tone(language="rus", hz=300, start=3.0, seconds=3.0)]
    path = film(tmp_path / "a.mkv", tones=tones)
    heard = extract(path, Reader(), OPTIONS.model_copy(update={"language": "rus"})).sound
    assert heard is not None
    loud = heard[:, audio.COLUMNS.index("loudness")]
    assert loud[:5].max() < loud[7:].min()


def test_a_file_of_sound_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", Film(times=(), tones=(Tone(seconds=3),)))
    found = extract(path, Reader(), OPTIONS)
    assert found.picture is None
    assert found.sound is not None
    with pytest.raises(MediaError, match=r"a\.mka: holds nothing that can be described"):
        extract(path, Reader(), OPTIONS.model_copy(update={"sound": False}))


def test_the_last_picture_stays_on_screen_while_the_sound_goes_on(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", seconds=3.0, tones=[Tone(seconds=6.0)])
    found = extract(path, Reader(), OPTIONS)
    assert found.picture is not None
    assert found.picture[6:, 0].tolist() == [35.0] * 6
    assert found.picture[5, 0] == 33.0


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


@pytest.mark.parametrize("tones", [(), (Tone(seconds=30.0, rate=8000),)], ids=["mute", "heard"])
@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_file_that_breaks_off_is_told(
    tmp_path: Path, tones: Sequence[Tone], sound: bool, share: float
) -> None:
    path = cut(film(tmp_path / "a.mkv", seconds=30.0, tones=tones), share)
    with pytest.raises(MediaError, match=r"a\.mkv: breaks off at (\d+) s of 30 s;") as error:
        extract(path, Reader(), OPTIONS.model_copy(update={"sound": sound}))
    assert float(str(error.value.values["seconds"])) == pytest.approx(30 * share, abs=3)


def test_what_breaks_off_behind_the_window_is_whole(tmp_path: Path) -> None:
    path = cut(film(tmp_path / "a.mkv", seconds=30.0), 0.6)
    options = OPTIONS.model_copy(
        update={"window_share": 0.4, "window_min": 1.0, "window_max": 900.0}
    )
    found = extract(path, Reader(), options)
    assert found.picture is not None
    assert found.picture[:, 0].tolist() == [int((i / 2 + 0.25) * RATE) for i in range(24)]


def test_sound_alone_that_breaks_off_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", Film(times=(), tones=(Tone(seconds=30, rate=8000),)))
    with pytest.raises(MediaError, match=r"breaks off at 1\d s of 30 s"):
        extract(cut(path, 0.5), Reader(), OPTIONS)


def test_a_length_guessed_by_the_bit_rate_is_no_promise(tmp_path: Path) -> None:
    # nearly still at first, so what follows at 40 times the bit rate seems to last 40 times as long
    parts = [
        write(tmp_path / f"{hz}.aac", Film(times=(), tones=(Tone(hz=hz, seconds=15, codec="aac"),)))
        for hz in (0.0, 440.0)
    ]
    path = tmp_path / "a.aac"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert probe(path).duration > 40
    assert extract(path, Reader(), OPTIONS).sound is not None


@pytest.mark.parametrize("sound", [True, False])
def test_either_may_end_before_the_other(tmp_path: Path, sound: bool) -> None:
    options = OPTIONS.model_copy(update={"sound": sound})
    for pictures, heard in ((5.0, 30.0), (30.0, 5.0)):
        path = film(tmp_path / "a.mkv", pictures, tones=[Tone(seconds=heard, rate=8000)])
        found = extract(path, Reader(), options)
        assert found.picture is not None
        last = int(min(29.75, pictures - 0.01) * RATE)
        assert found.picture[-1, 0] == last


def test_large_pictures_come_in_small_batches_and_none_outlives_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[weakref.ref[NDArray[np.uint8]]] = []

    class Forgetful(Reader):
        def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
            described.extend(map(weakref.ref, pictures))
            return super().encode(pictures)

    def read(self: Pictures) -> Picture:
        # the reader itself may hold the one it gave last
        assert sum(picture() is not None for picture in described) <= 1
        return next(self._pictures)

    monkeypatch.setattr(Pictures, "__next__", read)
    monkeypatch.setattr(features_module, "_BYTES", 5 * WIDTH * HEIGHT * 3 + 1)
    encoder = Forgetful()
    found = extract(film(tmp_path / "a.mkv"), encoder, OPTIONS)
    assert encoder.calls == [5, 5, 2]
    assert found.picture is not None
    assert found.picture[:, 0].tolist() == [int((i / 2 + 0.25) * RATE) for i in range(12)]


def test_pictures_are_described_in_batches_and_progress_is_told(tmp_path: Path) -> None:
    encoder, shares = Reader(), list[float]()
    path = film(tmp_path / "a.mkv", seconds=14.0)
    found = extract(path, encoder, ExtractOptions(step=0.1), shares.append)
    assert found.grid.n == 140
    assert encoder.calls == [64, 64, 12]
    assert shares == [64 / 140, 128 / 140, 1.0]


def test_less_than_one_row_is_told(tmp_path: Path) -> None:
    path = film(tmp_path / "short.mkv", seconds=0.25)
    with pytest.raises(
        MediaError, match=r"short\.mkv: lasts 0\.\d\d s, less than one row of 0\.5 s"
    ):
        extract(path, Reader(), OPTIONS)


def test_an_encoder_that_gives_no_numbers_is_told(tmp_path: Path) -> None:
    class Broken(Reader):
        def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
            vectors = super().encode(pictures)
            vectors[2, 1] = np.nan
            return vectors

    with pytest.raises(FeatureError, match=r"a\.mkv: picture features hold NaN .* in row 2;"):
        extract(film(tmp_path / "a.mkv"), Broken(), OPTIONS)


@pytest.mark.parametrize("sound", [True, False])
def test_what_is_saved_is_read_back(tmp_path: Path, sound: bool) -> None:
    made, path = features(sound=sound), tmp_path / "new" / "-1_2.safetensors"
    save(made, path)
    read = load(path)
    assert (read.grid, read.duration, read.encoder) == (made.grid, made.duration, made.encoder)
    assert read.audio == audio.NAME
    for one, two in ((read.picture, made.picture), (read.sound, made.sound)):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            np.testing.assert_array_equal(one, two)
    assert b"pickle" not in path.read_bytes()


def test_a_picture_table_that_is_a_view_is_saved_in_its_order(tmp_path: Path) -> None:
    table = np.arange(24, dtype=np.float32).reshape(3, 8).T  # columns lie one after another
    save(EpisodeFeatures(Grid(1.0, 8), 8.0, table, None, "e"), tmp_path / "f.safetensors")
    read = load(tmp_path / "f.safetensors").picture
    assert read is not None
    np.testing.assert_array_equal(read, table)


def test_rows_must_fit_the_grid() -> None:
    with pytest.raises(ValueError, match="does not fit a grid of 4 rows"):
        EpisodeFeatures(Grid(0.5, 4), 2.0, np.zeros((3, 2), np.float32), None, "e")
    with pytest.raises(ValueError, match="neither pictures nor sound"):
        EpisodeFeatures(Grid(0.5, 4), 2.0, None, None, "e")
    shown = repr(EpisodeFeatures(Grid(0.5, 4), 2.0, np.zeros((4, 2), np.float32), None, "e"))
    assert shown == "EpisodeFeatures(0.5 s a row, picture (4, 2), sound None, e)"


META: dict[str, object] = {
    "format": "1",
    "step": "0.5",
    "n": "4",
    "duration": "2.0",
    "encoder": "e",
    "audio": "a",
}
DAMAGED: dict[str, tuple[dict[str, object] | None, str]] = {
    "no meta": (None, "'zastavka'"),
    "other format": (META | {"format": "7"}, "format 7"),
    "no format": ({k: v for k, v in META.items() if k != "format"}, "'format'"),
    "no encoder": ({k: v for k, v in META.items() if k != "encoder"}, "'encoder'"),
    "other n": (META | {"n": "5"}, "does not fit a grid of 5 rows"),
    "no grid": (META | {"n": "0"}, "not a grid"),
    "a step in words": (META | {"step": "half"}, "half"),
}


@pytest.mark.parametrize(("meta", "why"), DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_says_what_can_t_be(
    tmp_path: Path, meta: dict[str, object] | None, why: str
) -> None:
    path = tmp_path / "f.safetensors"
    extra = None if meta is None else {"zastavka": json.dumps(meta)}
    save_file({"picture": np.zeros((4, 2), np.float32)}, path, metadata=extra)
    with pytest.raises(FeatureError, match=rf"f\.safetensors: is not a feature file: .*{why}"):
        load(path)


def test_meta_that_is_no_object(tmp_path: Path) -> None:
    path = tmp_path / "f.safetensors"
    save_file({"picture": np.zeros((4, 2), np.float32)}, path, metadata={"zastavka": "[1]"})
    with pytest.raises(FeatureError, match="is not a feature file"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"text that is no table\n" * 9, None], ids=repr)
def test_a_file_that_is_none_or_cut_short(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "f.safetensors"
    save(features(), path)
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with pytest.raises(FeatureError, match=re.escape(str(path))) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert "extract it again" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"no\.safetensors: is not a feature file"):
        load(tmp_path / "no.safetensors")


def test_nan_in_a_file_names_the_row(tmp_path: Path) -> None:
    made = features()
    assert made.sound is not None
    made.sound[5, 3] = np.inf
    save(made, tmp_path / "f.safetensors")
    with pytest.raises(FeatureError, match=r"f\.safetensors: sound features hold NaN .* in row 5;"):
        load(tmp_path / "f.safetensors")
