"""What a person says of episodes, kept only if they saw what is held now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zastavka.detection import Detection
from zastavka.errors import RequestError, ZastavkaError
from zastavka.library.catalog import Catalog
from zastavka.library.edits import Edit
from zastavka.library.revise import Revision, revise
from zastavka.segment import Segment
from zastavka.web.holdings import Held, Holdings, refreshed
from zastavka.web.views import same_version

_CHANGED = RequestError(
    412, "This episode was changed by somebody else meanwhile.",
    "Look at what it says now, and repeat your correction if it is still wanted.",
)  # fmt: skip


class Conflict(RequestError):
    """Somebody else was first; `current` is what they left."""

    def __init__(self, current: Held) -> None:
        super().__init__(_CHANGED.status, _CHANGED.found, _CHANGED.cure)
        self.current = current


@dataclass(frozen=True, slots=True)
class Shift:
    """How both edges of intros are to be moved, in seconds."""

    start: float
    end: float


Change = Callable[[Held], Revision]


def say(segments: Sequence[Segment]) -> Change:
    """These are the intros; none of them: there is no intro."""
    return lambda _: Revision(tuple(sorted(segments)))


def unlock(_: Held) -> Revision:
    """What was found holds again."""
    return Revision(None)


def undo(_: Held) -> Revision:
    """The last correction is taken back."""
    return Revision(None, undo=True)


def accept(held: Held) -> Revision:
    """What is shown, found or awaiting review, is right."""
    if not isinstance(held.result, Detection):
        raise RequestError(409, "There is no answer yet that could be accepted.", "Scan it first.")
    shown = [f.segment for f in held.result.findings if f.type == "intro"]
    return Revision(tuple(sorted(shown)))


def shifted(by: Shift) -> Change:
    """The edges of what is found are moved."""

    def change(held: Held) -> Revision:
        found = held.result.segments() if isinstance(held.result, Detection) else ()
        if not found:
            raise RequestError(409, "There is no intro here that could be moved.", "Leave it out.")
        return Revision(tuple(_moved(segment, by) for segment in found))

    return change


def correct(catalog: Catalog, held: Holdings, id: str, version: str, change: Change) -> None:
    """Change an episode of which the person saw this version.

    Conflict: it is another by now. ZastavkaError: what they say can't be.
    """
    with catalog.together():
        now = refreshed(catalog, held.episode(id))
        if not same_version(version, now):
            raise Conflict(now)
        for failure in revise(catalog, [now.file], change(now)):
            if failure.cause is not None:
                raise failure.cause


def correct_each(
    catalog: Catalog, held: Holdings, episodes: Sequence[tuple[str, str]], change: Change
) -> list[tuple[str, ZastavkaError]]:
    """Change several; returns those that could not be, and why."""
    failed: list[tuple[str, ZastavkaError]] = []
    for id, version in episodes:
        try:
            correct(catalog, held, id, version, change)
        except ZastavkaError as error:
            failed.append((id, error))
    return failed


def history(catalog: Catalog, held: Held) -> list[tuple[Edit, bool]]:
    """All corrections of an episode, first to last, and whether each was taken back."""
    return catalog.history(held.file.content)


def _moved(segment: Segment, by: Shift) -> Segment:
    start, end = round(segment.start + by.start, 4), round(segment.end + by.end, 4)
    if not 0 <= start < end:
        raise RequestError(409, "Nothing would be left of the intro.", "Move it by less.")
    return Segment(start, end)
