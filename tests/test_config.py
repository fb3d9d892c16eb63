from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from zastavka.config import BASELINE, DEFAULT, RECIPES, Config
from zastavka.errors import OptionError
from zastavka.options import DecodeOptions, ExtractOptions, NetworkOptions


def test_baseline_is_the_prototype() -> None:
    extract, network, train, decode = (
        BASELINE.extract,
        BASELINE.network,
        BASELINE.train,
        BASELINE.decode,
    )
    assert (extract.step, extract.window(3000), extract.encoder) == (1.0, 180.0, "clip")
    assert (network.d_model, network.n_heads, network.n_layers) == (768, 12, 6)
    assert (network.window_rows, network.stride_rows, network.inputs) == (60, 60, "pictures")
    assert (train.epochs, train.learning_rate, train.weight_decay) == (30, 3e-5, 1e-5)
    assert (train.class_weights, train.oversample, train.copies) == ((1, 2), (20, 1), 2)
    assert (decode.method, decode.closing_rows, decode.min_rows) == ("closing", 3, 3)
    assert decode.transition_bias == (1.5, -1.5)


def test_recipes_know_their_names() -> None:
    assert {name: config.recipe for name, config in RECIPES.items()} == {
        "baseline": "baseline",
        "builtin": "builtin",
        "default": "default",
    }
    assert Config().extract == DEFAULT.extract


@pytest.mark.parametrize(
    ("duration", "window"),
    [(100, 100), (400, 300), (1200, 420), (3600, 900), (0.5, 0.5)],
)
def test_window(duration: float, window: float) -> None:
    assert ExtractOptions().window(duration) == pytest.approx(window)


def test_options_survive_json_and_cannot_be_changed() -> None:
    for config in RECIPES.values():
        assert Config.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError, match="frozen"):
        DEFAULT.train.epochs = 3  # type: ignore[misc]


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(ValidationError, match=r"window_min 500.0 is above window_max 400.0"):
        ExtractOptions(window_min=500, window_max=400)
    with pytest.raises(ValidationError, match="d_model 100 is no multiple of n_heads 3"):
        NetworkOptions(d_model=100, n_heads=3)
    with pytest.raises(ValidationError, match="stride_rows 70 leaves rows"):
        NetworkOptions(window_rows=60, stride_rows=70)
    with pytest.raises(ValidationError, match="less than or equal"):
        DecodeOptions(threshold=float("nan"))


def test_a_file_over_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('recipe = "mine"\n[train]\nepochs = 5\nclass_weights = [1, 3]\n')
    config = Config.read(path, BASELINE)
    assert (config.recipe, config.train.epochs, config.train.class_weights) == ("mine", 5, (1, 3))
    assert config.train.oversample == BASELINE.train.oversample
    assert config.extract == BASELINE.extract
    assert Config.read(path).extract == ExtractOptions()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[train]\nepochs = 0\n", r"option train\.epochs: .* greater than or equal to 1"),
        ("[train]\nepoks = 3\n", r"option train\.epoks: "),
        ("[nostage]\nx = 3\n", "option nostage: "),
        ("train = 3\n", "option train: "),
        ("[train\n", "is not TOML"),
        ("[network]\nd_model = 100\nn_heads = 3\n", "no multiple"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=reason) as caught:
        Config.read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"nothing\.toml: can't be read: No such file"):
        Config.read(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes('recipe = "é"'.encode("latin-1"))
    with pytest.raises(OptionError, match="is not TOML"):
        Config.read(tmp_path / "latin.toml")


def test_settings_of_the_command_line() -> None:
    config = DEFAULT.with_settings(
        ["train.epochs=5", "extract.encoder=org/name", "train.class_weights=[1, 2.5]"]
    )
    assert config.train.epochs == 5
    assert config.extract.encoder == "org/name"  # no quotes needed
    assert config.train.class_weights == (1, 2.5)
    assert DEFAULT.with_settings([]) == DEFAULT


@pytest.mark.parametrize("setting", ["train.epochs", "epochs=5", "=", "train.epochs=many", "x.y=1"])
def test_a_wrong_setting_is_named(setting: str) -> None:
    with pytest.raises(OptionError) as caught:
        DEFAULT.with_settings([setting])
    assert str(caught.value).startswith(setting)
