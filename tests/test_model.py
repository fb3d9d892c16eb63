from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zastavka import audio, descriptor
from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.errors import FeatureError, ModelError
from zastavka.features import EpisodeFeatures
from zastavka.inputs import UNKNOWN, InputSpec, assemble_inputs
from zastavka.learn.export import write_model
from zastavka.learn.network import IntroDetectionTransformer, Tagger, network_of
from zastavka.model import Head, digests_of, windows
from zastavka.options import NetworkOptions
from zastavka.segment import Grid

PICTURE, SOUND = len(descriptor.COLUMNS), len(audio.COLUMNS)
BUILTIN = descriptor.BuiltinDescriptor.name
SMALL = {"d_model": 16, "n_heads": 2, "n_layers": 1, "feedforward": 16, "conv_layers": 1}


def features_of(n: int, seed: int = 0, **changes: object) -> EpisodeFeatures:
    rng = np.random.default_rng(seed)
    values: dict[str, object] = {
        "grid": Grid(0.5, n),
        "duration": n * 0.5 + 100,
        "picture": rng.normal(size=(n, PICTURE)).astype(np.float32),
        "sound": rng.normal(size=(n, SOUND)).astype(np.float32),
        "encoder": BUILTIN,
    }
    return EpisodeFeatures(**(values | changes))  # type: ignore[arg-type]


def spec_all(**changes: object) -> InputSpec:
    values: dict[str, object] = {
        "encoder": BUILTIN, "picture_width": PICTURE, "sound_width": SOUND, "inputs": "all",
    }  # fmt: skip
    return InputSpec(**(values | changes))  # type: ignore[arg-type]


def written(folder: Path, config: Config, spec: InputSpec) -> Tagger:
    torch.manual_seed(1)
    weights = config.train.class_weights
    network = network_of(config.network, spec.width, weights).eval()
    if isinstance(network, IntroDetectionTransformer):
        torch.nn.init.normal_(network.pos_encoding)
    write_model(folder, network, config, spec, {"note": 1}, "# card\n")
    return network


@pytest.fixture(scope="module", params=["transformer", "lstm"])
def model(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, Config, Tagger]:
    folder = tmp_path_factory.mktemp("models") / "small"
    shape = {**SMALL, "kind": request.param, "window_rows": 40, "stride_rows": 20}
    config = DEFAULT.override({"network": shape}, "test")
    width = spec_all().width
    rng = np.random.default_rng(3)
    spec = spec_all(
        mean=rng.normal(size=width).astype(np.float32),
        spread=rng.uniform(0.5, 2, width).astype(np.float32),
    )
    return folder, config, written(folder, config, spec)


@given(st.integers(1, 500), st.integers(8, 120), st.integers(1, 120))
def test_windows_cover_every_row_and_none_is_too_long(n: int, size: int, stride: int) -> None:
    stride = min(stride, size)
    options = NetworkOptions(window_rows=size, stride_rows=stride)
    covered = np.zeros(n, int)
    for window in windows(n, options):
        assert 0 < window.stop - window.start <= size
        covered[window] += 1
    assert (covered > 0).all()
    if stride == size:
        assert (covered == 1).all()


@pytest.mark.parametrize("n", [1, 7, 40, 41, 130])
def test_onnx_answers_as_torch_does_and_blends_windows(
    model: tuple[Path, Config, Tagger], n: int
) -> None:
    folder, config, network = model
    head = Head.load(folder)
    features = features_of(n)
    table = assemble_inputs(features, head.spec)
    total, weight = np.zeros((n, 2)), np.zeros((n, 1))
    for window in windows(n, config.network):
        rows = torch.from_numpy(table[window])[None]
        with torch.inference_mode():
            emitted = network(rows, torch.ones(rows.shape[:2], dtype=torch.bool))[0].numpy()
        size = window.stop - window.start
        fade = np.minimum(np.arange(size) + 1, size - np.arange(size))[:, None] / ((size + 1) // 2)
        total[window] += emitted * fade
        weight[window] += fade
    np.testing.assert_allclose(head.emissions(features), total / weight, rtol=1e-4, atol=1e-5)


def test_class_weights_scale_answers_as_they_scale_training(tmp_path: Path) -> None:
    spec = InputSpec(BUILTIN, PICTURE, 0, "pictures")
    for weights in (None, (1.0, 2.0)):
        config = BASELINE.override(
            {"network": {**SMALL, "conv_layers": 0}, "train": {"class_weights": weights}}, "test"
        )
        written(tmp_path / str(weights), config, spec)
    features = features_of(50, sound=None)
    plain = Head.load(tmp_path / "None").emissions(features)
    scaled = Head.load(tmp_path / "(1.0, 2.0)").emissions(features)
    np.testing.assert_allclose(scaled, plain * [1, 2], rtol=1e-4, atol=1e-5)


def test_gain_of_the_file_is_no_evidence() -> None:
    spec = spec_all()
    sound = features_of(30).sound
    assert sound is not None
    louder = sound.copy()
    for i, name in enumerate(audio.COLUMNS):
        if name in ("loudness", "softest", "loudest", "softest_2s") or name.startswith(
            (
                "mel0",
                "mel1",
                "mel2",
                "mel3",
                "mel4",
                "mel5",
                "mel6",
                "mel7",
                "mel8",
                "mel9",
                "mel_floor",
            )
        ):
            louder[:, i] += 6.0
    np.testing.assert_allclose(
        assemble_inputs(features_of(30, sound=louder), spec),
        assemble_inputs(features_of(30), spec), atol=1e-4,
    )  # fmt: skip


def test_a_missing_sense_reads_as_the_mean_and_says_so() -> None:
    width = spec_all().width
    spec = spec_all(mean=np.full(width, 5.0, np.float32), spread=np.ones(width, np.float32))
    seen, heard = spec.senses
    deaf = assemble_inputs(features_of(20, sound=None), spec)
    blind = assemble_inputs(features_of(20, picture=None), spec)
    assert (deaf[:, heard] == 0).all()
    assert (deaf[:, seen] != 0).any()
    assert (blind[:, seen] == 0).all()
    assert (blind[:, heard] != 0).any()
    assert (deaf[:, -1] < blind[:, -1]).all()


def test_prototype_inputs_are_the_vectors_themselves() -> None:
    features = features_of(20, sound=None)
    table = assemble_inputs(features, InputSpec(BUILTIN, PICTURE, 0, "pictures"))
    np.testing.assert_array_equal(table, features.picture)


def test_embeddings_get_their_distance_to_neighbours() -> None:
    rows = np.zeros((6, 4), np.float32)
    rows[:3, 0] = rows[3:, 1] = 1.0
    features = features_of(6, picture=rows, encoder="clip:x:1")
    table = assemble_inputs(features, InputSpec("clip:x:1", 4, SOUND, "all"))
    assert table[:, 4].tolist() == [0, 0, 0, 1, 0, 0]
    assert table[:, 5].tolist() == [0, 0, 1, 0, 0, 0]


def test_features_of_another_encoder_are_refused(model: tuple[Path, Config, object]) -> None:
    head = Head.load(model[0])
    with pytest.raises(FeatureError, match=r"E1.mkv: features are of encoder 'clip:x:1'"):
        head.emissions(features_of(20, encoder="clip:x:1"), "E1.mkv")
    narrow = np.zeros((20, 7), np.float32)
    with pytest.raises(FeatureError, match="7 wide"):
        head.emissions(features_of(20, picture=narrow))


def test_nan_in_features_is_refused(model: tuple[Path, Config, object]) -> None:
    rows = np.zeros((20, PICTURE), np.float32)
    rows[4, 2] = np.nan
    with pytest.raises(FeatureError, match="NaN or infinity in row 4"):
        Head.load(model[0]).emissions(features_of(20, picture=rows))


def test_a_damaged_model_is_one_line(model: tuple[Path, Config, object], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model folder"):
        Head.load(tmp_path)
    for file, text in (
        ("options.json", "{"),
        ("weights.safetensors", "junk"),
        ("network.onnx", "junk"),
    ):
        broken = tmp_path / file
        shutil.copytree(model[0], broken)
        (broken / file).write_text(text)
        with pytest.raises(ModelError, match=file):
            Head.load(broken)


@pytest.mark.parametrize("killed_after", [2, 3, 4, 5])  # card and figures, network, weights, all
def test_a_model_half_replaced_is_refused(
    model: tuple[Path, Config, Tagger],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    killed_after: int,
) -> None:
    folder, width = tmp_path / "m", spec_all().width
    shutil.copytree(model[0], folder)
    new = spec_all(mean=np.full(width, 7, np.float32), spread=np.full(width, 9, np.float32))
    network = copy.deepcopy(model[2])
    if isinstance(network, IntroDetectionTransformer):
        torch.nn.init.normal_(network.pos_encoding)
    replace, done = os.replace, list[str]()

    def dying(source: Path, target: Path) -> None:
        if len(done) == killed_after:
            raise KeyboardInterrupt
        replace(source, target)
        done.append(target.name)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", dying)
        if killed_after == 5:
            write_model(folder, network, model[1], new, {"note": 1}, "# card\n")
        else:
            with pytest.raises(KeyboardInterrupt):
                write_model(folder, network, model[1], new, {"note": 1}, "# card\n")
    assert done == [
        "README.md", "metrics.json", "network.onnx", "weights.safetensors", "options.json",
    ][:killed_after]  # fmt: skip
    if killed_after in (3, 4):
        with pytest.raises(ModelError, match="m: holds files of two models"):
            Head.load(folder)
    else:
        mean = Head.load(folder).spec.mean
        assert mean is not None
        assert (mean[0] == 7) == (killed_after == 5)


def test_a_model_without_digests_is_taken(
    model: tuple[Path, Config, object], tmp_path: Path
) -> None:
    shutil.copytree(model[0], tmp_path / "m")
    document = json.loads((tmp_path / "m" / "options.json").read_text())
    assert document.pop("digests") == digests_of(model[0])
    (tmp_path / "m" / "options.json").write_text(json.dumps(document))
    assert Head.load(tmp_path / "m").config == model[1]


def test_options_travel_with_the_model(model: tuple[Path, Config, object]) -> None:
    assert Head.load(model[0]).config == model[1]
    assert json.loads((model[0] / "metrics.json").read_text()) == {"note": 1}
    assert (model[0] / "README.md").read_text() == "# card\n"


def test_a_model_that_does_not_know_its_encoder_asks_for_it(
    model: tuple[Path, Config, object], tmp_path: Path
) -> None:
    from zastavka.pipeline import Detector

    vague = tmp_path / "vague"
    shutil.copytree(model[0], vague)
    document = json.loads((vague / "options.json").read_text())
    document["inputs"]["encoder"] = UNKNOWN
    (vague / "options.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match="give --encoder"):
        Detector.load(vague)
    assert Detector.load(vague, encoder="builtin").encoder.name == BUILTIN


def test_files_of_a_model_are_as_readable_as_any_other(
    model: tuple[Path, Config, object], tmp_path: Path
) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("")
    modes = {path.stat().st_mode for path in model[0].iterdir()}
    assert modes == {ordinary.stat().st_mode}
