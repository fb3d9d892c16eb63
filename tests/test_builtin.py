"""The model that comes with the package, and the worlds it is made from."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zastavka.config import BUILTIN as RECIPE
from zastavka.config import Config
from zastavka.errors import FeatureError, ModelError, OptionError
from zastavka.features import EpisodeFeatures
from zastavka.learn.builtin import HALVES, JUDGED
from zastavka.learn.disguise import Look, disguise, draw_look
from zastavka.learn.worlds import Introbench
from zastavka.media import probe
from zastavka.model import BUILTIN, Head
from zastavka.pipeline import Detector
from zastavka.segment import Grid

INTROBENCH = os.environ.get("ZASTAVKA_INTROBENCH")
MOST_BYTES = 4_000_000


def rows(encoder: str = "builtin/1") -> EpisodeFeatures:
    rng = np.random.default_rng(3)
    spec = Head.load(BUILTIN).spec
    picture = rng.random((600, spec.picture_width), np.float32)
    sound = rng.random((600, spec.sound_width), np.float32)
    return EpisodeFeatures(Grid(0.5, 600), 1400.0, picture, sound, encoder)


def test_it_is_small_and_whole() -> None:
    files = sorted(path.name for path in BUILTIN.iterdir())
    assert files == [
        "README.md", "metrics.json", "network.onnx", "options.json", "weights.safetensors",
    ]  # fmt: skip
    assert sum(path.stat().st_size for path in BUILTIN.iterdir()) < MOST_BYTES


def test_it_is_what_its_recipe_makes() -> None:
    document = json.loads((BUILTIN / "options.json").read_text(encoding="utf-8"))
    assert Config.model_validate(document["config"]) == RECIPE
    assert "GPL" in (BUILTIN / "README.md").read_text(encoding="utf-8")


def test_alone_and_among_siblings_it_is_one_network() -> None:
    head = Head.load(BUILTIN)
    assert head.confidence is not None
    evidence = np.zeros((600, head.spec.evidence_width), np.float32)
    np.testing.assert_array_equal(head.emissions(rows()), head.emissions(rows(), evidence=evidence))
    evidence[200:260, :2] = evidence[:, -1] = 1.0
    among = head.emissions(rows(), evidence=evidence)
    assert among[200:260, 1].mean() > head.emissions(rows())[200:260, 1].mean()


def test_features_of_another_encoder_are_refused_in_one_line() -> None:
    with pytest.raises(FeatureError, match="of encoder 'clip', the model wants 'builtin/1'"):
        Head.load(BUILTIN).emissions(rows("clip"))


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(BUILTIN, tmp_path / "model")
    file = tmp_path / "model" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError):
        Detector.load(tmp_path / "model")


def test_looks_come_and_times_stay(tmp_path: Path) -> None:
    import random

    from zastavka.compose import SeriesSpec, compose

    [truth] = compose(
        [SeriesSpec(name="S", seed=3, episodes=1, body=8, theme=3, fps=12, size=(128, 72))],
        tmp_path,
        workers=1,
    )
    path = truth.episode.path
    before = probe(path)
    disguise(path, Look(("ДОМ", 1), 0.5, 3.0, "mpeg4", "ac3"), 1)
    after = probe(path)
    assert after.duration == pytest.approx(before.duration, abs=0.1)
    assert after.video is not None
    assert len(after.audio) == 1
    drawn = [draw_look(random.Random(i)) for i in range(300)]
    assert 0.2 < sum(look is not None for look in drawn) / len(drawn) < 0.45


def test_a_folder_without_a_composer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"holds no compose\.py"):
        Introbench(tmp_path, sys.executable).check()


@pytest.mark.introbench
@pytest.mark.skipif(not INTROBENCH, reason="ZASTAVKA_INTROBENCH names no folder of introbench")
def test_worlds_have_no_clip_in_common_and_none_that_may_not_be_given_away() -> None:
    bench = Introbench(Path(INTROBENCH or ""), sys.executable)
    seen: set[str] = set()
    for world in (*HALVES, JUDGED):
        clips = list(bench.clips(world))
        assert {row["ships"] for row in clips} == {"yes"}
        assert {row["kind"] for row in clips} == {"video", "music", "speech", "ambient"}
        names = {row["file"] for row in clips}
        assert not names & seen
        seen |= names
    assert len(list(bench.clips(replace(HALVES[0], part=None)))) == sum(
        len(list(bench.clips(world))) for world in HALVES
    )
