"""Texts for people in their language: English as written in the code, Russian from a catalogue.

`locale/<language>/LC_MESSAGES/zastavka.po` is edited; `make locale` compiles it into the `.mo` that
is read here. Nothing else changes with the language: numbers, JSON and CSV stay as they are.
"""

from __future__ import annotations

import gettext as gnu
import locale
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from zastavka.errors import OptionError, ZastavkaError

LANGUAGES = ("en", "ru")

_FIELD = re.compile(r"\{(\w*)(?::[^}]*)?\}")
_FIELD_ESCAPED = re.compile(r"\\\{(\w*)(?::(?:[^}\\]|\\.)*)?\\\}")
_TELLING = 8  # characters between the fields by which a template is known again
_FOLDER = Path(__file__).parent / "locale"

_texts: gnu.NullTranslations = gnu.NullTranslations()  # English is what the code says
_chosen = "en"
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def set_language(lang: str | None = None) -> str:
    """Answer in this language from now on, in the whole process; None asks the environment.

    Returns the language chosen. OptionError: a language that there is no catalogue for.
    """
    global _texts, _chosen
    chosen = _from_environment() if lang is None else lang.lower()
    if chosen not in LANGUAGES:
        raise OptionError(chosen, "is no language of this program", "choose en or ru")
    _texts = _catalogue(chosen)
    _chosen = chosen
    return chosen


def language() -> str:
    """The language chosen."""
    return _spoken.get() or _chosen


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Answer in this language within the block, and only in this thread or task."""
    token = _spoken.set(lang)
    try:
        yield
    finally:
        _spoken.reset(token)


def gettext(message: str) -> str:
    """The message in the language chosen; placeholders in {braces} are left to the caller."""
    if not message:
        return ""  # the header of a catalogue
    spoken = _spoken.get()
    return (_texts if spoken is None else _catalogue(spoken)).gettext(message)


def retold(text: str) -> str:
    """A text that was filled in long ago, in the language chosen, where its template is known."""
    texts = _catalogue(language())
    if (whole := texts.gettext(text)) != text or language() == "en" or not text:
        return whole if text else ""
    for pattern, template in _templates(language()):
        if found := pattern.fullmatch(text):
            # numbers are text by now, and stay as they were written
            return _FIELD.sub(r"{\1}", texts.gettext(template)).format(**found.groupdict())
    return text


@cache
def _templates(lang: str) -> list[tuple[re.Pattern[str], str]]:
    """What the templates of a catalogue look like filled in, those that say most first."""
    known = getattr(_catalogue(lang), "_catalog", {})
    with_fields = [text for text in known if isinstance(text, str) and _FIELD.search(text)]
    return [
        (re.compile(_FIELD_ESCAPED.sub(r"(?P<\1>.+?)", re.escape(text)), re.DOTALL), text)
        for text in sorted(with_fields, key=lambda text: -len(_FIELD.sub("", text)))
        if len(set(names := _FIELD.findall(text))) == len(names)
        and all(names)
        and len(_FIELD.sub("", text)) >= _TELLING
    ]


def describe(error: ZastavkaError) -> str:
    """`str(error)` in the language chosen: which thing, what was found, what to do."""
    found, cure = (gettext(part).format(**error.values) for part in (error.found, error.cure))
    return f"{error.subject}: {found}; {cure}"


@cache
def _catalogue(lang: str) -> gnu.NullTranslations:
    if lang == "en":
        return gnu.NullTranslations()
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
