"""Chapters into a file: what was in it is still there, bit for bit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import pytest

from media_files import Film, Tone, write
from zastavka.errors import MediaError, StorageError
from zastavka.media import Chapter, probe
from zastavka.remux import with_chapters
from zastavka.segment import Segment

CHAPTERS = [Chapter("Intro", Segment(0.5, 1.25)), Chapter("Серия", Segment(1.25, 3.0))]


def film(path: Path) -> Path:
    codec = "aac" if path.suffix == ".mp4" else "pcm_s16le"
    tones = [Tone(codec=codec, language=code, title=code) for code in ("rus", "eng")]
    return write(path, Film(tones=tones, chapters=[("old", 0.0, 3.0)]))


def packets(path: Path) -> list[tuple[int, int | None, str]]:
    with av.open(str(path)) as container:
        tracks = {s.index for s in container.streams if s.type in ("video", "audio")}
        return sorted(
            (p.stream.index, p.pts, hashlib.sha256(bytes(p)).hexdigest())
            for p in container.demux()
            if p.size and p.stream.index in tracks
        )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_every_packet_and_track_is_kept(suffix: str, tmp_path: Path) -> None:
    source, output = film(tmp_path / f"a{suffix}"), tmp_path / f"b{suffix}"
    with_chapters(source, CHAPTERS, output)
    assert packets(output) == packets(source)
    before, after = probe(source), probe(output)
    assert after.audio == before.audio
    starts = [(c.title, c.segment.start) for c in after.chapters]
    first = [("Prologue", 0.0)] if suffix == ".mp4" else []
    assert starts == [*first, ("Intro", 0.5), ("Серия", 1.25)]
    with_chapters(output, CHAPTERS, output)  # in place
    assert packets(output) == packets(source)


def test_attachments_and_tags_are_kept(tmp_path: Path) -> None:
    plain, source, output = film(tmp_path / "p.mkv"), tmp_path / "a.mkv", tmp_path / "b.mkv"
    with av.open(str(plain)) as old, av.open(str(source), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        new.add_attachment("font.ttf", "font/ttf", b"font")
        new.metadata["title"] = "Фильм"
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = video
                new.mux(packet)
    with_chapters(source, CHAPTERS, output)
    with av.open(str(output)) as container:
        assert container.metadata["title"] == "Фильм"
        assert container.streams.attachments[0].data == b"font"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    source, link = film(tmp_path / "a.mkv"), tmp_path / "link.mkv"
    link.symlink_to(source)
    with_chapters(link, CHAPTERS, link)
    assert link.is_symlink()
    assert len(probe(source).chapters) == 2


def test_other_formats_and_files_that_vanished_are_refused(tmp_path: Path) -> None:
    for name, why in (("a.avi", "only MKV and MP4"), ("gone.mkv", "does not exist")):
        with pytest.raises(MediaError, match=why):
            with_chapters(tmp_path / name, CHAPTERS, tmp_path / f"b{Path(name).suffix}")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    old = source.read_bytes()
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises((StorageError, MediaError)):
            with_chapters(source, CHAPTERS, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert source.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]
