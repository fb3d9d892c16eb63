"""What stands in the way of a test that needs a program, and what `.ci/run` does about it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from programs import program

RUN = Path(__file__).parents[1] / ".ci" / "run"
NAMES = ("mpv", "mkvmerge", "ffmpeg", "chromium")


def test_a_missing_program_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        program("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed"):
        program("no-such-program")
    assert Path(program("sh")).is_file()


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(stat.S_IRWXU)


def ran(folder: Path) -> subprocess.CompletedProcess[str]:
    """`.ci/run` where nothing but a few programs and those in the folder can be found."""
    for name in ("bash", "dirname", "sh", "mktemp", "cat", "rm"):
        path = shutil.which(name)
        assert path is not None
        (folder / name).symlink_to(path)
    script(folder, "make", 'echo "made $1"')
    words = {"PATH": str(folder), "ZASTAVKA_INTROBENCH": "somewhere", "ZASTAVKA_VK_LABELS": "there"}
    return subprocess.run(
        [folder / "bash", RUN], env=words, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(os.name == "nt", reason="CI runs where there is a shell")
@pytest.mark.parametrize("user", [0, 1000])
def test_ci_installs_what_is_missing_as_root_alone(user: int, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    script(tmp_path, "id", f"echo {user}")
    script(tmp_path, "apt-get", f'echo "$*" >> "{asked}"')
    for name in NAMES[1:]:
        script(tmp_path, name, "")
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (0, "made test\n")
    words = asked.read_text() if asked.exists() else ""
    assert ("install" in words) == (user == 0)
    assert ("mpv" in words, "chromium" in words) == (user == 0, False)


@pytest.mark.skipif(os.name == "nt", reason="CI runs where there is a shell")
def test_ci_says_that_apt_failed_and_goes_on(tmp_path: Path) -> None:
    script(tmp_path, "id", "echo 0")
    script(tmp_path, "apt-get", 'echo "no network"; exit 100')
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (0, "made test\n")
    assert "mpv mkvtoolnix ffmpeg chromium" in done.stderr
    assert "no network" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="CI runs where there is a shell")
def test_ci_leaves_apt_alone_where_all_is_there(tmp_path: Path) -> None:
    for name in NAMES:
        script(tmp_path, name, "")
    script(tmp_path, "apt-get", "exit 100")
    script(tmp_path, "id", "echo 0")
    done = ran(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "made test\n", "")
