"""Going on from a model: what it knew is taken over, and what is forgotten is measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from test_train import SMALL, SPEC, dataset_of
from zastavka.errors import ModelError
from zastavka.learn.dataset import Dataset
from zastavka.learn.learned import learned_by
from zastavka.learn.record import HISTORY
from zastavka.learn.train import Earlier, fit, train
from zastavka.model import WEIGHTS_FILE


def turned(dataset: Dataset) -> Dataset:
    """The same, told by the second column and not by the first."""
    windows = tuple(
        replace(w, inputs=w.inputs[:, [1, 0, *range(2, w.inputs.shape[1])]], series=f"other {i}")
        for i, w in enumerate(dataset.windows)
    )
    return replace(dataset, windows=windows)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "first"
    train(dataset_of(16), SMALL.override({"train": {"epochs": 20}}, "test"), folder)
    return folder


def test_weights_are_taken_over_and_never_given_up_for_worse(first: Path, tmp_path: Path) -> None:
    # a rate at which nothing can be learned
    still = SMALL.override({"train": {"epochs": 2, "learning_rate": 1e-12}}, "test")
    trained = fit(dataset_of(16, seed=3), still, tmp_path / "m", earlier=Earlier(first))
    assert trained.log[0].epoch == 0
    assert (trained.log[0].validation_f1 or 0.0) > 0.8  # it knew already
    known = learned_by(first, still, SPEC).weights
    for name, value in trained.network.state_dict().items():
        assert np.allclose(value.numpy(), known[name].numpy(), atol=1e-6)
    assert trained.start.begun_from == "first"


def test_what_is_forgotten_is_measured(first: Path, tmp_path: Path) -> None:
    config = SMALL.override({"train": {"epochs": 25}}, "test")
    old, new = dataset_of(6, seed=5), turned(dataset_of(16, seed=4))
    train(new, config, tmp_path / "m", earlier=Earlier(first, old))
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    before, after = metrics["remembered"]
    assert (before["epoch"], after["epoch"]) == (0, metrics["best_epoch"])
    assert before["validation_f1"] > 0.8
    assert after["validation_f1"] < before["validation_f1"] - 0.1
    lines = [json.loads(x) for x in (tmp_path / "m" / HISTORY).read_text().splitlines()]
    assert lines[0]["run"]["begun_from"] == "first"
    assert set(lines[0]["run"]["versions"]) == {"zastavka", "python", "torch", "numpy"}
    assert lines[1:] == metrics["epochs"]


def test_a_stopped_run_that_went_on_from_a_model_goes_on_bit_for_bit(
    first: Path, tmp_path: Path
) -> None:
    data = turned(dataset_of(8))
    whole = fit(data, SMALL, tmp_path / "a", earlier=Earlier(first))

    def stop(event: object) -> None:
        if getattr(event, "epoch", 0) == 3 and hasattr(event, "batch"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(data, SMALL, tmp_path / "b", progress=stop, earlier=Earlier(first))
    again = fit(data, SMALL, tmp_path / "b", resume=True, earlier=Earlier(first))
    for name, value in whole.network.state_dict().items():
        assert (value == again.network.state_dict()[name]).all()
    assert len(again.log) == len(whole.log)


def test_models_that_do_not_fit_are_one_line(first: Path, tmp_path: Path) -> None:
    wider = SMALL.override({"network": {"d_model": 32}}, "test")
    for folder, config, spec, says in (
        (tmp_path / "none", SMALL, SPEC, "none"),
        (first, wider, SPEC, "is a network of other sizes"),
        (first, SMALL, replace(SPEC, encoder="clip/1"), "was trained on 6 columns of 'builtin/1'"),
    ):
        with pytest.raises(ModelError, match=says) as raised:
            learned_by(folder, config, spec)
        assert "\n" not in str(raised.value)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in first.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    (damaged / WEIGHTS_FILE).write_bytes(b"junk")
    with pytest.raises(ModelError):
        learned_by(damaged, SMALL, SPEC)
