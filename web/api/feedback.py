"""`POST /api/feedback`: a person's verdict on an answer, or that a citation was opened."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qa.feedback.store import REASON_CHARACTERS, Judgement, Verdict
from web.context import ServiceContext
from web.http.problems import problem_response, problem_responses

OPENED = "opened"
_MAX_OFFSET = 10**9  # more characters than any article has


class FeedbackBody(BaseModel):
    """A verdict on an extract, on a whole answer if no article is named, or "opened" for a click."""

    model_config = ConfigDict(extra="forbid")

    answer_id: str = Field(min_length=1, max_length=64, description="As in the answer.")
    verdict: Literal["useful", "not useful", "none", "opened"]
    article_id: str = Field(default="", max_length=200)
    start: int = Field(default=0, ge=0, le=_MAX_OFFSET, strict=True)
    end: int = Field(default=0, ge=0, le=_MAX_OFFSET, strict=True)
    reason: str = Field(default="", max_length=REASON_CHARACTERS)

    @model_validator(mode="after")
    def _has_subject(self) -> Self:
        if self.verdict == OPENED and not self.article_id:
            raise ValueError("article_id says what was opened")
        if (self.start, self.end) != (0, 0) and not (self.article_id and self.start < self.end):
            raise ValueError("start and end are a span of the article in article_id")
        return self


def feedback_routes(context: ServiceContext) -> APIRouter:
    """The route for feedback; without a store it answers 404."""
    router = APIRouter()

    @router.post(
        "/api/feedback",
        summary="Judge an answer",
        status_code=HTTPStatus.NO_CONTENT,
        responses=problem_responses(404, 413, 422, 429, 503),
    )
    def feedback(body: FeedbackBody) -> Response:
        """Record a verdict on an extract or a whole answer; a second verdict replaces the first."""
        if context.feedback is None:
            return problem_response(404, "no feedback is kept here")
        if body.verdict == OPENED:
            context.feedback.opened(body.answer_id, body.article_id)
        else:
            place = body.article_id, body.start, body.end
            context.feedback.judge(Judgement(body.answer_id, Verdict(body.verdict), *place, body.reason))
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router
