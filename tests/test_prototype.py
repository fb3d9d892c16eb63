"""Old checkpoints: a twin of the prototype, wired by hand below, must give the same tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from checkpoints import save_clip
from media_files import Film, write
from zastavka.crf import best_path
from zastavka.episode import Episode
from zastavka.errors import ModelError
from zastavka.features import EpisodeFeatures
from zastavka.learn.network import IntroDetectionTransformer
from zastavka.learn.prototype import converted, load_prototype, prototype_config
from zastavka.model import Head
from zastavka.pictures import Pictures
from zastavka.pipeline import Detector
from zastavka.segment import Grid

WIDTH, HEADS, LAYERS, ROWS, HIDDEN = 24, 3, 2, 60, 32

# `twin_tags` of `old_weights()` for each window of `features()`.
GOLDEN = [
    "000000001111111111111111111111100000000000000000000000000000",
    "111111111111111000000000011000000000000000000000000000000000",
    "001111100000000000000000000000000000000001111111111111111111",
]


def old_weights(seed: int = 171) -> dict[str, Tensor]:
    """A state dict as the prototype saved it; of a seed that tells the stretches apart."""
    rng = np.random.RandomState(seed)  # frozen: its numbers never change

    def drawn(*shape: int, scale: float = 0.3) -> Tensor:
        return torch.from_numpy(rng.normal(0.0, scale, shape).astype(np.float32))

    weights = {"class_weights": torch.tensor([1.0, 2.0]), "pos_encoding": drawn(1, ROWS, WIDTH)}
    for i in range(LAYERS):
        layer = f"transformer.layers.{i}"
        weights |= {
            f"{layer}.self_attn.in_proj_weight": drawn(3 * WIDTH, WIDTH),
            f"{layer}.self_attn.in_proj_bias": drawn(3 * WIDTH),
            f"{layer}.self_attn.out_proj.weight": drawn(WIDTH, WIDTH),
            f"{layer}.self_attn.out_proj.bias": drawn(WIDTH),
            f"{layer}.linear1.weight": drawn(HIDDEN, WIDTH),
            f"{layer}.linear1.bias": drawn(HIDDEN),
            f"{layer}.linear2.weight": drawn(WIDTH, HIDDEN),
            f"{layer}.linear2.bias": drawn(WIDTH),
            f"{layer}.norm1.weight": 1 + drawn(WIDTH),
            f"{layer}.norm1.bias": drawn(WIDTH),
            f"{layer}.norm2.weight": 1 + drawn(WIDTH),
            f"{layer}.norm2.bias": drawn(WIDTH),
        }
    return weights | {
        "classifier.weight": drawn(2, WIDTH, scale=0.6),
        "classifier.bias": drawn(2),
        "crf.transitions": drawn(2, 2),
        "crf.start_transitions": drawn(2),
        "crf.end_transitions": drawn(2),
    }


def features() -> NDArray[np.float32]:
    """Three windows of noise, each with a stretch that looks different."""
    rng = np.random.RandomState(21)
    x = rng.normal(size=(3, ROWS, WIDTH))
    other = rng.normal(scale=2.0, size=WIDTH)
    for window, rows in zip(x, (slice(8, 31), slice(0, 14), slice(41, 60)), strict=True):
        window[rows] += other
    return x.astype(np.float32)


def twin_logits(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """What the prototype computes for one window (t, WIDTH), written out."""
    x = x + weights["pos_encoding"][0, : len(x)]
    for i in range(LAYERS):
        w = {
            name.removeprefix(f"transformer.layers.{i}."): value for name, value in weights.items()
        }
        query, key, value = (
            (x @ part.T + bias).view(len(x), HEADS, -1).transpose(0, 1)
            for part, bias in zip(
                w["self_attn.in_proj_weight"].chunk(3),
                w["self_attn.in_proj_bias"].chunk(3),
                strict=True,
            )
        )
        scores = query @ key.transpose(1, 2) / (WIDTH // HEADS) ** 0.5
        mixed = (scores.softmax(-1) @ value).transpose(0, 1).reshape(len(x), WIDTH)
        mixed = mixed @ w["self_attn.out_proj.weight"].T + w["self_attn.out_proj.bias"]
        x = F.layer_norm(x + mixed, (WIDTH,), w["norm1.weight"], w["norm1.bias"])
        hidden = (x @ w["linear1.weight"].T + w["linear1.bias"]).clamp(min=0)
        hidden = hidden @ w["linear2.weight"].T + w["linear2.bias"]
        x = F.layer_norm(x + hidden, (WIDTH,), w["norm2.weight"], w["norm2.bias"])
    return x @ weights["classifier.weight"].T + weights["classifier.bias"]


def twin_tags(weights: dict[str, Tensor], logits: Tensor) -> str:
    """Its path: the best of all that end in each tag, with the biases it adds when answering."""
    steps = weights["crf.transitions"].double().clone()
    steps[1, 1] += 1.5
    steps[1, 0] -= 1.5
    best = {
        tag: (float(weights["crf.start_transitions"][tag] + logits[0, tag]), str(tag))
        for tag in (0, 1)
    }
    for row in logits[1:].double():
        best = {
            tag: max(
                (score + float(steps[old, tag] + row[tag]), path + str(tag))
                for old, (score, path) in best.items()
            )
            for tag in (0, 1)
        }
    end = weights["crf.end_transitions"]
    return max((score + float(end[tag]), path) for tag, (score, path) in best.items())[1]


def saved(folder: Path, content: object) -> Path:
    path = folder / "model.pt"
    torch.save(content, path)
    return path


def tags_of(network: IntroDetectionTransformer, x: NDArray[np.float32]) -> list[str]:
    biased = network.crf.weights().biased(1.5, -1.5)
    with torch.no_grad():
        emissions = network(torch.from_numpy(x)).numpy()
    return ["".join(map(str, best_path(window, biased).tolist())) for window in emissions]


def test_an_old_model_answers_as_the_prototype_did(tmp_path: Path) -> None:
    network = load_prototype(saved(tmp_path, old_weights()), n_heads=HEADS)
    assert tags_of(network, features()) == GOLDEN


def test_the_golden_tags_are_those_of_the_twin() -> None:
    weights = old_weights()
    windows = torch.from_numpy(features())
    assert [twin_tags(weights, twin_logits(weights, window)) for window in windows] == GOLDEN


def test_the_golden_tags_would_show_scaled_logits_and_missing_biases(tmp_path: Path) -> None:
    network = load_prototype(saved(tmp_path, old_weights()), n_heads=HEADS)
    with torch.no_grad():
        emissions = network(torch.from_numpy(features())).numpy()
    plain = network.crf.weights()
    for scale, chosen in (([1, 2], plain.biased(1.5, -1.5)), ([1, 1], plain)):
        tags = ["".join(map(str, best_path(e * scale, chosen).tolist())) for e in emissions]
        assert tags != GOLDEN


def test_logits_are_those_of_the_twin(tmp_path: Path) -> None:
    weights = old_weights()
    network = load_prototype(saved(tmp_path, weights), n_heads=HEADS)
    x = torch.from_numpy(features())
    with torch.no_grad():
        for window in (x[0], x[1, :17]):
            torch.testing.assert_close(network(window[None])[0], twin_logits(weights, window))


def test_the_shape_is_read_from_the_weights(tmp_path: Path) -> None:
    network = load_prototype(saved(tmp_path, old_weights()), n_heads=HEADS)
    config = prototype_config(network, "clip")
    assert not network.training
    assert network.class_weights is None
    assert config.network.d_model == WIDTH
    assert config.network.n_heads == HEADS
    assert config.network.n_layers == LAYERS
    assert config.network.feedforward == HIDDEN
    assert (config.network.window_rows, config.network.stride_rows) == (ROWS, ROWS)
    assert config.train.class_weights is None
    assert (config.recipe, config.extract.encoder) == ("baseline", "clip")


@pytest.mark.parametrize("wrapping", ["model_state_dict", "state_dict"])
def test_wrapped_and_parallel_checkpoints_load(tmp_path: Path, wrapping: str) -> None:
    weights = {f"module.{name}": value for name, value in old_weights().items()}
    network = load_prototype(saved(tmp_path, {wrapping: weights, "epoch": 3}), n_heads=HEADS)
    assert tags_of(network, features()) == GOLDEN


def test_without_class_weights_nothing_changes(tmp_path: Path) -> None:
    weights = old_weights()
    del weights["class_weights"]
    network = load_prototype(saved(tmp_path, weights), n_heads=HEADS)
    assert tags_of(network, features()) == GOLDEN


class Unpicklable:
    """Stands for anything but weights."""


def with_nan() -> dict[str, Tensor]:
    weights = old_weights()
    weights["classifier.bias"][1] = float("nan")
    return weights


def without(name: str) -> dict[str, Tensor]:
    return {key: value for key, value in old_weights().items() if key != name}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"classifier": Unpicklable()}, "could run code"),
        (torch.nn.Linear(2, 2), "could run code"),
        ([1, 2], "no state dict but list"),
        ({"epoch": 3}, "no state dict but dict"),
        ({}, "lacks weights of the prototype's network: classifier.weight, pos_encoding"),
        (without("pos_encoding"), "lacks weights of the prototype's network: pos_encoding"),
        (without("crf.transitions"), "crf.transitions"),
        (without("transformer.layers.0.norm1.bias"), "transformer.layers.0.norm1.bias"),
        (old_weights() | {"lstm.weight": torch.zeros(2)}, "has not: lstm.weight"),
        (old_weights() | {"crf.transitions": torch.zeros(3, 3)}, "another shape"),
        (old_weights() | {"pos_encoding": torch.zeros(ROWS)}, "another shape"),
        (with_nan(), "no numbers: classifier.bias"),
    ],
)
def test_what_is_not_such_a_model_is_one_clear_line(
    tmp_path: Path, content: object, found: str
) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(ModelError) as error:
        load_prototype(path, n_heads=HEADS)
    assert str(error.value).startswith(f"{path}: ")
    assert found in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"no weights at all", b"PK\x03\x04 a torn archive", b"\x80\x02}q\x00."]
)
def test_other_files_are_no_weights(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"not a file of torch weights|lacks weights"):
        load_prototype(path)


def test_a_torn_checkpoint_is_no_weights(tmp_path: Path) -> None:
    path = saved(tmp_path, old_weights())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="not a file of torch weights, or is damaged"):
        load_prototype(path)


def test_a_path_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(ModelError, match="can't be read"):
            load_prototype(path)


@pytest.mark.parametrize("heads", [5, 0, 12 * WIDTH])
def test_heads_must_divide_the_width(tmp_path: Path, heads: int) -> None:
    path = saved(tmp_path, old_weights())
    with pytest.raises(ModelError, match=f"24 wide, which {heads} heads don't divide"):
        load_prototype(path, n_heads=heads)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("clip"), width=WIDTH)


def test_a_converted_model_answers_without_torch_as_the_prototype_did(
    tmp_path: Path, clip: Path
) -> None:
    path = saved(tmp_path, old_weights())
    folder = converted(path, str(clip), HEADS, tmp_path / "cache", "cpu")
    head = Head.load(folder)
    rows = features().reshape(3 * ROWS, WIDTH)[:-20]  # the last window is not full
    episode = EpisodeFeatures(Grid(1.0, len(rows)), 2400.0, rows, None, head.spec.encoder)
    emissions = head.emissions(episode)
    biased = head.crf.biased(*head.config.decode.transition_bias)
    tags = [
        best_path(emissions[first : first + ROWS], biased).tolist()
        for first in range(0, len(rows), ROWS)
    ]
    assert ["".join(map(str, window)) for window in tags[:2]] == GOLDEN[:2]
    weights = old_weights()
    last = twin_logits(weights, torch.from_numpy(rows[2 * ROWS :]))
    np.testing.assert_allclose(emissions[2 * ROWS :], last.numpy(), atol=1e-4)

    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert converted(path, str(clip), HEADS, tmp_path / "cache", "cpu") == folder
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def prototype_vectors(folder: Path, images: list[NDArray[np.uint8]]) -> Tensor:
    """By transformers' own classes, as the prototype's code calls them."""
    import transformers as t

    loud: Any = t.utils.logging
    loud.set_verbosity_error()
    tower: Any = t.CLIPVisionModel.from_pretrained(folder)
    auto: Any = t.AutoImageProcessor
    processor = auto.from_pretrained(folder)
    with torch.no_grad():
        inputs = processor(images=[Image.fromarray(image) for image in images], return_tensors="pt")
        vectors: Tensor = tower.eval()(**inputs).pooler_output
    return vectors


def test_a_file_is_answered_as_by_the_prototypes_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its network is as wide as the tower is before the projection, like clip-vit-base-patch32."""
    monkeypatch.setattr("zastavka.vision.multiplies_bf16", lambda _device: False)
    tower = save_clip(tmp_path / "tower", width=16, pooled=WIDTH)
    weights = old_weights()
    folder = converted(saved(tmp_path, weights), str(tower), HEADS, tmp_path / "cache", "cpu")
    film = write(tmp_path / "a.mkv", Film(times=tuple(i / 2 for i in range(2 * ROWS))))
    with Pictures.at(film, [float(second) for second in range(ROWS)]) as pictures:
        images = [picture.image for picture in pictures]
    theirs = prototype_vectors(tower, images)
    logits = twin_logits(weights, theirs).numpy()
    scaled = twin_logits(weights, F.normalize(theirs, dim=-1)).numpy()
    assert np.abs(logits - scaled).max() > 0.5  # the test would show it
    for encoder in (None, str(tower)):
        detector = Detector.load(folder, encoder, device="cpu")
        features = detector.features(Episode(film))
        emissions = detector.head.emissions(features)
        np.testing.assert_allclose(emissions, logits, atol=0.05)
    tags = best_path(emissions, detector.head.crf.biased(1.5, -1.5))
    assert "".join(map(str, tags.tolist())) == twin_tags(weights, torch.from_numpy(logits))


def test_vectors_after_the_projection_come_first(tmp_path: Path) -> None:
    both = save_clip(tmp_path / "both", width=WIDTH, pooled=WIDTH)
    path = saved(tmp_path, old_weights())
    for text, variant in (("", "#raw"), ("#pooled,raw", "#pooled,raw"), ("#pooled", "#pooled")):
        folder = converted(path, f"{both}{text}", HEADS, tmp_path / "cache", "cpu")
        head = Head.load(folder)
        assert head.config.extract.encoder == f"{both}{variant}"
        assert head.spec.encoder.endswith(variant)


def test_an_encoder_of_another_width_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, old_weights())
    with pytest.raises(ModelError, match=r"wants vectors of 24 numbers, 'builtin' gives \d+"):
        converted(path, "builtin", HEADS, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
