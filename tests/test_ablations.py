"""Parts of a recipe are left out one at a time; differences are those of the same series."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import ablations
from season import Series
from zastavka.config import BASELINE
from zastavka.features import extract
from zastavka.learn.dataset import build
from zastavka.learn.prepare import input_spec
from zastavka.vision import load_encoder


def test_each_way_differs_from_the_recipe_in_one_option_alone() -> None:
    whole = ablations.RECIPE.model_dump()
    ways = {**ablations.TRAINED, **ablations.DECODED}
    for name, config in ways.items():
        mine = config.model_dump()
        changed = [
            (stage, option)
            for stage, options in mine.items()
            if isinstance(options, dict)
            for option in options
            if options[option] != whole[stage][option]
        ]
        assert len(changed) == int(name != ablations.WHOLE), name
    # what is left out is there in the prototype's recipe
    for stage in ("train", "decode"):
        kept, mine = BASELINE.model_dump()[stage], whole[stage]
        assert {o for o in kept if kept[o] != mine[o]} <= {"learning_rate"}


def test_each_series_is_held_back_once() -> None:
    names = [f"s{i}" for i in range(10)]
    groups = ablations.folds(names, seed=4)
    assert sorted(name for group in groups for name in group) == names
    assert len(groups) == ablations.FOLDS
    assert groups != ablations.folds(names, seed=5)


def test_without_copies_a_dataset_is_what_it_is_without_them(series: Series) -> None:
    encoder = load_encoder("builtin")
    options = ablations.RECIPE.extract
    episodes = [(t, extract(t.episode.path, encoder, options)) for t in series.truth]
    config = ablations.RECIPE.override({"train": {"keep_negative": 1.0}}, "test")
    spec = input_spec(config, encoder)
    full = build(episodes, config, spec, encoder)
    bare = build(episodes, config.override({"train": {"copies": 0}}, "test"), spec, encoder)
    assert len(full.windows) > len(bare.windows)
    assert ablations.without_copies(full).digest() == bare.digest()


def test_a_difference_is_that_of_the_same_series() -> None:
    hard = np.array([[0.1, 0.5, 0.9, np.nan]] * 3)  # of one without an intro there is no figure
    low, high, middle = ablations.interval((hard + 0.05) - hard)
    assert (low, high, middle) == pytest.approx((0.05, 0.05, 0.05))
    low, high, middle = ablations.interval(np.array([[0.4, -0.4, 0.1, -0.1]] * 3))
    assert middle == pytest.approx(0.0)
    assert low < -0.1 < 0.1 < high


def test_the_table_sets_each_way_beside_the_whole_recipe(series: Series) -> None:
    ways = (*ablations.TRAINED, *ablations.DECODED)
    figures = {"f1": 0.5, "iou": 0.4, "wrong/100": 50.0}
    nothing: dict[str, float | None] = dict.fromkeys(figures)  # of a series without an intro
    rows: dict[str, ablations.Figures] = {way: {"s": {**figures}, "t": nothing} for way in ways}
    rows["no bias"] = {"s": {**figures, "f1": 0.75}, "t": nothing}
    text = ablations.table({1: [{"unseen": rows}], 2: [{"unseen": rows}]}, "unseen", series.truth)
    lines = text.splitlines()
    assert len(lines) == 3 + len(ways)
    assert "(constant 5-15 s)" in lines[2]
    assert lines[3] == "| the whole recipe | 0.500 | 0.400 | 50.0 |"
    (bias,) = (line for line in lines if "no bias" in line)
    assert "0.750 (+0.250; +0.250 to +0.250)" in bias
    assert "50.0 (+0.0; +0.0 to +0.0)" in bias
