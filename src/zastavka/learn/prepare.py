"""From labels and videos to a `dataset.pt`; every label that could not be used is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zastavka import audio, evidence
from zastavka.cache import FeatureCache
from zastavka.config import Config
from zastavka.detection import Detection
from zastavka.errors import ZastavkaError
from zastavka.features import EpisodeFeatures, extract
from zastavka.inputs import InputSpec
from zastavka.labels import LabelProblem
from zastavka.learn.dataset import build, write_dataset
from zastavka.media import probe
from zastavka.truth import read_truth
from zastavka.vision import PictureEncoder, load_encoder

Problem = Callable[[LabelProblem | ZastavkaError], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What went into a dataset."""

    windows: int
    episodes: int
    positive: int  # windows with a positive row


def prepare(
    labels: Path,
    videos: Path,
    output: Path,
    config: Config,
    cache: FeatureCache | None = None,
    device: str = "auto",
    progress: Callable[[float, str], None] | None = None,
    on_problem: Problem | None = None,
) -> Prepared:
    """Build a dataset and write it. DatasetError: nothing in it could be learned from.

    Labels and videos that can't be used are left out and given to `on_problem`, as they are met.
    """
    tell = on_problem or (lambda _: None)
    truths = read_truth(labels, videos, tell, lambda file: probe(file).duration)
    encoder = load_encoder(config.extract.encoder, device=device)
    episodes = list(_described(truths, config, encoder, cache, tell, progress))
    dataset = build(episodes, config, input_spec(config, encoder), encoder)
    dataset.check(labels)
    write_dataset(output, dataset)
    return Prepared(
        len(dataset.windows), len(episodes), sum(window.positive for window in dataset.windows)
    )  # fmt: skip


def input_spec(config: Config, encoder: PictureEncoder) -> InputSpec:
    """The columns that a recipe feeds its head."""
    whole = config.network.inputs == "all"
    return InputSpec(
        encoder.name,
        encoder.width,
        len(audio.COLUMNS) if whole and config.extract.sound else 0,
        config.network.inputs,
        evidence_width=len(evidence.COLUMNS) if whole and config.network.evidence else 0,
    )


def _described(
    truths: list[Detection],
    config: Config,
    encoder: PictureEncoder,
    cache: FeatureCache | None,
    tell: Problem,
    progress: Callable[[float, str], None] | None,
) -> Iterator[tuple[Detection, EpisodeFeatures]]:
    source = cache.get if cache else extract
    for i, truth in enumerate(truths):
        if progress:
            progress(i / len(truths), truth.episode.path.name)
        try:
            yield truth, source(truth.episode.path, encoder, config.extract)
        except ZastavkaError as error:
            tell(error)
