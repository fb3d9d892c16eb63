"""Pictures to vectors: `load_encoder` gives the built-in descriptor, or any CLIP-like checkpoint.

Checkpoints need the extra `clip`; docs/encoders.md says which work and what they cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from zastavka.checkpoint import loaded, read_checkpoint, require_libraries
from zastavka.errors import ModelError, OptionError
from zastavka.preparation import Pictures, Preparation, TheirPreparation

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], None]  # pictures done, pictures in this call
CLIP = "openai/clip-vit-large-patch14"  # the prototype's checkpoint: projected, 768 wide


class PictureEncoder(Protocol):
    """Turns pictures into vectors of one length."""

    @property
    def name(self) -> str:
        """Stored beside features: equal names mean comparable vectors."""

    @property
    def width(self) -> int:
        """Length of a vector."""

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) that pictures should be read at; None = as they are in the file."""

    def encode(self, pictures: Pictures) -> NDArray[np.float32]:
        """Pictures (h, w, 3) RGB -> (n, width)."""


def load_encoder(
    name: str, *, device: str = "auto", progress: Progress | None = None
) -> PictureEncoder:
    """'builtin', 'clip', a hub name or a folder. MissingExtra, ModelError, OptionError (device)."""
    if name == "builtin":
        from zastavka.descriptor import BuiltinDescriptor

        return BuiltinDescriptor()
    return CheckpointEncoder(CLIP if name == "clip" else name, device=device, progress=progress)


class CheckpointEncoder:
    """The picture tower of a CLIP, SigLIP or DINOv2 checkpoint; vectors of unit length.

    `precision` "auto": bf16 where the device has it, else fp32. The name does not tell which: they
    differ by less than 1e-3 in cosine.
    """

    size: tuple[int, int] | None = None

    def __init__(
        self,
        name: str,
        *,
        device: str = "auto",
        precision: Literal["auto", "fp32", "bf16"] = "auto",
        batch: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        require_libraries(name)
        self._device, self._dtype = _choose_device(device, precision)
        checkpoint = read_checkpoint(name)
        self.name = checkpoint.name
        self._progress = progress
        self._tower = checkpoint.tower.to(self._device, self._dtype).eval()
        self._output = checkpoint.output
        own = Preparation.of(checkpoint.processor)
        self._prepare = own or TheirPreparation(checkpoint.processor)
        default = 64 if self._device.type == "cuda" else 8  # 8: a CPU gains no more
        self._batch = (batch or default) if own else 1  # theirs may leave pictures of unequal size
        self.width = self._probe(name)

    def encode(self, pictures: Pictures) -> NDArray[np.float32]:
        """Pictures (h, w, 3) uint8 RGB of any size -> (n, width), unit length."""
        for picture in pictures:
            if (
                picture.dtype != np.uint8
                or picture.ndim != 3
                or picture.shape[2] != 3
                or not picture.size
            ):
                raise ValueError(f"not an RGB picture: {picture.dtype} {picture.shape}")
        vectors = np.empty((len(pictures), self.width), np.float32)
        for first in range(0, len(pictures), self._batch):
            chunk = pictures[first : first + self._batch]
            vectors[first : first + len(chunk)] = self._vectors(chunk)
            if self._progress:
                self._progress(first + len(chunk), len(pictures))
        return vectors

    def _vectors(self, pictures: Pictures) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            inputs = self._prepare(pictures, self._device)
            cast = {k: v.to(self._dtype) if v.is_floating_point() else v for k, v in inputs.items()}
            pooled = getattr(self._tower(**cast), self._output).float()
            unit: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return unit

    def _probe(self, name: str) -> int:
        """One picture through everything, so that a checkpoint that can't work says so at once."""
        grey = np.full((48, 64, 3), 127, np.uint8)
        vectors = loaded(name, "model.safetensors", lambda: self._vectors([grey]))
        if not np.isfinite(vectors).all():
            raise ModelError(
                name, "gives vectors that are not numbers", "fetch the whole checkpoint anew"
            )
        return int(vectors.shape[1])


def _choose_device(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    import torch

    usable = ["cpu", "cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if not torch.cuda.is_available():
        usable = ["cpu"]
    if device not in ("auto", *usable):
        raise OptionError(device, "is no device here", "use auto, {known}", known=", ".join(usable))
    chosen = torch.device(("cuda" if "cuda" in usable else "cpu") if device == "auto" else device)
    if precision == "auto":
        precision = "bf16" if _multiplies_bf16(chosen) else "fp32"
    return chosen, torch.bfloat16 if precision == "bf16" else torch.float32


def _multiplies_bf16(device: torch.device) -> bool:
    """Whether in hardware: emulated, it is slower than fp32."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in every torch we allow
    return bool(ask and ask())
