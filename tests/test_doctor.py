"""The doctor: what is broken is told, the rest too, and the exit code says whether it works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import checkpoints as ck
from season import Answer, Learned, zastavka
from test_installation import EXTRAS
from zastavka import doctor, model
from zastavka.bulletin import PURPOSES, bulletin, size
from zastavka.decoders import FFmpeg
from zastavka.doctor import VARIABLES, attempt, examine
from zastavka.errors import LibraryError, MediaError
from zastavka.terminal import emit_sheet
from zastavka.vision import Cards

SOURCE = Path(doctor.__file__).parent


def report(*arguments: str) -> dict[str, Any]:
    done = zastavka("doctor", "--format", "json", *arguments)
    document: dict[str, Any] = json.loads(done.out)
    assert (done.code, done.err) == (0 if document["works"] else 1, "")
    return document


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a library look as if it had never been installed."""
    known = metadata.version

    def hide(*names: str) -> None:
        def version(name: str) -> str:
            if name in names:
                raise metadata.PackageNotFoundError(name)
            return known(name)

        monkeypatch.setattr(metadata, "version", version)
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the models that come with the package."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(doctor, "shipped", lambda: model.shipped(folder))
    return folder


# JSON


def test_the_keys_that_programs_rely_on() -> None:
    found = report("--lang", "ru")
    assert list(found) == [
        "version", "zastavka", "works", "problems", "warnings", "system", "libraries", "extras",
        "ffmpeg", "gpu", "encoders", "models", "cache", "environment",
    ]  # fmt: skip
    assert found["works"] is True
    assert set(found["system"]) == {"python", "executable", "os", "machine", "cpus", "memory"}
    assert found["system"]["executable"] == sys.executable
    assert set(found["libraries"][0]) == {"name", "wanted", "version", "problem"}
    assert set(found["extras"][0]) == {"name", "installed", "install", "libraries"}
    assert set(found["ffmpeg"]) == {"version", "decoders"}
    assert set(found["gpu"]) == {"torch_built_for", "names", "onnxruntime_providers"}
    assert "CPUExecutionProvider" in found["gpu"]["onnxruntime_providers"]
    assert set(found["cache"]) == {"folder", "writable", "free_bytes", "parts"}
    assert found["encoders"][0] == {"name": "builtin", "usable": True, "problem": None}
    assert list(found["environment"]) == list(VARIABLES)


def test_json_is_the_same_in_every_language() -> None:
    english, russian = (report("--lang", lang) for lang in ("en", "ru"))
    for found in (english, russian):
        found["cache"].pop("free_bytes")  # of a disk that others use
    assert english == russian


def test_the_report_as_a_file(tmp_path: Path) -> None:
    done = zastavka("doctor", "--format", "json", "--output", tmp_path / "doctor.json")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert json.loads((tmp_path / "doctor.json").read_text(encoding="utf-8"))["works"]


def test_another_format_is_refused_before_anything_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zastavka.bulletin.examine", None)
    done = zastavka("doctor", "--format", "xml")
    assert (done.code, done.out) == (2, "")


# libraries and extras


def test_an_extra_that_is_not_there_is_no_problem(without: Any) -> None:
    without("onnx", "onnxscript")
    found = report()
    [train] = [extra for extra in found["extras"] if extra["name"] == "train"]
    assert train["installed"] is False
    assert train["install"] == 'pip install "zastavka[train]"'
    assert (found["works"], found["problems"], found["warnings"]) == (True, [], [])
    told = zastavka("doctor").out
    assert "not there: onnx, onnxscript\n" in told
    assert 'pip install "zastavka[train]"\n' in told


def test_without_torch_there_is_no_clip(without: Any) -> None:
    without("torch")
    found = report()
    [clip] = [encoder for encoder in found["encoders"] if encoder["name"] == "clip"]
    assert (clip["usable"], found["works"]) == (False, True)
    assert clip["problem"].endswith("needs the extra 'clip'; pip install \"zastavka[clip]\"")
    assert found["gpu"]["torch_built_for"] is None


def test_a_broken_library_of_an_extra_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    found = report()
    assert found["works"]
    [warning] = found["warnings"]
    assert warning.startswith("onnxscript: can't be imported: ")
    done = zastavka("doctor", "--lang", "ru")
    assert (done.code, done.err) == (0, "")
    assert "onnxscript: не импортируется: " in done.out


def in_another_process(tmp_path: Path, library: str, *arguments: str) -> Answer:
    """The command where a library raises when it is imported."""
    for extra in ("torch", "transformers", "onnx", "onnxscript", "matplotlib", "mypy", "torchcrf"):
        (tmp_path / f"{extra}.py").write_text("")  # the real ones take seconds
    (tmp_path / library).mkdir()
    (tmp_path / library / "__init__.py").write_text("raise ImportError('heron.so: no such file')\n")
    done = subprocess.run(
        [sys.executable, "-m", "zastavka", "doctor", *arguments],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCE.parent)])},
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("library", ["onnxruntime", "av"])
def test_a_broken_library_is_one_line_and_the_rest_is_told(library: str, tmp_path: Path) -> None:
    done = in_another_process(tmp_path, library, "--format", "json")
    found = json.loads(done.out)
    assert (done.code, done.err, found["works"]) == (1, "", False)
    assert found["problems"] == [
        f"{library}: can't be imported: heron.so: no such file; "
        f"pip install --force-reinstall {library}"
    ]
    assert (found["ffmpeg"] is None) == (library == "av")
    assert (not found["gpu"]["onnxruntime_providers"]) == (library == "onnxruntime")
    assert found["cache"]["writable"]


def test_a_broken_library_stops_people_in_their_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "guessit", None)
    for lang, word in (("en", "does not work here"), ("ru", "не так, как должна")):
        done = zastavka("doctor", "--lang", lang)
        assert (done.code, done.err) == (1, "")
        title, line = done.out.split("\n\n")[-1].splitlines()[:2]
        assert word in title
        assert line.startswith("  guessit: ")


# encoders


def test_clip_is_usable_where_its_checkpoint_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [absent] = [encoder for encoder in report()["encoders"] if encoder["name"] == "clip"]
    assert absent["usable"] is False
    assert "is not on this machine" in absent["problem"]
    monkeypatch.setattr(doctor, "CLIP", str(ck.save_clip(tmp_path / "clip")))
    [there] = [encoder for encoder in report()["encoders"] if encoder["name"] == "clip"]
    assert there == {"name": "clip", "usable": True, "problem": None}


# models


def test_models_of_the_package(models: Path, learned: Learned) -> None:
    assert report()["models"] == []
    shutil.copytree(learned.model, models / "builtin")
    shutil.copytree(learned.model, models / "damaged")
    (models / "__pycache__").mkdir()
    whole = (models / "damaged" / "network.onnx").read_bytes()
    (models / "damaged" / "network.onnx").write_bytes(whole[: len(whole) // 2])
    [good, bad] = found = report()["models"]
    assert [Path(row["path"]).name for row in found] == ["builtin", "damaged"]
    assert (good["usable"], good["encoder"], good["source"]) == (True, "builtin", "package")
    assert bad["usable"] is False
    assert "network.onnx: can't be loaded" in bad["problem"]
    done = zastavka("doctor")
    assert done.code == 1
    assert str(models / "damaged" / "network.onnx") in _unfolded(done.out.split("\n\n")[-1])


def _unfolded(text: str) -> str:
    """Without the line ends that a long path was broken at."""
    return re.sub(r"\n +", "", text)


@pytest.mark.parametrize("file", ["options.json", "weights.safetensors", "network.onnx"])
def test_a_model_that_lacks_a_file_is_named(models: Path, learned: Learned, file: str) -> None:
    shutil.copytree(learned.model, models / "builtin")
    (models / "builtin" / file).unlink()
    [found] = report()["models"]
    assert found["usable"] is False


@pytest.mark.usefixtures("models")
def test_the_model_of_the_environment(
    learned: Learned, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZASTAVKA_MODEL", str(learned.model))
    found = report()
    [row] = found["models"]
    assert (row["path"], row["source"], row["usable"]) == (
        str(learned.model), "ZASTAVKA_MODEL", True,
    )  # fmt: skip
    assert found["environment"]["ZASTAVKA_MODEL"] == str(learned.model)
    # `detect` would stop at once
    monkeypatch.setenv("ZASTAVKA_MODEL", str(tmp_path / "no"))
    assert not report()["works"]
    old = tmp_path / "model.pt"
    old.write_bytes(b"")
    monkeypatch.setenv("ZASTAVKA_MODEL", str(old))
    assert report()["works"]


# cache


def test_a_cache_that_takes_nothing_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path / "cache" / "below"))
    found = report()
    assert (found["works"], found["cache"]["writable"]) == (True, False)
    [warning] = found["warnings"]
    assert "can't be written: Not a directory" in warning
    for lang, word in (("en", "Worth mending"), ("ru", "Стоит исправить")):
        done = zastavka("doctor", "--lang", lang)
        assert (done.code, done.err) == (0, "")
        assert word in done.out


def test_the_parts_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("ZASTAVKA_CACHE", str(cache))
    assert report()["cache"]["parts"] == {}
    assert not cache.exists(), "looking makes no folder"
    for name, n in (("features/aa/x", 1500), ("features/bb/y", 1000), ("seasons/z", 7), ("own", 3)):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_bytes(bytes(n))
    assert report()["cache"]["parts"] == {
        "features": {"files": 2, "bytes": 2500},
        "seasons": {"files": 1, "bytes": 7},
        "other": {"files": 1, "bytes": 3},
    }
    assert "features          2.5 kB, files: 2\n" in zastavka("doctor").out


# for people


def test_the_languages_tell_the_same() -> None:
    english, russian = (zastavka("doctor", "--lang", lang).out for lang in ("en", "ru"))
    assert english.splitlines()[-1] == "zastavka works here"
    assert russian.splitlines()[-1] == "zastavka здесь работает"
    assert [text.count("\n\n") for text in (english, russian)] == [8, 8]
    for text in (english, russian):
        assert "\x1b" not in text
        assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_nothing_is_wider_than_a_terminal(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, zastavka("doctor", "--lang", lang).out.splitlines())) <= 80


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[32mok\x1b[0m" in zastavka("doctor").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in zastavka("doctor").out


def test_a_value_can_t_change_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZASTAVKA_MODEL", "a\x1b[31m[red]b\nc")
    told = zastavka("doctor").out
    assert "\x1b" not in told
    assert "a\\x1b[31m[red]b" in told


def test_cards_and_decoders_are_told(tmp_path: Path) -> None:
    found = examine()
    lacking = FFmpeg("8.1", {"h264": True, "hevc": False})
    for cards, words in (
        (None, "that needs torch"),
        (Cards(None, ()), "built for CPUs"),
        (Cards("CUDA 12.8", ()), "none found by torch, which is built for CUDA 12.8"),
        (Cards("CUDA 12.8", ("H100", "H200")), "H100, H200; torch CUDA 12.8"),
    ):
        sheet = tmp_path / "sheet"
        emit_sheet(bulletin(replace(found, cards=cards, ffmpeg=lacking)), sheet)
        text = sheet.read_text(encoding="utf-8")
        assert words in text
        assert "decodes not  hevc\n" in text
        assert "FFmpeg: can't decode hevc" in text
    silent = LibraryError("av", "can't be used: {why}", "cure", why="x")
    broken = replace(found, ffmpeg=None, failed=(silent,))
    emit_sheet(bulletin(broken), tmp_path / "sheet")
    assert "av: can't be used: x" in (tmp_path / "sheet").read_text(encoding="utf-8")
    assert broken.problems == [silent]


def test_each_extra_has_a_word_of_what_it_is_for() -> None:
    assert set(PURPOSES) == set(EXTRAS)


@pytest.mark.parametrize(
    ("n", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_700, "1 MB"), (1_234_567, "1.23 MB"),
     (25e9, "25 GB"), (4.2e15, "4.2e+03 TB")],
)  # fmt: skip
def test_sizes(n: float, said: str) -> None:
    assert size(int(n)) == said


# what it rests on


def test_whatever_a_library_raises_is_an_error_of_ours() -> None:
    assert attempt("x", lambda: 3) == 3
    error = MediaError("a", "b", "c")

    def fail(with_: Exception) -> Any:
        raise with_

    assert attempt("x", lambda: fail(error)) is error
    found = attempt("x", lambda: fail(KeyError("why")))
    assert isinstance(found, LibraryError)
    assert str(found).startswith("x: can't be used: 'why'; ")


def test_the_variables_are_those_that_the_code_reads() -> None:
    lines = [
        line
        for path in SOURCE.rglob("*.py")
        if path.name != "doctor.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if "environ" in line or "envvar" in line
    ]
    assert len(lines) > 5
    assert set(re.findall(r'"([A-Z][A-Z_]+)"', "".join(lines))) == set(VARIABLES)
