"""`POST /api/ask` and `GET /health`, and the problem (RFC 9457) of each exception."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from index.errors import Unreachable
from index.retrieval.filter import Filter
from qa.answer_json import AnswerRecord, answer_record
from qa.assistant import DEFAULT_EXTRACTS
from qa.errors import EnoughFeedback, FeedbackFailure, QuestionError, UnknownQuestion
from web.answering.answer_service import (
    LONGEST_VALUE,
    MAX_EXTRACTS,
    MOST_VALUES,
    UNAVAILABLE_RETRY_AFTER,
    AnswerService,
)
from web.answering.health import Health, Reason, service_health
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions, TooOften
from web.http.problems import problem_response, problem_responses, set_version

_DIGITS = 4
# Of an error without an entry that of its class counts.
_STATUSES: dict[type[Exception], int] = {
    QuestionError: 422,
    TooOften: 429,
    TooManyQuestions: 503,
    StoreUnavailable: 503,
    AnsweringFailed: 500,
    UnknownQuestion: 404,
    EnoughFeedback: 429,
    FeedbackFailure: 503,
}

Value = Annotated[str, Field(max_length=LONGEST_VALUE)]
Values = Annotated[tuple[Value, ...], Field(max_length=MOST_VALUES)]


class FilterBody(BaseModel):
    """Metadata that articles must have: one of the values of each list that is not empty."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    articles: Values = Field(default=(), description="Ids or source file names.")
    authors: Values = Field(default=(), examples=[["A. Smith"]])
    publishers: Values = Field(default=(), examples=[["The Gazette"]])
    years: Values = Field(default=(), description="Four-digit years of publication.", examples=[["2004"]])


class AskBody(BaseModel):
    """A question, the maximum number of extracts, and which articles may answer."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(
        description='A "quoted phrase" must occur in every extract.',
        examples=["Why did Devon find wraparound services hard?"],
    )
    k: int = Field(default=DEFAULT_EXTRACTS, ge=1, le=MAX_EXTRACTS, strict=True)
    filters: FilterBody = FilterBody()


class AskReply(AnswerRecord):
    """The answer, the id that feedback on it names, and how long it took."""

    answer_id: str
    seconds: float


def api_routes(answers: AnswerService, reasons: Iterable[Reason] = ()) -> APIRouter:
    """The routes of questions and health; `reasons` say what is wrong with the service."""
    router = APIRouter(dependencies=[Depends(set_version)])

    @router.post(
        "/api/ask",
        summary="Ask a question",
        response_description="Ranked extracts with their citations, or none and the nearest passages.",
        responses=problem_responses(413, 422, 429, 500, 503),
    )
    async def ask(body: AskBody) -> AskReply:
        """Word-for-word extracts that answer, best first.

        `state` is "answered", "unsure" when the closest passage may not answer, or "none" when the articles
        do not. Unless it is "answered", `extracts` is empty and `nearest` holds the closest passages.
        Offsets are code points of the article's canonical text, whose hash is `article_sha256`.
        Feedback on the answer names its `answer_id`.
        """
        reply = await answers.ask(body.question, body.k, Filter(**body.filters.model_dump()))
        record = answer_record(reply.answer)
        return AskReply(**dict(record), answer_id=reply.id, seconds=round(reply.seconds, _DIGITS))

    @router.get("/health", summary="Whether the service can answer")
    async def health(response: Response) -> Health:
        """200 if questions are answered, 503 while the service warms up or cannot reach the articles.

        `degraded` is true, and `reasons` say why, if they are answered although something is wrong.
        """
        state = service_health(answers, reasons)
        if not state.ready:
            response.status_code = 503
            response.headers["Retry-After"] = str(UNAVAILABLE_RETRY_AFTER)
        return state

    return router


def add_exception_handlers(app: FastAPI) -> None:
    """Answer each exception with a problem."""

    async def failure(status: int, _: Request, error: Exception) -> JSONResponse:
        headers = {}
        if isinstance(error, TooManyQuestions | StoreUnavailable):
            headers["Retry-After"] = str(error.retry_after)
        return problem_response(status, str(error), headers=headers)

    for kind, status in _STATUSES.items():
        app.add_exception_handler(kind, partial(failure, status))

    @app.exception_handler(Unreachable)
    async def unreachable(request: Request, _: Unreachable) -> JSONResponse:
        return await failure(503, request, StoreUnavailable(UNAVAILABLE_RETRY_AFTER))

    @app.exception_handler(RequestValidationError)
    async def shape(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(422, _validation_message(error.errors()[0]))

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> JSONResponse:
        return problem_response(error.status_code, error.detail, headers=dict(error.headers or {}))


def _validation_message(error: dict[str, Any]) -> str:
    """Place in the body and reason: "filters.years: Input should be a valid tuple"."""
    location = ".".join(str(step) for step in error["loc"] if step != "body")
    # Cut, as a key of the body may be as long as the body.
    return f"{location[:100] or 'body'}: {error['msg']}"
