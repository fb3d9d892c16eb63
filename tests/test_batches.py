"""Windows as a step sees them: alone or among siblings, with evidence that is missing or false."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from zastavka import audio, evidence
from zastavka.config import BUILTIN
from zastavka.descriptor import BuiltinDescriptor
from zastavka.inputs import InputSpec, standardise
from zastavka.learn.batches import Shown
from zastavka.learn.dataset import Dataset, Window, read_dataset, write_dataset
from zastavka.learn.train import fit
from zastavka.options import TrainOptions

SPEC = InputSpec(
    BuiltinDescriptor.name, BuiltinDescriptor.width, len(audio.COLUMNS), "all",
    evidence_width=len(evidence.COLUMNS),
)  # fmt: skip
AMONG = SPEC.parts.evidence
ROWS, INTRO = 80, slice(20, 50)
PLAIN = TrainOptions(splice=0.0, mask_rows=0.0, noise=0.0, drop_sense=0.0, crop_rows=None, thin=0.0)


def window(seed: int = 0, seasons: int = 2, intro: slice = INTRO) -> Window:
    """One of a season in which the intro is heard in all the others, or in half of them."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(ROWS, SPEC.width)).astype(np.float32)
    inputs[:, AMONG], inputs[:, -2:] = 0.0, 1.0
    labels = np.zeros(ROWS, np.float32)
    labels[intro] = 1
    rows = np.zeros((seasons, ROWS, AMONG.stop - AMONG.start), np.float32)
    rows[:, :, -2:] = 0.5, 1.0  # siblings, compared
    rows[:, intro, 0] = np.linspace(1.0, 0.5, seasons)[:, None]
    return Window(f"v{seed}", f"s{seed}", 0, inputs, labels, tuple(rows))


def shown(each: Window, options: TrainOptions, seed: int = 0) -> np.ndarray:
    """The columns of evidence of a window as a step sees them, as they were measured."""
    spec = replace(
        SPEC, mean=np.zeros(SPEC.width, np.float32), spread=np.ones(SPEC.width, np.float32)
    )
    inputs, _, _ = Shown(Dataset((each,), spec), options, spec, 0.5).collate(
        [each], np.random.default_rng(seed)
    )
    return inputs[0].numpy()[:, AMONG]


def test_alone_there_is_no_evidence() -> None:
    assert not shown(window(), PLAIN.model_copy(update={"alone": 1.0})).any()
    assert not shown(window(seasons=0), PLAIN.model_copy(update={"alone": 0.0})).any()


def test_among_siblings_the_evidence_is_that_of_some_of_them() -> None:
    options = PLAIN.model_copy(update={"alone": 0.0})
    heard = {float(shown(window(), options, seed)[INTRO, 0].mean()) for seed in range(20)}
    assert heard == {1.0, 0.5}


def test_both_are_shown_as_often_as_asked_for() -> None:
    options = PLAIN.model_copy(update={"alone": 0.6})
    alone = [not shown(window(), options, seed).any() for seed in range(200)]
    assert 0.5 < np.mean(alone) < 0.7


def test_evidence_may_be_missing_and_may_be_false() -> None:
    options = PLAIN.model_copy(update={"alone": 0.0, "thin": 0.5})
    rows = [shown(window(), options, seed) for seed in range(60)]
    missing = [not each[INTRO, 0].any() for each in rows]
    false = [each[INTRO.stop + 1 :, :5].any() for each in rows]
    assert 0.1 < np.mean(missing) < 0.6
    assert 0.1 < np.mean(false) < 0.6
    assert all((each[:, -1] == 1).all() for each in rows)  # they were compared all the same


def test_the_evidence_goes_through_the_file(tmp_path: Path) -> None:
    made = Dataset((window(), window(1, seasons=0)), SPEC, BUILTIN.extract)
    write_dataset(tmp_path / "dataset.pt", made)
    back = read_dataset(tmp_path / "dataset.pt")
    assert back.spec == SPEC
    assert back.digest() == made.digest()
    assert [len(each.seasons) for each in back.windows] == [2, 0]
    np.testing.assert_array_equal(back.windows[0].seasons[1], made.windows[0].seasons[1])


def test_a_network_learns_to_believe_what_repeats(tmp_path: Path) -> None:
    """Rows are noise, and only the evidence says where the intro is."""
    train = {"epochs": 15, "alone": 0.0, "batch": 4, "learning_rate": 3e-3}
    config = BUILTIN.override({"train": train, "network": {"d_model": 16}}, "test")
    places = [slice(i, i + 20) for i in range(60)]
    windows = tuple(window(i, intro=place) for i, place in enumerate(places))
    trained = fit(Dataset(windows, SPEC, config.extract), config, tmp_path)
    unseen = window(99, intro=slice(31, 51))
    alone = unseen.inputs.copy()
    among = unseen.inputs.copy()
    among[:, AMONG] = unseen.seasons[0]
    right = []
    for inputs in (alone, among):
        rows = torch.from_numpy(standardise(inputs, trained.spec))[None]
        with torch.inference_mode():
            tags = trained.network(rows, None)[0].argmax(dim=1).numpy()
        right.append(float((tags == unseen.labels).mean()))
    assert right[1] > 0.95 > 0.85 > right[0], right


def test_evidence_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="evidence does not fit"):
        replace(window(), seasons=(np.zeros((ROWS - 1, 7), np.float32),))
