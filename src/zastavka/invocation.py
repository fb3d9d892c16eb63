"""A call of the program: its language and arguments before parsing, errors and exit code after."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from zastavka.answers import FAILED, STOPPED, USAGE
from zastavka.errors import OptionError, ZastavkaError
from zastavka.i18n import gettext, set_language
from zastavka.terminal import complain, say

HELP = ("-h", "--help")

_OPTION = re.compile(r"--.*|-[A-Za-z](=.*)?", re.DOTALL)


def run(command: Any, arguments: Sequence[str]) -> int:
    """Call a command of typer; the exit code. What is wrong becomes one line on stderr."""
    try:
        set_language(language_of(arguments))
        arguments = shielded(arguments, command)
        if any(name in arguments for name in HELP):
            translate_help(command)
        code = command.main(args=arguments, prog_name="zastavka", standalone_mode=False)
    except ZastavkaError as error:
        complain(error)
        return USAGE if isinstance(error, OptionError) else FAILED
    except OSError as error:
        say(f"{error.filename or 'zastavka'}: {error.strerror or error}")
        return FAILED
    except Exception as error:
        # typer uses click or its own copy of it, so that errors are known by what they can do
        if type(error).__name__ != "Abort" and not hasattr(error, "format_message"):
            raise
        code = STOPPED if type(error).__name__ == "Abort" else _complain_of_usage(error)
    if code == STOPPED:
        say(gettext("stopped"))
    return int(code or 0)


def _complain_of_usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "zastavka"
    cure = gettext("see `{command} --help`").format(command=path)
    say(f"{path}: {_what_is_wrong(error)}; {cure}")
    return USAGE


def _what_is_wrong(error: Any) -> str:
    """What typer says in English alone; the commonest two in the reader's language."""
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    if kind == "NoSuchOption":
        return gettext("there is no option {name}").format(name=error.option_name)
    if kind == "MissingParameter" and parameter is not None:
        name = parameter.name if parameter.param_type_name == "argument" else parameter.opts[0]
        return gettext("{name} is missing").format(name=name)
    return str(error.format_message().rstrip("."))


def language_of(arguments: Sequence[str]) -> str | None:
    """The value of --lang, needed before parsing: help and errors are translated too."""
    for i, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and i + 1 < len(arguments):
            return arguments[i + 1]
    return None


def shielded(arguments: Sequence[str], command: Any) -> list[str]:
    """Arguments that name a file but begin with "-" as "./-...": ids of some sites do.

    Without a command among them they ask for help.
    """
    at = _command_at(arguments)
    if at is None:
        return [*arguments, "--help"]
    below = command.commands.get(arguments[at])
    if below is None:
        return list(arguments)
    takes_value = dict.fromkeys(HELP, False)
    for parameter in below.params:
        for name in (*parameter.opts, *parameter.secondary_opts):
            takes_value[name] = not getattr(parameter, "is_flag", False)
    out, is_value = list(arguments[: at + 1]), False
    for i, argument in enumerate(arguments[at + 1 :], at + 1):
        name, has_value, _ = argument.partition("=")
        if is_value:
            is_value = False
        elif argument == "--":
            return [*out, *arguments[i:]]
        elif name in takes_value:
            is_value = takes_value[name] and not has_value
        elif _is_file(argument):
            argument = os.path.join(os.curdir, argument)
        out.append(argument)
    return out


def _command_at(arguments: Sequence[str]) -> int | None:
    is_value = False
    for i, argument in enumerate(arguments):
        if not is_value and not argument.startswith("-"):
            return i
        is_value = argument == "--lang"
    return None


def _is_file(argument: str) -> bool:
    if not argument.startswith("-") or argument == "-":
        return False
    return os.path.lexists(argument) or not _OPTION.fullmatch(argument)


def translate_help(command: Any) -> None:
    """Help texts in the chosen language, for a command and those below it."""
    from typer import rich_utils  # what it prints around our texts has no other door

    rich_utils.ARGUMENTS_PANEL_TITLE = gettext("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = gettext("Options")
    rich_utils.COMMANDS_PANEL_TITLE = gettext("Commands")
    rich_utils.DEFAULT_STRING = gettext("[default: {}]")
    rich_utils.ENVVAR_STRING = gettext("[env var: {}]")
    rich_utils.REQUIRED_LONG_STRING = gettext("[required]")
    for each in (command, *getattr(command, "commands", {}).values()):
        _translate(each)


def _translate(command: Any) -> None:
    def usage(context: Any) -> str:
        text: str = type(command).get_usage(command, context)
        return text.replace("Usage:", gettext("Usage:"), 1)

    command.get_usage = usage
    command.help = gettext(command.help or "")
    settings = {"help_option_names": list(HELP)}
    shown = command.get_help_option(command.context_class(command, **settings))
    shown.help = gettext("Show this message and exit.")
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = gettext(parameter.help)
