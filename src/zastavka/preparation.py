"""What is done to a picture before a checkpoint sees it: resize, centre crop, normalise.

The settings are the checkpoint's own (preprocessor_config.json, as transformers resolves
them). Needs the extra `clip`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Pictures = Sequence[NDArray[np.uint8]]  # each (h, w, 3) RGB

# transformers' processors that do these steps and no others, whatever backend they run on
_PLAIN = {"CLIPImageProcessor", "SiglipImageProcessor", "BitImageProcessor", "ViTImageProcessor"}
_MODES = {2: "bilinear", 3: "bicubic"}  # Pillow's numbers of its filters


@dataclass(frozen=True, slots=True)
class Preparation:
    """The steps with tensors; pixels are Pillow's within one level of 255.

    Enlarged pictures may be two levels off in single pixels: the two round in 16 and in 22 bits.
    """

    size: int | tuple[int, int]  # shortest edge, or (height, width)
    mode: str
    crop: tuple[int, int] | None  # (height, width)
    scale: tuple[float, ...]  # factor on a level 0..255, per channel
    shift: tuple[float, ...]

    @classmethod
    def of(cls, processor: Any) -> Self | None:
        """None for settings not covered: another filter, padding, a processor with other steps."""
        kind = type(processor).__name__.removesuffix("Pil").removesuffix("Fast")
        if kind not in _PLAIN or not processor.do_resize or getattr(processor, "do_pad", None):
            return None
        size, mode = _edges(processor.size), _MODES.get(processor.resample)
        cropped = getattr(processor, "do_center_crop", None)
        crop = _edges(processor.crop_size) if cropped else None
        if size is None or mode is None or not _fits(size, crop):
            return None
        factor = processor.rescale_factor if processor.do_rescale else 1.0
        mean = processor.image_mean if processor.do_normalize else (0.0, 0.0, 0.0)
        std = processor.image_std if processor.do_normalize else (1.0, 1.0, 1.0)
        scale = tuple(factor / s for s in std)
        shift = tuple(-m / s for m, s in zip(mean, std, strict=True))
        return cls(size, mode, crop if isinstance(crop, tuple) else None, scale, shift)

    def __call__(self, pictures: Pictures, device: torch.device) -> dict[str, torch.Tensor]:
        """Inputs of the tower: pixel_values (n, 3, h, w) float32."""
        import torch

        pixels = torch.stack([self._resized(picture) for picture in pictures]).to(device)
        scale = torch.tensor(self.scale, device=device)[:, None, None]
        shift = torch.tensor(self.shift, device=device)[:, None, None]
        return {"pixel_values": pixels.float().mul_(scale).add_(shift)}

    def _resized(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        import torch

        # torch warns of an array that can't be written to, and refuses negative strides
        tensor = torch.from_numpy(np.require(picture, requirements=["C", "W"]))
        small = torch.nn.functional.interpolate(
            tensor.permute(2, 0, 1)[None],
            size=self._target(picture.shape[0], picture.shape[1]),
            mode=self.mode,
            antialias=True,
        )[0]
        if self.crop is None:
            return small
        height, width = self.crop
        top, left = (small.shape[1] - height) // 2, (small.shape[2] - width) // 2
        return small[:, top : top + height, left : left + width]

    def _target(self, height: int, width: int) -> tuple[int, int]:
        if isinstance(self.size, tuple):
            return self.size
        # transformers rounds the longer edge down, after this very product and division
        longer = int(self.size * max(height, width) / min(height, width))
        return (longer, self.size) if width <= height else (self.size, longer)


@dataclass(frozen=True, slots=True)
class TheirPreparation:
    """The checkpoint's own processor, whatever it does; slower."""

    processor: Any

    def __call__(self, pictures: Pictures, device: torch.device) -> dict[str, torch.Tensor]:
        """Inputs of the tower, named as it wants them."""
        batch = self.processor(
            images=list(pictures), return_tensors="pt", input_data_format="channels_last"
        )
        return {key: value.to(device) for key, value in batch.items()}


def _edges(size: Any) -> int | tuple[int, int] | None:
    named = dict(size or {})
    if set(named) == {"shortest_edge"}:
        return int(named["shortest_edge"])
    if set(named) == {"height", "width"}:
        return int(named["height"]), int(named["width"])
    return None


def _fits(size: int | tuple[int, int], crop: int | tuple[int, int] | None) -> bool:
    """Whether results all have one size, without padding."""
    if crop is None:
        return isinstance(size, tuple)
    height, width = size if isinstance(size, tuple) else (size, size)
    return isinstance(crop, tuple) and crop[0] <= height and crop[1] <= width
