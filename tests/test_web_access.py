"""Who may ask: tokens, sessions, hosts, origins; and what is told to whom."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from season import zastavka
from web_server import answering, process, season_of
from zastavka.errors import StorageError
from zastavka.web.access import Access, Failures, is_allowed_host, is_local
from zastavka.web.app import Setup, build
from zastavka.web.problems import language_of, without_folders


@pytest.fixture
def guarded(kept: Setup) -> Iterator[tuple[httpx.Client, str]]:
    """A server that asks for its token, and the token."""
    app = build(replace(kept, token=True))
    token = app.state.house.access.new_token()
    with answering(app) as client:
        yield client, token


def test_without_the_token_only_the_door_is_seen(guarded: tuple[httpx.Client, str]) -> None:
    client, token = guarded
    paths = client.get("/openapi.json", headers={"authorization": f"Bearer {token}"}).json()
    for path, calls in paths["paths"].items():
        url = path.removeprefix("/api/v1").replace("{id}", "x")
        for method in calls:
            refused = client.request(method, url)
            if url in ("/session", "/health"):
                assert refused.status_code in (200, 422)
            else:
                assert refused.status_code == 401, (method, url)
                assert refused.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/openapi.json").status_code == 401
    assert client.get("/session").json()["signed_in"] is False


def test_the_token_in_a_header(guarded: tuple[httpx.Client, str]) -> None:
    client, token = guarded
    for good in (f"Bearer {token}", f"bearer {token}"):
        assert client.get("/series", headers={"authorization": good}).status_code == 200
    for bad in (f"Bearer {token[:-1]}", f"Bearer {token}x", f"Basic {token}", token):
        assert client.get("/series", headers={"authorization": bad}).status_code == 401


def test_a_session_by_cookie(guarded: tuple[httpx.Client, str]) -> None:
    client, token = guarded
    signed = client.post("/session", json={"token": token})
    assert signed.json()["signed_in"] is True
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert token.lower() not in cookie
    assert client.get("/series").status_code == 200
    kept_cookie = dict(client.cookies)
    assert client.delete("/session").json()["signed_in"] is False
    client.cookies.clear()
    client.cookies.update(kept_cookie)
    assert client.get("/series").status_code == 401  # ended, not only forgotten


def test_sessions_outlive_the_server_and_end_with_the_token(kept: Setup) -> None:
    setup = replace(kept, token=True)
    app = build(setup)
    token = app.state.house.access.new_token()
    with answering(app) as client:
        client.post("/session", json={"token": token})
        cookies = dict(client.cookies)
    with answering(build(setup)) as client:
        client.cookies.update(cookies)
        assert client.get("/series").status_code == 200
    app = build(setup)
    app.state.house.access.new_token()
    with answering(app) as client:
        client.cookies.update(cookies)
        assert client.get("/series").status_code == 401


def test_guessing_is_slowed_down(guarded: tuple[httpx.Client, str]) -> None:
    client, token = guarded
    codes = [client.post("/session", json={"token": f"guess {i}"}).status_code for i in range(12)]
    assert codes == [*[401] * 5, *[429] * 7]
    blocked = client.get("/series", headers={"authorization": f"Bearer {token}"})
    assert blocked.status_code == 429  # even the right one: else each guess would be answered
    assert 1 <= int(blocked.headers["retry-after"]) <= 2
    assert client.get("/health").status_code == 200


def test_waiting_doubles_and_ends() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(5):
        assert failures.wait("10.0.0.1") == 0
        failures.note("10.0.0.1")
    waits = []
    for _ in range(12):
        waits.append(failures.wait("10.0.0.1"))
        now[0] += waits[-1]
        failures.note("10.0.0.1")
    assert waits == [2.0 * 2**i for i in range(9)] + [900.0] * 3
    assert failures.wait("10.0.0.2") == 0
    failures.forget("10.0.0.1")
    assert failures.wait("10.0.0.1") == 0


def test_one_network_of_ipv6_is_one_guesser() -> None:
    failures = Failures(lambda: 0.0)
    for i in range(6):
        failures.note(f"2001:db8::{i:x}")
    assert failures.wait("2001:db8::ffff") > 0
    assert failures.wait("2001:db8:0:1::1") == 0


def test_as_many_addresses_as_one_likes_take_no_more_memory() -> None:
    failures = Failures(lambda: 0.0)
    for i in range(20_000):
        failures.note(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}")
    assert len(failures._seen) == 10_000


def test_the_token_is_kept_as_a_digest_that_others_can_t_read(tmp_path: Path) -> None:
    access = Access(tmp_path / "access.json", needed=True)
    token = access.new_token()
    secret = access.sign_in()
    text = (tmp_path / "access.json").read_text()
    assert token not in text
    assert secret not in text
    assert stat.S_IMODE((tmp_path / "access.json").stat().st_mode) == 0o600
    again = Access(tmp_path / "access.json", needed=True)
    assert again.knows(token)
    assert not again.knows("")
    assert again.is_session(secret)
    assert not Access(tmp_path / "nothing.json", needed=True).knows("")
    (tmp_path / "access.json").write_text("{}")
    with pytest.raises(StorageError, match="delete it; a new token is then made"):
        Access(tmp_path / "access.json", needed=True)


def test_sessions_end_by_themselves_and_are_not_endlessly_many(tmp_path: Path) -> None:
    now = [0.0]
    access = Access(tmp_path / "a.json", True, lambda: now[0])
    first = access.sign_in()
    for _ in range(200):
        now[0] += 1
        last = access.sign_in()
    assert not access.is_session(first)
    now[0] += 91 * 86400
    assert not access.is_session(last)


@pytest.mark.parametrize(
    ("host", "local", "allowed"),
    [
        ("127.0.0.1:8765", True, True), ("localhost", True, True), ("[::1]:80", True, True),
        ("evil.example", True, False), ("192.168.0.5:80", True, False), ("", True, False),
        ("localhost.evil.example", True, False), ("127.0.0.1.nip.io", True, False),
        ("192.168.0.5:80", False, True), ("[fe80::1]:80", False, True), ("nas", False, False),
        ("nas.home:8765", False, True), ("NAS.home", False, True), ("evil.example", False, False),
        ("nas.home.evil.example", False, False), ("nas.home:8765:1", False, False),
    ],
)  # fmt: skip
def test_names_by_which_one_may_ask(host: str, local: bool, allowed: bool) -> None:
    assert is_allowed_host(host, local, frozenset({"nas.home"} if not local else ())) is allowed


def test_addresses_of_this_machine() -> None:
    assert all(map(is_local, ("127.0.0.1", "localhost", "::1", "127.1.2.3")))
    assert not any(map(is_local, ("0.0.0.0", "::", "192.168.0.1", "example.org", "")))


def test_other_names_and_other_sites_are_refused(client: httpx.Client) -> None:
    host = f"127.0.0.1:{client.base_url.port}"
    assert client.get("/series", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/series", headers={"origin": "http://evil.example"}).status_code == 403
    assert client.get("/series", headers={"origin": "null"}).status_code == 403
    assert client.get("/series", headers={"origin": "http://127.0.0.1:1"}).status_code == 403
    assert client.get("/series", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get("/series", headers={"sec-fetch-site": "same-site"}).status_code == 403
    assert client.get("/series", headers={"origin": f"http://{host}"}).status_code == 200
    assert client.get("/series", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_forms_of_other_sites_change_nothing(client: httpx.Client) -> None:
    episode = season_of(client)["episodes"][0]
    url = f"/episodes/{episode['id']}"
    good = {"if-match": episode["version"]}
    for headers in (
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "text/plain"},
        {"content-type": ""},
    ):
        refused = client.put(f"{url}/segments", content=b'{"segments":[]}', headers=good | headers)
        assert refused.status_code == 415
    evil = {"origin": "https://evil.example"}
    assert client.post(f"{url}/accept", headers=good | evil).status_code == 403
    assert client.delete(f"{url}/segments", headers=good | evil).status_code == 403
    assert season_of(client)["episodes"][0] == episode
    options = client.options("/series", headers=evil | {"access-control-request-method": "PUT"})
    assert "access-control-allow-origin" not in options.headers


def test_each_answer_says_how_it_may_be_used(client: httpx.Client) -> None:
    page = client.base_url.copy_with(path="/")
    for url in ("/series", "/nothing", str(page), str(page) + "static/nothing"):
        headers = client.get(url).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
    assert client.get("/series", headers={"host": "evil"}).headers["x-frame-options"] == "DENY"


TRAVERSALS = (
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cetc%5cpasswd", "%00", "/etc/passwd", "//etc/passwd", "....//....//etc/passwd",
    "..%252f..%252fetc%252fpasswd", "file:///etc/passwd", "%c0%ae%c0%ae/etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("place", ["/static/", "/api/v1/episodes/", "/api/v1/seasons/", "/"])
def test_no_path_leads_out(client: httpx.Client, place: str) -> None:
    for attack in TRAVERSALS:
        for end in ("", "/video", "/export?format=json"):
            # raw: clients would tidy the path up
            with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as raw:
                head = f"GET {place}{attack}{end} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                raw.sendall(f"{head}Connection: close\r\n\r\n".encode())
                answer = b""
                while part := raw.recv(65536):
                    answer += part
            assert answer.split()[1] in (b"404", b"400", b"405", b"422"), attack
            assert b"root:" not in answer


def test_links_do_not_lead_out_of_the_library(kept: Setup, tmp_path: Path) -> None:
    with answering(build(kept)) as client:
        season_of(client)
    folder = tmp_path / "Linked"
    folder.mkdir()
    outside = tmp_path / "outside.mkv"
    inside = folder / "Linked S01E01.mkv"
    real = kept.folders[0] / "S01E01.mkv"
    outside.write_bytes(real.read_bytes())
    inside.write_bytes(real.read_bytes())
    (folder / "Linked S01E02.mkv").symlink_to(outside)
    (folder / "Linked S01E03.mkv").symlink_to("/etc/passwd")
    (folder / "deep").symlink_to(tmp_path)
    (folder / "Linked S01E04.mkv").symlink_to(inside)  # which stays inside
    zastavka("edit", folder, "--none")  # notes them all, links too
    with answering(build(replace(kept, folders=(folder,)))) as client:
        season = season_of(client)
        names = [episode["name"] for episode in season["episodes"]]
        assert names == ["Linked S01E01.mkv", "Linked S01E04.mkv"]
        episode = season["episodes"][0]
        assert client.get(f"/episodes/{episode['id']}/video").status_code == 200
        # the file is swapped for a link after it was listed
        inside.unlink()
        inside.symlink_to(outside)
        for what in ("video", "peaks?start=0&end=1", "filmstrip?start=0&end=1", "curves"):
            assert client.get(f"/episodes/{episode['id']}/{what}").status_code in (404, 410)


def test_answers_and_logs_tell_no_paths(kept: Setup, capfd: pytest.CaptureFixture[str]) -> None:
    with answering(build(kept)) as client:
        season = season_of(client)
        episode = season["episodes"][0]
        texts = [client.get("/openapi.json").text, client.get("/metrics").text]
        for url in (
            "/roots", "/series", f"/seasons/{season['id']}", f"/episodes/{episode['id']}", "/jobs",
            f"/episodes/{episode['id']}/export?format=json", "/review", "/uploads",
            f"/episodes/{episode['id']}/export?format=nothing",
        ):  # fmt: skip
            texts.append(client.get(url).text)
        body = {"segments": [{"start": 1, "end": 10_000}]}
        headers = {"if-match": episode["version"]}
        wrong = client.put(f"/episodes/{episode['id']}/segments", json=body, headers=headers)
        assert wrong.status_code == 422
        texts.append(wrong.text)
    said = capfd.readouterr()
    for text in (*texts, said.out, said.err):
        for folder in (kept.folders[0], kept.data, Path(os.environ["ZASTAVKA_CACHE"]), Path.home()):
            assert f"{folder}/" not in text


def test_a_fault_of_ours_tells_nothing(
    kept: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("/secret/place and a token")

    monkeypatch.setattr("zastavka.web.views.series", fail)
    with answering(build(kept)) as client:
        answer = client.get("/series", headers={"accept-language": "ru"})
    assert answer.status_code == 500
    assert answer.json()["detail"] == "В сервере что-то пошло не так."
    assert "secret" not in answer.text
    assert "KeyError in test_web_access" in caplog.text
    assert "secret" not in caplog.text


def test_text_without_folders() -> None:
    assert without_folders("/a/b/c.mkv: is empty") == "c.mkv: is empty"
    assert without_folders("can't open file:/x/y.mkv now") == "can't open y.mkv now"
    assert without_folders(r"C:\Users\me\a.mkv") == "a.mkv"
    assert without_folders("3 / 4 and 5/6") == "3 / 4 and 5/6"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"), ("ru", "ru"), ("ru-RU,ru;q=0.9,en-US;q=0.8", "ru"), ("en,ru;q=0.9", "en"),
        ("de,fr", "en"), ("en;q=0.1, ru;q=0.5", "ru"), ("ru;q=0", "en"), (";;;,q=", "en"),
        ("ru;q=9", "en"), ("x" * 10_000, "en"),
    ],
)  # fmt: skip
def test_the_language_of_who_asks(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


def test_another_address_asks_for_a_token_that_is_told_once(kept: Setup) -> None:
    with process(kept, "--token") as (client, _):
        assert client.get("/series").status_code == 401
    stored = json.loads((kept.data / "access.json").read_text())
    assert len(stored["token"]) == 64
    with process(kept, "--token") as (client, _):  # "Ready" is its first line: no token again
        assert client.get("/series").status_code == 401


def test_what_serve_refuses(kept: Setup, tmp_path: Path) -> None:
    folder = kept.folders[0]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        found = zastavka("serve", folder, "--port", port, "--lang", "en")
    assert found.code == 2
    assert "give another --port" in found.err
    assert zastavka("serve", folder, "--port", "99999", "--lang", "en").code != 0
    missing = zastavka("serve", tmp_path / "nothing", "--lang", "en")
    assert "is no folder" in missing.err


def test_two_servers_do_not_share_a_catalog(kept: Setup) -> None:
    with process(kept):
        second = zastavka(
            "serve", kept.folders[0], "--port", "0", "--catalog", kept.catalog,
            "--data", kept.data, "--lang", "en",
        )  # fmt: skip
    assert second.code == 2
    assert "is used by another server; end that one" in second.err


def test_without_the_extra_the_command_says_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zastavka.commands.serving.find_spec", lambda _: None)
    found = zastavka("serve", tmp_path, "--lang", "en")
    assert found.code == 1
    assert found.err == "zastavka serve: needs the extra 'web'; pip install \"zastavka[web]\"\n"
