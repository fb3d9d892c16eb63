"""What may befall a scan from outside: folders, files, the catalog, the disk. One line each."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from season import Answer, Series, zastavka
from test_scanning import spans
from zastavka.detection import Detection, Failure
from zastavka.episode import find_episodes
from zastavka.library.catalog import Catalog
from zastavka.library.scan import answers, keep, plan
from zastavka.search import Search


@pytest.fixture
def folder(series: Series, tmp_path: Path) -> Path:
    """The first two of three episodes."""
    place = tmp_path / "library"
    place.mkdir()
    for file in series.files[:2]:
        shutil.copy2(file, place)
    return place


def scan(*words: str | Path) -> Answer:
    return zastavka("scan", *words, "--jobs", "0", "--lang", "en")


def catalog_file() -> Path:
    return Path(os.environ["ZASTAVKA_CATALOG"])


@pytest.fixture
def locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the system refuses to list: root, who may run this, is refused nothing."""
    place = folder / "locked"
    place.mkdir()
    shutil.copy2(next(folder.glob("*.mkv")), place / "Other S01E01.mkv")
    listing = os.scandir

    def refused(path: Any = ".") -> Any:
        if os.fspath(path) == str(place):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return listing(path)

    monkeypatch.setattr(os, "scandir", refused)
    return place


def test_a_folder_that_can_t_be_listed_is_named_and_the_rest_is_done(
    folder: Path, locked: Path
) -> None:
    line = f"{locked}: can't be read: Permission denied; check its permissions"
    done = scan(folder)
    assert (done.code, done.lines) == (3, [line])
    assert "files: 2, intro: 2" in done.out
    assert len(find_episodes([folder])) == 2
    alone = scan(locked)
    assert (alone.code, alone.lines) == (1, [line])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has other permissions")
def test_a_folder_without_permissions(folder: Path) -> None:
    """The same by the real thing: in a process that is not root."""
    place = folder / "locked"
    place.mkdir(mode=0)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from zastavka.detection import files_of\n"
        "import zastavka.media\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "files, failures = files_of([Path(sys.argv[1])])\n"
        "print(len(files), *[f.error for f in failures])\n"
    )
    for each in (folder, *folder.parents[:3]):
        each.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"2 {place}: can't be read: Permission denied; check its permissions\n"
    place.chmod(0o755)


def test_a_file_that_vanishes_while_others_are_read(folder: Path, series: Series) -> None:
    gone = folder / series.files[0].name
    with Catalog(catalog_file()) as catalog:
        [task] = plan(catalog, [folder], "made").tasks
        search = Search()
        gone.unlink()
        first, second = keep(catalog, task, "made", search.find(task.season.episodes))
        assert isinstance(first, Failure)
        assert first.error == f"{gone}: is gone; scan again when it is whole"
        assert isinstance(second, Detection)
        assert len(answers(catalog, [folder])) == 1
    assert scan(folder).code == 0


@pytest.mark.skipif(os.name == "nt", reason="links need a right of their own there")
def test_links_in_circles(folder: Path) -> None:
    (folder / "round").symlink_to(folder)
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    (folder / "S01E09.mkv").symlink_to(folder / "S01E09.mkv")
    done = scan(folder)
    assert (done.code, done.err) == (0, "")
    assert "files: 2, intro: 2" in done.out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want names to be Unicode")
def test_a_name_that_is_not_utf_8_is_scanned_and_told(folder: Path, series: Series) -> None:
    name = os.fsdecode("Дом «на углу» S01E07.mkv".encode("cp1251"))
    (folder / name).write_bytes(b"no video")
    shutil.copy2(series.files[2], folder / name.replace("7.mkv", "8.mkv"))
    for _ in range(2):
        done = scan(folder, "--format", "json")
        assert done.code == 3
        [line] = done.lines
        assert "S01E07.mkv" in line
        assert len(spans(done.out)) == 4


def test_two_scans_of_one_library_at_once(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "zastavka",
        "scan",
        str(folder),
        "--format",
        "json",
        "--jobs",
        "1",
    ]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert spans(told[0]) == spans(told[1]) == spans(scan(folder, "--format", "json").out)
    assert len(spans(told[0])) == 2
    with closing(sqlite3.connect(catalog_file())) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_catalog_of_a_newer_version_is_one_line(folder: Path) -> None:
    Catalog(catalog_file()).close()
    with closing(sqlite3.connect(catalog_file())) as base:
        base.execute("PRAGMA user_version = 99")
    done = scan(folder)
    assert done.code == 1
    assert done.lines == [
        f"{catalog_file()}: is a catalog of a newer version (99); update zastavka"
    ]


def test_a_damaged_catalog_is_said_and_filled_anew(folder: Path) -> None:
    before = scan(folder, "--format", "json")
    catalog_file().write_bytes(b"no database at all" * 500)
    done = scan(folder, "--format", "json")
    assert (done.code, spans(done.out)) == (0, spans(before.out))
    [line] = done.lines
    assert line.startswith(f"{catalog_file()}: is damaged, and was moved to ")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Catalogs that may have so many pages: SQLite itself says that the disk is full."""
    pages: list[int] = []
    connecting = sqlite3.connect

    def connected(*words: Any, **named: Any) -> sqlite3.Connection:
        base: sqlite3.Connection = connecting(*words, **named)
        if pages:
            base.execute(f"PRAGMA max_page_count = {pages[0]}")
        return base

    monkeypatch.setattr(sqlite3, "connect", connected)
    return pages


def test_a_full_disk_is_one_line_and_what_was_kept_stays(
    folder: Path, series: Series, full: list[int]
) -> None:
    first = scan(folder, "--format", "json")
    shutil.copy2(series.files[2], folder)
    with closing(sqlite3.connect(catalog_file())) as base:
        [(pages,)] = base.execute("PRAGMA page_count")
    for i in range(200):  # names that fill what is left of the last page
        (folder / f"Another with a long name {i} S01E01.mkv").write_bytes(bytes([i]))
    full.append(pages)
    done = scan(folder)
    assert done.code == 1
    assert len(done.lines) == 1
    assert done.lines[0].startswith(
        f"{catalog_file()}: can't be used: database or disk is full; free some space"
    )
    full.clear()
    for file in folder.glob("Another*"):
        file.unlink()
    assert spans(scan(folder, "--format", "json").out).items() >= spans(first.out).items()


@pytest.mark.skipif(os.name == "nt", reason="there are no such limits")
def test_a_disk_that_takes_nothing_at_all(folder: Path) -> None:
    """Every file is refused beyond 20 kB, as on a disk that fills up."""
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from zastavka.cli import main\n"
        "main()\n"
    )
    words = ["scan", str(folder), "--jobs", "0", "--lang", "en"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{catalog_file()}: can't be used: ")
    assert scan(folder).code == 0
