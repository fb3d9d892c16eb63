from __future__ import annotations

import numpy as np
import pytest

from zastavka import descriptor
from zastavka.descriptor import COLUMNS, HEIGHT_PX, WIDTH_PX, BuiltinDescriptor, change, describe

SHAPE = (HEIGHT_PX, WIDTH_PX, 3)


def column(vectors: np.ndarray, name: str) -> np.ndarray:
    return vectors[:, COLUMNS.index(name)]


def flat(level: int) -> np.ndarray:
    return np.full(SHAPE, level, np.uint8)


def filmed(seed: int) -> np.ndarray:
    """Something like a photograph: smooth light with grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 200, (9, 16, 3)).repeat(8, axis=0).repeat(8, axis=1)
    for axis in (0, 1):
        coarse = np.mean([np.roll(coarse, k, axis=axis) for k in range(-6, 7)], axis=0)
    return np.clip(coarse + rng.normal(0, 4, SHAPE), 0, 255).astype(np.uint8)


def card() -> np.ndarray:
    """A drawn title: thin white strokes on a flat ground."""
    image = np.full(SHAPE, (20, 30, 120), np.uint8)
    image[28:44, 30:98:12] = 255
    image[28:44, 31:98:12] = 255
    return image


def test_black_and_white_read_as_such() -> None:
    black, white = describe(np.stack([flat(0), flat(255)]))
    assert black[COLUMNS.index("black")] == 1
    assert white[COLUMNS.index("white")] == 1
    assert black[COLUMNS.index("luma")] == 0
    assert white[COLUMNS.index("luma")] == pytest.approx(1, abs=1e-5)


def test_a_drawn_card_is_flat_and_has_strokes_where_they_are() -> None:
    vectors = describe(np.stack([card(), filmed(1)]))
    assert column(vectors, "flat")[0] > 0.7 > 0.3 > column(vectors, "flat")[1]
    assert column(vectors, "colours")[0] < column(vectors, "colours")[1]
    middle = [i for i, name in enumerate(COLUMNS) if name in ("text_bright_2", "text_bright_3")]
    outside = [i for i, name in enumerate(COLUMNS) if name in ("text_bright_0", "text_bright_5")]
    assert (vectors[0, middle] > 0.03).all()
    assert (vectors[0, outside] == 0).all()
    assert (vectors[1, middle] < 0.01).all()


def test_dark_strokes_are_told_from_bright_ones() -> None:
    vectors = describe((255 - card())[None])
    assert column(vectors, "text_dark_2")[0] > 0.03
    assert column(vectors, "text_bright_2")[0] < column(vectors, "text_dark_2")[0]


@pytest.mark.parametrize(("axis", "name"), [(1, "edge_v_0"), (0, "edge_h_0")])
def test_stripes_are_edges_of_their_direction(axis: int, name: str) -> None:
    index = np.indices(SHAPE[:2])[axis]
    stripes = np.where((index // 4) % 2 == 0, 255, 0).astype(np.uint8)
    # shifted by two: a 4-pixel block then straddles every border
    image = np.roll(np.repeat(stripes[..., None], 3, axis=2), 2, axis=axis)
    cell = describe(image[None])[0][27:32]
    assert cell.argmax() == ["edge_v_0", "edge_h_0"].index(name)
    assert cell.max() > 0.9


def test_letterbox_shows_in_the_border_rows() -> None:
    image = filmed(2)
    image[:9] = image[-9:] = 0
    vectors = describe(np.stack([image, filmed(2)]))
    assert column(vectors, "border_top")[0] == column(vectors, "border_bottom")[0] == 0
    assert column(vectors, "border_top")[1] > 0.2


def test_colour_layout_is_steady_under_grain_and_tells_scenes_apart() -> None:
    same = describe(
        np.stack([filmed(3), np.clip(filmed(3) + np.int16(3), 0, 255).astype(np.uint8)])
    )
    other = describe(filmed(4)[None])
    layout = slice(0, 27)
    assert 3 * np.abs(same[0] - same[1])[layout].max() < np.abs(same[0] - other[0])[layout].max()


def test_the_dct_keeps_energy() -> None:
    np.testing.assert_allclose(descriptor._DCT @ descriptor._DCT.T, np.eye(8), atol=1e-6)


def test_change_is_where_the_cut_is() -> None:
    vectors = describe(np.stack([filmed(5)] * 5 + [filmed(6)] * 5))
    table = change(vectors)
    before, after = table[:, 0], table[:, 1]
    assert before.argmax() == 5
    assert after.argmax() == 4
    assert before[[0, 1, 2, 3, 4, 6, 7, 8, 9]].max() == 0
    assert table.shape == (10, 4 * len(descriptor.LAGS))


def test_change_of_one_row_is_nothing() -> None:
    assert (change(describe(filmed(1)[None])) == 0).all()


def test_the_encoder_gives_named_finite_columns() -> None:
    encoder = BuiltinDescriptor()
    vectors = encoder.encode([filmed(7), card()])
    assert vectors.shape == (2, encoder.width) == (2, len(COLUMNS))
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert encoder.encode([]).shape == (0, encoder.width)
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted"):
        describe(np.zeros((1, 10, 10, 3), np.uint8))
