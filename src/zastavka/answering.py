"""`Answering`: the tasks of a scan, done in processes of their own.

Every file is read by itself first, as many at once as there are workers; a season is answered when
its files are read. Seasons of one series wait for each other, in order: a later one may be compared
with an earlier one, and the answers must not depend on which was quicker.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from zastavka.detection import Detection, Failure
from zastavka.episode import Episode
from zastavka.errors import StorageError, ZastavkaError
from zastavka.library.scan import Task
from zastavka.pipeline import Progress
from zastavka.search import Answered, Search, answered, read
from zastavka.workers import Limits, Workers, result_of

Results = list[Detection | Failure]

_READ = 0.9  # share of an episode's work that is reading it


@dataclass(slots=True)
class Answering:
    """How tasks are done. `ask` makes what answers; it and what it holds go to other processes.

    `jobs`: processes at once; 0 does all in this one, without limits. `troubles`: what could not be
    kept in the caches.
    """

    ask: Callable[[], Search]
    jobs: int
    limits: Limits = field(default_factory=Limits)
    troubles: dict[str, StorageError] = field(default_factory=dict)
    _search: Search | None = field(default=None, init=False)

    def search(self) -> Search:
        """What answers in this process, made once. What is wrong with the model is raised here."""
        if self._search is None:
            self._search = self.ask()
        return self._search

    def of(self, tasks: Sequence[Task], progress: Progress) -> Iterator[tuple[Task, Results]]:
        """Each task with the results of its files, in its order, as soon as it is done."""
        if self.jobs:
            with Workers(self.jobs, self.ask, self.limits) as workers:
                yield from _Round(self, workers, progress).of(tasks)
            return
        for task in tasks:
            yield task, self.search().find(task.season.episodes, progress)
            self.note(self.search().troubles)

    def note(self, troubles: Sequence[StorageError]) -> None:
        """Remember what went wrong, once."""
        self.troubles |= {str(trouble): trouble for trouble in troubles}


class _Round:
    """Tasks under way."""

    def __init__(self, how: Answering, workers: Workers[Search], progress: Progress) -> None:
        self._how, self._workers, self._progress = how, workers, progress
        self._reading: dict[Future[None], tuple[Task, Episode]] = {}
        self._unread: dict[int, int] = {}  # by task's id: two of equal files have one name
        self._failed: dict[Episode, Failure] = {}
        self._queues: dict[str, deque[Task]] = defaultdict(deque)  # by series
        self._busy: set[str] = set()  # series of which a season is being answered
        self._answering: dict[Future[Answered], Task] = {}

    def of(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Results]]:
        for task in tasks:
            episodes = task.season.episodes
            self._queues[task.season.key].append(task)
            self._unread[id(task)] = len(episodes)
            for episode in episodes:
                future = self._workers.submit(read, 1, task.season, episode)
                self._reading[future] = task, episode
        while self._reading or self._answering:
            ahead: list[Future[Any]] = [*self._reading, *self._answering]
            wait(ahead, return_when=FIRST_COMPLETED)
            for future in [each for each in self._reading if each.done()]:
                yield from self._was_read(future)
            for other in [each for each in self._answering if each.done()]:
                yield from self._was_answered(other)

    def _was_read(self, future: Future[None]) -> Iterator[tuple[Task, Results]]:
        task, episode = self._reading.pop(future)
        try:
            result_of(future, episode.path, self._how.limits)
        except ZastavkaError as error:
            self._failed[episode] = Failure(episode, str(error), error)
        self._progress(episode, _READ)
        self._unread[id(task)] -= 1
        yield from self._next(task.season.key)

    def _next(self, series: str) -> Iterator[tuple[Task, Results]]:
        """Begin with the first season of a series that waits, once its files are read."""
        queue = self._queues[series]
        while queue and series not in self._busy and not self._unread[id(queue[0])]:
            task = queue.popleft()
            episodes = self._readable(task)
            if episodes:
                future = self._workers.submit(answered, len(episodes), episodes)
                self._answering[future] = task
                self._busy.add(series)
            else:
                yield task, self._in_order(task, {})

    def _was_answered(self, future: Future[Answered]) -> Iterator[tuple[Task, Results]]:
        task = self._answering.pop(future)
        results: dict[Episode, Detection | Failure] = {}
        for episode in self._readable(task):
            try:
                said = result_of(future, episode.path, self._how.limits)
            except ZastavkaError as error:  # of the season: nobody knows by which of its files
                results[episode] = Failure(episode, str(error), error)
            else:
                self._how.note(said.troubles)
                results = {result.episode: result for result in said.results}
                break
        self._busy.remove(task.season.key)
        yield task, self._in_order(task, results)
        yield from self._next(task.season.key)

    def _readable(self, task: Task) -> list[Episode]:
        return [episode for episode in task.season.episodes if episode not in self._failed]

    def _in_order(self, task: Task, results: dict[Episode, Detection | Failure]) -> Results:
        for episode in task.season.episodes:
            self._progress(episode, 1.0)
        return [
            self._failed[episode] if episode in self._failed else results[episode]
            for episode in task.season.episodes
        ]
