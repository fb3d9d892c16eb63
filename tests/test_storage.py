from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from zastavka.errors import StorageError
from zastavka.storage import replacing, write_text


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    write_text(path, "заставка\n")
    assert path.read_bytes() == "заставка\n".encode()
    assert os.listdir(path.parent) == ["file.txt"]


def test_a_name_that_is_no_unicode_stops_nothing(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "S\udce9rie/1.mkv")
    assert (tmp_path / "file.txt").read_text("utf-8") == "S\\udce9rie/1.mkv"


def test_a_run_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half() -> None:
        with replacing(path) as part:
            part.write_text("ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_the_part_keeps_the_suffix(tmp_path: Path) -> None:
    # writers such as numpy's add a suffix of their own where the name has none
    with replacing(tmp_path / "rows.npz") as part:
        assert part.suffix == ".npz"
        assert part.parent == tmp_path
        part.write_bytes(b"rows")
    assert (tmp_path / "rows.npz").read_bytes() == b"rows"


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    name = "Ы" * 125 + ".txt"  # 254 bytes
    write_text(tmp_path / name, "text")
    assert os.listdir(tmp_path) == [name]


def test_two_writers_never_share_a_part(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with replacing(path) as one, replacing(path) as two:
        assert one != two
        one.write_text("one")
        two.write_text("two")
    assert path.read_text() == "one"  # the outer one is renamed last
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")]
    assert modes[0] == modes[1]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fill() -> None:
        with replacing(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageError, match=r"file\.txt: can't be written: No space left") as caught:
        fill()
    assert "free some space" in str(caught.value)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_place_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        write_text(tmp_path / "file" / "below.txt", "")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="can't be written"):
        write_text(tmp_path / "folder", "")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
