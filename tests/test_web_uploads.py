"""Files that come in piece by piece, whatever happens on the way."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from season import Series
from web_server import RAW, answering, job_over, process, until, uploaded
from zastavka.web.app import Setup, build


def send(client: httpx.Client, upload: dict[str, Any], data: Any, offset: int) -> httpx.Response:
    headers = {**RAW, "upload-offset": str(offset)}
    return client.put(f"/uploads/{upload['id']}", content=data, headers=headers)


def announced(client: httpx.Client, data: bytes, **more: Any) -> dict[str, Any]:
    body = {"name": "Show S01E01.mkv", "size": len(data), **more}
    made: dict[str, Any] = client.post("/uploads", json=body).json()
    return made


def settled(client: httpx.Client, upload: dict[str, Any]) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        now: dict[str, Any] = client.get(f"/uploads/{upload['id']}").json()
        return now if now["state"] in ("ready", "refused") else None

    found: dict[str, Any] = until(over)
    return found


@pytest.fixture(scope="session")
def video(series: Series) -> bytes:
    return series.files[0].read_bytes()


def test_pieces_become_the_file(kept: Setup, video: bytes) -> None:
    digest = hashlib.sha256(video).hexdigest()
    with answering(build(kept)) as client:
        upload = announced(client, video, sha256=digest.upper())
        assert (upload["state"], upload["offset"]) == ("open", 0)
        at = 0
        for size in (1, 70_000, 300_000, len(video)):
            piece = video[at : at + size]
            answer = send(client, upload, piece, at).json()
            at += len(piece)
            assert answer["offset"] == at
        done = settled(client, upload)
        assert done["state"] == "ready"
        file = kept.data / "uploads" / "Show S01E01.mkv"
        assert file.read_bytes() == video
        shown = client.get(f"/episodes/{done['episode']}").json()
        assert (shown["name"], shown["state"]) == ("Show S01E01.mkv", "unknown")
        assert send(client, upload, b"", len(video)).json()["state"] == "ready"
        assert send(client, upload, b"x", 0).status_code == 409
        assert client.delete(f"/uploads/{upload['id']}").status_code == 200
        assert not file.exists()
        assert client.get(f"/uploads/{upload['id']}").status_code == 404
        assert client.get("/uploads").json() == {"uploads": []}


def test_the_answer_to_an_upload(client: httpx.Client, video: bytes, series: Series) -> None:
    ready = [
        uploaded(client, f"Дом «на углу» S01E0{i + 1}.mkv", file.read_bytes())
        for i, file in enumerate(series.files)
    ]
    order = {"kind": "detect", "uploads": [each["id"] for each in ready]}
    job = job_over(client, client.post("/jobs", json=order).json())
    assert job["state"] == "done"
    assert job["episodes"] == [each["episode"] for each in ready]
    for id, truth in zip(job["episodes"], series.truth, strict=True):
        found = client.get(f"/episodes/{id}").json()["segments"]
        expected = [pytest.approx((s.start, s.end), abs=0.25) for s in truth.segments()]
        assert [(s["start"], s["end"]) for s in found] == expected
    assert uploaded(client, "Дом «на углу» S01E01.mkv", video)["state"] == "ready"  # a twin


def test_a_wrong_offset_is_told_the_right_one(client: httpx.Client, video: bytes) -> None:
    upload = announced(client, video)
    send(client, upload, video[:1000], 0)
    for wrong in (0, 999, 1001, 10**9):
        refused = send(client, upload, video[:10] if wrong < 10**6 else b"", wrong)
        assert refused.status_code == 409
        assert refused.json()["offset"] == 1000
    assert "1000" in refused.json()["hint"]


def test_a_wrong_checksum_is_refused(client: httpx.Client, video: bytes) -> None:
    upload = uploaded(client, "a.mkv", video, sha256="0" * 64)
    assert upload["state"] == "refused"
    assert upload["detail"] == "a.mkv: has not the checksum that was announced; send it again"
    url = f"/uploads/{upload['id']}"
    russian = client.get(url, headers={"accept-language": "ru"}).json()
    assert "контрольная сумма" in russian["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "size": 1}, {"name": "a", "size": 0}, {"name": "a", "size": -1},
        {"name": "a", "size": 1.5}, {"name": "a", "size": 1, "sha256": "x"}, {"name": "a"},
        {"name": "a" * 256, "size": 1}, {"name": "a", "size": True}, [], "x",
    ],
)  # fmt: skip
def test_what_can_t_be_announced(client: httpx.Client, body: Any) -> None:
    assert client.post("/uploads", json=body).status_code == 422


def test_bytes_must_be_sent_as_bytes(client: httpx.Client) -> None:
    upload = announced(client, b"12345")
    url, offset = f"/uploads/{upload['id']}", {"upload-offset": "0"}
    json_kind = {"content-type": "application/json"}
    assert client.put(url, content=b"12345", headers=offset | json_kind).status_code == 415
    assert client.put(url, content=b"12345", headers=RAW).status_code == 422
    assert (
        client.put(url, content=b"12345", headers={**RAW, "upload-offset": "-1"}).status_code == 422
    )
    assert client.get(url).json()["offset"] == 0


def test_what_came_before_a_break_is_kept(client: httpx.Client, video: bytes) -> None:
    upload = announced(client, video)

    def breaks() -> Any:
        yield video[:100_000]
        time.sleep(0.2)
        raise ConnectionError

    with suppress(ConnectionError):
        headers = {**RAW, "upload-offset": "0", "content-length": str(len(video))}
        client.put(f"/uploads/{upload['id']}", content=breaks(), headers=headers)
    here = until(lambda: client.get(f"/uploads/{upload['id']}").json()["offset"])
    assert here == 100_000
    send(client, upload, video[here:], here)
    assert settled(client, upload)["state"] == "ready"


def test_who_sends_last_is_listened_to(client: httpx.Client, video: bytes) -> None:
    upload = announced(client, video)
    url = f"/uploads/{upload['id']}"
    began, go_on = threading.Event(), threading.Event()

    def stalls() -> Any:
        yield video[:50_000] + video[50_000:320_000]
        began.set()
        go_on.wait(20)
        yield b"?" * 100_000

    def first() -> int:
        headers = {**RAW, "upload-offset": "0"}
        return httpx.put(f"{client.base_url}{url[1:]}", content=stalls(), headers=headers,
                         timeout=60).status_code  # fmt: skip

    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(first)
        began.wait(20)
        here = until(lambda: client.get(url).json()["offset"])
        second = send(client, upload, video[here:], here)
        assert second.json()["offset"] == len(video)
        go_on.set()
        assert stalled.result() in (200, 409, 413)
    assert settled(client, upload)["state"] == "ready"


def test_deleting_in_the_middle(kept: Setup, video: bytes) -> None:
    with answering(build(kept)) as client:
        upload = announced(client, video)
        send(client, upload, video[:1000], 0)
        assert client.delete(f"/uploads/{upload['id']}").status_code == 200
        assert send(client, upload, video[1000:], 1000).status_code == 404
        assert list((kept.data / "parts").iterdir()) == []


def test_a_kill_loses_nothing_that_was_taken(kept: Setup, series: Series) -> None:
    data = [file.read_bytes() for file in series.files]
    names = [f"Дом «на углу» S01E0{i + 1}.mkv" for i in range(3)]
    with process(kept) as (client, child):
        made = [
            client.post("/uploads", json={"name": name, "size": len(each)}).json()
            for name, each in zip(names, data, strict=True)
        ]
        send(client, made[0], data[0], 0)  # whole, perhaps not yet looked at
        taken = [len(data[0])]
        for upload, each in zip(made[1:], data[1:], strict=True):
            taken.append(send(client, upload, each[:123_456], 0).json()["offset"])
        child.kill()
        child.wait()
    with process(kept) as (client, _):
        for upload, each, before in zip(made, data, taken, strict=True):
            now = client.get(f"/uploads/{upload['id']}").json()
            assert now["offset"] == before
            if now["state"] == "open":
                send(client, upload, each[before:], before)
        ready = [settled(client, upload) for upload in made]
        assert [each["state"] for each in ready] == ["ready"] * 3
    for name, each in zip(names, data, strict=True):
        assert (kept.data / "uploads" / name).read_bytes() == each


def test_what_nobody_goes_on_with_is_deleted_after_a_week(kept: Setup, video: bytes) -> None:
    with answering(build(kept)) as client:
        old, new = (announced(client, video) for _ in range(2))
        for upload in (old, new):
            send(client, upload, video[:1000], 0)
    part = kept.data / "parts" / f"{old['id']}.part"
    (kept.data / "parts" / "stray.part").write_bytes(b"x")
    week_ago = time.time() - 8 * 86400
    os.utime(part, (week_ago, week_ago))
    with answering(build(kept)) as client:
        assert [u["id"] for u in client.get("/uploads").json()["uploads"]] == [new["id"]]
    assert [path.stem for path in (kept.data / "parts").iterdir()] == [new["id"]]


@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, 200_000), max_size=6), seed=st.integers(0, 99))
def test_however_it_is_cut_it_is_the_same(
    cuts: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The receiving end by itself, without a server."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from zastavka.web.keeper import Keeper
    from zastavka.web.uploads import Uploads

    folder: Path = tmp_path_factory.mktemp("cuts")
    data = os.urandom(200_000 + seed)
    edges = sorted({0, *cuts, len(data)})

    async def pieces(part: bytes) -> Any:
        for i in range(0, len(part), 60_000):
            yield part[i : i + 60_000]

    async def run() -> None:
        keeper = Keeper(folder / "c.sqlite3", lambda _: True)
        await keeper.start()
        uploads = Uploads(keeper, folder / "parts", folder, 1 << 30)
        await uploads.start()
        upload = await uploads.create("a.mkv", len(data) + 1, None)  # never whole
        for a, b in pairwise(edges):
            await uploads.receive(upload.id, a, pieces(data[a:b]))
            assert uploads.offset(upload) == b
        assert uploads.part(upload.id).read_bytes() == data
        await uploads.stop()
        await keeper.stop()

    # Playwright, if tests of pages ran before, keeps a loop in this thread
    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, run()).result()
