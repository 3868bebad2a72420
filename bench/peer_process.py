"""The driver's side of the protocol: one system in a process of its own, asked line by line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.errors import PeerFailed

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 3_600.0
"""Seconds that one line may take."""
_REASON_CHARACTERS = 300  # characters of a reason
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "PYTHONPATH": str(ROOT),
    "PYTHONSAFEPATH": "1",  # a script named after a library must not be taken for it
}


def quiet_environment() -> dict[str, str]:
    """The environment of every process measured: offline, without telemetry, from the project's root."""
    return {**os.environ, **_QUIET}


def run_module(module: str, *options: str, document: object, name: str) -> dict[str, Any]:
    """What a module, run in a process of its own and given JSON, tells as JSON. Raises PeerFailed."""
    ended = subprocess.run(
        [sys.executable, "-m", module, *options],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=quiet_environment(),
    )
    if ended.returncode:
        last = ended.stderr.strip().rpartition("\n")[2] or f"ended with {ended.returncode}"
        raise PeerFailed(name, f"{' '.join([module, *options])}: {last}")
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


class Peer:
    """A process that speaks the protocol; ended when the context is left."""

    def __init__(self, name: str, command: Sequence[str], *, limit: float = LIMIT) -> None:
        """Start it. Raises PeerFailed when there is no such program."""
        self.name = name
        self._limit = limit
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        try:
            self._running = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                cwd=ROOT,
                env=quiet_environment(),
            )
        except OSError as error:
            self._errors.close()
            reason = f"{command[0]} cannot be started ({error.strerror}); run `make bench-setup`"
            raise PeerFailed(name, reason) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.kill()
        assert self._running.stdin
        assert self._running.stdout
        with suppress(BrokenPipeError):  # what was not read is lost with the process
            self._running.stdin.close()
        self._running.stdout.close()
        self._running.wait()
        self._errors.close()

    def call(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a line and read the reply. Raises PeerFailed when there is none in time."""
        too_long = threading.Timer(self._limit, self._running.kill)
        too_long.start()
        try:
            reply = self._exchange(json.dumps({"do": do, **fields}))
        finally:
            too_long.cancel()
        if not reply:
            raise PeerFailed(self.name, self._failure(do))
        answer: dict[str, Any] = json.loads(reply)
        return answer

    def _exchange(self, line: str) -> str:
        assert self._running.stdin
        assert self._running.stdout
        try:
            self._running.stdin.write(line + "\n")
            self._running.stdin.flush()
        except BrokenPipeError:
            return ""
        return self._running.stdout.readline()

    def _failure(self, do: str) -> str:
        code = self._running.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().splitlines() if line.strip()]
        if code == -signal.SIGKILL:
            return f"{do}: was killed: took more than {self._limit:g} s, or more memory than there is"
        return f"{do}: {lines[-1][:_REASON_CHARACTERS] if lines else f'ended with {code}'}"
