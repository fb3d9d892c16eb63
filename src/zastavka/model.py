"""A trained head: `Head` runs it by onnxruntime, window by window.

A model is a folder: `network.onnx`, `weights.safetensors` (the network's state dict, with the mean
and spread of the inputs), `options.json`, `metrics.json` and a card. Answering needs no torch.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from zastavka.confidence import Confidence
from zastavka.config import Config
from zastavka.crf import CRFWeights
from zastavka.errors import ModelError
from zastavka.features import EpisodeFeatures
from zastavka.inputs import InputSpec, assemble_inputs
from zastavka.options import NetworkOptions

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Floats = NDArray[np.float32]

ONNX_FILE, WEIGHTS_FILE, OPTIONS_FILE = "network.onnx", "weights.safetensors", "options.json"
METRICS_FILE, CARD_FILE = "metrics.json", "README.md"
SHIPPED = Path(__file__).parent / "models"  # a folder for each model that comes with the package

BUILTIN = SHIPPED / "builtin"  # the one that answers unless another is asked for


def windows(n: int, options: NetworkOptions) -> list[slice]:
    """The windows of at most `window_rows` rows that cover n rows, none dropped, none padded."""
    size, stride = options.window_rows, options.stride_rows
    if n <= size:
        return [slice(0, n)]
    if stride == size:  # side by side, as the prototype has them; the last one is shorter
        return [slice(i, min(i + size, n)) for i in range(0, n, size)]
    firsts = [*range(0, n - size, stride), n - size]
    return [slice(i, i + size) for i in firsts]


class Head:
    """A trained network, ready to answer."""

    def __init__(
        self,
        folder: Path,
        session: InferenceSession,
        config: Config,
        spec: InputSpec,
        crf: CRFWeights,
        confidence: Confidence | None = None,
    ) -> None:
        self.folder, self.config, self.spec, self.crf = folder, config, spec, crf
        self.confidence = confidence
        self._session = session

    @classmethod
    def load(cls, folder: Path) -> Head:
        """The model in a folder. ModelError: something is missing or damaged."""
        config, document = read_options(folder)
        weights = _read_weights(folder / WEIGHTS_FILE)
        try:
            crf = CRFWeights(
                weights["crf.transitions"],
                weights["crf.start_transitions"],
                weights["crf.end_transitions"],
            )
            spec = InputSpec(
                **document["inputs"],
                mean=weights.get("inputs.mean"),
                spread=weights.get("inputs.spread"),
            )
            told = document.get("confidence")  # models from before were not asked how sure they are
            confidence = None if told is None else Confidence.from_json(told)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(folder, "is incomplete: {why}", "train it again", why=error) from error
        if spec.mean is not None and len(spec.mean) != spec.width:
            raise ModelError(
                folder, "was made by another version: {found} columns, {wanted} wanted",
                "train it again", found=len(spec.mean), wanted=spec.width,
            )  # fmt: skip
        session = _open_session(folder / ONNX_FILE)
        _check_digests(folder, document)
        return cls(folder, session, config, spec, crf, confidence)

    @property
    def name(self) -> str:
        """What an answer names as its source."""
        return self.folder.name

    def emissions(
        self,
        features: EpisodeFeatures,
        subject: str = "features",
        evidence: Floats | None = None,
    ) -> Floats:
        """Emissions (n, 2); where windows overlap, blended with weights that fade at their ends.

        `evidence`: what repeats in the season, `evidence.evidence_rows`; None: a lone file.
        """
        self.spec.check(features, subject)
        features.check_finite(subject)
        table = assemble_inputs(features, self.spec, evidence)
        total = np.zeros((len(table), 2), np.float32)
        weight = np.zeros((len(table), 1), np.float32)
        for window in windows(len(table), self.config.network):
            rows = table[None, window]
            mask = np.ones(rows.shape[:2], np.bool_)
            emitted = self._session.run(None, {"inputs": rows, "mask": mask})[0][0]
            fade = _fade(len(emitted))
            total[window] += emitted * fade
            weight[window] += fade
        return total / weight


def _fade(n: int) -> Floats:
    """Triangle over a window, shape (n, 1), nowhere zero: every row keeps a value."""
    ramp = np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)).astype(np.float32)
    fade: Floats = (ramp / ramp.max())[:, None]
    return fade


def read_options(folder: Path) -> tuple[Config, dict[str, Any]]:
    """The options a model was trained with, and the whole document."""
    path = folder / OPTIONS_FILE
    if not folder.is_dir() or not path.is_file():
        raise ModelError(
            folder, "is not a model folder", "give a folder that `zastavka train` wrote"
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Config.model_validate(document["config"]), document
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise ModelError(
            path, "can't be used: {why}", "train the model again", why=error
        ) from error


def shipped(folder: Path = SHIPPED) -> list[Path]:
    """The models that come with the package, whole or damaged: folders with any of the files."""
    files = (ONNX_FILE, WEIGHTS_FILE, OPTIONS_FILE)
    return sorted({path.parent for file in files for path in folder.glob(f"*/{file}")})


def providers() -> list[str]:
    """What onnxruntime could compute on here."""
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def digests_of(folder: Path) -> dict[str, str]:
    """BLAKE2b of the network and of its weights, by the name of the file."""
    digests = {}
    for name in (ONNX_FILE, WEIGHTS_FILE):
        with (folder / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "blake2b").hexdigest()
    return digests


def _check_digests(folder: Path, document: dict[str, Any]) -> None:
    """ModelError: the files were not written together, as where a run was killed in between."""
    wanted = document.get("digests")
    if wanted is not None and wanted != digests_of(folder):  # models from before have none
        raise ModelError(
            folder, "holds files of two models: the writing of one was cut short",
            "train it again, or copy the whole folder again",
        )  # fmt: skip


def _read_weights(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        weights = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            path, "can't be read: {why}", "train the model again", why=error
        ) from error
    for name, values in weights.items():
        if not np.isfinite(values).all():
            raise ModelError(path, "holds NaN in '{name}'", "train the model again", name=name)
    return weights


def _open_session(path: Path) -> InferenceSession:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # what is watched here is nobody's business
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no public base class
        first = str(error).splitlines()[0]
        raise ModelError(
            path, "can't be loaded: {why}", "train the model again", why=first
        ) from error
