"""Runs one reading process and talks to it over pipes, with a deadline on every wait.

The process is not trusted: answers are limited in length and parsed by `corpus.sandbox.protocol`.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from corpus.article import Article, CorpusError, Unreadable
from corpus.sandbox.limits import Limits
from corpus.sandbox.protocol import HEADER, Fault, frame, frame_length, question, read_answer

# The limit counts CPU seconds; on busy cores these take longer by the clock.
_PATIENCE = 5
_START_SECONDS = 60.0
_END_SECONDS = 1.0
_STEP = 1 << 16
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
        self._to, self._from = self._running.stdin.fileno(), self._running.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)
        self.answered = 0
        self.sound = True

    def wait_until_ready(self) -> None:
        """Return when the process is confined. Raises CorpusError if it cannot be or does not start."""
        try:
            refusal = self._receive(time.monotonic() + _START_SECONDS)
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
        """Kill the process and its children; a pending `read` raises."""
        if self._running.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Kill the process and close its pipes."""
        self.kill()
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
        length = frame_length(self._read_exactly(HEADER, deadline))
        if length > self._limits.answer:
            raise Fault(f"holds more than {self._limits.answer // 1_000_000:,} MB of text; split it")
        return self._read_exactly(length, deadline)

    def _read_exactly(self, length: int, deadline: float) -> bytes:
        content = bytearray()
        while len(content) < length:
            self._wait(self._from, select.POLLIN, deadline)
            try:
                step = os.read(self._from, min(_STEP, length - len(content)))
            except BlockingIOError:
                continue
            if not step:
                raise self._death()
            content += step
        return bytes(content)

    def _wait(self, pipe: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1_000):
            raise self._too_slow()

    def _death(self) -> Fault:
        """The fault of a process that closed its pipe."""
        with suppress(subprocess.TimeoutExpired):
            self._running.wait(_END_SECONDS)
        self.kill()
        code = self._running.wait()
        if code == -signal.SIGXCPU:
            return self._too_slow()
        died = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Fault(f"stopped its reader ({died}); save it again or in another format")

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"takes longer than {self._limits.seconds} seconds to read; split it")


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
            bufsize=0,
            cwd="/",
            env={"PYTHONPATH": os.pathsep.join(modules), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise CorpusError(f"{_NO_START}: {error.strerror}: {command[0]}") from error
