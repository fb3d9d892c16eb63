"""The built-in model is made from nothing but introbench: the whole run, little of everything."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from zastavka.config import BUILTIN
from zastavka.learn import builtin
from zastavka.learn.builtin import Run, make
from zastavka.learn.worlds import Introbench
from zastavka.model import Head

INTROBENCH = os.environ.get("ZASTAVKA_INTROBENCH")


@pytest.mark.slow
@pytest.mark.introbench
@pytest.mark.timeout(1500)
@pytest.mark.skipif(not INTROBENCH, reason="ZASTAVKA_INTROBENCH names no folder of introbench")
def test_a_model_is_made_and_a_second_run_makes_nothing_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"seconds": 900.0, "longest": 480.0}
    halves = tuple(replace(world, **small) for world in builtin.HALVES)  # type: ignore[arg-type]
    monkeypatch.setattr(builtin, "HALVES", halves)
    monkeypatch.setattr(builtin, "JUDGED", replace(builtin.JUDGED, **small))  # type: ignore[arg-type]
    config = BUILTIN.override({"train": {"epochs": 1}}, "test")
    bench = Introbench(Path(INTROBENCH or ""), sys.executable)
    run = Run(bench, tmp_path / "work", config, 2, lambda _stage, _share: None)
    make(run, tmp_path / "model")
    head = Head.load(tmp_path / "model")
    assert head.confidence is not None
    assert {"network", "length", "floor end"} <= set(head.confidence.span.weights)
    assert "fold b" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert not list((tmp_path / "work").rglob("*.mkv"))
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.safetensors")}
    again = tmp_path / "again"
    make(run, again)
    assert made == {path: path.stat().st_mtime_ns for path in made}
    weights = "weights.safetensors"
    assert (again / weights).read_bytes() == (tmp_path / "model" / weights).read_bytes()
