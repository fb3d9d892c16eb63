"""Copies without a span: every picture beside it is still there, whole and in its place."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from subprocess import run

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_files import Film, Tone, number_of, write
from season import Series, zastavka
from zastavka.cut import Picture, Plan, plan, shortened, without
from zastavka.errors import MediaError
from zastavka.media import Chapter, probe
from zastavka.segment import Segment

RATE = 24
SPANS = [Segment(0.0, 2.2), Segment(0.9, 3.4), Segment(2.0, 4.0), Segment(3.1, 6.0)]
CODECS = {
    "closed": {"g": "24", "bf": "0"},
    "reordered": {"g": "24", "bf": "3", "b_strategy": "0"},
    "open": {"g": "24", "bf": "2", "x264-params": "open-gop=1:scenecut=0"},
}


def film(path: Path, gop: str = "reordered") -> Path:
    codec = "aac" if path.suffix == ".mp4" else "pcm_s16le"
    tones = [
        Tone(codec=codec, language="rus", seconds=6.0),
        Tone(codec=codec, language="eng", hz=880.0, seconds=6.0),
    ]
    times = tuple(i / RATE for i in range(6 * RATE))
    chapters = [("One", 0.0, 1.0), ("Opening", 1.0, 3.0), ("Two", 3.0, 6.0)]
    return write(path, Film(times=times, options=CODECS[gop], tones=tones, chapters=chapters))


def shown(path: Path) -> list[tuple[float, int]]:
    """When each picture is shown, and its number."""
    with av.open(str(path)) as container:
        found = [
            (
                float(frame.time or 0.0),
                number_of(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)),
            )
            for frame in container.decode(video=0)
        ]
    return [(time - found[0][0], number) for time, number in found]


def sound_of(path: Path, track: int) -> float:
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=track))
        return sum(frame.samples / frame.sample_rate for frame in frames)


@pytest.mark.parametrize("gop", ["closed", "reordered"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_nothing_beside_the_span_is_lost(tmp_path: Path, suffix: str, gop: str) -> None:
    source = film(tmp_path / f"a{suffix}", gop)
    for span in SPANS:
        output = tmp_path / f"b{suffix}"
        gone = without(source, span, output)
        assert span.start - 0.01 <= gone.start < gone.end <= span.end + 0.01
        pictures = shown(output)
        numbers = [number for _, number in pictures]
        assert numbers == sorted(set(numbers))
        wanted = {i for i in range(6 * RATE) if not span.start <= i / RATE < span.end}
        assert wanted <= set(numbers)
        missing = sorted(set(range(6 * RATE)) - set(numbers))
        assert missing[-1] / RATE < gone.end
        for time, number in pictures:
            moved = number / RATE - (gone.duration if number / RATE >= gone.end - 0.01 else 0.0)
            assert time == pytest.approx(moved, abs=0.003)
        assert probe(output).duration == pytest.approx(6.0 - gone.duration, abs=0.06)
        for track in (0, 1):
            assert sound_of(output, track) == pytest.approx(6.0 - gone.duration, abs=0.06)
        assert [t.language for t in probe(output).audio] == ["rus", "eng"]
        output.unlink()


def test_all_that_can_go_goes(tmp_path: Path) -> None:
    gone = without(film(tmp_path / "a.mkv", "closed"), Segment(0.9, 3.4), tmp_path / "b.mkv")
    assert gone.start == pytest.approx(22 / RATE, abs=0.01)  # the picture at .9 s is still shown
    assert gone.end == pytest.approx(3.0, abs=0.01)  # the last key


def test_chapters_are_moved(tmp_path: Path) -> None:
    without(film(tmp_path / "a.mkv"), Segment(1.0, 3.0), tmp_path / "b.mkv")
    found = probe(tmp_path / "b.mkv").chapters
    chapters = [(c.title, c.segment.start, c.segment.end) for c in found]
    assert [title for title, *_ in chapters] == ["One", "Two"]
    assert chapters[1][1] == pytest.approx(1.0, abs=0.01)
    assert chapters[1][2] == pytest.approx(4.0, abs=0.05)


TEXTS = """1
00:00:00,200 --> 00:00:00,800
before

2
00:00:00,800 --> 00:00:01,600
into

3
00:00:01,700 --> 00:00:02,000
within

4
00:00:02,500 --> 00:00:03,500
out of

5
00:00:04,000 --> 00:00:05,000
after
"""


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="mkvmerge is not installed")
def test_subtitles_are_shown_for_as_long_as_their_part_of_the_film(tmp_path: Path) -> None:
    plain, source, output = film(tmp_path / "p.mkv"), tmp_path / "a.mkv", tmp_path / "b.mkv"
    texts = tmp_path / "a.srt"
    texts.write_text(TEXTS)
    run(["mkvmerge", "-q", "-o", source, plain, texts], check=True)
    gone = without(source, Segment(1.0, 3.0), output)
    with av.open(str(output)) as container:
        read = [
            (bytes(p).decode(), float(p.pts * p.time_base), float(p.duration * p.time_base))
            for p in container.demux(subtitles=0)
            if p.size and p.pts is not None and p.duration and p.time_base
        ]
    assert [text for text, *_ in read] == ["before", "into", "out of", "after"]
    assert [a for _, a, _ in read] == pytest.approx([0.2, 0.8, 1.0, 2.0], abs=0.06)
    assert [a + n for _, a, n in read] == pytest.approx([0.8, 1.0, 1.5, 3.0], abs=0.06)
    assert gone.duration == pytest.approx(2.0, abs=0.06)


@given(
    keys=st.sets(st.integers(1, 60), max_size=8),
    start=st.integers(0, 600), length=st.integers(1, 300), reorder=st.integers(0, 3),
)  # fmt: skip
def test_a_plan_takes_nothing_beside_the_span(
    keys: set[int], start: int, length: int, reorder: int
) -> None:
    marks = {0, *(10 * key for key in keys)}
    order: list[int] = []
    for a, b in pairwise([*sorted(marks), 700]):
        order.append(a)
        group = list(range(a + 1, b))
        while group:  # the last of a few is stored before those that are shown before it
            some, group = group[: reorder + 1], group[reorder + 1 :]
            order += [some[-1], *some[:-1]]
    pictures = [Picture(i / 10, 0.1, i in marks) for i in order]
    span = Segment(start / 10, (start + length) / 10)
    made = plan(pictures, span)
    if made is None:
        inside = [k / 10 for k in marks if span.start < k / 10 <= span.end]
        assert not inside or max(inside) - span.start < 1.0
        return
    kept = set(order[: made.until]) | {
        i for i in order[made.again :] if i / 10 >= made.gone.end - 0.001
    }
    assert kept >= {i for i in range(700) if not span.start <= i / 10 < span.end}
    assert isinstance(made, Plan)
    assert span.start - 0.01 <= made.gone.start < made.gone.end <= span.end + 0.01


def test_chapters_of_a_span_are_gone_and_later_ones_earlier() -> None:
    there = [
        Chapter("a", Segment(0, 10)), Chapter("b", Segment(10, 20)), Chapter("c", Segment(20, 30))
    ]  # fmt: skip
    assert shortened(there, Segment(5, 20)) == [
        Chapter("a", Segment(0, 5)), Chapter("c", Segment(5, 15))
    ]  # fmt: skip
    assert shortened(there, Segment(12, 14))[1] == Chapter("b", Segment(10, 18))


def test_a_key_picture_of_an_open_group_is_no_place_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="has no key picture in the intro"):
        without(film(tmp_path / "a.mkv", "open"), Segment(0.9, 3.4), tmp_path / "b.mkv")


def test_a_file_with_two_tracks_of_pictures_is_left_alone(tmp_path: Path) -> None:
    plain, source = film(tmp_path / "p.mkv", "closed"), tmp_path / "a.mkv"
    with av.open(str(plain)) as old, av.open(str(source), "w") as new:
        track = old.streams.video[0]
        both = [new.add_stream_from_template(track) for _ in range(2)]
        for packet in old.demux(track):
            for stream in both if packet.size else ():
                packet.stream = stream
                new.mux(packet)
    with pytest.raises(MediaError, match="has several tracks of pictures"):
        without(source, Segment(0.9, 3.4), tmp_path / "b.mkv")
    assert not (tmp_path / "b.mkv").exists()


def test_what_can_t_be_cut_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", "closed")
    for span, output, says in (
        (Segment(1.1, 1.9), "b.mkv", "has no key picture in the intro"),
        (Segment(1.0, 3.0), "b.mp4", "only MKV and MP4 can, into the same kind"),
    ):
        with pytest.raises(MediaError, match=says):
            without(source, span, tmp_path / output)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]


def test_the_command(series: Series, tmp_path: Path) -> None:
    source, output = series.files[0], tmp_path / f"cut{series.files[0].suffix}"
    said = zastavka("cut", source, "--intro", "0:02-0:10", "--output", output, "--lang", "en")
    assert (said.code, said.err) == (0, "")
    assert ": without 2." in said.out
    before, after = probe(source).duration, probe(output).duration
    assert 1.0 < before - after <= 8.1
    again = zastavka("cut", source, "--intro", "0:02-0:10", "--output", output, "--lang", "en")
    assert (again.code, again.out) == (2, "")
    assert "is there already" in again.err
    other = tmp_path / "other.mkv"
    none = zastavka("cut", series.files[2], "--output", other, "--lang", "en")
    assert none.code == 1
    assert len(none.lines) == 1
    assert "has no intro that is sure enough" in none.err
    assert not other.exists()


def test_what_a_person_said_is_cut(series: Series, tmp_path: Path) -> None:
    source = tmp_path / f"a{series.files[0].suffix}"
    shutil.copy(series.files[0], source)
    zastavka("edit", source, "--intro", "0:03-0:09")
    zastavka("cut", source, "--output", tmp_path / f"b{source.suffix}")
    before, after = probe(source).duration, probe(tmp_path / f"b{source.suffix}").duration
    assert np.isclose(before - after, 6.0, atol=2.1)
