from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

import media_files
from media_files import Film, Tone, numbered, write
from sounds import music, write_sound
from zastavka import prints as prints_module
from zastavka.errors import FeatureError, MediaError, StorageError
from zastavka.fingerprint import HOP, RATE, Fingerprint, distance, fingerprint
from zastavka.media import Chapter
from zastavka.options import ExtractOptions
from zastavka.prints import FILM, EpisodePrint, load, read_print, save
from zastavka.segment import Segment
from zastavka.signature import Signatures
from zastavka.waveform import Waveform, read_waveform

Array = NDArray[np.generic]

OPTIONS = ExtractOptions()
KEYS = {"g": "12", "keyint_min": "12", "sc_threshold": "0", "preset": "ultrafast"}


def film(
    path: Path, seconds: float = 6.0, rate: int = 24, tones: Sequence[Tone] = (), **more: object
) -> Path:
    """A key picture every twelve."""
    times = tuple(i / rate for i in range(round(seconds * rate)))
    made = Film(times=times, tones=tones, options=KEYS, rate=rate)
    return write(path, replace(made, **more))  # type: ignore[arg-type]


def equal(one: object, two: object) -> bool:
    """Whether two records hold the same, arrays and records within them too."""
    if isinstance(one, np.ndarray):
        return isinstance(two, np.ndarray) and one.dtype == two.dtype and np.array_equal(one, two)
    if isinstance(one, (EpisodePrint, Fingerprint, Signatures)):
        return type(one) is type(two) and all(
            equal(getattr(one, f.name), getattr(two, f.name)) for f in fields(one)
        )
    return one == two


# ------------------------------------------------------------------ reading


def test_a_film_with_sound(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", tones=[Tone(seconds=6)])
    found = read_print(path, OPTIONS)
    assert found.duration == pytest.approx(6.0, abs=0.05)
    assert found.searched == found.duration
    assert found.sound is not None
    assert len(found.sound) == pytest.approx(6 / HOP, abs=2)
    assert found.slow is None
    np.testing.assert_allclose(found.times, np.arange(12) * 0.5, atol=0.002)
    assert len(found.pictures) == 12
    assert found.pictures.usable.all()
    assert found.bars == (0, 0, 0, 0)
    assert found.rate == pytest.approx(24, abs=0.05)
    assert found.chapters == ()


def test_a_film_without_sound(tmp_path: Path) -> None:
    found = read_print(film(tmp_path / "a.mkv"), OPTIONS)
    assert found.sound is None
    assert found.slow is None
    assert len(found.times) == 12


def test_sound_is_left_out_where_it_is_not_wanted(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", tones=[Tone(seconds=6)])
    options = OPTIONS.model_copy(update={"sound": False})
    assert equal(read_print(path, options), replace(read_print(path, OPTIONS), sound=None))


def test_sound_alone(tmp_path: Path) -> None:
    sound = music(0, 12)
    path = write_sound(tmp_path / "a.m4a", sound)
    found = read_print(path, OPTIONS)
    assert found.times.shape == (0,)
    assert len(found.pictures) == 0
    assert found.rate is None
    assert found.slow is None
    assert found.duration == pytest.approx(12, abs=0.1)
    assert found.sound is not None
    expected = fingerprint(sound)
    n = min(len(expected), len(found.sound))
    assert distance(found.sound.words[:n], expected.words[:n]).mean() < 3


@pytest.mark.parametrize(("rate", "slow"), [(24, False), (25, True), (30, False), (50, True)])
def test_pal_is_heard_at_the_speed_of_film_too(tmp_path: Path, rate: int, slow: bool) -> None:
    path = film(tmp_path / "a.mkv", rate=rate, tones=[Tone(seconds=6)])
    found = read_print(path, OPTIONS)
    assert found.rate == pytest.approx(rate, abs=0.05)
    assert found.sound is not None
    assert (found.slow is not None) == slow
    if found.slow is not None:
        waveform = read_waveform(path, RATE, None)
        assert waveform is not None
        assert equal(found.slow, fingerprint(waveform.samples, FILM))
        assert len(found.slow) == pytest.approx(len(found.sound) * FILM, abs=2)


def test_the_track_of_the_language_asked_for(tmp_path: Path) -> None:
    tones = [Tone(language="eng", hz=300, seconds=6), Tone(language="rus", hz=700, seconds=6)]
    path = film(tmp_path / "a.mkv", tones=tones)
    russian = read_print(path, OPTIONS.model_copy(update={"language": "rus"})).sound
    waveform = read_waveform(path, RATE, None, "rus")
    assert waveform is not None
    assert equal(russian, fingerprint(waveform.samples))
    assert not equal(russian, read_print(path, OPTIONS).sound)


def test_chapters_are_kept(tmp_path: Path) -> None:
    chapters = (("Начало", 0.0, 2.0), ("Opening", 2.0, 4.5))
    found = read_print(film(tmp_path / "a.mkv", chapters=chapters), OPTIONS)
    assert found.chapters == (
        Chapter("Начало", Segment(0.0, 2.0)),
        Chapter("Opening", Segment(2.0, 4.5)),
    )


def test_only_the_window_is_read(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", seconds=12, tones=[Tone(seconds=12)])
    options = OPTIONS.model_copy(
        update={"window_share": 0.5, "window_min": 1.0, "window_max": 900.0}
    )
    found = read_print(path, options)
    assert found.searched == pytest.approx(6, abs=0.05)
    assert found.duration == pytest.approx(12, abs=0.05)
    assert found.times.max() < found.searched
    assert len(found.times) == 12
    assert found.sound is not None
    assert len(found.sound) == pytest.approx(6 / HOP, abs=2)


def test_the_share_done_is_told_picture_by_picture(tmp_path: Path) -> None:
    shares = list[float]()
    found = read_print(film(tmp_path / "a.mkv"), OPTIONS, shares.append)
    assert len(shares) == len(found.times)
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_bars_of_the_file_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def between_bars(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        image = numbered(number, size)
        image[:12] = image[-12:] = 0
        return image

    monkeypatch.setattr(media_files, "numbered", between_bars)
    assert read_print(film(tmp_path / "a.mkv"), OPTIONS).bars == (9, 9, 0, 0)


# ------------------------------------------------------------------ what can't be read


@pytest.mark.parametrize("tones", [(), (Tone(seconds=0.2),)], ids=["mute", "heard"])
def test_too_short_a_file_is_told(tmp_path: Path, tones: Sequence[Tone]) -> None:
    path = film(tmp_path / "a.mkv", seconds=0.2, tones=tones)
    with pytest.raises(MediaError, match=r"a\.mkv: lasts 0\.\d\d s, too little to be compared"):
        read_print(path, OPTIONS)


@pytest.mark.parametrize("share", [0.2, 0.6])
@pytest.mark.parametrize("tones", [(), (Tone(seconds=30, rate=8000),)], ids=["mute", "heard"])
@pytest.mark.parametrize("sound", [True, False])
def test_a_file_that_breaks_off_is_told(
    tmp_path: Path, share: float, tones: Sequence[Tone], sound: bool
) -> None:
    path = film(tmp_path / "a.mkv", seconds=30, tones=tones)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(MediaError, match=r"a\.mkv: breaks off at (\d+) s of 30 s;") as caught:
        read_print(path, OPTIONS.model_copy(update={"sound": sound}))
    assert float(str(caught.value.values["seconds"])) == pytest.approx(30 * share, abs=4)


def test_what_breaks_off_behind_the_window_is_whole(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", seconds=30, tones=[Tone(seconds=30, rate=8000)])
    options = OPTIONS.model_copy(
        update={"window_share": 0.4, "window_min": 1.0, "window_max": 900.0}
    )
    whole = read_print(path, options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    assert equal(read_print(path, options), whole)


def test_what_is_no_media_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with pytest.raises(MediaError, match="does not exist"):
        read_print(path, OPTIONS)
    path.write_bytes(b"no film at all" * 100)
    with pytest.raises(MediaError, match=r"a\.mkv"):
        read_print(path, OPTIONS)


# ------------------------------------------------------------------ memory


def test_no_sound_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = list[weakref.ref[NDArray[np.float32]]]()

    def read(*arguments: object) -> Waveform | None:
        waveform = read_waveform(*arguments)  # type: ignore[arg-type]
        if waveform is not None:
            heard.append(weakref.ref(waveform.samples))
        return waveform

    def no_longer_there(_: float) -> None:
        assert [sound() for sound in heard] == [None]

    monkeypatch.setattr(prints_module, "read_waveform", read)
    path = film(tmp_path / "a.mkv", rate=25, tones=[Tone(seconds=6)])
    found = read_print(path, OPTIONS, no_longer_there)
    assert len(heard) == 1
    assert heard[0]() is None
    assert size(found.sound) < 16 * 6 / HOP
    assert size(found.pictures) == len(found.times) * (2 * 512 + 2 * 8 + 1)


def size(record: object) -> int:
    """Bytes of its arrays, and of what they are views of."""
    total = 0
    for field in fields(record):  # type: ignore[arg-type]
        values = getattr(record, field.name)
        while values.base is not None:
            values = values.base
        total += values.nbytes
    return total


# ------------------------------------------------------------------ on disk


def print_of(tmp_path: Path, rate: int = 25, sound: bool = True, pictures: bool = True) -> Path:
    tones = [Tone(seconds=4)] if sound else []
    made = film(
        tmp_path / "a.mkv", 4.0 if pictures else 0.0, rate, tones,
        chapters=[("Заставка", 0.0, 1.5)],
    )  # fmt: skip
    path = tmp_path / "new" / "-1_2.safetensors"
    save(read_print(made, OPTIONS), path)
    return path


@pytest.mark.parametrize("rate", [24, 25])
@pytest.mark.parametrize(("sound", "pictures"), [(True, True), (False, True), (True, False)])
def test_what_is_saved_is_read_back(tmp_path: Path, rate: int, sound: bool, pictures: bool) -> None:
    path = print_of(tmp_path, rate, sound, pictures)
    read = load(path)
    assert equal(read, read_print(tmp_path / "a.mkv", OPTIONS))
    assert (read.slow is not None) == (rate == 25 and sound and pictures)
    assert (len(read.times) > 0) == pictures
    assert b"pickle" not in path.read_bytes()


def test_arrays_that_are_views_are_saved_in_their_order(tmp_path: Path) -> None:
    whole = load(print_of(tmp_path))
    turned = replace(whole, times=np.asfortranarray(whole.times[::-1]))
    path = tmp_path / "p.safetensors"
    save(turned, path)
    assert equal(load(path), turned)


def changed(
    path: Path, meta: object = None, without: str = "", arrays: dict[str, Array] | None = None
) -> Path:
    """The print with other meta data or arrays; meta None: as they are."""
    with safe_open(path, framework="numpy") as file:
        old = file.metadata()
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    stored |= arrays or {}
    stored.pop(without, None)
    if isinstance(meta, dict):
        meta = json.loads(old["zastavka"]) | meta
    text = old["zastavka"] if meta is None else json.dumps(meta)
    save_file(stored, path, metadata={} if meta == "none" else {"zastavka": text})
    return path


DAMAGED: dict[str, tuple[object, str]] = {
    "no meta": ("none", "'zastavka'"),
    "no object": ([1], "indices"),
    "another version": ({"name": "prints/0 words/0 signatures/0"}, "made by prints/0"),
    "no name": ({"name": None}, "made by None"),
    "three bars": ({"bars": [1, 2, 3]}, "values to unpack"),
    "a duration in words": ({"duration": "long"}, "long"),
    "a chapter that ends before it begins": ({"chapters": [["x", 3.0, 2.0]]}, "not a segment"),
    "chapters of two": ({"chapters": [["x", 3.0]]}, "values to unpack"),
}


@pytest.mark.parametrize(("meta", "why"), DAMAGED.values(), ids=DAMAGED)
def test_what_can_t_be_is_told(tmp_path: Path, meta: object, why: str) -> None:
    path = changed(print_of(tmp_path), meta)
    with pytest.raises(
        FeatureError, match=rf"is no print of an episode: .*{why}.*extract it again"
    ):
        load(path)


@pytest.mark.parametrize("name", ["times", "cells", "picture_words", "sound_usable", "slow_usable"])
def test_an_array_that_is_missing_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeatureError, match=rf"is no print of an episode: '{name}'"):
        load(changed(print_of(tmp_path), without=name))


@pytest.mark.parametrize("name", ["times", "sound_usable"])
def test_arrays_of_different_lengths_are_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeatureError, match="is no print of an episode"):
        load(changed(print_of(tmp_path), arrays={name: np.zeros(3)}))


@pytest.mark.parametrize("content", [b"", b"text that is no table\n" * 9, None], ids=repr)
def test_a_file_that_is_none_or_cut_short(tmp_path: Path, content: bytes | None) -> None:
    path = print_of(tmp_path)
    path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    with pytest.raises(FeatureError, match=r"-1_2\.safetensors: is no print") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"no\.safetensors: is no print of an episode"):
        load(tmp_path / "no.safetensors")


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    made = load(print_of(tmp_path))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="can't be written"):
        save(made, tmp_path / "file" / "p.safetensors")


def test_times_and_pictures_must_be_as_many(tmp_path: Path) -> None:
    made = load(print_of(tmp_path))
    with pytest.raises(ValueError, match="7 times for 9 pictures"):
        replace(made, times=np.zeros(7))


def test_it_shows_what_it_is(tmp_path: Path) -> None:
    shown = repr(load(print_of(tmp_path, rate=24, sound=False)))
    assert shown == "EpisodePrint(4 of 4 s, None, 8 key pictures)"
