"""A checkpoint of the prototype (SearchIntroSerials) -> the network, its shape read from the keys.

The prototype scaled the logit of tag 1 by its class weights only where labels came along. To answer
as it did, the weights of an old checkpoint are accepted and left out.
"""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path

import torch
from torch import Tensor

from zastavka.config import BASELINE, Config, NetworkOptions
from zastavka.errors import ModelError
from zastavka.learn.network import IntroDetectionTransformer

_WRAPPINGS = ("model_state_dict", "state_dict")
_LAYER = re.compile(r"transformer\.layers\.(\d+)\.")
_SHAPING = (
    "pos_encoding",
    "classifier.weight",
    "transformer.layers.0.linear1.weight",
)


def load_prototype(path: Path, n_heads: int = 12) -> IntroDetectionTransformer:
    """The network of an old `model.pt`, ready to answer.

    Layers, width and positions are read from the weights; heads leave no trace in them. ModelError:
    not a file of weights, or of another network, or with NaN.
    """
    weights = _read_weights(path)
    missing = [name for name in _SHAPING if name not in weights or weights[name].ndim < 2]
    if missing:
        raise _foreign(path, "lacks", missing)
    width = weights["classifier.weight"].shape[1]
    if n_heads < 1 or width % n_heads:
        raise ModelError(
            path,
            "is {width} wide, which {heads} heads don't divide",
            "give the number of heads it was trained with",
            width=width,
            heads=n_heads,
        )
    network = IntroDetectionTransformer(
        width,
        n_heads,
        1 + max(int(found[1]) for name in weights if (found := _LAYER.match(name))),
        len(weights["classifier.weight"]),
        feedforward=len(weights["transformer.layers.0.linear1.weight"]),
        window_rows=weights["pos_encoding"].shape[1],
    )
    _fill(network, weights, path)
    return network.eval()


def prototype_config(network: IntroDetectionTransformer) -> Config:
    """The recipe `baseline` with the shape of this network: how the prototype sampled and answered."""
    options = NetworkOptions(
        d_model=network.d_model,
        n_heads=network.n_heads,
        n_layers=len(network.transformer.layers),
        feedforward=network.feedforward,
        window_rows=network.window_rows,
        stride_rows=network.window_rows,
        inputs="pictures",
    )
    train = BASELINE.train.model_copy(update={"class_weights": None})
    return BASELINE.model_copy(update={"network": options, "train": train})


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
        with warnings.catch_warnings():
            # on a plain pickle torch warns before it refuses
            warnings.simplefilter("ignore")
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(
            path, "can't be read: {why}", "check the path", why=error.strerror or error
        ) from error
    except Exception as error:  # damaged pickles raise whatever their bytes happen to mean
        if isinstance(error, pickle.UnpicklingError) and "Unsupported" in str(error):
            raise ModelError(
                path,
                "holds Python objects besides weights, which could run code",
                "save its state dict alone: torch.save(model.state_dict(), ...)",
            ) from error
        raise ModelError(
            path, "is not a file of torch weights, or is damaged", "give a model.pt"
        ) from error
    return content


def _fill(network: IntroDetectionTransformer, weights: dict[str, Tensor], path: Path) -> None:
    wanted = network.state_dict()
    for verb, names in (
        ("lacks", wanted.keys() - weights.keys()),
        ("has the unknown", weights.keys() - wanted.keys()),
        ("has another shape in", [n for n in wanted if wanted[n].shape != weights[n].shape])
        if wanted.keys() == weights.keys()
        else ("", []),
    ):
        if names:
            raise _foreign(path, verb, names)
    network.load_state_dict(weights)
