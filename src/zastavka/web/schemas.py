"""The documents that the API gives, as OpenAPI tells them, and the problems that calls may have."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from zastavka.web.taken import Id

State = Literal["found", "review", "none", "failed", "unknown"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
UploadState = Literal["open", "checking", "ready", "refused"]


class Problem(BaseModel):
    """What went wrong, in the reader's language (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str


class Session(BaseModel):
    """Whether one must sign in, and has."""

    token_required: bool
    signed_in: bool
    version: str
    languages: list[str]


class Health(BaseModel):
    """That the server runs."""

    status: Literal["ok"]
    version: str


class RootView(BaseModel):
    """A folder that may be scanned."""

    id: Id
    name: str


class RootList(BaseModel):
    """The folders."""

    roots: list[RootView]


class SeasonCount(BaseModel):
    """How far a season is."""

    id: Id
    number: int | None
    episodes: int
    found: int
    review: int
    none: int
    failed: int
    unknown: int
    locked: int


class SeriesView(BaseModel):
    """A series."""

    id: Id
    title: str
    seasons: list[SeasonCount]


class SeriesList(BaseModel):
    """All of them."""

    series: list[SeriesView]


class SegmentView(BaseModel):
    """A segment with how it came about."""

    type: str
    start: float
    end: float
    status: Literal["found", "review"]
    confidence: float
    sources: list[str]
    reason: str | None


class EpisodeSummary(BaseModel):
    """An episode, as lists show it. `version` goes into If-Match."""

    id: Id
    name: str
    number: int | None
    title: str
    duration: float | None
    state: State
    locked: bool
    version: str
    segments: list[SegmentView]
    reason: str | None
    confidence: float | None
    error: str | None


class SeriesName(BaseModel):
    """Which series."""

    id: Id
    title: str


class SeasonName(BaseModel):
    """Which season."""

    id: Id
    number: int | None


class SeasonView(BaseModel):
    """A season and its episodes."""

    id: Id
    series: SeriesName
    number: int | None
    episodes: list[EpisodeSummary]


class Placed(EpisodeSummary):
    """An episode and where it belongs."""

    series: SeriesName
    season: SeasonName


class Media(BaseModel):
    """What a browser needs to know of a file."""

    playable: bool
    width: int | None
    height: int | None
    fps: float | None
    video: str | None
    audio: str | None


class Span(BaseModel):
    """Seconds of an episode."""

    start: float
    end: float


class Correction(BaseModel):
    """What a person said, and when; no segments at all take the lock off."""

    at: str
    segments: list[Span] | None
    undone: bool


class EpisodeView(Placed):
    """An episode, all of it. `media` is null where the file can't be read."""

    previous: Id | None
    next: Id | None
    media: Media | None
    history: list[Correction]


class Conflicted(Problem):
    """Somebody else was first."""

    current: EpisodeView


class Refusal(BaseModel):
    """An episode that was left as it is, and why."""

    id: str
    detail: str


class Applied(BaseModel):
    """What became of each episode."""

    done: list[EpisodeSummary]
    conflicts: list[Refusal]


class ReviewQueue(BaseModel):
    """Episodes by doubt, and how many there are in all."""

    episodes: list[Placed]
    left: int


class JobView(BaseModel):
    """Long work. `eta` in seconds."""

    id: Id
    kind: Literal["scan", "detect", "proxy"]
    state: JobState
    progress: float
    stage: str | None
    file: str | None
    eta: float | None
    created: str
    started: str | None
    ended: str | None
    error: str | None
    episodes: list[Id]


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobView]


class UploadView(BaseModel):
    """A file that is being sent. `offset`: bytes that are here."""

    id: Id
    name: str
    size: int
    offset: int
    state: UploadState
    detail: str | None
    episode: Id | None


class UploadList(BaseModel):
    """Uploads, the newest first."""

    uploads: list[UploadView]


class Misplaced(Problem):
    """The bytes do not follow those that are here."""

    offset: int


class FormatView(BaseModel):
    """A form in which answers can be had."""

    name: str
    description: str


class FormatList(BaseModel):
    """All of them."""

    formats: list[FormatView]


class Written(BaseModel):
    """What became of the files beside the videos."""

    written: int
    removed: int
    failures: list[str]


class Peaks(BaseModel):
    """The lowest and the highest sample of each bin, -128 to 127."""

    start: float
    end: float
    low: list[int]
    high: list[int]


class Curves(BaseModel):
    """What the network thinks and what the season repeats, at each time; null: not known."""

    times: list[float]
    probability: list[float] | None
    sound: list[float] | None
    picture: list[float] | None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "The request can't be read.",
        401: "Not signed in.",
        403: "Another site asked.",
        404: "There is none of this id.",
        408: "The body did not come in time.",
        413: "Too much at once.",
        415: "A body of a kind that is not taken.",
        421: "Asked by a strange host name.",
        422: "The request says what can't be.",
        429: "Too many wrong tokens.",
    }.items()
}


def with_problems(*more: int, **models: Any) -> dict[int | str, dict[str, Any]]:
    """The answers that a call may give besides the right one."""
    texts = {
        406: "Not in this form.", 409: "It does not go together with what there is.",
        410: "The file is gone.", 412: "It was changed meanwhile.", 428: "If-Match is missing.",
        503: "Something that is needed is not there.", 507: "There is no room.",
    }  # fmt: skip
    found: dict[int | str, dict[str, Any]] = {
        status: {"model": models.get(f"of_{status}", Problem), "description": texts[status]}
        for status in more
    }
    return {**PROBLEMS, **found}
