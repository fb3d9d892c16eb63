from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from media_files import Film, write
from zastavka import features as features_module
from zastavka.cache import FeatureCache, content_key, default_folder
from zastavka.errors import MediaError
from zastavka.features import EpisodeFeatures
from zastavka.options import ExtractOptions

OPTIONS = ExtractOptions(step=0.5)


class Counting:
    """An encoder that counts its pictures; as bright as they are on average."""

    width, size = 1, None

    def __init__(self, name: str = "counting/1") -> None:
        self.name, self.seen = name, 0

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        self.seen += len(pictures)
        return np.array([[picture.mean()] for picture in pictures], np.float32)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write(tmp_path / "a.mkv", Film(times=tuple(i / 8 for i in range(16))))


def read(
    cache: FeatureCache, path: Path, options: ExtractOptions = OPTIONS, encoder: str = "counting/1"
) -> tuple[EpisodeFeatures, bool]:
    """Features, and whether they came from the cache."""
    counting = Counting(encoder)
    found = cache.get(path, counting, options)
    return found, counting.seen == 0


def test_a_file_is_described_once(film: Path, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "cache")
    first, again = read(cache, film), read(cache, film)
    assert [first[1], again[1]] == [False, True]
    assert first[0].picture is not None
    assert again[0].picture is not None
    np.testing.assert_array_equal(first[0].picture, again[0].picture)
    assert (first[0].grid, first[0].duration) == (again[0].grid, again[0].duration)
    assert cache.unwritable is None


def test_a_file_is_known_by_what_it_holds(film: Path, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "cache")
    read(cache, film)
    moved = film.rename(tmp_path / "other name.mkv")
    os.utime(moved, (1, 1))
    assert read(cache, moved)[1]
    write(moved, Film(times=tuple(i / 8 for i in range(20))))
    assert not read(cache, moved)[1]


@pytest.mark.parametrize(
    "change",
    [{"step": 0.25}, {"picture_at": "start"}, {"window_min": 1.0}, {"sound": False},
     {"language": "rus"}],
    ids=repr,
)  # fmt: skip
def test_other_options_are_other_features(
    film: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    cache = FeatureCache(tmp_path / "cache")
    read(cache, film)
    assert not read(cache, film, OPTIONS.model_copy(update=change))[1]
    assert read(cache, film)[1]  # the first ones are still there


def test_another_encoder_is_other_features(film: Path, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "cache")
    read(cache, film)
    assert not read(cache, film, encoder="counting/2")[1]


@pytest.mark.parametrize("damage", ["cut", "empty", "nan"])
def test_what_is_damaged_is_made_again(film: Path, tmp_path: Path, damage: str) -> None:
    cache = FeatureCache(tmp_path / "cache")
    good = read(cache, film)[0]
    [stored] = cache.folder.rglob("*.safetensors")
    if damage == "nan":
        assert good.picture is not None
        good.picture[1] = np.nan
        features_module.save(good, stored)
    else:
        stored.write_bytes(stored.read_bytes()[:-3] if damage == "cut" else b"")
    mended, was_there = read(cache, film)
    assert not was_there
    mended.check_finite("mended")
    assert read(cache, film)[1]


def test_a_folder_that_takes_no_more_stops_nothing(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.mkstemp", full)
    cache = FeatureCache(tmp_path / "cache")
    found, _ = read(cache, film)
    assert found.grid.n == 4
    assert "cache: keeps no features: No space left on device; free" in str(cache.unwritable)
    assert not list(cache.folder.rglob("*.*"))


def test_a_folder_that_is_a_file_stops_nothing(film: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    cache = FeatureCache(tmp_path / "cache")
    assert read(cache, film)[0].grid.n == 4
    assert cache.unwritable is not None
    assert (tmp_path / "cache").read_text() == "in the way"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"no\.mkv: can't be read: No such file or directory"):
        read(FeatureCache(tmp_path / "cache"), tmp_path / "no.mkv")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("place", [0, 500_000, 2_500_000, 5_000_000 - 1])
def test_beginning_middle_and_end_of_a_large_file_count(tmp_path: Path, place: int) -> None:
    content = bytearray(5_000_000)
    (tmp_path / "a").write_bytes(content)
    content[place] = 1
    (tmp_path / "b").write_bytes(content)
    (tmp_path / "c").write_bytes(content + b"\0")
    keys = {content_key(tmp_path / name) for name in "abc"}
    assert len(keys) == 3


@pytest.mark.parametrize("arrived", [0.3, 0.5, 0.52, 0.9, 0.98])
def test_a_download_of_its_full_size_is_another_file_until_it_is_whole(
    tmp_path: Path, arrived: float
) -> None:
    size = 60_000_000
    content = np.random.default_rng(0).bytes(size)
    path = tmp_path / "a.mkv"
    part, tail = int(arrived * size), content[-1_000_000:]  # the index at the end comes first
    path.write_bytes(content[:part] + bytes(size - part - len(tail)) + tail)
    early = content_key(path)
    path.write_bytes(content)
    assert content_key(path) != early


def test_where_features_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZASTAVKA_CACHE", "/somewhere/else")
    assert default_folder() == Path("/somewhere/else")
    monkeypatch.delenv("ZASTAVKA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    if os.name == "posix":
        assert default_folder() == Path("/xdg/zastavka")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert default_folder() == Path.home() / ".cache" / "zastavka"
