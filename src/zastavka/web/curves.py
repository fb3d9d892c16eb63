"""What the network thinks of each moment, and what the season repeats: from what was read before.

Nothing is read anew: an episode whose features or prints are not in the cache has no curve.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zastavka.arguments import season_config
from zastavka.cache import FeatureCache, PrintCache, default_folder
from zastavka.episode import Episode
from zastavka.evidence import COLUMNS, evidence_rows
from zastavka.model import BUILTIN
from zastavka.pipeline import Curve, Detector
from zastavka.repeats import Repeats
from zastavka.season import Season
from zastavka.seasonal import SeasonDetector
from zastavka.segment import Grid
from zastavka.storage import write_text
from zastavka.web import store

_STEP = 0.5  # seconds between two values
_ENOUGH = 0.8  # share of a season's episodes whose prints must be there

Rows = dict[str, list[list[float]]]  # by episode: its heard and its seen row


def curves(spec: dict[str, Any], progress: Callable[[float, str, str], None]) -> dict[str, Any]:
    """The curves of one episode of a season; null where nothing is known."""
    files = [(Path(path), content) for path, content in spec["season"]]
    path, content = Path(spec["file"]), spec["content"]
    rows = _repeated(files, progress).get(content)
    curve = _thought(path, content)
    heard, seen = rows if rows else ([], [])
    n = max(len(heard), 0 if curve is None else len(curve.probability))
    step = _STEP if curve is None else curve.grid.step
    times = ((np.arange(n) + 0.5) * step).round(3).tolist()
    return {
        "times": times,
        "probability": None if curve is None else _filled(curve.probability.tolist(), n),
        "sound": _at(heard, times) if rows else None,
        "picture": _at(seen, times) if rows else None,
    }


def _repeated(
    files: Sequence[tuple[Path, str]], progress: Callable[[float, str, str], None]
) -> Rows:
    place = store.place("curves", ".json", sorted(content for _, content in files))
    if (kept := store.read(place)) is not None:
        return kept
    prints = default_folder() / "prints"
    known = [path for path, content in files if _is_cached(prints, content)]
    if len(known) < max(2, _ENOUGH * len(files)):
        return {}
    contents = dict(files)
    rows: Rows = {}

    def keep(season: Season, episodes: Sequence[Episode], repeats: Repeats) -> None:
        for i, episode in enumerate(episodes):
            if episode.path in contents and episode in season.episodes:
                grid = Grid.over(repeats.prints[i].searched, _STEP)
                found = evidence_rows(repeats, i, grid)
                rows[contents[episode.path]] = [
                    found[:, COLUMNS.index(name)].round(4).tolist() for name in ("heard", "seen")
                ]

    detector = SeasonDetector(season_config(None), cache=PrintCache(prints))
    episodes = [Episode.from_path(path) for path in known]
    detector.detect(episodes, lambda e, s: progress(s, "Comparing", e.path.name), keep)
    write_text(place, json.dumps(rows))
    return rows


def _thought(path: Path, content: str) -> Curve | None:
    features = default_folder() / "features"
    if not _is_cached(features, content):
        return None
    found: list[Curve] = []
    detector = Detector.load(BUILTIN, cache=FeatureCache(features))
    detector.detect([Episode.from_path(path)], None, lambda _, curve: found.append(curve))
    return found[0] if found else None


def _is_cached(folder: Path, content: str) -> bool:
    return any((folder / content[:2]).glob(f"{content}-*.safetensors"))


def _filled(values: list[float], n: int) -> list[float]:
    return [round(value, 4) for value in values] + [0.0] * (n - len(values))


def _at(row: list[float], times: list[float]) -> list[float]:
    """A row of its own step at these times; 0 behind its end."""
    places: NDArray[np.int64] = (np.array(times) / _STEP).astype(int)
    values = np.array([*row, 0.0])
    return [float(v) for v in values[np.minimum(places, len(row))]]
