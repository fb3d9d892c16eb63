"""Calls for files that are sent here, piece by piece."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Request, Response
from fastapi import Path as InPath
from starlette.requests import ClientDisconnect

from zastavka.errors import RequestError
from zastavka.web import schemas, taken
from zastavka.web.house import House, House_, as_json
from zastavka.web.parts import Upload
from zastavka.web.problems import MEDIA_TYPE, problem_of, row_told
from zastavka.web.roots import id_of, shown
from zastavka.web.uploads import Misplaced

router = APIRouter()

Id = Annotated[str, InPath(max_length=64)]

_RAW = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def view(house: House, upload: Upload) -> dict[str, Any]:
    """An upload as it is shown."""
    return {
        "id": upload.id,
        "name": shown(upload.name),
        "size": upload.size,
        "offset": house.uploads.offset(upload),
        "state": upload.state,
        "detail": row_told(upload.error) if upload.error else None,
        "episode": id_of(os.fsencode(upload.path)) if upload.path else None,
    }


@router.get("/uploads", response_model=schemas.UploadList, responses=schemas.PROBLEMS)
async def uploads(house: House_) -> Response:
    """All uploads, the newest first."""
    return as_json({"uploads": [view(house, upload) for upload in house.uploads.all()]})


@router.post("/uploads", response_model=schemas.UploadView,
             responses=schemas.with_problems(409, 507))  # fmt: skip
async def announce(house: House_, given: Annotated[taken.NewUpload, Body()]) -> Response:
    """Announce a file; its bytes follow by PUT."""
    name = os.fsencode(given.name.encode("utf-8", "replace").decode()).decode("utf-8", "replace")
    return as_json(view(house, await house.uploads.create(name, given.size, given.sha256)))


@router.get("/uploads/{id}", response_model=schemas.UploadView, responses=schemas.PROBLEMS)
async def upload(house: House_, id: Id) -> Response:
    """How far an upload is."""
    return as_json(view(house, house.uploads.get(id)))


@router.put(
    "/uploads/{id}", response_model=schemas.UploadView, openapi_extra=_RAW,
    responses=schemas.with_problems(409, 507, of_409=schemas.Misplaced),
)  # fmt: skip
async def send(
    house: House_, request: Request, id: Id,
    upload_offset: Annotated[int, Header(ge=0, le=1 << 50, description="Where they belong.")],
) -> Response:  # fmt: skip
    """Send bytes; after a break the same call goes on from the offset that the upload has."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/octet-stream":
        raise RequestError(
            415, "The bytes are not sent as such.", "Send them as application/octet-stream."
        )
    upload = house.uploads.get(id)
    length = request.headers.get("content-length", "")
    fits = upload_offset == house.uploads.offset(upload)
    if fits and length.isdigit() and upload_offset + int(length) > upload.size:
        raise RequestError(413, "More bytes came than were announced.", "Begin it anew.")
    try:
        done = await house.uploads.receive(id, upload_offset, request.stream())
    except Misplaced as error:
        body = problem_of(error, offset=error.offset)
        return Response(body, 409, {"vary": "Accept-Language"}, MEDIA_TYPE)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody hears it
    return as_json(view(house, done))


@router.delete("/uploads/{id}", response_model=schemas.UploadView, responses=schemas.PROBLEMS)
async def delete(house: House_, id: Id) -> Response:
    """Forget an upload, and delete its file."""
    document = view(house, house.uploads.get(id))
    await house.uploads.delete(id)
    await asyncio.sleep(0)
    return as_json(document)
