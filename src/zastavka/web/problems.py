"""What went wrong, as RFC 9457 has it, in the reader's language and without paths of the server."""

from __future__ import annotations

import json
import os
import re
from http import HTTPStatus

from zastavka.errors import (
    MissingExtra,
    OptionError,
    RequestError,
    StorageError,
    ZastavkaError,
)
from zastavka.i18n import LANGUAGES, gettext

MEDIA_TYPE = "application/problem+json"

_FOLDERS = re.compile(
    r"(?<![^\s'\"(=,:«„“‹\[<])(?:file:)?(?:[A-Za-z]:)?(?:[\\/](?=\S)[^\\/:;'\"\n]+)*[\\/](?=[^\\/\s])"
)
_WEIGHT = re.compile(r"\s*([A-Za-z*]{1,8})(?:-[\w-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def language_of(accepted: str) -> str:
    """The language of ours that `Accept-Language` likes best; English if it likes none."""
    best, weight = "en", 0.0
    for part in accepted[:500].split(","):
        if found := _WEIGHT.fullmatch(part):
            name, liked = found[1].lower(), float(found[2] or 1)
            if name in LANGUAGES and liked > weight:
                best, weight = name, liked
    return best


def without_folders(text: str) -> str:
    """The text with file names where it had paths: what lies where is nobody's business."""
    return _FOLDERS.sub("", text)


def told(error: ZastavkaError) -> tuple[str, str]:
    """What was found and what to do, in the reader's language."""
    values = {name: _plain(value) for name, value in error.values.items()}
    found, cure = (gettext(part).format(**values) for part in (error.found, error.cure))
    if not isinstance(error, RequestError):
        found = f"{os.path.basename(error.subject.rstrip('/'))}: {found}"
    return found, cure


def status_of(error: ZastavkaError) -> int:
    """The HTTP status that fits an error."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, StorageError | MissingExtra):
        return 503
    return 422 if isinstance(error, OptionError) else 409


def problem(status: int, detail: str, hint: str = "", **more: object) -> bytes:
    """A problem document."""
    return json.dumps(
        {
            "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status,
            "detail": detail, "hint": hint, **more,
        }
    ).encode()  # fmt: skip


def problem_of(error: ZastavkaError, **more: object) -> bytes:
    """A problem document of one of our errors."""
    detail, hint = told(error)
    return problem(status_of(error), detail, hint, **more)


def as_row(error: ZastavkaError) -> str:
    """An error to be kept, and told later in the language of whoever asks."""
    values = {name: _plain(value) for name, value in error.values.items()}
    name = os.path.basename(error.subject.rstrip("/"))
    return json.dumps([name, error.found, error.cure, values])


def row_told(row: str) -> str:
    """A kept error as one line."""
    name, found, cure, values = json.loads(row)
    said, to_do = (gettext(part).format(**values) for part in (found, cure))
    return f"{name}: {said}; {to_do}" if name and not name.isdigit() else f"{said}; {to_do}"


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) else without_folders(str(value))
