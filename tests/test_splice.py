from __future__ import annotations

import numpy as np
import pytest

from zastavka import audio, descriptor
from zastavka.inputs import InputSpec, change_of
from zastavka.learn.dataset import Window
from zastavka.learn.splice import spliced
from zastavka.options import ExtractOptions

SPEC = InputSpec(
    descriptor.BuiltinDescriptor.name, len(descriptor.COLUMNS), len(audio.COLUMNS), "all"
)
STEP = ExtractOptions().step


def window(
    seed: int, first: int, length: int, n: int = 80, senses: tuple[int, int] = (1, 1)
) -> Window:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (n, SPEC.width)).astype(np.float32)
    rows[:, 0] = seed * 1000 + np.arange(n)  # where a row came from
    rows[:, -2:] = senses
    rows[:, SPEC.parts.usual] = rows[0, SPEC.parts.usual]
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
    assert len(intro) == 0 or 8 <= len(intro) <= 16
    if len(intro):
        # what is cut off is the beginning
        np.testing.assert_array_equal(intro, 2066 - len(intro) + np.arange(len(intro)))
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
    parts = SPEC.parts
    for kept in (parts.usual, parts.place):
        np.testing.assert_array_equal(made.inputs[:, kept], host.inputs[:n, kept])
    np.testing.assert_allclose(
        made.inputs[:, parts.change],
        change_of(made.inputs[:, parts.picture], SPEC.encoder),
        rtol=1e-6,
    )
    heard = made.inputs[:, parts.sound] + made.inputs[:, parts.usual]
    again = heard.copy()
    audio.fill_context(again, STEP)
    np.testing.assert_allclose(heard, again, rtol=1e-4, atol=1e-4)


def test_the_sound_of_one_intro_goes_under_the_pictures_of_another() -> None:
    host, one, two = window(1, 20, 10), window(2, 50, 16), window(3, 10, 12)
    pulse = audio.COLUMNS.index("pulse")
    mixed = 0
    for seed in range(60):
        made = spliced(host, [one, two], SPEC, STEP, np.random.default_rng(seed))
        if not made.positive:
            continue
        rows = made.inputs[made.labels == 1]
        owner = {2: one, 3: two}[int(rows[0, 0] // 1000)]
        absolute = rows[:, SPEC.parts.sound.start + pulse] + rows[:, SPEC.parts.usual.start + pulse]
        own = owner.inputs[(rows[:, 0] % 1000).astype(int)]
        kept = own[:, SPEC.parts.sound.start + pulse] + own[:, SPEC.parts.usual.start + pulse]
        mixed += not np.allclose(absolute, kept, atol=1e-4)
    assert 5 < mixed < 30


def test_what_does_not_fit_stays_as_it_was() -> None:
    host = window(1, 20, 10)
    deaf = window(2, 50, 16, senses=(1, 0))
    long = window(3, 0, 80)
    seeds = range(20)
    made = [spliced(host, [deaf], SPEC, STEP, np.random.default_rng(seed)) for seed in seeds]
    assert all(window is host or not window.positive for window in made)
    assert any(window is host for window in made)
    made = [spliced(host, [long], SPEC, STEP, np.random.default_rng(seed)) for seed in seeds]
    assert all((window.labels == 0).any() for window in made)


def test_the_donors_and_the_host_are_not_changed() -> None:
    host, donor = window(1, 20, 10), window(2, 50, 16)
    before = host.inputs.copy(), donor.inputs.copy()
    for seed in range(5):
        spliced(host, [donor], SPEC, STEP, np.random.default_rng(seed))
    np.testing.assert_array_equal(host.inputs, before[0])
    np.testing.assert_array_equal(donor.inputs, before[1])
