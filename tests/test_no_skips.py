from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

TESTS = """
import pytest

def test_other():
    pytest.skip("not of the benchmark")

@pytest.mark.introbench
def test_passes():
    pass

@pytest.mark.introbench
@pytest.mark.skipif(True, reason="no benchmark")
def test_by_mark():
    pass

@pytest.mark.introbench
def test_by_call():
    pytest.skip("no benchmark")
"""


def run(folder: Path, *options: str) -> tuple[int, dict[str, str]]:
    (folder / "test_some.py").write_text(TESTS)
    settings = ["-c", str(HERE.parent / "pyproject.toml"), "-p", "no:cacheprovider", "-v"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, *options, str(folder)],
        capture_output=True, text=True, check=False,
        # CI itself loads the plug-in through PYTEST_ADDOPTS
        env=os.environ | {"PYTHONPATH": str(HERE), "PYTEST_ADDOPTS": ""},
    )  # fmt: skip
    return done.returncode, dict(re.findall(r"::(\w+) ([A-Z]+)", done.stdout))


def test_a_skipped_test_of_the_benchmark_fails(tmp_path: Path) -> None:
    code, outcomes = run(tmp_path, "-p", "no_skips")
    assert code == 1
    assert outcomes["test_other"] == "SKIPPED"
    assert outcomes["test_passes"] == "PASSED"
    assert {outcomes["test_by_mark"], outcomes["test_by_call"]} <= {"ERROR", "FAILED"}
    code, outcomes = run(tmp_path)
    assert code == 0
    assert outcomes["test_by_mark"] == "SKIPPED"


@pytest.mark.skipif(os.name == "nt", reason="CI runs where there is a shell")
def test_ci_loads_it_where_the_benchmark_is(tmp_path: Path) -> None:
    (tmp_path / "make").write_text('#!/bin/sh\necho "$PYTEST_ADDOPTS|$PYTHONPATH"\n')
    for program in ("make", "mpv", "mkvmerge", "ffmpeg", "chromium"):
        (tmp_path / program).touch()  # so that none is installed
        (tmp_path / program).chmod(stat.S_IRWXU)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTEST_ADDOPTS": "", "PYTHONPATH": "",
        "ZASTAVKA_INTROBENCH": "somewhere", "ZASTAVKA_VK_LABELS": "elsewhere",
    }  # fmt: skip
    command = ["bash", str(HERE.parent / ".ci" / "run")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f" -p no_skips|{HERE}\n"
