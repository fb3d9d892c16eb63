"""A composed season, and what becomes of it under other names, in part, and damaged."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from films import Film, Shot, seconds, shoot
from pieces import blank, piece
from sounds import speech
from zastavka import prints
from zastavka.cache import PrintCache
from zastavka.compose import SeriesSpec, compose
from zastavka.config import DEFAULT
from zastavka.counsel import detection
from zastavka.decide import Choice, Verdict
from zastavka.detection import Detection, Failure
from zastavka.episode import Episode, find_episodes
from zastavka.fingerprint import RATE
from zastavka.pipeline import Progress
from zastavka.repeats import Repeats, one_vote
from zastavka.runs import Run
from zastavka.season import Season
from zastavka.seasonal import ALONE, SeasonDetector
from zastavka.segment import Segment
from zastavka.shelf import Shelf

SPEC = SeriesSpec(
    name="Пост", seed=7, episodes=4, body=24, theme=9, fps=12, size=(128, 72), without=(4,)
)  # fmt: skip
EXACT = 0.1  # seconds


@dataclass(frozen=True)
class Composed:
    """Four episodes, the last one without an intro, and where it is in the others."""

    files: tuple[Path, ...]
    truth: tuple[Segment, ...]
    cache: PrintCache


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Composed:
    folder = tmp_path_factory.mktemp("composed")
    truth = compose([SPEC], folder, workers=1)
    files = tuple(each.episode.path for each in truth)
    intros = tuple(segment for each in truth for segment in each.segments())
    return Composed(files, intros, PrintCache(folder / "cache"))


@pytest.fixture
def detector(composed: Composed) -> SeasonDetector:
    """One that has read the composed files before: a print is known by what a file holds."""
    return SeasonDetector(cache=composed.cache)


def laid_out(folder: Path, names: Mapping[str, Path]) -> list[Episode]:
    """Copies of files under other names."""
    for name, source in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    return [Episode.from_path(folder / name) for name in names]


def detected(
    detector: SeasonDetector, episodes: Sequence[Episode], progress: Progress | None = None
) -> list[Detection]:
    found = detector.detect(episodes, progress)
    assert [each.episode for each in found] == list(episodes)
    assert all(isinstance(each, Detection) for each in found)
    return [each for each in found if isinstance(each, Detection)]


def assert_found(found: Iterable[Detection], truth: Iterable[Segment]) -> None:
    for each, segment in zip(found, truth, strict=True):
        [intro] = each.segments()
        assert intro.start == pytest.approx(segment.start, abs=EXACT)
        assert intro.end == pytest.approx(segment.end, abs=EXACT)


def reasons(found: Iterable[Detection]) -> set[str | None]:
    return {finding.reason for each in found for finding in each.findings}


# ------------------------------------------------------------------ a season


def test_intros_of_a_season_are_found(composed: Composed, detector: SeasonDetector) -> None:
    found = detected(detector, find_episodes(composed.files))
    assert_found(found[:3], composed.truth)
    for each in found[:3]:
        [finding] = each.findings
        assert finding.sources == ("sound", "picture")
        assert finding.reason == "repeats in 3 of 4 episodes, heard and seen"
        assert 0.9 < finding.confidence <= 1
        assert each.not_found_reason is None
        assert each.work is not None
        assert each.work > 0
    assert found[3].findings == ()
    assert found[3].not_found_reason


def test_the_order_of_files_changes_nothing(composed: Composed, detector: SeasonDetector) -> None:
    episodes = find_episodes(composed.files)
    first = {each.episode.path: each for each in detected(detector, episodes)}
    for seed in range(2):
        random.Random(seed).shuffle(episodes)
        assert {each.episode.path: each for each in detected(detector, episodes)} == first


def test_a_season_is_told_with_what_it_repeats(
    composed: Composed, detector: SeasonDetector
) -> None:
    told: list[tuple[Season, Sequence[Episode], Repeats]] = []
    shares: dict[Path, list[float]] = {path: [] for path in composed.files}
    detector.detect(
        find_episodes(composed.files),
        lambda episode, share: shares[episode.path].append(share),
        lambda *season: told.append(season),
    )
    [(season, episodes, repeats)] = told
    assert [each.path for each in episodes] == list(composed.files)
    assert season.number == 1
    assert repeats.season == len(repeats.prints) == 4
    assert [choice is not None for choice in repeats.intros] == [True, True, True, False]
    for each in shares.values():
        assert each == sorted(each)
        assert each[-1] == 1.0


def test_what_was_read_once_is_not_read_again(
    composed: Composed, detector: SeasonDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    episodes = find_episodes(composed.files)
    first = detected(detector, episodes)

    def reading(*_: object) -> None:
        raise AssertionError("was read again")

    monkeypatch.setattr(prints, "read_print", reading)
    assert detected(detector, episodes) == first


def test_an_unreadable_file_fails_and_the_others_go_on(
    composed: Composed, detector: SeasonDetector, tmp_path: Path
) -> None:
    files = composed.files
    names = {f"S01E0{i + 1}.mkv": files[i] for i in range(3)}
    episodes = laid_out(tmp_path, {**names, "S01E04.mkv": files[0]})
    episodes[3].path.write_bytes(b"no video at all")
    found = detector.detect([episodes[3], *episodes[:3]])
    assert isinstance(found[0], Failure)
    assert "S01E04.mkv: " in found[0].error
    assert found[0].cause is not None
    rest = [each for each in found[1:] if isinstance(each, Detection)]
    assert_found(rest, composed.truth)
    assert reasons(rest) == {"repeats in 3 of 3 episodes, heard and seen"}


def test_a_season_of_unreadable_files_is_all_failures(tmp_path: Path) -> None:
    for name in ("S01E01.mkv", "S01E02.mkv"):
        (tmp_path / name).write_bytes(b"no video at all")
    found = SeasonDetector().detect(find_episodes([tmp_path]))
    assert [type(each) for each in found] == [Failure, Failure]


# ------------------------------------------------------------------ one, two, twice


def test_a_season_of_one_says_so(composed: Composed, detector: SeasonDetector) -> None:
    [found] = detected(detector, find_episodes(composed.files[:1]))
    assert found.findings == ()
    assert found.not_found_reason == ALONE
    assert found.duration == pytest.approx(SPEC.body + SPEC.theme, rel=0.2)  # type: ignore[operator]


def test_what_is_alone_is_asked_of_another_detector(
    composed: Composed, detector: SeasonDetector
) -> None:
    asked: list[Episode] = []

    class Model:
        head = SimpleNamespace(confidence=None, spec=SimpleNamespace(evidence_width=0))

        def detect(
            self, episodes: Sequence[Episode], _progress: Progress | None = None
        ) -> list[Detection | Failure]:
            asked.extend(episodes)
            return [Detection(episode=e, duration=1.0, not_found_reason="m") for e in episodes]

    detector.alone = Model()  # type: ignore[assignment]
    [one] = detected(detector, find_episodes(composed.files[:1]))
    assert one.not_found_reason == "m"
    assert [episode.path for episode in asked] == [composed.files[0]]
    asked.clear()
    detected(detector, find_episodes(composed.files))
    assert asked == []


def test_two_episodes_are_a_season(composed: Composed, detector: SeasonDetector) -> None:
    found = detected(detector, find_episodes(composed.files[:2]))
    assert_found(found, composed.truth[:2])
    assert reasons(found) == {"repeats in 2 of 2 episodes, heard and seen"}


@pytest.mark.parametrize("other", ["S01E01.720p.mkv", "S01E02.mkv"])
def test_two_identical_files_have_nothing_to_tell(
    composed: Composed, detector: SeasonDetector, tmp_path: Path, other: str
) -> None:
    """All of them repeats, whether they are called versions of one episode or two episodes."""
    episodes = laid_out(tmp_path, {"S01E01.mkv": composed.files[0], other: composed.files[0]})
    for each in detected(detector, episodes):
        assert each.findings == ()
        assert each.not_found_reason == ALONE


def test_versions_of_an_episode_are_one_vote(
    composed: Composed, detector: SeasonDetector, tmp_path: Path
) -> None:
    one, two, three, _ = composed.files
    names = {"S01E01.mkv": one, "S01E01.720p.mkv": one, "S01E02.mkv": two, "S01E03.mkv": three}
    found = detected(detector, laid_out(tmp_path, names))
    truth = composed.truth
    assert_found(found, [truth[0], truth[0], truth[1], truth[2]])
    assert reasons(found) == {"repeats in 3 of 3 episodes, heard and seen"}


def test_a_file_twice_under_two_names_is_no_harm(
    composed: Composed, detector: SeasonDetector, tmp_path: Path
) -> None:
    one, two, three, four = composed.files
    names = {f"S01E0{i + 1}.mkv": path for i, path in enumerate((one, two, three, four, one))}
    found = detected(detector, laid_out(tmp_path, names))
    truth = composed.truth
    assert_found([*found[:3], found[4]], [*truth, truth[0]])
    assert found[3].segments() == ()
    assert reasons(found) == {"repeats in 3 of 4 episodes, heard and seen"}


@pytest.mark.parametrize("special", ["Пост/S00E01.mkv", "Пост/Specials/About it - S00E01.mkv"])
def test_specials_are_apart(
    composed: Composed, detector: SeasonDetector, tmp_path: Path, special: str
) -> None:
    """Nor do they tell that another series has the theme too, whatever title they have."""
    one, two, three, _ = composed.files
    names = {"Пост/S01E01.mkv": one, "Пост/S01E02.mkv": two, special: three}
    found = detected(detector, laid_out(tmp_path, names))
    assert_found(found[:2], composed.truth[:2])
    assert reasons(found) == {"repeats in 2 of 2 episodes, heard and seen"}
    assert found[2].not_found_reason == ALONE


# ------------------------------------------------------------------ seasons seen before


@pytest.fixture
def shelved(composed: Composed, tmp_path: Path) -> SeasonDetector:
    """One that has seen the first two episodes, which lie in tmp_path/Пост."""
    shelf = Shelf(tmp_path / "shelf")
    detector = SeasonDetector(cache=composed.cache, shelf=shelf)
    one, two = composed.files[:2]
    detected(detector, laid_out(tmp_path, {"Пост/S01E01.mkv": one, "Пост/S01E02.mkv": two}))
    return detector


@pytest.mark.parametrize("name", ["S01E03.mkv", "S02E01.mkv"])
def test_a_lone_new_episode_is_compared_with_those_seen_before(
    composed: Composed, shelved: SeasonDetector, tmp_path: Path, name: str
) -> None:
    """With its season, else with the one before."""
    new = laid_out(tmp_path, {f"Пост/{name}": composed.files[2]})
    told: list[Sequence[Episode]] = []
    [found] = shelved.detect(new, on_season=lambda _, episodes, __: told.append(episodes))
    assert isinstance(found, Detection)
    assert_found([found], composed.truth[2:])
    assert reasons([found]) == {"repeats in 3 of 3 episodes, heard and seen"}
    assert [episode.path.name for episode in told[0]][1:] == ["S01E02.mkv", "S01E01.mkv"][
        :: 1 if name == "S01E03.mkv" else -1
    ]


def test_where_the_stored_files_are_gone_edges_are_coarse(
    composed: Composed, shelved: SeasonDetector, tmp_path: Path
) -> None:
    new = laid_out(tmp_path, {"Пост/S01E03.mkv": composed.files[2]})
    for i in (1, 2):
        (tmp_path / "Пост" / f"S01E0{i}.mkv").unlink()
    [found] = detected(shelved, new)
    [intro] = found.segments()
    assert intro.start == pytest.approx(composed.truth[2].start, abs=0.5)
    assert intro.end == pytest.approx(composed.truth[2].end, abs=0.5)


def test_a_lone_special_is_compared_with_nothing(composed: Composed, tmp_path: Path) -> None:
    detector = SeasonDetector(cache=composed.cache, shelf=Shelf(tmp_path / "shelf"))
    one, two, three, _ = composed.files
    detected(detector, laid_out(tmp_path, {"Пост/Пост - 01.mkv": one, "Пост/Пост - 02.mkv": two}))
    [special] = detected(detector, laid_out(tmp_path, {"Пост/Пост - Трейлер.mkv": three}))
    assert special.not_found_reason == ALONE
    [third] = detected(detector, laid_out(tmp_path, {"Пост/Пост - 03.mkv": three}))
    assert_found([third], composed.truth[2:])


# ------------------------------------------------------------------ sound


def remuxed(
    source: Path, target: Path, *, pictures: bool = True, tracks: Sequence[tuple[str, int | None]]
) -> Path:
    """The file with tracks of sound in some languages: its own (None), or speech from a seed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as read, av.open(str(target), "w", format="matroska") as write:
        [sound], packets = read.streams.audio, []
        copied = {
            stream.index: write.add_stream_from_template(stream)
            for stream in (read.streams.video if pictures else ())
        }
        streams = [
            (write.add_stream_from_template(sound), seed)
            if seed is None
            else (write.add_stream("pcm_s16le", rate=RATE, layout="mono"), seed)
            for _, seed in tracks
        ]
        for (language, _), (stream, _) in zip(tracks, streams, strict=True):
            stream.metadata["language"] = language
            is_first = stream is streams[0][0]
            stream.disposition = av.stream.Disposition.default if is_first else 0  # type: ignore[assignment]
        mine = next((stream for stream, seed in streams if seed is None), None)
        for packet in read.demux():
            to = mine if packet.stream is sound else copied.get(packet.stream.index)
            if packet.dts is not None and to is not None:
                packet.stream = to
                packets.append(packet)
        for stream, seed in streams:
            packets += [] if seed is None else _spoken(stream, seed)
        for packet in sorted(packets, key=lambda p: float((p.dts or 0) * p.time_base)):
            write.mux(packet)
    return target


def _spoken(stream: Any, seed: int) -> list[av.Packet[Any]]:
    samples = (np.clip(speech(seed, 32.0), -1, 1) * 32767).astype(np.int16)
    packets = []
    for first in range(0, len(samples), RATE):
        frame = av.AudioFrame.from_ndarray(samples[None, first : first + RATE], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, first, Fraction(1, RATE)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def test_files_of_sound_alone_are_episodes(composed: Composed, tmp_path: Path) -> None:
    for i, path in enumerate(composed.files[:3]):
        target = tmp_path / f"S01E0{i + 1}.mka"
        remuxed(path, target, pictures=False, tracks=[("rus", None)])
    found = detected(SeasonDetector(), find_episodes([tmp_path]))
    assert_found(found, composed.truth)
    assert reasons(found) == {"repeats in 3 of 3 episodes, heard"}


def test_a_season_is_heard_in_one_language(composed: Composed, tmp_path: Path) -> None:
    """The tracks come in another order in one file, and only one of them has the theme."""
    orders = [[("rus", None), ("eng", i)] for i in range(3)]
    orders[2].reverse()
    for i, (path, tracks) in enumerate(zip(composed.files[:3], orders, strict=True)):
        remuxed(path, tmp_path / f"S01E0{i + 1}.mkv", tracks=tracks)
    found = detected(SeasonDetector(), find_episodes([tmp_path]))
    assert_found(found, composed.truth)
    assert reasons(found) == {"repeats in 3 of 3 episodes, heard and seen"}
    # where people ask for the other language, there is nothing to hear
    english = DEFAULT.with_settings(["extract.language=eng"])
    other = detected(SeasonDetector(english), find_episodes([tmp_path]))
    assert reasons(other) == {"repeats in 3 of 3 episodes, seen"}


def test_a_silent_season_of_rare_key_pictures_is_looked_through(tmp_path: Path) -> None:
    """A key picture each five seconds, wherever it falls: hardly one is the same in two files."""
    theme = [Shot(1, 75), Shot(2, 125), Shot(3, 100)]
    before = (70, 111, 163)
    for i, frames in enumerate(before):
        story = [Shot(100 * (i + 1) + k, 50) for k in range(12)]
        opening = [Shot(100 * (i + 1) + 50, frames)]
        film = Film([*opening, *theme, *story], None, keys=False, group=125)
        shoot(tmp_path / f"S01E0{i + 1}.mkv", film)
    found = detected(SeasonDetector(), find_episodes([tmp_path]))
    assert_found(found, [Segment(seconds(n), seconds(n + 300)) for n in before])
    assert reasons(found) == {"repeats in 3 of 3 episodes, seen"}


# ------------------------------------------------------------------ what is told of an episode


def told(
    *verdicts: Verdict, chosen: int | None = 0, sure: bool = True, types: Sequence[str] = ("intro",)
) -> Detection:
    """Of episode 0 in a season of four."""
    choice = None if chosen is None else Choice(verdicts[chosen], 0, 0.8, sure)
    repeats = Repeats((blank(),) * 4, (0, 1, 2, 3), verdicts, (choice,) * 4)
    return detection(Episode(Path("S01E01.mkv")), 0, repeats, types)


THEME = Verdict(piece({0: 60.0, 1: 12.0, 2: 95.0}, 40.0), "intro", (("support", 4.0),))
LOGO = Verdict(
    piece(dict.fromkeys(range(4), 0.0), 4.0), "logo", (("card", -2.0),), "it may be a studio's logo"
)
SCORE = Verdict(
    piece({0: 300.0, 3: 200.0}, 9.0, seen=False), "other", (("senses", -3.0),), "other sound"
)


def test_only_the_types_asked_for_are_told() -> None:
    assert [f.type for f in told(THEME, LOGO, SCORE).findings] == ["intro"]
    every = told(THEME, LOGO, SCORE, types=("intro", "logo", "other"))
    assert [f.type for f in every.findings] == ["logo", "intro", "other"]  # in order of time
    assert [f.confidence for f in every.findings] == [1.0, 0.8, 0.5]
    assert every.findings[2].reason == "repeats in 2 of 4 episodes, heard"
    assert [f.type for f in told(THEME, LOGO, types=("logo",)).findings] == ["logo"]


def test_refined_edges_are_told() -> None:
    choice = Choice(THEME, 0, 0.8, True)
    edges = {(0, 0): Segment(60.00004, 100.0)}
    repeats = Repeats((blank(),) * 4, (0, 1, 2, 3), (THEME,), (choice,) * 4, edges)
    found = detection(Episode(Path("S01E01.mkv")), 0, repeats)
    assert found.segments() == (Segment(60.0, 100.0),)


@pytest.mark.parametrize(
    ("verdicts", "chosen", "sure", "why"),
    [
        ([THEME], 0, True, None),
        ([replace(THEME, points=(("card", -2.0),))], 0, False,
         "not sure enough: it may be a studio's logo"),
        ([], None, False, "nothing of it is in another of the 4 episodes"),
        ([SCORE, LOGO], None, False,
         "what repeats is no intro: repeats in 4 of 4 episodes, heard and seen, "
         "but it may be a studio's logo"),
    ],
)  # fmt: skip
def test_why_an_episode_has_none(
    verdicts: Sequence[Verdict], chosen: int | None, sure: bool, why: str | None
) -> None:
    found = told(*verdicts, chosen=chosen, sure=sure)
    assert found.not_found_reason == why
    assert [f.status for f in found.findings] == (
        [] if chosen is None else ["found" if sure else "review"]
    )


# ------------------------------------------------------------------ an episode that is there twice


def alike(a: int, b: int, seconds: float, start: float = 0.0) -> Run:
    end = start + seconds
    return Run("sound", a, b, start, end, start + 0.3, end + 0.3, 100.0, 0.1, 1000)


@pytest.mark.parametrize(
    ("runs", "votes"),
    [
        ([], [0, 1, 2, 3]),
        ([alike(0, 3, 90)], [0, 1, 2, 0]),
        ([alike(0, 3, 70)], [0, 1, 2, 3]),  # a long theme, and a scene told again
        ([alike(0, 3, 50), alike(0, 3, 40, 55)], [0, 1, 2, 0]),  # with a pause between
        ([alike(0, 3, 90), alike(2, 3, 95)], [0, 1, 0, 0]),
        ([replace(alike(0, 3, 50), sense="picture"), alike(0, 3, 40, 55)], [0, 1, 2, 3]),
        ([alike(0, 4, 40), alike(1, 4, 40)], [0, 1, 2, 3]),  # 4 is the theme by itself
    ],
)
def test_what_is_alike_from_end_to_end_is_one_vote(runs: list[Run], votes: list[int]) -> None:
    prints = [*[blank(100.0)] * 4, blank(40.0)]
    found = one_vote(range(5), runs, prints)
    first = {vote: found.index(vote) for vote in found}
    assert [first[vote] for vote in found] == [*votes, 4]
