"""Runs a command of `qa` in a child process that dies at a line of the product, or whose disk fails.

    {"data": folder, "command": ["access", "add", "ann"], "reply": file, "at": 40}    dies at the 40th line it runs
    {..., "fault": 7}                      the 7th time that it opens, lists or renames something there, EIO is raised
    {"data": folder, "engine": folder, "files": folder, "at": 7}    copies out of an engine, dies at step 7 on the disk

The reply file tells how many lines and openings there were, the exit code, what was said, and an error that no
command may end with.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.repository import ROOT

DEATH = 77
PRODUCT = tuple(f"{ROOT / room}{os.sep}" for room in ("index", "qa", "web", "cli"))
READING = {"open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.mkdir", "shutil.rmtree"}

Tracer = Callable[[FrameType, str, Any], Any]


class LineCount:
    """Counts lines of the product; ends the process at the one of this number, as a signal would."""

    def __init__(self, at: int) -> None:
        self.lines = 0
        self._at = at

    def enter(self, frame: FrameType, event: str, argument: object) -> Tracer | None:
        """The tracer of a function, none outside of the product."""
        return self.line if frame.f_code.co_filename.startswith(PRODUCT) else None

    def line(self, frame: FrameType, event: str, argument: object) -> Tracer:
        """Count, or die."""
        if event == "line":
            if self.lines == self._at:
                os._exit(DEATH)
            self.lines += 1
        return self.line


class ReadFault:
    """Raises EIO at the access of this number below a folder."""

    def __init__(self, folder: str, at: int) -> None:
        self.accesses = 0
        self._folder = folder
        self._at = at

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in READING or not isinstance(arguments[0], (str, Path)):
            return
        path = str(arguments[0])
        if path.startswith(self._folder):
            self.accesses += 1
            if self.accesses - 1 == self._at:
                raise OSError(errno.EIO, os.strerror(errno.EIO), path)


def preload() -> None:
    """Import what the commands import, so that no child has to."""
    import cli.main  # noqa: F401
    import web.access.credentials  # noqa: F401


def run_command(told: dict[str, Any]) -> None:
    """The work of the child."""
    from typer.testing import CliRunner

    from cli.main import app

    lines, faults = LineCount(told.get("at", -1)), ReadFault(told["data"], told.get("fault", -1))
    sys.addaudithook(faults)
    threading.settrace(lines.enter)
    sys.settrace(lines.enter)
    done = CliRunner().invoke(app, [*told["command"], "--data", told["data"]])
    sys.settrace(None)
    error = "" if isinstance(done.exception, SystemExit | None) else repr(done.exception)
    reply = {"lines": lines.lines, "accesses": faults.accesses, "code": done.exit_code, "error": error}
    Path(told["reply"]).write_text(json.dumps({**reply, "said": done.output}), encoding="utf-8")


def run_copy(told: dict[str, Any], disk: Any) -> None:
    """Copy out of an engine."""
    from index.engine.download import download
    from tests.support.fake_engine import FolderEngine

    download(FolderEngine(Path(told["engine"]), Path(told["files"])), Path(told["data"]), disk=disk)
