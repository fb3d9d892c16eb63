"""`zastavka.toml`: what a person wants of the answers, per library, series and season.

One in the user's config folder, and one in any folder above a file: for each setting, the nearest
one that names it wins. Settings apply when answers are given out; what is kept stays as it is.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from zastavka.detection import Detection, Failure, Finding
from zastavka.errors import OptionError
from zastavka.library.edits import is_edited
from zastavka.options import Options
from zastavka.segment import Segment

NAME = "zastavka.toml"

REASONS = {
    "off": "switched off in zastavka.toml",
    "short": "shorter than min_length in zastavka.toml",
    "long": "longer than max_length in zastavka.toml",
    "first": "the first episode of a season is shown whole, by keep_first in zastavka.toml",
    "types": "intros are not among the types of zastavka.toml",
    "margins": "nothing is left of it within the margins of zastavka.toml",
}
OFF = REASONS["off"]


Kind = Literal["intro", "logo", "recap", "eyecatch", "credits", "other"]


class Wishes(Options):
    """The settings; times in seconds."""

    off: bool = Field(False, description="skip nothing here")
    min_length: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="a shorter intro awaits review, seconds"
    )
    max_length: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="a longer intro awaits review, seconds"
    )
    offset: float = Field(
        0.0,
        ge=-600,
        le=600,
        allow_inf_nan=False,
        description="moves both ends of an intro, seconds",
    )
    margin_start: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="of an intro's start that is still shown"
    )
    margin_end: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="of an intro's end that is already shown"
    )
    keep_first: bool = Field(False, description="the first episode of a season keeps its intro")
    types: tuple[Kind, ...] | None = Field(None, description="kinds given out; else all found")


@dataclass(frozen=True, slots=True)
class Applied:
    """The settings of one folder. `sources`: which file each one comes from that is named."""

    wishes: Wishes
    sources: Mapping[str, Path]


def user_file() -> Path:
    """The user's own settings."""
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", Path.home())) / "zastavka" / NAME
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "zastavka" / NAME


def settings_of(folder: Path, read: Callable[[Path], dict[str, object]] | None = None) -> Applied:
    """What applies in a folder. OptionError: a file of settings that is wrong.

    `read` may remember what it read.
    """
    read = read or read_settings
    values: dict[str, object] = {}
    sources: dict[str, Path] = {}
    place = folder.absolute()
    for file in (user_file(), *(above / NAME for above in reversed((place, *place.parents)))):
        here = read(file)
        values |= here
        sources |= dict.fromkeys(here, file)
    wishes = Wishes.model_validate(values)
    if wishes.max_length is not None and wishes.max_length <= wishes.min_length:
        raise OptionError(
            sources["max_length"], "max_length {most} is not above min_length {least}",
            "change one of the two", most=wishes.max_length, least=wishes.min_length,
        )  # fmt: skip
    return Applied(wishes=wishes, sources=sources)


def read_settings(file: Path) -> dict[str, object]:
    """The settings that a file names; none where there is no file. OptionError: it is wrong."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise OptionError(file, "can't be read: {why}", "check the path", why=why) from error
    try:
        values = tomllib.loads(text)
        Wishes.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(file, "is not TOML: {why}", "mend that line", why=error) from error
    except ValidationError as error:
        first = error.errors()[0]
        unknown = first["type"] == "extra_forbidden"
        raise OptionError(
            file, "option {where}: {why}", "choose from {known}",
            where=".".join(map(str, first["loc"])),
            why="there is none of this name" if unknown else first["msg"],
            known=", ".join(Wishes.model_fields),
        ) from error  # fmt: skip
    return values


def wished(results: Iterable[Detection | Failure]) -> list[Detection | Failure]:
    """The answers as the settings of their folders want them; a person's own words stay.

    Where settings are wrong, the answer is a failure: without them, what is skipped may be wrong.
    """
    read, folders = cache(read_settings), dict[Path, Wishes | OptionError]()
    given: list[Detection | Failure] = []
    for result in results:
        folder = result.episode.path.parent
        if folder not in folders:
            try:
                folders[folder] = settings_of(folder, read).wishes
            except OptionError as error:
                folders[folder] = error
        wishes = folders[folder]
        if isinstance(result, Failure) or is_edited(result):
            given.append(result)
        elif isinstance(wishes, OptionError):
            given.append(Failure(result.episode, str(wishes), wishes))
        else:
            given.append(applied(result, wishes))
    return given


def applied(answer: Detection, wishes: Wishes) -> Detection:
    """The answer as the settings want it."""
    if wishes == Wishes():
        return answer
    if wishes.off:
        return replace(answer, findings=(), not_found_reason=OFF, not_found_confidence=None)
    kept = [f for f in answer.findings if wishes.types is None or f.type in wishes.types]
    unwanted = "types" if wishes.types is not None and "intro" not in wishes.types else None
    if wishes.keep_first and answer.episode.number == 1:
        unwanted, kept = unwanted or "first", [f for f in kept if f.type != "intro"]
    findings = tuple(_wished(f, wishes, answer.duration) for f in kept)
    changed = replace(answer, findings=findings)
    if not answer.segments() or changed.segments():
        return changed
    if unwanted is not None:
        return replace(changed, not_found_reason=REASONS[unwanted], not_found_confidence=None)
    [why, *_] = (f.reason for f in findings if f.type == "intro" and f.status == "review")
    return replace(changed, not_found_reason=why)


def _wished(finding: Finding, wishes: Wishes, duration: float | None) -> Finding:
    if finding.type != "intro" or finding.status != "found":
        return finding
    segment = finding.segment
    if segment.duration < wishes.min_length:
        return _doubtful(finding, REASONS["short"])
    if wishes.max_length is not None and segment.duration > wishes.max_length:
        return _doubtful(finding, REASONS["long"])
    start = max(0.0, segment.start + wishes.offset + wishes.margin_start)
    end = segment.end + wishes.offset - wishes.margin_end
    if duration is not None:
        end = min(end, duration)
    if not start < end:
        return _doubtful(finding, REASONS["margins"])
    return replace(finding, segment=Segment(round(start, 4), round(end, 4)))


def _doubtful(finding: Finding, why: str) -> Finding:
    return replace(finding, status="review", reason=why)
