"""What a training step sees: windows in random order, disturbed, padded to one length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zastavka.config import TrainOptions
from zastavka.learn.dataset import Dataset, Window
from zastavka.model import InputSpec, standardise

Floats = NDArray[np.float32]


def prepared(dataset: Dataset, spec: InputSpec) -> list[Window]:
    """The windows with standardised inputs."""
    return [replace(window, inputs=standardise(window.inputs, spec)) for window in dataset.windows]


def batches(
    windows: list[Window], options: TrainOptions, rng: np.random.Generator
) -> Iterator[list[Window]]:
    """An epoch's windows in random order; drawn with replacement when oversampling."""
    if options.oversample:
        weights = np.array([options.oversample[0 if w.positive else 1] for w in windows])
        order = rng.choice(len(windows), len(windows), p=weights / weights.sum())
    else:
        order = rng.permutation(len(windows))
    for first in range(0, len(order), options.batch):
        yield [windows[i] for i in order[first : first + options.batch]]


def collate(
    batch: list[Window], options: TrainOptions, spec: InputSpec, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (b, t, f), labels (b, t) and mask (b, t), padded to the longest window."""
    longest = max(len(window.labels) for window in batch)
    inputs = np.zeros((len(batch), longest, spec.width), np.float32)
    labels = np.zeros((len(batch), longest), np.int64)
    mask = np.zeros((len(batch), longest), np.bool_)
    for i, window in enumerate(batch):
        n = len(window.labels)
        inputs[i, :n] = _disturbed(window.inputs, options, spec, rng)
        labels[i, :n] = window.labels
        mask[i, :n] = True
    return torch.from_numpy(inputs), torch.from_numpy(labels), torch.from_numpy(mask)


def _disturbed(
    rows: Floats, options: TrainOptions, spec: InputSpec, rng: np.random.Generator
) -> Floats:
    """Rows with noise, some hidden, sometimes one sense hidden: what training sees of a window."""
    out = rows
    if options.noise:
        out = out + rng.normal(0, options.noise, out.shape).astype(np.float32)
    if options.mask_rows:
        shown = rng.random(len(out)) >= options.mask_rows
        out = out * shown[:, None]
    if rng.random() < options.drop_sense:
        out = out.copy()
        out[:, spec.senses[rng.integers(2)]] = 0.0
    return out
