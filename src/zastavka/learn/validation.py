"""How a network does on windows that were held back: loss, rows, intervals."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from zastavka.config import Config
from zastavka.intervals import decode
from zastavka.learn.dataset import Window
from zastavka.learn.network import Tagger
from zastavka.segment import Grid, Segment


def scores(network: Tagger, held: list[Window], config: Config) -> tuple[float, float, float]:
    """Mean loss, F1 of rows and mean IoU of intervals (a miss as 0) over held-back windows."""
    crf = network.crf.weights()
    losses, ious = [], []
    hits = found = true = 0
    for window in held:
        inputs = torch.from_numpy(window.inputs)[None]
        labels = torch.from_numpy(window.labels.astype(np.int64))[None]
        emissions = network(inputs, None).float()
        losses.append(-float(network.crf.log_likelihood(emissions, labels, None)[0]))
        grid = Grid(config.extract.step, len(window.labels))
        answers = decode(emissions[0].numpy(), crf, grid, config.decode, config.network.window_rows)
        sure = tuple(a.segment for a in answers if _is_found(a.confidence, config))
        mask, truth = grid.labels(sure), window.labels == 1
        hits += int((mask & truth).sum())
        found, true = found + int(mask.sum()), true + int(truth.sum())
        if truth.any():
            ious.append(max((s.iou(_span(truth, grid)) for s in sure), default=0.0))
    return float(np.mean(losses)), 2 * hits / max(1, found + true), float(np.mean(ious or [0.0]))


def _is_found(confidence: float, config: Config) -> bool:
    return config.decode.method == "closing" or confidence >= config.decode.threshold


def _span(truth: NDArray[np.bool_], grid: Grid) -> Segment:
    rows = np.flatnonzero(truth)
    return grid.segment(int(rows[0]), int(rows[-1]) + 1)
