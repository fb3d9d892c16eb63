"""A checkpoint of the prototype (SearchIntroSerials) -> the network, and from there a model folder.

The prototype scaled the logit of tag 1 by its class weights only where labels came along. To answer
as it did, the weights of an old checkpoint are accepted and left out.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from zastavka.config import BASELINE, Config
from zastavka.errors import ModelError
from zastavka.inputs import InputSpec
from zastavka.learn.export import write_model
from zastavka.learn.network import IntroDetectionTransformer
from zastavka.model import ONNX_FILE, OPTIONS_FILE, WEIGHTS_FILE
from zastavka.vision import EncoderName, PictureEncoder, load_encoder

_WRAPPINGS = ("model_state_dict", "state_dict")
_LAYER = re.compile(r"transformer\.layers\.(\d+)\.")
_FIRST = "transformer.layers.0.linear1.weight"


def converted(path: Path, encoder: str, n_heads: int, folder: Path, device: str = "auto") -> Path:
    """The model folder made of an old `model.pt`, below `folder`; made once for each content.

    `encoder`: the checkpoint whose vectors it was trained on, which the file does not say. The
    prototype did not scale vectors; those before the projection are taken where only they fit.
    """
    asked = EncoderName.parse(encoder)
    if Path(asked.place).is_dir():
        asked = replace(asked, place=str(Path(asked.place).resolve()))
    encoder = str(asked)
    key = hashlib.blake2b(f"raw {encoder} {n_heads} {_digest(path)}".encode(), digest_size=8)
    target = folder / "models" / f"{path.stem}-{key.hexdigest()}"
    if all((target / file).is_file() for file in (ONNX_FILE, OPTIONS_FILE, WEIGHTS_FILE)):
        return target
    network = load_prototype(path, n_heads)
    if network.classifier.out_features != 2:
        raise ModelError(
            path, "has {tags} tags", "give a model of 2", tags=network.classifier.out_features
        )
    chosen, pictures = _fitting(path, asked, network.d_model, device)
    spec = InputSpec(pictures.name, pictures.width, 0, "pictures")
    config = prototype_config(network, chosen)
    write_model(target, network, config, spec, {}, _card(path, chosen, n_heads))
    return target


def _fitting(path: Path, asked: EncoderName, width: int, device: str) -> tuple[str, PictureEncoder]:
    """The checkpoint's vectors of this width; those before the projection come second."""
    choices = [asked]
    if not (asked.pooled or asked.raw or asked.place == "builtin"):
        choices = [replace(asked, raw=True), replace(asked, pooled=True, raw=True)]
    widths = []
    for choice in map(str, choices):
        pictures = load_encoder(choice, device=device)
        if pictures.width == width:
            return choice, pictures
        widths.append(str(pictures.width))
    raise ModelError(
        path,
        "wants vectors of {wanted} numbers, '{encoder}' gives {found}",
        "give --encoder the checkpoint it was trained with",
        wanted=width,
        encoder=asked,
        found="/".join(dict.fromkeys(widths)),
    )


def load_prototype(path: Path, n_heads: int = 12) -> IntroDetectionTransformer:
    """The network of an old `model.pt`, ready to answer.

    Layers, width and positions are read from the weights; heads leave no trace in them. ModelError:
    not a file of weights, or of another network, or with NaN.
    """
    weights = _read_weights(path)
    missing = [n for n in ("pos_encoding", "classifier.weight", _FIRST) if n not in weights]
    if missing:
        raise _foreign(path, missing)
    labels, width = _shape(path, weights, "classifier.weight", 2)
    if n_heads < 1 or width % n_heads:
        raise ModelError(
            path,
            "is {width} wide, which {heads} heads don't divide",
            "give --heads as it was trained with",
            width=width,
            heads=n_heads,
        )
    layers = [int(found[1]) for name in weights if (found := _LAYER.match(name))]
    network = IntroDetectionTransformer(
        width,
        n_heads,
        len(set(layers)),
        labels,
        feedforward=_shape(path, weights, _FIRST, 2)[0],
        window_rows=_shape(path, weights, "pos_encoding", 3)[1],
    )
    _fill(network, weights, path)
    return network.eval()


def prototype_config(network: IntroDetectionTransformer, encoder: str) -> Config:
    """Recipe `baseline` in the shape of this network: how the prototype sampled and answered."""
    shape = {
        "d_model": network.d_model,
        "n_heads": network.n_heads,
        "n_layers": len(network.transformer.layers),
        "feedforward": network.feedforward,
        "window_rows": network.window_rows,
        "stride_rows": network.window_rows,
    }
    tables: dict[str, object] = {
        "network": shape,
        "train": {"class_weights": None},
        "extract": {"encoder": encoder},
    }
    return BASELINE.override(tables, "model.pt")


def _read_weights(path: Path) -> dict[str, Tensor]:
    """What the file holds, without wrappings and class weights; all of it finite."""
    content = _load(path)
    for name in _WRAPPINGS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise ModelError(
            path,
            "holds no state dict but {what}",
            "save it anew by torch.save(model.state_dict(), ...)",
            what=type(content).__name__,
        )
    weights = {name.removeprefix("module."): value.float() for name, value in content.items()}
    weights.pop("class_weights", None)
    wrong = [name for name, value in weights.items() if not bool(value.isfinite().all())]
    if wrong:
        raise ModelError(
            path, "has weights that are no numbers: {names}", "train it anew", names=_some(wrong)
        )
    return weights


def _load(path: Path) -> object:
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file, warnings.catch_warnings():
        # on a plain pickle torch warns before it refuses
        warnings.simplefilter("ignore")
        try:
            content: object = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged pickles raise whatever their bytes happen to mean
            if isinstance(error, pickle.UnpicklingError) and "Unsupported global" in str(error):
                raise ModelError(
                    path,
                    "holds Python objects besides weights, which could run code",
                    "save its state dict alone: torch.save(model.state_dict(), ...)",
                ) from error
            raise ModelError(
                path, "is not a file of torch weights, or is damaged", "give a model.pt"
            ) from error
    return content


def _shape(path: Path, weights: dict[str, Tensor], name: str, axes: int) -> tuple[int, ...]:
    if weights[name].ndim != axes or not weights[name].numel():
        raise _misshapen(path, [name])
    return tuple(weights[name].shape)


def _fill(network: IntroDetectionTransformer, weights: dict[str, Tensor], path: Path) -> None:
    wanted = network.state_dict()
    if missing := wanted.keys() - weights.keys():
        raise _foreign(path, missing)
    if unknown := weights.keys() - wanted.keys():
        raise ModelError(
            path,
            "holds weights that the prototype's network has not: {names}",
            "give a model.pt of the prototype",
            names=_some(unknown),
        )
    if wrong := [name for name in wanted if wanted[name].shape != weights[name].shape]:
        raise _misshapen(path, wrong)
    network.load_state_dict(weights)


def _foreign(path: Path, names: Iterable[str]) -> ModelError:
    return ModelError(
        path,
        "lacks weights of the prototype's network: {names}",
        "give a model.pt of the prototype",
        names=_some(names),
    )


def _misshapen(path: Path, names: Iterable[str]) -> ModelError:
    return ModelError(
        path,
        "holds weights of another shape than the prototype's: {names}",
        "give a model.pt of the prototype",
        names=_some(names),
    )


def _some(names: Iterable[str]) -> str:
    """The first few, so that an error stays one line."""
    listed = sorted(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(path, "can't be read: {why}", "check the path", why=error.strerror or error)


def _card(path: Path, encoder: str, n_heads: int) -> str:
    return (
        f"# A model of the prototype, `{path.name}`\n\n"
        f"- Pictures: `{encoder}`, 1 a second; heads: {n_heads}; both as told. No sound.\n"
        "- Converted with its logits unscaled and its transitions biased when answering, as the\n"
        "  prototype did. What it was trained on is not known.\n"
    )
