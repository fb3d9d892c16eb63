"""Tuning an encoder with a head, on tiny checkpoints with random weights and composed videos."""

from __future__ import annotations

import json
import shutil
import weakref
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import checkpoints as ck
from test_bad_input import full_disk
from test_clip_road import Command
from zastavka.compose import SeriesSpec, compose_series
from zastavka.config import BASELINE, Config
from zastavka.detection import Detection, write_detections
from zastavka.errors import DatasetError, MissingExtra, ModelError, OptionError, StorageError
from zastavka.learn.finetune import STATE, Kept, finetune
from zastavka.learn.footage import Footage
from zastavka.learn.run import Step
from zastavka.learn.tower import Tower
from zastavka.model import Head
from zastavka.vision import load_encoder


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> list[Detection]:
    folder = tmp_path_factory.mktemp("tuned")
    spec = SeriesSpec(name="Tuned", seed=3, episodes=3, body=22, theme=8, fps=4, size=(96, 54))
    return compose_series(spec, folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ck.save_clip(tmp_path_factory.mktemp("clip") / "tiny")


def config_of(clip: Path, **finetuned: object) -> Config:
    small = {"d_model": 24, "n_heads": 2, "n_layers": 1, "feedforward": 32, "dropout": 0.1,
             "window_rows": 20, "stride_rows": 20}  # fmt: skip
    train = {"epochs": 3, "batch": 2, "learning_rate": 1e-3, "keep_negative": 1.0,
             "train_stride_rows": 20, "oversample": None, "validation": 0.0}  # fmt: skip
    tables: dict[str, object] = {
        "extract": {"encoder": str(clip)}, "network": small, "train": train,
        "finetune": {"learning_rate": 3e-3, "save_steps": 2, "rank": 4, **finetuned},
    }  # fmt: skip
    return BASELINE.override(tables, "test")


def weights(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*.safetensors")}


@pytest.mark.parametrize("method", ["lora", "last"])
def test_tuning_learns_what_a_frozen_encoder_does_not_give(
    truth: list[Detection], clip: Path, tmp_path: Path, method: str
) -> None:
    base = config_of(clip, method=method, blocks=1)
    base = base.override({"train": {"epochs": 8}}, "test")
    tuned = finetune(truth, base, tmp_path / "tuned")
    # at this rate no weight of the encoder changes in fp32
    still = base.override({"finetune": {"learning_rate": 1e-30}}, "test")
    frozen = finetune(truth, still, tmp_path / "frozen")
    assert (tuned[-1].loss or 0.0) < 0.9 * (frozen[-1].loss or 0.0)
    picture = [ck.PICTURES[0]]
    vectors = [load_encoder(str(p)).encode(picture) for p in (clip, tmp_path / "frozen")]
    assert np.allclose(vectors[0], vectors[1], atol=1e-2)  # merged and encoded in other precisions
    assert not np.allclose(
        vectors[0], load_encoder(str(tmp_path / "tuned")).encode(picture), atol=1e-2
    )


@pytest.mark.parametrize("method", ["lora", "last"])
def test_a_stopped_run_goes_on_bit_for_bit(
    truth: list[Detection], clip: Path, tmp_path: Path, method: str
) -> None:
    config = config_of(clip, method=method, blocks=1)
    whole = finetune(truth, config, tmp_path / "a" / "my")

    def stop(event: object) -> None:
        if isinstance(event, Step) and (event.epoch, event.batch) == (2, 3):
            raise Stopped  # in the middle of an epoch, a step after a state

    with pytest.raises(Stopped):
        finetune(truth, config, tmp_path / "b" / "my", progress=stop)
    with pytest.raises(ModelError, match="add --resume"):
        finetune(truth, config, tmp_path / "b" / "my")
    halves = finetune(truth, config, tmp_path / "b" / "my", resume=True)
    assert [row.loss for row in whole] == [row.loss for row in halves]
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert len(first) == 2
    assert first == second
    assert not (tmp_path / "b" / "my" / STATE).exists()


def test_memory_does_not_grow_with_videos(
    truth: list[Detection], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()
    most = total = 0
    prepared = Footage.prepared

    def watched(self, prepare, n, device):  # type: ignore[no-untyped-def]
        nonlocal most, total

        def counted(pictures, device):  # type: ignore[no-untyped-def]
            nonlocal most, total
            inputs = prepare(pictures, device)
            total += len(pictures)
            for tensor in inputs.values():
                frames.add(tensor)
            most = max(most, sum(len(tensor) for tensor in frames))
            return inputs

        return prepared(self, counted, n, device)

    monkeypatch.setattr(Footage, "prepared", watched)
    found = []
    for copies in (1, 3):
        most = total = 0
        many = []
        for i in range(copies):
            for detection in truth:
                path = detection.episode.path
                again = tmp_path / f"{copies}-{i}-{path.name}"
                shutil.copy(path, again)
                many.append(replace(detection, episode=replace(detection.episode, path=again)))
        config = config_of(clip).override({"train": {"epochs": 1}}, "test")
        finetune(many, config, tmp_path / f"out{copies}")
        found.append((most, total))
    assert found[1][1] > 2 * found[0][1]
    assert found[0][0] == found[1][0] <= 20  # a window's rows


def test_the_command_makes_what_detect_uses(
    truth: list[Detection], clip: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    videos = truth[0].episode.path.parent
    write_detections(tmp_path / "truth.json", truth)
    (tmp_path / "own.toml").write_text(
        "[network]\nd_model=24\nn_heads=2\nn_layers=1\nwindow_rows=20\nstride_rows=20\n"
        "[train]\nepochs=1\nbatch=4\ntrain_stride_rows=20\nvalidation=0.0\n"
    )
    capsys.readouterr()
    run = Command(monkeypatch, capsys)
    ask = ("finetune", "truth.json", videos, "--config", "own.toml", "--encoder", clip, "--output")
    for method, files in (
        ("lora", {"adapter_config.json", "adapter_model.safetensors"}),
        ("last:1", {"config.json", "model.safetensors", "preprocessor_config.json"}),
    ):
        folder = method.replace(":", "")
        code, _, said = run(*ask, folder, "--tune", method)
        assert code == 0, said
        assert files <= {path.name for path in Path(folder).iterdir()}
        assert json.loads((Path(folder) / "model" / "metrics.json").read_text())["base"].startswith(
            "clip:tiny:"
        )
        head = Head.load(Path(folder) / "model")
        assert head.spec.encoder == load_encoder(folder).name
        detect = ("detect", videos, "--alone", "--model", f"{folder}/model")
        for encoder in ((), ("--encoder", folder)):
            code, _, said = run(*detect, *encoder, "--format", "json", "--output", "found.json")
            assert code == 0, said
        code, _, said = run(*detect, "--encoder", clip)
        assert code == 1
        assert len(said.strip().splitlines()) == 1
        assert "was trained on pictures of" in said
        code, _, said = run(*ask, folder)
        assert code == 1
        assert "holds an encoder already" in said
    code, _, said = run(*ask, "x", "--tune", "all")
    assert (code, len(said.strip().splitlines())) == (2, 1)


def test_what_cant_be_tuned_is_one_line(
    truth: list[Detection], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(clip, tmp_path / "bert")
    settings = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(settings | {"model_type": "bert"}))
    with pytest.raises(ModelError, match="is a checkpoint of type bert, not a picture encoder"):
        finetune(truth, config_of(other), tmp_path / "out")
    with pytest.raises(OptionError, match="can't be tuned"):
        finetune(truth, config_of(clip).override({"extract": {"encoder": "builtin"}}, ""), tmp_path)
    with pytest.raises(OptionError, match="more blocks than the 2"):
        finetune(truth, config_of(clip, method="last", blocks=3), tmp_path / "out")
    base = shutil.copytree(clip, tmp_path / "base")
    once = config_of(base).override({"train": {"epochs": 1}}, "test")
    finetune(truth, once, tmp_path / "mine")
    with pytest.raises(ModelError, match="is an adapter itself"):
        finetune(truth, config_of(tmp_path / "mine"), tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr("zastavka.adapter.find_spec", lambda _: None)
        with pytest.raises(MissingExtra, match=r"zastavka\[finetune\]"):
            load_encoder(str(tmp_path / "mine"))
        with pytest.raises(MissingExtra, match=r"zastavka\[finetune\]"):
            finetune(truth, config_of(base), tmp_path / "out")
    name = load_encoder(str(tmp_path / "mine")).name
    shutil.move(base, tmp_path / "gone")
    with pytest.raises(ModelError, match=r"is an adapter of .*base, which is not there"):
        load_encoder(str(tmp_path / "mine"))
    shutil.copytree(ck.save_clip(tmp_path / "other", seed=1), base)
    assert load_encoder(str(tmp_path / "mine")).name != name, "another base is another encoder"
    (tmp_path / "mine" / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"adapter_config.json can't be used"):
        load_encoder(str(tmp_path / "mine"))


def test_a_loss_that_is_no_number_stops_with_the_last_good_state(
    truth: list[Detection], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(clip)
    kept: list[Kept] = []
    seen: list[Step] = []

    def watch(event: object) -> None:
        kept.extend([event] if isinstance(event, Kept) else [])
        seen.extend([event] if isinstance(event, Step) else [])

    vectors = Tower.vectors

    def poisoned(self: Tower, window: Footage) -> torch.Tensor:
        found = vectors(self, window)
        return found * float("nan") if len(seen) == 2 else found

    with monkeypatch.context() as patch:
        patch.setattr(Tower, "vectors", poisoned)
        with pytest.raises(DatasetError, match=r"not finite in batch \d of epoch 1") as stop:
            finetune(truth, config, tmp_path / "my", progress=watch)
    assert "batch 3 of" in str(stop.value)
    assert kept[-1] == Kept(1, 2)
    lower = config.override({"finetune": {"learning_rate": 1e-4}}, "test")
    finetune(truth, lower, tmp_path / "my", resume=True)
    assert np.isfinite(Head.load(tmp_path / "my" / "model").crf.transitions).all()


def test_a_full_disk_leaves_the_state_before(
    truth: list[Detection], clip: Path, tmp_path: Path
) -> None:
    state = tmp_path / "my" / STATE
    before = b""

    def watch(event: object) -> None:
        nonlocal before
        if isinstance(event, Kept) and event.done == 2:
            before = state.read_bytes()
            disk.enter_context(full_disk())

    with ExitStack() as disk, pytest.raises(StorageError, match="be written: File too large; free"):
        finetune(truth, config_of(clip), tmp_path / "my", progress=watch)
    assert before
    assert state.read_bytes() == before
    assert [path.name for path in (tmp_path / "my").iterdir()] == [STATE]
    finetune(truth, config_of(clip), tmp_path / "my", resume=True)


def test_a_video_that_breaks_off_is_told_once_and_left_out(
    truth: list[Detection], clip: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "S01E09.mkv"
    bad.write_bytes(b"no video")
    broken = replace(truth[0], episode=replace(truth[0].episode, path=bad))
    told: list[Exception] = []
    config = config_of(clip).override({"train": {"epochs": 1}}, "test")
    finetune([*truth, broken], config, tmp_path / "my", on_problem=told.append)
    assert len(told) == 1
    assert str(bad) in str(told[0])
