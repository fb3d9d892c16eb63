"""Oracles: transformers' own processors and whole models, on tiny checkpoints saved to disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import checkpoints as ck
from checkpoints import PICTURES
from zastavka import vision
from zastavka.errors import OptionError
from zastavka.preparation import TheirPreparation
from zastavka.vision import CheckpointEncoder, EncoderName, load_encoder, with_variant_of

pytest.importorskip("torch")
pytest.importorskip("transformers")

MAKERS: dict[str, Callable[[Path], Path]] = {
    "clip": ck.save_clip,
    "clip-vision": ck.save_clip_vision,
    "clip-bare": lambda folder: ck.save_clip_vision(folder, projected=False),
    "siglip": ck.save_siglip,
    "siglip2": ck.save_siglip2,
    "dinov2": ck.save_dinov2,
    "dinov2-registers": lambda folder: ck.save_dinov2(folder, registers=True),
}
WIDTHS = {"clip": 24, "clip-vision": 24} | dict.fromkeys(
    ["clip-bare", "siglip", "siglip2", "dinov2", "dinov2-registers"], 48
)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {name: make(root / name) for name, make in MAKERS.items()}


@pytest.fixture
def clip(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(folders["clip"], tmp_path / "clip")


def their_vectors(folder: Path, pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """By transformers alone: its Auto classes, the whole model in fp32, its own processor."""
    import torch
    import transformers as t

    loud: Any = t.utils.logging
    loud.set_verbosity_error()
    model: Any = t.AutoModel.from_pretrained(folder, dtype=torch.float32)
    auto: Any = t.AutoImageProcessor
    processor = auto.from_pretrained(folder)
    kind = model.config.model_type
    if kind == "clip_vision_model" and "Projection" in model.config.architectures[0]:
        model = t.CLIPVisionModelWithProjection.from_pretrained(folder)
    model.eval()
    rows = []
    with torch.inference_mode():
        for one in pictures:
            inputs = processor(images=one, return_tensors="pt", input_data_format="channels_last")
            if hasattr(model, "get_image_features"):
                out = model.get_image_features(**inputs)
            else:
                out = model(**inputs)
            embeds = getattr(out, "image_embeds", None)
            pooled = (
                out if torch.is_tensor(out) else out.pooler_output if embeds is None else embeds
            )
            rows.append(pooled[0].numpy())
    vectors = np.stack(rows)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = (a * b).sum(axis=1)
    return result


@pytest.mark.parametrize("family", MAKERS)
def test_vectors_are_those_of_transformers(folders: dict[str, Path], family: str) -> None:
    encoder = CheckpointEncoder(str(folders[family]), precision="fp32", batch=3)
    mine, theirs = encoder.encode(PICTURES), their_vectors(folders[family], PICTURES)
    assert mine.shape == theirs.shape == (len(PICTURES), WIDTHS[family])
    assert encoder.width == WIDTHS[family]
    assert mine.dtype == np.float32
    assert np.linalg.norm(mine, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert cosines(mine, theirs).min() > 0.9999
    # the comparison means something: other pictures lie further away than that
    assert np.triu(theirs @ theirs.T, 1).max() < 0.999


def test_a_checkpoint_with_other_settings_works_all_the_same(clip: Path) -> None:
    ck.clip_processor(resample=1).save_pretrained(clip)
    encoder = CheckpointEncoder(str(clip), precision="fp32")
    assert isinstance(encoder._prepare, TheirPreparation)
    assert cosines(encoder.encode(PICTURES), their_vectors(clip, PICTURES)).min() > 0.99999


@pytest.mark.parametrize("family", MAKERS)
def test_bf16_stays_close_to_fp32(folders: dict[str, Path], family: str) -> None:
    fine = CheckpointEncoder(str(folders[family]), precision="fp32").encode(PICTURES)
    encoder = CheckpointEncoder(str(folders[family]), precision="bf16")
    coarse = encoder.encode(PICTURES)
    assert coarse.dtype == np.float32
    assert np.linalg.norm(coarse, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert cosines(fine, coarse).min() > 0.999
    assert not np.array_equal(fine, coarse)


def their_pooled(folder: Path) -> NDArray[np.float32]:
    """What the prototype's code took: of the picture tower alone, as it comes out."""
    import torch
    import transformers as t

    loud: Any = t.utils.logging
    loud.set_verbosity_error()
    model: Any = t.CLIPVisionModel.from_pretrained(folder, dtype=torch.float32)
    auto: Any = t.AutoImageProcessor
    processor = auto.from_pretrained(folder)
    with torch.inference_mode():
        rows = [
            model.eval()(**processor(images=Image.fromarray(one), return_tensors="pt"))
            for one in PICTURES
        ]
    vectors: NDArray[np.float32] = np.stack([row.pooler_output[0].numpy() for row in rows])
    return vectors


@pytest.mark.parametrize("family", ["clip", "clip-vision", "clip-bare"])
def test_vectors_as_the_prototypes_code_took_them(folders: dict[str, Path], family: str) -> None:
    encoder = CheckpointEncoder(
        str(folders[family]), output="pooled", scaled=False, precision="fp32"
    )
    mine, theirs = encoder.encode(PICTURES), their_pooled(folders[family])
    assert mine.shape == theirs.shape == (len(PICTURES), 48)
    assert np.linalg.norm(mine - theirs, axis=1).max() < 0.02 * np.linalg.norm(theirs, axis=1).min()
    assert np.linalg.norm(theirs, axis=1).min() > 2  # lengths say something


def test_which_vectors_is_part_of_the_string_and_of_the_name(folders: dict[str, Path]) -> None:
    folder = str(folders["clip"])
    plain = load_encoder(folder)
    for text, width, unit in (
        ("#raw", 24, False), ("#pooled", 48, True), ("#pooled,raw", 48, False)
    ):  # fmt: skip
        encoder = load_encoder(folder + text)
        assert encoder.name == plain.name + text
        vectors = encoder.encode(PICTURES[:2])
        assert vectors.shape == (2, width)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5) == unit
    # a checkpoint without a projection has no other vectors
    bare = str(folders["dinov2"])
    assert load_encoder(f"{bare}#pooled").name == load_encoder(bare).name


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("clip", EncoderName("clip")),
        ("a/b#raw", EncoderName("a/b", raw=True)),
        ("/x/y#raw,pooled", EncoderName("/x/y", pooled=True, raw=True)),
        ("/x/tower#1", EncoderName("/x/tower#1")),
        ("/x/tower#1#pooled", EncoderName("/x/tower#1", pooled=True)),
        ("#raw", EncoderName("#raw")),
        ("a#", EncoderName("a#")),
    ],
)
def test_encoder_names(text: str, parsed: EncoderName) -> None:
    assert EncoderName.parse(text) == parsed
    assert EncoderName.parse(str(parsed)) == parsed


def test_another_copy_of_an_encoder_gives_the_vectors_that_the_model_knows() -> None:
    assert with_variant_of("/copy", "clip#pooled,raw") == "/copy#pooled,raw"
    assert with_variant_of("/copy#raw", "clip#pooled,raw") == "/copy#raw"
    assert with_variant_of("/copy", "clip") == "/copy"
    assert with_variant_of("builtin", "clip#raw") == "builtin"


def test_builtin_needs_no_checkpoint() -> None:
    encoder = load_encoder("builtin")
    assert encoder.name.startswith("builtin/")
    assert encoder.size is not None


def test_batches_progress_and_order(folders: dict[str, Path]) -> None:
    seen: list[tuple[int, int]] = []
    encoder = CheckpointEncoder(
        str(folders["dinov2"]), batch=3, precision="fp32", progress=lambda *at: seen.append(at)
    )
    vectors = encoder.encode(PICTURES)
    assert seen == [(3, 7), (6, 7), (7, 7)]
    alone = np.concatenate([encoder.encode([one]) for one in PICTURES])
    assert np.allclose(vectors, alone, atol=1e-5)
    assert encoder.encode([]).shape == (0, 48)


def test_views_and_readonly_pictures(folders: dict[str, Path]) -> None:
    encoder = load_encoder(str(folders["clip"]))
    frozen = PICTURES[0].copy()
    frozen.flags.writeable = False
    mirrored = PICTURES[0][:, ::-1]
    expected = encoder.encode([PICTURES[0], mirrored.copy()])
    assert np.array_equal(encoder.encode([frozen, mirrored]), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_not_a_picture(folders: dict[str, Path], wrong: Any) -> None:
    with pytest.raises(ValueError, match="not an RGB picture"):
        load_encoder(str(folders["clip"])).encode([wrong])


def test_loading_is_silent_and_leaves_transformers_as_it_was(
    folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    import transformers as t

    logging: Any = t.utils.logging
    logging.set_verbosity_warning()
    logging.enable_progress_bar()
    load_encoder(str(folders["clip"]))
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == logging.WARNING
    assert logging.is_progress_bar_enabled()


@pytest.mark.parametrize("fast", [True, False])
def test_precision_follows_the_device(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    import torch

    monkeypatch.setattr(vision, "multiplies_bf16", lambda _device: fast)
    encoder = CheckpointEncoder(str(folders["clip"]), device="cpu")
    assert encoder._dtype == (torch.bfloat16 if fast else torch.float32)


@pytest.mark.parametrize("device", ["tpu", "cuda:99", "meta", ""])
def test_no_such_device(folders: dict[str, Path], device: str) -> None:
    with pytest.raises(OptionError, match="use auto, cpu"):
        load_encoder(str(folders["clip"]), device=device)


def test_import_brings_no_torch() -> None:
    code = (
        "import sys, zastavka.vision; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
