"""Runs one reading process and talks to it over pipes, and kills it at its deadline.

The process is not trusted: answers are limited in length and parsed by `corpus.sandbox.protocol`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from corpus.article import Article, CorpusError, Unreadable
from corpus.sandbox.limits import Limits
from corpus.sandbox.protocol import HEADER, Fault, frame, frame_length, question, read_answer

# The limit counts CPU seconds; on busy cores these take longer by the clock.
_PATIENCE = 5
_START_SECONDS = 60.0
_END_SECONDS = 1.0
_NO_START = "the process that reads files does not start"


class TooSlow(Fault):
    """A file that took longer than the limit."""


class Worker:
    """One reading process. `answered` counts its answers; unless it is `sound`, it has to be stopped."""

    def __init__(self, command: Sequence[str], limits: Limits) -> None:
        self._limits = limits
        self._running = _start(command)
        assert self._running.stdin
        assert self._running.stdout
        self._to, self._from = self._running.stdin, self._running.stdout
        self._deadline = 0.0
        self.answered = 0
        self.sound = True

    def wait_until_ready(self) -> None:
        """Return when the process is confined. Raises CorpusError if it cannot be or does not start."""
        try:
            with self._killed_after(_START_SECONDS):
                refusal = self._receive()
        except Fault as error:
            self.stop()
            raise CorpusError(
                f"{_NO_START}; `python -m corpus.sandbox.worker 9 999999999 9` tells why"
            ) from error
        if refusal:
            self.stop()
            raise CorpusError(refusal.decode())

    def read(self, suffix: str, raw: bytes, source: str) -> Article:
        """The article in these bytes. Raises Unreadable, or Fault if the process failed."""
        self.sound = False
        with self._killed_after(_PATIENCE * self._limits.seconds):
            self._send(frame(question(self.answered, suffix, source)))
            self._send(frame(raw))
            answer = self._receive()
        try:
            article = read_answer(answer, self.answered, source)
        except Fault:
            raise
        except Unreadable:
            self._sound_again()
            raise
        self._sound_again()
        return article

    def kill(self) -> None:
        """Kill the process and its children; a pending `read` raises."""
        if self._running.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Kill the process and close its pipes."""
        self.kill()
        self._running.wait()
        for pipe in (self._to, self._from):
            with suppress(BrokenPipeError):
                pipe.close()

    def _sound_again(self) -> None:
        self.sound = True
        self.answered += 1

    @contextmanager
    def _killed_after(self, seconds: float) -> Iterator[None]:
        """Kill the process when the time is over, which ends a pending read or write."""
        self._deadline = time.monotonic() + seconds
        timer = threading.Timer(seconds, self.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _send(self, content: bytes) -> None:
        try:
            self._to.write(content)
            self._to.flush()
        except BrokenPipeError as error:
            raise self._death() from error

    def _receive(self) -> bytes:
        length = frame_length(self._read_exactly(HEADER))
        if length > self._limits.answer:
            raise Fault(f"holds more than {self._limits.answer // 1_000_000:,} MB of text; split it")
        return self._read_exactly(length)

    def _read_exactly(self, length: int) -> bytes:
        content = self._from.read(length)
        if len(content) < length:
            raise self._death()
        return content

    def _death(self) -> Fault:
        """The fault of a process that closed its pipe."""
        with suppress(subprocess.TimeoutExpired):
            self._running.wait(_END_SECONDS)
        self.kill()
        code = self._running.wait()
        if code == -signal.SIGXCPU or time.monotonic() >= self._deadline:
            return TooSlow(f"takes longer than {self._limits.seconds} seconds to read; split it")
        names = {number.value: number.name for number in signal.Signals}  # real-time signals have none
        died = f"exit code {code}" if code >= 0 else names.get(-code, f"signal {-code}")
        return Fault(f"stopped its reader ({died}); save it again or in another format")


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the process with nothing in its environment but the module path.

    It gets a session of its own, so Ctrl-C reaches the parent only.
    """
    modules = [os.path.abspath(path) for path in [*sys.path, str(Path(__file__).parents[2])] if path]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONPATH": os.pathsep.join(modules), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise CorpusError(f"{_NO_START}: {error.strerror}: {command[0]}") from error
