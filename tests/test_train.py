from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.crf import best_path
from zastavka.errors import DatasetError, ModelError, StorageError
from zastavka.inputs import InputSpec
from zastavka.learn import run as training
from zastavka.learn.batches import Shown, batches
from zastavka.learn.dataset import Dataset, Window, read_dataset, write_dataset
from zastavka.learn.record import UNDER_WAY, Epoch
from zastavka.learn.run import Step
from zastavka.learn.train import CHECKPOINT, Trained, fit, train
from zastavka.model import Head

WIDTH = 6
SPEC = InputSpec("builtin/1", WIDTH, 0, "pictures")
SMALL = BASELINE.override(
    {
        "extract": {"encoder": "builtin"},
        "network": {"d_model": 16, "n_heads": 2, "n_layers": 1, "feedforward": 32,
                    "window_rows": 40, "stride_rows": 40},
        "train": {"epochs": 6, "batch": 4, "learning_rate": 3e-3, "oversample": None,
                  "class_weights": None, "validation": 0.25},
    },
    "test",
)  # fmt: skip


def dataset_of(series: int = 8, seed: int = 0, rows: int = 40) -> Dataset:
    """Rows whose first column tells the tag, under noise."""
    rng = np.random.default_rng(seed)
    windows = []
    for i in range(series):
        labels = np.zeros(rows, np.float32)
        first = int(rng.integers(0, rows - 12))
        labels[first : first + 12] = 1
        inputs = rng.normal(0, 0.5, (rows, WIDTH)).astype(np.float32)
        inputs[:, 0] += 3 * labels
        windows.append(Window(f"v{i}", f"s{i}", 0, inputs, labels))
    return Dataset(tuple(windows), SPEC)


def weights_of(trained: Trained) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in trained.network.state_dict().items()}


def test_it_learns_what_the_rows_say(tmp_path: Path) -> None:
    events: list[object] = []
    config = SMALL.override({"train": {"epochs": 25}}, "test")
    log = train(dataset_of(16), config, tmp_path / "m", progress=events.append)
    losses = [row.loss or 0.0 for row in log]
    assert losses[-1] < 0.3 * losses[0]
    assert max(row.validation_f1 or 0 for row in log) > 0.9
    head = Head.load(tmp_path / "m")
    window = dataset_of(1, seed=9).windows[0]
    emissions = head._session.run(
        None, {"inputs": window.inputs[None], "mask": np.ones((1, 40), bool)}
    )[0][0]
    assert (best_path(emissions, head.crf) == window.labels).mean() > 0.9
    steps = [event for event in events if isinstance(event, Step)]
    assert steps[-1].epoch == steps[-1].epochs == 25
    assert steps[-1].batch == steps[-1].batches
    assert [event.epoch for event in events if isinstance(event, Epoch)] == list(range(1, 26))
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    assert len(metrics["epochs"]) == 25
    assert metrics["run"]["precision"] == "fp32"  # what auto came to, for a narrow network
    assert not (tmp_path / "m" / CHECKPOINT).exists()


def test_one_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    a, b, c = (
        weights_of(fit(dataset_of(), config_with(epochs=2, seed=seed), tmp_path / name))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert all((a[key] == b[key]).all() for key in a)
    assert any((a[key] != c[key]).any() for key in a)


@pytest.mark.parametrize(
    "settings", [{}, {"schedule": "cosine", "average": 0.9, "noise": 0.1, "mask_rows": 0.1}]
)
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, settings: dict[str, object]) -> None:
    config = SMALL.override({"train": settings}, "test")
    whole = weights_of(fit(dataset_of(), config, tmp_path / "whole"))

    class Stopped(Exception):
        pass

    def stop(event: object) -> None:
        if isinstance(event, Step) and event.epoch == 4:
            raise Stopped

    with pytest.raises(Stopped):
        fit(dataset_of(), config, tmp_path / "halves", progress=stop)
    assert (tmp_path / "halves" / CHECKPOINT).exists()
    trained = fit(dataset_of(), config, tmp_path / "halves", resume=True)
    assert [row.epoch for row in trained.log] == [1, 2, 3, 4, 5, 6]
    halves = weights_of(trained)
    assert all((whole[key] == halves[key]).all() for key in whole)


def test_resume_refuses_other_options_and_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        fit(dataset_of(), SMALL, tmp_path / "m", resume=True)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / CHECKPOINT).write_bytes(b"junk")
    with pytest.raises(ModelError, match="can't be read"):
        fit(dataset_of(), SMALL, tmp_path / "m", resume=True)
    fit(dataset_of(), config_with(epochs=1), tmp_path / "n")
    with pytest.raises(ModelError, match="was made with other options"):
        fit(dataset_of(), config_with(epochs=1, seed=7), tmp_path / "n", resume=True)


def test_the_best_epoch_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = iter([0.2, 0.9, 0.1, 0.3, 0.2, 0.1])
    kept: list[dict[str, torch.Tensor]] = []

    def scores(network: torch.nn.Module, *_: object) -> tuple[float, float, float]:
        kept.append({k: v.clone() for k, v in network.state_dict().items()})
        return 1.0, next(marks), 0.0

    monkeypatch.setattr(training, "scores", scores)
    trained = fit(dataset_of(), SMALL, tmp_path / "m")
    best = weights_of(trained)
    assert all(np.array_equal(best[key], kept[1][key].numpy()) for key in best)
    assert trained.best_epoch == 2


def test_series_are_never_split() -> None:
    windows = tuple(
        Window(f"s{i}/e{k}", f"s{i}", 0, np.zeros((4, WIDTH), np.float32), np.ones(4, np.float32))
        for i in range(10) for k in range(5)
    )  # fmt: skip
    kept, held = Dataset(windows, SPEC).split(0.3, 7)
    names = [{w.series for w in part.windows} for part in (kept, held)]
    assert not names[0] & names[1]
    assert len(names[1]) == 3
    assert len(kept.windows) + len(held.windows) == 50


def test_statistics_come_from_the_training_rows(tmp_path: Path) -> None:
    spec = InputSpec("builtin/1", 111, 0, "all")
    rng = np.random.default_rng(0)
    windows = []
    for i in range(6):
        inputs = rng.normal(5, 3, (30, spec.width)).astype(np.float32)
        inputs[:, 7] = 2.0  # a column that never moves
        labels = np.zeros(30, np.float32)
        labels[5:15] = 1
        windows.append(Window(f"v{i}", f"s{i}", 0, inputs, labels))
    config = DEFAULT.override(
        {"network": {"d_model": 16, "n_heads": 2, "n_layers": 1, "feedforward": 16},
         "train": {"epochs": 1, "validation": 0.0}}, "test"
    )  # fmt: skip
    loaded = fit(Dataset(tuple(windows), spec), config, tmp_path / "m").spec
    rows = np.concatenate([w.inputs for w in windows])
    assert loaded.mean is not None
    assert loaded.spread is not None
    np.testing.assert_allclose(loaded.mean, rows.mean(axis=0), rtol=1e-4)
    assert loaded.spread[7] == 1


def test_a_dataset_is_read_back_as_written(tmp_path: Path) -> None:
    made = dataset_of(3)
    write_dataset(tmp_path / "d.pt", made)
    read = read_dataset(tmp_path / "d.pt")
    assert read.spec == made.spec
    for a, b in zip(made.windows, read.windows, strict=True):
        assert (a.video_id, a.series, a.first_row) == (b.video_id, b.series, b.first_row)
        np.testing.assert_array_equal(a.inputs, b.inputs)
        np.testing.assert_array_equal(a.labels, b.labels)


def test_the_prototypes_file_is_read(tmp_path: Path) -> None:
    entries = [
        {"video_id": "-220020068_1", "window_start_frame_idx": 30,
         "embeddings": torch.randn(60, 768), "labels": torch.ones(60)}
    ]  # fmt: skip
    torch.save(entries, tmp_path / "dataset.pt")
    read = read_dataset(tmp_path / "dataset.pt")
    assert read.spec.width == 768
    assert read.windows[0].video_id == "-220020068_1"
    assert read.windows[0].first_row == 30


def test_oversampling_draws_positive_windows_more_often() -> None:
    windows = list(dataset_of(4).windows)
    empty = Window("n", "n", 0, windows[0].inputs, np.zeros(40, np.float32))
    options = SMALL.train.model_copy(update={"oversample": (20.0, 1.0), "batch": 1})
    rng = np.random.default_rng(0)
    drawn = [
        batch[0].positive
        for _ in range(100)
        for batch in batches([*windows[:1], *[empty] * 20], options, rng)
    ]
    assert np.mean(drawn) == pytest.approx(0.5, abs=0.05)


def config_with(**changes: object) -> Config:
    return SMALL.override({"train": changes}, "test")


def test_bad_datasets_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        read_dataset(tmp_path / "no.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(DatasetError, match=r"text.pt: is not a dataset"):
        read_dataset(tmp_path / "text.pt")
    torch.save([{"video_id": "a"}], tmp_path / "keys.pt")
    with pytest.raises(DatasetError, match="is not a dataset"):
        read_dataset(tmp_path / "keys.pt")
    torch.save([], tmp_path / "empty.pt")
    with pytest.raises(DatasetError, match="holds no window"):
        read_dataset(tmp_path / "empty.pt")
    nothing = Dataset(tuple(
        Window(w.video_id, w.series, 0, w.inputs, w.labels * 0) for w in dataset_of().windows
    ), SPEC)  # fmt: skip
    with pytest.raises(DatasetError, match="no positive row"):
        fit(nothing, SMALL, tmp_path / "m")
    poisoned = dataset_of()
    poisoned.windows[2].inputs[3, 1] = np.nan
    write_dataset(tmp_path / "nan.pt", poisoned)
    with pytest.raises(DatasetError, match="NaN in a window of 'v2'"):
        read_dataset(tmp_path / "nan.pt")


def test_a_loss_that_explodes_names_the_videos(tmp_path: Path) -> None:
    huge = dataset_of()
    huge.windows[0].inputs[:] = 3e38
    with pytest.raises(DatasetError, match=r"v\d.*not finite in epoch 1"):
        fit(huge, config_with(validation=0.0), tmp_path / "m")


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    save = torch.save

    def full(*args: object, **kwargs: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise OSError(28, "No space left on device")
        save(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StorageError, match="No space left"):
        fit(dataset_of(), SMALL, tmp_path / "m")
    state = torch.load(tmp_path / "m" / CHECKPOINT, weights_only=True)
    assert state["epoch"] == 2
    assert {path.name for path in (tmp_path / "m").iterdir()} == {CHECKPOINT, UNDER_WAY}


def test_resume_refuses_another_dataset_and_a_new_run_does_not_bury_a_stopped_one(
    tmp_path: Path,
) -> None:
    config = config_with(epochs=2)

    def stop(event: object) -> None:
        if isinstance(event, Epoch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(dataset_of(), config, tmp_path / "m", progress=stop)
    with pytest.raises(ModelError, match="another dataset"):
        fit(dataset_of(seed=1), config, tmp_path / "m", resume=True)
    with pytest.raises(ModelError, match="add --resume"):
        fit(dataset_of(), config, tmp_path / "m")
    assert len(fit(dataset_of(), config, tmp_path / "m", resume=True).log) == 2


def test_the_average_of_the_weights_follows_every_step(tmp_path: Path) -> None:
    config = config_with(epochs=3, average=0.5, validation=0.0)
    averaged = weights_of(fit(dataset_of(), config, tmp_path / "a"))
    last = weights_of(fit(dataset_of(), config_with(epochs=3, validation=0.0), tmp_path / "b"))
    moved = [np.abs(averaged[key] - last[key]).max() for key in last]
    assert 0 < max(moved) < 0.1


def test_windows_of_other_columns_or_labels_are_refused(tmp_path: Path) -> None:
    windows = list(dataset_of().windows)
    wide = replace(windows[3], inputs=np.zeros((40, WIDTH + 1), np.float32))
    with pytest.raises(DatasetError, match="'v3' 7 wide, 6 wanted"):
        fit(Dataset((*windows[:3], wide), SPEC), SMALL, tmp_path / "m")
    odd = replace(windows[3], labels=np.full(40, 2, np.float32))
    with pytest.raises(DatasetError, match="'v3' other than 0 and 1"):
        fit(Dataset((*windows[:3], odd), SPEC), SMALL, tmp_path / "m")


def test_a_dropped_sense_is_what_a_file_without_it_gives() -> None:
    spec = InputSpec("builtin/1", 111, 64, "all")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, spec.width)).astype(np.float32)
    rows[:, -2:] = 1.0
    spec = replace(
        spec, mean=np.zeros(spec.width, np.float32), spread=np.ones(spec.width, np.float32)
    )
    window = Window("v", "s", 0, rows, np.zeros(30, np.float32))
    options = DEFAULT.train.model_copy(
        update={"splice": 0.0, "crop_rows": None, "noise": 0.0, "mask_rows": 0.0, "drop_sense": 1.0}
    )
    shown = Shown(Dataset((window,), spec), options, spec, 0.5)
    hidden = set()
    for _ in range(20):
        inputs = shown.collate([window], rng)[0][0].numpy()
        for sense, flag in zip(spec.senses, (-2, -1), strict=True):
            if (inputs[:, sense] == 0).all():
                assert (inputs[:, flag] == 0).all()
                hidden.add(flag)
            else:
                assert (inputs[:, flag] == 1).all()
    assert hidden == {-2, -1}
