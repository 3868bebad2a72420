"""Reading processes: at most one for each core, started when there is work, replaced when one dies.

A file is opened here, once, and its bytes are sent; what comes back is an article or a reason. What a file does
to the process that reads it costs no other file: a process that crashes, never ends, takes all memory or floods
its pipe is ended, and the file is refused.

    a.md, bomb.docx, c.md  ->  article, "needs more than 2,048 MB of memory to read", article
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from corpus.article import Article, CorpusError, Unreadable
from corpus.confine import LIMITS, Limits
from corpus.folder import Found, file_bytes
from corpus.wire import HEADER, Fault, frame, frame_length, question, read_answer

# Files that are read or wait to be taken, for each process: what bounds the memory of reading ahead.
AHEAD = 4
# A process computes for at most the limit's seconds; where others take the cores, that takes longer.
_PATIENCE = 3
_START_SECONDS = 60.0
_STEP = 1 << 16
_NO_START = "the process that reads files does not start"
Outcome = Article | Unreadable


class TooSlow(Fault):
    """A file whose reading was ended for the time it took."""


class Workers:
    """A pool of reading processes; leaving the `with` block ends them."""

    def __init__(
        self, *, limits: Limits = LIMITS, most: int | None = None, command: Sequence[str] | None = None
    ) -> None:
        """`most` processes, one for each core by default. `command` is what starts one."""
        self._limits = limits
        self._most = most or _cores()
        self._command = command or _command(limits)
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="reading")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
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

    def read(self, files: Iterable[tuple[Found, str]]) -> Iterator[tuple[str, Outcome]]:
        """Source and outcome of each file, in order. Raises CorpusError when no process can be started."""
        waiting: deque[tuple[str, Future[Outcome]]] = deque()
        for found, source in files:
            waiting.append((source, self._threads.submit(self._outcome, found, source)))
            if len(waiting) == AHEAD * self._most:
                first, outcome = waiting.popleft()
                yield first, outcome.result()
        while waiting:
            first, outcome = waiting.popleft()
            yield first, outcome.result()

    def _outcome(self, found: Found, source: str) -> Outcome:
        try:
            return self._article(found.path.suffix.lower(), file_bytes(found), source)
        except Unreadable as error:
            return error

    def _article(self, suffix: str, raw: bytes, source: str) -> Article:
        worker = self._taken()
        try:
            return worker.read(suffix, raw, source)
        except TooSlow:
            raise
        except Fault:
            if worker.answered == 0:
                raise
        finally:
            self._put_back(worker)
        # What earlier files left behind in a process must not cost this one: a fresh one has the last word.
        worker = self._new()
        try:
            return worker.read(suffix, raw, source)
        finally:
            self._put_back(worker)

    def _taken(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._new()

    def _new(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise CorpusError("the reading processes were ended")
            worker = _Worker(self._command, self._limits)
            self._all.add(worker)
            self.started += 1
        worker.wait_until_ready()
        return worker

    def _put_back(self, worker: _Worker) -> None:
        if worker.sound:
            with self._lock:
                self._idle.append(worker)
        else:
            worker.stop()
            with self._lock:
                self._all.discard(worker)


class _Worker:
    """One reading process and the pipes to it. `answered` counts its answers; not `sound` is to be ended."""

    def __init__(self, command: Sequence[str], limits: Limits) -> None:
        self._limits = limits
        self._running = _started(command)
        assert self._running.stdin
        assert self._running.stdout
        self._to, self._from = self._running.stdin.fileno(), self._running.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self.answered = 0
        self.sound = True

    def wait_until_ready(self) -> None:
        """Returns when the process has said that it listens. Raises CorpusError when it does not."""
        try:
            self._receive(time.monotonic() + _START_SECONDS)
        except Fault as error:
            self.stop()
            raise CorpusError(
                f"{_NO_START}: `{sys.executable} -m corpus.worker 9 999999999 9` tells why"
            ) from error

    def read(self, suffix: str, raw: bytes, source: str) -> Article:
        """The article in these bytes. Raises Unreadable, and Fault when the process did not do its work."""
        deadline = time.monotonic() + _PATIENCE * self._limits.seconds
        self.sound = False
        self._send(frame(question(self.answered, suffix, source)), deadline)
        self._send(frame(raw), deadline)
        try:
            article = read_answer(self._receive(deadline), self.answered, source)
        except Fault:
            raise
        except Unreadable:
            self._sound_again()
            raise
        self._sound_again()
        return article

    def kill(self) -> None:
        """End the process; whoever waits for its answer is told so."""
        self._running.kill()

    def stop(self) -> None:
        """End the process and close what belongs to it."""
        self._running.kill()
        self._running.wait()
        for pipe in (self._running.stdin, self._running.stdout):
            if pipe:
                pipe.close()

    def _sound_again(self) -> None:
        self.sound = True
        self.answered += 1

    def _send(self, content: bytes, deadline: float) -> None:
        left = memoryview(content)
        while left:
            self._wait(self._to, select.POLLOUT, deadline)
            try:
                left = left[os.write(self._to, left[:_STEP]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise self._death() from error

    def _receive(self, deadline: float) -> bytes:
        length = frame_length(self._take(HEADER, deadline))
        if length > self._limits.answer:
            raise Fault(f"holds more than {self._limits.answer // 1_000_000:,} MB of text; split it")
        return self._take(length, deadline)

    def _take(self, length: int, deadline: float) -> bytes:
        """So many bytes of the process's answer."""
        taken = bytearray()
        while len(taken) < length:
            self._wait(self._from, select.POLLIN, deadline)
            try:
                step = os.read(self._from, min(_STEP, length - len(taken)))
            except BlockingIOError:
                continue
            if not step:
                raise self._death()
            taken += step
        return bytes(taken)

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1_000):
            raise self._too_slow()

    def _death(self) -> Fault:
        """Why a process that said nothing any more has ended."""
        self._running.kill()
        code = self._running.wait()
        if code == -signal.SIGXCPU:
            return self._too_slow()
        died = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Fault(f"stopped its reader ({died}); save it again or in another format")

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"takes longer than {self._limits.seconds} seconds to read; split it")


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """The process, with nothing of this one's environment but where Python finds modules.

    Ctrl-C is for who asks, not for it: it is in a session of its own.
    """
    modules = [os.path.abspath(path) for path in [*sys.path, Path(__file__).parents[1]] if path]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={"PYTHONPATH": os.pathsep.join(modules), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise CorpusError(f"{_NO_START}: {error.strerror}: {command[0]}") from error


def _command(limits: Limits) -> list[str]:
    module = ["-P", "-m", "corpus.worker"]
    return [sys.executable, *module, *map(str, (limits.seconds, limits.memory, limits.answer))]


def _cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
