"""From labels and videos to windows: what is in a dataset, and what its file says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from media_files import Film, Tone, number_of, write
from zastavka import audio, descriptor
from zastavka.cache import FeatureCache
from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.detection import Detection, Finding
from zastavka.episode import Episode
from zastavka.errors import DatasetError, MediaError, ZastavkaError
from zastavka.features import EpisodeFeatures, extract
from zastavka.inputs import InputSpec
from zastavka.labels import LabelProblem
from zastavka.learn.dataset import (
    Dataset,
    Window,
    build,
    episode_windows,
    jittered,
    read_dataset,
    series_of,
    video_id,
    write_dataset,
)
from zastavka.learn.prepare import input_spec, prepare
from zastavka.pictures import Picture
from zastavka.segment import Grid, Segment

CONFIG = BASELINE.override(
    {
        "extract": {"encoder": "builtin", "step": 0.5},
        "network": {"window_rows": 8, "stride_rows": 8},
        "train": {"train_stride_rows": 4, "copies": 0, "keep_negative": 1.0},
    },
    "test",
)
SPEC = InputSpec("reader/1", 2, 0, "pictures")


class Reader:
    """An encoder that says which picture it was shown, and how bright it is at its foot."""

    name, width, size = "reader/1", 2, None

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        rows = [[number_of(picture), picture[64:].mean()] for picture in pictures]
        return np.array(rows, np.float32)


def train(config: Config, **changes: object) -> Config:
    return config.override({"train": changes}, "test")


def truth(path: Path, *segments: Segment, series: str | None = "S") -> Detection:
    findings = tuple(Finding(segment=segment) for segment in segments)
    return Detection(episode=Episode(path, series), duration=None, findings=findings)


def numbered_rows(n: int) -> EpisodeFeatures:
    rows = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(np.float32)
    return EpisodeFeatures(Grid(0.5, n), n * 0.5, rows, None, "reader/1")


@given(st.integers(1, 60), st.integers(1, 20))
def test_windows_hold_every_row_with_its_label(n: int, stride: int) -> None:
    intro = Segment(2.0, 5.5)  # rows 4 to 10
    config = train(CONFIG, train_stride_rows=stride)
    made = list(episode_windows(numbered_rows(n), truth(Path("S/a.mkv"), intro), config, SPEC))
    seen: set[int] = set()
    for window in made:
        rows = window.inputs[:, 0].astype(int).tolist()
        assert rows == list(range(window.first_row, window.first_row + len(rows)))
        assert window.labels.tolist() == [float(4 <= row < 11) for row in rows]
        assert window.positive == (max(window.labels) == 1)
        # side by side the last one is shorter, else it overlaps
        assert len(rows) == min(n, 8) or (stride >= 8 and window is made[-1])
        seen |= set(rows)
    assert seen == set(range(n))
    assert made[0].video_id == "S/a"


def test_ids_and_series() -> None:
    assert video_id(truth(Path("videos/-22_1/-22_1.mp4"))) == "-22_1"  # the prototype's layout
    assert video_id(truth(Path("videos/Dom/S01E02.mkv"))) == "Dom/S01E02"
    assert series_of(truth(Path("videos/Dom/S01E02.mkv"), series="Дом")) == "Дом"
    assert series_of(truth(Path("videos/Dom/S01E02.mkv"), series=None)) == "Dom"


def test_windows_without_an_intro_are_thinned() -> None:
    many = [(truth(Path(f"S/{i}.mkv"), Segment(0, 2)), numbered_rows(80)) for i in range(30)]
    whole = build(many, CONFIG, SPEC, Reader()).windows
    positive = [window for window in whole if window.positive]
    share = build(many, train(CONFIG, keep_negative=0.4), SPEC, Reader()).windows
    none = build(many, train(CONFIG, keep_negative=0.0), SPEC, Reader()).windows
    assert len(none) == len(positive) == 30
    assert sum(window.positive for window in share) == 30
    kept = (len(share) - 30) / (len(whole) - 30)
    assert kept == pytest.approx(0.4, abs=0.06)
    again = build(many, train(CONFIG, keep_negative=0.4), SPEC, Reader()).windows
    assert [w.first_row for w in again] == [w.first_row for w in share]
    other = build(many, train(CONFIG, keep_negative=0.4, seed=7), SPEC, Reader()).windows
    assert [w.first_row for w in other] != [w.first_row for w in share]


def test_copies_change_only_the_pictures_of_the_intro(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", Film(times=tuple(i / 8 for i in range(64))))
    label = truth(path, Segment(1.0, 3.0))
    features = extract(path, Reader(), CONFIG.extract)
    config = train(CONFIG, copies=6)
    windows = build([(label, features)], config, SPEC, Reader()).windows
    plain = list(episode_windows(features, label, config, SPEC))
    assert len(windows) == len(plain) + 6 * sum(window.positive for window in plain)
    changed = set()
    for copy in windows[len(plain) :]:
        before = next(w for w in plain if w.first_row == copy.first_row)
        assert copy.positive
        assert copy.labels.tolist() == before.labels.tolist()
        differs = (copy.inputs != before.inputs).any(axis=1)
        assert not differs[copy.labels == 0].any()
        changed |= set(np.flatnonzero(differs) + copy.first_row)
    assert changed  # some of them, with a chance of 0.3 for each of two changes
    assert changed <= {2, 3, 4, 5}


def test_jitter_is_brightness_and_contrast() -> None:
    image = np.linspace(40, 200, 48).reshape(4, 4, 3).astype(np.uint8)
    rng = np.random.default_rng(0)
    results = [jittered(Picture(0.0, 0.0, image), rng).astype(float) for _ in range(200)]
    same = np.mean([np.array_equal(result, image) for result in results])
    assert same == pytest.approx(0.7 * 0.7, abs=0.1)
    for result in results:
        # each is a line through what it was, but for rounding and clipping
        inside = (result > 0) & (result < 255)
        fit = np.polyfit(image[inside].astype(float), result[inside], 1)
        assert np.abs(np.polyval(fit, image[inside]) - result[inside]).max() < 1.5
        assert 0.6 * 0.6 - 0.02 < fit[0] < 1.4 * 1.4 + 0.02


def test_a_file_without_pictures_has_no_copies(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mka", Film(times=(), tones=(Tone(seconds=8),)))
    config = DEFAULT.override(
        {"train": {"copies": 3}, "network": {"window_rows": 8, "stride_rows": 8}}, "test"
    )
    encoder = descriptor.BuiltinDescriptor()
    features = extract(path, encoder, config.extract)
    windows = build(
        [(truth(path, Segment(1, 3)), features)], config, input_spec(config, encoder), encoder
    ).windows
    assert len(windows) == 2
    assert not [w for w in windows if w.inputs[:, : encoder.width].any()]


@pytest.mark.parametrize(
    ("config", "width", "sound"),
    [
        (DEFAULT, len(descriptor.COLUMNS), len(audio.COLUMNS)),
        (DEFAULT.override({"extract": {"sound": False}}, "t"), len(descriptor.COLUMNS), 0),
        (BASELINE, len(descriptor.COLUMNS), 0),
    ],
)
def test_the_columns_of_a_recipe(config: Config, width: int, sound: int) -> None:
    spec = input_spec(config, descriptor.BuiltinDescriptor())
    assert (spec.encoder, spec.picture_width, spec.sound_width) == ("builtin/1", width, sound)
    assert spec.inputs == config.network.inputs
    if spec.inputs == "pictures":
        assert spec.width == width


def dataset(n: int = 3, **changes: Any) -> Dataset:
    rng = np.random.default_rng(1)
    windows = [
        Window(f"-{i}", f"s{i}", 4 * i, rng.normal(size=(5 + i, 2)).astype(np.float32),
               (np.arange(5 + i) % 2).astype(np.float32))
        for i in range(n)
    ]  # fmt: skip
    return replace(Dataset(tuple(windows), SPEC, CONFIG.extract), **changes)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = dataset()
    write_dataset(tmp_path / "d.pt", made)
    read = read_dataset(tmp_path / "d.pt")
    assert (read.spec, read.extract) == (made.spec, made.extract)
    for one, two in zip(read.windows, made.windows, strict=True):
        assert (one.video_id, one.series, one.first_row) == (
            two.video_id,
            two.series,
            two.first_row,
        )
        np.testing.assert_array_equal(one.inputs, two.inputs)
        np.testing.assert_array_equal(one.labels, two.labels)


def test_the_file_is_the_prototype_s_and_no_pickle_of_objects(tmp_path: Path) -> None:
    write_dataset(tmp_path / "d.pt", dataset())
    entries = torch.load(tmp_path / "d.pt", weights_only=True)
    assert isinstance(entries, list)
    first = entries[0]
    assert (first["video_id"], first["window_start_frame_idx"]) == ("-0", 0)
    assert first["embeddings"].dtype == first["labels"].dtype == torch.float32
    assert (first["embeddings"].shape, first["labels"].shape) == ((5, 2), (5,))


def test_a_model_answers_as_its_dataset_was_made() -> None:
    made = dataset()
    fitted = made.as_made(DEFAULT)
    assert fitted.extract == CONFIG.extract
    assert fitted.network.inputs == "pictures"
    assert fitted.network.d_model == DEFAULT.network.d_model
    assert fitted.train == DEFAULT.train
    assert dataset(extract=None).as_made(DEFAULT).extract == DEFAULT.extract


@pytest.mark.parametrize("text", ["no JSON", '{"step": 99}', 5])
def test_an_extraction_there_can_t_be(tmp_path: Path, text: object) -> None:
    write_dataset(tmp_path / "d.pt", dataset())
    entries = torch.load(tmp_path / "d.pt", weights_only=True)
    entries[0]["extract"] = text
    torch.save(entries, tmp_path / "d.pt")
    with pytest.raises(DatasetError, match=r"d\.pt: is not a dataset: "):
        read_dataset(tmp_path / "d.pt")


def test_what_can_t_be_learned_from() -> None:
    for windows, found in (
        ((), "holds no window"),
        (tuple(replace(w, labels=w.labels * 0) for w in dataset().windows), "no positive row"),
    ):
        with pytest.raises(DatasetError, match=rf"d\.pt: .*{found}"):
            dataset(windows=windows).check("d.pt")
    spoilt = dataset()
    spoilt.windows[1].inputs[0, 1] = -np.inf
    with pytest.raises(DatasetError, match="holds NaN in a window of '-1'; extract that video"):
        spoilt.check("d.pt")
    with pytest.raises(ValueError, match="do not fit"):
        Window("a", "s", 0, np.zeros((3, 2), np.float32), np.zeros(4, np.float32))


def test_one_series_is_split_by_video_and_one_video_not_at_all() -> None:
    windows = tuple(replace(w, series="s") for w in dataset(6).windows)
    kept, held = dataset(windows=windows).split(0.34, 1)
    assert len(held.windows) == 2
    assert not {w.video_id for w in kept.windows} & {w.video_id for w in held.windows}
    alone = tuple(replace(w, series="s", video_id="v") for w in dataset(3).windows)
    kept, held = dataset(windows=alone).split(0.34, 1)
    assert (len(kept.windows), len(held.windows)) == (3, 0)
    kept, held = dataset(2).split(0.0, 1)
    assert (len(kept.windows), len(held.windows)) == (2, 0)
    kept, held = dataset(2).split(0.1, 1)  # a share too small for one series holds back one
    assert (len(kept.windows), len(held.windows)) == (1, 1)


# prepare


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of the prototype's layout, a third that is none."""
    folder = tmp_path_factory.mktemp("videos")
    for id, seconds in (("-1_1", 8), ("-1_2", 6)):
        (folder / id).mkdir()
        times = tuple(i / 8 for i in range(seconds * 8))
        write(folder / id / f"{id}.mp4", Film(times=times))
    (folder / "-1_3.mp4").write_bytes(b"")
    return folder


def labels(folder: Path, **changes: object) -> Path:
    rows: dict[str, object] = {
        "-1_1": {"name": "24 часа. 8 сезон, 18 серия", "start": "0:00:01", "end": "0:00:04"},
        "-1_2": {"name": "Дом", "start": None, "end": None},
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(rows | changes), "utf-8")
    return path


def test_prepare(videos: Path, tmp_path: Path) -> None:
    shares: list[tuple[float, str]] = []
    problems: list[LabelProblem | ZastavkaError] = []
    later = {"-1_3": {"start": "0:00:01", "end": "0:00:04"}}
    made = prepare(
        labels(tmp_path, **later), videos, tmp_path / "d.pt", CONFIG,
        progress=lambda share, name: shares.append((share, name)), on_problem=problems.append,
    )  # fmt: skip
    assert shares == [(0.0, "-1_1.mp4"), (0.5, "-1_2.mp4")]
    assert [str(problem) for problem in problems] == [
        f"-1_3: {videos / '-1_3.mp4'}: is empty; copy it again"
    ]
    read = read_dataset(tmp_path / "d.pt")
    assert (made.windows, made.episodes, made.positive) == (
        len(read.windows), 2, sum(w.positive for w in read.windows)
    )  # fmt: skip
    assert read.extract == CONFIG.extract
    assert read.spec == InputSpec("builtin/1", len(descriptor.COLUMNS), 0, "pictures")
    assert {w.series for w in read.windows} == {"24 часа", "Дом"}
    first = next(w for w in read.windows if w.video_id == "-1_1" and w.first_row == 0)
    assert first.labels.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert not any(w.positive for w in read.windows if w.video_id == "-1_2")


def test_prepare_names_a_video_that_fails_later(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: FeatureCache, path: Path, *__: object) -> EpisodeFeatures:
        raise MediaError(path, "can't be read: {why}", "check the path", why="I/O error")

    problems: list[LabelProblem | ZastavkaError] = []
    monkeypatch.setattr(FeatureCache, "get", refuse)
    with pytest.raises(DatasetError, match=r"labels\.json: holds no window"):
        prepare(
            labels(tmp_path), videos, tmp_path / "d.pt", CONFIG,
            FeatureCache(tmp_path / "cache"), on_problem=problems.append,
        )  # fmt: skip
    assert [type(problem) for problem in problems] == [MediaError, MediaError]
    assert not (tmp_path / "d.pt").exists()


def test_prepare_reads_a_file_once(videos: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(videos, copy)
    cache = FeatureCache(tmp_path / "cache")
    prepare(labels(tmp_path), copy, tmp_path / "a.pt", CONFIG, cache)
    assert len(list(cache.folder.rglob("*.safetensors"))) == 2
    prepare(labels(tmp_path), copy, tmp_path / "b.pt", CONFIG, cache)
    assert (tmp_path / "a.pt").stat().st_size == (tmp_path / "b.pt").stat().st_size
