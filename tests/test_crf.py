"""The CRF in numpy against the enumeration of all paths; its two ways against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import zastavka.crf
from chains import Enumeration, chains, emissions, masks, score, weights
from zastavka.crf import CRFWeights, best_path, best_paths, log_likelihood, marginals

STICKY = CRFWeights(
    np.array([[1.0, -2.0], [-1.5, 0.8]]), np.array([0.3, -0.4]), np.array([0.1, 0.2])
)
RESTLESS = CRFWeights(np.array([[-1.0, 2.0], [1.5, -0.8]]), np.zeros(2), np.zeros(2))


@given(chains())
def test_no_path_scores_more_than_the_best_path(
    chain: tuple[NDArray[np.float64], CRFWeights],
) -> None:
    rows, crf = chain
    path = best_path(rows, crf)
    assert path.shape == (len(rows),)
    assert score(path, rows, crf) == pytest.approx(Enumeration(rows, crf).best, rel=1e-12, abs=1e-9)


@given(chains())
def test_marginals_are_shares_of_all_paths(
    chain: tuple[NDArray[np.float64], CRFWeights],
) -> None:
    rows, crf = chain
    truth = Enumeration(rows, crf).marginals
    np.testing.assert_allclose(marginals(rows, crf)[:, : truth.shape[1]], truth, atol=1e-9)


@given(chains(), st.randoms(use_true_random=False))
def test_likelihood_is_the_share_of_a_path(
    chain: tuple[NDArray[np.float64], CRFWeights], random: st.DataObject
) -> None:
    rows, crf = chain
    every = Enumeration(rows, crf)
    i = random.randrange(len(every.paths))  # type: ignore[attr-defined]
    expected = every.scores[i] - every.log_sum
    assert log_likelihood(rows, every.paths[i], crf) == pytest.approx(expected, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("crf", [STICKY, RESTLESS, weights(3, 7)], ids=["sticky", "restless", "3"])
@pytest.mark.parametrize("t", [1, 2, 7, 60, 251])
def test_long_paths_gain_nothing_by_any_change(crf: CRFWeights, t: int) -> None:
    rows = emissions((t, crf.tags), t)
    path = best_path(rows, crf)
    best = score(path, rows, crf)
    for i in range(t):
        for stop in {min(t, i + n) for n in (1, 2, 3, 8, 30)}:
            for tag in range(crf.tags):
                other = path.copy()
                other[i:stop] = tag
                assert score(other, rows, crf) <= best + 1e-9


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    padding=st.integers(0, 5),
    tags=st.integers(1, 4),
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.1, 1.0, 5.0]),
)
def test_a_batch_holds_the_path_of_each_sequence(
    lengths: list[int], padding: int, tags: int, seed: int, scale: float
) -> None:
    crf = weights(tags, seed, scale)
    mask = masks(lengths, max(lengths) + padding)
    rows = emissions((*mask.shape, tags), seed + 1)
    rows[~mask] = np.nan
    paths = best_paths(rows, crf, mask)
    for path, row, n in zip(paths, rows, lengths, strict=True):
        assert (path[n:] == -1).all()
        alone = best_path(row[:n], crf)
        assert score(path[:n], row[:n], crf) == pytest.approx(
            score(alone, row[:n], crf), rel=1e-12, abs=1e-9
        )


def test_without_a_mask_all_rows_are_real() -> None:
    rows = emissions((5, 33, 2), 3)
    full = np.ones((5, 33), np.bool_)
    for crf in (STICKY, RESTLESS):
        np.testing.assert_array_equal(best_paths(rows, crf), best_paths(rows, crf, full))


@pytest.mark.parametrize("crf", [STICKY, RESTLESS, weights(2, 5, scale=5.0)])
def test_two_tags_have_the_marginals_that_any_number_has(
    crf: CRFWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = emissions((1800, 2), 11, scale=8.0)
    fast = marginals(rows, crf)
    monkeypatch.setattr(zastavka.crf, "TAME", 0.0)
    np.testing.assert_allclose(fast, marginals(rows, crf), rtol=1e-9, atol=1e-200)
    np.testing.assert_allclose(fast.sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("edge", [0.0, 900.0])
def test_marginals_of_rows_beyond_doubt_are_numbers(edge: float) -> None:
    rows = np.zeros((50, 2))
    rows[10:20, 1], rows[30:, 0] = 5000.0, 5000.0
    crf = CRFWeights(STICKY.transitions, np.array([0.0, edge]), np.array([edge, 0.0]))
    chance = marginals(rows, crf)
    assert np.isfinite(chance).all()
    np.testing.assert_allclose(chance[10:20], [[0, 1]] * 10, atol=1e-12)
    np.testing.assert_allclose(chance[30:], [[1, 0]] * 20, atol=1e-12)


def test_a_forbidden_step_is_never_taken() -> None:
    transitions = np.array([[0.0, 0.0], [-1e4, 0.0]])  # what has begun goes on to the end
    crf = CRFWeights(transitions, np.zeros(2), np.zeros(2))
    rows = emissions((40, 2), 2)
    chance = marginals(rows, crf)[:, 1]
    assert (np.diff(best_path(rows, crf)) >= 0).all()
    assert (np.diff(chance) >= -1e-12).all()
    np.testing.assert_allclose(
        marginals(rows[:8], crf), Enumeration(rows[:8], crf).marginals, atol=1e-12
    )


def test_float32_and_lists_are_taken_as_they_are() -> None:
    rows = emissions((20, 2), 4).astype(np.float32)
    path = best_path(rows, STICKY)
    np.testing.assert_array_equal(path, best_path(rows.astype(np.float64), STICKY))
    np.testing.assert_array_equal(path, best_path(rows.tolist(), STICKY))
    np.testing.assert_allclose(marginals(rows, STICKY), marginals(rows.tolist(), STICKY))


def test_nothing_changes_the_rows_it_is_given() -> None:
    rows = emissions((20, 2), 4)
    kept = rows.copy()
    for function in (best_path, marginals):
        function(rows, STICKY)
    best_paths(rows[None], STICKY)
    np.testing.assert_array_equal(rows, kept)


def test_bias_moves_two_transitions_of_a_copy() -> None:
    biased = STICKY.biased(1.5, -1.5)
    np.testing.assert_allclose(biased.transitions, [[1.0, -2.0], [-3.0, 2.3]])
    np.testing.assert_array_equal(STICKY.transitions, [[1.0, -2.0], [-1.5, 0.8]])
    np.testing.assert_array_equal(biased.start, STICKY.start)


def test_weights_keep_their_own_copy() -> None:
    transitions = np.zeros((2, 2))
    crf = CRFWeights(transitions, np.zeros(2), np.zeros(2))
    transitions[0, 0] = 7.0
    assert crf.transitions[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        crf.transitions[0, 0] = 1.0


@pytest.mark.parametrize(
    ("transitions", "start", "end"),
    [
        ((2, 3), 2, 2),
        ((2, 2), 3, 2),
        ((2, 2), 2, 1),
        ((0, 0), 0, 0),
    ],
)
def test_weights_must_be_of_one_chain(transitions: tuple[int, int], start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not weights of one CRF"):
        CRFWeights(np.zeros(transitions), np.zeros(start), np.zeros(end))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        CRFWeights(np.full((2, 2), value), np.zeros(2), np.zeros(2))


@pytest.mark.parametrize("shape", [(0, 2), (5, 3), (5,), (1, 5, 2)])
def test_emissions_must_fit_the_chain(shape: tuple[int, ...]) -> None:
    for function in (best_path, marginals):
        with pytest.raises(ValueError, match="for a CRF of 2 tags"):
            function(np.zeros(shape), STICKY)


def test_a_path_must_be_as_long_as_its_rows() -> None:
    with pytest.raises(ValueError, match="tags for emissions"):
        log_likelihood(np.zeros((5, 2)), [0, 1, 0], STICKY)


@pytest.mark.parametrize(
    "mask",
    [
        [[True, False, True]],  # a hole
        [[False, True, True]],  # padding on the left
        [[False, False, False]],  # nothing at all
        [[True, True]],
        [[1, 1, 0]],
    ],
)
def test_a_mask_is_padding_on_the_right(mask: list[list[bool]]) -> None:
    with pytest.raises(ValueError, match="mask"):
        best_paths(np.zeros((1, 3, 2)), STICKY, np.array(mask))
