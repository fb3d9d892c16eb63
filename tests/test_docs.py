"""The documents: their examples run, and what they list is what is there."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from commands import FILE, commands, options, reference, spelling
from test_architecture import MODULES, ORDER, name_of
from zastavka.detection import Detection

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ru.md")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of one language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.DOTALL | re.MULTILINE)


def tracked() -> list[str]:
    """The files of the repository. Without git there is nothing that the tree could be held to."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_the_examples_of_the_api_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    examples = blocks("docs/api.md", "python")
    assert len(examples) == text_of("docs/api.md").count("```python")
    for example in examples:
        line = text_of("docs/api.md").split(example)[0].count("\n")
        # errors then name the line of the document
        exec(compile("\n" * line + example, "docs/api.md", "exec"), names)
    assert all(isinstance(result, Detection) for result in names["results"])
    assert [d.episode for d in names["truth"]] == names["episodes"]
    assert names["report"].macro()["failures"] == 0
    assert len(names["emissions"]) == len(names["probability"]) == names["features"].grid.n
    assert "constant" in capsys.readouterr().out
