"""Tiny checkpoints with random weights: config, processor and weights files as a hub delivers them.

What reads a real checkpoint reads these along the same path; only the numbers mean nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGE = 32  # picture edge of the tiny towers, in pixels; patches of 8

_TRUNK = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": EDGE,
    "patch_size": 8,
}
_VISION = {**_TRUNK, "intermediate_size": 96}
_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 99,
    "max_position_embeddings": 16,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


# (height, width): landscape, portrait, square, tiny, odd, very wide, as large as its target
SIZES = [(216, 384), (301, 175), (96, 96), (5, 7), (333, 437), (40, 640), (EDGE, EDGE)]


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Edges, ramps and noise: all that a resize may get wrong."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    ramps = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1)
    ramps[(x // 3 + y // 2) % 5 == 0] = (255, 0, 128)
    noise = rng.integers(-20, 21, ramps.shape)
    result: NDArray[np.uint8] = np.clip(ramps + noise, 0, 255).astype(np.uint8)
    return result


PICTURES = [picture(h, w, seed) for seed, (h, w) in enumerate(SIZES)]


def save_clip(folder: Path, *, width: int = 24, pooled: int = 48, seed: int = 0) -> Path:
    """A whole CLIP, text tower and all; vectors of `width`, before the projection of `pooled`."""
    t = _transformers()

    _seed(seed)
    # the vision part keeps its own default projection, as some published checkpoints do
    vision = _VISION | {"hidden_size": pooled}
    config = t.CLIPConfig(text_config=_TEXT, vision_config=vision, projection_dim=width)
    return _save(folder, t.CLIPModel(config), clip_processor())


def save_clip_vision(folder: Path, *, projected: bool = True, seed: int = 0) -> Path:
    """Only the picture tower of a CLIP: vectors of 24 with its projection, else of 48."""
    t = _transformers()

    _seed(seed)
    config = t.CLIPVisionConfig(**_VISION, projection_dim=24)
    kind = t.CLIPVisionModelWithProjection if projected else t.CLIPVisionModel
    return _save(folder, kind(config), clip_processor())


def save_siglip(folder: Path, *, seed: int = 0) -> Path:
    """A whole SigLIP (fixed-size SigLIP 2 checkpoints are of this type too); vectors of 48."""
    t = _transformers()

    _seed(seed)
    config = t.SiglipConfig(text_config={**_TEXT, "projection_size": 48}, vision_config=_VISION)
    processor = _processor_class("SiglipImageProcessor")(size={"height": EDGE, "width": EDGE})
    return _save(folder, t.SiglipModel(config), processor)


def save_siglip2(folder: Path, *, seed: int = 0) -> Path:
    """A SigLIP 2 that takes pictures of any shape as a list of patches; vectors of 48."""
    t = _transformers()

    _seed(seed)
    vision = {k: v for k, v in _VISION.items() if k != "image_size"} | {"num_patches": 16}
    config = t.Siglip2Config(text_config={**_TEXT, "projection_size": 48}, vision_config=vision)
    processor = _processor_class("Siglip2ImageProcessor")(patch_size=8, max_num_patches=16)
    return _save(folder, t.Siglip2Model(config), processor)


def save_dinov2(folder: Path, *, registers: bool = False, seed: int = 0) -> Path:
    """A DINOv2, resized to more than its crop as published ones are; vectors of 48."""
    t = _transformers()

    _seed(seed)
    config, model = t.Dinov2Config(**_TRUNK, mlp_ratio=2), t.Dinov2Model
    if registers:
        config = t.Dinov2WithRegistersConfig(**_TRUNK, mlp_ratio=2, num_register_tokens=2)
        model = t.Dinov2WithRegistersModel
    processor = _processor_class("BitImageProcessor")(
        size={"shortest_edge": EDGE + 6},
        crop_size={"height": EDGE, "width": EDGE},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    return _save(folder, model(config), processor)


def clip_processor(**settings: Any) -> Any:
    """CLIP's own processor at the size of the tiny towers."""
    size = {"size": {"shortest_edge": EDGE}, "crop_size": {"height": EDGE, "width": EDGE}}
    return _processor_class("CLIPImageProcessor")(**size | settings)


def _transformers() -> Any:
    import transformers  # Any from here on: its annotations are partial

    return transformers


def _processor_class(name: str) -> Any:
    t = _transformers()

    # transformers 5 names the processors that need no torchvision apart
    return getattr(t, name + "Pil", None) or getattr(t, name)


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def _save(folder: Path, model: Any, processor: Any) -> Path:
    _spread(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _spread(model: Any) -> None:
    """Weights of unit gain: as initialised, towers give nearly the same vector for all pictures."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2 and "position" not in name:
                weight.normal_(std=weight[0].numel() ** -0.5)
