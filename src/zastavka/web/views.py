"""Documents of the API made of what is held, in the reader's language; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from zastavka.answers import reason_line
from zastavka.detection import Detection, Failure, Finding, finding_row
from zastavka.i18n import retold
from zastavka.library.edits import Edit
from zastavka.web.holdings import Held, Holdings, Shelved, States
from zastavka.web.problems import without_folders
from zastavka.web.roots import shown


def series(held: Holdings) -> dict[str, Any]:
    """All series with their seasons, counted."""
    rows = [
        {
            "id": id,
            "title": shown(seasons[0].title),
            "seasons": [_counted(held, season) for season in seasons],
        }
        for id, seasons in held.series.items()
    ]
    return {"series": sorted(rows, key=lambda row: str(row["title"]).casefold())}


def season(held: Holdings, shelved: Shelved, lang: str) -> dict[str, Any]:
    """A season and its episodes."""
    return {
        "id": shelved.id,
        "series": _series_of(shelved),
        "number": shelved.season.number,
        "episodes": [summary(episode, lang) for episode in held.of(shelved)],
    }


def summary(held: Held, lang: str) -> dict[str, Any]:
    """An episode, as lists show it."""
    result = held.result
    answer = result if isinstance(result, Detection) else None
    why = answer.not_found_reason if answer else None
    return {
        "id": held.id,
        "name": shown(held.file.episode.path.name),
        "number": held.number,
        "title": shown(held.file.episode.path.stem),
        "duration": answer.duration if answer else None,
        "state": held.state,
        "locked": held.locked,
        "version": tag(held, lang),
        "segments": [_segment(f) for f in answer.findings] if answer else [],
        "reason": reason_line(why) if why else None,
        "confidence": confidence(held),
        "error": _error(result) if isinstance(result, Failure) else None,
    }


def episode(
    held: Holdings, one: Held, media: dict[str, Any] | None, history: Sequence[tuple[Edit, bool]],
    lang: str,
) -> dict[str, Any]:  # fmt: skip
    """An episode, all of it."""
    shelved = held.season(one.season)
    place = shelved.episodes.index(one.id)
    after = shelved.episodes[place + 1 : place + 2]
    document = summary(one, lang)
    if document["duration"] is None and media is not None:
        document["duration"] = media["duration"]
    return {
        **document,
        **placed(shelved),
        "previous": shelved.episodes[place - 1] if place else None,
        "next": after[0] if after else None,
        "media": media and {k: v for k, v in media.items() if k != "duration"},
        "history": [
            {
                "at": edit.at,
                "segments": None
                if edit.segments is None
                else [{"start": s.start, "end": s.end} for s in edit.segments],
                "undone": undone,
            }
            for edit, undone in history
        ],
    }


def placed(shelved: Shelved) -> dict[str, Any]:
    """Where an episode belongs."""
    return {
        "series": _series_of(shelved),
        "season": {"id": shelved.id, "number": shelved.season.number},
    }


def review(held: Holdings, limit: int, lang: str) -> dict[str, Any]:
    """What should be looked at first, and how much there is."""
    queue = [e for e in held.episodes.values() if not e.locked and doubt(e) is not None]
    queue.sort(key=lambda e: (-(doubt(e) or 0.0), e.id))
    rows = [{**summary(e, lang), **placed(held.season(e.season))} for e in queue[:limit]]
    return {"episodes": rows, "left": len(queue)}


def doubt(held: Held) -> float | None:
    """How much an answer needs a person: above 1 where it says so itself; None: it is none."""
    if held.state in ("unknown", "failed"):
        return None
    sure = confidence(held)
    return (held.state == "review") + 1.0 - (0.5 if sure is None else sure)


def confidence(held: Held) -> float | None:
    """How sure the answer is that is shown: of the least sure intro, or that there is none."""
    if not isinstance(held.result, Detection):
        return None
    sure = [f.confidence for f in held.result.findings if f.type == "intro"]
    value = min(sure) if sure else held.result.not_found_confidence
    return None if value is None else round(value, 4)


def tag(held: Held, lang: str) -> str:
    """The version of an episode as a document in a language has it."""
    return f"{held.version}-{lang}"


def same_version(given: str, held: Held) -> bool:
    """Whether an If-Match names what is held now, in whatever language it was read."""
    names = (part.strip().removeprefix("W/").strip('"') for part in given.split(","))
    return any(name == "*" or name.split("-")[0] == held.version for name in names)


def _counted(held: Holdings, shelved: Shelved) -> dict[str, Any]:
    episodes = held.of(shelved)
    states = Counter(episode.state for episode in episodes)
    return {
        "id": shelved.id,
        "number": shelved.season.number,
        "episodes": len(episodes),
        **{state: states[state] for state in States},
        "locked": sum(episode.locked for episode in episodes),
    }


def _series_of(shelved: Shelved) -> dict[str, Any]:
    return {"id": shelved.series, "title": shown(shelved.title)}


def _segment(finding: Finding) -> dict[str, Any]:
    reason = reason_line(finding.reason) if finding.reason else None
    return {**finding_row(finding), "reason": reason}


def _error(failure: Failure) -> str:
    path = str(failure.episode.path)
    text = failure.error.removeprefix(f"{path}: ")
    name = shown(failure.episode.path.name)
    return f"{name}: " + without_folders("; ".join(map(retold, text.split("; "))))
