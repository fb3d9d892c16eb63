from __future__ import annotations

import numpy as np
import pytest

from zastavka import audio, descriptor
from zastavka.config import ExtractOptions
from zastavka.learn.dataset import Window
from zastavka.learn.splice import spliced
from zastavka.model import InputSpec, change_of

SPEC = InputSpec(
    descriptor.BuiltinDescriptor.name, len(descriptor.COLUMNS), len(audio.COLUMNS), "all"
)
STEP = ExtractOptions().step


def window(seed: int, first: int, length: int, n: int = 80, senses: tuple[int, int] = (1, 1)) -> Window:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (n, SPEC.width)).astype(np.float32)
    rows[:, 0] = seed * 1000 + np.arange(n)  # where a row came from
    rows[:, -2:] = senses
    labels = np.zeros(n, np.float32)
    labels[first : first + length] = 1
    return Window(f"v{seed}", f"s{seed}", 0, rows, labels)


@pytest.mark.parametrize("seed", range(30))
def test_an_intro_moves_whole_into_another_story(seed: int) -> None:
    host, donor = window(1, 20, 10), window(2, 50, 16)
    made = spliced(host, [donor], SPEC, STEP, np.random.default_rng(seed))
    origin = made.inputs[:, 0]
    intro = origin[made.labels == 1]
    story = origin[made.labels == 0]
    # the story keeps its order and loses at most its end; the host's own intro is gone
    expected = 1000 + np.concatenate([np.arange(20), np.arange(30, 80)])
    np.testing.assert_array_equal(story, expected[: len(story)])
    assert len(intro) in (0, 16)
    if len(intro):
        np.testing.assert_array_equal(intro, 2050 + np.arange(16))
        assert np.diff(np.flatnonzero(made.labels)).max() == 1
    assert len(made.labels) == len(made.inputs) <= 80


def test_intros_are_left_out_at_times_and_go_to_the_seam_at_times() -> None:
    rng = np.random.default_rng(0)
    host, donor = window(1, 20, 10), window(2, 50, 16)
    made = [spliced(host, [donor], SPEC, STEP, rng) for _ in range(400)]
    assert np.mean([not w.positive for w in made]) == pytest.approx(0.2, abs=0.06)
    starts = [int(w.labels.argmax()) for w in made if w.positive]
    assert np.mean([start == 20 for start in starts]) == pytest.approx(0.5, abs=0.08)
    assert len(set(starts)) > 30


def test_place_stays_with_the_position_and_neighbours_are_computed_anew() -> None:
    host, donor = window(1, 20, 10), window(2, 50, 16)
    made = spliced(host, [donor], SPEC, STEP, np.random.default_rng(3))
    n = len(made.labels)
    picture, change, sound, place = SPEC.parts
    np.testing.assert_array_equal(made.inputs[:, place], host.inputs[:n, place])
    np.testing.assert_allclose(
        made.inputs[:, change], change_of(made.inputs[:, picture], SPEC.encoder), rtol=1e-6
    )
    heard = np.ascontiguousarray(made.inputs[:, sound])
    again = heard.copy()
    audio.fill_context(again, STEP)
    np.testing.assert_allclose(heard, again, rtol=1e-6)


def test_what_does_not_fit_stays_as_it_was() -> None:
    host = window(1, 20, 10)
    deaf = window(2, 50, 16, senses=(1, 0))
    long = window(3, 0, 80)
    for donor in (deaf, long):
        outcomes = [
            spliced(host, [donor], SPEC, STEP, np.random.default_rng(seed)) for seed in range(20)
        ]
        assert all(made is host or not made.positive for made in outcomes)
        assert any(made is host for made in outcomes)


def test_the_donors_and_the_host_are_not_changed() -> None:
    host, donor = window(1, 20, 10), window(2, 50, 16)
    before = host.inputs.copy(), donor.inputs.copy()
    for seed in range(5):
        spliced(host, [donor], SPEC, STEP, np.random.default_rng(seed))
    np.testing.assert_array_equal(host.inputs, before[0])
    np.testing.assert_array_equal(donor.inputs, before[1])
