"""What an episode looks and sounds like, through the API; the video itself, and a copy of it."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from media_files import Film, Tone, number_of, numbered, write
from season import zastavka
from web_server import answering, job_over, season_of
from zastavka.media import probe
from zastavka.pictures import Pictures
from zastavka.web.app import Setup, build
from zastavka.web.proxy import media, proxy
from zastavka.web.strip import jpeg

HEIGHT, BOX, LEFT = 96, 170, 5  # of a picture of 160 x 96 in 16:9


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty seconds of numbered pictures; from 10 to 12 s there is a tone."""
    place = tmp_path_factory.mktemp("films") / "Numbers S01E01.mkv"
    times = [i / 8 for i in range(240)]
    tones = [Tone(start=0, seconds=30, gap=(0, 10)), Tone(start=10, seconds=2)]
    return write(place, Film(times, tones=tones[1:], rate=8, options={"g": "16", "crf": "12"}))


@pytest.fixture
def numbers(film: Path, kept: Setup) -> Iterator[tuple[httpx.Client, str]]:
    """Someone who asks about the film, and the address of its episode."""
    zastavka("edit", film, "--none")
    with answering(build(replace(kept, folders=(film.parent,)))) as client:
        [episode] = season_of(client)["episodes"]
        yield client, f"/episodes/{episode['id']}"


def decoded(data: bytes) -> NDArray[np.uint8]:
    with av.open(io.BytesIO(data), "r", format="jpeg_pipe") as container:
        image = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return np.asarray(image, np.uint8)


def strip(client: httpx.Client, url: str, **query: Any) -> list[Any]:
    answer = client.get(f"{url}/filmstrip", params={"height": HEIGHT, **query})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    sheet = decoded(answer.content)
    n = query.get("count", 20)
    assert sheet.shape == (HEIGHT, BOX * n, 3)
    return [sheet[:, i * BOX + LEFT : i * BOX + LEFT + 160] for i in range(n)]


def test_a_strip_shows_the_pictures_of_its_times(numbers: tuple[httpx.Client, str]) -> None:
    client, url = numbers
    found = [number_of(image) for image in strip(client, url, start=3, end=8, count=5)]
    assert found == [int((3.5 + i) * 8) for i in range(5)]
    again = [number_of(image) for image in strip(client, url, start=3, end=8, count=5)]
    assert again == found


def test_a_strip_of_far_pictures_shows_key_pictures(numbers: tuple[httpx.Client, str]) -> None:
    client, url = numbers
    found = [number_of(image) for image in strip(client, url, start=0, end=30, count=6)]
    for i, number in enumerate(found):
        wanted = (2.5 + 5 * i) * 8
        assert number % 16 == 0
        assert wanted - 16 <= number <= wanted


def test_a_strip_beyond_the_end_is_black_there(numbers: tuple[httpx.Client, str]) -> None:
    client, url = numbers
    images = strip(client, url, start=25, end=65, count=20)
    assert images[0].max() > 100
    assert images[-1].max() < 20


def test_the_outline_of_the_sound(numbers: tuple[httpx.Client, str]) -> None:
    client, url = numbers
    query = {"start": 5, "end": 20, "bins": 30}
    found = client.get(f"{url}/peaks", params=query).json()
    loud = np.array(found["high"]) > 20
    assert [bool(x) for x in loud] == [10 <= 5 + (i + 0.5) / 2 < 12 for i in range(30)]
    assert min(found["low"]) < -20
    assert len(client.get(f"{url}/peaks", params={**query, "bins": 8000}).json()["low"]) == 8000


@pytest.mark.parametrize(
    "query",
    [
        "start=5&end=5", "start=6&end=5", "start=-1&end=5", "start=nan&end=5", "start=0&end=inf",
        "start=0&end=5&count=0&bins=0", "start=0&end=5&count=61&bins=9000", "end=5",
        "start=0&end=80000", "start=0&end=5&height=1000&bins=0",
    ],
)  # fmt: skip
def test_what_can_t_be_asked_of_pictures_and_sound(
    numbers: tuple[httpx.Client, str], query: str
) -> None:
    client, url = numbers
    for what in ("filmstrip", "peaks"):
        assert client.get(f"{url}/{what}?{query}").status_code == 422


def test_curves_say_what_the_season_repeats(client: httpx.Client) -> None:
    episode = season_of(client)["episodes"][0]
    found = client.get(f"/episodes/{episode['id']}/curves").json()
    [segment] = episode["segments"]
    times = np.array(found["times"])
    inside = (times > segment["start"] + 1) & (times < segment["end"] - 1)
    outside = (times < segment["start"] - 1) | (times > segment["end"] + 1)
    for name in ("sound", "picture"):
        row = np.array(found[name])
        assert row.shape == times.shape
        assert (row[inside] == 0.5).mean() > 0.9, name  # one of the two others has it
        assert (row[outside] == 0).mean() > 0.9
    assert client.get(f"/episodes/{episode['id']}/curves").json() == found


def test_curves_of_what_nobody_read_are_unknown(numbers: tuple[httpx.Client, str]) -> None:
    client, url = numbers
    found = client.get(f"{url}/curves").json()
    assert found == {"times": [], "probability": None, "sound": None, "picture": None}


def test_any_bytes_of_the_video(numbers: tuple[httpx.Client, str], film: Path) -> None:
    client, url = numbers
    data = film.read_bytes()
    whole = client.get(f"{url}/video")
    assert (whole.status_code, whole.content) == (200, data)
    assert whole.headers["accept-ranges"] == "bytes"
    part = client.get(f"{url}/video", headers={"range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, data[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(data)}"
    last = client.get(f"{url}/video", headers={"range": "bytes=-10"})
    assert last.content == data[-10:]
    beyond = client.get(f"{url}/video", headers={"range": f"bytes={len(data)}-"})
    assert beyond.status_code == 416


def test_a_copy_that_browsers_play(
    numbers: tuple[httpx.Client, str], film: Path, tmp_path: Path
) -> None:
    client, url = numbers
    assert client.get(url).json()["media"]["playable"] is False
    job = job_over(client, client.post(f"{url}/proxy").json())
    assert (job["state"], job["kind"]) == ("done", "proxy")
    assert client.get(url).json()["media"]["playable"] is True
    answer = client.get(f"{url}/video")
    assert answer.headers["content-type"] == "video/mp4"
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(answer.content)
    assert answer.content.find(b"moov") < answer.content.find(b"mdat")  # starts before it is here
    info = probe(copy)
    assert info.video is not None
    assert (info.video.codec, info.audio[0].codec) == ("h264", "aac")
    assert info.duration == pytest.approx(probe(film).duration, abs=0.2)
    wanted = [0.3, 7.0, 15.2, 29.9]
    with Pictures.at(copy, wanted) as pictures:
        found = [number_of(picture.image) for picture in pictures]
    assert found == [int(time * 8) for time in wanted]  # on the same clock
    order = {"start": 5, "end": 20, "bins": 30}
    assert client.get(f"{url}/peaks", params=order).status_code == 200


@pytest.mark.parametrize(
    ("name", "film", "playable"),
    [
        ("a.mp4", Film(tones=[Tone(codec="aac")]), True),
        ("a.mp4", Film(), True),
        ("a.mkv", Film(tones=[Tone(codec="aac")]), False),
        ("a.mp4", Film(codec="mpeg4"), False),
        ("a.mp4", Film(pixels="yuv444p"), False),
        ("a.webm", Film(codec="libvpx-vp9", tones=[Tone(codec="libopus")]), True),
    ],
)
def test_what_browsers_play(tmp_path: Path, name: str, film: Film, playable: bool) -> None:
    path = write(tmp_path / name, film)
    assert media({"file": str(path)}, lambda *_: None)["playable"] is playable


@pytest.mark.parametrize("turned", [0, 90, 180])
def test_a_copy_keeps_what_a_player_shows(tmp_path: Path, turned: int) -> None:
    path = write(tmp_path / "a.mkv", Film(rotation=turned, tones=[Tone(start=0.7, seconds=1)]))
    place = tmp_path / "a.mp4"
    proxy({"file": str(path), "place": str(place)}, lambda *_: None)
    before, after = probe(path).video, probe(place).video
    assert before is not None
    assert after is not None
    assert (after.width, after.height, after.rotation) == (
        before.width, before.height, before.rotation,
    )  # fmt: skip


def test_a_file_that_breaks_its_child_costs_one_answer(numbers: tuple[httpx.Client, str]) -> None:
    client, url = numbers
    assert client.get(f"{url}/filmstrip", params={"start": 0, "end": 2}).status_code == 200
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        if b"zastavka.web.work" in words and parent == str(os.getpid()):
            os.kill(int(path.parent.name), signal.SIGKILL)
    answers = [
        client.get(f"{url}/filmstrip", params={"start": 1, "end": 2 + i}).status_code
        for i in range(2)
    ]
    assert answers[-1] == 200
    assert set(answers) <= {200, 503}


def test_a_jpeg_is_what_it_was_made_of() -> None:
    image = numbered(345)
    back = decoded(jpeg(image))
    assert number_of(back) == 345
    assert np.abs(back.astype(int) - image).mean() < 8
