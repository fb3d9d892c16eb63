"""What a client may hold on to: bodies too long, endless, or slow; headers that never end."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from web_server import RAW, answering, season_of
from zastavka.web import passing, server
from zastavka.web.app import Setup, build

HEAD = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def hasty(kept: Setup, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A server that waits for nobody longer than half a second."""
    monkeypatch.setattr(server, "_HEADERS_WITHIN", 0.5)
    monkeypatch.setattr(passing, "_PATIENCE", 0.5)
    monkeypatch.setattr(passing, "_WHOLE", 1.0)
    with answering(build(kept)) as client:
        yield client


def raw(client: httpx.Client) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", client.base_url.port or 0))
    connection.settimeout(30)
    return connection


def rest(connection: socket.socket) -> bytes:
    """What still comes until the server hangs up."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


def test_documents_that_are_too_long(client: httpx.Client) -> None:
    body = json.dumps({"token": "x" * (2 << 20)}).encode()
    headers = {"content-type": "application/json"}
    assert client.post("/session", content=body, headers=headers).status_code == 413
    # announced by nobody
    chunks = (b" " * 65536 for _ in range(40))
    assert client.post("/jobs", content=chunks, headers=headers).status_code == 413
    assert client.get("/health").status_code == 200


def test_a_body_without_end_is_cut_off(client: httpx.Client) -> None:
    with raw(client) as connection:
        connection.sendall(
            f"POST /api/v1/jobs HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        sent = 0
        try:
            while sent < 64 << 20:
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
    assert sent < 48 << 20


def test_bytes_of_an_upload_without_end_are_cut_off(client: httpx.Client) -> None:
    upload = client.post("/uploads", json={"name": "a.mkv", "size": 1000}).json()
    url = f"/uploads/{upload['id']}"
    long = client.put(url, content=bytes(2000), headers={**RAW, "upload-offset": "0"})
    assert long.status_code == 413
    chunks = (bytes(65536) for _ in range(500))
    try:
        answer = client.put(url, content=chunks, headers={**RAW, "upload-offset": "0"})
        assert answer.status_code == 413
    except httpx.WriteError:
        pass
    assert client.get(url).json()["offset"] <= 1000


def test_a_body_that_does_not_come(hasty: httpx.Client) -> None:
    with raw(hasty) as connection:
        connection.sendall(
            f"POST /api/v1/jobs HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n{{".encode()
        )
        answer = rest(connection)
    assert b" 408 " in answer.splitlines()[0]
    assert b"application/problem+json" in answer


def test_a_body_that_drips(hasty: httpx.Client) -> None:
    with raw(hasty) as connection:
        connection.sendall(
            f"POST /api/v1/jobs HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n".encode()
        )
        end = time.monotonic() + 20
        try:
            while time.monotonic() < end:
                connection.sendall(b" ")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() < end, "it was never cut off"


@pytest.mark.parametrize("sent", [b"", b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "])
def test_headers_that_never_end(hasty: httpx.Client, sent: bytes) -> None:
    with raw(hasty) as connection:
        connection.sendall(sent)
        end = time.monotonic() + 20
        try:
            while time.monotonic() < end:
                if sent:
                    connection.sendall(b"a")
                    time.sleep(0.1)
                elif rest(connection) == b"":
                    break
        except OSError:
            pass
        assert time.monotonic() < end, "it was never cut off"


def test_headers_that_never_end_after_an_answer(hasty: httpx.Client) -> None:
    with raw(hasty) as connection:
        connection.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /api")
        assert rest(connection).count(b"HTTP/1.1 200") == 1


def test_many_who_say_nothing_keep_nobody_out(client: httpx.Client) -> None:
    silent = [raw(client) for _ in range(200)]
    try:
        assert len(season_of(client)["episodes"]) == 3
    finally:
        for connection in silent:
            connection.close()


def test_headers_that_are_too_long(client: httpx.Client) -> None:
    with raw(client) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000)
        assert b" 400 " in rest(connection).splitlines()[0]


def test_packed_documents_are_not_unpacked(client: httpx.Client) -> None:
    body = gzip.compress(b" " * 100_000_000)
    assert len(body) < 200_000
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert client.post("/jobs", content=body, headers=headers).status_code == 400


def test_documents_that_are_deep(client: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/jobs", content=b"[" * 500_000, headers=headers)
    assert answer.status_code in (400, 422)
    assert client.get("/health").status_code == 200


def test_what_is_larger_than_allowed(kept: Setup) -> None:
    with answering(build(replace(kept, largest=10_000))) as client:
        body = {"name": "a.mkv", "size": 10_001}
        assert client.post("/uploads", json=body).status_code == 413
        body["size"] = 10_000
        assert client.post("/uploads", json=body).status_code == 200


def test_what_the_disk_has_no_room_for(client: httpx.Client) -> None:
    answer = client.post("/uploads", json={"name": "a.mkv", "size": 49_000_000_000})
    if answer.status_code == 200:  # a large disk: so many have no room on any
        for _ in range(100_000):
            answer = client.post("/uploads", json={"name": "a.mkv", "size": 49_000_000_000})
            if answer.status_code != 200:
                break
    assert answer.status_code == 507


def test_who_reads_nothing_holds_up_nobody(client: httpx.Client) -> None:
    season = season_of(client)
    episode = season["episodes"][0]["id"]
    lazy = [raw(client) for _ in range(20)]
    try:
        for connection in lazy:
            request = f"GET /api/v1/episodes/{episode}/video HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            connection.sendall(request.encode() * 5)
        threading.Event().wait(0.2)
        assert season_of(client) == season
    finally:
        for connection in lazy:
            connection.close()
