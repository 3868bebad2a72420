"""Deletes feedback: on request questions with everything about them, after a time their text alone.

SQLite overwrites what it deletes (`secure_delete`, see `qa.feedback.database`); `flush` then empties its
journal, which holds recent writes.
"""

from __future__ import annotations

import sqlite3
import unicodedata

from qa.errors import FeedbackUnavailable
from qa.feedback.database import transaction

MOST_TEXT = 32 * 1024 * 1024
"""Bytes of questions' texts that are kept; the oldest go first. Some 500,000 questions of ordinary length."""

_EXPIRED = "UPDATE asked SET question = NULL WHERE question IS NOT NULL AND at < ?"
_SURPLUS = """
UPDATE asked SET question = NULL WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(length(CAST(question AS BLOB))) OVER (ORDER BY at DESC, id DESC) AS kept
        FROM asked WHERE question IS NOT NULL
    ) WHERE kept > ?
)
"""
_TEXTS = """
SELECT id, question FROM asked WHERE question IS NOT NULL
UNION ALL SELECT asked, reason FROM judged WHERE reason != ''
"""


def delete_before(connection: sqlite3.Connection, limit: str) -> int:
    """Delete what was asked before a time as it is written in the file; how many questions that were."""
    with transaction(connection):
        deleted = connection.execute("DELETE FROM asked WHERE at < ?", (limit,)).rowcount
    flush(connection)
    return deleted


def delete_containing(connection: sqlite3.Connection, text: str) -> int:
    """Delete each question that holds a text, or a reason given with it does; capitals make no difference."""
    wanted = _folded(text)
    with transaction(connection):
        found = {asked for asked, kept in connection.execute(_TEXTS) if wanted in _folded(kept)}
        connection.executemany("DELETE FROM asked WHERE id = ?", [(asked,) for asked in found])
    flush(connection)
    return len(found)


def expire_texts(connection: sqlite3.Connection, limit: str, *, most: int = MOST_TEXT) -> int:
    """Delete the texts of questions asked before a time, and the oldest beyond `most` bytes; how many."""
    with transaction(connection):
        expired = connection.execute(_EXPIRED, (limit,)).rowcount
        expired += connection.execute(_SURPLUS, (most,)).rowcount
    flush(connection)
    return expired


def flush(connection: sqlite3.Connection) -> None:
    """Put all that was written into the file itself and empty the journal.

    Raises FeedbackUnavailable when somebody reads an older state all the while, which holds what was deleted.
    """
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise FeedbackUnavailable(
            "what was deleted is still in the file's journal, as another program reads it: try again"
        )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
