"""The API is what its OpenAPI document says, whatever is thrown at it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from season import Series
from web_server import API, answering, season_of, uploaded
from zastavka.web.app import Setup, build

# what a schema can't say: whether If-Match fits, spans are in order, bytes follow one another
_BEYOND = "positive_data_acceptance"
_EXAMPLES = "8"  # for each call; the tool's own list of cases comes on top of it


def known(client: httpx.Client, series: Series) -> str:
    """Settings of the tool: ids that are there, so that not all it asks for is unknown."""
    season = season_of(client)
    [root, *_] = client.get("/roots").json()["roots"]
    half = client.post("/uploads", json={"name": "b.mkv", "size": 10}).json()
    uploaded(client, "a.mkv", series.files[0].read_bytes())
    job = client.post("/jobs", json={"kind": "scan", "root": root["id"]}).json()
    ids = {
        "seasons": season["id"], "episodes": season["episodes"][0]["id"], "jobs": job["id"],
        "uploads": half["id"],
    }  # fmt: skip
    return "\n".join(
        f'[[operations]]\ninclude-path-regex = "/{noun}/"\n'
        f'parameters = {{ "path.id" = "{id}", "header.if-match" = "*" }}\n'
        for noun, id in ids.items()
    )


@pytest.mark.parametrize("with_ids", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_no_answer_is_a_surprise(
    kept: Setup, series: Series, tmp_path: Path, with_ids: bool
) -> None:
    with answering(build(kept)) as client:
        settings = tmp_path / "schemathesis.toml"
        settings.write_text(known(client, series) if with_ids else "")
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run",
            f"{client.base_url}openapi.json", "--phases", "examples,coverage,fuzzing",
            "--max-examples", _EXAMPLES, "--seed", "1", "--checks", "all",
            "--exclude-checks", _BEYOND, "--continue-on-failure", "--warnings", "off",
            "--exclude-path", f"{API}/events",  # never ends; see test_web_jobs
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Tested: 34" in done.stdout
