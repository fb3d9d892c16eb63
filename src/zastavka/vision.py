"""Pictures to vectors: `load_encoder` gives the built-in descriptor, or any CLIP-like checkpoint.

Checkpoints need the extra `clip`; docs/encoders.md says which work and what they cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from zastavka.checkpoint import loaded, read_checkpoint, require_libraries
from zastavka.errors import ModelError, OptionError
from zastavka.preparation import Pictures, Preparation, TheirPreparation

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], None]  # pictures done, pictures in this call
CLIP = "openai/clip-vit-large-patch14"  # the prototype's checkpoint: projected, 768 wide


@dataclass(frozen=True, slots=True)
class EncoderName:
    """What `--encoder` says: a place, and after a # which of the checkpoint's vectors.

    "pooled": before the projection; "raw": not scaled to unit length. The prototype's code took
    "pooled,raw".
    """

    place: str  # 'builtin', 'clip', a hub name or a folder
    pooled: bool = False
    raw: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of a string; a # followed by other words belongs to the place."""
        place, _, words = text.rpartition("#")
        chosen = set(words.split(","))
        if not place or not chosen <= {"pooled", "raw"}:
            return cls(text)
        return cls(place, "pooled" in chosen, "raw" in chosen)

    def __str__(self) -> str:
        words = [word for word in ("pooled", "raw") if getattr(self, word)]
        return self.place + ("#" + ",".join(words) if words else "")


def with_variant_of(name: str, trained: str) -> str:
    """`name`, with the choice of vectors that `trained` makes if it makes none itself."""
    asked, model = EncoderName.parse(name), EncoderName.parse(trained)
    if asked.pooled or asked.raw or asked.place == "builtin":
        return name
    return str(EncoderName(asked.place, model.pooled, model.raw))


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
    """By what `EncoderName` understands. MissingExtra, ModelError, OptionError (device)."""
    if name == "builtin":
        from zastavka.descriptor import BuiltinDescriptor

        return BuiltinDescriptor()
    asked = EncoderName.parse(name)
    return CheckpointEncoder(
        CLIP if asked.place == "clip" else asked.place,
        output="pooled" if asked.pooled else "projected",
        scaled=not asked.raw,
        device=device,
        progress=progress,
    )


class CheckpointEncoder:
    """The picture tower of a CLIP, SigLIP or DINOv2 checkpoint.

    `output` "pooled" is what stands before a CLIP's projection; checkpoints without a projection
    have that alone. `scaled`: to unit length. Both are part of the name.
    `precision` "auto": bf16 where the device has it, else fp32. The name does not tell which: they
    differ by less than 1e-3 in cosine.
    """

    size: tuple[int, int] | None = None

    def __init__(
        self,
        name: str,
        *,
        output: Literal["projected", "pooled"] = "projected",
        scaled: bool = True,
        device: str = "auto",
        precision: Literal["auto", "fp32", "bf16"] = "auto",
        batch: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        require_libraries(name)
        self._device, self._dtype = choose_device(device, precision)
        checkpoint = read_checkpoint(name, pooled=output == "pooled")
        own = EncoderName.parse(checkpoint.name)
        self.name = str(EncoderName(own.place, own.pooled, raw=not scaled))
        self._scaled = scaled
        self._progress = progress
        self._tower = checkpoint.tower.to(self._device, self._dtype).eval()
        self._output = checkpoint.output
        plain = Preparation.of(checkpoint.processor)
        self._prepare = plain or TheirPreparation(checkpoint.processor)
        default = 64 if self._device.type == "cuda" else 8  # 8: a CPU gains no more
        self._batch = (
            (batch or default) if plain else 1
        )  # theirs may leave pictures of unequal size
        self.width = self._probe(name)

    def encode(self, pictures: Pictures) -> NDArray[np.float32]:
        """Pictures (h, w, 3) uint8 RGB of any size -> (n, width)."""
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
            vectors = described(self._tower, cast, self._output, self._scaled)
            found: NDArray[np.float32] = vectors.cpu().numpy()
        return found

    def _probe(self, name: str) -> int:
        """One picture through everything, so that a checkpoint that can't work says so at once."""
        grey = np.full((48, 64, 3), 127, np.uint8)
        vectors = loaded(name, "model.safetensors", lambda: self._vectors([grey]))
        if not np.isfinite(vectors).all():
            raise ModelError(
                name, "gives vectors that are not numbers", "fetch the whole checkpoint anew"
            )
        return int(vectors.shape[1])


def described(
    tower: torch.nn.Module, inputs: dict[str, torch.Tensor], output: str, scaled: bool
) -> torch.Tensor:
    """Vectors (n, width) fp32 of prepared pictures: the one path of learning and answering."""
    import torch

    vectors: torch.Tensor = getattr(tower(**inputs), output).float()
    return torch.nn.functional.normalize(vectors, dim=-1) if scaled else vectors


def choose_device(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    """Where to compute, and in what. OptionError: no such device here."""
    import torch

    usable = ["cpu", "cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if not torch.cuda.is_available():
        usable = ["cpu"]
    if device not in ("auto", *usable):
        raise OptionError(device, "is no device here", "use auto, {known}", known=", ".join(usable))
    chosen = torch.device(("cuda" if "cuda" in usable else "cpu") if device == "auto" else device)
    if precision == "auto":
        precision = "bf16" if multiplies_bf16(chosen) else "fp32"
    return chosen, torch.bfloat16 if precision == "bf16" else torch.float32


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware: emulated, it is slower than fp32."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in every torch we allow
    return bool(ask and ask())


@dataclass(frozen=True, slots=True)
class Cards:
    """What torch makes of the graphics cards here."""

    built_for: str | None  # such as "CUDA 12.8"; None: this torch knows CPUs alone
    names: tuple[str, ...]


def cards() -> Cards:
    """The graphics cards that torch can use."""
    import torch

    cuda, rocm = torch.version.cuda, torch.version.hip
    built_for = f"CUDA {cuda}" if cuda else f"ROCm {rocm}" if rocm else None
    there = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return Cards(built_for, tuple(torch.cuda.get_device_name(i) for i in there))
