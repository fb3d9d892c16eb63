"""A scan: which seasons of a library must be answered anew, and what becomes of their answers.

What a season's answers depend on is its task: what its files hold, how they belong together, and
by what model and options. A season whose answers are of its task is left alone, unread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import zastavka
from zastavka.cache import content_key
from zastavka.detection import Detection, Failure, files_of
from zastavka.episode import Episode
from zastavka.errors import MediaError, ZastavkaError
from zastavka.library.catalog import Catalog, Known
from zastavka.library.settings import wished
from zastavka.season import Season, seasons_of

_SAME = 0.05  # seconds: a picture or so
_BATCH = 100  # files that are noted at once: what a kill costs

Step = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Task:
    """A season to be answered. `fresh`: its files of which nothing was known."""

    season: Season
    files: tuple[Known, ...]
    name: str  # of all that its answers depend on
    fresh: int


@dataclass(slots=True)
class Plan:
    """What a scan found in its folders: every file, and what there is to do."""

    files: list[Known] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    unchanged: int = 0  # seasons
    read: int = 0  # files whose content had to be looked at
    failures: list[Failure] = field(default_factory=list)  # paths and files that can't be read


def made_with(model: Path, options: Iterable[str]) -> str:
    """A name for what answers: the program, the files of a model, and options as text."""
    files = sorted(model.iterdir()) if model.is_dir() else [model]
    parts = [zastavka.__version__, *options, *(content_key(f) for f in files if f.is_file())]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()


def plan(
    catalog: Catalog, paths: Sequence[Path], made: str, *, again: bool = False,
    step: Step = lambda _: None,
) -> Plan:  # fmt: skip
    """What there is to do. Writes only which files there are, and where known answers now lie.

    `again`: every season is to be answered. `step` is told each file that is looked at.
    """
    found = Plan()
    _look(catalog, paths, found, step)
    known = {file.episode.path: file for file in found.files}
    answered, assigned = catalog.answered(), catalog.assigned()
    contents = {content for content, _ in answered}
    for season in seasons_of([file.episode for file in found.files]):
        files = tuple(known[episode.path] for episode in season.episodes)
        name = _name(season, files, made)
        if not again and all((file.content, name) in answered for file in files):
            if any((path, name) not in assigned for path in (f.episode.path for f in files)):
                catalog.store(name, made, files, {})
            found.unchanged += 1
        else:
            fresh = sum(file.content not in contents for file in files)
            found.tasks.append(Task(season, files, name, fresh))
    return found


def keep(
    catalog: Catalog, task: Task, made: str, results: Sequence[Detection | Failure]
) -> list[Detection | Failure]:
    """Keep the answers to a season at once, so that a scan that is killed goes on there.

    A file that changed meanwhile, as one still being copied, or is gone fails and is not kept. An
    answer does not give way to a failure: the season is then tried again by the next scan.
    """
    kept, said = {}, []
    before = catalog.detections(task.files)
    answered = {r.episode.path for r in before if isinstance(r, Detection)}
    for file, result in zip(task.files, results, strict=True):
        if file.is_current():
            if isinstance(result, Detection) or file.episode.path not in answered:
                kept[file.episode.path] = result
        else:
            found = "changed while it was read" if file.episode.path.exists() else "is gone"
            error = MediaError(file.episode.path, found, "scan again when it is whole")
            result = Failure(file.episode, str(error), error)
        said.append(result)
    catalog.store(task.name, made, [f for f in task.files if f.episode.path in kept], kept)
    return said


@dataclass(frozen=True, slots=True)
class Change:
    """A file of which something else is said than before."""

    before: Detection | Failure
    after: Detection | Failure


def changes(
    before: Iterable[Detection | Failure], after: Iterable[Detection | Failure]
) -> list[Change]:
    """Answers whose intros are others, or that failed or no longer fail; new files are none."""
    known = {result.episode.path: result for result in before}
    return [
        Change(known[result.episode.path], result)
        for result in after
        if result.episode.path in known and not _alike(known[result.episode.path], result)
    ]


def _alike(one: Detection | Failure, other: Detection | Failure) -> bool:
    if isinstance(one, Failure) or isinstance(other, Failure):
        return isinstance(one, Failure) and isinstance(other, Failure)
    a, b = one.segments(), other.segments()
    return len(a) == len(b) and all(
        abs(x.start - y.start) < _SAME and abs(x.end - y.end) < _SAME
        for x, y in zip(a, b, strict=True)
    )


def answers(catalog: Catalog, paths: Sequence[Path]) -> list[Detection | Failure]:
    """What players are to be told of these paths: edits and settings applied, nothing answered.

    Paths and files that can't be read are failures; files never scanned nor edited are left out.
    """
    found = look(catalog, paths)
    return [*found.failures, *wished(catalog.detections(found.files))]


def look(catalog: Catalog, paths: Sequence[Path]) -> Plan:
    """The files of these paths, noted in the catalog; nothing is to be answered."""
    found = Plan()
    _look(catalog, paths, found, lambda _: None)
    return found


def _look(catalog: Catalog, paths: Sequence[Path], found: Plan, step: Step) -> None:
    before = catalog.files()
    changed: list[Known] = []
    files, failures = files_of(paths)
    found.failures += failures
    for path in map(Path.absolute, files):
        step(path)
        old = before.get(path)
        if old is not None and old.is_current():
            found.files.append(old)
            continue
        try:
            now = Known.of(path, old)
        except ZastavkaError as error:
            found.failures.append(Failure(Episode(path), str(error), error))
            continue
        found.read += 1
        found.files.append(now)
        changed.append(now)
        if len(changed) == _BATCH:
            catalog.note(changed)
            changed.clear()
    catalog.note(changed)


def _name(season: Season, files: Sequence[Known], made: str) -> str:
    parts = [made, season.key, str(season.number), str(season.special)]
    pairs = zip(files, season.votes, strict=True)
    parts += [f"{file.content} {file.episode.number} {vote}" for file, vote in pairs]
    text = "\n".join(parts).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(text, digest_size=12).hexdigest()
