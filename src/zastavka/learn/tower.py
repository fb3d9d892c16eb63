"""The picture tower of a checkpoint, made trainable: by LoRA, or its last blocks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zastavka.adapter import SETTINGS, adapted, require_peft, save_adapter
from zastavka.checkpoint import read_checkpoint, require_libraries, save_checkpoint
from zastavka.errors import ModelError, OptionError, StorageError
from zastavka.learn.footage import Footage
from zastavka.options import FinetuneOptions
from zastavka.preparation import Preparation, TheirPreparation
from zastavka.storage import ORDINARY
from zastavka.vision import CLIP, EncoderName, described


class Tower:
    """Pictures to vectors, with gradients; `name` is that of the checkpoint it began as."""

    def __init__(self, encoder: str, options: FinetuneOptions, device: torch.device) -> None:
        asked = EncoderName.parse(encoder)
        if asked.place == "builtin" or asked.pooled:
            raise OptionError(
                encoder, "can't be tuned", "give --encoder a CLIP-like checkpoint, without #pooled"
            )
        place = CLIP if asked.place == "clip" else asked.place
        if Path(place).is_dir():
            place = str(Path(place).resolve())
        require_libraries(place)
        if options.method == "lora":
            require_peft(f"LoRA of {place}")
        if options.method == "lora" and (Path(place) / SETTINGS).is_file():
            raise ModelError(
                place, "is an adapter itself", "tune the checkpoint below it, or give --tune last:2"
            )
        known = read_checkpoint(place)
        self.name, self.raw = known.name, asked.raw
        self._output, self._processor, self._options = known.output, known.processor, options
        plain = Preparation.of(known.processor)
        self._prepare = plain or TheirPreparation(known.processor)
        self._pictures = options.pictures if plain else 1
        self.device = device
        tower = known.tower.float().requires_grad_(False)
        if options.method == "lora":
            tower = adapted(tower, place, options.rank, options.alpha)
        else:
            _free_last(tower, options.blocks, place)
        # eval: nothing is drawn at random, so that gradients computed twice are the same
        self.module: Any = tower.to(device).eval()

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The weights that change, by name."""
        return {n: p for n, p in self.module.named_parameters() if p.requires_grad}

    def vectors(self, window: Footage) -> Tensor:
        """Vectors (rows, width) of a window's pictures; where they end, the last one stays.

        What lies between a picture and its vector is computed again for the gradients, some
        pictures at a time: only they are in memory at once.
        """
        parts = [
            checkpoint(self._describe, inputs, use_reentrant=False, preserve_rng_state=False)
            for inputs in window.prepared(self._prepare, self._pictures, self.device)
        ]
        found = torch.cat(parts)
        return torch.cat([found, found[-1:].expand(len(window.times) - len(found), -1)])

    @torch.no_grad()
    def rows(self, window: Footage) -> NDArray[np.float32]:
        """The same without gradients."""
        found: NDArray[np.float32] = self.vectors(window).cpu().numpy()
        return found

    def _describe(self, inputs: dict[str, Tensor]) -> Tensor:
        return described(self.module, inputs, self._output, not self.raw)

    def save(self, folder: Path) -> None:
        """Write the adapter, or the whole checkpoint; a file that is there gives way whole."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".zastavka.", dir=folder) as name:
                part = Path(name)
                if self._options.method == "lora":
                    save_adapter(self.module, part)
                else:
                    save_checkpoint(part, self.module, self._processor)
                for file in sorted(part.iterdir()):
                    file.chmod(ORDINARY)
                    os.replace(file, folder / file.name)
        except (OSError, SafetensorError) as error:  # which reports a full disk as its own error
            raise StorageError(
                folder, "can't be written: {why}", "free some space, or choose another place",
                why=getattr(error, "strerror", None) or error,
            ) from error  # fmt: skip


def _free_last(tower: nn.Module, n: int, place: str) -> None:
    """Let the last `n` blocks change, and what comes after them."""
    blocks = max(
        (m for m in tower.modules() if isinstance(m, nn.ModuleList)), key=len, default=None
    )
    if blocks is None or n > len(blocks):
        raise OptionError(
            f"last:{n}", "asks for more blocks than the {there} of {place}", "ask for fewer",
            there=0 if blocks is None else len(blocks), place=place,
        )  # fmt: skip
    after = False
    for module in tower.modules():
        if module is blocks:
            after = True
        elif after and not any(module is inner for inner in blocks.modules()):
            module.requires_grad_(True)
    for block in list(blocks)[-n:]:
        block.requires_grad_(True)
