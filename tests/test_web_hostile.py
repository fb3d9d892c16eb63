"""Files that mean harm, sent or lying in the library: each is refused, and does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

import hostile
from media_files import Film, Tone, write
from web_server import answering, job_over, process, season_of, uploaded
from zastavka.media import PLAIN_FORMATS
from zastavka.web.app import Setup, build
from zastavka.web.check import STREAMS
from zastavka.web.parts import clean_name

SECRET = "a line that nobody may see"


def refused(client: httpx.Client, name: str, data: bytes) -> str:
    upload = uploaded(client, name, data)
    assert upload["state"] == "refused", name
    assert upload["episode"] is None
    assert "/" not in upload["detail"].replace(" / ", "")
    return str(upload["detail"])


def left(setup: Setup) -> list[str]:
    """Files that uploads left behind."""
    return [p.name for p in setup.data.rglob("*") if p.is_file() and p.name != "access.json"]


def test_playlists_open_nothing(kept: Setup, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ts"
    secret.write_text(SECRET)
    with hostile.bait() as (port, got), answering(build(kept)) as client:
        for kind, data in hostile.playlists(port, secret).items():
            for name in (f"{kind}.mkv", f"{kind}.m3u8"):
                assert SECRET not in refused(client, name, data)
        assert not got
        assert left(kept) == []


def test_a_playlist_that_is_a_video_too_opens_nothing(kept: Setup, tmp_path: Path) -> None:
    with hostile.bait() as (port, got), answering(build(kept)) as client:
        data = hostile.playlist_with_video(tmp_path, port)
        upload = uploaded(client, "both.ts", data)
        if upload["state"] == "ready":  # as a video, which it then is for everyone
            order = {"kind": "detect", "uploads": [upload["id"]]}
            job = job_over(client, client.post("/jobs", json=order).json())
            assert job["state"] == "done"
            url = f"/episodes/{upload['episode']}"
            assert client.get(f"{url}/filmstrip", params={"start": 0, "end": 2}).status_code == 200
        assert not got


def test_playlists_in_the_library_open_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "Strange"
    folder.mkdir()
    secret = tmp_path / "secret.ts"
    secret.write_text(SECRET)
    with hostile.bait() as (port, got):
        for i, data in enumerate(hostile.playlists(port, secret).values()):
            (folder / f"Strange S01E{i + 1:02d}.mkv").write_bytes(data)
        setup = Setup(
            folders=(folder,), catalog=tmp_path / "other.sqlite3", data=tmp_path / "d", hands=1
        )
        with answering(build(setup)) as client:
            [root, _] = client.get("/roots").json()["roots"]
            order = {"kind": "scan", "root": root["id"]}
            job = job_over(client, client.post("/jobs", json=order).json())
            assert job["state"] == "done", job
            episodes = season_of(client)["episodes"]
            assert {e["state"] for e in episodes} == {"failed"}
            for episode in episodes:
                assert SECRET not in json.dumps(episode)
                assert str(tmp_path) not in json.dumps(episode)
                shown = client.get(f"/episodes/{episode['id']}").json()
                assert shown["media"] is None
                answer = client.get(
                    f"/episodes/{episode['id']}/filmstrip", params={"start": 0, "end": 1}
                )
                assert answer.status_code == 409
        assert not got


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (hostile.huge_pictures, "12000 x 8000 pixels"),
        (hostile.pictures_that_grow, "no picture|pixels|is no video"),
        (hostile.bomb, "no picture"),
    ],
)
def test_bombs_are_refused(client: httpx.Client, tmp_path: Path, make: Any, said: str) -> None:
    path = make(tmp_path / "bomb.mkv")
    assert path.stat().st_size < 2_000_000
    detail = refused(client, "bomb.mkv", path.read_bytes())
    assert any(part in detail for part in said.split("|")), detail
    assert client.get("/health").status_code == 200


def test_too_many_tracks_and_hours(client: httpx.Client, tmp_path: Path) -> None:
    many = hostile.many_tracks(tmp_path / "many.mkv", STREAMS + 1)
    assert f"has {STREAMS + 1} tracks" in refused(client, "many.mkv", many.read_bytes())
    long = write(tmp_path / "long.mkv", Film(times=(0.0, 13 * 3600.0)))
    assert "lasts 13 hours" in refused(client, "long.mkv", long.read_bytes())


def test_what_is_no_video(client: httpx.Client) -> None:
    for name, data in {
        "text.mkv": b"hello\n" * 1000,
        "zip.mkv": b"PK\x03\x04" + bytes(1000),
        "noise.mp4": hostile.noise(100_000),
        "page.mkv": b"<html><script>alert(1)</script></html>",
        "image.mkv": b"\x89PNG\r\n\x1a\n" + bytes(1000),
        "subtitles.mkv": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n",
    }.items():
        refused(client, name, data)


def test_attachments_stay_where_they_are(kept: Setup, tmp_path: Path) -> None:
    path = hostile.with_attachments(tmp_path / "carrier.mkv")
    with answering(build(kept)) as client:
        upload = uploaded(client, "carrier.mkv", path.read_bytes())
        assert upload["state"] == "ready"
        order = {"kind": "detect", "uploads": [upload["id"]]}
        assert job_over(client, client.post("/jobs", json=order).json())["state"] == "done"
        assert client.post(f"/episodes/{upload['episode']}/proxy").status_code == 200
    assert left(kept) == ["carrier.mkv"]
    assert not list(tmp_path.rglob("evil*"))
    assert not Path("/etc/evil").exists()


def test_a_good_video_cut_short_is_answered(client: httpx.Client, tmp_path: Path) -> None:
    film = write(tmp_path / "film.mkv", Film(tones=[Tone()]))
    data = film.read_bytes()
    assert uploaded(client, "film.mkv", data[: len(data) // 2])["state"] in ("ready", "refused")
    assert uploaded(client, "film.mkv", data[:200])["state"] == "refused"


def test_the_sandbox_looks_and_can_do_little_else(tmp_path: Path) -> None:
    film = write(tmp_path / "film.mkv", Film(tones=[Tone()]))
    place = tmp_path / "copy.mp4"
    command = [sys.executable, "-m", "zastavka.web.work", "--sandbox"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for task, kind in (
            ({"do": "check", "file": str(film), "name": "film.mkv"}, "done"),
            ({"do": "proxy", "file": str(film), "place": str(place)}, "failed"),
            ({"do": "check", "file": str(film), "name": "film.mkv"}, "done"),
        ):
            child.stdin.write(json.dumps(task) + "\n")
            child.stdin.flush()
            said = json.loads(child.stdout.readline())
            while not {"done", "failed"} & set(said):
                said = json.loads(child.stdout.readline())
            assert kind in said, said
        limits = Path(f"/proc/{child.pid}/limits").read_text(encoding="utf-8").splitlines()
        assert next(row for row in limits if row.startswith("Max file size")).split()[3] == "0"
        child.stdin.close()
    assert not place.exists()


NAMES = (
    "<img src=x onerror=alert(1)>.mkv", '"><script>alert(1)</script>.mkv', "a'b\"c.mkv",
    "новая\r\nSet-Cookie: x=1.mkv", "\u202egnp.mkv", "..\\..\\evil.mkv", "../../etc/evil.mkv",
    "javascript:alert(1).mkv", "a" * 255, "...", "\x00.mkv", "con:.mkv", " .mkv", "x.exe",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_for_the_disk(name: str) -> None:
    made = clean_name(name, ".mkv")
    assert made == os.path.basename(made)
    assert not made.startswith(".")
    assert made.endswith(".mkv")
    assert len(made.encode()) <= 200
    assert not set(made) & set('/\\<>:"|?*\r\n\x00\u202e')


def test_names_that_are_code_are_only_text(kept: Setup, tmp_path: Path) -> None:
    film = write(tmp_path / "film.mkv", Film(times=[i / 24 for i in range(24)]))
    with answering(build(kept)) as client:
        for name in NAMES[:5]:
            upload = uploaded(client, name, film.read_bytes())
            assert (upload["state"], upload["name"]) == ("ready", name)
            answer = client.get(f"/uploads/{upload['id']}")
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_names_in_the_library_stay_out_of_headers(tmp_path: Path) -> None:
    folder = tmp_path / "<script>alert(1)"
    folder.mkdir()
    name = 'S01E01 "x"\r\nSet-Cookie: a=b\n<b>.mkv'
    film = write(tmp_path / "film.mkv", Film(times=[i / 24 for i in range(24)], tones=[Tone()]))
    film.rename(folder / name)
    setup = Setup(
        folders=(folder,), catalog=tmp_path / "other.sqlite3", data=tmp_path / "d", hands=1
    )
    with process(setup) as (client, _):
        [root, _] = client.get("/roots").json()["roots"]
        assert root["name"] == folder.name
        job_over(client, client.post("/jobs", json={"kind": "scan", "root": root["id"]}).json())
        [episode] = season_of(client)["episodes"]
        assert episode["name"] == name
        answer = client.get(f"/episodes/{episode['id']}/export", params={"format": "json"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert "\n" not in answer.headers["content-disposition"]
        assert answer.headers["content-disposition"].count('"') == 2
        assert str(tmp_path) not in answer.text


def test_formats_that_name_other_files_are_not_among_those_taken() -> None:
    dangerous = {"hls", "concat", "dash", "sdp", "rtsp", "image2", "imf", "lavfi", "tty", "webvtt"}
    assert not dangerous & set(PLAIN_FORMATS)
