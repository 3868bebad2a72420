"""The desk: where page and API ask, so that their limits on questions at once are one limit."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import NamedTuple

from index.errors import Unreachable
from index.retrieval.filter import NO_FILTER, Filter
from index.storage.lru import LruCache
from qa.answer import Answer
from qa.assistant import DEFAULT_EXTRACTS, Assistant
from qa.errors import QuestionError
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions
from web.http.json_log import log_event
from web.http.request_log import annotate

RUNNING = 8
WAITING = 52
# A full desk is half empty again by then, on two cores.
RETRY_AFTER = 2
UNAVAILABLE_RETRY_AFTER = 5
"""Seconds after which somebody may ask again when the engine was away."""
# 12 bytes are 16 characters: nobody guesses the question that another asked.
_ID_BYTES = 12

Recorder = Callable[[str, Answer, float], None]
"""Told the id, the answer and the seconds of each reply; must return at once and raise nothing."""


def new_id() -> str:
    """A random name for a question asked, safe in an address."""
    return secrets.token_urlsafe(_ID_BYTES)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and the seconds it took, waiting included; feedback on it names its `id`."""

    answer: Answer
    seconds: float
    id: str = field(default_factory=new_id)


class AnswerService:
    """Asks the assistant in threads of its own, so that neither the event loop nor other requests wait.

    `assistant` may be replaced at any time: what a request shows must come from one, so it takes it once.
    `fault` says why the one that answers is not of the generation published last, "" when it is. `away` says
    that nothing can be answered, for the engine does not, "" when it does. `recorder` is told every reply. As
    many answers as `remembered` are kept for who asks the same again; 0 keeps none.
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        running: int = RUNNING,
        waiting: int = WAITING,
        remembered: int = 0,
        recorder: Recorder | None = None,
    ) -> None:
        self.assistant = assistant
        self.fault = ""
        self.unavailable = ""
        self._recorder = recorder
        self._cache = AnswerCache(remembered)
        self._threads = ThreadPoolExecutor(running, thread_name_prefix="desk")
        self._free_places = BoundedSemaphore(running + waiting)
        self._running = running
        self._pending: set[Future[Answer]] = set()
        self.capacity = running + waiting

    @property
    def running(self) -> int:
        """Questions being answered now."""
        return min(len(self._pending), self._running)

    @property
    def waiting(self) -> int:
        """Questions let in that wait for a thread."""
        return max(0, len(self._pending) - self._running)

    async def ask(
        self,
        question: str,
        k: int = DEFAULT_EXTRACTS,
        filters: Filter = NO_FILTER,
        *,
        assistant: Assistant | None = None,
    ) -> Reply:
        """The reply to a question, of this assistant, or of the one that answers now.

        Raises:
            QuestionError: the question cannot be asked.
            Busy: every place, running and waiting, is taken.
            NotAnswered: there is a fault in the service; the log tells it.
            Away: the engine does not answer.
        """
        started = time.perf_counter()
        key, assistant = CacheKey(question, k, filters), assistant or self.assistant
        answer = self._cache.get(assistant.generation.id, key)
        if answer is None:
            answer = await self._answer(assistant, key)
            if assistant is self.assistant:  # else it would drop the answers of the generation after it
                self._cache.put(key, answer)
        else:
            annotate(remembered="yes")
        annotate(outcome="abstained" if answer.abstained else "answered", generation=answer.generation)
        reply = Reply(answer, time.perf_counter() - started)
        if self._recorder:
            self._recorder(reply.id, reply.answer, reply.seconds)
        return reply

    async def _answer(self, assistant: Assistant, key: CacheKey) -> Answer:
        if not self._free_places.acquire(blocking=False):
            annotate(outcome="busy")
            raise TooManyQuestions(RETRY_AFTER)
        future = self._threads.submit(copy_context().run, lambda: assistant.ask(*key))
        self._pending.add(future)
        # Not a `finally` here: a cancelled request leaves its thread running, and the place is that thread's.
        future.add_done_callback(self._release)
        try:
            answer = await _await_answer(asyncio.wrap_future(future))
        except StoreUnavailable as error:
            self.unavailable = str(error)
            raise
        self.unavailable = ""
        return answer

    def _release(self, future: Future[Answer]) -> None:
        self._pending.discard(future)
        self._free_places.release()


async def _await_answer(future: asyncio.Future[Answer]) -> Answer:
    """The answer. A fault goes to the log without its message, which may hold the question."""
    try:
        await asyncio.wait([future])
    finally:
        future.cancel()
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, QuestionError):
        annotate(outcome="not a question")
        raise error
    if isinstance(error, Unreachable):
        annotate(outcome="unavailable")
        log_event(logging.WARNING, "the engine does not answer")
        raise StoreUnavailable(UNAVAILABLE_RETRY_AFTER) from None
    annotate(outcome="failed")
    log_event(logging.ERROR, "question not answered", error=error)
    raise AnsweringFailed from None


class CacheKey(NamedTuple):
    """What makes two questions the same, letter for letter."""

    question: str
    k: int
    filters: Filter


class AnswerCache:
    """The answers of one generation that were used last, at most `size`; kept in memory alone.

    For one thread, the event loop's.
    """

    def __init__(self, size: int) -> None:
        self._generation = ""
        self._answers: LruCache[CacheKey, Answer] = LruCache(size)

    def get(self, generation: str, key: CacheKey) -> Answer | None:
        """The answer given from this generation, if it is still there."""
        return self._answers.get(key) if generation == self._generation else None

    def put(self, key: CacheKey, answer: Answer) -> None:
        """Keep an answer; those of another generation are dropped, and with them what they refer to."""
        if answer.generation != self._generation:
            self._answers.clear()
            self._generation = answer.generation
        self._answers.keep({key: answer})
