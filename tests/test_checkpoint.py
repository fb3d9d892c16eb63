"""Checkpoints in their many forms, their names, and what may be wrong with them."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import checkpoints as ck
from checkpoints import PICTURES
from zastavka import vision
from zastavka.errors import MissingExtra, ModelError
from zastavka.vision import CheckpointEncoder, load_encoder

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ck.save_clip(tmp_path_factory.mktemp("whole") / "clip")


@pytest.fixture
def clip(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(whole, tmp_path / "clip")


# forms


def test_processor_settings_in_the_form_of_2021(clip: Path, whole: Path) -> None:
    """openai/clip-vit-large-patch14 still comes with sizes as bare numbers, and a pickled copy."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(clip / "model.safetensors"), clip / "pytorch_model.bin")
    (clip / "model.safetensors").unlink()
    settings = json.loads((clip / "preprocessor_config.json").read_text())
    kept = ["do_center_crop", "do_normalize", "do_resize", "image_mean", "image_std", "resample"]
    old = {key: settings[key] for key in kept} | {
        "feature_extractor_type": "CLIPFeatureExtractor",
        "crop_size": ck.EDGE,
        "size": ck.EDGE,
    }
    (clip / "preprocessor_config.json").write_text(json.dumps(old))
    new = CheckpointEncoder(str(whole)).encode(PICTURES)
    assert np.array_equal(CheckpointEncoder(str(clip)).encode(PICTURES), new)


def test_weights_in_several_files(clip: Path, whole: Path) -> None:
    import transformers as t

    model: Any = t.CLIPModel.from_pretrained(clip)
    (clip / "model.safetensors").unlink()
    model.save_pretrained(clip, max_shard_size="60KB")
    shards = sorted(clip.glob("model-*.safetensors"))
    assert len(shards) > 2
    encoder = load_encoder(str(clip))
    assert np.array_equal(encoder.encode(PICTURES), load_encoder(str(whole)).encode(PICTURES))
    shards[1].unlink()
    with pytest.raises(ModelError, match=str(clip)):
        load_encoder(str(clip))


# names


def digest(folder: Path) -> str:
    return load_encoder(str(folder)).name.rsplit(":", 1)[1]


def test_name_tells_type_folder_and_content(clip: Path, tmp_path: Path) -> None:
    name = load_encoder(str(clip)).name
    assert name.startswith("clip:clip:")
    moved = shutil.copytree(clip, tmp_path / "elsewhere" / "clip")
    assert load_encoder(str(moved)).name == name
    assert load_encoder(f"{moved}/").name == name


def test_name_changes_with_one_weight_in_the_middle(clip: Path) -> None:
    before = digest(clip)
    weights = clip / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    assert digest(clip) != before


def test_name_changes_with_the_preparation(clip: Path) -> None:
    before = digest(clip)
    ck.clip_processor(image_mean=[0.5, 0.5, 0.5]).save_pretrained(clip)
    assert digest(clip) != before


def test_hub_name_goes_the_way_of_a_folder(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub's local copy, laid out as a download leaves it."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repo = tmp_path / "hub" / "models--someone--tiny"
    shutil.copytree(clip, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    asked = no_network(monkeypatch, tmp_path / "hub")
    remote, local = load_encoder("someone/tiny"), load_encoder(str(clip))
    assert remote.name == local.name.replace("clip:clip", "clip:someone/tiny")
    assert np.array_equal(remote.encode(PICTURES), local.encode(PICTURES))
    assert len(asked) <= 1  # once per process of the hub's own; a file would be tried six times


def test_hub_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = no_network(monkeypatch, tmp_path / "hub")
    for name, subject in {"someone/else": "someone/else", "clip": vision.CLIP}.items():
        with pytest.raises(ModelError, match=rf"^{subject}: .*download the checkpoint") as error:
            load_encoder(name)
        assert "\n" not in str(error.value)
    assert len(asked) > 1
    assert capfd.readouterr() == ("", "")


def no_network(monkeypatch: pytest.MonkeyPatch, cache: Path) -> list[object]:
    """What was asked of the network, which does not answer."""
    import huggingface_hub.constants as constants

    asked: list[object] = []

    def refuse(*address: object, **_: object) -> None:
        asked.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)  # between its attempts
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    # transformers 4 keeps a copy
    monkeypatch.setattr("transformers.utils.hub.TRANSFORMERS_CACHE", str(cache), raising=False)
    return asked


@pytest.mark.parametrize("library", ["torch", "transformers", "PIL"])
def test_missing_extra(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r'^encoder .*clip.*pip install "zastavka\[clip\]"'):
        load_encoder("clip")


def test_torchvision_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path
) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="nms does not exist; pip uninstall torchvision"):
        load_encoder(str(whole))


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_processor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def junk_config(folder: Path) -> None:
    (folder / "config.json").write_text("<html>")


def junk_processor(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text("[]")


def other_type(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def unknown_type(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "of-tomorrow"}')


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def missing_part(folder: Path) -> None:
    rewrite(folder, lambda weights: weights.pop("vision_model.encoder.layers.1.mlp.fc1.weight"))


def missing_projection(folder: Path) -> None:
    rewrite(folder, lambda weights: weights.pop("visual_projection.weight"))


def nan_weight(folder: Path) -> None:
    rewrite(folder, lambda weights: weights["visual_projection.weight"].fill_(float("nan")))


def other_shape(folder: Path) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["vision_config"]["hidden_size"] = 52
    path.write_text(json.dumps(config))


def crop_unlike_the_tower(folder: Path) -> None:
    ck.clip_processor(crop_size={"height": 24, "width": 24}).save_pretrained(folder)


SPOILS: dict[Callable[[Path], None], str] = {
    no_config: "has no config.json; copy the whole checkpoint",
    no_processor: "has no preprocessor_config.json; copy the whole checkpoint",
    no_weights: "has no model.safetensors; copy the whole checkpoint",
    junk_config: "config.json can't be used",
    junk_processor: "preprocessor_config.json can't be used",
    other_type: "of type bert",
    unknown_type: "config.json can't be used",
    cut_weights: "model.safetensors can't be used",
    empty_weights: "model.safetensors can't be used",
    missing_part: "lack 1 parts, .*fc1.weight among them",
    missing_projection: "lack 1 parts, visual_projection.weight",
    nan_weight: "not numbers",
    other_shape: "model.safetensors can't be used",
    crop_unlike_the_tower: "can't be used",
}


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_spoilt_folder(clip: Path, spoil: Callable[[Path], None]) -> None:
    spoil(clip)
    with pytest.raises(ModelError, match=SPOILS[spoil]) as error:
        load_encoder(str(clip))
    assert str(error.value).startswith(str(clip))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", ["no/such/folder", "./nothing", "/nowhere/at/all"])
def test_no_such_folder(name: str) -> None:
    with pytest.raises(ModelError, match="is no folder; give a folder"):
        load_encoder(name)


def test_a_file_is_no_folder(clip: Path) -> None:
    with pytest.raises(ModelError, match="is no folder"):
        load_encoder(str(clip / "model.safetensors"))
