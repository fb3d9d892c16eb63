"""Calls that read and correct the library: roots, series, seasons, episodes, the review queue."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi import Path as InPath

from zastavka.i18n import language
from zastavka.segment import Segment
from zastavka.web import corrections, schemas, taken, views
from zastavka.web.corrections import Change, Conflict
from zastavka.web.house import House, House_, as_json, if_match, ready, tagged
from zastavka.web.problems import MEDIA_TYPE, problem_of, told

router = APIRouter()

Id = Annotated[str, InPath(max_length=64)]
IfMatch = Annotated[str | None, Header(description="The version of the episode that was seen.")]
IfNone = Annotated[str | None, Header(description="A version that the asker has already.")]

_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "The asker has it already."}}
_CORRECTED = schemas.with_problems(409, 410, 412, 428, of_412=schemas.Conflicted)


@router.get("/roots", response_model=schemas.RootList, responses=schemas.PROBLEMS)
async def roots(house: House_) -> Response:
    """The folders that may be scanned."""
    return as_json({"roots": [{"id": root.id, "name": root.name} for root in house.roots]})


@router.get(
    "/series", response_model=schemas.SeriesList, responses={**schemas.PROBLEMS, **_UNCHANGED}
)
async def series(house: House_, request: Request, if_none_match: IfNone = None) -> Response:  # noqa: ARG001
    """All series and their seasons."""
    held = await house.keeper.holdings()
    return tagged(request, ready(held, "series", lambda: views.series(held)))


@router.get(
    "/seasons/{id}", response_model=schemas.SeasonView, responses={**schemas.PROBLEMS, **_UNCHANGED}
)
async def season(house: House_, request: Request, id: Id, if_none_match: IfNone = None) -> Response:  # noqa: ARG001
    """A season and its episodes."""
    held = await house.keeper.holdings()
    shelved = held.season(id)
    return tagged(request, ready(held, id, lambda: views.season(held, shelved, language())))


@router.get(
    "/episodes/{id}", response_model=schemas.EpisodeView, responses=schemas.with_problems(410)
)
async def episode(house: House_, id: Id) -> Response:
    """An episode, with its history."""
    document = await document_of(house, id)
    return as_json(document, etag=f'"{document["version"]}"', cache_control="no-cache")


@router.put("/episodes/{id}/segments", response_model=schemas.EpisodeView, responses=_CORRECTED)
async def put_segments(
    house: House_, request: Request, id: Id, given: Annotated[taken.Segments, Body()],
    if_match: IfMatch = None,  # noqa: ARG001
) -> Response:  # fmt: skip
    """Say where the intros are; an empty list says that there is none. Holds whatever is found."""
    said = [Segment(span.start, span.end) for span in given.segments]
    return await _corrected(house, request, id, corrections.say(said))


@router.delete("/episodes/{id}/segments", response_model=schemas.EpisodeView, responses=_CORRECTED)
async def delete_segments(
    house: House_, request: Request, id: Id, if_match: IfMatch = None  # noqa: ARG001
) -> Response:  # fmt: skip
    """Let what was found hold again."""
    return await _corrected(house, request, id, corrections.unlock)


@router.post("/episodes/{id}/accept", response_model=schemas.EpisodeView, responses=_CORRECTED)
async def accept(
    house: House_, request: Request, id: Id, if_match: IfMatch = None  # noqa: ARG001
) -> Response:  # fmt: skip
    """What is shown is right: it becomes a person's word."""
    return await _corrected(house, request, id, corrections.accept)


@router.post("/episodes/{id}/undo", response_model=schemas.EpisodeView, responses=_CORRECTED)
async def undo(
    house: House_, request: Request, id: Id, if_match: IfMatch = None  # noqa: ARG001
) -> Response:  # fmt: skip
    """Take back the last correction."""
    return await _corrected(house, request, id, corrections.undo)


@router.post(
    "/seasons/{id}/apply", response_model=schemas.Applied, responses=schemas.with_problems(409)
)
async def apply(house: House_, id: Id, given: Annotated[taken.Apply, Body()]) -> Response:
    """Move the edges of several episodes of a season; those that were changed meanwhile stay."""
    held = await house.keeper.holdings()
    inside = set(held.season(id).episodes)
    wanted = [(each.id, each.version) for each in given.episodes if each.id in inside]
    change = corrections.shifted(corrections.Shift(given.start_shift, given.end_shift))
    failed = await house.keeper.write(
        lambda catalog: corrections.correct_each(catalog, held, wanted, change)
    )
    now = await house.keeper.holdings()
    left = {id for id, _ in failed}
    done = [now.episodes[id] for id, _ in wanted if id not in left and id in now.episodes]
    conflicts = [{"id": id, "detail": " ".join(told(error))} for id, error in failed]
    return as_json(
        {"done": [views.summary(each, language()) for each in done], "conflicts": conflicts}
    )


@router.get("/review", response_model=schemas.ReviewQueue, responses=schemas.PROBLEMS)
async def review(house: House_, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
    """Episodes that need a person, the most doubtful first."""
    held = await house.keeper.holdings()
    document = ready(held, ("review", limit), lambda: views.review(held, limit, language()))
    return as_json(document.body)


async def document_of(house: House, id: str) -> dict[str, Any]:
    """An episode, all of it, as it is now. RequestError: there is none."""
    held = await house.keeper.holdings()
    one = held.episode(id)
    history = await house.keeper.read(lambda catalog: corrections.history(catalog, one))
    media = await house.media_of(one)
    return views.episode(held, one, media, history, language())


async def _corrected(house: House, request: Request, id: str, change: Change) -> Response:
    version = if_match(request)
    held = await house.keeper.holdings()
    held.episode(id)
    try:
        await house.keeper.write(
            lambda catalog: corrections.correct(catalog, held, id, version, change)
        )
    except Conflict as error:
        body = problem_of(error, current=await document_of(house, id))
        return Response(body, 412, {"vary": "Accept-Language"}, MEDIA_TYPE)
    document = await document_of(house, id)
    return as_json(document, etag=f'"{document["version"]}"')
