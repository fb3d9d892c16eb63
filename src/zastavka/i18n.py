"""Texts for people in their language: English as written in the code, Russian from a catalogue.

`locale/<language>/LC_MESSAGES/zastavka.po` is edited; `make locale` compiles it into the `.mo` that
is read here. Nothing else changes with the language: numbers, JSON and CSV stay as they are.
"""

from __future__ import annotations

import gettext as gnu
import locale
import os
from pathlib import Path

from zastavka.errors import OptionError, ZastavkaError

LANGUAGES = ("en", "ru")

_FOLDER = Path(__file__).parent / "locale"

_texts: gnu.NullTranslations = gnu.NullTranslations()  # English is what the code says
_chosen = "en"


def set_language(lang: str | None = None) -> str:
    """Answer in this language from now on, in the whole process; None asks the environment.

    Returns the language chosen. OptionError: a language that there is no catalogue for.
    """
    global _texts, _chosen
    chosen = _from_environment() if lang is None else lang.lower()
    if chosen not in LANGUAGES:
        raise OptionError(chosen, "is no language of this program", "choose en or ru")
    _texts = gnu.NullTranslations() if chosen == "en" else _catalogue(chosen)
    _chosen = chosen
    return chosen


def language() -> str:
    """The language chosen."""
    return _chosen


def gettext(message: str) -> str:
    """The message in the language chosen; placeholders in {braces} are left to the caller."""
    return _texts.gettext(message) if message else ""  # "" is the header of a catalogue


def describe(error: ZastavkaError) -> str:
    """`str(error)` in the language chosen: which thing, what was found, what to do."""
    found, cure = (gettext(part).format(**error.values) for part in (error.found, error.cure))
    return f"{error.subject}: {found}; {cure}"


def _catalogue(lang: str) -> gnu.NullTranslations:
    return gnu.translation("zastavka", _FOLDER, [lang])


def _from_environment() -> str:
    """The first language we have among those wished for, in the order of GNU gettext."""
    wished = next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    if not wished and os.name == "nt":
        wished = locale.getlocale()[0] or ""  # such as "Russian_Russia"
    if wished.split(".")[0] in ("C", "POSIX"):
        return "en"
    for name in (*os.environ.get("LANGUAGE", "").split(":"), wished):
        if (code := name[:2].lower()) in LANGUAGES:
            return code
    return "en"
