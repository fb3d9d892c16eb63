"""Repeats planted in sound and pictures made on the spot, and what must not be taken for one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample_poly

from scenes import Grey, levels, scene
from sounds import (
    Floats,
    babble,
    hum,
    music,
    noise,
    silence,
    speech,
    sum_of,
    tone,
)
from zastavka.fingerprint import HOP, RATE, fingerprint
from zastavka.match import Run, alike_pictures, find_runs
from zastavka.options import MatchOptions
from zastavka.prints import FILM, EpisodePrint
from zastavka.signature import NO_BARS, SIZE, find_bars, signatures

OPTIONS = MatchOptions()
CLOSE = 0.3  # seconds: the ends are brought to the frame later, by other evidence
SECONDS = 80.0  # of a planted episode
TWICE = (1, 24)
FEW = settings(max_examples=15, derandomize=True, database=None)

Span = tuple[float, float, float, float]  # start and end in a, start and end in b


def heard(sound: Floats, pal: bool = False) -> EpisodePrint:
    """An episode of sound alone."""
    seconds = len(sound) / RATE
    return EpisodePrint(
        seconds,
        seconds,
        fingerprint(sound),
        fingerprint(sound, FILM) if pal else None,
        np.empty(0),
        signatures([], NO_BARS),
        NO_BARS,
        25.0 if pal else 24.0,
    )


def seen(times: Sequence[float], pictures: Sequence[Grey], pal: bool = False) -> EpisodePrint:
    """A silent episode of SECONDS, with its key pictures."""
    bars = find_bars(pictures)
    made = replace(
        heard(silence(SECONDS), pal),
        times=np.array(times),
        pictures=signatures(pictures, bars),
        bars=bars,
    )
    return made if pal else replace(made, sound=None)


def story(seed: int, pieces: Sequence[tuple[float, Floats]], seconds: float = SECONDS) -> Floats:
    """Speech, and at the times given something else in place of it."""
    sound = speech(seed, seconds, -22)
    for at, piece in pieces:
        first = round(at * RATE)
        sound[first : first + len(piece)] = piece
    assert len(sound) == round(seconds * RATE)
    return sound


def copy_of(piece: Floats, level: float, seed: int, snr: float = math.inf) -> Floats:
    """A piece at another level, in dB, and with speech under it."""
    copy = piece * np.float32(10 ** (level / 20))
    if snr < math.inf:
        rms = float(np.sqrt(np.mean(copy**2)))
        copy = copy + speech(seed, len(piece) / RATE, 20 * math.log10(rms) - snr)[: len(piece)]
    return copy


def ends(run: Run) -> Span:
    return run.start_a, run.end_a, run.start_b, run.end_b


def off(run: Run, planted: Span) -> float:
    """Seconds by which the worst of the four ends is wrong."""
    return max(abs(x - y) for x, y in zip(ends(run), planted, strict=True))


def between(runs: Sequence[Run], a: int, b: int) -> list[Run]:
    return [run for run in runs if (run.a, run.b) == (a, b)]


# ------------------------------------------------------------------ sound, planted


@FEW
@given(
    seed=st.integers(0, 10_000),
    seconds=st.floats(2, 40),
    places=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    levels=st.tuples(st.floats(-12, 0), st.floats(-12, 0)),
)
def test_a_repeat_is_found_wherever_and_however_loud(
    seed: int, seconds: float, places: tuple[float, float], levels: tuple[float, float]
) -> None:
    theme = music(seed, seconds)
    at = [2 + place * (SECONDS - seconds - 4) for place in places]
    episodes = [
        heard(story(2 * seed + i, [(at[i], copy_of(theme, levels[i], i))])) for i in range(2)
    ]
    best = find_runs(episodes, OPTIONS)[0]
    assert (best.sense, best.a, best.b) == ("sound", 0, 1)
    assert off(best, (at[0], at[0] + seconds, at[1], at[1] + seconds)) < CLOSE
    assert best.error < 0.2
    assert best.count == pytest.approx(best.duration / HOP, rel=0.25)


@FEW
@given(
    seed=st.integers(0, 10_000),
    seconds=st.floats(4, 40),
    places=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    snr=st.floats(6, 30),
)
def test_a_repeat_is_found_under_speech(
    seed: int, seconds: float, places: tuple[float, float], snr: float
) -> None:
    """Where the theme begins softly, its first half second may go under."""
    theme = music(seed, seconds)
    at = [2 + place * (SECONDS - seconds - 4) for place in places]
    episodes = [
        heard(story(2 * seed + i, [(at[i], copy_of(theme, 0, 50_000 + 2 * seed + i, snr))]))
        for i in range(2)
    ]
    best = find_runs(episodes, OPTIONS)[0]
    assert off(best, (at[0], at[0] + seconds, at[1], at[1] + seconds)) < 2 * CLOSE


@FEW
@given(
    seed=st.integers(0, 10_000),
    seconds=st.floats(3, 40),
    places=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    hurried=st.integers(0, 1),
)
def test_pal_and_film_are_brought_together(
    seed: int, seconds: float, places: tuple[float, float], hurried: int
) -> None:
    theme = music(seed, seconds)
    at = [2 + place * (SECONDS - seconds - 4) for place in places]
    sounds = [story(2 * seed + i, [(at[i], theme)]) for i in range(2)]
    sounds[hurried] = resample_poly(sounds[hurried], 24, 25).astype(np.float32)
    pace = [FILM if i == hurried else 1.0 for i in range(2)]
    episodes = [heard(sound, pal=i == hurried) for i, sound in enumerate(sounds)]
    best = find_runs(episodes, OPTIONS)[0]
    planted = tuple(x / pace[i] for i in range(2) for x in (at[i], at[i] + seconds))
    assert (best.a, best.b) == (0, 1)
    assert off(best, planted) < CLOSE + 0.05  # type: ignore[arg-type]


def test_two_episodes_of_pal_are_compared_as_they_are() -> None:
    theme = music(1, 12)
    episodes = [heard(story(i, [(20.0 + 9 * i, theme)]), pal=True) for i in range(2)]
    runs = find_runs(episodes, OPTIONS)
    assert len(runs) == 1
    assert off(runs[0], (20, 32, 29, 41)) < CLOSE


@pytest.mark.parametrize("voices", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_theme_is_heard_through_speech_of_its_level(seed: int, voices: int) -> None:
    theme = music(seed, 15)
    at = (12.0 + seed, 40.5 - 2 * seed)
    covered = [sum_of([theme, babble(100 + 2 * seed + i, 15, voices, -20)]) for i in range(2)]
    episodes = [heard(story(2 * seed + i, [(at[i], covered[i])])) for i in range(2)]
    best = find_runs(episodes, OPTIONS)[0]
    assert off(best, (at[0], at[0] + 15, at[1], at[1] + 15)) < 0.5


def test_the_second_way_hears_what_the_index_misses() -> None:
    """Four people talk at once, 3 dB louder than the music: hardly a key survives."""
    missed = 0
    for seed in range(1, 6):
        theme = music(seed, 6.5)
        at = (12.0 + seed, 31.5 - 2 * seed)
        covered = [sum_of([theme, babble(200 + 2 * seed + i, 6.5, 4, -17)]) for i in range(2)]
        episodes = [heard(story(2 * seed + i, [(at[i], covered[i])])) for i in range(2)]
        alone = find_runs(episodes, OPTIONS.model_copy(update={"robust": False}))
        missed += not alone
        best = find_runs(episodes, OPTIONS)[0]
        assert off(best, (at[0], at[0] + 6.5, at[1], at[1] + 6.5)) < 0.5
    assert missed >= 1


@pytest.mark.parametrize("seed", range(4))
def test_all_repeats_are_found_not_the_longest_alone(seed: int) -> None:
    """A recap's jingle, a theme and the credits' song; in the second episode in another order."""
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(3, 18, 3)
    places = [(5.0, 40.0), (28.0, 65.0), (55.0, 8.0)]
    pieces = [music(10 * seed + k, lengths[k]) for k in range(3)]
    episodes = [
        heard(story(7 * seed + i, [(places[k][i], pieces[k]) for k in range(3)], 90))
        for i in range(2)
    ]
    runs = between(find_runs(episodes, OPTIONS), 0, 1)
    for k, (a, b) in enumerate(places):
        planted = (a, a + lengths[k], b, b + lengths[k])
        assert min(off(run, planted) for run in runs) < CLOSE, k
    assert [run.score for run in runs] == sorted((run.score for run in runs), reverse=True)


def test_what_an_episode_holds_twice_is_found_in_both_places_and_is_no_repeat_in_itself() -> None:
    jingle = music(5, 6)
    twice = heard(story(0, [(12.0, jingle), (51.0, jingle)]))
    assert find_runs([twice], OPTIONS) == []
    runs = find_runs([twice, heard(story(1, [(30.0, jingle)]))], OPTIONS)
    assert len(runs) == 2
    for run, at in zip(sorted(runs, key=lambda r: r.start_a), (12, 51), strict=True):
        assert (run.a, run.b) == (0, 1)
        assert off(run, (at, at + 6, 30, 36)) < CLOSE


def test_a_season_shares_its_theme_pair_by_pair() -> None:
    theme = music(3, 14)
    at = [5.0, 31.2, 12.77, 44.0, 20.5]
    runs = find_runs([heard(story(i, [(at[i], theme)])) for i in range(5)], OPTIONS)
    assert {(run.a, run.b) for run in runs} == {(a, b) for b in range(5) for a in range(b)}
    for run in runs:
        a, b = at[run.a], at[run.b]
        assert off(run, (a, a + 14, b, b + 14)) < CLOSE


def test_a_cut_theme_is_shared_as_far_as_it_goes() -> None:
    theme = music(4, 20)
    episodes = [heard(story(1, [(10.0, theme)])), heard(story(2, [(30.0, theme[: 8 * RATE])]))]
    runs = find_runs(episodes, OPTIONS)
    assert off(runs[0], (10, 18, 30, 38)) < CLOSE


@pytest.mark.parametrize("gap", [0.5, 1.5, 2.5])
def test_what_covers_a_theme_for_a_while_does_not_end_it(gap: float) -> None:
    theme = music(6, 20)
    loud = speech(99, gap, -8)
    covered = theme.copy()
    covered[9 * RATE : 9 * RATE + len(loud)] += loud
    episodes = [heard(story(1, [(10.0, theme)])), heard(story(2, [(30.0, covered)]))]
    assert off(find_runs(episodes, OPTIONS)[0], (10, 30, 30, 50)) < CLOSE


# ------------------------------------------------------------------ sound, nothing planted


def test_nothing_is_found_between_strangers() -> None:
    episodes = [heard(speech(i, 150)) for i in range(6)] + [heard(noise(i, 150)) for i in range(3)]
    assert find_runs(episodes, OPTIONS) == []


def test_music_of_its_own_in_every_episode_is_no_repeat() -> None:
    episodes = [
        heard(story(i, [(10.0 + i, music(i, 5)), (50.0 - i, music(20 + i, 4))])) for i in range(6)
    ]
    assert find_runs(episodes, OPTIONS) == []


STEADY = {
    "digital black": silence(25),
    "dither": noise(0, 25, -75),
    "a tone": tone(1000, 25),
    "a chord held": sum_of([tone(hz, 25) for hz in (220, 277.2, 329.6)]),
    "hum": hum(25),
}


@pytest.mark.parametrize("sound", STEADY.values(), ids=STEADY)
def test_what_stays_as_it_is_never_matches(sound: Floats) -> None:
    within = [heard(story(i, [(15.0 + 20 * i, sound)])) for i in range(2)]
    alone = [heard(sound), heard(sound[: 20 * RATE])]
    assert find_runs(within + alone, OPTIONS) == []


@pytest.mark.parametrize("pal", [False, True])
def test_a_season_that_is_silent_throughout(pal: bool) -> None:
    assert find_runs([heard(silence(30), pal)] * 3, OPTIONS) == []


FLOOR = {
    "a tone": tone(440, 30),
    "a chord held": sum_of([tone(hz, 30) for hz in (220, 277.2, 329.6)]),
    "hum": hum(30),
}


@pytest.mark.parametrize("level", [-80, -50, -30])
@pytest.mark.parametrize("sound", FLOOR.values(), ids=FLOOR)
def test_nor_with_a_trace_of_noise_on_it(sound: Floats, level: float) -> None:
    within = [heard(story(i, [(15.0 + 20 * i, sound + noise(i, 30, level))])) for i in range(2)]
    assert find_runs(within, OPTIONS) == []


def test_other_music_on_the_same_instrument_in_the_same_tuning_never_matches() -> None:
    assert find_runs([heard(music(i, 60, tuning=0.0)) for i in range(5)], OPTIONS) == []


# ------------------------------------------------------------------ one file and its copies


def test_identical_files_share_all() -> None:
    one = heard(story(0, [(20.0, music(0, 15))]))
    runs = find_runs([one, one], OPTIONS)
    assert off(runs[0], (0, SECONDS, 0, SECONDS)) < CLOSE
    assert runs[0].error == 0
    assert (runs[0].a, runs[0].b) == (0, 1)
    assert len(runs) == 1


def test_a_lone_file_does_not_share_itself() -> None:
    assert find_runs([heard(story(0, [(20.0, music(0, 8))]))], OPTIONS) == []
    assert find_runs([], OPTIONS) == []


def test_a_copy_that_begins_later_is_the_same_all_along() -> None:
    sound = story(0, [(20.0, music(0, 15))])
    copy = np.concatenate([silence(3.21), sound])
    best = find_runs([heard(sound), heard(copy)], OPTIONS)[0]
    assert off(best, (0, SECONDS, 3.21, SECONDS + 3.21)) < CLOSE


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.9])
def test_files_too_short_to_repeat_anything(seconds: float) -> None:
    short = heard(music(0, seconds))
    whole = heard(story(1, [(20.0, music(0, 10))]))
    assert all(run.b == 2 for run in find_runs([short, short, whole], OPTIONS))


def test_order_does_not_change_what_is_found() -> None:
    theme, jingle = music(8, 16), music(9, 5)
    episodes = [
        heard(story(i, [(4.0 + 3.3 * i, jingle), (20.0 + 7.7 * i, theme)])) for i in range(3)
    ]
    expected = None
    for order in permutations(range(3)):
        runs = find_runs([episodes[i] for i in order], OPTIONS)
        turned = [run if order[run.a] < order[run.b] else run.turned() for run in runs]
        found = sorted((sorted((order[r.a], order[r.b])), ends(r)) for r in turned)
        expected = expected or found
        assert [pair for pair, _ in found] == [pair for pair, _ in expected]
        for (_, mine), (_, first) in zip(found, expected, strict=True):
            assert mine == pytest.approx(first, abs=2 * HOP)
    assert expected is not None
    assert len(expected) == 6


@pytest.mark.parametrize("seed", TWICE)
def test_no_stretch_is_told_twice(seed: int) -> None:
    theme = music(seed, 12)
    episodes = []
    for i in range(2):
        covered = copy_of(theme, 0, 700 + 2 * seed + i, -3)
        episodes.append(heard(story(900 + 2 * seed + i, [(60.0 - 55 * i, covered)])))
    runs = find_runs(episodes, OPTIONS)
    for i, run in enumerate(runs):
        for other in runs[:i]:
            slip = (run.start_b - run.start_a) - (other.start_b - other.start_a)
            common = min(run.end_a, other.end_a) - max(run.start_a, other.start_a)
            shorter = min(run.duration, other.duration)
            assert abs(slip) > 0.2 or common < 0.5 * shorter, (run, other)


def test_two_stretches_with_nothing_to_compare_between_them() -> None:
    """They are joined over the gap, and only what stays as it is fits in the middle of it."""
    rng = np.random.default_rng(0)
    n = 500
    one = rng.integers(0, 2**64, n, np.uint64)
    two = rng.integers(0, 2**64, n, np.uint64)
    apart = np.full(70, 38)
    apart[:20] = apart[50:] = 25
    apart[35] = 12
    for i, bits in enumerate(apart.tolist(), 200):
        flipped = rng.choice(np.arange(16, 64), bits, replace=False)
        two[i] = one[i] ^ np.bitwise_or.reduce(np.uint64(1) << flipped.astype(np.uint64))
    usable = np.ones(n, np.bool_)
    usable[235] = False
    sound = fingerprint(speech(0, n * HOP))
    assert len(sound) == n
    level = np.full(n, -20, np.int8)
    episodes = [
        replace(
            heard(speech(0, n * HOP)),
            sound=replace(sound, words=words, usable=usable, level=level),
        )
        for words in (one, two)
    ]
    for run in find_runs(episodes, OPTIONS):
        assert all(map(math.isfinite, (run.score, run.error, *ends(run))))
        assert run.count > 0


# ------------------------------------------------------------------ pictures, planted


def cut_times(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    times = np.cumsum(rng.uniform(0.8, 5, 200))
    return np.insert(times[times < seconds], 0, 0.0)


def with_a_row(
    seed: int, n: int, places: tuple[float, float], hurried: int | None = None
) -> tuple[list[EpisodePrint], Span]:
    """Two episodes that share n shots at two places, one perhaps at PAL speed; and the places."""
    rng = np.random.default_rng(seed)
    shots = np.r_[0.0, np.cumsum(rng.uniform(0.8, 3.5, n))]
    length = float(shots[-1])
    theme = [scene(1_000_000 + 100 * seed + k) for k in range(n)]
    episodes, planted = list[EpisodePrint](), list[float]()
    for i, place in enumerate(places):
        at = 3 + place * (SECONDS - 8 - length)
        own = cut_times(rng, SECONDS)
        own = own[(own < at - 0.3) | (own > at + length + 0.3)]
        shown = [(t, scene(int(rng.integers(1 << 40)))) for t in [*own.tolist(), at + length]]
        for t, picture in zip(shots.tolist(), theme, strict=False):
            changed = picture * rng.uniform(0.7, 1) + rng.normal(0, 5, picture.shape)
            shown.append((at + t, levels(changed)))
        shown.sort(key=lambda each: each[0])
        pace = FILM if i == hurried else 1.0
        episodes.append(seen([t / pace for t, _ in shown], [p for _, p in shown], i == hurried))
        planted += [at / pace, (at + length) / pace]
    return episodes, (planted[0], planted[1], planted[2], planted[3])


def check_row(runs: Sequence[Run], n: int, planted: Span) -> None:
    assert len(runs) == 1
    run = runs[0]
    assert (run.sense, run.a, run.b, run.count) == ("picture", 0, 1, n)
    assert run.start_a == pytest.approx(planted[0], abs=0.01)
    assert run.start_b == pytest.approx(planted[2], abs=0.01)
    assert off(run, planted) < 0.2
    assert run.error < 0.06


@FEW
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(3, 10),
    places=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_planted_row_of_key_pictures_is_found(
    seed: int, n: int, places: tuple[float, float]
) -> None:
    episodes, planted = with_a_row(seed, n, places)
    check_row(find_runs(episodes, OPTIONS), n, planted)


@pytest.mark.parametrize("hurried", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_pictures_of_pal_and_film_are_brought_together(seed: int, hurried: int) -> None:
    episodes, planted = with_a_row(seed, 8, (0.2, 0.6), hurried)
    # the sound tells nothing, but is there: so that both speeds are tried
    lively = heard(speech(seed, SECONDS), pal=True)
    episodes[hurried] = replace(episodes[hurried], sound=lively.sound, slow=lively.slow)
    check_row(find_runs(episodes, OPTIONS), 8, planted)


def test_strangers_show_nothing_alike() -> None:
    rng = np.random.default_rng(0)
    episodes = []
    for i in range(4):
        times = cut_times(rng, SECONDS)
        episodes.append(seen(times.tolist(), [scene(1000 * i + k) for k in range(len(times))]))
    assert find_runs(episodes, OPTIONS) == []


@pytest.mark.parametrize("level", [0, 16, 235])
def test_black_and_flat_pictures_never_match(level: int) -> None:
    rng = np.random.default_rng(level)
    episodes = []
    for i in range(2):
        times = np.arange(0, SECONDS, 2.0)
        pictures = [scene(1000 * i + k) for k in range(len(times))]
        for k in range(10, 20):
            pictures[k] = levels(level + rng.normal(0, 1, SIZE[::-1]))
        episodes.append(seen(times.tolist(), pictures))
    assert find_runs(episodes, OPTIONS) == []


def test_a_theme_with_bars_in_one_file_and_none_in_the_other() -> None:
    times = np.arange(0, 40, 2.0).tolist()
    theme = [scene(k) for k in range(6)]
    plain = [scene(100 + k) for k in range(20)]
    plain[4:10] = theme
    shrunk = []
    for k in range(20):
        picture = np.full(SIZE[::-1], 16, np.uint8)
        picture[9:-9] = scene(k - 9 if 9 <= k < 15 else 200 + k, (128, 54))
        shrunk.append(picture)
    runs = find_runs([seen(times, plain), seen(times, shrunk)], OPTIONS)
    assert len(runs) == 1
    assert off(runs[0], (8, 20, 18, 30)) < 0.01
    assert runs[0].count == 6


def test_pictures_are_told_with_their_rows() -> None:
    one = signatures([scene(0), scene(1), np.zeros(SIZE[::-1], np.uint8)], NO_BARS)
    two = signatures([np.zeros(SIZE[::-1], np.uint8), scene(1), scene(5), scene(0)], NO_BARS)
    i, j, likeness = alike_pictures(one, two, OPTIONS.likeness)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 3), (1, 1)]
    np.testing.assert_allclose(likeness, 1, atol=1e-3)


def test_sound_and_pictures_are_told_apart() -> None:
    theme = music(0, 12)
    episodes = []
    for i in range(2):
        at = 20.0 + 9 * i
        times = [0.0, *(at + k * 3 for k in range(5)), 70.0]
        pictures = [scene(10 + i), *(scene(k) for k in range(4)), scene(20 + i), scene(30 + i)]
        shown = seen(times, pictures)
        episodes.append(
            replace(heard(story(i, [(at, theme)])), times=shown.times, pictures=shown.pictures)
        )
    runs = find_runs(episodes, OPTIONS)
    assert sorted(run.sense for run in runs) == ["picture", "sound"]
    for run in runs:
        assert off(run, (20, 32, 29, 41)) < CLOSE


def test_a_run_can_be_seen_from_either_side() -> None:
    run = Run("sound", 1, 4, 10.0, 20.0, 31.0, 41.0, 50.0, 0.1, 150)
    assert ends(run.turned()) == (31.0, 41.0, 10.0, 20.0)
    assert (run.turned().a, run.turned().b) == (4, 1)
    assert run.turned().turned() == run
    assert run.duration == 10.0
