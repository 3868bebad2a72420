"""Problem details (RFC 9457): every failure of the service as one JSON line."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Depends, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from corpus.normalise import replace_surrogates

VERSION = "1"
"""Of the API. What would break a caller comes as another version, at a path of its own."""
PROBLEM = "application/problem+json"


class Problem(BaseModel):
    """Why there is no answer (RFC 9457); `detail` is one line a person can act on."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def failure(status: int, message: str, *, headers: dict[str, str] | None = None) -> JSONResponse:
    """A failure as the API answers it; what UTF-8 has no form for becomes "?"."""
    detail = " ".join(replace_surrogates(message).split())
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    told = {**(headers or {}), "API-Version": VERSION}
    return JSONResponse(problem.model_dump(), status_code=status, headers=told, media_type=PROBLEM)


def versioned() -> Any:
    """A dependency that tells every reply's version of the API."""

    # Not a plain function: those run in a thread, and every question would wait for one.
    async def told(response: Response) -> None:
        response.headers["API-Version"] = VERSION

    return Depends(told)
