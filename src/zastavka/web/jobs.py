"""`Job`: long work that was asked for; kept in the catalog, so that it survives the server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from zastavka.library.catalog import Catalog

_KEPT = 300  # jobs that are over and remembered
_COLUMNS = "id, kind, what, state, created, started, ended, error, episodes, tries"

OVER = frozenset(("done", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class Job:
    """Work of a kind, with what it needs, and how far it came. Times as ISO 8601, UTC."""

    id: str
    kind: str
    what: Mapping[str, Any]
    state: str
    created: str
    started: str | None = None
    ended: str | None = None
    error: str | None = None  # as `problems.as_row`
    episodes: tuple[str, ...] = ()
    tries: int = 0

    @classmethod
    def new(cls, kind: str, what: Mapping[str, Any], episodes: tuple[str, ...] = ()) -> Job:
        """Work that nobody began."""
        return cls(secrets.token_hex(8), kind, what, "queued", now(), episodes=episodes)

    def begun(self) -> Job:
        """It runs."""
        return replace(
            self, state="running", started=now(), ended=None, error=None, tries=self.tries + 1
        )

    def again(self) -> Job:
        """It waits as if it were new."""
        return replace(self, state="queued", started=None, ended=None, error=None)

    def over(
        self, state: str, error: str | None = None, episodes: tuple[str, ...] | None = None
    ) -> Job:
        """It ended."""
        found = self.episodes if episodes is None else episodes
        return replace(self, state=state, ended=now(), error=error, episodes=found)


def now() -> str:
    """The time, to the millisecond: jobs are ordered by it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def keep(catalog: Catalog, job: Job) -> None:
    """Write a job down; the oldest that are over are forgotten."""
    with catalog.together() as base:
        base.execute(
            f"INSERT OR REPLACE INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (job.id, job.kind, json.dumps(dict(job.what)), job.state, job.created, job.started,
             job.ended, job.error, json.dumps(job.episodes), job.tries),
        )  # fmt: skip
        base.execute(
            "DELETE FROM jobs WHERE ended IS NOT NULL AND id NOT IN"
            " (SELECT id FROM jobs ORDER BY created DESC LIMIT ?)",
            (_KEPT,),
        )


def kept(catalog: Catalog) -> list[Job]:
    """All jobs that are remembered, the oldest first."""
    rows: list[Any] = catalog.rows(f"SELECT {_COLUMNS} FROM jobs ORDER BY created, id")
    return [
        Job(
            id, kind, json.loads(what), state, created, started, ended, error,
            tuple(json.loads(episodes)), tries,
        )
        for id, kind, what, state, created, started, ended, error, episodes, tries in rows
    ]  # fmt: skip
