"""Errors of evaluation; the command line catches `EvalFailure`."""

from __future__ import annotations

from pathlib import Path


class EvalFailure(Exception):
    """A problem with gold questions or runs; the message is one line and names the next step."""


class GoldError(EvalFailure):
    """A bad gold file, or a bad line of it; lines count from 1, 0 is the file."""

    def __init__(self, file: Path, reason: str, *, line: int = 0, question: str = "") -> None:
        self.line = line
        self.question = question
        location = f", line {line}" if line else ""
        super().__init__(f"{file}{location}{f' ({question})' if question else ''}: {reason}")


class RunError(EvalFailure):
    """A run folder that is missing, damaged, or of other questions than the one compared with."""
