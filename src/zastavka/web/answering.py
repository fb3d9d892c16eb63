"""Scans and answers as a child does them: what `zastavka scan` does, told in progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zastavka.answering import Answering
from zastavka.arguments import season_config
from zastavka.episode import Episode, video_files
from zastavka.library.catalog import Catalog
from zastavka.library.scan import keep, made_with, plan
from zastavka.media import open_only
from zastavka.model import BUILTIN
from zastavka.search import Search
from zastavka.web.roots import id_of, lies_in

Progress = Callable[[float, str, str], None]  # share done, stage, name of the file at work

_TYPES = ("intro",)
_LOOKING = 0.02  # share of the work


def scan(spec: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Answer what is new or changed in a folder."""
    folder = Path(spec["folder"])
    found = video_files([folder]) if folder.is_dir() else []
    files = [file for file in found if lies_in(file, [folder])]
    return answered(Path(spec["catalog"]), files, progress)


def detect(spec: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Answer files."""
    return answered(Path(spec["catalog"]), [Path(file) for file in spec["files"]], progress)


def answered(catalog: Path, files: Sequence[Path], progress: Progress) -> dict[str, Any]:
    """Answer what is new or changed among files, season by season; each is kept at once."""
    if not files:
        return {"episodes": []}
    model = os.environ.get("ZASTAVKA_MODEL")
    chosen = Path(model) if model else BUILTIN
    made = made_with(chosen, [*_TYPES, season_config(None).model_dump_json()])
    with Catalog(catalog) as known:
        found = plan(known, files, made, step=lambda file: progress(0.0, "Looking", file.name))
        total = sum(len(task.files) for task in found.tasks)
        shares: dict[Episode, float] = {}

        def show(episode: Episode, share: float) -> None:
            shares[episode] = share
            so_far = _LOOKING + (1 - _LOOKING) * sum(shares.values()) / total
            progress(so_far, "Finding intros", episode.path.name)

        if found.tasks:
            progress(_LOOKING, "Preparing", "")
        ask = partial(_search, Path(model) if model else None)
        for task, results in Answering(ask, jobs=1).of(found.tasks, show):
            keep(known, task, made, results)
    return {"episodes": [id_of(os.fsencode(file.episode.path)) for file in found.files]}


def _search(model: Path | None) -> Search:
    """What answers, in a process that opens plain files alone, as the one that asks it does."""
    open_only()
    return Search(model, types=_TYPES)
