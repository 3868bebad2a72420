"""Health of the service for load balancers and monitors: ready or not, and why. It names no path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from pydantic import BaseModel, Field

from web.answering.answer_service import AnswerService

Reason = Callable[[], str]
"""One line on what is wrong although questions are answered, such as a refused generation; "" if nothing is.
Called on the event loop for each request of `/health`: it must not block."""

# A path in quotation marks, blanks included; else a word with a slash, up to its closing punctuation.
_PATH = re.compile(r"(?<=')[^']*[/\\][^']*(?=')|[^\s']*[/\\][^\s']*?(?=[:;,.)]?(?:[\s']|$))")


class Health(BaseModel):
    """The index that answers, its size, and what is wrong.

    `live`: the process responds. `ready`: it answers questions. `degraded`: it does, but something is wrong.
    """

    status: Literal["ready", "degraded", "warming up", "unavailable"]
    live: bool = True
    ready: bool = True
    degraded: bool = False
    reasons: tuple[str, ...] = ()
    generation: str = ""
    articles: int = 0
    passages: int = 0
    detail: str = Field(default="", description="Why it is not ready, in one line.")


def service_health(answers: AnswerService, reasons: Iterable[Reason] = ()) -> Health:
    """The health of a service with an index."""
    faults = health_reasons(answers, reasons)
    generation = answers.assistant.generation
    return Health(
        status="unavailable" if answers.unavailable else "degraded" if faults else "ready",
        ready=not answers.unavailable,
        degraded=bool(faults) and not answers.unavailable,
        detail=answers.unavailable,
        reasons=faults,
        generation=generation.id,
        articles=len(generation.articles),
        passages=len(generation.passages),
    )


def health_reasons(answers: AnswerService, reasons: Iterable[Reason]) -> tuple[str, ...]:
    """All that is wrong, without paths."""
    faults = (answers.unavailable, answers.fault, *(reason() for reason in reasons))
    return tuple(redact_paths(fault) for fault in faults if fault)


def redact_paths(text: str) -> str:
    """In one line and without paths: "/srv/x/gen-3: no such file" -> "…: no such file"."""
    return " ".join(_PATH.sub("…", text).split())
