"""What a client is told when a request cannot be answered."""

from __future__ import annotations

import json
from typing import Any, Never

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

import assay
from assay.contrib.fastapi import answer_unavailable


class Problem(BaseModel):
    """Why a request was not answered."""

    detail: str


class Mistake(BaseModel):
    """What is wrong with one part of a request."""

    loc: list[str | int]
    msg: str
    type: str


class Mistakes(BaseModel):
    """Everything that is wrong with a request."""

    detail: list[Mistake]


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request cannot be read"},
    413: {"model": Problem, "description": "The request is too large"},
    422: {"model": Mistakes, "description": "The request is not valid"},
    429: {"model": Problem, "description": "The client asks too often"},
    503: {"model": Problem, "description": "The database is busy or cannot be reached"},
}
"""What every route may answer, for OpenAPI."""


def also(status: int, description: str) -> dict[int | str, dict[str, Any]]:
    """One more status that a route answers, for OpenAPI."""
    return {status: {"model": Problem, "description": description}}


def invalid(where: tuple[str, ...], what: str) -> Never:
    """Refuse a request that is well formed, with the same answer as one that is not."""
    raise RequestValidationError([{"loc": where, "msg": what, "type": "value_error"}])


def install(app: FastAPI) -> None:
    """Answer what the routes raise: 422 for what a client can mend, 503 for what it can wait out."""
    app.add_exception_handler(RequestValidationError, _mistakes)
    app.add_exception_handler(assay.DataError, _data)
    answer_unavailable(app)


async def _mistakes(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return answer(422, [{"loc": list(one["loc"]), "msg": _words(one), "type": one["type"]} for one in found])


def _words(mistake: dict[str, Any]) -> str:
    """What is wrong in words for people; some of the validator's own speak of Python."""
    text = str(mistake["msg"]).removeprefix("Value error, ")
    if text.startswith("Expected UploadFile"):
        return "this must be a file"
    if mistake["type"] == "predicate_failed":
        return "the text holds characters that cannot be stored"
    return text


async def _data(request: Request, error: Exception) -> Response:
    return answer(422, [{"loc": [], "msg": f"a value cannot be stored: {error}", "type": "value_error"}])


def answer(status: int, detail: Any) -> Response:
    """An answer of the same form as FastAPI's own."""
    # Only ASCII: a message can repeat what the client sent, and half of a surrogate pair has no UTF-8 form.
    return Response(json.dumps({"detail": detail}), status, media_type="application/json")
