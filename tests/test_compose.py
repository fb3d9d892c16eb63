"""Composed series: what the truth says is there is there, to the frame, and nothing betrays it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from zastavka.compose import SeriesSpec, compose, compose_series, random_spec
from zastavka.compose.letters import _STROKES, Typeface, line_mask
from zastavka.compose.names import CAPTIONS, LINES, PEOPLE, STUDIOS, TASKS, TITLES
from zastavka.compose.pictures import Sprite
from zastavka.compose.show import Show
from zastavka.compose.sounds import LEVEL, RATE, Tune, Voice, music, speech
from zastavka.compose.story import episode
from zastavka.detection import Detection, read_detections, to_json
from zastavka.episode import find_episodes
from zastavka.errors import StorageError

TINY = SeriesSpec(
    name="Час совы", seed=5, episodes=2, body=12, theme=5, fps=12, size=(160, 90), logo=True
)


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> list[Detection]:
    return compose_series(TINY, tmp_path_factory.mktemp("composed"))


def pictures(path: Path) -> tuple[list[float], NDArray[np.float64]]:
    with av.open(str(path)) as file:
        frames = [(float(f.time or 0.0), f.to_ndarray(format="gray")) for f in file.decode(video=0)]
    return [time for time, _ in frames], np.array([image for _, image in frames], float)


def sound(path: Path) -> NDArray[np.float64]:
    """The track on the player's clock, silence before its first sample."""
    with av.open(str(path)) as file:
        frames = list(file.decode(audio=0))
    lead = np.zeros(round(float(frames[0].time or 0.0) * RATE))
    return np.concatenate([lead, *(frame.to_ndarray()[0] for frame in frames)])


def lag(a: NDArray[np.float64], b: NDArray[np.float64]) -> int:
    """Samples by which b comes later than a, where they agree best."""
    size = 1 << (len(a) + len(b)).bit_length()
    agreement = np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size)
    best = int(np.argmax(agreement))
    return best - size if best > size // 2 else best


def test_files_are_found_by_their_names(season: list[Detection]) -> None:
    folder = season[0].episode.path.parents[1]
    assert find_episodes([folder]) == [detection.episode for detection in season]


def test_files_are_h264_and_aac_from_zero(season: list[Detection]) -> None:
    for detection in season:
        with av.open(str(detection.episode.path)) as file:
            assert file.streams.video[0].codec_context.name == "h264"
            assert file.streams.audio[0].codec_context.name == "aac"
            assert (file.streams.video[0].width, file.streams.video[0].height) == TINY.size
        times, _ = pictures(detection.episode.path)
        assert detection.duration is not None
        assert len(times) == round(detection.duration * TINY.fps)
        assert times == pytest.approx(np.arange(len(times)) / TINY.fps, abs=6e-4)  # ms in MKV
        assert len(sound(detection.episode.path)) == pytest.approx(
            detection.duration * RATE, abs=2048
        )


def test_theme_pictures_begin_and_end_at_the_true_frame(season: list[Detection]) -> None:
    # the same frames in both episodes inside the truth; one frame outside of it they differ
    seen = [pictures(d.episode.path)[1] for d in season]
    first = [round(d.segments()[0].start * TINY.fps) for d in season]
    n = round((TINY.theme or 0) * TINY.fps)
    a, b = (images[at - 1 : at + n + 1] for images, at in zip(seen, first, strict=True))
    apart = np.abs(a - b).mean(axis=(1, 2))
    assert apart[1:-1].max() < 4
    assert apart[0] > 8
    assert apart[-1] > 8


def test_theme_music_is_where_the_truth_says(season: list[Detection]) -> None:
    theme = Show.build(TINY).theme().sound.astype(float)
    for detection in season:
        segment = detection.segments()[0]
        track = sound(detection.episode.path)
        heard = track[round(segment.start * RATE) : round(segment.end * RATE)]
        # MKV keeps milliseconds, so that a track may sit half of one beside its place
        late = lag(theme, heard)
        assert abs(late) <= 0.001 * RATE
        middle = slice(RATE, -RATE)
        assert np.corrcoef(theme[middle], np.roll(heard, -late)[middle])[0, 1] > 0.9


def test_same_spec_same_bytes(season: list[Detection], tmp_path: Path) -> None:
    again = compose_series(replace(TINY, episodes=1), tmp_path)
    assert again[0].episode.path.read_bytes() == season[0].episode.path.read_bytes()
    assert again[0].findings == season[0].findings


def test_another_seed_is_another_series(season: list[Detection], tmp_path: Path) -> None:
    other = compose_series(replace(TINY, episodes=1, seed=6), tmp_path)
    n = 24
    start, there = (round(d[0].segments()[0].start * TINY.fps) for d in (season, other))
    mine = pictures(season[0].episode.path)[1][start : start + n]
    theirs = pictures(other[0].episode.path)[1][there : there + n]
    assert np.abs(mine - theirs).mean() > 8


def test_several_series_in_processes(season: list[Detection], tmp_path: Path) -> None:
    specs = [replace(TINY, episodes=1), replace(TINY, episodes=1, name="Kite Season", logo=False)]
    told: list[tuple[int, int]] = []
    truth = compose(specs, tmp_path, workers=2, progress=lambda done, of: told.append((done, of)))
    assert [d.episode.series for d in truth] == ["Час совы", "Kite Season"]
    assert told == [(1, 2), (2, 2)]
    assert truth[0].episode.path.read_bytes() == season[0].episode.path.read_bytes()
    assert to_json(read_detections(tmp_path / "truth.json")) == to_json(truth)


def test_progress_counts_over_series(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    specs = [replace(TINY, body=8, theme=2), replace(TINY, body=8, theme=2, name="Two", episodes=1)]
    compose(specs, tmp_path, workers=1, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def kinds(spec: SeriesSpec, number: int) -> list[str | None]:
    return [kind for kind, _ in episode(Show.build(spec), number)]


def test_parts_of_an_episode() -> None:
    spec = replace(TINY, credits=True, without=(2,))
    first, second = kinds(spec, 1), kinds(spec, 2)
    assert first[0] == "logo"
    assert first[-1] == "credits"
    assert first.count("intro") == 1
    assert second.count("intro") == 0
    assert "intro" not in kinds(replace(TINY, theme=None), 1)


def test_an_episode_without_says_so(tmp_path: Path) -> None:
    found = compose_series(replace(TINY, body=8, without=(1,), episodes=1, logo=False), tmp_path)
    assert found[0].findings == ()
    assert found[0].not_found_reason


@pytest.mark.parametrize("style", ["montage", "graphics", "slow", "card"])
@pytest.mark.parametrize("drawn", [False, True])
def test_takes_have_as_much_sound_as_picture(style: str, drawn: bool) -> None:
    spec = replace(TINY, style=style, drawn=drawn, credits=True)  # type: ignore[arg-type]
    show = Show.build(spec)
    for _, take in episode(show, 1):
        assert len(take.sound) == show.samples(take.frames)
        assert np.abs(take.sound).max() <= 1.5
        for shot in take.shots:
            assert shot.frames > 0
            for i in (0, shot.frames - 1):
                picture = shot.paint(i)
                assert picture.shape == (180, 320, 3)
                assert picture.dtype == np.uint8


def test_theme_is_the_length_asked_for() -> None:
    for seconds in (2.0, 5.25, 13.0):
        assert Show.build(replace(TINY, theme=seconds)).theme().frames == seconds * TINY.fps


def test_random_specs_are_unlike_and_reproducible() -> None:
    specs = [random_spec(i, 3) for i in range(60)]
    assert specs == [random_spec(i, 3) for i in range(60)]
    assert len({spec.name for spec in specs}) == 60
    assert len({spec.seed for spec in specs}) == 60
    styles = Counter(spec.style for spec in specs[:6])
    assert set(styles) == {"montage", "graphics", "slow", "card"}
    assert 0 < sum(bool(spec.without) for spec in specs) < 60


def test_intros_differ_from_story_by_their_nature_not_their_loudness() -> None:
    """Loudness, brightness or colour alone do not give an intro away."""
    inside: dict[str, list[float]] = {"level": [], "light": [], "colour": []}
    outside: dict[str, list[float]] = {"level": [], "light": [], "colour": []}
    for i in range(8):
        show = Show.build(replace(random_spec(i, 11, body=20), fps=12))
        for kind, take in episode(show, 1):
            if kind in ("intro", None):
                into = inside if kind else outside
                picture = take.shots[0].paint(take.shots[0].frames // 2).astype(float)
                into["level"].append(float(np.sqrt(np.mean(take.sound**2))))
                into["light"].append(float(picture.mean()))
                into["colour"].append(float(np.ptp(picture, axis=2).mean()))
    for name in inside:
        a, b = np.array(inside[name]), np.array(outside[name])
        above = (a[:, None] > b[None]).mean()  # the area under the ROC curve
        assert 0.2 < above < 0.8, name


def test_speech_pauses_between_syllables_and_music_does_not() -> None:
    # the share of 4-Hz modulation (Scheirer and Slaney 1997) of the envelope in 20-ms steps
    def modulation(samples: NDArray[np.float32]) -> float:
        steps = samples[: len(samples) // 480 * 480].reshape(-1, 480)
        envelope = np.sqrt((steps.astype(float) ** 2).mean(axis=1))
        power = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
        hertz = np.fft.rfftfreq(len(envelope), 0.02)
        return float(power[(hertz > 2.5) & (hertz < 7)].sum() / envelope.mean() ** 2)

    rng = np.random.default_rng(0)
    said = [modulation(speech(rng, Voice.draw(rng), 4 * RATE)) for _ in range(8)]
    held = [modulation(music(Tune.draw(rng, calm=True), 4 * RATE)) for _ in range(8)]
    assert np.median(said) > 3 * np.median(held)


def test_voices_have_their_pitch() -> None:
    rng = np.random.default_rng(1)
    for pitch in (100.0, 200.0):
        line = speech(rng, Voice(pitch, 1.0, 4.0), 4 * RATE).astype(float)
        spectrum = np.abs(np.fft.rfft(line, 1 << 18)) ** 2
        near = slice(round(RATE / pitch / 1.6), round(RATE / pitch * 1.6))  # within an octave
        found = RATE / (int(np.argmax(np.fft.irfft(spectrum)[near])) + near.start)
        assert found == pytest.approx(pitch, rel=0.2)


def test_music_and_speech_are_equally_loud_where_they_sound() -> None:
    rng = np.random.default_rng(2)
    for samples in (music(Tune.draw(rng), 6 * RATE), speech(rng, Voice.draw(rng), 3 * RATE)):
        loud = samples[np.abs(samples) > 0.1 * np.abs(samples).max()]
        assert np.sqrt(np.mean(loud**2)) == pytest.approx(LEVEL, rel=0.1)


def test_every_letter_on_screen_is_drawn_and_they_differ() -> None:
    texts = "".join((*TITLES, *PEOPLE, *TASKS, *STUDIOS, *CAPTIONS, *LINES)).upper()
    assert set(texts) - {" "} <= set(_STROKES)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZБГДЁЖИЙЛПУФЦЧШЩЪЫЬЭЮЯ12456789"
    masks = {letter: line_mask(letter, 24, Typeface()) for letter in letters}
    assert len({mask.tobytes() for mask in masks.values()}) == len(letters)
    assert all(0.05 < mask.mean() < 0.6 for mask in masks.values())
    assert line_mask("В", 24, Typeface()).tobytes() == line_mask("b", 24, Typeface()).tobytes()


def test_heavier_type_covers_more() -> None:
    thin, heavy = (line_mask("МОСТ", 30, Typeface(weight=w)).sum() for w in (0.08, 0.2))
    assert heavy > 1.8 * thin


@pytest.mark.parametrize(("x", "y"), [(-3, 2), (8, -2), (30, 30), (-40, 0), (4, 3)])
def test_a_sprite_is_clipped_at_the_borders(x: int, y: int) -> None:
    rng = np.random.default_rng(0)
    cover = rng.random((5, 6, 1)).astype(np.float32)
    picture = np.full((9, 12, 3), 50, np.uint8)
    wide = np.full((9 + 80, 12 + 80, 3), 50, np.uint8)
    sprite = Sprite(np.array([200, 100, 0], np.float32), cover)
    sprite.onto(picture, x, y)
    sprite.onto(wide, x + 40, y + 40)
    assert np.array_equal(picture, wide[40:49, 40:52])


@pytest.mark.parametrize(
    "change", [{"fps": 23}, {"body": 3.0}, {"theme": 0.5}], ids=["rate", "body", "theme"]
)
def test_a_spec_that_can_not_be_composed(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"fps|too short"):
        replace(TINY, **change)  # type: ignore[arg-type]


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        compose_series(replace(TINY, body=8, episodes=1), tmp_path / "file")


def test_a_failure_in_a_process_is_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    specs = [replace(TINY, body=8, episodes=1, name=name) for name in ("One", "Two", "Three")]
    with pytest.raises(StorageError, match="can't be written"):
        compose(specs, tmp_path / "file", workers=2)
