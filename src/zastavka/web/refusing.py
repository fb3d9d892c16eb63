"""How the application says no: each error as a problem document, and OpenAPI told so."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from zastavka.errors import RequestError, ZastavkaError
from zastavka.web.problems import MEDIA_TYPE, problem_of, status_of


def refuse_by_problems(app: FastAPI) -> None:
    """Let every error of the application be a problem document."""
    app.add_exception_handler(ZastavkaError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    written = app.openapi

    def described() -> dict[str, Any]:
        document = written()
        for path in document["paths"].values():
            for call in path.values():
                for status, answer in call["responses"].items():
                    body = answer.get("content", {})
                    kinds = [kind for kind in body if kind != "text/plain" or status == "422"]
                    if int(status) >= 400 and kinds:
                        answer["content"] = {MEDIA_TYPE: body[kinds[0]]}
        return document

    app.openapi = described  # type: ignore[method-assign]


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, ZastavkaError)
    headers = {"vary": "Accept-Language"}
    status = status_of(error)
    if status == 401:
        headers["www-authenticate"] = 'Bearer realm="zastavka"'
    if status == 429:
        headers["retry-after"] = str(error.values.get("wait", 1))
    return Response(problem_of(error), status, headers, MEDIA_TYPE)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    status = 400 if first["type"] == "json_invalid" else 422
    fault = RequestError(
        status, "The request can't be taken: {where} {why}.", "Compare it with openapi.json.",
        where=where[:100], why=str(first["msg"])[:200],
    )  # fmt: skip
    return Response(problem_of(fault), status, {"vary": "Accept-Language"}, MEDIA_TYPE)


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        body = problem_of(RequestError(404, "There is nothing here.", "Begin at the first page."))
        return Response(body, 404, {"vary": "Accept-Language"}, MEDIA_TYPE)
    fault = RequestError(
        error.status_code, "This can't be asked here.", "Compare it with openapi.json."
    )
    headers = {"vary": "Accept-Language"}
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods(request))
    return Response(problem_of(fault), error.status_code, headers, MEDIA_TYPE)


def _methods(request: Request) -> list[str]:
    """All that a path may be asked by: each call is a route of its own, and knows one."""
    for template, calls in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), request.url.path):
            return sorted(name.upper() for name in calls)
    return ["GET"]
