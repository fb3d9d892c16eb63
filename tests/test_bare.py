"""`pip install .` and nothing else: what a person has who only wants answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from season import Learned, Series

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.bare, pytest.mark.timeout(900)]


def interpreter(version: str) -> str:
    """The path of a Python of this version, or this one's; skips the test if there is none."""
    if sys.version.startswith(version + "."):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    built = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    for found in (shutil.which(f"python{version}"), *built):  # the first may be an idle shim
        if found and not subprocess.run([found, "-c", ""], capture_output=True).returncode:
            return str(found)
    pytest.skip(f"no python{version} on this machine")


def said(*command: str | Path, **environment: str) -> str:
    """What a command prints; it must end with 0."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], env=kept | environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("version", ["3.11", "3.12"])
def test_a_bare_installation_answers(
    version: str, series: Series, learned: Learned, tmp_path: Path
) -> None:
    said(interpreter(version), "-m", "venv", tmp_path / "venv")
    bin = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    said(bin / "python", "-m", "pip", "install", "--quiet", "--no-input", ROOT)
    installed = said(bin / "python", "-m", "pip", "list", "--format", "freeze").lower()
    names = {line.split("==")[0] for line in installed.split()}
    assert "zastavka" in names
    assert not names & {"torch", "torchvision", "transformers", "onnx", "matplotlib", "pillow"}

    environment = {"ZASTAVKA_CACHE": str(tmp_path / "cache")}
    assert "detect" in said(bin / "zastavka", "--help")
    assert said(bin / "zastavka", "--version").startswith("zastavka ")
    # the catalogue and the descriptor are in what was installed, not only beside the source
    ask: tuple[str | Path, ...] = (
        "detect",
        *series.files[:1],
        "--alone",
        "--model",
        learned.model,
        "--lang",
        "ru",
    )
    assert said(bin / "zastavka", *ask, **environment).startswith("Заставка обнаружена: ")
    module = said(bin / "python", "-m", "zastavka", *ask, **environment)
    assert module.startswith("Заставка обнаружена: ")
    season = said(bin / "zastavka", "detect", series.folder, **environment)
    assert season.count("Intro found: ") == 2
    answers = said(bin / "zastavka", "detect", *series.files, *ask[2:], **environment)
    assert [line.split(": ")[1] for line in answers.splitlines()] == [
        *("Заставка обнаружена", "Заставка обнаружена", "Заставка не обнаружена"),
    ]
