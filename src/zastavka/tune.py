"""A head's decoding searched for anew on labelled episodes, by optuna (extra `tune`).

What comes after the network alone is searched, so emissions are computed once and a trial takes
seconds. A trial is judged fold by fold, each fold some whole series, and given up where it lags
behind. The old options are a trial too. What the search gains is told on series held back: for
each fold the best trial of the others is judged on it. Unless that gain is above twice its standard
error, the old options stay. The study lies in a journal file and goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zastavka.emitted import Emitted, Objective, Scores, folds_of, scores, with_intro
from zastavka.errors import MissingExtra, OptionError, StorageError
from zastavka.model import OPTIONS_FILE, Head, read_options
from zastavka.options import DecodeOptions
from zastavka.storage import replacing, write_text

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

Progress = Callable[[int, float], None]  # trials done, the best value so far

STUDY_FILE, TUNING_FILE, CHART_FILE = "study.journal", "tuning.json", "tuning.png"

_SURE = 2.0  # standard errors
_FREE = 10  # trials before any is given up or guided by the others


@dataclass(frozen=True, slots=True)
class Seen:
    """One trial that was judged on all folds, or given up before."""

    number: int
    value: float  # mean over the series it was judged on
    options: dict[str, Any]
    pruned: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a study came to."""

    before: DecodeOptions
    after: DecodeOptions  # the same where nothing beats them
    old: float  # value of the old options
    held_back: float  # of the best of the other folds on each fold
    error: float  # standard error of the difference over the series
    trials: tuple[Seen, ...]
    importance: dict[str, float]  # shares of what mattered among trials of the chosen method

    @property
    def gain(self) -> float:
        """On series held back."""
        return self.held_back - self.old


def tune(
    episodes: Sequence[Emitted],
    head: Head,
    journal: Path,
    *,
    trials: int = 100,
    folds: int = 5,
    objective: Objective = "useful",
    seed: int = 42,
    progress: Progress | None = None,
) -> Tuned:
    """Search until the journal holds so many trials; those of an earlier call count.

    OptionError: the journal is of other episodes, options or another head. StorageError.
    """
    if objective == "iou":  # of which series without an intro know nothing
        episodes = [known for known in episodes if known.series in with_intro(episodes)]
    groups = folds_of(episodes, folds, seed)
    old = head.config.decode
    mark = _mark(groups, old, objective, head)
    try:
        study = _study(journal, mark, old, seed)

        def tell(study: Study, _: FrozenTrial) -> None:
            if progress:
                progress(len(_judged(study)), study.best_value)

        def value(trial: Trial) -> float:
            options = old if trial.user_attrs.get("old") else _drawn(trial, old)
            trial.set_user_attr("options", options.model_dump())
            return _value(trial, groups, head, options, objective)

        left = trials - len(_judged(study))
        if left > 0:
            study.optimize(value, n_trials=left, callbacks=[tell])
    except OSError as error:
        raise StorageError(
            journal, "can't be written: {why}", "free some space, or choose another place",
            why=error.strerror or error,
        ) from error  # fmt: skip
    return _outcome(study, groups, old)


def _value(
    trial: Trial,
    groups: Sequence[Sequence[Emitted]],
    head: Head,
    options: DecodeOptions,
    objective: Objective,
) -> float:
    """The mean over all series, kept series by series. TrialPruned: it lags behind."""
    from optuna import TrialPruned

    values: Scores = {}
    for i, group in enumerate(groups):
        values |= scores(group, head, options, objective)
        so_far = float(np.mean(list(values.values())))
        trial.report(so_far, i)
        last = i == len(groups) - 1
        if not last and not trial.user_attrs.get("old") and trial.should_prune():
            raise TrialPruned
    trial.set_user_attr("scores", values)
    return so_far


# name: lowest, highest, whether by ratio. The weight of the prior is left out: its spread does
# the same. One second a row or half of one: rows are those of the model.
_COUNTS = {"closing_rows": (1, 31), "min_rows": (1, 31)}
_SIZES = {
    "temperature": (1.0, 30.0, True),
    "typical_seconds": (8.0, 90.0, True),
    "spread": (0.2, 2.0, True),
    "min_seconds": (1.0, 15.0, True),
    "max_seconds": (40.0, 240.0, True),
    "threshold": (0.0, 0.95, False),
}
_BIAS = ("bias_stay", "bias_leave")  # what is added to the transitions 1->1 and 1->0
_WIDE = 4.0  # logits: the largest of them
_GAP = 10.0  # seconds: the largest that closes


def _drawn(trial: Trial, old: DecodeOptions) -> DecodeOptions:
    method = trial.suggest_categorical("method", ["closing", "duration"])
    bias = tuple(trial.suggest_float(name, -_WIDE, _WIDE) for name in _BIAS)
    drawn: dict[str, object] = {"method": method, "transition_bias": bias}
    drawn["merge_gap"] = trial.suggest_float("merge_gap", 0.0, _GAP)
    if method == "closing":
        for name, (low, high) in _COUNTS.items():
            drawn[name] = trial.suggest_int(name, low, high)
    else:
        for name, (least, most, ratio) in _SIZES.items():
            drawn[name] = trial.suggest_float(name, least, most, log=ratio)
    return old.model_copy(update=drawn)


def _place(old: DecodeOptions) -> dict[str, object]:
    """Where the old options lie in what is searched, or next to it: to guide the others."""
    stay, leave = np.clip(old.transition_bias, -_WIDE, _WIDE)
    place: dict[str, object] = {
        "method": old.method, "bias_stay": float(stay), "bias_leave": float(leave),
        "merge_gap": min(old.merge_gap, _GAP),
    }  # fmt: skip
    if old.method == "closing":
        return place | {
            name: min(max(getattr(old, name), low), high) for name, (low, high) in _COUNTS.items()
        }
    return place | {
        name: min(max(getattr(old, name), low), high) for name, (low, high, _) in _SIZES.items()
    }


def _study(journal: Path, mark: str, old: DecodeOptions, seed: int) -> Study:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("tune", "zastavka tune") from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    journal.parent.mkdir(parents=True, exist_ok=True)
    try:
        storage = JournalStorage(JournalFileBackend(str(journal)))
        study = optuna.create_study(
            storage=storage, study_name="decoding", direction="maximize", load_if_exists=True
        )
    except (ValueError, KeyError, TypeError) as error:
        raise OptionError(
            journal, "is no study that can be gone on with: {why}", "choose another --output",
            why=error,
        ) from error  # fmt: skip
    if study.user_attrs.setdefault("of", mark) != mark:
        raise OptionError(
            journal, "is a study of other episodes, options or another model",
            "choose another --output",
        )  # fmt: skip
    study.set_user_attr("of", mark)
    # another seed where it goes on: the same one would draw the same again
    study.sampler = optuna.samplers.TPESampler(
        seed=seed + len(study.trials), n_startup_trials=_FREE
    )
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_FREE)
    if not any(trial.user_attrs.get("old") for trial in _judged(study)):
        study.enqueue_trial(_place(old), user_attrs={"old": True})
    return study


def _mark(
    groups: Sequence[Sequence[Emitted]], old: DecodeOptions, objective: Objective, head: Head
) -> str:
    """What a study is of: a trial of other rows or truths can't stand beside these."""
    digest = hashlib.blake2b(f"{old.model_dump_json()} {objective}".encode(), digest_size=16)
    for array in (head.crf.transitions, head.crf.start, head.crf.end):
        digest.update(np.ascontiguousarray(array).tobytes())
    for known in (known for group in groups for known in group):
        digest.update(f"{known.series} {known.truth.segments()} ".encode("utf-8", "replace"))
        digest.update(np.ascontiguousarray(known.emissions).tobytes())
    return digest.hexdigest()


def _judged(study: Study) -> list[FrozenTrial]:
    return [t for t in study.trials if t.state.name in ("COMPLETE", "PRUNED")]


def _outcome(study: Study, groups: Sequence[Sequence[Emitted]], old: DecodeOptions) -> Tuned:
    judged = _judged(study)
    whole = [trial for trial in judged if trial.state.name == "COMPLETE"]
    rows = [trial.user_attrs["scores"] for trial in whole]
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])  # trials by series
    mine = next(i for i, trial in enumerate(whole) if trial.user_attrs.get("old"))
    apart = np.empty(len(names))
    for group in groups:
        held = np.isin(names, [known.series for known in group])
        apart[held] = table[_best(table[:, ~held].mean(axis=1), mine), held]
    difference = apart - table[mine]
    error = float(difference.std(ddof=1) / np.sqrt(len(names)))
    best = _best(table.mean(axis=1), mine) if difference.mean() > _SURE * error else mine
    chosen = whole[best]
    return Tuned(
        before=old,
        after=old if best == mine else DecodeOptions.model_validate(chosen.user_attrs["options"]),
        old=float(table[mine].mean()),
        held_back=float(apart.mean()),
        error=error,
        trials=tuple(_seen(trial) for trial in judged),
        importance=_importance(study, chosen.params),
    )


def _best(values: NDArray[np.float64], old: int) -> int:
    """The highest; the old one where it is as good."""
    best = int(values.argmax())
    return old if values[old] >= values[best] else best


def _seen(trial: FrozenTrial) -> Seen:
    values = trial.intermediate_values
    pruned = trial.state.name == "PRUNED"
    return Seen(trial.number, values[max(values)], trial.user_attrs["options"], pruned)


def _importance(study: Study, chosen: dict[str, Any]) -> dict[str, float]:
    """Shares of what was drawn in the spread of the values; empty where trials are too few."""
    from optuna.importance import get_param_importances

    names = [name for name in chosen if name != "method"]
    with suppress(ValueError, RuntimeError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few trials; they are counted beside it
        found = get_param_importances(study, params=names, normalize=True)
        return {name: round(value, 4) for name, value in found.items()}
    return {}


def as_json(tuned: Tuned, objective: Objective) -> str:
    """The document beside a tuned model."""
    document = {
        "objective": objective,
        "old": round(tuned.old, 4),
        "held_back": round(tuned.held_back, 4),
        "gain": round(tuned.gain, 4),
        "error": round(tuned.error, 4),
        "kept_old": tuned.after == tuned.before,
        "before": tuned.before.model_dump(),
        "after": tuned.after.model_dump(),
        "importance": tuned.importance,
        "trials": [
            {"number": t.number, "value": round(t.value, 4), "pruned": t.pruned, **t.options}
            for t in tuned.trials
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def write_tuned(model: Path, output: Path, tuned: Tuned, objective: Objective) -> None:
    """Write a copy of a model's folder that decodes as was found. StorageError."""
    config, document = read_options(model)
    for file in sorted(model.iterdir()):
        if file.is_file() and file.name not in (OPTIONS_FILE, STUDY_FILE, TUNING_FILE, CHART_FILE):
            with replacing(output / file.name) as part:
                shutil.copyfile(file, part)
    changed = config.model_copy(update={"decode": tuned.after}).model_dump()
    write_text(output / TUNING_FILE, as_json(tuned, objective))
    # the options last, as of any model: without them the folder is none
    text = json.dumps(document | {"config": changed}, indent=1) + "\n"
    write_text(output / OPTIONS_FILE, text)


def check_output(model: Path, output: Path) -> None:
    """OptionError: something stands there that is no study to be gone on with."""
    taken = output.exists() and (not output.is_dir() or any(output.iterdir()))
    if output.resolve() == model.resolve() or (taken and not (output / STUDY_FILE).exists()):
        raise OptionError(
            output, "holds something else than a study", "give --output a folder of its own"
        )
