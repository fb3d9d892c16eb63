"""What a training step sees: windows in random order, spliced, cropped, disturbed, padded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zastavka.inputs import InputSpec, standardise
from zastavka.learn.dataset import Dataset, Window
from zastavka.learn.splice import spliced
from zastavka.options import TrainOptions

Floats = NDArray[np.float32]


class Drawn(Protocol):
    """What can be drawn for a step."""

    @property
    def positive(self) -> bool:
        """Whether a row of it is labelled 1."""


W = TypeVar("W", bound=Drawn)

_PIECE = 5  # columns of evidence that are of a piece; the rest are of the season


def prepared(dataset: Dataset, spec: InputSpec) -> list[Window]:
    """The windows with standardised inputs."""
    return [replace(window, inputs=standardise(window.inputs, spec)) for window in dataset.windows]


class Shown:
    """Windows as a step sees them: spliced, cropped, standardised, disturbed, padded."""

    def __init__(
        self, dataset: Dataset, options: TrainOptions, spec: InputSpec, step: float
    ) -> None:
        self.windows = list(dataset.windows)
        self._donors = [window for window in self.windows if window.positive]
        self._options, self._spec, self._step = options, spec, step
        # rows of the prototype's kind have no parts to put together
        self._splice = options.splice if spec.inputs == "all" else 0.0

    def batches(self, rng: np.random.Generator) -> list[list[Window]]:
        """An epoch's windows in random order."""
        return list(batches(self.windows, self._options, rng))

    def collate(
        self, batch: list[Window], rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (b, t, f), labels (b, t) and mask (b, t), padded to the longest window."""
        return collate([self._show(window, rng) for window in batch], self._spec.width)

    def _show(self, window: Window, rng: np.random.Generator) -> Window:
        options = self._options
        if window.seasons and rng.random() >= options.alone:
            window = _in_season(window, self._spec, options.thin, rng)
        elif rng.random() < self._splice:
            window = spliced(window, self._donors, self._spec, self._step, rng)
        if options.crop_rows:
            window = _cropped(window, options.crop_rows, rng)
        rows = window.inputs
        if self._spec.inputs == "all" and rng.random() < options.drop_sense:
            # as a file without pictures or without sound says it: the rest follows
            rows = rows.copy()
            rows[:, -1 - int(rng.integers(2))] = 0.0
        rows = _disturbed(standardise(rows, self._spec), options, rng)
        return replace(window, inputs=rows)


def batches(
    windows: Sequence[W], options: TrainOptions, rng: np.random.Generator
) -> Iterator[list[W]]:
    """An epoch's windows in random order; drawn with replacement when oversampling."""
    if options.oversample:
        weights = np.array([options.oversample[0 if w.positive else 1] for w in windows])
        order = rng.choice(len(windows), len(windows), p=weights / weights.sum())
    else:
        order = rng.permutation(len(windows))
    for first in range(0, len(order), options.batch):
        yield [windows[i] for i in order[first : first + options.batch]]


def collate(batch: list[Window], width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (b, t, width), labels (b, t) and mask (b, t), padded to the longest window."""
    longest = max(len(window.labels) for window in batch)
    inputs = np.zeros((len(batch), longest, width), np.float32)
    labels = np.zeros((len(batch), longest), np.int64)
    mask = np.zeros((len(batch), longest), np.bool_)
    for i, window in enumerate(batch):
        n = len(window.labels)
        inputs[i, :n], labels[i, :n], mask[i, :n] = window.inputs, window.labels, True
    return torch.from_numpy(inputs), torch.from_numpy(labels), torch.from_numpy(mask)


def _in_season(window: Window, spec: InputSpec, thin: float, rng: np.random.Generator) -> Window:
    """The window among some siblings, with pieces of the evidence missing or false."""
    rows = window.seasons[int(rng.integers(len(window.seasons)))].copy()
    borders = np.flatnonzero((np.diff(rows, axis=0) != 0).any(axis=1)) + 1
    shown = rows[:, :_PIECE].max(axis=1) > 0
    for first, stop in pairwise([0, *borders.tolist(), len(rows)]):
        if shown[first] and rng.random() < thin:
            sense = rng.integers(3)  # missed by sound, by pictures, or by both
            rows[first:stop, :_PIECE] *= 0.0 if sense == 2 else 1.0
            rows[first:stop, int(sense) % 2] = 0.0
    if rng.random() < thin:  # a piece of the story repeats: a flashback, a score
        first, n = int(rng.integers(len(rows))), int(rng.integers(4, 60))
        false = rng.uniform(0, 1, _PIECE) * (rng.random(_PIECE) < 0.7)
        here = rows[first : first + n, :_PIECE]
        np.maximum(here, false.astype(np.float32), out=here)
    inputs = window.inputs.copy()
    inputs[:, spec.parts.evidence] = rows
    return replace(window, inputs=inputs, seasons=())


def _cropped(window: Window, shortest: int, rng: np.random.Generator) -> Window:
    """A random part of at least `shortest` rows, so that no position of the window is special."""
    n = len(window.labels)
    if n <= shortest:
        return window
    size = int(rng.integers(shortest, n + 1))
    first = int(rng.integers(n - size + 1))
    part = slice(first, first + size)
    return replace(window, inputs=window.inputs[part], labels=window.labels[part], seasons=())


def _disturbed(rows: Floats, options: TrainOptions, rng: np.random.Generator) -> Floats:
    """Rows with noise, and some of them hidden."""
    out = rows
    if options.noise:
        out = out + rng.normal(0, options.noise, out.shape).astype(np.float32)
    if options.mask_rows:
        shown = rng.random(len(out)) >= options.mask_rows
        out = out * shown[:, None]
    return out
