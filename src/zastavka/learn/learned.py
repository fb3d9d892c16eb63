"""`learned_by`: the weights of a model folder, to train on from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from zastavka.config import Config
from zastavka.errors import ModelError
from zastavka.inputs import InputSpec
from zastavka.learn.network import network_of
from zastavka.model import WEIGHTS_FILE, Head


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights of a network, and what its inputs are."""

    weights: dict[str, Tensor]
    spec: InputSpec


def learned_by(folder: Path, config: Config, spec: InputSpec) -> Learned:
    """What the model of a folder has learned, for a network of `config` on inputs of `spec`.

    Mean and spread of the inputs are the model's: its weights mean nothing with others.
    ModelError: it is no model, of other inputs, or of other sizes.
    """
    head = Head.load(folder)
    if not head.spec.fits(spec.encoder) or head.spec.width != spec.width:
        raise ModelError(
            folder, "was trained on {theirs} columns of '{encoder}', the dataset has {ours} of "
            "'{other}'", "make the dataset with the recipe and the encoder of the model",
            theirs=head.spec.width, encoder=head.spec.encoder, ours=spec.width,
            other=spec.encoder,
        )  # fmt: skip
    try:
        stored = load_file(folder / WEIGHTS_FILE)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            folder, "can't be read: {why}", "give a model that `zastavka train` wrote", why=error
        ) from error
    mine = network_of(config.network, spec.width, config.train.class_weights).state_dict()
    weights = {name: stored[name].float() for name in stored if not name.startswith("inputs.")}
    wrong = sorted(
        name
        for name in mine.keys() | weights.keys()
        if name not in mine or name not in weights or mine[name].shape != weights[name].shape
    )
    if wrong:
        raise ModelError(
            folder, "is a network of other sizes ({n} of {all} weights differ, {name} first)",
            "train with the options of the model: its options.json", n=len(wrong),
            all=len(mine), name=wrong[0],
        )  # fmt: skip
    with torch.no_grad():
        kept = {name: weights[name].to(mine[name].dtype) for name in mine}
    return Learned(kept, replace(head.spec))
