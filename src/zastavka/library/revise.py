"""Corrections of files by a person: said, moved, unlocked or taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zastavka.cache import content_key
from zastavka.detection import Detection, Failure
from zastavka.errors import LabelError, MediaError, OptionError, ZastavkaError
from zastavka.library.catalog import Catalog, Known
from zastavka.library.edits import Edit, edited
from zastavka.segment import Segment


@dataclass(frozen=True, slots=True)
class Revision:
    """One thing to do with each file: `shift` or `undo`, else `said` is what holds from now on."""

    said: tuple[Segment, ...] | None  # as `Edit.segments`
    shift: float | None = None  # seconds
    undo: bool = False


def revise(catalog: Catalog, files: Sequence[Known], revision: Revision) -> list[Failure]:
    """Correct files; those that could not be are returned, and left as they were."""
    failures = []
    known = {r.episode.path: r for r in catalog.detections(files)}
    done: set[str] = set()
    for file in files:
        if file.content in done:
            continue  # a copy, of which the same is said
        done.add(file.content)
        try:
            answer = known.get(file.episode.path)
            _revise(catalog, file, revision, answer if isinstance(answer, Detection) else None)
        except ZastavkaError as error:
            failures.append(Failure(file.episode, str(error), error))
    return failures


def take_over(
    catalog: Catalog, files: Sequence[Known], truth: Sequence[Detection]
) -> tuple[list[Known], list[Failure]]:
    """Keep the intros of labels as corrections; the files they are of, and labels of no file."""
    known = {file.episode.path: file for file in files}
    done, failures = [], []
    for each in truth:
        path = each.episode.path
        if (file := known.get(path.absolute())) is None:
            error = LabelError(path, "is not among the files given", "name its folder too")
            failures.append(Failure(each.episode, str(error), error))
        else:
            catalog.edit(file.content, Edit(each.segments()))
            done.append(file)
    return done, failures


def as_said(catalog: Catalog, results: Sequence[Detection | Failure]) -> list[Detection | Failure]:
    """The same results, but what a person said of a file in place of what was found there."""
    edits = catalog.edits()
    return [_as_said(result, edits) if edits else result for result in results]


def _as_said(result: Detection | Failure, edits: Mapping[str, Edit]) -> Detection | Failure:
    if isinstance(result, Failure):
        return result
    try:
        return edited(result, edits.get(content_key(result.episode.path)))
    except MediaError:  # it is gone since
        return result


def _revise(catalog: Catalog, file: Known, revision: Revision, answer: Detection | None) -> None:
    path = file.episode.path
    if revision.undo:
        if not catalog.undo(file.content):
            raise OptionError(path, "has no correction to take back", "leave it out")
        return
    said = revision.said
    if revision.shift is not None:
        if answer is None or not answer.segments():
            raise OptionError(path, "has no intro to be moved", "leave it out, or give --intro")
        said = tuple(_moved(file, segment, revision.shift) for segment in answer.segments())
    last = answer.duration if answer is not None else None
    if said and last is not None and said[-1].end > last:
        raise OptionError(
            path, "ends at {last} s, before the intro does", "give times within it", last=last
        )
    catalog.edit(file.content, Edit(said))


def _moved(file: Known, segment: Segment, shift: float) -> Segment:
    start, end = round(segment.start + shift, 4), round(segment.end + shift, 4)
    if start < 0:
        raise OptionError(file.episode.path, "would begin before 0:00", "give a smaller --shift")
    return Segment(start, end)
