"""A trained network as a model folder: ONNX for answering, safetensors for everything else."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from zastavka.confidence import Confidence
from zastavka.config import Config
from zastavka.errors import StorageError
from zastavka.inputs import InputSpec
from zastavka.learn.network import Tagger
from zastavka.model import (
    CARD_FILE,
    METRICS_FILE,
    ONNX_FILE,
    OPTIONS_FILE,
    WEIGHTS_FILE,
    digests_of,
)
from zastavka.storage import ORDINARY

Metrics = dict[str, object]


def write_model(
    folder: Path,
    network: Tagger,
    config: Config,
    spec: InputSpec,
    metrics: Metrics,
    card: str,
    confidence: Confidence | None = None,
) -> None:
    """Write a model folder; what stood there is replaced only when the new one is whole.

    A run that is killed while it replaces the files leaves a folder that `Head.load` refuses.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as name:
            part = Path(name)
            _write_weights(part / WEIGHTS_FILE, network, spec)
            export_onnx(network, spec.width, config.network.window_rows, part / ONNX_FILE)
            options = _options(config, spec, digests_of(part), confidence)
            (part / OPTIONS_FILE).write_text(options, encoding="utf-8")
            (part / METRICS_FILE).write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
            (part / CARD_FILE).write_text(card, encoding="utf-8")
            folder.mkdir(exist_ok=True)
            # the options last: their digests say whether the others are theirs
            for file in sorted(part.iterdir(), key=lambda file: (file.name == OPTIONS_FILE, file)):
                file.chmod(ORDINARY)
                os.replace(file, folder / file.name)
    except (OSError, SafetensorError) as error:  # which reports a full disk as its own error
        raise StorageError(
            folder, "can't be written: {why}", "free some space, or choose another place",
            why=getattr(error, "strerror", None) or error,
        ) from error  # fmt: skip


def _options(
    config: Config, spec: InputSpec, digests: dict[str, str], confidence: Confidence | None
) -> str:
    inputs = {
        "encoder": spec.encoder, "picture_width": spec.picture_width,
        "sound_width": spec.sound_width, "inputs": spec.inputs,
        "evidence_width": spec.evidence_width,
    }  # fmt: skip
    document: dict[str, object] = {"config": config.model_dump(), "inputs": inputs}
    if confidence is not None:
        document["confidence"] = confidence.as_json()
    document["digests"] = digests
    return json.dumps(document, indent=1) + "\n"


def _write_weights(path: Path, network: nn.Module, spec: InputSpec) -> None:
    from safetensors.numpy import save_file

    weights = {
        name: np.ascontiguousarray(value.detach().cpu().float().numpy())
        for name, value in network.state_dict().items()
    }
    if spec.mean is not None and spec.spread is not None:
        weights["inputs.mean"], weights["inputs.spread"] = spec.mean, spec.spread
    save_file(weights, path)


class _Emit(nn.Module):
    """The network's emissions in fp32, whatever it was trained in."""

    def __init__(self, network: Tagger) -> None:
        super().__init__()
        self.network = network
        self.tags = int(network.classifier.out_features)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        emissions: Tensor = self.network(inputs, mask)
        return emissions


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """No lines of a logger below errors: the exporter misses a torchvision that nobody wants."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def export_onnx(network: Tagger, width: int, window_rows: int, path: Path) -> None:
    """Export inputs (b, t, width), mask (b, t) -> emissions (b, t, tags); t <= window_rows."""
    emit = _Emit(network).eval()
    rows = max(2, min(window_rows, 16))
    example = (torch.zeros(2, rows, width), torch.ones(2, rows, dtype=torch.bool))
    batch = torch.export.Dim("batch", min=1, max=4096)
    time = torch.export.Dim("time", min=1, max=window_rows)
    fastpath = torch.backends.mha.get_fastpath_enabled()
    # the fused inference kernel of nn.TransformerEncoderLayer has no ONNX form
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), _quiet("torch.onnx"):
            warnings.simplefilter("ignore")  # the exporter's own deprecations are not ours to mend
            program = torch.onnx.export(
                emit, example, dynamo=True, verbose=False,
                input_names=["inputs", "mask"], output_names=["emissions"],
                dynamic_shapes={"inputs": {0: batch, 1: time}, "mask": {0: batch, 1: time}},
            )  # fmt: skip
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)
    assert program is not None
    # the converter of LSTMs takes the example's rows for a rule; onnxruntime infers shapes itself
    graph = program.model.graph
    for node in graph:
        # where in our sources each came from, with paths of this disk
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.shape = None
    [like], [emitted] = graph.inputs[:1], graph.outputs
    assert like.shape is not None
    emitted.shape = type(like.shape)(("batch", "time", emit.tags))
    program.save(str(path), external_data=False)
