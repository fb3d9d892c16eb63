"""What a call of `train` or `finetune` asks for, with its bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from zastavka.comparing import as_text, runs_of
from zastavka.config import Config
from zastavka.errors import DatasetError, MissingExtra, OptionError, StorageError, ZastavkaError
from zastavka.i18n import gettext
from zastavka.labels import LabelProblem
from zastavka.media import probe
from zastavka.model import METRICS_FILE
from zastavka.terminal import TrainingBar, bar, complain, emit
from zastavka.truth import read_truth


def train_on(
    dataset: Path | None,
    output: Path,
    options: Config,
    resume: bool,
    begin: Path | None = None,
    remember: Path | None = None,
    board: Path | None = None,
) -> bool:
    """Train on a dataset; False: stopped by hand, and what to do next has been said."""
    if dataset is None:
        raise OptionError("train", "is given no dataset", "make one with `zastavka dataset`")
    if remember is not None and begin is None:
        raise OptionError("--remember", "is of a model to go on from", "give --from too")
    from zastavka.learn.board import Board
    from zastavka.learn.dataset import read_dataset
    from zastavka.learn.run import Progress
    from zastavka.learn.train import Earlier, train

    windows = read_dataset(dataset)
    known = read_dataset(remember) if remember is not None else None
    earlier = Earlier(begin, known) if begin is not None else None
    with bar(options.train.epochs, gettext("Training")) as shown:
        watch = TrainingBar(shown)
        progress: Progress = Board(board, watch) if board is not None else watch
        try:
            train(
                windows, options, output, resume=resume, progress=progress, subject=str(dataset),
                earlier=earlier,
            )  # fmt: skip
        except (KeyboardInterrupt, StorageError) as error:
            if watch.epoch:
                line = gettext("{n} epochs are kept in {folder}: go on with --resume")
                shown.print(line.format(n=watch.epoch, folder=output))
            if isinstance(error, StorageError):
                raise
            return False
    _draw(output)
    if earlier is not None:
        emit(as_text(runs_of([output]), gettext), None)
    return True


def _draw(folder: Path) -> None:
    """The curves of a run, where what draws is installed; the model is worth more than they."""
    from zastavka.training_chart import CURVES, draw

    metrics = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    try:
        draw(folder / CURVES, metrics["epochs"], metrics["best_epoch"], gettext)
    except (MissingExtra, StorageError) as error:
        complain(error)


def finetune_on(
    labels: Path,
    videos: Path,
    output: Path,
    options: Config,
    device: str,
    resume: bool,
    report: Callable[[LabelProblem | ZastavkaError], None],
) -> bool:
    """Tune an encoder with a head; False: stopped by hand, and what to do next has been said."""
    from zastavka.learn.finetune import Kept, finetune

    truths = read_truth(labels, videos, report, lambda file: probe(file).duration)
    kept: Kept | None = None
    with bar(options.train.epochs, gettext("Training")) as shown:
        watch = TrainingBar(shown)

        def see(event: object) -> None:
            nonlocal kept
            if isinstance(event, Kept):
                kept = event
            else:
                watch(event)

        try:
            finetune(
                truths, options, output,
                device=device, resume=resume, progress=see, on_problem=report,
            )  # fmt: skip
        except (KeyboardInterrupt, StorageError, DatasetError) as error:
            if kept is not None:
                line = gettext(
                    "epoch {epoch} up to batch {batch} is kept in {folder}: go on with --resume"
                )
                shown.print(line.format(epoch=kept.epoch, batch=kept.done, folder=output))
            if isinstance(error, KeyboardInterrupt):
                return False
            raise
    return True


def make_builtin(
    dataset: Path | None,
    output: Path,
    options: Config,
    introbench: Path | None,
    work: Path,
    python: str | None,
    jobs: int,
) -> None:
    """Make the built-in model; each of its stages keeps what it made in `work`."""
    from zastavka.learn.builtin import Run, make
    from zastavka.learn.worlds import Introbench

    if dataset is not None:
        raise OptionError(dataset, "is not asked for", "recipe builtin composes its own")
    if introbench is None:
        raise OptionError(
            "recipe builtin", "needs introbench", "give --introbench DIR, or ZASTAVKA_INTROBENCH"
        )
    with bar(1.0, gettext("Making the model")) as shown:

        def show(stage: str, share: float) -> None:
            shown.at(share, stage)

        make(
            Run(Introbench(introbench, python or sys.executable), work, options, jobs, show), output
        )
