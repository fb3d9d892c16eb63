from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from season import Learned, Series, zastavka
from zastavka.config import BASELINE, Config
from zastavka.crf import CRFWeights
from zastavka.detection import Detection, Finding, write_detections
from zastavka.emitted import Emitted, answer, folds_of, scores
from zastavka.episode import Episode
from zastavka.errors import OptionError
from zastavka.model import Head, read_options
from zastavka.pipeline import Detector
from zastavka.segment import Grid, Segment
from zastavka.tune import STUDY_FILE, TUNING_FILE, Tuned, tune

ROWS = 80
CRF = CRFWeights(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2), np.zeros(2))


def head_of(config: Config = BASELINE) -> Any:
    return SimpleNamespace(config=config, crf=CRF, confidence=None, folder=Path("m"))


def emitted(
    noise: float, shift: float = 0.0, series: int = 6, seed: int = 0, logit: float = 2.0
) -> list[Emitted]:
    """Two episodes a series, 12 rows of intro each, under noise; `shift` speaks against intros."""
    rng = np.random.default_rng(seed)
    known = []
    for i in range(2 * series):
        first = int(rng.integers(5, ROWS - 20))
        right = np.full(ROWS, -logit)
        right[first : first + 12] = logit
        right += rng.normal(0, noise, ROWS) - shift
        rows = np.stack([-right, right], axis=1).astype(np.float32)
        truth = Detection(
            episode=Episode(Path(f"s{i // 2}/e{i}.mkv"), f"s{i // 2}", 1, i),
            duration=float(ROWS),
            findings=(Finding(segment=Segment(float(first), first + 12.0)),),
        )
        span = Segment(0.0, float(ROWS))
        known.append(Emitted(truth, rows, Grid(1.0, ROWS), float(ROWS), span))
    return known


def searched(known: list[Emitted], folder: Path, trials: int = 30, **more: Any) -> Tuned:
    return tune(known, head_of(), folder / STUDY_FILE, trials=trials, folds=3, **more)


def test_what_is_badly_set_is_found_and_is_better_on_other_series(tmp_path: Path) -> None:
    known = emitted(1.5, shift=2.5)
    tuned = searched(known, tmp_path, objective="iou")
    assert tuned.gain > 0.1
    assert tuned.after != tuned.before == BASELINE.decode
    fresh = emitted(1.5, shift=2.5, seed=1)
    old, new = (
        np.mean(list(scores(fresh, head_of(), options, "iou").values()))
        for options in (tuned.before, tuned.after)
    )
    assert new > old + 0.1
    assert {seen.number for seen in tuned.trials} == set(range(30))
    assert any(seen.pruned for seen in tuned.trials)
    assert sum(tuned.importance.values()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("objective", ["iou", "useful"])
def test_the_old_options_stay_where_nothing_is_surely_better(
    tmp_path: Path, objective: str
) -> None:
    tuned = searched(emitted(0.0, logit=9.0), tmp_path, objective=objective)
    assert tuned.old == 1.0
    assert tuned.after is tuned.before
    assert tuned.gain <= 0


def test_a_study_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    known = emitted(1.0)

    def stop(n: int, best: float) -> None:
        assert best >= 0
        if n == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searched(known, tmp_path, progress=stop)
    told: list[int] = []
    tuned = searched(known, tmp_path, 9, progress=lambda n, _: told.append(n))
    assert told == [5, 6, 7, 8, 9]
    assert len(tuned.trials) == 9
    again = searched(known, tmp_path, 9)
    assert again == tuned
    values = [seen.options["transition_bias"] for seen in tuned.trials]
    assert len({tuple(value) for value in values}) == 9
    with pytest.raises(OptionError, match="study of other episodes"):
        searched(emitted(1.0, seed=1), tmp_path)
    with pytest.raises(OptionError, match="study of other episodes"):
        searched(known, tmp_path, objective="iou")


def test_a_damaged_journal_is_one_line(tmp_path: Path) -> None:
    (tmp_path / STUDY_FILE).write_text("{not json\n{nor this}\n")
    with pytest.raises(OptionError, match="is no study"):
        searched(emitted(1.0), tmp_path)


def test_folds_are_of_whole_series() -> None:
    known = emitted(0.0, series=7)
    folds = folds_of(known, 3, 42)
    names = [{each.series for each in fold} for fold in folds]
    assert [len(group) for group in names] == [3, 2, 2]
    assert len(set.union(*names)) == 7
    assert len(folds_of(known, 99, 42)) == 7


def test_a_false_alarm_costs_usefulness() -> None:
    [one, *_] = emitted(0.0)
    empty = Detection(episode=one.truth.episode, duration=float(ROWS))
    known = Emitted(empty, one.emissions, one.grid, one.duration, one.span)
    assert scores([known], head_of(), BASELINE.decode, "useful") == {"s0": -1.0}
    assert scores([one], head_of(), BASELINE.decode, "useful") == {"s0": 1.0}


# the command


def as_three_series(series: Series, file: Path) -> Path:
    """The truth of a season, each episode called a series of its own."""
    rows = [
        Detection(
            episode=Episode(d.episode.path, f"series {i}", 1, 1), duration=d.duration,
            findings=d.findings,
        )
        for i, d in enumerate(series.truth)
    ]  # fmt: skip
    write_detections(file, rows)
    return file


@pytest.fixture
def own_cache(learned: Learned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZASTAVKA_CACHE", str(learned.cache))
    monkeypatch.setenv("LC_ALL", "C")


@pytest.mark.usefixtures("own_cache")
def test_a_tuned_copy_answers_as_it_was_judged(
    series: Series, learned: Learned, tmp_path: Path
) -> None:
    labels, output = as_three_series(series, tmp_path / "labels.json"), tmp_path / "tuned"
    call = ("tune", learned.model, labels, series.folder, "--output", output, "--folds", "2")
    done = zastavka(*call, "--trials", "5")
    assert done.code == 0, done.err
    assert "on series held back" in done.err
    document = json.loads((output / TUNING_FILE).read_text())
    assert len(document["trials"]) == 5
    assert (output / "tuning.png").read_bytes()[:4] == b"\x89PNG"
    more = zastavka(*call, "--trials", "8")
    assert more.code == 0
    document = json.loads((output / TUNING_FILE).read_text())
    assert len(document["trials"]) == 8
    config, _ = read_options(output)
    assert config.decode.model_dump(mode="json") == document["after"]
    assert config.model_copy(update={"decode": None}) == read_options(learned.model)[0].model_copy(
        update={"decode": None}
    )
    detector, head = Detector.load(output), Head.load(output)
    for truth in series.truth:
        features = detector.features(truth.episode)
        known = Emitted.of(truth, features, head)
        mine = answer(known, head.crf, config.decode, config.network.window_rows)
        theirs = detector.answer(truth.episode, features, look=False)
        assert mine.segments() == theirs.segments()


@pytest.mark.usefixtures("own_cache")
def test_bad_calls_are_one_line(series: Series, learned: Learned, tmp_path: Path) -> None:
    truth = series.folder / "truth.json"
    call = ("tune", learned.model, truth, series.folder, "--output")
    alone = zastavka(*call, tmp_path / "a")
    assert alone.code == 1
    assert "intros of one series" in alone.err
    onto = zastavka(*call, learned.model)
    assert onto.code == 2
    assert "holds something else" in onto.err
    odd = zastavka(*call, tmp_path / "b", "--objective", "beauty")
    assert (odd.code, len(odd.lines)) == (2, 1)
    nothing = tmp_path / "none.json"
    write_detections(
        nothing, [Detection(episode=d.episode, duration=d.duration) for d in series.truth]
    )
    none = zastavka("tune", learned.model, nothing, series.folder, "--output", tmp_path / "c")
    assert none.code == 1
    assert "no intro that could be used" in none.err
    assert not (tmp_path / "c" / "options.json").exists()
