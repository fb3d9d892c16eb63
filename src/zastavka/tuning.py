"""What a call of `tune` asks for, with its bar."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from zastavka import tuning_chart
from zastavka.answers import problem_line
from zastavka.arguments import need_plots
from zastavka.cache import FeatureCache, default_folder
from zastavka.emitted import Emitted, Objective, check
from zastavka.errors import MissingExtra, ZastavkaError
from zastavka.i18n import gettext
from zastavka.labels import LabelProblem
from zastavka.media import probe
from zastavka.pipeline import Detector
from zastavka.terminal import Bar, bar, complain, say
from zastavka.truth import read_truth
from zastavka.tune import CHART_FILE, STUDY_FILE, Tuned, check_output, tune, write_tuned


@dataclass(slots=True)
class Tuning:
    """Options of `tune`, checked and loaded at birth. OptionError, ModelError, MissingExtra."""

    model: Path
    output: Path
    trials: int
    folds: int
    objective: Objective
    encoder: str | None
    device: str
    cache: bool
    left_out: int = field(default=0, init=False)  # labels and videos that could not be used
    _detector: Detector = field(init=False)

    def __post_init__(self) -> None:
        if find_spec("optuna") is None:
            raise MissingExtra("tune", "zastavka tune")
        need_plots("zastavka tune")
        check_output(self.model, self.output)
        store = FeatureCache(default_folder() / "features") if self.cache else None
        self._detector = Detector.load(self.model, self.encoder, store, device=self.device)

    def run(self, labels: Path, videos: Path) -> int | None:
        """Search, write, tell; how many labels and videos were left out. None: stopped by hand."""
        head = self._detector.head
        with bar(1.0, gettext("Reading")) as shown:
            episodes = self._emitted(labels, videos, shown)
        check(episodes, head, labels)
        with bar(self.trials, gettext("Tuning")) as shown:
            done = 0

            def show(n: int, best: float) -> None:
                nonlocal done
                done = n
                shown.at(n, gettext("Tuning, best {value:.3f}").format(value=best))

            try:
                tuned = tune(
                    episodes, head, self.output / STUDY_FILE, trials=self.trials,
                    folds=self.folds, objective=self.objective, progress=show,
                )  # fmt: skip
            except KeyboardInterrupt:
                line = gettext("{n} trials are kept in {folder}: the same call goes on")
                shown.print(line.format(n=done, folder=self.output))
                return None
        tuning_chart.draw(self.output / CHART_FILE, tuned, gettext)
        write_tuned(self.model, self.output, tuned, self.objective)
        self._tell(tuned)
        return self.left_out

    def _emitted(self, labels: Path, videos: Path, shown: Bar) -> list[Emitted]:
        def leave_out(problem: LabelProblem | ZastavkaError) -> None:
            self.left_out += 1
            shown.print(problem_line(problem))

        truths = read_truth(labels, videos, leave_out, lambda file: probe(file).duration)
        episodes = []
        for i, truth in enumerate(truths):
            shown.at(i / len(truths), truth.episode.path.name)
            try:
                features = self._detector.features(truth.episode)
                episodes.append(Emitted.of(truth, features, self._detector.head))
            except ZastavkaError as error:
                leave_out(error)
        cache = self._detector.cache
        if cache is not None and cache.unwritable is not None:
            complain(cache.unwritable)
        return episodes

    def _tell(self, tuned: Tuned) -> None:
        line = gettext("on series held back: {old:.3f} before, {new:.3f} tuned, +-{error:.3f}")
        say(line.format(old=tuned.old, new=tuned.held_back, error=tuned.error))
        if tuned.after == tuned.before:
            say(gettext("nothing is surely better: the old options stay"))
        say(gettext("Model written to {folder}").format(folder=self.output))
