"""What a call of `train` asks for, with its bar."""

from __future__ import annotations

import sys
from pathlib import Path

from zastavka.config import Config
from zastavka.errors import OptionError, StorageError
from zastavka.i18n import gettext
from zastavka.terminal import TrainingBar, bar


def train_on(dataset: Path | None, output: Path, options: Config, resume: bool) -> bool:
    """Train on a dataset; False: stopped by hand, and what to do next has been said."""
    if dataset is None:
        raise OptionError("train", "is given no dataset", "make one with `zastavka dataset`")
    from zastavka.learn.dataset import read_dataset
    from zastavka.learn.train import train

    windows = read_dataset(dataset)
    with bar(options.train.epochs, gettext("Training")) as shown:
        watch = TrainingBar(shown)
        try:
            train(windows, options, output, resume=resume, progress=watch, subject=str(dataset))
        except (KeyboardInterrupt, StorageError) as error:
            if watch.epoch:
                line = gettext("{n} epochs are kept in {folder}: go on with --resume")
                shown.print(line.format(n=watch.epoch, folder=output))
            if isinstance(error, StorageError):
                raise
            return False
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
