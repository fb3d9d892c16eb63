"""The command line, end to end: what each command prints, writes and ends with."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_closing

import checkpoints as ck
from season import SMALL, STOPPED_AFTER, Learned, Series, zastavka
from test_prototype import HEADS, WIDTH, old_weights, twin_logits, twin_tags
from zastavka.detection import Detection, read_detections
from zastavka.features import load
from zastavka.invocation import shielded
from zastavka.labels import format_time
from zastavka.terminal import one_line

OLD_SEED = 51  # of weights that tag some rows of the first episode and not all
COMMANDS = (
    "detect",
    "scan",
    "watch",
    "edit",
    "labels",
    "config",
    "export",
    "chapters",
    "cut",
    "extract",
    "dataset",
    "train",
    "compare",
    "evaluate",
    "demo",
    "doctor",
)
FOUND = re.compile(r"Intro found: (\d+\.\d\d)s - (\d+\.\d\d)s\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _one_cache(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is described once for all tests."""
    monkeypatch.setenv("ZASTAVKA_CACHE", str(learned.cache))


@pytest.fixture
def one(series: Series) -> Path:
    """An episode with an intro."""
    return series.files[0]


def answers(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text)["episodes"]
    return rows


# detect: text


def test_the_answer_in_the_prototype_s_words(series: Series, learned: Learned) -> None:
    start, end = (
        f"{x:.2f}" for x in seconds_of(zastavka("detect", series.files[0], *model(learned)).out)
    )
    for file, expected in (
        (series.files[0], f"Заставка обнаружена: {start}с - {end}с\n"),
        (series.files[2], "Заставка не обнаружена\n"),
    ):
        done = zastavka("detect", file, *model(learned), "--lang", "ru")
        assert (done.code, done.out, done.err) == (0, expected, "")


def model(learned: Learned) -> tuple[str, str, str]:
    return "--alone", "--model", str(learned.model)


def seconds_of(line: str) -> tuple[float, float]:
    found = FOUND.fullmatch(line)
    assert found, line
    return float(found[1]), float(found[2])


def test_the_answer_is_where_the_intro_is(series: Series, learned: Learned) -> None:
    for truth in series.truth[:2]:
        done = zastavka("detect", truth.episode.path, *model(learned), "--lang=en")
        start, end = seconds_of(done.out)
        [segment] = truth.segments()
        assert (start, end) == pytest.approx((segment.start, segment.end), abs=0.75)
    done = zastavka("detect", series.files[2], *model(learned), "--lang=en")
    assert (done.code, done.out, done.err) == (0, "Intro not found\n", "")


def test_the_language_is_the_environment_s(
    one: Path, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    assert zastavka("detect", one, *model(learned)).out.startswith("Заставка обнаружена: ")
    assert zastavka("detect", one, *model(learned), "--lang", "en").out.startswith("Intro found: ")
    done = zastavka("detect", "нет.mkv", *model(learned))
    assert (done.code, done.err) == (1, "нет.mkv: не существует; проверьте путь\n")


def test_several_files_have_their_path_in_front(series: Series, learned: Learned) -> None:
    done = zastavka("detect", *reversed(series.files), *model(learned))
    lines = done.out.splitlines()
    for line, file in zip(lines, reversed(series.files), strict=True):
        assert line.startswith(f"{file}: Intro ")
    # a folder is walked by name; a file named twice counts once
    again = zastavka("detect", series.folder, series.files[1], *model(learned))
    assert again.out.splitlines() == lines[::-1]


def test_one_that_fails_stops_no_other(series: Series, learned: Learned, tmp_path: Path) -> None:
    (tmp_path / "b.mkv").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    bad = (tmp_path / "b.mkv", tmp_path / "no.mkv", tmp_path / "empty", "x" * 5000)
    done = zastavka("detect", series.files[0], *bad, series.files[2], *model(learned))
    assert done.code == 3
    assert [line.split(": ")[1][:9] for line in done.out.splitlines()] == ["Intro fou", "Intro not"]
    ends = [
        "no.mkv: does not exist; check the path",
        "empty: holds no video file; name a folder with videos",
        "x: can't be read: File name too long; check the path",
        "b.mkv: is empty; copy it again",
    ]
    assert len(done.lines) == len(ends)
    assert all(line.endswith(end) for line, end in zip(done.lines, ends, strict=True))
    assert zastavka("detect", *bad, *model(learned)).code == 1


def test_expect_intro(series: Series, learned: Learned, tmp_path: Path) -> None:
    ask = (*model(learned), "--expect-intro")
    assert zastavka("detect", series.files[0], *ask).code == 0
    assert zastavka("detect", *series.files, *ask).code == 4
    # what could not be done weighs more than what has no intro
    assert zastavka("detect", *series.files, tmp_path / "no.mkv", *ask).code == 3
    assert zastavka("detect", tmp_path / "no.mkv", *ask).code == 1


def test_the_model_may_come_from_the_environment(
    one: Path, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZASTAVKA_MODEL", str(learned.model))
    assert FOUND.fullmatch(zastavka("detect", one, "--alone").out)


def test_features_are_kept_unless_told_otherwise(
    one: Path, learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("ZASTAVKA_CACHE", str(cache))
    zastavka("detect", one, *model(learned), "--no-cache")
    assert not list(cache.rglob("*.safetensors"))
    zastavka("detect", one, *model(learned))
    assert len(list(cache.rglob("*.safetensors"))) == 1


# detect: JSON and CSV


def test_json(series: Series, learned: Learned, here: Path) -> None:
    done = zastavka(
        "detect", *series.files, "no.mkv", *model(learned), "--format", "json", "--output", "f.json"
    )
    assert (done.code, done.out, done.lines) == (3, "", ["no.mkv: does not exist; check the path"])
    document = json.loads((here / "f.json").read_text("utf-8"))
    assert list(document) == ["version", "generator", "episodes"]
    assert document["version"] == 1
    assert re.fullmatch(r"zastavka \d+\.\d+\.\d+", document["generator"])
    missing, first, second, third = document["episodes"]
    keys = [
        *("path", "series", "season", "number", "duration", "error", "segments"),
        "not_found_reason",
    ]
    assert list(missing) == keys
    assert all(list(row) == [*keys, "work"] for row in (first, second, third))
    assert all(row["work"] > 0 for row in (first, second, third))
    assert missing["error"] == "no.mkv: does not exist; check the path"
    assert (missing["segments"], missing["duration"]) == ([], None)
    assert first["path"] == series.files[0].as_posix()
    assert (first["season"], first["number"], first["error"]) == (1, 1, None)
    assert first["duration"] == pytest.approx(series.truth[0].duration, abs=0.05)
    [segment] = first["segments"]
    assert list(segment) == [
        *("type", "start", "end", "status", "confidence", "sources", "reason"),
    ]
    assert (segment["type"], segment["status"], segment["sources"]) == (
        "intro",
        "found",
        ["model", "sound", "picture"],
    )
    assert 0.5 <= segment["confidence"] <= 1
    assert segment["reason"]
    assert first["not_found_reason"] is None
    assert (third["segments"], third["error"]) == ([], None)
    assert third["not_found_reason"]
    again = zastavka("detect", *series.files, *model(learned), "--format=json", "--lang=ru")
    same = [{**row, "work": 0} for row in document["episodes"][1:]]
    assert [{**row, "work": 0} for row in answers(again.out)] == same  # whatever the language


def test_csv_is_the_curve_of_each_row(series: Series, learned: Learned) -> None:
    done = zastavka("detect", *series.files[1:], *model(learned), "--format", "csv", "--no-cache")
    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == ["path", "time", "probability", "found"]
    for truth in series.truth[1:]:
        mine = [row for row in rows if row["path"] == str(truth.episode.path)]
        times = np.array([float(row["time"]) for row in mine])
        np.testing.assert_allclose(times, 0.25 + 0.5 * np.arange(len(mine)))
        assert len(mine) == pytest.approx((truth.duration or 0) / 0.5, abs=1)
        likely = np.array([float(row["probability"]) for row in mine]) > 0.5
        found = np.array([row["found"] == "1" for row in mine])
        assert {row["found"] for row in mine} <= {"0", "1"}
        true = [any(s.start <= t < s.end for s in truth.segments()) for t in times]
        assert (likely == true).mean() > 0.95
        assert (found == true).mean() > 0.95


def test_an_unknown_format(one: Path, learned: Learned) -> None:
    done = zastavka("detect", one, *model(learned), "--format", "xml")
    assert (done.code, done.err) == (2, "xml: is no output format; choose text, json or csv\n")


# detect: settings


def test_decoding_can_be_set(one: Path, learned: Learned) -> None:
    start, end = seconds_of(zastavka("detect", one, *model(learned)).out)
    longer = ("--set", "decode.min_seconds=12.5", "--set", "decode.max_seconds=13")
    first, last = seconds_of(zastavka("detect", one, *model(learned), *longer).out)
    assert 12.5 <= last - first <= 13
    assert last - first > end - start + 3
    surely = ("--set", "decode.threshold=1.0")
    done = zastavka("detect", one, *model(learned), *longer, *surely)
    assert re.fullmatch(r"Intro not found(: not sure enough: [\d.]+ is below 1\.00)?\n", done.out)
    done = zastavka("detect", one, *model(learned), *longer, *surely, "--format", "json")
    [row] = answers(done.out)
    assert [segment["status"] for segment in row["segments"]] in ([], ["review"])
    assert row["not_found_reason"]


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("extract.step=1", "extract.step=1: changes what the model was trained with; change"),
        ("network.d_model=8", "network.d_model=8: changes what the model was trained with"),
        ("decode.threshold=2", "decode.threshold=2: option decode.threshold: "),
        ("decode.thresold=1", "decode.thresold=1: option decode.thresold: "),
        ("threshold=1", "threshold=1: is not STAGE.OPTION=VALUE; write e.g. train.epochs=5"),
    ],
)
def test_a_wrong_setting_is_one_line(one: Path, learned: Learned, setting: str, line: str) -> None:
    done = zastavka("detect", one, *model(learned), "--set", setting)
    assert (done.code, done.out) == (2, "")
    assert len(done.lines) == 1
    assert done.err.startswith(line)


# names


@pytest.mark.parametrize(
    "name", ["-220020068_1.mp4", "--1.mp4", "-a.mkv", "-x=y.mkv", "--lang.mkv"]
)
def test_names_that_begin_with_a_dash(one: Path, learned: Learned, here: Path, name: str) -> None:
    shutil.copy(one, here / name)
    done = zastavka("detect", name, *model(learned))
    assert (done.code, done.err) == (0, "")
    assert FOUND.fullmatch(done.out)
    done = zastavka("detect", *model(learned), name, "--format", "json", "--output", "-out.json")
    assert done.code == 0
    assert answers((here / "-out.json").read_text("utf-8"))[0]["path"] == name
    done = zastavka("detect", *model(learned), "--", name)
    assert FOUND.fullmatch(done.out)


@pytest.mark.usefixtures("here")
def test_a_name_with_a_dash_that_is_not_there(learned: Learned) -> None:
    done = zastavka("detect", "-220020068_1.mp4", *model(learned))
    assert done.err == "-220020068_1.mp4: does not exist; check the path\n"
    done = zastavka("evaluate", "-labels.json", "-found.json")
    assert done.lines == ["-labels.json: can't be read: No such file or directory; check the path"]


def test_an_option_is_no_file_even_if_there_is_one(here: Path, one: Path, learned: Learned) -> None:
    (here / "--format").write_text("")
    done = zastavka("detect", one, *model(learned), "--format", "json")
    assert answers(done.out)[0]["error"] is None


@pytest.mark.usefixtures("here")
def test_only_names_of_files_are_shielded() -> None:
    from typer.main import get_command

    from zastavka.cli import app

    command: Any = get_command(app)
    for given, expected in (
        (["detect", "-1_2.mp4"], ["detect", "./-1_2.mp4"]),
        (["detect", "--set", "-1", "-1"], ["detect", "--set", "-1", "./-1"]),
        (["detect", "--set=-1", "-1"], ["detect", "--set=-1", "./-1"]),
        (["detect", "--expect-intro", "-1"], ["detect", "--expect-intro", "./-1"]),
        (["detect", "--no-cache", "-12"], ["detect", "--no-cache", "./-12"]),
        (["detect", "--", "-1"], ["detect", "--", "-1"]),
        (["detect", "-", "-h"], ["detect", "-", "-h"]),
        (["detect", "--colour"], ["detect", "--colour"]),  # no such option, and told so
        (["detect", "-o"], ["detect", "-o"]),
        (["nothing", "-1_2"], ["nothing", "-1_2"]),
        (["--lang", "ru", "detect", "-1_2"], ["--lang", "ru", "detect", "./-1_2"]),
        (["--version"], ["--version", "--help"]),  # whichever comes first
        ([], ["--help"]),
    ):
        wanted = [os.path.join(*w.split("/")) if w.startswith("./") else w for w in expected]
        assert shielded(given, command) == wanted


NAMES = {
    "spaces": "Дом  на углу 1.mkv",
    "quotes": 'It\'s "home" «1».mkv',
    "line ends": "a\nb\r\u2028c.mkv",
    "escapes": "a\x1b[31mred\tb.mkv",
    "braces": "{a} {0} %s %(b)s.mkv",
    "markup": "[red]a[bold] :smile: $HOME.mkv",
    "no UTF-8": os.fsdecode("Дом ".encode("cp1251") + b"\xff.mkv"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_comes_through(one: Path, learned: Learned, here: Path, name: str) -> None:
    shutil.copy(one, here / name)
    (here / "z.mkv").symlink_to(one)
    done = zastavka("detect", name, "z.mkv", *model(learned))
    assert (done.code, done.err) == (0, "")
    first, second = done.out.splitlines()
    assert first.partition(": Intro")[0] == one_line(name)
    assert second.startswith("z.mkv: Intro found")
    done = zastavka("detect", name, *model(learned), "--format", "json")
    assert answers(done.out)[0]["path"] == name  # an escape reads back as what it stands for
    zastavka("detect", name, *model(learned), "--format", "json", "--output", "f.json")
    [read] = read_detections(here / "f.json")
    assert isinstance(read, Detection)
    assert read.episode.path == Path(name)
    done = zastavka("detect", name, *model(learned), "--format", "csv")
    written = name.encode("utf-8", "backslashreplace").decode()
    cells = [row[0] for row in csv.reader(io.StringIO(done.out, newline=""))]
    assert set(cells[1:]) == {written}
    (here / name).unlink()
    done = zastavka("detect", name, *model(learned))
    assert done.lines == [f"{one_line(name)}: does not exist; check the path"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_can_be_scored(series: Series, learned: Learned, here: Path, name: str) -> None:
    (here / "S").mkdir()
    (here / "S" / name).symlink_to(series.files[0])
    [segment] = series.truth[0].segments()
    truth = {f"S/{name}": {"series": "S", "segments": [
        {"type": "intro", "start": segment.start, "end": segment.end}
    ]}}  # fmt: skip
    (here / "truth.json").write_text(json.dumps(truth), "utf-8")
    zastavka("detect", "S", *model(learned), "--format", "json", "--output", "f.json")
    done = zastavka("evaluate", "truth.json", "f.json", "--format", "json", "--html", "page.html")
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)["reports"]["f"]
    assert report["missing"] == report["unknown"] == []
    assert report["pooled"]["f1"] > 0.8
    assert (here / "page.html").stat().st_size > 1000
    assert zastavka("evaluate", "truth.json", "f.json").code == 0


def test_paths_of_windows_in_answers(here: Path) -> None:
    segments = [{"type": "intro", "start": 1.0, "end": 9.0}]
    rows = [
        {"path": path, "segments": segments, "duration": 60.0}
        for path in (r"C:\Видео\Дом\S01E01.mkv", r"\\nas\tv\Дом\S01E02.mkv", r"Дом\S01E03.mkv")
    ]
    (here / "found.json").write_text(json.dumps({"version": 1, "episodes": rows}), "utf-8")
    truth = {
        f"Дом/S01E0{i}.mkv": {"series": "Дом", "duration": 60.0, "segments": segments}
        for i in (1, 2, 3)
    }
    (here / "truth.json").write_text(json.dumps(truth), "utf-8-sig")
    done = zastavka("evaluate", "truth.json", "found.json", "--format", "json")
    report = json.loads(done.out)["reports"]["found"]
    assert report["missing"] == report["unknown"] == []
    assert report["pooled"]["f1"] == 1.0


@pytest.mark.usefixtures("here")
def test_a_backslash_in_a_setting_is_a_backslash(one: Path) -> None:
    done = zastavka("extract", one, "--output", "f", "--set", r"extract.encoder=C:\new\enc")
    assert done.code == 1
    assert len(done.lines) == 1
    assert r"C:\new\enc" in done.err


# extract


def test_extract(series: Series, here: Path) -> None:
    done = zastavka("extract", series.folder, "--output", "features")
    assert (done.code, done.out, done.lines) == (0, "", ["3 of 3 files described in features"])
    assert sorted(os.listdir("features")) == [f"S01E0{i}.safetensors" for i in (1, 2, 3)]
    features = load(here / "features" / "S01E01.safetensors")
    assert features.duration == pytest.approx(series.truth[0].duration, abs=0.05)
    assert features.encoder == "builtin/1"
    done = zastavka("extract", series.files[0], "--output", "f", "--set", "extract.step=1")
    assert load(here / "f" / "S01E01.safetensors").grid.step == 1.0


def test_extract_gives_each_file_a_name_of_its_own(one: Path, here: Path) -> None:
    for name in ("a/S1/e.mkv", "b/S1/e.mkv", "a/S1/e.mp4", "a/S2/e.mkv", "S2-e.mkv", "a/other.mkv"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).symlink_to(one)
    (here / "bad.mkv").write_text("no video")
    done = zastavka("extract", ".", "no", "--output", "f", "--set", "extract.step=5")
    assert done.code == 3
    assert done.lines[-1] == "6 of 8 files described in f"
    assert len(done.lines) == 3
    names = {path.name.removesuffix(".safetensors") for path in (here / "f").iterdir()}
    assert names == {"S1-e", "S1-e-2", "S1-e-3", "S2-e", "S2-e-2", "other"}
    assert zastavka("extract", "bad.mkv", "--output", "f").code == 1


# dataset


def prototype_layout(series: Series, folder: Path) -> Path:
    """DIR/<id>/<id>.mp4 and labels.json, with ids as the prototype's: they begin with a dash."""
    labels = {}
    for i, truth in enumerate(series.truth[:2]):
        name = f"-220020068_4562{i}"
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.mp4").symlink_to(truth.episode.path)
        [segment] = truth.segments()
        labels[name] = {
            "url": f"https://vk.com/video{name}", "name": "Дом на углу. 1 сезон, 2 серия",
            "start": format_time(segment.start), "end": format_time(segment.end),
        }  # fmt: skip
    labels["-5_1"] = labels[name] | {"start": "0:01:00", "end": "0:00:10"}
    labels["-5_2"] = labels[name] | {"start": "a minute"}
    labels["-5_3"] = dict(labels[name])
    (folder / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), "utf-8")
    return folder / "labels.json"


def test_dataset_in_the_prototype_s_layout(series: Series, here: Path) -> None:
    import torch

    labels = prototype_layout(series, here / "videos")
    done = zastavka("dataset", labels, "videos", "--output", "-d.pt", *SMALL)
    assert done.code == 3
    assert done.lines == [
        "-5_1: end 0:00:10 is not after start 0:01:00",
        "-5_2: start 'a minute' is not H:MM:SS",
        "-5_3: there is no video of it in videos",
        done.lines[-1],
    ]
    assert re.fullmatch(r"\d+ windows of 2 episodes, \d+ with an intro: -d.pt", done.lines[-1])
    entries = torch.load("-d.pt", weights_only=True)
    assert {entry["video_id"] for entry in entries} == {"-220020068_45620", "-220020068_45621"}
    assert all(entry["embeddings"].shape[0] == entry["labels"].shape[0] for entry in entries)
    for truth, id in zip(series.truth, ("-220020068_45620", "-220020068_45621"), strict=False):
        first = next(e for e in entries if e["video_id"] == id and e["window_start_frame_idx"] == 0)
        times = 0.25 + 0.5 * np.arange(len(first["labels"]))
        [segment] = truth.segments()
        inside = (times >= segment.start) & (times < segment.end)
        # labels.json of the prototype knows whole seconds; ours keep the milliseconds
        assert first["labels"].numpy().astype(bool).tolist() == inside.tolist()


def test_dataset_says_why_in_russian(series: Series, here: Path) -> None:
    labels = prototype_layout(series, here / "videos")
    done = zastavka("dataset", labels, "videos", *SMALL, "--lang", "ru")
    assert done.code == 3
    assert all(re.search("[а-я]", line) for line in done.lines)
    assert done.lines[0].startswith("-5_1: ")
    assert (here / "dataset.pt").exists()


# train: made once, in `season`


def test_dataset_and_train(learned: Learned) -> None:
    assert (learned.made.code, learned.made.out) == (0, "")
    assert re.fullmatch(r"\d+ windows of 3 episodes, \d+ with an intro: .*\n", learned.made.err)
    assert (learned.trained.code, learned.trained.out) == (0, "")
    assert learned.trained.lines[-1] == f"Model written to {learned.model}"
    assert sorted(path.name for path in learned.model.iterdir()) == [
        *("README.md", "curves.png", "history.jsonl", "metrics.json", "network.onnx"),
        *("options.json", "weights.safetensors"),
    ]


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(learned: Learned) -> None:
    assert learned.stopped.code == 130
    assert len(learned.stopped.lines) == STOPPED_AFTER + 2
    assert learned.stopped.lines[-2:] == [
        f"{STOPPED_AFTER} epochs are kept in {learned.model}: go on with --resume",
        "stopped",
    ]


def test_resume_goes_on_with_the_next_epoch(learned: Learned) -> None:
    epochs = [
        int(found[1])
        for done in (learned.stopped, learned.trained)
        for line in done.lines
        if (found := re.match(r"epoch (\d+): loss \d", line))
    ]
    assert epochs == list(range(1, epochs[-1] + 1))
    assert len(epochs) > STOPPED_AFTER


@pytest.mark.usefixtures("here")
def test_resume_without_a_checkpoint(learned: Learned) -> None:
    done = zastavka("train", learned.dataset, "--output", "m", *SMALL, "--resume")
    assert done.code == 1
    assert done.lines[-1].endswith(
        "checkpoint.pt: does not exist; leave out --resume to begin anew"
    )


def test_progress_is_quiet_where_nobody_looks(learned: Learned) -> None:
    for done in (learned.made, learned.stopped, learned.trained):
        assert not re.search(r"[\r\x1b%]", done.err)


def test_a_recipe_file(here: Path, learned: Learned) -> None:
    (here / "mine.toml").write_text("[train]\nepochs = 0\n")
    done = zastavka("train", learned.dataset, "--config", "mine.toml")
    assert done.code == 2
    assert done.err.startswith("mine.toml: option train.epochs: ")
    done = zastavka("train", learned.dataset, "--recipe", "best")
    assert (done.code, done.err) == (2, "best: is no recipe; choose default, builtin or baseline\n")


# evaluate


@pytest.fixture
def scored(series: Series, learned: Learned, here: Path) -> tuple[str, str]:
    """Truth and answers, here."""
    found = here / "found.json"
    zastavka("detect", series.folder, *model(learned), "--format", "json", "--output", found)
    return str(series.folder / "truth.json"), "found.json"


def test_evaluate_text(scored: tuple[str, str], here: Path) -> None:
    done = zastavka("evaluate", *scored)
    assert (done.code, done.err) == (0, "")
    assert "constant 5-15 s" in done.out
    assert "found" in done.out
    assert "Дом «на углу»" in done.out
    russian = zastavka("evaluate", *scored, "--lang", "ru", "--output", "table.md")
    assert (russian.code, russian.out) == (0, "")
    assert len(re.findall("[а-я]{4}", (here / "table.md").read_text("utf-8"))) > 10


def test_evaluate_json_html_and_plots(scored: tuple[str, str], here: Path) -> None:
    done = zastavka(
        "evaluate", *scored, "--format", "json", "--html", "r/page.html", "--plots", "r/plots"
    )
    assert (done.code, done.err) == (0, "")
    reports = json.loads(done.out)["reports"]
    assert list(reports) == ["constant 5-15 s", "found"]
    assert reports["found"]["macro"]["f1"] > 0.9
    page = (here / "r" / "page.html").read_text("utf-8")
    assert "<svg" in page
    assert not re.search(r"(src|href)=[\"']?https?:", page)
    plots = list((here / "r" / "plots").glob("*.png"))
    assert plots
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in plots)


def test_evaluate_against_labels(series: Series, learned: Learned, here: Path) -> None:
    labels = prototype_layout(series, here / "videos")
    zastavka("detect", "videos", *model(learned), "--format", "json", "--output", "found.json")
    done = zastavka("evaluate", labels, "found.json", "--format", "json", "--videos", "videos")
    document = json.loads(done.out)
    assert done.code == 3  # three labels are left out, and named
    assert set(document["labels_left_out"]) == {"-5_1", "-5_2", "-5_3"}
    assert document["reports"]["found"]["missing"] == []
    assert document["reports"]["found"]["pooled"]["f1"] > 0.9


def test_evaluate_unknown_format(scored: tuple[str, str]) -> None:
    done = zastavka("evaluate", *scored, "--format", "csv")
    assert (done.code, done.err) == (2, "csv: is no output format; choose text or json\n")


# demo


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a minute of work, and a machine may be busy
def test_demo(here: Path) -> None:
    from zastavka.demo import EPISODES

    done = zastavka("demo", "--output", "demo", "--lang", "ru", "--jobs", "2")
    assert done.code == 0, done.err
    assert "constant 5-15 s" in done.out
    assert "Заставка обнаружена" in done.out
    assert done.lines[-1].endswith("demo/report.html")
    rows = answers((here / "demo" / "found.json").read_text("utf-8"))
    assert len(rows) == EPISODES + 1
    assert not [row["error"] for row in rows if row["error"]]
    scored = zastavka("evaluate", "demo/truth.json", "demo/found.json", "--format", "json")
    figures = json.loads(scored.out)["reports"]["found"]["pooled"]
    assert figures["f1"] > 0.5
    assert figures["wrong/100"] == 0


# help, usage, the process


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_in_both_languages(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    english = zastavka(command, "--help", "--lang", "en")
    russian = zastavka(command, "-h", "--lang", "ru")
    for done in (english, russian):
        assert (done.code, done.err) == (0, "")
        # an example that can be typed as it stands
        assert re.search(rf": zastavka {command} \S", done.out)
    options = set(re.findall(r"--[a-z-]+", english.out))
    assert {"--lang", "--help"} <= options
    assert options == set(re.findall(r"--[a-z-]+", russian.out))
    assert "Вызов: " in russian.out
    assert "Показать эту справку." in russian.out
    assert not re.search("[а-я]", english.out)
    shown = re.findall(r"│ .*? {2,}(\S[^│<>]*?) *│", russian.out)
    assert len(shown) >= 3
    assert all(re.search("[а-я]", text) for text in shown if " " in text and "--" not in text)


def test_help_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    bare = zastavka()
    asked = zastavka("--help", "--lang", "en")
    assert (bare.code, bare.out) == (asked.code, asked.out)
    assert bare.code == 0
    assert all(command in bare.out for command in COMMANDS)
    for arguments in (["--lang", "ru", "--help"], ["--help", "--lang=ru"], ["--lang", "ru"]):
        assert "Команды" in zastavka(*arguments).out


def test_version() -> None:
    done = zastavka("--version")
    assert done.code == 0
    assert re.fullmatch(r"zastavka \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["detect"], "zastavka detect: paths is missing; see `zastavka detect --help`"),
        (["extract", "a"], "zastavka extract: --output is missing; see `zastavka extract --help`"),
        (["detect", "a", "--modle", "b"], "zastavka detect: there is no option --modle; see"),
        (["detect", "a", "-o"], "zastavka detect: there is no option -o; see"),
        (["detect", "a", "--model"], "zastavka: Option '--model' requires an argument; see"),
        (["demo", "--seed", "x"], "zastavka demo: Invalid value for '--seed': "),
        (["train", "a", "b"], "zastavka train: Got unexpected extra argument(s) (b); see"),
        (["undo"], "zastavka: No such command 'undo'; see `zastavka --help`"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: list[str], line: str) -> None:
    done = zastavka(*arguments)
    assert (done.code, done.out) == (2, "")
    assert len(done.lines) == 1
    assert done.err.startswith(line)


def test_a_language_there_is_none_of() -> None:
    for arguments in (["detect", "a", "--lang", "de"], ["--lang=de", "detect", "a"], ["--lang=de"]):
        done = zastavka(*arguments)
        assert done.err == "de: is no language of this program; choose en or ru\n"
        assert done.code == 2


def test_the_language_may_stand_before_the_command(one: Path, learned: Learned) -> None:
    done = zastavka("--lang", "ru", "detect", one, *model(learned))
    assert done.out.startswith("Заставка обнаружена: ")


def process(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "zastavka", *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    environment |= options.pop("env", {})
    return subprocess.run(command, check=False, stderr=subprocess.PIPE, env=environment, **options)


def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys\n"
        "import zastavka\n"
        "light = len(sys.modules)\n"
        "assert 'numpy' not in sys.modules\n"
        "from zastavka.cli import main\n"
        "sys.argv = ['zastavka', 'detect', '--help']\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'torch', 'transformers', 'onnxruntime', 'av', 'matplotlib', 'guessit', 'scipy',\n"
        "         'safetensors', 'onnx', 'PIL'}\n"
        "print(','.join(sorted(heavy & set(sys.modules))), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert done.stderr.strip() == ""


def test_answering_imports_no_torch(one: Path, learned: Learned) -> None:
    code = (
        "import sys\n"
        "from zastavka.cli import main\n"
        f"sys.argv = ['zastavka', 'detect', {str(one)!r}, '--alone', '--model',"
        f" {str(learned.model)!r}]\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print({'torch', 'onnx', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    answer, imported = done.stdout.splitlines()
    assert answer.startswith("Intro found: ")
    assert imported == "set()"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_reader_that_has_read_enough() -> None:
    command = [sys.executable, "-m", "zastavka", "--version"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_standard_output_that_takes_no_more() -> None:
    with open("/dev/full", "wb") as full:
        done = process("--version", stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith(b"stdout: can't be written: No space left on device; free")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="no such device")
def test_a_device_is_written_to_and_never_replaced(scored: tuple[str, str]) -> None:
    done = zastavka("evaluate", *scored, "--output", "/dev/null")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert not os.path.isfile("/dev/null")


@pytest.mark.usefixtures("here")
def test_a_terminal_of_few_letters(learned: Learned) -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = process("detect", "нет.mkv", *model(learned), "--lang", "ru", env=ascii_only)
    assert done.returncode == 1
    assert done.stderr.startswith(rb"\u043d\u0435\u0442.mkv: ")
    assert done.stderr.count(b"\n") == 1


# a prototype's model.pt


def test_a_model_of_the_prototype(series: Series, here: Path) -> None:
    """The prototype, written out by hand in test_prototype, is the oracle."""
    import torch

    from zastavka.config import BASELINE
    from zastavka.features import extract
    from zastavka.vision import load_encoder

    clip = ck.save_clip(here / "clip", width=WIDTH)
    weights = old_weights(OLD_SEED)
    torch.save(weights, "-model.pt")
    file = series.files[0]
    ask = (
        "detect",
        file,
        "--alone",
        "--model",
        "-model.pt",
        "--encoder",
        clip,
        "--heads",
        str(HEADS),
    )
    done = zastavka(*ask, "--format", "csv")
    assert (done.code, done.err) == (0, "")
    found = [row["found"] for row in csv.DictReader(io.StringIO(done.out))]

    features = extract(file, load_encoder(f"{clip}#raw"), BASELINE.extract)
    assert features.picture is not None
    tags = twin_tags(weights, twin_logits(weights, torch.from_numpy(features.picture)))
    mask = np.pad([tag == "1" for tag in tags], 3)  # unlike there, an edge row counts in full
    closed = binary_closing(mask, np.ones(3, np.bool_))[3:-3]
    runs = [range(m.start(), m.end()) for m in re.finditer("1{3,}", as_text(closed))]
    longest = max(runs, key=len)
    assert 3 <= len(longest) < len(tags)
    assert found == ["1" if i in longest else "0" for i in range(len(tags))]

    [made] = Path(os.environ["ZASTAVKA_CACHE"], "models").iterdir()
    before = (made / "network.onnx").stat().st_mtime_ns
    again = zastavka(*ask, "--lang", "ru")
    end = min(longest[-1] + 1, features.duration)
    assert again.out == f"Заставка обнаружена: {longest[0]:.2f}с - {end:.2f}с\n"
    assert (made / "network.onnx").stat().st_mtime_ns == before  # converted once
    done = zastavka(*ask[:-2], "--heads", "5")
    assert (done.code, len(done.lines)) == (1, 1)
    assert done.err.startswith("-model.pt: is 24 wide, which 5 heads don't divide; give --heads")


def as_text(row: Any) -> str:
    return "".join("1" if tag else "0" for tag in row)


# seasons


def test_a_season_needs_no_model(series: Series) -> None:
    done = zastavka("detect", series.folder)
    assert done.code == 0
    for truth, line in zip(series.truth, done.out.splitlines(), strict=True):
        answer = line.removeprefix(f"{truth.episode.path}: ")
        if truth.segments():
            [segment] = truth.segments()
            start, end = seconds_of(f"{answer}\n")
            assert abs(start - segment.start) <= 0.1
            assert abs(end - segment.end) <= 0.1
        else:
            assert answer.startswith("Intro not found (")


def test_why_in_json(series: Series) -> None:
    done = zastavka("detect", series.folder, "--format", "json")
    first, _, last = json.loads(done.out)["episodes"]
    [segment] = first["segments"]
    assert segment["reason"] == "repeats in 2 of 3 episodes, heard and seen"
    assert segment["sources"] == ["sound", "picture"]
    assert first["not_found_reason"] is None
    assert last["segments"] == []
    assert last["not_found_reason"]


def test_other_kinds_than_the_intro(series: Series) -> None:
    done = zastavka("detect", series.folder, "--types", "intro,credits", "--format", "json")
    kinds = {s["type"] for e in json.loads(done.out)["episodes"] for s in e["segments"]}
    assert kinds == {"intro", "credits"}
    text = zastavka("detect", series.folder, "--types", "credits")
    assert re.search(r"S01E02.mkv: credits: \d+\.\d\ds - \d+\.\d\ds\n", text.out)
    assert "S01E01.mkv: none of the kinds asked for\n" in text.out
    assert "; credits: " in zastavka("detect", series.folder, "--types", "intro,credits").out
    wrong = zastavka("detect", series.folder, "--types", "intro,music")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("music: is no kind of segment; choose from intro, logo")


def test_a_file_with_nothing_to_compare_it_with_is_asked_of_the_model(one: Path) -> None:
    done = zastavka("detect", one, "--no-cache", "--format", "json")
    assert done.code == 0
    [row] = answers(done.out)
    # half a minute is no episode: whatever the built-in model makes of it awaits review
    assert not [s for s in row["segments"] if s["status"] == "found"]
    assert 0 < row["not_found_confidence"] < 1
    [again] = answers(zastavka("detect", one, "--no-cache", "--alone", "--format", "json").out)
    assert again["segments"] == row["segments"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--alone", "--types", "logo"], "--types: names what repeats; leave out --alone"),
        (["--format", "csv"], "csv: is the curve of a model; give --alone, or choose json"),
        (["--set", "train.epochs=3"], "train.epochs=3: changes what only training uses; change"),
        (["--set", "match.nothing=3"], "match.nothing=3: option match.nothing: there is none"),
    ],
)
def test_options_that_a_season_has_no_use_for(options: list[str], line: str, one: Path) -> None:
    done = zastavka("detect", one, *options)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(line)
    assert len(done.lines) == 1


def test_options_of_the_rule_change_the_answer(series: Series) -> None:
    doubted = ["--set", "decide.found_score=50", "--set", "decide.review_score=50"]
    assert zastavka("detect", series.folder).out.count("Intro found") == 2
    assert zastavka("detect", series.folder, *doubted).out.count("Intro not found") == 3


def test_the_network_may_confirm_what_the_rule_doubts(series: Series) -> None:
    done = zastavka("detect", series.folder, "--set", "decide.found_score=50", "--format", "json")
    found = [s for e in answers(done.out) for s in e["segments"] if s["status"] == "found"]
    assert found
    assert all("model" in segment["sources"] for segment in found)


def test_a_higher_bar_for_a_season_and_for_a_file_alone(
    series: Series, one: Path, learned: Learned
) -> None:
    for what in ([series.folder], [one, *model(learned)]):
        done = zastavka("detect", *what, "--format", "json")
        sure = [s for e in answers(done.out) for s in e["segments"] if s["status"] == "found"]
        assert sure
        assert zastavka("detect", *what, "--format", "json", "--min-confidence", "0").code == 0
        done = zastavka("detect", *what, "--min-confidence=1", "--expect-intro")
        assert done.code == 4
        assert done.out.count("not sure enough: 0.") == len(sure)
        assert sum("perhaps" in line for line in done.lines) == len(sure)
    for wrong in ("1.5", "-0.1", "nan"):
        done = zastavka("detect", one, f"--min-confidence={wrong}")
        line = "--min-confidence: is a probability; give a number from 0 to 1"
        assert (done.code, done.lines) == (2, [line])


def test_explain_draws_each_season(series: Series, tmp_path: Path) -> None:
    done = zastavka("detect", series.folder, "--explain", tmp_path / "why")
    assert done.code == 0
    assert sorted(path.suffix for path in (tmp_path / "why").iterdir()) == [".html", ".png"]
