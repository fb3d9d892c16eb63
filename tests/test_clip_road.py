"""The road with `--encoder FOLDER`: dataset, train, detect, evaluate, by the command line.

The checkpoint is a CLIP of the prototype's width with tiny random towers, so the road is what is
tested, not the answers. A hub name enters at the same door (test_checkpoint).
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import checkpoints as ck
from zastavka.cli import main
from zastavka.compose import SeriesSpec, compose_series
from zastavka.detection import Detection, write_detections


@dataclass
class Command:
    """The command line in this process: each new one would import torch for ten seconds."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        self.patch.setattr(sys, "argv", ["zastavka", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = self.capture.readouterr()
        return int(stop.value.code or 0), out, err


def clock(seconds: float) -> str:
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02}:{seconds % 60:06.3f}"


def prototype_layout(truth: list[Detection], folder: Path) -> None:
    """labels.json, and <id>/<id>.mkv with ids that begin with a dash."""
    labels = {}
    for i, detection in enumerate(truth):
        name = f"-{i}_7"
        (folder / name).mkdir(parents=True)
        shutil.copy(detection.episode.path, folder / name / f"{name}.mkv")
        segment = detection.segments()[0]
        labels[name] = {
            "url": "", "name": f"show {i}", "start": clock(segment.start), "end": clock(segment.end)
        }  # fmt: skip
    (folder / "labels.json").write_text(json.dumps(labels), encoding="utf-8")


def test_baseline_recipe_on_a_clip_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    clip = ck.save_clip(tmp_path / "clip", width=768)
    spec = SeriesSpec(name="Road", seed=3, episodes=3, body=50, theme=10, fps=12, size=(96, 54))
    truth = compose_series(spec, tmp_path / "composed")
    write_detections(tmp_path / "truth.json", truth)
    prototype_layout(truth, tmp_path / "videos")
    capsys.readouterr()
    run = Command(monkeypatch, capsys)
    recipe = ("--recipe", "baseline", "--encoder", clip)
    small = ("--set", "train.epochs=1", "--set", "network.n_layers=1")

    code, _, said = run(
        "dataset", "videos/labels.json", "videos", *recipe, "--output", "dataset.pt"
    )
    assert code == 0, said
    windows = torch.load("dataset.pt", weights_only=True)
    assert {tuple(window["embeddings"].shape) for window in windows} == {(60, 768)}
    assert any(float(torch.as_tensor(window["labels"]).sum()) > 0 for window in windows)

    code, _, said = run("train", "dataset.pt", *recipe, *small)
    assert code == 0, said

    ask = ("detect", "composed", "--alone", "--model", "model", "--encoder")
    code, _, said = run(*ask, clip, "--format", "json", "--output", "found.json")
    assert code == 0, said
    answers = json.loads(Path("found.json").read_text(encoding="utf-8"))["episodes"]
    assert [answer["error"] for answer in answers] == [None] * len(truth)

    code, out, said = run("evaluate", "truth.json", "found.json", "--format", "json")
    assert code == 0, said
    assert "constant" in out

    other = ck.save_clip(tmp_path / "other", width=768, seed=1)
    capsys.readouterr()
    code, _, said = run(*ask, other)
    assert code == 1
    assert "clip:other:" in said
    assert len(said.strip().splitlines()) == 1
