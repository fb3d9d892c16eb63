"""Edges of files alone: films made on the spot, whose cuts and sounds are known to the frame."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import media_files
from films import FILM_RATE, Film, Shot, seconds, sequence, shoot
from sounds import music, noise, speech, sum_of
from zastavka.borders import PRIOR, REACH, WEIGHTS, chances, choose, read_stretch, sharpen
from zastavka.compose import SeriesSpec, compose
from zastavka.media import probe
from zastavka.moments import COLUMNS
from zastavka.options import RefineOptions
from zastavka.segment import Segment

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from borders import within

TO_THE_FRAME = 0.0015  # seconds: Matroska counts milliseconds
ALL = RefineOptions()
STORY = (Shot(11, 70), Shot(12, 55), Shot(13, 75))  # 200 pictures
THEME = (Shot(1, 40), Shot(2, 65), Shot(3, 45))  # 150 pictures
AFTER = (Shot(21, 60), Shot(22, 90))


def film(
    before: Sequence[Shot] = STORY,
    theme: Sequence[Shot] = THEME,
    after: Sequence[Shot] = AFTER,
    rate: Fraction = Fraction(25),
) -> tuple[Film, Segment]:
    """A theme between scenes of speech in a room, and where it is."""
    lengths = [seconds(sum(s.frames for s in part), rate) for part in (before, theme, after)]
    talk = [
        sum_of([speech(k, length + 0.1), noise(k, length + 0.1, -45.0)])
        for k, length in ((1, lengths[0]), (2, lengths[2]))
    ]
    sound = sequence(
        (lengths[0], talk[0]), (lengths[1], music(5, lengths[1] + 0.1)), (lengths[2], talk[1])
    )
    place = Segment(lengths[0], lengths[0] + lengths[1])
    return Film([*before, *theme, *after], sound, rate), place


def off(truth: Segment, start: float, end: float) -> Segment:
    """A coarse answer that is wrong by so many seconds."""
    return Segment(max(0.0, truth.start + start), truth.end + end)


@pytest.mark.parametrize("rate", [Fraction(25), FILM_RATE, Fraction(50)], ids=str)
@pytest.mark.parametrize(("start", "end"), [(0.3, -0.2), (0.2, 0.2)])
def test_both_edges_are_found_to_the_frame(
    tmp_path: Path, rate: Fraction, start: float, end: float
) -> None:
    made, truth = film(rate=rate)
    found = sharpen(shoot(tmp_path / "a.mkv", made), off(truth, start, end), ALL)
    assert found.start == pytest.approx(truth.start, abs=TO_THE_FRAME)
    assert found.end == pytest.approx(truth.end, abs=TO_THE_FRAME)


@pytest.mark.parametrize("error", [-0.8, -0.5, 0.5, 0.8])
def test_a_coarse_edge_gets_hardly_worse(tmp_path: Path, error: float) -> None:
    for rate in (Fraction(25), FILM_RATE, Fraction(50)):
        made, truth = film(rate=rate)
        found = sharpen(shoot(tmp_path / "a.mkv", made), off(truth, error, error), ALL)
        assert abs(found.start - truth.start) <= abs(error) + 0.001
        assert abs(found.end - truth.end) <= abs(error) + 0.001


def test_most_edges_of_composed_series_are_right(tmp_path: Path) -> None:
    specs = [
        SeriesSpec(name=f"S{seed}", seed=seed, episodes=2, body=24, theme=8, size=(160, 90), fps=24)
        for seed in (3, 4)
    ]
    errors = []
    for k, truth in enumerate(compose(specs, tmp_path, workers=1)):
        place = truth.findings[0].segment
        coarse = off(place, 0.3 if k % 2 else -0.25, 0.3 if k % 2 else -0.25)
        found = sharpen(truth.episode.path, coarse, ALL)
        errors += [abs(found.start - place.start), abs(found.end - place.end)]
    assert len(errors) == 8
    assert np.median(errors) <= 0.05, errors
    assert max(errors) <= 0.4, errors


def test_an_intro_at_the_beginning_starts_at_zero(tmp_path: Path) -> None:
    made, truth = film(before=())
    found = sharpen(shoot(tmp_path / "a.mkv", made), off(truth, 0.4, 0.2), ALL)
    assert found.start == 0.0
    assert found.end == pytest.approx(truth.end, abs=TO_THE_FRAME)


def test_an_intro_at_the_end_stays_inside_the_file(tmp_path: Path) -> None:
    made, truth = film(after=())
    path = shoot(tmp_path / "a.mkv", made)
    found = sharpen(path, off(truth, 0.2, -0.3), ALL)
    assert found.start == pytest.approx(truth.start, abs=TO_THE_FRAME)
    assert truth.end - 0.3 <= found.end <= probe(path).duration


def test_sound_alone_tells_edges_to_a_hundredth(tmp_path: Path) -> None:
    made, truth = film()
    path = shoot(tmp_path / "a.mkv", replace(made, shots=()))
    found = sharpen(path, off(truth, 0.3, -0.3), ALL)
    assert found.start == pytest.approx(truth.start, abs=0.03)
    # the last note rings into the first word
    assert abs(found.end - truth.end) <= 0.3 + 1e-6


def test_pictures_alone_move_edges_to_cuts_or_not_at_all(tmp_path: Path) -> None:
    made, truth = film()
    cuts = np.cumsum([shot.frames for shot in made.shots]) / 25
    coarse = off(truth, 0.1, -0.1)
    found = sharpen(shoot(tmp_path / "a.mkv", replace(made, sound=None)), coarse, ALL)
    for edge, before in ((found.start, coarse.start), (found.end, coarse.end)):
        assert edge == before or np.abs(cuts - edge).min() <= TO_THE_FRAME


def test_where_nothing_changes_edges_stay(tmp_path: Path) -> None:
    one = Film([Shot(7, 500)], noise(1, 20.0))
    coarse = Segment(6.3, 13.1)
    assert sharpen(shoot(tmp_path / "a.mkv", one), coarse, ALL) == coarse


def test_options_close_eyes_and_ears(tmp_path: Path) -> None:
    made, truth = film()
    path = shoot(tmp_path / "a.mkv", made)
    coarse = off(truth, 0.3, -0.3)
    assert sharpen(path, coarse, RefineOptions(cut=False, sound=False, chapters=False)) == coarse
    heard = sharpen(path, coarse, RefineOptions(cut=False))
    assert heard.start == pytest.approx(truth.start, abs=0.03)


@pytest.mark.parametrize("error", [-REACH - 1.0, REACH + 1.0])
def test_no_edge_is_moved_beyond_the_reach(tmp_path: Path, error: float) -> None:
    made, truth = film()
    coarse = off(truth, error, 0.0)
    found = sharpen(shoot(tmp_path / "a.mkv", made), coarse, ALL)
    assert abs(found.start - coarse.start) <= REACH
    assert found.end == pytest.approx(truth.end, abs=TO_THE_FRAME)


def test_a_chapter_decides_only_where_nothing_better_is_known(tmp_path: Path) -> None:
    one = Film([Shot(7, 500)], noise(1, 20.0), chapters=((0.0, 6.0), (6.0, 13.5), (13.5, 20.0)))
    path, coarse = shoot(tmp_path / "a.mkv", one), Segment(6.3, 13.1)
    assert sharpen(path, coarse, ALL) == Segment(6.0, 13.5)
    assert sharpen(path, coarse, RefineOptions(chapters=False)) == coarse
    made, truth = film()
    beside = replace(made, chapters=((0.0, truth.start - 0.4), (truth.start - 0.4, 18.0)))
    found = sharpen(shoot(tmp_path / "b.mkv", beside), off(truth, 0.2, 0.2), ALL)
    assert found.start == pytest.approx(truth.start, abs=TO_THE_FRAME)


def test_a_file_that_cannot_be_read_leaves_edges_alone(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"no video")
    for name in ("a.mkv", "missing.mkv"):
        assert sharpen(tmp_path / name, Segment(1.0, 9.0), ALL) == Segment(1.0, 9.0)


def test_every_picture_of_a_variable_rate_is_read_once(tmp_path: Path) -> None:
    times = np.cumsum(np.tile([0.040, 0.020, 0.100, 0.033], 40)).round(3) - 0.04
    path = media_files.write(tmp_path / "a.mkv", media_files.Film(times=times.tolist(), rate=50))
    stretch = read_stretch(probe(path), Segment(1.0, 4.0), None)
    inside = times[(times >= 1.0) & (times < 4.0)]
    assert stretch.samples is None
    assert (np.diff(stretch.times) > 0).all()
    near = np.abs(stretch.times[:, None] - inside).min(axis=0)
    # of pictures shown more briefly than the mean some may be passed over
    assert (near <= 0.0015).mean() > 0.75
    assert np.abs(stretch.times[:, None] - times).min(axis=1).max() <= 0.0015


def test_what_is_learned_from_is_what_is_answered_on(tmp_path: Path) -> None:
    made, truth = film()
    info = probe(shoot(tmp_path / "a.mkv", made))
    wide = read_stretch(info, Segment(truth.start - 4.9, truth.start + 4.9), None)
    window = Segment(truth.start - 1.7, truth.start + 2.3)
    one, two = within(wide, window), read_stretch(info, window, None)
    assert one.times.tolist() == two.times.tolist()
    assert one.pictures is not None
    assert two.pictures is not None
    assert (one.pictures == two.pictures).all()
    assert one.start == two.start
    assert one.samples is not None
    assert two.samples is not None
    assert len(one.samples) == len(two.samples)
    assert np.abs(one.samples - two.samples).max() < 1e-3


def test_chances_are_a_softmax_with_none_among_the_choices() -> None:
    rows, weights = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]]), np.array([0.7, -0.4])
    odds = [math.exp(row @ weights) for row in rows]
    assert chances(rows, weights) == pytest.approx([o / (1 + sum(odds)) for o in odds])
    assert chances(1000 * rows, weights).sum() == pytest.approx(1.0)
    assert len(chances(np.empty((0, 2)), weights)) == 0


def test_no_moment_is_no_choice() -> None:
    width = len(PRIOR) + len(COLUMNS)
    assert all(len(weights) == width for weights in WEIGHTS.values())
    assert choose(np.empty(0), np.empty((0, width)), WEIGHTS["start"]) is None
