"""Problem details (RFC 9457): every failure of the service as one JSON line."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from corpus.normalise import replace_surrogates

API_VERSION = "1"
"""A change that breaks callers gets a new version, at a path of its own."""
PROBLEM_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Why there is no answer (RFC 9457); `detail` is one line a person can act on."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem_response(status: int, message: str, *, headers: dict[str, str] | None = None) -> JSONResponse:
    """The message as a problem in one line; lone surrogates, which UTF-8 cannot encode, become "?"."""
    detail = " ".join(replace_surrogates(message).split())
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(
        problem.model_dump(),
        status_code=status,
        headers={**(headers or {}), "API-Version": API_VERSION},
        media_type=PROBLEM_TYPE,
    )


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The entries of a route's `responses` for the problems it answers with."""
    return {status: {"model": Problem, "content": {PROBLEM_TYPE: {}}} for status in statuses}


# `async`: FastAPI runs plain functions in a thread, and every question would wait for one.
async def set_version(response: Response) -> None:
    """A dependency that sets the header `API-Version` of every reply."""
    response.headers["API-Version"] = API_VERSION
