"""The SQLite file of feedback, readable by its owner alone; created and checked when it is opened.

Times are UTC. A question's text is there only if questions are logged. `abstained` is 0 if the question was
answered, 1 if it was unsure or none. A verdict on a whole answer has the article "" and the span 0 to 0.
`past` counts what remains of deleted questions by day and outcome or verdict.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from index.storage.durable_io import Disk
from qa.errors import FeedbackRefused

FEEDBACK = "feedback.sqlite"
VERSION = 1
# "vbfb": tells this file from every other SQLite file.
_APPLICATION = 0x76626662
# Seconds to wait for another process's write; each takes a fraction of a millisecond.
_BUSY = 5.0

_SCHEMA = f"""
CREATE TABLE asked (
    id TEXT PRIMARY KEY, at TEXT NOT NULL, seconds REAL NOT NULL, abstained INTEGER NOT NULL,
    extracts INTEGER NOT NULL, generation TEXT NOT NULL, question TEXT
) WITHOUT ROWID;
CREATE INDEX asked_at ON asked (at);
CREATE TABLE cited (
    asked TEXT NOT NULL REFERENCES asked ON DELETE CASCADE, rank INTEGER NOT NULL,
    article TEXT NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL, sha256 TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    answer_start INTEGER NOT NULL, answer_end INTEGER NOT NULL,
    PRIMARY KEY (asked, rank)
) WITHOUT ROWID;
CREATE TABLE opened (
    asked TEXT NOT NULL REFERENCES asked ON DELETE CASCADE, article TEXT NOT NULL,
    PRIMARY KEY (asked, article)
) WITHOUT ROWID;
CREATE TABLE judged (
    asked TEXT NOT NULL REFERENCES asked ON DELETE CASCADE, article TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('useful', 'not useful', 'none')),
    reason TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (asked, article, start, "end")
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {VERSION};
"""

# Not in version 1's first files; programs that do not know it ignore it.
_PAST = """
CREATE TABLE IF NOT EXISTS past (
    day TEXT NOT NULL, event TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (day, event)
) WITHOUT ROWID
"""
EVENTS = """
SELECT at AS asked_at, substr(at, 1, 10) AS day,
    CASE abstained WHEN 0 THEN 'answered' ELSE 'declined' END AS event FROM asked
UNION ALL SELECT asked.at, substr(judged.at, 1, 10), verdict FROM judged JOIN asked ON asked.id = judged.asked
"""
"""What `past` counts, of the questions that are still there: when the question was asked, day, event."""


def open_feedback(path: Path) -> sqlite3.Connection:
    """A connection for writing, for one thread at a time; makes the file. Raises FeedbackRefused."""
    try:
        _create_private(path)
        with ExitStack() as stack:
            connection = stack.enter_context(closing(_connect(path)))
            _prepare(connection, path)
            stack.pop_all()
            return connection
    except (OSError, sqlite3.Error) as error:
        raise FeedbackRefused(path, _reason(error)) from error


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the file as it is now, whatever is written meanwhile. Raises FeedbackRefused."""
    try:
        with closing(_connect(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise FeedbackRefused(path, _reason(error)) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that waits for the writes of other processes."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def _create_private(path: Path) -> None:
    """SQLite gives the files it puts beside this one the same mode."""
    Disk().make_data_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    # Deleted content is overwritten, not only marked as free.
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection):
        if not _number(connection, "schema_version"):
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
    if _number(connection, "application_id") != _APPLICATION:
        raise FeedbackRefused(path, "is not a file of feedback")
    version = _number(connection, "user_version")
    if version != VERSION:
        raise FeedbackRefused(path, f"has format {version}, not {VERSION}")
    (fault,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if fault != "ok":
        raise FeedbackRefused(path, f"is damaged ({fault})")
    connection.execute(_PAST)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)


def _reason(error: OSError | sqlite3.Error) -> str:
    """ "cannot be used: file is not a database"."""
    message = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be used: {' '.join(str(message).split())}"
