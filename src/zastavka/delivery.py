"""Exports to their places: beside the videos, or into a tree of the same folders elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zastavka.detection import Detection, Failure
from zastavka.errors import MediaError, OptionError, StorageError, ZastavkaError
from zastavka.export import COMMERCIAL, FORMATS, Given, exported
from zastavka.media import probe
from zastavka.sidecars import Outcome, put


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one file, or why there is none."""

    path: Path
    outcome: Outcome | ZastavkaError

    @property
    def failed(self) -> bool:
        """Whether the file is not as it should be."""
        return self.outcome == "foreign" or isinstance(self.outcome, ZastavkaError)


def deliver(
    results: Sequence[Detection | Failure],
    formats: Sequence[str],
    out: Path | None = None,
    edl_action: int = COMMERCIAL,
    least: float | None = None,
) -> Iterator[Delivered]:
    """Write each format of each answer. What could not be done is said in its place.

    `out` gets the folders of the videos below the one that all lie in. A folder that can't be
    written to is tried once.
    """
    answers = [result for result in results if isinstance(result, Detection)]
    folders = [os.path.abspath(answer.episode.path.parent) for answer in answers]
    top = _common(folders) if out is not None else ""
    taken: set[Path] = set()
    refused: set[Path] = set()
    for answer, folder in zip(answers, folders, strict=True):
        place = Path(folder) if out is None else out / os.path.relpath(folder, top)
        if place in refused:
            continue
        try:
            if out is None and not place.is_dir():
                raise StorageError(place, "is not there", "give --out a folder")
            given = _given(answer, formats, edl_action)
            for name in formats:
                path = place / (answer.episode.path.stem + FORMATS[name].suffix)
                if path in taken:
                    raise MediaError(
                        answer.episode.path, "has the name of another video beside it",
                        "rename one of the two",
                    )  # fmt: skip
                taken.add(path)
                yield Delivered(path, put(path, exported(given, FORMATS[name], least)))
        except StorageError as error:
            refused.add(place)
            yield Delivered(place, _elsewhere(error, place))
        except ZastavkaError as error:
            yield Delivered(answer.episode.path, error)


def _given(answer: Detection, formats: Sequence[str], edl_action: int) -> Given:
    if answer.duration is not None and not any(FORMATS[name].merges for name in formats):
        return Given(answer, edl_action=edl_action)
    info = probe(answer.episode.path)
    if answer.duration is None:
        answer = replace(answer, duration=info.duration)
    return Given(answer, info.chapters, edl_action)


def _elsewhere(error: StorageError, place: Path) -> StorageError:
    if "why" not in error.values:
        return error
    return StorageError(
        place, "can't be written: {why}", "give --out another folder", **error.values
    )


def _common(folders: Sequence[str]) -> str:
    try:
        return os.path.commonpath(folders)
    except ValueError as error:  # on several drives of Windows; or there are no answers at all
        if not folders:
            return ""
        raise OptionError(
            "--out", "can't hold videos of several drives", "export each drive by itself"
        ) from error
