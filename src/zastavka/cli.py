"""The command line: its commands put together; exit codes are those of the README."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.main import get_command

import zastavka
from zastavka.arguments import Lang
from zastavka.commands import finding, giving, learning, library, scanning, serving
from zastavka.invocation import HELP, run
from zastavka.terminal import emit

COMMANDS = (
    finding.detect,
    scanning.scan,
    scanning.watch,
    library.edit,
    library.labels,
    library.config,
    serving.serve,
    giving.export,
    giving.chapters,
    giving.cut,
    learning.extract,
    learning.dataset,
    learning.train,
    learning.compare,
    learning.finetune,
    learning.tune,
    learning.bootstrap,
    finding.evaluate,
    finding.demo,
    finding.doctor,
)  # in the order of --help

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP)},
    help="Find the intro of TV episodes: when it starts, when it ends, how sure we are and why.",
)

for command in COMMANDS:
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"zastavka {zastavka.__version__}\n", None)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    lang: Lang = None,
) -> None: ...


def main() -> None:
    """Entry point of the `zastavka` command."""
    sys.exit(run(get_command(app), sys.argv[1:]))
