"""Whether the service can answer, for whoever asks: a load balancer, a monitor, a stranger.

It tells no path. Why something is not as it should be is told by those who know, as a `Reason`; what looks
like a path is taken out of it, whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from pydantic import BaseModel, Field

from web.answering.answer_service import AnswerService

Reason = Callable[[], str]
"""One line on what is wrong though questions are answered, such as a new generation that was refused; "" when
nothing is. Called for each look at `/health`, in the event loop: it must not wait."""

_LEFT_OUT = "…"
_QUOTED_PATH = re.compile(r"'[^']*[/\\][^']*'")


class Health(BaseModel):
    """The index that answers, how much is in it, and what is wrong.

    `live`: the process answers. `ready`: it answers questions. `degraded`: it does, with something amiss.
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
    """The state of a service that answers questions, or would if the engine did."""
    told = health_reasons(answers, reasons)
    generation = answers.assistant.generation
    return Health(
        status="unavailable" if answers.unavailable else "degraded" if told else "ready",
        ready=not answers.unavailable,
        degraded=bool(told) and not answers.unavailable,
        detail=answers.unavailable,
        reasons=told,
        generation=generation.id,
        articles=len(generation.articles),
        passages=len(generation.passages),
    )


def warming_up_health(told: str) -> Health:
    """The state of a service that is not there yet."""
    return Health(status="warming up", ready=False, reasons=(told,), detail=told)


def health_reasons(answers: AnswerService, reasons: Iterable[Reason]) -> tuple[str, ...]:
    """What is wrong with the desk and otherwise, as a stranger may read it."""
    return tuple(
        redact_paths(told)
        for told in (answers.unavailable, answers.fault, *(reason() for reason in reasons))
        if told
    )


def redact_paths(told: str) -> str:
    """One line without a word that has a slash: "/srv/x/gen-3: no such file" is "…: no such file".

    A path in quotation marks goes whole, blanks and all.
    """
    return " ".join(_without_path(word) for word in _QUOTED_PATH.sub(f"'{_LEFT_OUT}'", told).split())


def _without_path(word: str) -> str:
    if "/" not in word and "\\" not in word:
        return word
    return _LEFT_OUT + (word[-1] if word[-1] in ":;,.)" else "")
