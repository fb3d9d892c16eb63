"""What a training step is made of: precision, optimizer, the rate over time."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import nn

from zastavka.options import TrainOptions
from zastavka.vision import multiplies_bf16

_WARM = 0.05  # share of the steps in which the rate of a cosine grows
_WIDE = 256  # only wide networks spend their time in products of matrices


def use_bf16(precision: str, width: int, device: torch.device) -> bool:
    """Whether matrices of this width are multiplied in bf16; the weights stay fp32."""
    if precision != "auto":
        return precision == "bf16"
    return width >= _WIDE and multiplies_bf16(device)


def autocast(device: torch.device, bf16: bool) -> AbstractContextManager[Any]:
    """Products of matrices in bf16, or everything as it is."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def optimizer_of(
    groups: Iterable[nn.Parameter] | list[dict[str, Any]], options: TrainOptions
) -> torch.optim.Optimizer:
    """The optimizer that a recipe names, over parameters or groups with rates of their own."""
    # the prototype's Adam adds its decay to the gradient; AdamW keeps the two apart
    kind = torch.optim.AdamW if options.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=options.learning_rate, weight_decay=options.weight_decay)


def rate_factor(schedule: str, share: float) -> float:
    """What a learning rate is multiplied by after this share of all steps."""
    if schedule != "cosine":
        return 1.0
    return float(min(1.0, share / _WARM) * 0.5 * (1 + np.cos(np.pi * share)))
