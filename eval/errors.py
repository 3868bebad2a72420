"""What can go wrong with measuring, and what a person does next; doors catch `EvalFailure`."""

from __future__ import annotations

from pathlib import Path


class EvalFailure(Exception):
    """Something about gold questions or runs that a person can act on, in one line."""


class GoldError(EvalFailure):
    """A gold file, or a line of it, that is not what it should be; lines count from 1, 0 is the file."""

    def __init__(self, file: Path, reason: str, *, line: int = 0, question: str = "") -> None:
        self.file = file
        self.line = line
        self.question = question
        self.reason = reason
        location = f", line {line}" if line else ""
        named = f" ({question})" if question else ""
        super().__init__(f"{file}{location}{named}: {reason}")


class RunError(EvalFailure):
    """A run folder that is not there, not whole, or not of the same questions as another."""
