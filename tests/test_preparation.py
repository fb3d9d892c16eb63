"""Oracle: transformers' own processors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import checkpoints as ck
from checkpoints import PICTURES
from zastavka.preparation import Preparation

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}},
        {"size": {"shortest_edge": 257}, "crop_size": {"height": 224, "width": 200}},
        {"size": {"height": 64, "width": 48}, "do_center_crop": False},
        {"size": {"height": 64, "width": 48}, "crop_size": {"height": 33, "width": 47}},
        {"resample": 2},
        {"do_normalize": False},
        {"do_rescale": False},
        {"do_rescale": False, "do_normalize": False},
        {"rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3, "image_std": [1.0] * 3},
    ],
    ids=str,
)
def test_pixels_are_those_of_transformers_within_a_level(options: dict[str, Any]) -> None:
    import torch

    processor = ck.clip_processor(**options)
    mine = Preparation.of(processor)
    assert mine is not None
    level = np.array(mine.scale)[:, None, None]
    for one in PICTURES:
        ours = mine([one], torch.device("cpu"))["pixel_values"].numpy()
        theirs = processor(images=one, return_tensors="np")["pixel_values"]
        assert ours.shape == theirs.shape
        off = np.abs(ours - theirs) / level
        # both round twice, in 16 and in 22 bits: enlarging can double a difference in single pixels
        shrinks = min(mine._target(*one.shape[:2])) < min(one.shape[:2])
        assert off.max() < (1.01 if shrinks else 2.01)
        assert off.mean() < 0.1
        assert (off > 1.01).mean() < 1e-4


# a busy machine is no fault
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 400), st.integers(1, 4000), st.integers(1, 4000))
def test_resized_size_is_that_of_transformers(edge: int, height: int, width: int) -> None:
    from transformers.image_transforms import get_resize_output_image_size

    mine = Preparation(edge, "bicubic", None, (1.0,) * 3, (0.0,) * 3)._target(height, width)
    blank = np.broadcast_to(np.uint8(0), (height, width, 3))
    theirs = get_resize_output_image_size(
        blank, edge, default_to_square=False, input_data_format="channels_last"
    )
    assert mine == theirs


@pytest.mark.parametrize(
    "options",
    [
        {"resample": 1},
        {"resample": 0},
        {"crop_size": {"height": 40, "width": 40}, "size": {"shortest_edge": 30}},
        {"do_center_crop": False},
        {"size": {"shortest_edge": 32, "longest_edge": 64}},
        {"do_resize": False},
    ],
    ids=str,
)
def test_other_settings_are_left_to_the_checkpoints_processor(options: dict[str, Any]) -> None:
    assert Preparation.of(ck.clip_processor(**options)) is None
