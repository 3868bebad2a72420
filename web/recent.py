"""Answers given lately: a question asked again is answered without being searched again."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

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
        self._size = size
        self._generation = ""
        self._answers: OrderedDict[Asked, Answer] = OrderedDict()

    def get(self, generation: str, asked: Asked) -> Answer | None:
        """The answer given from this generation, if it is still there."""
        if generation != self._generation or asked not in self._answers:
            return None
        self._answers.move_to_end(asked)
        return self._answers[asked]

    def put(self, asked: Asked, answer: Answer) -> None:
        """Keep an answer; those of another generation are dropped, and with them what they refer to."""
        if answer.generation != self._generation:
            self._answers.clear()
            self._generation = answer.generation
        self._answers[asked] = answer
        self._answers.move_to_end(asked)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
