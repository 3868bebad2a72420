"""What can go wrong with a question or its answer; doors catch `QaFailure`."""

from __future__ import annotations

from pathlib import Path


class QaFailure(Exception):
    """Something about asking that a person can act on, in one line."""


class QuestionError(QaFailure):
    """A question that cannot be asked; the message tells the person what to change."""


class CalibrationRefused(QaFailure):
    """A file that does not hold a calibration as it was written."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}; delete it, or run `qa eval calibrate` again")
