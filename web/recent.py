"""Answers given lately: a question asked again is answered without being searched again."""

from __future__ import annotations

from typing import NamedTuple

from index.recent import Recent
from index.where import Where
from qa.answer import Answer


class Asked(NamedTuple):
    """What makes two questions the same, letter for letter."""

    question: str
    k: int
    filters: Where


class RecentAnswers:
    """The answers of one generation that were used last, at most `size`; kept in memory alone.

    For one thread, the event loop's.
    """

    def __init__(self, size: int) -> None:
        self._generation = ""
        self._answers: Recent[Asked, Answer] = Recent(size)

    def get(self, generation: str, asked: Asked) -> Answer | None:
        """The answer given from this generation, if it is still there."""
        return self._answers.get(asked) if generation == self._generation else None

    def put(self, asked: Asked, answer: Answer) -> None:
        """Keep an answer; those of another generation are dropped, and with them what they refer to."""
        if answer.generation != self._generation:
            self._answers.clear()
            self._generation = answer.generation
        self._answers.keep({asked: answer})
