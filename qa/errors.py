"""What can go wrong with a question or its answer; doors catch `QaFailure`."""

from __future__ import annotations

from pathlib import Path


class QaFailure(Exception):
    """Something about asking that a person can act on, in one line."""


class WrongSetting(QaFailure):
    """A setting with a value that is not allowed."""


class RenamedSetting(QaFailure):
    """A variable under a name of an earlier version."""

    def __init__(self, name: str, current: str) -> None:
        super().__init__(f"{name} is now {current}; set {current} instead")


class QuestionError(QaFailure):
    """A question that cannot be asked; the message tells the person what to change."""


class EmptyQuestion(QuestionError):
    """Nothing to search for is left of it."""


class LongQuestion(QuestionError):
    """It has more characters than are read; `limit` says how many are."""

    def __init__(self, length: int, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the question has {length:,} characters; the limit is {limit:,}: ask a shorter one")


class CalibrationRefused(QaFailure):
    """A file that does not hold a calibration as it was written."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}; delete it, or run `qa eval calibrate` again")


class FeedbackFailure(QaFailure):
    """Feedback that could not be kept or read; answering goes on without."""


class FeedbackRefused(FeedbackFailure):
    """A file that feedback cannot be kept in."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}; move it away for a new one, or set QA_FEEDBACK=off")


class FeedbackUnavailable(FeedbackFailure):
    """Feedback cannot be kept just now."""


class UnknownQuestion(FeedbackFailure):
    """Feedback on a question that nobody asked here, or that was forgotten."""


class EnoughFeedback(FeedbackFailure):
    """A question that has as much feedback already as is kept for one."""
