"""Answers in the forms that players take, through the API."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from season import zastavka
from web_server import answering, season_of
from zastavka.export import FORMATS
from zastavka.web.app import Setup, build


@pytest.fixture
def own(kept: Setup, tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """A library that may be written to."""
    folder = Path(shutil.copytree(kept.folders[0], tmp_path / kept.folders[0].name))
    (folder / "truth.json").unlink(missing_ok=True)
    zastavka("scan", folder)
    with answering(build(replace(kept, folders=(folder,)))) as client:
        yield client, folder


def test_each_format_is_that_of_the_command_line(own: tuple[httpx.Client, Path]) -> None:
    client, folder = own
    known = client.get("/formats").json()["formats"]
    assert [each["name"] for each in known] == list(FORMATS)
    assert all(each["description"] for each in known)
    season = season_of(client)
    first, _, last = season["episodes"]
    zastavka("export", folder, "--write", ",".join(FORMATS), "--out", str(folder / "out"))
    for name, format in FORMATS.items():
        answer = client.get(f"/episodes/{first['id']}/export", params={"format": name})
        written = folder / "out" / f"S01E01{format.suffix}"
        assert answer.status_code == 200
        text = written.read_text(encoding="utf-8")
        if name in ("json", "csv"):
            text = text.replace(f"{folder.as_posix()}/", "")
        assert answer.text == text, name
        assert f"S01E01{format.suffix}" in answer.headers["content-disposition"]
    none = client.get(f"/episodes/{last['id']}/export", params={"format": "edl"})
    assert none.status_code == 204


def test_a_season_as_a_zip(own: tuple[httpx.Client, Path]) -> None:
    client, _ = own
    season = season_of(client)
    answer = client.get(f"/seasons/{season['id']}/export", params={"format": "json"})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        assert names == [f"S01E0{i}.zastavka.json" for i in (1, 2, 3)]
        [row] = json.loads(archive.read(names[0]))["episodes"]
        assert row["path"] == "S01E01.mkv"
    assert "%D0%94" in answer.headers["content-disposition"]  # the series, in UTF-8


def test_files_beside_the_videos(own: tuple[httpx.Client, Path]) -> None:
    client, folder = own
    season = season_of(client)
    url = f"/seasons/{season['id']}/export"
    (folder / "S01E02.edl").write_text("somebody's own")
    done = client.post(url, json={"formats": ["edl", "mpv"]}).json()
    assert (done["written"], done["removed"]) == (3, 0)
    assert done["failures"] == [
        "S01E02.edl: is not of this program, or was changed since; left as it is"
    ]
    assert (folder / "S01E01.edl").read_text() == "8.333 16.333 3\n"
    assert (folder / "S01E02.edl").read_text() == "somebody's own"
    first = season["episodes"][0]
    client.put(
        f"/episodes/{first['id']}/segments",
        json={"segments": []},
        headers={"if-match": first["version"]},
    )
    again = client.post(url, json={"formats": ["edl", "mpv"]}).json()
    assert (again["written"], again["removed"]) == (0, 2)
    assert not (folder / "S01E01.edl").exists()


def test_settings_of_the_library_apply(own: tuple[httpx.Client, Path]) -> None:
    client, folder = own
    (folder / "zastavka.toml").write_text("margin_start = 0.5\n")
    first = season_of(client)["episodes"][0]
    url = f"/episodes/{first['id']}/export"
    assert client.get(url, params={"format": "edl"}).text == "8.833 16.333 3\n"
    (folder / "zastavka.toml").write_text("wrong = 1\n")
    done = client.post(f"/seasons/{season_of(client)['id']}/export", json={"formats": ["edl"]})
    assert len(done.json()["failures"]) == 3
    assert str(folder) not in done.text


def test_formats_there_are_none_of(own: tuple[httpx.Client, Path]) -> None:
    client, _ = own
    season = season_of(client)
    url = f"/seasons/{season['id']}/export"
    assert client.get(url, params={"format": "exe"}).status_code == 422
    assert client.get(url).status_code == 422
    assert client.post(url, json={"formats": []}).status_code == 422
    assert client.post(url, json={"formats": ["../x"]}).status_code == 422
