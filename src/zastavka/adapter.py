"""A LoRA adapter in peft's own format: laid on a picture tower, written, merged when it is read.

The only module that knows peft. The base checkpoint is named in the adapter's settings.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zastavka.errors import MissingExtra, ModelError

SETTINGS = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
# linear maps to queries and values, as the towers name them: those that Hu et al. (2021) adapt
_TARGETS = r".*\.(q_proj|v_proj|query|value)"


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a folder says: the checkpoint below it, and its weights."""

    folder: Path
    base: str  # a hub name or a folder
    weights: Path

    def identity(self, base: str) -> str:
        """12 hex digits over those of the base and every byte of the adapter."""
        total = hashlib.sha256(base.encode())
        for path in (self.folder / SETTINGS, self.weights):
            total.update(path.read_bytes())
        return total.hexdigest()[:12]


def find_adapter(name: str) -> Adapter | None:
    """The adapter in a folder; None: there is none. ModelError: damaged, or its base is gone."""
    folder = Path(name)
    if not (folder / SETTINGS).is_file():
        return None
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        base, kind = settings["base_model_name_or_path"], settings["peft_type"]
        if not isinstance(base, str) or kind != "LORA":
            raise TypeError(f"a base {base!r}, an adapter of type {kind!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            name, "{file} can't be used: {why}", "copy the whole adapter there anew",
            file=SETTINGS, why=error,
        ) from error  # fmt: skip
    weights = [folder / file for file in _WEIGHTS if (folder / file).is_file()]
    if not weights:
        raise ModelError(name, "has no {file}", "copy the whole adapter there", file=_WEIGHTS[0])
    _check_base(folder, base)
    return Adapter(folder, base, weights[0])


def _check_base(folder: Path, base: str) -> None:
    place = Path(base)
    # a hub name is owner/name; whether it is there shows when it is read
    if not place.is_dir() and (place.is_absolute() or base.startswith(".") or base.count("/") > 1):
        raise ModelError(
            folder, "is an adapter of {base}, which is not there",
            "put that checkpoint back, or name its place in {file}", base=base, file=SETTINGS,
        )  # fmt: skip
    if (place / SETTINGS).is_file():
        raise ModelError(
            folder, "is an adapter of {base}, an adapter itself",
            "tune the checkpoint below it", base=base,
        )  # fmt: skip


def require_peft(what: str) -> None:
    """MissingExtra unless peft is installed."""
    if find_spec("peft") is None:
        raise MissingExtra("finetune", what)


def adapted(tower: Any, base: str, rank: int, alpha: int) -> Any:
    """The tower with LoRA matrices beside its queries and values; they alone can be trained."""
    import peft

    settings = peft.LoraConfig(
        r=rank, lora_alpha=alpha, target_modules=_TARGETS, base_model_name_or_path=base
    )
    with _quiet():
        wrapped = peft.get_peft_model(tower, settings)
    # peft takes the name that transformers remembers
    wrapped.peft_config["default"].base_model_name_or_path = base
    return wrapped


def save_adapter(wrapped: Any, folder: Path) -> None:
    """Write the adapter alone, in peft's format."""
    with _quiet():
        # else peft asks the hub whether the base has other words by now
        wrapped.save_pretrained(folder, save_embedding_layers=False)


def merged(adapter: Adapter, tower: Any) -> Any:
    """The tower with the adapter's product added to its weights, in fp32."""
    import peft

    with _quiet():
        # weights that the adapter's settings promise and its file lacks would stay random
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        wrapped = peft.PeftModel.from_pretrained(tower.float(), str(adapter.folder))
        return wrapped.merge_and_unload()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings: peft asks transformers by names that this one calls old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
