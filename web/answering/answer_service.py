"""Answers questions in worker threads for page, API and MCP: one limit on concurrency, one cache."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import astuple, dataclass, field
from itertools import chain
from operator import itemgetter
from sys import getsizeof
from typing import NamedTuple

from index.errors import Unreachable
from index.retrieval.filter import NO_FILTER, Filter
from index.storage.lru import LruCache
from qa.answer import Answer
from qa.assistant import DEFAULT_EXTRACTS, Assistant
from qa.errors import QuestionError
from web.access.rate_limits import TokenBuckets
from web.errors import AnsweringFailed, StoreUnavailable, TooManyQuestions, TooOften
from web.http.client import CURRENT_CLIENT
from web.http.json_log import log_event
from web.http.request_log import annotate

MAX_EXTRACTS = 20
MOST_VALUES = 50
"""Values of one filter, each of at most LONGEST_VALUE characters."""
LONGEST_VALUE = 300
RUNNING = 8
WAITING = 52
CACHE_BYTES = 64 << 20
_OBJECT_BYTES = 400
"""An extract, a heading's span or a dropped line, about."""
RETRY_AFTER = 2
"""Seconds; on two cores half of a full queue is answered by then."""
UNAVAILABLE_RETRY_AFTER = 5
"""Seconds after which to ask again when Milvus does not respond."""
_ID_BYTES = 12  # 16 characters: nobody guesses the id of another person's question

Recorder = Callable[[str, Answer, float], None]
"""Called with id, answer and seconds of each reply; must return at once and raise nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and the seconds it took, waiting included; feedback on it names its `id`."""

    answer: Answer
    seconds: float
    id: str = field(default_factory=lambda: secrets.token_urlsafe(_ID_BYTES))


class AnswerService:
    """Asks the assistant in a thread pool, so that questions block neither the event loop nor other requests.

    `assistant` may be replaced at any time: a request reads it once, so that its reply is of one generation.
    `fault` says why the assistant is not of the generation published last, "" if it is. `unavailable` says
    why no question can be answered, "" if they can. `remembered` answers are cached; 0 caches none. Every
    way to ask comes through here, so here each address has its `rate` of questions a minute; 0 sets no limit.
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        running: int = RUNNING,
        waiting: int = WAITING,
        remembered: int = 0,
        rate: int = 0,
        recorder: Recorder | None = None,
    ) -> None:
        self.assistant = assistant
        self.fault = ""
        self.unavailable = ""
        self.capacity = running + waiting
        self._recorder = recorder
        self._rate = rate
        self._buckets = TokenBuckets(rate)
        self._cache = AnswerCache(remembered)
        self._threads = ThreadPoolExecutor(running, thread_name_prefix="answers")
        self._running = running
        self._pending: set[Future[Answer]] = set()

    @property
    def running(self) -> int:
        """Questions being answered now."""
        return min(len(self._pending), self._running)

    @property
    def waiting(self) -> int:
        """Accepted questions that wait for a thread."""
        return max(0, len(self._pending) - self._running)

    async def ask(
        self,
        question: str,
        k: int = DEFAULT_EXTRACTS,
        filters: Filter = NO_FILTER,
        *,
        assistant: Assistant | None = None,
    ) -> Reply:
        """The reply to a question, of this assistant, by default of the current one; for the event loop.

        Raises QuestionError, TooOften, TooManyQuestions when `capacity` questions are running and waiting,
        AnsweringFailed, and StoreUnavailable.
        """
        started = time.perf_counter()
        self._count_question()
        key, assistant = CacheKey(question, k, filters), assistant or self.assistant
        answer = self._cache.get(assistant.generation.id, key)
        if answer is None:
            answer = await self._answer(assistant, key)
            if assistant is self.assistant:  # an older one would evict the answers of the current generation
                self._cache.put(key, answer)
        else:
            annotate(remembered="yes")
        annotate(outcome=answer.state.value, generation=answer.generation)
        reply = Reply(answer, time.perf_counter() - started)
        if self._recorder:
            self._recorder(reply.id, reply.answer, reply.seconds)
        return reply

    def _count_question(self) -> None:
        client = CURRENT_CLIENT.get()
        wait = self._buckets.take(client.address) if self._rate and client else 0
        if wait:
            annotate(outcome="too often")
            raise TooOften(self._rate, wait)

    async def _answer(self, assistant: Assistant, key: CacheKey) -> Answer:
        if len(self._pending) >= self.capacity:
            annotate(outcome="busy")
            raise TooManyQuestions(RETRY_AFTER)
        future = self._threads.submit(copy_context().run, lambda: assistant.ask(*key))
        self._pending.add(future)
        # Not `finally`: a cancelled request leaves its thread running, which occupies a place until it ends.
        future.add_done_callback(self._pending.discard)
        try:
            answer = await _await_answer(asyncio.wrap_future(future))
        except StoreUnavailable as error:
            self.unavailable = str(error)
            raise
        self.unavailable = ""
        return answer


async def _await_answer(future: asyncio.Future[Answer]) -> Answer:
    """The answer. A fault is logged without its message, which may hold the question."""
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
    raise AnsweringFailed(
        "the question could not be answered because of a fault in the service: see its log"
    ) from None


class CacheKey(NamedTuple):
    """Questions that are equal letter for letter have one answer."""

    question: str
    k: int
    filters: Filter


class AnswerCache:
    """LRU cache of the answers of one generation, in memory alone. For one thread, the event loop's.

    At most `size` answers, and at most `bytes` with the articles that they keep in memory.
    """

    def __init__(self, size: int, *, bytes: int = CACHE_BYTES) -> None:
        self._generation = ""
        self._least = bytes // size if size else 0
        self._answers: LruCache[CacheKey, tuple[Answer, int]] = LruCache(bytes if size else 0, itemgetter(1))

    def get(self, generation: str, key: CacheKey) -> Answer | None:
        """The cached answer of this generation, or None."""
        cached = self._answers.get(key) if generation == self._generation else None
        return cached and cached[0]

    def put(self, key: CacheKey, answer: Answer) -> None:
        """Cache an answer; the answers of another generation are dropped, and with them its articles."""
        if answer.generation != self._generation:
            self._answers.clear()
            self._generation = answer.generation
        weight = max(self._least, 1, _memory(key, answer))
        self._answers.update({key: (answer, weight)})


def _memory(key: CacheKey, answer: Answer) -> int:
    """Bytes of a question, its filters and all that its answer refers to, about."""
    extracts = (*answer.extracts, *answer.nearest)
    also_in = [citation for extract in extracts for citation in extract.also_in]
    cited = [extract.article for extract in extracts] + [citation.article for citation in also_in]
    articles = {article.id: article for article in cited}.values()
    texts = (key.question, *chain(*astuple(key.filters)), *(article.text for article in articles))
    objects = len(cited) + sum(len(article.headings) + len(article.dropped) for article in articles)
    return sum(map(getsizeof, texts)) + _OBJECT_BYTES * objects
