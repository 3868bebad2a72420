"""What a filter leaves of a generation, worked out once: people ask several questions under one filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from index.lexical import NO_MARKS, Marks
from index.nearest import Narrowed
from index.recent import Recent
from index.where import Where

KEPT = 4
"""Filters whose outcome is kept: at a million passages of three sentences 20 MB each."""


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """Sentences and passages that may be found (None: all), and the marks that they have."""

    sentences: Narrowed | None = None
    passages: Narrowed | None = None
    marks: Marks = field(default_factory=lambda: NO_MARKS)


EVERY = Allowed()


class Filters:
    """The outcomes of the filters used last; safe to share between threads."""

    def __init__(self) -> None:
        self._kept: Recent[Where, Allowed] = Recent(KEPT)

    def outcome(self, where: Where, work_out: Callable[[], Allowed]) -> Allowed:
        """What this filter leaves, worked out unless it is kept."""
        outcome = self._kept.get(where)
        if outcome is None:
            outcome = work_out()
            self._kept.keep({where: outcome})
        return outcome
