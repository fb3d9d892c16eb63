"""The reference of the command line, written from what the program itself says of its options.

`python tests/commands.py` writes docs/commands.md anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from zastavka.cli import app
from zastavka.config import BASELINE, DEFAULT, Config

FILE = Path(__file__).parents[1] / "docs" / "commands.md"

_HEAD = """\
# Commands

Written by `python tests/commands.py` from the help texts of the program, which
`zastavka COMMAND --help` shows in English or, with `--lang ru`, in Russian. Exit codes stand in the
[README](../README.md#exit-codes).
"""

_OPTIONS = """\
## Options of the stages

`--set train.epochs=5` changes one of them; a TOML file given to `--config` changes several, with a
table for each stage. A trained model keeps those it was made with: with `--alone`, `detect --set`
changes only how it decodes. For seasons it changes `extract`, `match`, `decide` and `refine`.
Values: those of the recipes `default` and `baseline`.
"""


def commands() -> dict[str, Any]:
    """The commands by name, in the order in which they were defined."""
    known: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    return known


def options(command: Any) -> list[Any]:
    """What may stand behind a command's name, `--help` apart."""
    return [parameter for parameter in command.params if parameter.name != "help"]


def spelling(parameter: Any) -> str:
    """How an option or argument is written, as `--cache / --no-cache` or `PATHS...`."""
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper() + ("..." if parameter.nargs == -1 else "")
    return " / ".join([*parameter.opts, *parameter.secondary_opts])


def reference() -> str:
    """The text of docs/commands.md."""
    lines = [line for item in commands().items() for line in _section(*item)]
    return "\n".join([_HEAD, *lines, _OPTIONS, *_stages(), ""])


def _section(name: str, command: Any) -> Iterator[str]:
    about, _, example = command.help.partition("Example:")
    arguments = [p for p in options(command) if p.param_type_name == "argument"]
    flags = [p for p in options(command) if p.param_type_name == "option"]
    needed = [f"{p.opts[0]} {p.name.upper()}" for p in flags if p.required]
    usage = " ".join([name, *map(spelling, arguments), *needed, "[OPTIONS]"])
    yield f"## {name}\n\n{about.strip()}\n"
    yield f"```sh\nzastavka {usage}\n{example.strip()}\n```\n"
    yield "| | what it does | default |\n|---|---|---|"
    for parameter in (*arguments, *flags):
        yield f"| `{spelling(parameter)}` | {parameter.help} | {_default(parameter)} |"
    yield ""


def _default(parameter: Any) -> str:
    if parameter.required:
        variable = f", or `{parameter.envvar}`" if parameter.envvar else ""
        return f"needed{variable}"
    if parameter.name == "jobs":
        return "one per CPU"  # whose number is that of the machine
    value = parameter.default
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"`{value}`"


def _stages() -> Iterator[str]:
    yield "| option | what it does | `default` | `baseline` |\n|---|---|---|---|"
    for stage, options_of in Config.model_fields.items():
        kind = options_of.annotation
        if not isinstance(kind, type) or not issubclass(kind, BaseModel):
            continue
        for name, field in kind.model_fields.items():
            values = (getattr(getattr(recipe, stage), name) for recipe in (DEFAULT, BASELINE))
            shown = " | ".join(_value(value) for value in values)
            yield f"| `{stage}.{name}` | {_meaning(field)} | {shown} |"


def _meaning(field: FieldInfo) -> str:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    limits = [
        f"{sign} {getattr(limit, key):g}"
        for limit in field.metadata
        for key, sign in signs.items()
        if hasattr(limit, key)
    ]
    choices = [f"`{choice}`" for choice in get_args(field.annotation) if isinstance(choice, str)]
    return "; ".join(filter(None, [field.description, ", ".join(limits), ", ".join(choices)]))


def _value(value: object) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return "-" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
