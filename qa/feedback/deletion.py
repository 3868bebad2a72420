"""Deletes questions and all feedback on them: on request without a trace, after a time down to daily counts.

SQLite overwrites what it deletes (`secure_delete`); `flush` then empties its journal of recent writes.
"""

from __future__ import annotations

import sqlite3
import unicodedata

from qa.errors import FeedbackUnavailable
from qa.feedback.database import EVENTS, transaction

MOST_TEXT = 32 * 1024 * 1024
"""Bytes of questions and reasons that are kept; the oldest go first. Some 500,000 of ordinary length."""

_COUNT_PAST = f"""
INSERT INTO past SELECT day, event, count(*) FROM ({EVENTS}) WHERE asked_at < ? GROUP BY day, event
ON CONFLICT DO UPDATE SET count = count + excluded.count
"""
_SURPLUS = """
SELECT coalesce(max(at), '') FROM (
    SELECT at, sum(length(CAST(text AS BLOB))) OVER (ORDER BY at DESC, id DESC) AS total FROM (
        SELECT id, at, question AS text FROM asked WHERE question IS NOT NULL
        UNION ALL SELECT id, asked.at, reason FROM judged JOIN asked ON id = asked WHERE reason != ''
    )
) WHERE total > ?
"""
_TEXTS = """
SELECT id, question FROM asked WHERE question IS NOT NULL
UNION ALL SELECT asked, reason FROM judged WHERE reason != ''
"""


def delete_before(connection: sqlite3.Connection, limit: str) -> int:
    """Delete what was asked before a time as it is written in the file; how many questions that were."""
    with transaction(connection):
        deleted = connection.execute("DELETE FROM asked WHERE at < ?", (limit,)).rowcount
        connection.execute("DELETE FROM past WHERE day < ?", (limit,))
    flush(connection)
    return deleted


def delete_containing(connection: sqlite3.Connection, text: str) -> int:
    """Delete each question that holds a text, or a reason given with it does; capitals make no difference."""
    folded = _folded(text)
    with transaction(connection):
        matching = {identifier for identifier, kept in connection.execute(_TEXTS) if folded in _folded(kept)}
        connection.executemany("DELETE FROM asked WHERE id = ?", [(identifier,) for identifier in matching])
    flush(connection)
    return len(matching)


def expire(connection: sqlite3.Connection, limit: str, *, most: int = MOST_TEXT) -> int:
    """Replace questions asked before a time by daily counts, and the oldest beyond `most` bytes; how many."""
    with transaction(connection):
        (surplus,) = connection.execute(_SURPLUS, (most,)).fetchone()
        # Times have the same length; one with a suffix sorts behind itself.
        limit = max(limit, surplus and f"{surplus}~")
        connection.execute(_COUNT_PAST, (limit,))
        expired = connection.execute("DELETE FROM asked WHERE at < ?", (limit,)).rowcount
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
