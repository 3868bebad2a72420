"""Stores questions, opened citations and judgements, in the order of the calls.

A writer thread runs one transaction after the other, so that no answer waits for the disk.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from corpus.normalise import replace_surrogates
from qa.answer import Answer, Extract
from qa.errors import EnoughFeedback, FeedbackUnavailable, UnknownQuestion
from qa.feedback.database import open_feedback, reading, transaction
from qa.feedback.deletion import delete_before, delete_containing, expire

# A question takes a tenth of a millisecond to write: a full queue means that the disk does not answer.
QUEUED = 1_000
# Seconds after which a person who judges is told that it could not be kept.
PATIENCE = 10.0
MOST_PER_QUESTION = 50
REASON_CHARACTERS = 500
_CLOSED = "feedback is closed: start the service again"

Done = TypeVar("Done")
Row = tuple[str | int | float | None, ...]


class Verdict(StrEnum):
    """What a person says of an extract, or of an answer: NONE of its extracts answers."""

    USEFUL = "useful"
    NOT_USEFUL = "not useful"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on an extract, named by its article's id and its span, or on a whole answer ("", 0 to 0)."""

    answer_id: str
    verdict: Verdict
    article: str = ""
    start: int = 0
    end: int = 0
    reason: str = ""


class FeedbackStore:
    """Keeps feedback in a file. Safe to share between threads; processes may share the file.

    `lost` counts questions that could not be recorded, `fault` says why the last one could not. With
    `keep_questions` false no question's text ever reaches the disk. Questions older than `keep_days` and all
    feedback on them, reasons included, are replaced by daily counts when it is opened and with the first
    question of each day (0: never).
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_questions: bool = False,
        keep_days: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises FeedbackRefused when the file is damaged or cannot be used."""
        self.path = path
        self.lost = 0
        self.fault = ""
        self._keep_questions = keep_questions
        self._keep_days = keep_days
        self._expired = ""  # the day on which old questions were last deleted
        self._now = now
        self._connection = open_feedback(path)
        self._free_places = threading.BoundedSemaphore(QUEUED)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._expire(self._connection)

    def record(self, answer_id: str, answer: Answer, seconds: float) -> None:
        """Keep a question and what was cited; returns at once, and what fails is counted, not raised."""
        question = answer.question if self._keep_questions else None
        outcome = answer.abstained, len(answer.extracts), answer.generation
        row = (answer_id, self._at(), seconds, *outcome, question)
        cited = [(answer_id, *_citation(extract)) for extract in answer.extracts]

        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("INSERT INTO asked VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                connection.executemany("INSERT INTO cited VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", cited)
            self._expire(connection)

        try:
            self._submit(write).add_done_callback(self._count)
        except FeedbackUnavailable as error:
            self._lose(error)

    def judge(self, judgement: Judgement) -> None:
        """Keep a verdict, in place of an earlier one on the same extract. Raises FeedbackFailure."""
        place = (judgement.answer_id, judgement.article, judgement.start, judgement.end)
        reason = replace_surrogates(judgement.reason)[:REASON_CHARACTERS]
        values = (*place, judgement.verdict.value, reason, self._at())
        self._add(judgement.answer_id, "INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def opened(self, answer_id: str, article: str) -> None:
        """Keep that a citation was followed, once for each article. Raises as `judge` does."""
        self._add(answer_id, "INSERT OR IGNORE INTO opened VALUES (?, ?)", (answer_id, article))

    def forget(self, before: date | None = None, *, containing: str = "") -> int:
        """Delete what holds a text, or was asked before a day (UTC), or all; the number of questions deleted.

        What is deleted is overwritten on the disk, too. Raises FeedbackUnavailable.
        """
        limit = before.isoformat() if before else "~"  # sorts behind every date

        def delete(connection: sqlite3.Connection) -> int:
            if containing:
                return delete_containing(connection, containing)
            return delete_before(connection, limit)

        return self._wait(delete, patience=None)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees everything recorded until now. Raises FeedbackFailure."""
        self._wait(lambda _: None)
        with reading(self.path) as connection:
            yield connection

    def close(self) -> None:
        """Write what is waiting, for PATIENCE seconds at most, then let go of the file."""
        with suppress(TimeoutError, RuntimeError):  # the second: it is closed already
            self._writer.submit(lambda: None).result(PATIENCE)
        self._writer.shutdown(wait=True, cancel_futures=True)
        self._connection.close()

    def _expire(self, connection: sqlite3.Connection) -> None:
        """Once a day; where the file is in use just now the next question does it."""
        today = self._now().astimezone(UTC).date()
        if self._expired == today.isoformat():
            return
        oldest = (today - timedelta(days=self._keep_days)).isoformat() if self._keep_days else ""
        with suppress(FeedbackUnavailable, sqlite3.OperationalError):
            expire(connection, oldest)
            self._expired = today.isoformat()

    def _add(self, answer_id: str, statement: str, values: Row) -> None:
        def write(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                _check_room(connection, answer_id)
                connection.execute(statement, values)

        self._wait(write)

    def _wait(self, work: Callable[[sqlite3.Connection], Done], *, patience: float | None = PATIENCE) -> Done:
        try:
            return self._submit(work).result(patience)
        except CancelledError as error:
            raise FeedbackUnavailable(_CLOSED) from error
        except (sqlite3.Error, TimeoutError) as error:
            raise FeedbackUnavailable(f"feedback cannot be kept just now ({error}): try again") from error

    def _submit(self, work: Callable[[sqlite3.Connection], Done]) -> Future[Done]:
        if not self._free_places.acquire(blocking=False):
            raise FeedbackUnavailable(
                "feedback cannot be kept just now (its disk does not answer): try again"
            )
        try:
            future = self._writer.submit(work, self._connection)
        except RuntimeError as error:  # after close()
            self._free_places.release()
            raise FeedbackUnavailable(_CLOSED) from error
        future.add_done_callback(lambda _: self._free_places.release())
        return future

    def _count(self, written: Future[None]) -> None:
        error = _CLOSED if written.cancelled() else written.exception()
        if error:
            self._lose(error)

    def _lose(self, error: BaseException | str) -> None:
        self.lost += 1
        self.fault = str(error)

    def _at(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds")


def _check_room(connection: sqlite3.Connection, answer_id: str) -> None:
    known, judged, opened = connection.execute(
        "SELECT (SELECT count(*) FROM asked WHERE id = :asked), "
        "(SELECT count(*) FROM judged WHERE asked = :asked), "
        "(SELECT count(*) FROM opened WHERE asked = :asked)",
        {"asked": answer_id},
    ).fetchone()
    if not known:
        raise UnknownQuestion("no such question was asked here: ask it again, then judge its answer")
    if judged + opened >= MOST_PER_QUESTION:
        raise EnoughFeedback(
            f"this question has {MOST_PER_QUESTION} judgements and clicks already: ask it again to add more"
        )


def _citation(extract: Extract) -> Row:
    article = extract.article
    names = map(replace_surrogates, (article.id, article.title, article.source))
    return extract.rank, *names, article.sha256, extract.start, extract.end, *extract.answer
