"""Long work: ordered, watched, stopped, tried again, and taken up by the next server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from season import Series
from web_server import answering, job_over, process, season_of, until
from zastavka.web import answering as scans
from zastavka.web.app import Setup, build
from zastavka.workers import Workers, result_of


@pytest.fixture
def fresh(series: Series, tmp_path: Path) -> Setup:
    """A library that nobody scanned."""
    folder = tmp_path / "Дом «на углу»"
    folder.mkdir()
    for file in series.files:
        shutil.copy2(file, folder)
    return Setup(
        folders=(folder,), catalog=tmp_path / "new.sqlite3", data=tmp_path / "server", hands=1
    )


def scan(client: httpx.Client) -> dict[str, Any]:
    root = next(r for r in client.get("/roots").json()["roots"] if r["id"] != "uploads")
    job: dict[str, Any] = client.post("/jobs", json={"kind": "scan", "root": root["id"]}).json()
    return job


def running(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    def begun() -> dict[str, Any] | None:
        now: dict[str, Any] = client.get(f"/jobs/{job['id']}").json()
        return now if now["state"] == "running" and now["stage"] else None

    found: dict[str, Any] = until(begun)
    return found


def children(pid: int) -> list[int]:
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/stat")
        if path.read_text().rpartition(")")[2].split()[1] == str(pid)
    ]


def test_a_scan_from_order_to_answer(fresh: Setup, series: Series) -> None:
    with answering(build(fresh)) as client:
        assert client.get("/series").json() == {"series": []}
        job = scan(client)
        assert job["state"] in ("queued", "running")
        assert scan(client)["id"] == job["id"]  # not twice at once
        now = running(client, job)
        assert now["file"] is None or now["file"].endswith(".mkv")
        done = job_over(client, job)
        assert (done["state"], done["progress"], done["error"]) == ("done", 1.0, None)
        episodes = season_of(client)["episodes"]
        assert done["episodes"] == [episode["id"] for episode in episodes]
        for episode, truth in zip(episodes, series.truth, strict=True):
            expected = [pytest.approx((s.start, s.end), abs=0.25) for s in truth.segments()]
            assert [(s["start"], s["end"]) for s in episode["segments"]] == expected
        assert client.post(f"/jobs/{job['id']}/retry").status_code == 409
        assert client.post(f"/jobs/{job['id']}/cancel").json()["state"] == "done"


def test_events_tell_all_there_is_and_then_what_changes(fresh: Setup) -> None:
    with (
        answering(build(fresh)) as client,
        client.stream("GET", "/events", headers={"accept-language": "ru"}) as events,
    ):
        assert events.headers["content-type"].startswith("text/event-stream")
        lines = events.iter_lines()
        with httpx.Client(base_url=client.base_url, timeout=60) as other:
            job = scan(other)
        seen: list[dict[str, Any]] = []
        began = time.monotonic()
        for line in lines:
            if line.startswith("event:"):
                assert line == "event: job"
            if line.startswith("data:"):
                seen.append(json.loads(line.removeprefix("data:")))
                if seen[-1]["state"] == "done":
                    break
        assert {each["id"] for each in seen} == {job["id"]}
        states = [each["state"] for each in seen]
        assert states == sorted(states, key=["queued", "running", "done"].index)
        shares = [each["progress"] for each in seen if each["state"] == "running"]
        assert shares == sorted(shares)
        assert "Поиск заставок" in {each["stage"] for each in seen}
        assert len(seen) <= 4 * (time.monotonic() - began) + 4
        with (
            httpx.Client(base_url=client.base_url, timeout=60) as late,
            late.stream("GET", "/events") as again,
        ):
            first = next(line for line in again.iter_lines() if line.startswith("data:"))
            assert json.loads(first.removeprefix("data:"))["id"] == job["id"]


def test_cancelling_and_trying_again(fresh: Setup) -> None:
    with process(fresh) as (client, server):
        job = scan(client)
        running(client, job)
        before = children(server.pid)
        assert before
        cancelled = client.post(f"/jobs/{job['id']}/cancel").json()
        assert cancelled["state"] == "cancelled"
        until(lambda: not set(before) & set(children(server.pid)))
        assert client.get(f"/jobs/{job['id']}").json()["state"] == "cancelled"
        again = client.post(f"/jobs/{job['id']}/retry").json()
        assert again["state"] in ("queued", "running")
        assert job_over(client, job)["state"] == "done"
        assert len(season_of(client)["episodes"]) == 3


def test_what_waits_can_be_cancelled_before_it_begins(fresh: Setup, tmp_path: Path) -> None:
    other = tmp_path / "Other"
    other.mkdir()
    with answering(build(replace(fresh, folders=(*fresh.folders, other), jobs=1))) as client:
        roots = [r["id"] for r in client.get("/roots").json()["roots"] if r["id"] != "uploads"]
        first, second = (
            client.post("/jobs", json={"kind": "scan", "root": root}).json() for root in roots
        )
        assert client.get(f"/jobs/{second['id']}").json()["state"] == "queued"
        assert client.post(f"/jobs/{second['id']}/cancel").json()["state"] == "cancelled"
        assert job_over(client, first)["state"] == "done"
        assert client.get(f"/jobs/{second['id']}").json()["started"] is None
        assert [job["id"] for job in client.get("/jobs").json()["jobs"]] == [
            second["id"], first["id"],
        ]  # fmt: skip
        third = client.post("/jobs", json={"kind": "scan", "root": roots[1]}).json()
        assert job_over(client, third)["episodes"] == []  # an empty folder is no failure


def test_a_child_that_dies_fails_its_job_and_nothing_else(fresh: Setup) -> None:
    with process(fresh) as (client, server):
        job = scan(client)
        running(client, job)
        for pid in children(server.pid):
            os.kill(pid, signal.SIGKILL)
        failed = job_over(client, job)
        assert failed["state"] == "failed"
        assert failed["error"] == "The work broke off.; Try again; the file may be damaged."
        assert client.get("/health").status_code == 200
        client.post(f"/jobs/{job['id']}/retry")
        assert job_over(client, job)["state"] == "done"


def test_a_server_that_is_killed_goes_on_with_its_jobs(fresh: Setup, series: Series) -> None:
    with process(fresh) as (client, server):
        job = scan(client)
        running(client, job)
        before = children(server.pid)
        server.kill()
        server.wait()
        # a child ends by itself once its server is gone
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))
    with process(fresh) as (client, _):
        done = job_over(client, job)
        assert done["state"] == "done"
        found = [bool(episode["segments"]) for episode in season_of(client)["episodes"]]
        assert found == [bool(truth.segments()) for truth in series.truth]


@pytest.mark.slow
def test_a_server_that_ends_lets_its_jobs_wait(fresh: Setup) -> None:
    with process(fresh) as (client, server):
        job = scan(client)
        running(client, job)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) in (0, -signal.SIGTERM)
    with process(fresh) as (client, _):
        assert job_over(client, job)["state"] == "done"


def test_a_job_that_ends_the_server_each_time_is_given_up(fresh: Setup) -> None:
    with process(fresh) as (client, server):
        job = scan(client)
        running(client, job)
        server.kill()
        server.wait()
    with closing(sqlite3.connect(fresh.catalog)) as base, base:
        assert base.execute("SELECT tries FROM jobs").fetchone() == (1,)
        base.execute("UPDATE jobs SET tries = 10")
    with process(fresh) as (client, _):
        failed = client.get(f"/jobs/{job['id']}").json()
        assert failed["state"] == "failed"
        assert "The server ended each time" in failed["error"]


def test_a_folder_that_is_not_served_any_more(fresh: Setup, tmp_path: Path) -> None:
    with answering(build(fresh)) as client:
        job = scan(client)
        client.post(f"/jobs/{job['id']}/cancel")
    other = tmp_path / "Other"
    other.mkdir()
    with answering(build(replace(fresh, folders=(other,)))) as client:
        client.post(f"/jobs/{job['id']}/retry")
        failed = job_over(client, job)
        assert failed["error"] == "There is no such folder.; Ask for the list of folders."


def test_orders_that_can_t_be(client: httpx.Client) -> None:
    half = client.post("/uploads", json={"name": "a.mkv", "size": 5}).json()["id"]
    for body, status in (
        ({"kind": "scan"}, 422), ({"kind": "scan", "root": "nothing0"}, 404),
        ({"kind": "detect", "uploads": []}, 422),
        ({"kind": "detect", "uploads": ["none0000"]}, 404),
        ({"kind": "detect", "uploads": [half]}, 409), ({"kind": "proxy"}, 422),
        ({"kind": "scan", "root": "/etc"}, 422), ({"kind": "rm"}, 422), ([], 422),
    ):  # fmt: skip
        assert client.post("/jobs", json=body).status_code == status, body
    assert client.get("/jobs").json() == {"jobs": []}


def whitelists(_: object) -> set[str]:
    """What FFmpeg is held to in the process that this runs in."""
    from zastavka import media

    return {name for name in media._options if name.endswith("_whitelist")}


def test_what_reads_the_library_opens_plain_files_alone() -> None:
    with Workers(1, partial(scans._search, None)) as workers:
        held = result_of(workers.submit(whitelists, 1), Path("film.mkv"), workers.limits)
    assert held == {"format_whitelist", "protocol_whitelist"}
