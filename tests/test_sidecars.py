"""Sidecars: ours are kept up to date, those of others are never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from zastavka.errors import StorageError
from zastavka.sidecars import LIST, put


def test_ours_are_written_updated_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "Ж \udcff.edl"
    steps = [("1", "written"), ("1", "same"), ("2", "written"), (None, "removed")]
    for text, outcome in [*steps, (None, "absent"), ("3", "written")]:
        assert put(path, text) == outcome
        assert (path.read_text() if path.exists() else None) == text


@pytest.mark.parametrize("text", ["ours", None])
def test_those_of_others_stay(text: str | None, tmp_path: Path) -> None:
    path, link = tmp_path / "a.edl", tmp_path / "link.edl"
    path.write_text("theirs")
    link.symlink_to(path)
    assert (put(path, text), put(link, text)) == ("foreign", "foreign")
    edited = tmp_path / "b.edl"
    put(edited, "ours")
    edited.write_text("ours, edited by a person")
    assert put(edited, text) == "foreign"
    (tmp_path / LIST).write_text("[broken")
    assert put(edited, text) == "foreign"
    assert (path.read_text(), edited.read_text()) == ("theirs", "ours, edited by a person")
    assert link.is_symlink()


def test_a_folder_that_can_not_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        put(tmp_path / "file" / "a.edl", "text")
