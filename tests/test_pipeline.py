from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from media_files import Film, number_of, write
from zastavka import pipeline
from zastavka.cache import FeatureCache
from zastavka.confidence import Confidence, Scale
from zastavka.config import BASELINE, DEFAULT, Config
from zastavka.crf import CRFWeights
from zastavka.detection import Detection, Failure
from zastavka.episode import Episode
from zastavka.errors import MediaError
from zastavka.features import EpisodeFeatures
from zastavka.intervals import Interval
from zastavka.pipeline import Curve, Detector
from zastavka.segment import Segment

CONFIG = DEFAULT.override(
    {
        "extract": {"step": 0.5, "sound": False},
        "decode": {"min_seconds": 1.0},
    },
    "test",
)
INTRO = Segment(2.0, 5.0)


class Reader:
    """An encoder that says which picture it was shown."""

    name, width, size = "reader/1", 1, None

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return np.array([[number_of(picture)] for picture in pictures], np.float32)


class Knowing:
    """A head that knows which pictures are the intro; `certainty` in logits."""

    def __init__(self, certainty: float, config: Config = CONFIG) -> None:
        self.config, self.certainty = config, certainty
        self.confidence: Confidence | None = None
        self.crf = CRFWeights(
            np.array([[2.0, -2.0], [-2.0, 2.0]]), np.array([1.0, -1.0]), np.zeros(2)
        )
        self.subjects: list[str] = []

    def emissions(
        self,
        features: EpisodeFeatures,
        subject: str = "features",
        evidence: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        assert evidence is None
        self.subjects.append(subject)
        assert features.picture is not None
        time = features.picture[:, 0] / 8
        inside = (time >= INTRO.start) & (time < INTRO.end)
        right = np.where(inside, self.certainty, -self.certainty)
        return np.stack([-right, right], axis=1).astype(np.float32)


def detector(
    certainty: float = 4.0, config: Config = CONFIG, cache: Path | None = None
) -> Detector:
    head = cast(Any, Knowing(certainty, config))
    return Detector(head, Reader(), FeatureCache(cache) if cache else None)


def episode(path: Path, seconds: float = 8.0) -> Episode:
    write(path, Film(times=tuple(i / 8 for i in range(round(seconds * 8)))))
    return Episode(path, "S", 1, 2)


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    one = episode(tmp_path / "a.mkv")
    [found] = detector().detect([one])
    assert isinstance(found, Detection)
    assert found.episode == one
    assert found.duration == pytest.approx(8.0, abs=0.1)
    assert found.segments() == (INTRO,)
    assert found.findings[0].confidence > 0.9
    assert found.findings[0].sources == ("model", "picture")
    assert found.not_found_reason is None


def test_nothing_is_an_answer_with_a_reason(tmp_path: Path) -> None:
    one = episode(tmp_path / "a.mkv", seconds=2.0)
    [found] = detector().detect([one])
    assert isinstance(found, Detection)
    assert found.findings == ()
    assert found.not_found_reason == "nothing like an intro in the first 2 s"


@pytest.mark.parametrize(
    ("confidence", "statuses", "reason"),
    [
        (0.81, ["found"], None),
        (0.8, ["found"], None),
        (0.79, ["review"], "not sure enough: 0.79 is below 0.80"),
        (0.4, ["review"], "not sure enough: 0.40 is below 0.80"),
        (0.39, [], "nothing like an intro in the first 8 s"),
    ],
)
def test_what_is_not_sure_enough_awaits_review_or_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    confidence: float, statuses: list[str], reason: str | None,
) -> None:  # fmt: skip
    monkeypatch.setattr(pipeline, "decode", lambda *_: [Interval(INTRO, confidence)])
    unsure = detector()
    unsure.decoding = CONFIG.decode.model_copy(update={"threshold": 0.8})
    [found] = unsure.detect([episode(tmp_path / "a.mkv")])
    assert isinstance(found, Detection)
    assert [finding.status for finding in found.findings] == statuses
    assert all(finding.segment == INTRO for finding in found.findings)
    assert found.segments() == ((INTRO,) if "found" in statuses else ())
    assert found.not_found_reason == reason


def test_the_prototype_s_decoding_knows_no_threshold(tmp_path: Path) -> None:
    config = CONFIG.override({"decode": BASELINE.decode.model_dump() | {"threshold": 1.0}}, "test")
    [found] = detector(config=config).detect([episode(tmp_path / "a.mkv")])
    assert isinstance(found, Detection)
    assert found.segments() == (INTRO,)


def test_an_answer_ends_with_the_file(tmp_path: Path) -> None:
    one = episode(tmp_path / "a.mkv", seconds=4.2)  # the last row reaches to 4.5 s
    [found] = detector().detect([one])
    assert isinstance(found, Detection)
    assert found.duration == pytest.approx(4.2, abs=0.1)
    assert found.segments() == (Segment(2.0, found.duration or 0),)


def test_one_that_can_t_be_done_stops_no_other(tmp_path: Path) -> None:
    good, other = episode(tmp_path / "a.mkv"), episode(tmp_path / "c.mkv")
    (tmp_path / "b.mkv").write_bytes(b"")
    bad = Episode(tmp_path / "b.mkv")
    first, second, third = detector().detect([good, bad, other])
    assert isinstance(first, Detection)
    assert isinstance(third, Detection)
    assert first.segments() == third.segments()
    assert isinstance(second, Failure)
    assert second.episode == bad
    assert second.error == f"{tmp_path / 'b.mkv'}: is empty; copy it again"
    assert isinstance(second.cause, MediaError)


def test_a_fault_of_ours_is_no_failure_of_a_file(tmp_path: Path) -> None:
    broken = detector()
    broken.head.emissions = None  # type: ignore[method-assign, assignment]
    with pytest.raises(TypeError):
        broken.detect([episode(tmp_path / "a.mkv")])


def test_progress_and_rows_of_each_episode(tmp_path: Path) -> None:
    season = [
        episode(tmp_path / "a.mkv"),
        Episode(tmp_path / "no.mkv"),
        episode(tmp_path / "c.mkv"),
    ]
    shares: list[tuple[str, float]] = []
    curves: dict[str, Curve] = {}
    detector().detect(
        season,
        lambda one, share: shares.append((one.path.stem, share)),
        lambda one, curve: curves.update({one.path.stem: curve}),
    )
    assert [name for name, share in shares if share == 1.0][-1] == "c"
    assert {name for name, _ in shares} == {"a", "c"}
    assert all(0 < share <= 1 for _, share in shares)
    assert set(curves) == {"a", "c"}
    curve = curves["a"]
    assert curve.grid.n == len(curve.probability) == 16
    assert (curve.probability > 0.5).tolist() == curve.grid.labels((INTRO,)).tolist()


def test_features_come_from_the_cache(tmp_path: Path) -> None:
    one = episode(tmp_path / "a.mkv")
    first = detector(cache=tmp_path / "cache").detect([one])
    again = detector(cache=tmp_path / "cache")
    again.encoder = cast(Any, type("Blind", (Reader,), {"encode": None})())
    assert again.detect([one]) == first


def test_errors_of_features_name_the_file(tmp_path: Path) -> None:
    one = episode(tmp_path / "a.mkv")
    known = detector()
    known.detect([one])
    assert cast(Any, known.head).subjects == [str(one.path)]


def test_a_file_too_short_for_an_episode_is_left_for_review(tmp_path: Path) -> None:
    config = CONFIG.override({"decode": {"shortest_episode": 60.0}}, "test")
    [found] = detector(config=config).detect([episode(tmp_path / "a.mkv")])
    assert isinstance(found, Detection)
    assert [f.status for f in found.findings] == ["review"]
    assert found.not_found_reason == "not sure enough: a file of 8 s is no episode"


def test_scales_give_the_confidence_and_that_of_none(tmp_path: Path) -> None:
    one = episode(tmp_path / "a.mkv")
    known = detector()
    span = Scale(0.0, {"network": 2.0, "network no": 1.0, "network sum": 4.0})
    known.head.confidence = Confidence(Scale(0.0, {}), span, Scale(-1.0, {}))
    [found] = known.detect([one])
    assert isinstance(found, Detection)
    assert [f.status for f in found.findings] == ["found"]
    sure = found.findings[0].confidence
    assert 0.4 < sure <= 0.995
    known.decoding = known.decoding.model_copy(update={"threshold": sure + 0.001})
    [found] = known.detect([one])
    assert isinstance(found, Detection)
    assert found.segments() == ()
    assert found.not_found_confidence == pytest.approx(0.269, abs=0.001)
