"""Bad input: one clear line that says which file, what was found and what to do; no traceback.

The exit code is not 0, the other files go on, and what was written before is still there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from media_files import Film, Tone, write
from season import SMALL, Answer, Learned, Series, zastavka
from test_media import (
    empty,
    header_alone,
    headless,
    locked_mkv,
    locked_mp4,
    missing,
    noise,
    picture,
    picture_named_video,
    subtitles,
    text,
    text_named_video,
)
from zastavka.learn.dataset import Dataset, read_dataset, write_dataset
from zastavka.learn.record import UNDER_WAY
from zastavka.learn.train import CHECKPOINT

CURE = re.compile(r": [^;]+; \w+")  # what was found; what to do


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _one_cache(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    """The good files are described once for all tests."""
    monkeypatch.setenv("ZASTAVKA_CACHE", str(learned.cache))


def one_line(done: Answer, subject: str | Path, found: str, code: int = 1) -> None:
    """The answer is one line: subject, what was found, what to do."""
    assert done.code == code
    assert len(done.lines) == 1, done.err
    line = done.lines[0]
    assert line.startswith(f"{subject}: ")
    assert found in line
    assert CURE.search(line)


# files that are no episodes


def short(folder: Path) -> Path:
    return write(folder / "short.mkv", Film(times=(0.0, 0.1, 0.2)))


def cut_in_the_header(folder: Path) -> Path:
    path = write(folder / "whole.mkv")
    (folder / "a.mkv").write_bytes(path.read_bytes()[:100])
    return folder / "a.mkv"


BAD: dict[Callable[[Path], Path], str] = {
    missing: "does not exist",
    empty: "is empty",
    text: "is a text file",
    text_named_video: "can't be read as video or sound",
    subtitles: "neither pictures nor sound",
    picture: "is a still picture",
    picture_named_video: "is a still picture",
    noise: "can't be read as video or sound",
    headless: "",
    header_alone: "",
    cut_in_the_header: "",
    locked_mp4: "is encrypted",
    locked_mkv: "is encrypted",
    short: "less than one row of 0.5 s",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_file_that_is_no_episode(
    series: Series, learned: Learned, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    bad = make(tmp_path)
    for arguments in (
        ("detect", bad, "--alone", "--model", learned.model),
        ("extract", bad, "--output", tmp_path / "features"),
    ):
        done = zastavka(*arguments)
        assert done.out == ""
        one_line(Answer(done.code, "", done.lines[0] + "\n"), bad, BAD[make])
    done = zastavka(
        "detect", series.files[0], bad, series.files[2], "--alone", "--model", learned.model
    )
    one_line(done, bad, BAD[make], code=3)
    assert [line.split(": ")[1][:9] for line in done.out.splitlines()] == ["Intro fou", "Intro not"]


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_labelled_file_that_is_no_episode(
    series: Series, here: Path, make: Callable[[Path], Path]
) -> None:
    bad = make(here)
    for id, file in (("-1_1", series.files[0]), ("-1_2", bad)):
        (here / "videos" / id).mkdir(parents=True)
        if file.exists():
            shutil.copy(file, here / "videos" / id / f"{id}.mp4")
    label = {"start": "0:00:08", "end": "0:00:16"}
    (here / "labels.json").write_text(json.dumps({"-1_1": label, "-1_2": label}))
    done = zastavka("dataset", "labels.json", "videos", *SMALL)
    assert done.code == 3
    problem, summary = done.lines
    assert "-1_2" in problem
    assert (make is missing and "there is no video of it in videos" in problem) or (
        re.search("beyond the duration", problem) or CURE.search(problem)
    )
    assert " windows of 1 episodes, " in summary
    assert {window.video_id for window in read_dataset(here / "dataset.pt").windows} == {"-1_1"}


def test_a_file_that_breaks_off_is_one_clear_line(
    series: Series, learned: Learned, tmp_path: Path
) -> None:
    data = series.files[0].read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 5])
    done = zastavka("detect", tmp_path / "cut.mkv", "--alone", "--model", learned.model)
    assert (done.code, done.out, len(done.lines)) == (1, "", 1)
    assert re.search(r"cut\.mkv: breaks off at \d+ s of \d+ s; copy it again", done.err)


def test_a_file_of_sound_alone_is_answered(learned: Learned, tmp_path: Path) -> None:
    path = write(tmp_path / "radio.mka", Film(times=(), tones=(Tone(seconds=5),)))
    done = zastavka("detect", path, "--alone", "--model", learned.model)
    assert (done.code, done.err) == (0, "")


# features


def test_nan_in_kept_features_is_made_again(
    series: Series, learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zastavka.features import load, save

    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path))
    ask: tuple[str | Path, ...] = ("detect", series.files[0], "--alone", "--model", learned.model)
    first = zastavka(*ask)
    [kept] = tmp_path.rglob("*.safetensors")
    features = load(kept)
    assert features.picture is not None
    features.picture[3] = np.nan
    save(features, kept)
    assert zastavka(*ask) == first
    load(kept)  # and mended


# models


def broken_model(learned: Learned, folder: Path, change: Callable[[Path], object]) -> Path:
    model = folder / "broken"
    shutil.copytree(learned.model, model)
    change(model)
    return model


def edited(change: Callable[[Any], object]) -> Callable[[Path], object]:
    def edit(model: Path) -> None:
        document = json.loads((model / "options.json").read_text())
        change(document)
        (model / "options.json").write_text(json.dumps(document))

    return edit


def cut(name: str) -> Callable[[Path], object]:
    return lambda m: (m / name).write_bytes((m / name).read_bytes()[:200])


MODELS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "of another encoder": (
        edited(lambda d: d["inputs"].update(encoder="clip:large:1234")), "",
        "was trained on pictures of 'clip:large:1234', not of 'builtin/1'; give --encoder",
    ),
    "no options": (lambda m: (m / "options.json").unlink(), "", "is not a model folder"),
    "options cut": (cut("options.json"), "options.json", "can't be used"),
    "options of another program": (edited(lambda d: d.clear()), "options.json", "can't be used"),
    "an unknown option": (
        edited(lambda d: d["config"]["decode"].update(new=1)), "options.json", "can't be used"
    ),
    "no weights": (lambda m: (m / "weights.safetensors").unlink(), "weights.safetensors", "read"),
    "weights cut": (cut("weights.safetensors"), "weights.safetensors", "can't be read"),
    "no network": (lambda m: (m / "network.onnx").unlink(), "network.onnx", "can't be loaded"),
    "network cut": (cut("network.onnx"), "network.onnx", "can't be loaded"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "file", "found"), MODELS.values(), ids=MODELS)
def test_a_model_that_does_not_fit_or_is_damaged(
    series: Series, learned: Learned, tmp_path: Path,
    change: Callable[[Path], object], file: str, found: str,
) -> None:  # fmt: skip
    model = broken_model(learned, tmp_path, change)
    done = zastavka("detect", series.files[0], "--alone", "--model", model)
    assert done.out == ""
    one_line(done, model / file if file else model, found)


def test_a_model_for_other_features(series: Series, learned: Learned, tmp_path: Path) -> None:
    model = broken_model(learned, tmp_path, edited(lambda d: d["inputs"].update(picture_width=768)))
    done = zastavka("detect", series.files[0], "--alone", "--model", model)
    one_line(done, model, "was made by another version: ")


def test_a_model_that_is_not_there(series: Series, tmp_path: Path) -> None:
    one_line(
        zastavka("detect", series.files[0], "--alone", "--model", tmp_path / "no"),
        tmp_path / "no", "does not exist; give a folder that `zastavka train` wrote",
    )  # fmt: skip
    one_line(
        zastavka("detect", series.files[0], "--alone", "--model", tmp_path),
        tmp_path,
        "is not a model folder",
    )
    (tmp_path / "model.pt").write_text("no weights")
    one_line(
        zastavka("detect", series.files[0], "--alone", "--model", tmp_path / "model.pt"),
        tmp_path / "model.pt", "is not a file of torch weights, or is damaged",
    )  # fmt: skip


# labels and datasets


def write_truth(folder: Path, series: Series, **segments: Any) -> Path:
    rows = {
        file.relative_to(series.folder).as_posix(): {"series": "S", "segments": list[object]()}
        for file in series.files
    }
    path = folder / "truth.json"
    path.write_text(json.dumps(rows | {key: {"segments": s} for key, s in segments.items()}))
    return path


def test_a_dataset_with_no_positive_row(series: Series, learned: Learned, here: Path) -> None:
    labels = write_truth(here, series)
    done = zastavka("dataset", labels, series.folder, *SMALL)
    one_line(done, labels, "holds no positive row: no label lies in the searched window; check")
    assert not (here / "dataset.pt").exists()
    made = read_dataset(learned.dataset)
    empty = tuple(
        type(w)(w.video_id, w.series, w.first_row, w.inputs, w.labels * 0) for w in made.windows
    )
    write_dataset(here / "empty.pt", Dataset(empty, made.spec))
    one_line(zastavka("train", "empty.pt", *SMALL), "empty.pt", "holds no positive row")
    assert not (here / "model").exists()


def test_labels_for_videos_that_are_not_there(series: Series, here: Path) -> None:
    label = {"start": "0:00:08", "end": "0:00:16"}
    (here / "labels.json").write_text(json.dumps({"-1_1": label, "-1_2": label}))
    (here / "videos").mkdir()
    done = zastavka("dataset", "labels.json", "videos", *SMALL)
    assert done.code == 1
    assert done.lines == [
        "-1_1: there is no video of it in videos",
        "-1_2: there is no video of it in videos",
        "labels.json: holds no window; check the labels and the videos",
    ]
    shutil.copy(series.files[0], "videos/-1_2.mp4")
    done = zastavka("dataset", "labels.json", "videos", *SMALL)
    assert (done.code, len(done.lines)) == (3, 2)
    assert done.lines[0] == "-1_1: there is no video of it in videos"
    one_line(zastavka("dataset", "labels.json", "no"), "no", "is not a folder")


def test_truth_of_videos_that_are_not_there(series: Series, here: Path) -> None:
    labels = write_truth(
        here, series, **{"S/S09E09.mkv": [{"type": "intro", "start": 1, "end": 9}]}
    )
    done = zastavka("dataset", labels, series.folder, *SMALL)
    assert done.code == 1
    assert (
        done.lines[0] == f"{series.folder}/S/S09E09.mkv: can't be read: No such file or "
        "directory; check the path"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b"[1, 2]", "is not an object of labels"),
        ("{\"я\": 1}".encode("cp1251"), "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
    ],
)  # fmt: skip
def test_a_label_file_that_is_none(here: Path, content: bytes | None, found: str) -> None:
    if content is not None:
        (here / "labels.json").write_bytes(content)
    (here / "found.json").write_text('{"episodes": []}')
    one_line(zastavka("dataset", "labels.json", "."), "labels.json", found)
    one_line(zastavka("evaluate", "labels.json", "found.json"), "labels.json", found)


def test_answers_that_are_none(series: Series, here: Path) -> None:
    truth = series.folder / "truth.json"
    (here / "found.json").write_text('{"version": 1}')
    one_line(zastavka("evaluate", truth, "found.json"), "found.json", "has no list 'episodes'")
    one_line(zastavka("evaluate", truth, "no.json"), "no.json", "can't be read: No such file")
    row = {"path": "a.mkv", "segments": [{"start": 9, "end": 1}]}
    (here / "found.json").write_text(json.dumps({"episodes": [row]}))
    one_line(zastavka("evaluate", truth, "found.json"), "found.json", "episode a.mkv: ")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "does not exist; make it with `zastavka dataset`"),
        (b"text", "is not a dataset"),
        ({"a": 1}, "holds no window"),
        ([{"video_id": "a"}], "is not a dataset"),
        ([{"video_id": "a", "window_start_frame_idx": 0, "embeddings": 1, "labels": 2}], "is not"),
        ("nan", "holds NaN in a window of '"),
        ("cut", "is not a dataset"),
    ],
)
def test_a_dataset_that_can_t_be_learned_from(
    learned: Learned, here: Path, content: object, found: str
) -> None:
    if content in ("nan", "cut"):
        shutil.copy(learned.dataset, "d.pt")
        if content == "cut":
            Path("d.pt").write_bytes(Path("d.pt").read_bytes()[:3000])
        else:
            made = read_dataset(here / "d.pt")
            made.windows[1].inputs[2, 3] = np.nan
            write_dataset(here / "d.pt", made)
    elif isinstance(content, bytes):
        (here / "d.pt").write_bytes(content)
    elif content is not None:
        torch.save(content, "d.pt")
    one_line(zastavka("train", "d.pt", *SMALL), "d.pt", found)
    assert not (here / "model").exists()


def test_a_dataset_of_a_longer_window_than_the_recipe_s(learned: Learned, here: Path) -> None:
    done = zastavka(
        "train", learned.dataset, *SMALL, "--set", "network.window_rows=20", "--set",
        "network.stride_rows=20",
    )  # fmt: skip
    one_line(done, learned.dataset, "has windows of 40 rows, the recipe takes 20; train with")
    assert not list(here.iterdir())


# extras that are not installed


@pytest.mark.parametrize(
    ("module", "arguments", "line"),
    [
        ("torch", ("train", "d.pt"), "zastavka train: needs the extra 'train'"),
        ("onnxscript", ("train", "d.pt"), "zastavka train: needs the extra 'train'"),
        ("torch", ("dataset", "l.json", "v"), "zastavka dataset: needs the extra 'train'"),
        (
            "torch",
            ("detect", "a", "--alone", "--model", "model.pt"),
            "a prototype's model.pt: needs the",
        ),
        (
            "torch",
            ("extract", "a", "--output", "f", "--encoder", "clip"),
            "encoder openai/clip-vit-large-patch14: needs",
        ),
        ("transformers", ("extract", "a", "--output", "f", "--encoder", "x"), "encoder x: needs"),
        ("PIL", ("extract", "a", "--output", "f", "--encoder", "x"), "encoder x: needs the"),
    ],
)
def test_a_missing_extra(
    here: Path, monkeypatch: pytest.MonkeyPatch, module: str, arguments: tuple[str, ...], line: str
) -> None:
    (here / "model.pt").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, module, None)
    done = zastavka(*arguments)
    assert (done.code, done.out) == (1, "")
    assert len(done.lines) == 1
    assert done.err.startswith(line)
    assert re.search(r'; pip install "zastavka\[(train|clip)\]"$', done.lines[0])
    assert sorted(os.listdir()) == ["model.pt"]


def test_without_matplotlib(
    series: Series, learned: Learned, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = series.folder / "truth.json"
    ask: tuple[str | Path, ...] = (
        "--alone",
        "--model",
        learned.model,
        "--format",
        "json",
        "--output",
        "f.json",
    )
    zastavka("detect", series.folder, *ask)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = zastavka("evaluate", truth, "f.json", "--html", "page.html")
    assert done.code == 0
    page = (here / "page.html").read_text("utf-8")
    assert "zastavka[plots]" in page
    done = zastavka("evaluate", truth, "f.json", "--plots", "plots")
    assert done.code == 1
    assert 'pip install "zastavka[plots]"' in done.lines[0]
    assert "constant 5-15 s" in done.out  # the table is there all the same


def test_without_any_extra_answers_are_given(series: Series, learned: Learned) -> None:
    code = (
        "import sys\n"
        "names = {'torch', 'onnx', 'onnxscript', 'transformers', 'PIL', 'matplotlib'}\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in names: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from zastavka.cli import main\n"
        f"sys.argv = ['zastavka', 'detect', {str(series.files[0])!r}, '--alone', '--model',"
        f" {str(learned.model)!r}, '--no-cache']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Intro found: ")


# a full disk, a folder that may not be written to


@contextmanager
def full_disk(room: int = 2048) -> Iterator[None]:
    """No file of this process may grow beyond `room` bytes."""
    resource: Any = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def only(folder: Path, *names: str) -> None:
    assert sorted(os.listdir(folder)) == sorted(names)


def test_a_full_disk_for_answers(series: Series, learned: Learned, here: Path) -> None:
    (here / "found.csv").write_text("old")
    ask: tuple[str | Path, ...] = (
        "detect",
        *series.files,
        "--alone",
        "--model",
        learned.model,
        "--format",
        "csv",
    )
    with full_disk():
        done = zastavka(*ask, "--output", "found.csv")
    one_line(done, "found.csv", "can't be written: File too large; free some space, or choose")
    assert (here / "found.csv").read_text() == "old"
    only(here, "found.csv")


def test_a_folder_in_the_place_of_an_answer(series: Series, learned: Learned, here: Path) -> None:
    (here / "out").mkdir()
    done = zastavka(
        "detect", series.files[0], "--alone", "--model", learned.model, "--output", "out"
    )
    one_line(done, "out", "can't be written: Is a directory; ")


def test_a_full_disk_for_features(series: Series, here: Path) -> None:
    options = ("--output", "features", "--set", "extract.step=5")
    zastavka("extract", series.files[0], *options)
    before = (here / "features" / "S01E01.safetensors").read_bytes()
    with full_disk():
        done = zastavka("extract", *series.files, *options)
    assert done.code == 1
    assert len(done.lines) == 4
    for i in (1, 2, 3):
        line = done.lines[i - 1]
        assert line.startswith(f"features/S01E0{i}.safetensors: can't be written: ")
        assert line.endswith("; free some space, or choose another place")
    only(here / "features", "S01E01.safetensors")
    assert (here / "features" / "S01E01.safetensors").read_bytes() == before


def test_a_full_disk_for_kept_features_loses_no_answer(
    series: Series, learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZASTAVKA_CACHE", str(tmp_path / "cache"))
    with full_disk():
        done = zastavka("detect", series.files[0], "--alone", "--model", learned.model)
    assert done.out.startswith("Intro found: ")
    one_line(done, tmp_path / "cache" / "features", "keeps no features: ", code=3)
    assert "or give --no-cache" in done.err
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_full_disk_for_a_dataset(series: Series, here: Path) -> None:
    (here / "dataset.pt").write_text("old")
    with full_disk():
        done = zastavka("dataset", series.folder / "truth.json", series.folder, *SMALL)
    one_line(done, "dataset.pt", "can't be written: File too large; free some space, or")
    assert (here / "dataset.pt").read_text() == "old"
    only(here, "dataset.pt")


def test_a_full_disk_for_a_checkpoint_and_a_model(learned: Learned, here: Path) -> None:
    train: tuple[str | Path, ...] = (
        "train",
        learned.dataset,
        "--output",
        "model",
        *SMALL,
        "--set",
        "train.epochs=2",
    )
    with full_disk():
        done = zastavka(*train)
    one_line(done, "model/checkpoint.pt", "can't be written: File too large; free some space")
    only(here / "model")
    # the checkpoint of the last epoch has room, the model has none
    shutil.copytree(learned.model, here / "model", dirs_exist_ok=True)
    from zastavka.learn import export

    written: list[Path] = []
    weights = export._write_weights

    def full(path: Path, *others: Any) -> None:
        written.append(path)
        with full_disk():
            weights(path, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "_write_weights", full)
        done = zastavka(*train)
    assert written
    one_line(Answer(done.code, "", done.lines[-1]), "model", "can't be written: ")
    assert done.lines[-2] == "2 epochs are kept in model: go on with --resume"
    only(here, "model")
    only(here / "model", CHECKPOINT, UNDER_WAY, *os.listdir(learned.model))
    for name in os.listdir(learned.model):
        assert (here / "model" / name).read_bytes() == (learned.model / name).read_bytes()


def test_a_full_disk_for_a_page_and_plots(series: Series, learned: Learned, here: Path) -> None:
    ask: tuple[str | Path, ...] = (
        "--alone",
        "--model",
        learned.model,
        "--format",
        "json",
        "--output",
        "f.json",
    )
    zastavka("detect", series.folder, *ask)
    for option, place in (("--html", "page.html"), ("--plots", "plots")):
        with full_disk():
            done = zastavka("evaluate", series.folder / "truth.json", "f.json", option, place)
        assert "constant 5-15 s" in done.out
        assert done.code == 1
        one_line(Answer(done.code, "", done.err), done.err.split(": ")[0], "can't be written: ")
        assert done.err.startswith(place)
    assert not [path for path in here.rglob("*") if path.suffix in (".html", ".png", ".part")]


@contextmanager
def read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder that may not be written to; what stops a person does not stop root."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    refused = PermissionError(13, "Permission denied")
    with monkeypatch.context() as patch:
        if os.access(folder, os.W_OK):
            for name in ("mkstemp", "mkdtemp"):
                patch.setattr(f"tempfile.{name}", _raising(refused))
        yield
    folder.chmod(0o755)


def _raising(error: Exception) -> Callable[..., object]:
    def call(*_: object, **__: object) -> object:
        raise error

    return call


def test_a_folder_that_may_not_be_written_to(
    series: Series, learned: Learned, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str | Path, ...]] = [
        (
            "detect",
            series.files[0],
            "--alone",
            "--model",
            learned.model,
            "--output",
            "out/found.txt",
        ),
        ("extract", series.files[0], "--output", "out", "--set", "extract.step=5"),
        ("dataset", series.folder / "truth.json", series.folder, "--output", "out/d", *SMALL),
        ("train", learned.dataset, "--output", "out/model", *SMALL),
    ]
    with read_only(here / "out", monkeypatch):
        for arguments in calls:
            done = zastavka(*arguments)
            assert done.code == 1
            line = next(line for line in done.lines if "can't be written: Permission" in line)
            assert line.startswith("out/")
            assert line.endswith("another place")
    assert not [path for path in (here / "out").rglob("*") if path.is_file()]


# a run that is killed


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from zastavka.features import EpisodeFeatures, save
from zastavka.segment import Grid
from zastavka.storage import write_text
target = Path(sys.argv[1])
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if target.suffix == ".safetensors":
    save(EpisodeFeatures(Grid(0.5, 9), 4.5, np.zeros((9, 3), np.float32), None, "e"), target)
else:
    write_text(target, "new")
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("name", ["f.safetensors", "found.json"])
@pytest.mark.parametrize("before", [b"old", None])
def test_a_run_that_is_killed_leaves_no_half_file(
    tmp_path: Path, name: str, before: bytes | None
) -> None:
    target = tmp_path / name
    if before is not None:
        target.write_bytes(before)
    done = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (target.read_bytes() if target.exists() else None) == before
    left = [path.name for path in tmp_path.iterdir() if path != target]
    assert len(left) == 1  # out of sight, and no file that anything reads
    assert left[0].startswith(".")


def test_ctrl_c_while_reading_is_one_line(
    series: Series, learned: Learned, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zastavka.pipeline import Detector

    monkeypatch.setattr(Detector, "answer", lambda *_: signal.raise_signal(signal.SIGINT))
    done = zastavka(
        "detect", series.files[0], "--alone", "--model", learned.model, "--output", "f.txt"
    )
    assert (done.code, done.out, done.err) == (130, "", "stopped\n")
    only(here)
