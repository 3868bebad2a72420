"""Pool of reading processes: one per core, started on demand, replaced when one dies.

The parent opens each file once and sends its bytes; the worker returns an article or a reason. A worker that
crashes, hangs, takes all memory or floods its pipe is killed, and only the file it was reading is refused.

    a.md, bomb.docx, c.md  ->  article, "needs more than 2,048 MB of memory to read", article
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from corpus.article import Article, CorpusError, Unreadable
from corpus.sandbox.limits import LIMITS, Limits
from corpus.sandbox.process import TooSlow, Worker
from corpus.sandbox.protocol import Fault

# Files read ahead per process: bounds the memory of results that nobody has consumed yet.
AHEAD = 4
Outcome = Article | Unreadable


class Openable(Protocol):
    """A file that can be read, local or remote, and its unique name."""

    @property
    def source(self) -> str:
        """Its name."""

    @property
    def suffix(self) -> str:
        """The format: ".md"."""

    def raw(self) -> bytes:
        """Its bytes. Raises Unreadable."""


class Workers:
    """A pool of reading processes; leaving the `with` block kills them."""

    def __init__(
        self, *, limits: Limits = LIMITS, most: int | None = None, command: Sequence[str] | None = None
    ) -> None:
        """At most `most` processes, by default one per core, each started by `command`."""
        self._limits = limits
        self._most = most or _cores()
        self._command = command or _command(limits)
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="reading")
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._closed = False
        self.started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            running = list(self._all)
        for worker in running:
            worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in running:
            worker.stop()

    def read(self, files: Iterable[Openable]) -> Iterator[tuple[str, Outcome]]:
        """Source and outcome of each file, in order. Raises CorpusError if no process can be started."""
        pending: deque[tuple[str, Future[Outcome]]] = deque()
        for file in files:
            pending.append((file.source, self._threads.submit(self._outcome, file)))
            if len(pending) == AHEAD * self._most:
                source, outcome = pending.popleft()
                yield source, outcome.result()
        for source, outcome in pending:
            yield source, outcome.result()

    def _outcome(self, file: Openable) -> Outcome:
        try:
            return self._article(file.suffix, file.raw(), file.source)
        except Unreadable as error:
            return error

    def _article(self, suffix: str, raw: bytes, source: str) -> Article:
        worker = self._idle_worker()
        try:
            return worker.read(suffix, raw, source)
        except TooSlow:
            raise
        except Fault:
            if worker.answered == 0:
                raise
        finally:
            self._put_back(worker)
        # Earlier files may have damaged that process, so a fresh one decides about this file.
        worker = self._new()
        try:
            return worker.read(suffix, raw, source)
        finally:
            self._put_back(worker)

    def _idle_worker(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._new()

    def _new(self) -> Worker:
        with self._lock:
            if self._closed:
                raise CorpusError("the reading processes were ended")
            worker = Worker(self._command, self._limits)
            self._all.add(worker)
            self.started += 1
        worker.wait_until_ready()
        return worker

    def _put_back(self, worker: Worker) -> None:
        if worker.sound:
            with self._lock:
                self._idle.append(worker)
        else:
            worker.stop()
            with self._lock:
                self._all.discard(worker)


def _command(limits: Limits) -> list[str]:
    module = ["-P", "-m", "corpus.sandbox.worker"]
    return [sys.executable, *module, *map(str, (limits.seconds, limits.memory, limits.answer))]


def _cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
