"""How the assistant is used, from what feedback keeps: counts, lists and seconds over a number of days.

A day is one of UTC. "Declined" is a question that was not answered: unsure or none. A list has its most
frequent or newest first.
"""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise, starmap

from qa.feedback.database import EVENTS
from qa.feedback.store import Verdict

# Upper ends of the histogram's bins in seconds; what takes longer is in one more.
EDGES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
EVERYTHING = -1  # as SQLite's LIMIT has it

_SECONDS = "SELECT seconds FROM asked WHERE at >= ? ORDER BY seconds"
# Of all questions, deleted ones included.
_COUNTS = f"""
SELECT day, event, sum(count) FROM (
    SELECT day, event, 1 AS count FROM ({EVENTS}) UNION ALL SELECT day, event, count FROM past
) WHERE day >= ? GROUP BY day, event
"""
_REPEATED = """
SELECT min(question), count(*), substr(max(at), 1, 10) FROM asked WHERE {which} AND at >= ?
GROUP BY question COLLATE NOCASE ORDER BY count(*) DESC, max(at) DESC, 1 LIMIT ?
"""
_UNANSWERED = _REPEATED.format(which="abstained")
_UNOPENED = _REPEATED.format(which="NOT abstained AND id NOT IN (SELECT asked FROM opened)")
_CITED = """
SELECT cited.article, coalesce(nullif(max(title), ''), max(source)),
    count(DISTINCT cited.asked), count(DISTINCT opened.asked)
FROM asked JOIN cited ON cited.asked = asked.id
LEFT JOIN opened ON opened.asked = asked.id AND opened.article = cited.article
WHERE at >= ? GROUP BY cited.article ORDER BY 3 DESC, 4 DESC, 2, 1 LIMIT ?
"""
_JUDGED = """
SELECT judged.at, judged.asked, coalesce(question, ''), verdict, reason, judged.article, coalesce(
    (SELECT coalesce(nullif(title, ''), source) FROM cited
     WHERE cited.asked = judged.asked AND cited.article = judged.article LIMIT 1), ''
), judged.start, judged."end", generation,
    CASE abstained WHEN 0 THEN 'answered' ELSE 'declined' END
FROM judged JOIN asked ON asked.id = judged.asked
ORDER BY judged.at, judged.asked, judged.article, judged.start
"""
_REASONS = f"SELECT * FROM ({_JUDGED}) WHERE reason != '' AND at >= ? ORDER BY at DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Day:
    """Questions of a day, and how many of them were declined."""

    day: date
    questions: int
    declined: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """A question and how often it was asked, capitals not told apart; None stands for all without a text."""

    question: str | None
    times: int
    last: date


@dataclass(frozen=True, slots=True)
class CitedArticle:
    """An article, the answers that cite it, and those of them in which somebody followed the citation."""

    article: str
    title: str
    answers: int
    opened: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict as it was given, on an answer or on the nearest passages of a question "declined".

    Article and span are empty for a whole answer, the title where it was not cited, the question where its
    text is not kept.
    """

    at: str
    answer_id: str
    question: str
    verdict: str
    reason: str
    article: str
    title: str
    start: int
    end: int
    generation: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Bin:
    """How many questions took up to so many seconds, and more than the bin before; None has no upper end."""

    up_to: float | None
    questions: int


@dataclass(frozen=True, slots=True)
class Usage:
    """All of it; `p50` and `p95` are seconds by nearest rank, None where nothing was asked."""

    days: tuple[Day, ...]
    unanswered: tuple[Repeated, ...]
    unopened: tuple[Repeated, ...]
    cited: tuple[CitedArticle, ...]
    verdicts: dict[Verdict, int]
    reasons: tuple[Judged, ...]
    p50: float | None
    p95: float | None
    seconds: tuple[Bin, ...]


def usage(feedback: sqlite3.Connection, *, days: int, today: date, most: int = EVERYTHING) -> Usage:
    """What the last days (today among them) were like; lists have at most `most` entries."""
    first = today - timedelta(days=days - 1)
    since = first.isoformat()
    listed = (since, most)
    durations = [seconds for (seconds,) in feedback.execute(_SECONDS, (since,))]
    counts = {(day, event): count for day, event, count in feedback.execute(_COUNTS, (since,))}
    return Usage(
        days=tuple(_day(counts, first + timedelta(days=number)) for number in range(days)),
        unanswered=tuple(_repeated(feedback.execute(_UNANSWERED, listed))),
        unopened=tuple(_repeated(feedback.execute(_UNOPENED, listed))),
        cited=tuple(starmap(CitedArticle, feedback.execute(_CITED, listed))),
        verdicts={
            verdict: sum(count for (_, event), count in counts.items() if event == verdict)
            for verdict in Verdict
        },
        reasons=tuple(starmap(Judged, feedback.execute(_REASONS, listed))),
        p50=percentile(durations, 0.5),
        p95=percentile(durations, 0.95),
        seconds=histogram(durations),
    )


def judgements(feedback: sqlite3.Connection) -> Iterator[Judged]:
    """Every verdict ever given and not forgotten, oldest first."""
    return starmap(Judged, feedback.execute(_JUDGED))


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """The nearest rank: of 1, 2, 3, 4 the median is 2 and the 95th percentile 4; None of nothing."""
    if not ascending:
        return None
    return ascending[math.ceil(share * len(ascending)) - 1]


def histogram(ascending: Sequence[float]) -> tuple[Bin, ...]:
    """How many are in each bin; one that is exactly an upper end is below it."""
    ends = [bisect_left(ascending, math.nextafter(edge, math.inf)) for edge in EDGES]
    counts = [last - first for first, last in pairwise([0, *ends, len(ascending)])]
    return tuple(map(Bin, (*EDGES, None), counts))


def _day(counts: Mapping[tuple[str, str], int], day: date) -> Day:
    answered, declined = (counts.get((day.isoformat(), event), 0) for event in ("answered", "declined"))
    return Day(day, answered + declined, declined)


def _repeated(rows: sqlite3.Cursor) -> Iterator[Repeated]:
    return (Repeated(question, times, date.fromisoformat(last)) for question, times, last in rows)
