"""An assistant that gives a prepared answer, and the answers it gives."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from corpus.article import Article, Passage
from index.generation.generation import Generation
from index.retrieval.facet_columns import FacetColumns
from index.retrieval.filter import NO_FILTER, Filter
from qa.answer import Answer, Band, Citation, Extract, State
from qa.assistant import DEFAULT_EXTRACTS, Assistant
from qa.question import read_question
from tests.support.fakes import article

HARBOUR = article("harbour", "The quay was cheap. Dredging cost more. Nobody paid.", "A canal was planned.")
ECHO = article("echo", "They say that dredging cost more.")


def extract(of: Article, answer: str, *, rank: int = 1, shown: str = "", **others: Any) -> Extract:
    """An extract of an article: the text shown (all of it when not given) and the answer in it."""
    start = of.text.index(shown)
    first = of.text.index(answer)
    return Extract(
        rank=rank,
        passage=Passage(of, 0, len(of.text)),
        start=start,
        end=start + len(shown) if shown else len(of.text),
        answer=(first, first + len(answer)),
        score=2.5,
        confidence=0.9,
        band=Band.STRONG,
        **others,
    )


def answered(*extracts: Extract, question: str = "What cost more?") -> Answer:
    return Answer(question, extracts, (), 0.9, Band.STRONG, State.ANSWERED, "gen-7-00ff")


def abstained(*nearest: Extract, question: str = "Who won?") -> Answer:
    return Answer(question, (), nearest, 0.05, Band.WEAK, State.NONE, "gen-7-00ff")


def unsure(*nearest: Extract, question: str = "Who won?") -> Answer:
    return Answer(question, (), nearest, 0.4, Band.WEAK, State.UNSURE, "gen-7-00ff")


DREDGING = answered(extract(HARBOUR, "Dredging cost more.", also_in=(Citation(ECHO, 0, len(ECHO.text)),)))


class FakeAssistant(Assistant):
    """Gives one answer to every question, after `gate` has opened; `asked` lists what it was asked."""

    def __init__(self, answer: Answer = DREDGING, *articles: Article) -> None:
        known = articles or (HARBOUR, ECHO)
        about = SimpleNamespace(
            id=answer.generation, articles=known, facets=FacetColumns.of(known), passages=(1, 2, 3)
        )
        self.generation = cast(Generation, about)
        self.answer = answer
        self.asked: list[tuple[str, int, Filter]] = []
        self.gate = threading.Event()
        self.gate.set()

    def ask(self, question: str, k: int = DEFAULT_EXTRACTS, filters: Filter = NO_FILTER) -> Answer:
        asked = read_question(question)
        self.asked.append((question, k, filters))
        assert self.gate.wait(60)
        return replace(self.answer, question=asked.text)


class WatchedColumns:
    """Facet columns that list what was read of them on an event loop, and elsewhere."""

    def __init__(self, columns: FacetColumns) -> None:
        self._columns = columns
        self.on_loop: list[str] = []
        self.in_threads: list[str] = []

    def __getattr__(self, name: str) -> Any:
        try:
            asyncio.get_running_loop()
            self.on_loop.append(name)
        except RuntimeError:
            self.in_threads.append(name)
        return getattr(self._columns, name)


def watch_columns(assistant: FakeAssistant) -> WatchedColumns:
    """Put watched columns into the assistant's generation."""
    watched = WatchedColumns(assistant.generation.facets)
    assistant.generation.facets = watched  # type: ignore[misc, assignment]
    return watched
