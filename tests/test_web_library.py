"""Reading and correcting a library through the API."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from season import Series, zastavka
from web_server import answering, process, season_of, until
from zastavka.web.app import Setup, build


def put(client: httpx.Client, episode: dict[str, Any], *spans: tuple[float, float]) -> Any:
    body = {"segments": [{"start": start, "end": end} for start, end in spans]}
    headers = {"if-match": f'"{episode["version"]}"'}
    return client.put(f"/episodes/{episode['id']}/segments", json=body, headers=headers)


def spans(episode: dict[str, Any]) -> list[tuple[float, float]]:
    return [(s["start"], s["end"]) for s in episode["segments"]]


def test_a_season_is_what_was_found(client: httpx.Client, series: Series) -> None:
    [shown] = client.get("/series").json()["series"]
    [counted] = shown["seasons"]
    assert shown["title"] == "Дом «на углу»"
    assert (counted["episodes"], counted["found"], counted["none"]) == (3, 2, 1)
    season = season_of(client)
    assert season["series"]["id"] == shown["id"]
    for episode, truth in zip(season["episodes"], series.truth, strict=True):
        assert episode["name"] == truth.episode.path.name
        expected = [pytest.approx((s.start, s.end), abs=0.25) for s in truth.segments()]
        assert spans(episode) == expected
        assert episode["duration"] == pytest.approx(truth.duration, abs=0.1)
        assert episode["state"] == ("found" if expected else "none")
    ids = [episode["id"] for episode in season["episodes"]]
    documents = [client.get(f"/episodes/{id}").json() for id in ids]
    assert [d["next"] for d in documents] == [*ids[1:], None]
    assert [d["previous"] for d in documents] == [None, *ids[:-1]]
    media = documents[0]["media"]
    assert (media["width"], media["height"], media["fps"]) == (96, 54, 12.0)
    assert media["playable"] is False  # MKV


def test_what_the_asker_has_is_not_sent_again(client: httpx.Client) -> None:
    season = season_of(client)
    first = client.get(f"/seasons/{season['id']}")
    tag = {"if-none-match": first.headers["etag"]}
    assert client.get(f"/seasons/{season['id']}", headers=tag).status_code == 304
    other = client.get(f"/seasons/{season['id']}", headers={**tag, "accept-language": "ru"})
    assert other.status_code == 200  # the reasons are in another language
    assert "звук" in other.text or "услыш" in other.text or "слыш" in other.text
    put(client, season["episodes"][0], (1, 2))
    again = client.get(f"/seasons/{season['id']}", headers=tag)
    assert again.status_code == 200
    assert again.headers["etag"] != first.headers["etag"]


def test_a_correction_is_kept_locked_exported_and_taken_back(kept: Setup) -> None:
    with answering(build(kept)) as client:
        before = season_of(client)["episodes"][0]
        done = put(client, before, (3.5, 9.25)).json()
        assert spans(done) == [(3.5, 9.25)]
        assert (done["locked"], done["segments"][0]["sources"]) == (True, ["person"])
        assert done["history"][-1]["segments"] == [{"start": 3.5, "end": 9.25}]
        text = client.get(f"/episodes/{before['id']}/export", params={"format": "edl"}).text
        assert text == "3.500 9.250 3\n"
    with answering(build(kept)) as client:  # another server
        now = season_of(client)["episodes"][0]
        assert spans(now) == [(3.5, 9.25)]
        assert now["version"] == done["version"]
        headers = {"if-match": f'"{now["version"]}"'}
        back = client.post(f"/episodes/{now['id']}/undo", headers=headers).json()
        assert (spans(back), back["version"]) == (spans(before), before["version"])
        assert [each["undone"] for each in back["history"]] == [True]


def test_a_correction_reaches_the_command_line_and_back(kept: Setup) -> None:
    with answering(build(kept)) as client:
        one, two, _ = season_of(client)["episodes"]
        put(client, one, (3.5, 9.25))
        found = zastavka("edit", kept.folders[0] / one["name"], "--undo", "--lang", "en")
        assert found.code == 0
        assert "8.33s - 16.33s" in found.out
        zastavka("edit", kept.folders[0] / two["name"], "--intro", "0:05-0:07")
        until(lambda: spans(season_of(client)["episodes"][1]) == [(5, 7)], 10)
        assert not season_of(client)["episodes"][0]["locked"]


def test_no_intro_unlocking_and_accepting(client: httpx.Client) -> None:
    one = season_of(client)["episodes"][0]
    none = put(client, one).json()
    assert (none["state"], none["locked"], none["segments"]) == ("none", True, [])
    assert none["reason"] == "a person said that there is none"
    headers = {"if-match": none["version"]}
    url = f"/episodes/{one['id']}"
    free = client.delete(f"{url}/segments", headers=headers).json()
    assert (free["locked"], spans(free)) == (False, spans(one))
    accepted = client.post(f"{url}/accept", headers={"if-match": free["version"]}).json()
    assert (accepted["locked"], spans(accepted)) == (True, spans(one))
    again = client.post(f"{url}/undo", headers={"if-match": accepted["version"]})
    assert again.json()["locked"] is False


def test_who_comes_second_is_told_what_the_first_left(client: httpx.Client) -> None:
    seen = season_of(client)["episodes"][0]
    assert put(client, seen, (3, 9)).status_code == 200
    refused = put(client, seen, (4, 10))
    assert refused.status_code == 412
    assert refused.headers["content-type"] == "application/problem+json"
    assert spans(refused.json()["current"]) == [(3, 9)]
    assert "somebody else" in refused.json()["detail"]
    russian = client.put(
        f"/episodes/{seen['id']}/segments",
        json={"segments": []},
        headers={"if-match": seen["version"], "accept-language": "ru-RU,ru;q=0.9,en;q=0.5"},
    ).json()
    assert "кто-то другой" in russian["detail"]
    assert spans(put(client, refused.json()["current"], (4, 10)).json()) == [(4, 10)]


def test_of_many_at_once_exactly_one_is_taken(client: httpx.Client) -> None:
    seen = season_of(client)["episodes"][0]
    start = threading.Barrier(8)

    def send(i: int) -> int:
        start.wait()
        return int(put(client, seen, (i, i + 1.0)).status_code)

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(send, range(8)))
    assert codes == [200, *[412] * 7]


def test_a_correction_must_say_what_it_saw(client: httpx.Client) -> None:
    one = season_of(client)["episodes"][0]
    url = f"/episodes/{one['id']}/segments"
    assert client.put(url, json={"segments": []}).status_code == 428
    assert client.delete(url).status_code == 428


@pytest.mark.parametrize(
    "segments",
    [
        [{"start": 5, "end": 5}], [{"start": 6, "end": 5}], [{"start": -1, "end": 5}],
        [{"start": 1, "end": 3}, {"start": 2, "end": 4}], [{"start": 1, "end": 9e9}],
        [{"start": 1, "end": "3"}], [{"start": 1}], [{"start": 1, "end": 2, "x": 1}],
        [{"start": 20, "end": 31}], {}, None, "x",
    ],
)  # fmt: skip
def test_segments_that_can_t_be(client: httpx.Client, segments: Any) -> None:
    one = season_of(client)["episodes"][0]
    refused = client.put(
        f"/episodes/{one['id']}/segments",
        json={"segments": segments},
        headers={"if-match": one["version"]},
    )
    assert refused.status_code == 422
    assert season_of(client)["episodes"][0] == one


def test_a_correction_for_the_whole_season(client: httpx.Client) -> None:
    season = season_of(client)
    one, two, three = season["episodes"]
    stale = put(client, two, (4, 10)).json()
    body = {
        "start_shift": 0.5,
        "end_shift": -1.0,
        "episodes": [{"id": e["id"], "version": e["version"]} for e in (one, two, three)],
    }
    done = client.post(f"/seasons/{season['id']}/apply", json=body).json()
    assert [spans(e) for e in done["done"]] == [[(8.833, 15.333)]]
    assert [conflict["id"] for conflict in done["conflicts"]] == [two["id"], three["id"]]
    now = season_of(client)["episodes"]
    assert [spans(e) for e in now] == [[(8.833, 15.333)], [(4, 10)], []]
    assert now[1]["version"] == stale["version"]
    body |= {"start_shift": 100.0, "episodes": [{"id": now[0]["id"], "version": now[0]["version"]}]}
    assert client.post(f"/seasons/{season['id']}/apply", json=body).json()["done"] == []


def test_the_queue_goes_by_doubt_and_leaves_out_what_a_person_said(client: httpx.Client) -> None:
    episodes = {e["id"]: e for e in season_of(client)["episodes"]}
    queue = client.get("/review").json()
    assert queue["left"] == 3
    sure = [e["confidence"] if e["confidence"] is not None else 0.5 for e in queue["episodes"]]
    assert sure == sorted(sure)
    assert queue["episodes"][0]["series"]["title"] == "Дом «на углу»"
    first = queue["episodes"][0]
    put(client, episodes[first["id"]], (1, 2))
    after = client.get("/review", params={"limit": 1}).json()
    assert (after["left"], len(after["episodes"])) == (2, 1)
    assert first["id"] not in [e["id"] for e in after["episodes"]]


def test_what_people_said_outlives_a_kill(kept: Setup) -> None:
    with process(kept) as (client, child):
        one = season_of(client)["episodes"][0]
        done = put(client, one, (2, 3)).json()
        child.kill()
        child.wait()
    with process(kept) as (client, _):
        assert season_of(client)["episodes"][0]["version"] == done["version"]


def test_what_is_not_there(client: httpx.Client) -> None:
    for url in ("/seasons/x", "/episodes/x", "/jobs/x", "/uploads/x", "/nothing"):
        missing = client.get(url)
        assert missing.status_code == 404
        assert missing.json()["title"] == "Not Found"
    assert client.patch("/series").status_code == 405
    assert client.patch("/series").headers["allow"] == "GET"


def test_a_file_that_was_deleted_is_gone(kept: Setup, series: Series, tmp_path: Any) -> None:
    with answering(build(kept)) as client:
        one = season_of(client)["episodes"][0]
    aside = tmp_path / "aside.mkv"
    series.files[0].rename(aside)
    try:
        with answering(build(kept)) as client:
            assert len(season_of(client)["episodes"]) == 2
            assert client.get(f"/episodes/{one['id']}").status_code == 404
    finally:
        aside.rename(series.files[0])


def test_health_metrics_and_the_page(client: httpx.Client) -> None:
    assert client.get("/health").json()["status"] == "ok"
    client.get("/seasons/x")
    text = client.get("/metrics").text
    assert 'zastavka_requests_total{code="404"} 1' in text
    assert 'zastavka_episodes{state="found"} 2' in text
    page = httpx.get(str(client.base_url.copy_with(path="/")))
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]


def test_documents_and_files_are_packed_for_those_who_take_it(client: httpx.Client) -> None:
    season = season_of(client)
    url = f"/seasons/{season['id']}"
    packed = client.get(url, headers={"accept-encoding": "gzip"})
    plain = client.get(url, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.json() == plain.json() == season
