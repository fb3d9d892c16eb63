"""A CLIP-like checkpoint, from the hub or a folder: its picture tower, processor and identity.

The only module that knows transformers. The text tower is never built.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from zastavka.adapter import find_adapter, merged, require_peft
from zastavka.errors import MissingExtra, ModelError, first_line

T = TypeVar("T")

_POOLED = "pooler_output"
# config.model_type -> (class of the picture tower, which of its outputs is the vector)
_TOWERS = {
    "clip": ("CLIPVisionModelWithProjection", "image_embeds"),
    "clip_vision_model": ("CLIPVisionModelWithProjection", "image_embeds"),
    "siglip": ("SiglipVisionModel", _POOLED),
    "siglip_vision_model": ("SiglipVisionModel", _POOLED),
    "siglip2": ("Siglip2VisionModel", _POOLED),
    "siglip2_vision_model": ("Siglip2VisionModel", _POOLED),
    "dinov2": ("Dinov2Model", _POOLED),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", _POOLED),
}
_WEIGHTS = (
    "model.safetensors", "model.safetensors.index.json",
    "pytorch_model.bin", "pytorch_model.bin.index.json",
)  # fmt: skip
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What an encoder needs of it."""

    name: str  # "type:label:hash", and "#pooled" where that is another vector than by default
    tower: Any  # torch.nn.Module, in the precision of its file
    output: str  # which output of the tower is the vector
    processor: Any  # transformers' image processor


def read_checkpoint(name: str, pooled: bool = False) -> Checkpoint:
    """From a hub name or a folder, along one path; an adapter is merged into its base. ModelError.

    `pooled`: the vector before the projection, where there is one.
    """
    adapter = find_adapter(name)
    if adapter:
        require_peft(f"adapter {name}")
    base = adapter.base if adapter else name
    _check_place(base)
    with _quiet():
        config = loaded(base, "config.json", lambda: _config(base))
        processor = loaded(base, _PROCESSORS[0], lambda: _processor(base))
        tower, output = loaded(base, _WEIGHTS[0], lambda: _tower(base, config))
        identity = loaded(base, _WEIGHTS[0], lambda: _identity(base))
        if adapter:
            laid = adapter
            tower = loaded(name, laid.weights.name, lambda: merged(laid, tower))
            identity = loaded(name, laid.weights.name, lambda: laid.identity(identity))
    label = Path(name).resolve().name if Path(name).is_dir() else name
    own = f"{config.model_type}:{label}:{identity}"
    if pooled and output != _POOLED:
        return Checkpoint(f"{own}#pooled", tower.vision_model, _POOLED, processor)
    return Checkpoint(own, tower, output, processor)


def loaded(name: str, file: str, load: Callable[[], T]) -> T:
    """What `load` gives; what it raises becomes a ModelError about `file` of checkpoint `name`."""
    try:
        return load()
    except ModelError:
        raise
    except Exception as error:  # what transformers and the hub raise has no common base
        if Path(name).is_dir():
            raise ModelError(
                name,
                "{file} can't be used: {why}",
                "copy the whole checkpoint there anew",
                file=file,
                why=first_line(error),
            ) from error
        raise ModelError(
            name,
            "{file} can't be fetched or used: {why}",
            "check the name, or download the checkpoint and give its folder",
            file=file,
            why=first_line(error),
        ) from error


def require_libraries(name: str) -> None:
    """MissingExtra without torch and transformers; ModelError with a torchvision that is broken."""
    if any(find_spec(library) is None for library in ("torch", "transformers", "PIL")):
        raise MissingExtra("clip", f"encoder {name}")
    if find_spec("torchvision") is None:
        return
    try:  # transformers takes it when it is there, and fails in odd places when it doesn't fit
        importlib.import_module("torchvision")
    except Exception as error:
        raise ModelError(
            "torchvision",
            "is installed but doesn't fit the torch beside it: {why}",
            "pip uninstall torchvision (zastavka does without it)",
            why=first_line(error),
        ) from error


def save_checkpoint(folder: Path, tower: Any, processor: Any) -> None:
    """Write a tower with its processor as a hub would deliver them."""
    with _quiet():
        tower.save_pretrained(folder)
        processor.save_pretrained(folder)


def _check_place(name: str) -> None:
    folder = Path(name)
    if not folder.is_dir():
        if folder.exists() or folder.is_absolute() or name.startswith(".") or name.count("/") > 1:
            raise ModelError(name, "is no folder", "give a folder with a checkpoint, or a hub name")
        return
    for files in (("config.json",), _PROCESSORS, _WEIGHTS):
        if not any((folder / file).is_file() for file in files):
            raise ModelError(
                name, "has no {file}", "copy the whole checkpoint there", file=files[0]
            )


def _transformers() -> Any:
    import transformers  # Any from here on: its annotations are partial

    return transformers


@contextmanager
def _quiet() -> Iterator[None]:
    """The library never prints, and transformers tells of every weight of the text tower."""
    hub, theirs = logging.getLogger("huggingface_hub"), _transformers().utils.logging
    levels, bars = (hub.level, theirs.get_verbosity()), theirs.is_progress_bar_enabled()
    hub.setLevel(logging.ERROR)
    theirs.set_verbosity_error()
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        hub.setLevel(levels[0])
        theirs.set_verbosity(levels[1])
        if bars:
            theirs.enable_progress_bar()


def _from_disk_first(read: Callable[..., Any]) -> Any:
    """Without asking the hub for news of what is here: offline that takes half a minute a file."""
    try:
        return read(local_files_only=True)
    except OSError:
        return read(local_files_only=False)


def _config(name: str) -> Any:
    read = _transformers().AutoConfig.from_pretrained
    config = _from_disk_first(partial(read, name, trust_remote_code=False))
    if config.model_type not in _TOWERS:
        raise ModelError(
            name,
            "is a checkpoint of type {kind}, not a picture encoder known here",
            "use one of type {known}",
            kind=config.model_type,
            known=", ".join(_TOWERS),
        )
    return config


def _processor(name: str) -> Any:
    read = _transformers().AutoImageProcessor.from_pretrained
    return _from_disk_first(partial(read, name, trust_remote_code=False))


def _tower(name: str, config: Any) -> tuple[Any, str]:
    """The picture tower, and which of its outputs is the vector."""
    kind, output = _TOWERS[config.model_type]
    vision = getattr(config, "vision_config", config)
    if config.model_type == "clip":
        # the whole model obeys the outer figure; some checkpoints leave the inner at its default
        vision.projection_dim = config.projection_dim
    read = getattr(_transformers(), kind).from_pretrained
    tower, report = _from_disk_first(
        partial(read, name, config=vision, dtype="auto", output_loading_info=True)
    )
    missing = sorted(report["missing_keys"])
    bare = config.model_type == "clip_vision_model"  # one may be saved without its projection
    if bare and missing == ["visual_projection.weight"]:
        return tower.vision_model, _POOLED
    if missing:  # transformers would go on with random numbers in their place
        raise ModelError(
            name,
            "its weights lack {count} parts, {first} among them",
            "fetch the whole checkpoint anew",
            count=len(missing),
            first=missing[0],
        )
    return tower, output


def _identity(name: str) -> str:
    """12 hex digits over every byte of settings and weights: fine-tuning may touch any of them."""
    find = partial(_on_disk, name)
    weights = next(path for path in map(find, _WEIGHTS) if path)
    paths = [find("config.json"), *map(find, _PROCESSORS), weights, *map(find, _shards(weights))]
    total = hashlib.sha256()
    for path in paths:
        if path:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:12]


def _on_disk(name: str, file: str) -> Path | None:
    """A file of a checkpoint, in its folder or in the hub's cache; the network is not asked."""
    found = _transformers().utils.cached_file(
        name, file, local_files_only=True, _raise_exceptions_for_missing_entries=False
    )
    return Path(found) if found else None


def _shards(weights: Path) -> list[str]:
    """The files that an index of weights names; none where the weights are one file."""
    if weights.suffix != ".json":
        return []
    return sorted(set(json.loads(weights.read_text(encoding="utf-8"))["weight_map"].values()))


def is_on_disk(name: str) -> bool:
    """Whether all files of a checkpoint are here, so that no network is needed to use it."""
    find = partial(_on_disk, name)
    with _quiet():
        try:
            weights = next((path for path in map(find, _WEIGHTS) if path), None)
            return (
                weights is not None
                and find("config.json") is not None
                and any(map(find, _PROCESSORS))
                and all(map(find, _shards(weights)))
            )
        except (OSError, ValueError, KeyError, AttributeError):
            return False  # nothing of it is here, or an index that can't be read
