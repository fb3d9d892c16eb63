"""Edges of films made on the spot, whose cuts and sounds are known to the frame and the sample."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from films import FILM_RATE, Film, Shot, seconds, sequence, shoot
from pieces import piece
from sounds import music, speech
from zastavka.closeup import RATE, Closeups
from zastavka.fingerprint import RATE as WORDS_RATE
from zastavka.options import ExtractOptions, RefineOptions
from zastavka.overlay import change
from zastavka.prints import FILM, EpisodePrint, read_print
from zastavka.recurring import Instance, Recurring
from zastavka.refine import refine
from zastavka.segment import Segment

THEME = (Shot(1, 40), Shot(2, 65), Shot(3, 45))  # 150 pictures
AFTER = 90  # pictures of story behind it
SONG = music(1, 9.0)

TO_THE_FRAME = 0.0015  # seconds: Matroska counts milliseconds
BY_EAR = 0.03
OFF = RefineOptions(sound=False, picture=False, cut=False, chapters=False)


@dataclass(frozen=True)
class Part:
    """An episode with the theme behind `before` pictures of story.

    `late`: seconds by which its song begins behind its pictures, and ends before them.
    """

    before: int = 100
    after: int = AFTER
    theme: Sequence[Shot] = THEME
    song: float | None = 0.0  # seconds of the song left out at its beginning; None: no sound
    late: float = 0.0
    rate: Fraction = Fraction(25)
    keys: bool = True
    chapters: Sequence[tuple[float, float]] = ()

    @property
    def place(self) -> Segment:
        start = seconds(self.before, self.rate)
        return Segment(start, start + seconds(sum(s.frames for s in self.theme), self.rate))


PARTS = (Part(), Part(before=133))


def film_of(part: Part, number: int, hurried: bool = False) -> Film:
    story = [Shot(100 * number + k, 40) for k in range(1, 1 + part.before // 40)]
    rest = part.before % 40
    before = [*story, Shot(100 * number + 50, rest)] if rest else story
    after = [Shot(100 * number + 60, part.after)] if part.after else []
    place, end = part.place, seconds(part.after, part.rate)
    if part.song is None:
        sound = None
    else:
        song = SONG[round(part.song * WORDS_RATE) :]
        song = resample_poly(song, 24, 25).astype(np.float32) if hurried else song
        sound = sequence(
            (place.start, speech(number, place.start + 0.1)), (part.late, None),
            (place.duration - 2 * part.late, song), (part.late, None),
            (end, speech(number + 50, end + 0.1)),
        )  # fmt: skip
    shots = [*before, *part.theme, *after]
    return Film(shots, sound, part.rate, part.keys, chapters=part.chapters)


@dataclass(frozen=True)
class Staged:
    """Episodes on disk and what was found in them, some tenths of a second off."""

    paths: list[Path | None]
    prints: list[EpisodePrint]
    piece: Recurring
    speeds: list[float]
    votes: Sequence[int] | None = None

    def edges(
        self, options: RefineOptions, wanted: set[int] | None = None, piece: Recurring | None = None
    ) -> dict[int, Segment]:
        closeups = Closeups(self.paths, self.prints, None)
        everyone = set(range(len(self.prints))) if wanted is None else wanted
        votes = range(len(self.prints)) if self.votes is None else self.votes
        found = piece or self.piece
        return refine(found, self.prints, votes, self.speeds, closeups, options, everyone)


def staged(
    folder: Path, *parts: Part, off: float = 0.15, heard: bool = True, seen: bool = True
) -> Staged:
    """Episodes whose theme is thought to begin `off` seconds late, and to end as much early."""
    paths = [shoot(folder / f"{i}.mkv", film_of(p, i + 1)) for i, p in enumerate(parts)]
    prints = [read_print(path, ExtractOptions()) for path in paths]
    starts = {i: part.place.start + off for i, part in enumerate(parts)}
    found = piece(starts, parts[0].place.duration - 2 * off, heard=heard, seen=seen)
    return Staged(list(paths), prints, found, [1.0] * len(parts))


def near(segment: Segment, within: float) -> object:
    return pytest.approx((segment.start, segment.end), abs=within)


def both(segment: Segment) -> tuple[float, float]:
    return segment.start, segment.end


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """Song and pictures begin and end together, with cuts."""
    return staged(tmp_path_factory.mktemp("plain"), *PARTS)


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """The song begins 0.6 s behind the pictures, and ends 0.6 s before them."""
    return staged(tmp_path_factory.mktemp("late"), *[replace(p, late=0.6) for p in PARTS])


@pytest.fixture(scope="module")
def repainted(tmp_path_factory: pytest.TempPathFactory) -> Staged:
    """The song is the same and 80 ms short on both sides, the pictures are new."""
    other = tuple(Shot(shot.scene + 10 if shot.scene else None, shot.frames) for shot in THEME)
    chapters = [(0.0, 3.7), (3.7, 10.4)]
    parts = (
        replace(PARTS[0], late=0.08, chapters=chapters),
        replace(PARTS[1], late=0.08, theme=other),
    )
    return staged(tmp_path_factory.mktemp("repainted"), *parts, seen=False)


# ------------------------------------------------------------------ to the frame


@pytest.mark.parametrize(
    ("rate", "off"), [(FILM_RATE, -0.4), (Fraction(24), 0.21), (Fraction(25), -0.25)], ids=str
)
def test_edges_are_cut_to_the_frame(tmp_path: Path, rate: Fraction, off: float) -> None:
    parts = [replace(part, rate=rate) for part in PARTS]
    found = staged(tmp_path, *parts, off=off).edges(RefineOptions())
    for i, part in enumerate(parts):
        assert both(found[i]) == near(part.place, TO_THE_FRAME)


def test_without_sound_pictures_alone_find_them(tmp_path: Path) -> None:
    parts = [replace(part, song=None, keys=False) for part in PARTS]
    scene = staged(tmp_path, *parts, off=1.7, heard=False)
    found = scene.edges(RefineOptions())
    for i, part in enumerate(parts):
        assert both(found[i]) == near(part.place, TO_THE_FRAME)
    left = scene.edges(RefineOptions(picture=False, cut=False))
    assert both(left[0]) == both(scene.piece.instances[0].segment)


def test_without_pictures_the_sound_alone_finds_them(tmp_path: Path) -> None:
    story = [
        sequence((4.0, speech(i, 4.0)), (6.0, SONG), (3.6, speech(9 + i, 4.0))) for i in range(2)
    ]
    paths = [shoot(tmp_path / f"{i}.mka", Film([], sound)) for i, sound in enumerate(story)]
    prints = [read_print(path, ExtractOptions()) for path in paths]
    scene = Staged(list(paths), prints, piece({0: 4.2, 1: 4.2}, 5.6, seen=False), [1.0] * 2)
    found = scene.edges(RefineOptions())
    assert len(found) == 2
    for segment in found.values():
        assert both(segment) == near(Segment(4.0, 10.0), BY_EAR)


def test_an_edge_at_the_beginning_and_one_at_the_end(tmp_path: Path) -> None:
    parts = [Part(before=0), Part(before=0, after=110)]
    for segment in staged(tmp_path, *parts).edges(RefineOptions()).values():
        assert segment.start == 0.0
        assert segment.end == pytest.approx(6.0, abs=TO_THE_FRAME)
    parts = [Part(after=0), Part(before=133, after=0)]
    scene = staged(tmp_path, *parts, off=0.1)
    for i, segment in scene.edges(RefineOptions()).items():
        assert segment.start == pytest.approx(parts[i].place.start, abs=TO_THE_FRAME)
        assert parts[i].place.end - 0.15 < segment.end <= scene.prints[i].duration


def test_a_theme_hurried_for_pal_is_laid_over_one_at_film_speed(tmp_path: Path) -> None:
    parts = [Part(rate=Fraction(24)), Part(before=133)]
    paths = [
        shoot(tmp_path / f"{i}.mkv", film_of(part, i + 1, hurried=bool(i)))
        for i, part in enumerate(parts)
    ]
    prints = [read_print(path, ExtractOptions()) for path in paths]
    instances = [
        Instance(i, Segment(part.place.start + 0.15, part.place.end - 0.15), 0.0, 1.0, 1.0)
        for i, part in enumerate(parts)
    ]
    found = replace(piece({0: 0.0, 1: 0.0}, 5.95), instances=tuple(instances))
    scene = Staged(list(paths), prints, found, [1.0, FILM])
    for i, segment in scene.edges(RefineOptions()).items():
        assert both(segment) == near(parts[i].place, TO_THE_FRAME)
    by_ear = scene.edges(RefineOptions(picture=False, cut=False))
    for i, segment in by_ear.items():
        assert both(segment) == near(parts[i].place, BY_EAR)


# ------------------------------------------------------------------ each kind of evidence


def test_sound_tells_the_edges_that_nothing_is_seen_of(repainted: Staged) -> None:
    heard = repainted.edges(RefineOptions(cut=False, chapters=False))
    for i, part in enumerate(PARTS):
        song = Segment(part.place.start + 0.08, part.place.end - 0.08)
        assert both(heard[i]) == near(song, BY_EAR)
    deaf = repainted.edges(RefineOptions(cut=False, sound=False, chapters=False))
    assert both(deaf[0]) == both(repainted.piece.instances[0].segment)


def test_a_cut_beside_the_edge_of_the_sound_is_the_edge(repainted: Staged) -> None:
    """Whatever chapters say."""
    for i, segment in repainted.edges(RefineOptions()).items():
        assert both(segment) == near(PARTS[i].place, TO_THE_FRAME)


def test_pictures_tell_where_the_song_comes_late(late: Staged) -> None:
    for i, segment in late.edges(RefineOptions()).items():
        assert both(segment) == near(PARTS[i].place, TO_THE_FRAME)
    for i, segment in late.edges(RefineOptions(picture=False)).items():
        song = Segment(PARTS[i].place.start + 0.6, PARTS[i].place.end - 0.6)
        assert both(segment) == near(song, BY_EAR)


def test_nothing_moves_an_edge_when_all_evidence_is_off(plain: Staged) -> None:
    found = plain.edges(OFF)
    assert [found[i] for i in (0, 1)] == [x.segment for x in plain.piece.instances]


def test_a_pause_is_an_edge_where_it_is_asked_for(late: Staged) -> None:
    found = late.edges(OFF.model_copy(update={"silence": True}))
    # quiet from the cut to the song; thought to begin .15 s behind the cut, it is in the midst
    assert found[0].start == pytest.approx(PARTS[0].place.start + 0.15, abs=0.02)
    early = piece({0: PARTS[0].place.start - 0.2, 1: PARTS[1].place.start - 0.2}, 6.4)
    moved = late.edges(OFF.model_copy(update={"silence": True}), piece=early)
    for i, part in enumerate(PARTS):
        # words may end a little before the cut
        assert part.place.start - 0.15 < moved[i].start < part.place.start + 0.05
    assert late.edges(OFF, piece=early)[0].start == PARTS[0].place.start - 0.2


def test_the_border_of_black_is_an_edge_where_it_is_asked_for(tmp_path: Path) -> None:
    """Black for half a second between the story and the theme, behind which the song begins."""
    theme = (Shot(None, 12), *THEME, Shot(None, 10))
    parts = [replace(part, theme=theme) for part in PARTS]
    scene = staged(tmp_path, *parts)
    dark = OFF.model_copy(update={"black": True})
    inside = [Segment(p.place.start + 0.48, p.place.end - 0.4) for p in parts]
    thought = piece({i: s.start + 0.2 for i, s in enumerate(inside)}, 5.7)
    found = scene.edges(dark, piece=thought)
    for i, segment in enumerate(inside):
        assert both(found[i]) == near(segment, TO_THE_FRAME)
    assert scene.edges(OFF, piece=thought)[0] == thought.instances[0].segment


def test_a_chapter_is_the_edge_that_nothing_better_tells(tmp_path: Path) -> None:
    parts = [replace(p, chapters=[(0.0, 3.7), (3.7, 10.4)], late=0.6) for p in PARTS]
    scene = staged(tmp_path, *parts, off=0.0)
    told = scene.edges(OFF.model_copy(update={"chapters": True}))
    assert both(told[0]) == near(Segment(3.7, 10.4), TO_THE_FRAME)
    # those of the other episode are too far away: it begins at 5.32
    assert told[1].start == pytest.approx(5.32)
    assert scene.edges(OFF)[0] == scene.piece.instances[0].segment
    # what is seen to the frame needs no chapter
    assert both(scene.edges(RefineOptions())[0]) == near(parts[0].place, TO_THE_FRAME)


# ------------------------------------------------------------------ what is not as usual


def test_where_the_file_is_gone_the_coarse_edge_stands_or_its_chapter(tmp_path: Path) -> None:
    parts = [replace(PARTS[0], chapters=[(0.0, 4.0), (4.0, 10.0)]), *PARTS[1:], Part(before=60)]
    scene = staged(tmp_path, *parts)
    gone = replace(scene, paths=[None, None, scene.paths[2]])
    found = gone.edges(RefineOptions())
    assert both(found[0]) == near(Segment(4.0, 10.0), TO_THE_FRAME)
    assert found[1] == scene.piece.instances[1].segment
    # nobody is left to be compared with, but there are cuts within reach
    close = piece({i: part.place.start + 0.1 for i, part in enumerate(parts)}, 5.8)
    alone = gone.edges(RefineOptions(), piece=close)
    assert both(alone[2]) == near(parts[2].place, TO_THE_FRAME)


def test_a_file_that_can_no_longer_be_read_keeps_its_coarse_edges(tmp_path: Path) -> None:
    scene = staged(tmp_path, *PARTS)
    assert scene.paths[1] is not None
    scene.paths[1].write_bytes(b"no video")
    found = scene.edges(RefineOptions())
    assert found[1] == scene.piece.instances[1].segment


def test_a_version_of_the_same_episode_tells_no_edge(tmp_path: Path) -> None:
    """The two first ones are alike from end to end."""
    scene = staged(tmp_path, PARTS[0], PARTS[0], PARTS[1])
    assert scene.paths[1] is not None
    shutil.copy(str(scene.paths[0]), scene.paths[1])
    parts = [PARTS[0], PARTS[0], PARTS[1]]
    for i, segment in replace(scene, votes=[0, 0, 1]).edges(RefineOptions()).items():
        assert both(segment) == near(parts[i].place, TO_THE_FRAME)


def test_only_what_is_wanted_is_refined(plain: Staged) -> None:
    assert plain.edges(RefineOptions(), wanted={1}).keys() == {1}


def test_more_than_was_found_is_looked_for_where_others_have_more(plain: Staged) -> None:
    """Noise hid the first two seconds of one, and the last two of the other."""
    instances = (
        Instance(0, Segment(PARTS[0].place.start + 2.0, PARTS[0].place.end), 2.0, 1.0, 1.0),
        Instance(1, Segment(PARTS[1].place.start, PARTS[1].place.end - 2.0), 0.0, 1.0, 1.0),
    )
    hidden = replace(plain.piece, instances=instances, length=6.0)
    for options in (RefineOptions(), RefineOptions(picture=False)):
        for i, segment in plain.edges(options, piece=hidden).items():
            assert both(segment) == near(PARTS[i].place, TO_THE_FRAME)


def test_a_shortened_theme_is_not_made_longer(tmp_path: Path) -> None:
    short = replace(PARTS[1], theme=THEME[2:], song=4.2)  # 1.8 s
    scene = staged(tmp_path, PARTS[0], short)
    instances = (
        Instance(0, PARTS[0].place, 0.0, 1.0, 1.0),
        Instance(1, Segment(short.place.start + 0.1, short.place.end), 4.3, 1.0, 1.0),
    )
    found = scene.edges(
        RefineOptions(), piece=replace(scene.piece, instances=instances, length=6.0)
    )
    assert both(found[0]) == near(PARTS[0].place, TO_THE_FRAME)
    assert both(found[1]) == near(short.place, TO_THE_FRAME)


def test_a_seam_is_where_it_was_found(plain: Staged) -> None:
    """What stands before it repeats too, so that likeness begins earlier than the piece."""
    inside = {i: part.place.start + 1.7 for i, part in enumerate(PARTS)}  # a cut is at 1.6
    seamed = replace(piece(inside, 4.3), seamed=True)
    for i, segment in plain.edges(RefineOptions(), piece=seamed).items():
        assert segment.start == pytest.approx(PARTS[i].place.start + 1.6, abs=TO_THE_FRAME)
        assert segment.end == pytest.approx(PARTS[i].place.end, abs=TO_THE_FRAME)


@pytest.mark.parametrize("side", ["start", "end"])
def test_a_change_is_found_among_noise(side: str) -> None:
    rng = np.random.default_rng(0)
    inside = np.arange(200) >= 70 if side == "start" else np.arange(200) < 130
    gain = np.where(inside, 0.3, -0.3) + rng.normal(0, 0.1, 200)
    assert change(gain, side) == (70 if side == "start" else 130)  # type: ignore[arg-type]
    assert change(np.full(9, 0.1), side) == (0 if side == "start" else 9)  # type: ignore[arg-type]


# ------------------------------------------------------------------ close-ups


def test_a_close_up_has_every_picture_of_its_window(plain: Staged) -> None:
    shots = Closeups(plain.paths, plain.prints, None).pictures(0, Segment(3.0, 5.0))
    assert shots is not None
    np.testing.assert_allclose(shots.times, 3.0 + np.arange(50) / 25, atol=TO_THE_FRAME)
    assert shots.step.argmax() == 25  # the cut at 4.0
    assert shots.step[25] > 5 * np.median(shots.step)


def test_sound_is_read_to_the_sample_and_silent_behind_the_end(plain: Staged) -> None:
    closeups = Closeups(plain.paths, plain.prints, None)
    whole = closeups.sound(0, Segment(0.0, 15.0))
    assert whole is not None
    assert len(whole) == 15 * RATE
    part = closeups.sound(0, Segment(4.13, 6.07))
    assert part is not None
    np.testing.assert_allclose(part, whole[33_040:48_560], atol=0.02)
    assert not whole[round(13.7 * RATE) :].any()


def test_a_stretch_is_read_once(plain: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    closeups = Closeups(plain.paths, plain.prints, None)
    first = closeups.pictures(0, Segment(3.02, 4.97)), closeups.sound(0, Segment(3.02, 4.97))
    monkeypatch.setattr(closeups, "_paths", [None, None])
    # what lies in a window that was read is not read again
    again = closeups.pictures(0, Segment(3.1, 4.9))
    assert again is not None
    assert first[0] is not None
    assert again.times.tolist() == first[0].times.tolist()
    assert closeups.sound(0, Segment(3.1, 4.9)) is not None
    assert closeups.pictures(0, Segment(7.0, 8.0)) is None


def test_glances_are_at_the_moments_asked_for(plain: Staged) -> None:
    closeups = Closeups(plain.paths, plain.prints, None)
    looks = closeups.glances(0, [4.5, 6.0])
    other = closeups.glances(1, [PARTS[1].place.start + 0.5, PARTS[1].place.start + 2.0])
    assert looks is not None
    assert other is not None
    likeness = looks.vectors(np.arange(2))[:, 0] @ other.vectors(np.arange(2))[:, 0].T
    assert (np.diag(likeness) > 0.97).all()
    assert abs(likeness[0, 1]) < 0.6
    assert closeups.glances(0, [4.5, 99.0]) is None
