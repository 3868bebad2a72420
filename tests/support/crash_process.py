"""A process that forks builders and sees them die: `python -m tests.support.crash_process`, driven by JSON lines.

It has no thread of its own when it forks, and imports everything first: a builder starts in a millisecond.
    {"data": folder, "change": name, "at": 7}              dies by os._exit at step 7
    {"data": folder, "change": name, "inside": 3}          dies inside tantivy, after 3 texts were given to it
    {"data": folder, "turn": 5, "after": 0.7}              builds SERIES from turn 5 on, and is killed by SIGKILL
                                                           after this many times what a build takes
    {"data": folder, "turn": 5, "after": 0.1, "near": true}    the same, counted from when `CURRENT` is to be replaced
    {"data": folder, "command": [...]}, {"data": folder, "engine": folder}    see `tests.support.command_faults`
The reply tells how it ended ("died", "killed", "finished", "failed"), and what a series began and finished.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from index.storage.durable_io import Disk
from tests.support.command_faults import preload, run_command, run_copy
from tests.support.index_changes import CHANGES, HARBOUR, LISTS, MEMORY, UPDATED, ZYZZYVA, Change
from tests.support.repository import ROOT

SERIES = ((HARBOUR,), (HARBOUR, ZYZZYVA), (HARBOUR, UPDATED))
"""Articles published in turn, round and round: add, update, delete."""

_PUBLISHING = b"publishing\n"
_DEATH = 77
_FAILURE = 78


def turned(turn: int) -> Change:
    """The change of a turn of the series: what the turn before published, and what this one does."""
    return Change(SERIES[(turn - 1) % len(SERIES)], SERIES[turn % len(SERIES)])


class Dying(Disk):
    """Ends the process at the step of this number, as nothing but a signal could: no handler, no cleaning up."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self, operation: str, path: Path) -> None:
        if self._left == 0:
            os._exit(_DEATH)
        self._left -= 1


class Telling(Disk):
    """Says when `CURRENT` is about to be replaced."""

    def __init__(self, writing: int) -> None:
        self._writing = writing

    def step(self, operation: str, path: Path) -> None:
        if operation == "replace":
            os.write(self._writing, _PUBLISHING)


class Undertaker:
    """The tests' side of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **told: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        return reply


@contextmanager
def undertaker() -> Iterator[Undertaker]:
    command = [sys.executable, "-m", "tests.support.crash_process"]
    root = ROOT
    pipe = subprocess.PIPE
    # Who is killed leaves temporary files.
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as left:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": left}
        options: Any = {"stdin": pipe, "stdout": pipe, "text": True, "cwd": root, "env": environment}
        with subprocess.Popen(command, **options) as process:
            yield Undertaker(process)
            assert process.stdin
            process.stdin.close()


def _serve() -> None:
    seconds = _warm_up()
    preload()
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(_kill(told, seconds) if "after" in told else _die(told)), flush=True)


def _warm_up() -> float:
    """Build until everything is imported and no thread is left; the seconds of a build."""
    with TemporaryDirectory() as folder:
        for turn in range(3):
            started = time.perf_counter()
            turned(turn).apply(Path(folder) / "data")
            seconds = time.perf_counter() - started
    gc.collect()
    while len(os.listdir("/proc/self/task")) > 1:
        time.sleep(0.05)
    return seconds


def _die(told: dict[str, Any]) -> dict[str, Any]:
    child = os.fork()
    if child == 0:
        _ended(lambda: _build(told))
    return {"end": _end(child)}


def _build(told: dict[str, Any]) -> None:
    disk = Dying(told.get("at", -1))
    if "command" in told:
        return run_command(told)
    if "engine" in told:
        return run_copy(told, disk)
    if "inside" in told:
        _die_inside(told["inside"])
    CHANGES.get(told["change"], LISTS).apply(Path(told["data"]), disk=disk)


def _die_inside(texts: int) -> None:
    """The next build dies while tantivy is at work."""
    from index.building import publish

    counted, told = count(), publish._indexed_texts

    def dying(*spans: Any) -> Iterator[Any]:
        for one in told(*spans):
            if next(counted) == texts:
                os._exit(_DEATH)
            yield one

    setattr(publish, "_indexed_texts", dying)  # noqa: B010


def _kill(told: dict[str, Any], seconds: float) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _ended(lambda: _build_on(Path(told["data"]), told["turn"], writing))
    os.close(writing)
    if told.get("near"):
        os.read(reading, len(_PUBLISHING))
    time.sleep(told["after"] * seconds)
    os.kill(child, signal.SIGKILL)
    end = _end(child)
    with os.fdopen(reading) as lines:
        finished = [int(line) for line in lines if line != _PUBLISHING.decode()]
    return {"end": end, "finished": finished}


def _build_on(data: Path, turn: int, writing: int) -> None:
    for number in count(turn):
        turned(number).apply(data, disk=Telling(writing))
        os.write(writing, f"{number}\n".encode())


def _ended(work: Any) -> None:
    """Do it in a child, which never gets back to what its parent was about to do."""
    code = _FAILURE
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def _end(child: int) -> str:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "killed" if os.WTERMSIG(status) == signal.SIGKILL else "crashed"
    return {0: "finished", _DEATH: "died"}.get(os.WEXITSTATUS(status), "failed")


if __name__ == "__main__":
    _serve()
