"""Runs side by side: figures, cost and the options in which they differ."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from season import zastavka
from test_train import SMALL, dataset_of
from zastavka.comparing import differing, runs_of
from zastavka.errors import ModelError
from zastavka.learn.dataset import write_dataset
from zastavka.learn.train import train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name, rate in (("slow", 1e-4), ("quick", 3e-3)):
        config = SMALL.override({"train": {"learning_rate": rate, "epochs": 3}}, "test")
        train(dataset_of(), config, folder / name)
    return [folder / "slow", folder / "quick"]


def test_figures_and_options(runs: list[Path]) -> None:
    slow, quick = runs_of(runs)
    assert [slow.name, quick.name] == ["slow", "quick"]
    assert differing([slow, quick]) == {"train.learning_rate": [1e-4, 3e-3]}
    metrics = json.loads((runs[1] / "metrics.json").read_text())
    best = next(row for row in metrics["epochs"] if row["epoch"] == metrics["best_epoch"])
    assert quick.figures["f1"] == best["validation_f1"]
    assert quick.figures["loss"] == best["loss"]
    assert quick.figures["epochs"] == 3
    assert quick.figures["parameters"] == metrics["run"]["parameters"] > 1000
    seconds = [row["seconds"] for row in metrics["epochs"]]
    assert quick.figures["epoch_s"] == pytest.approx(sum(seconds) / 3)


def test_the_command_in_three_forms(runs: list[Path]) -> None:
    text = zastavka("compare", *runs, "--lang", "en")
    assert (text.code, text.err) == (0, "")
    assert "| parameters" in text.out
    assert "Options that differ" in text.out
    assert "train.learning_rate" in text.out
    russian = zastavka("compare", *runs, "--lang", "ru")
    assert "параметры" in russian.out
    document = json.loads(zastavka("compare", *runs, "--format", "json").out)
    assert [run["name"] for run in document["runs"]] == ["slow", "quick"]
    assert document["runs"][0]["options"]["train.learning_rate"] == 1e-4
    rows = list(csv.DictReader(io.StringIO(zastavka("compare", *runs, "--format", "csv").out)))
    assert [row["train.learning_rate"] for row in rows] == ["0.0001", "0.003"]
    assert zastavka("compare", *runs, "--format", "yaml").code == 2


def test_folders_of_one_name_are_told_apart(runs: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "slow"
    other.mkdir()
    for name in ("metrics.json", "options.json"):
        (other / name).write_bytes((runs[0] / name).read_bytes())
    assert [run.name for run in runs_of([runs[0], other])] == [str(runs[0]), str(other)]


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no run of training"):
        runs_of([tmp_path])
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(ModelError, match="holds no object"):
        runs_of([tmp_path])


def test_a_run_leaves_its_history_its_curves_and_events(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_dataset(tmp_path / "d.pt", dataset_of())
    out, board = tmp_path / "model", tmp_path / "board"
    words = [
        "--recipe", "baseline", "--set", "extract.encoder=builtin", "--set", "network.d_model=16",
        "--set", "network.n_heads=2", "--set", "network.n_layers=1", "--set",
        "network.feedforward=32", "--set", "train.epochs=2", "--set", "network.window_rows=40",
        "--set", "network.stride_rows=40",
    ]  # fmt: skip
    made = zastavka(
        "train", tmp_path / "d.pt", "--output", out, *words, "--tensorboard", board, "--lang", "en"
    )
    assert made.code == 0, made.err
    names = {file.name for file in out.iterdir()}
    assert {"history.jsonl", "curves.png", "metrics.json", "README.md"} <= names
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    events = EventAccumulator(str(board))
    events.Reload()
    history = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
    told = [event.value for event in events.Scalars("loss/epoch")]
    assert told == pytest.approx([row["loss"] for row in history[1:]], rel=1e-5)
    more = zastavka(
        "train", tmp_path / "d.pt", "--output", tmp_path / "more", *words, "--from", out,
        "--remember", tmp_path / "d.pt", "--lang", "en",
    )  # fmt: skip
    assert more.code == 0, more.err
    assert "F1 on what it knew, before" in more.out
    alone = zastavka("train", tmp_path / "d.pt", "--remember", tmp_path / "d.pt", "--lang", "en")
    assert (alone.code, len(alone.lines)) == (2, 1)
    assert "give --from too" in alone.err
