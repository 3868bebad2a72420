"""From feedback to gold: what people asked and judged, as the answers that `eval.candidates` takes.

Only questions whose text was kept can become gold. A quotation is read from the article as it was cited:
where the article has changed since, nothing is quoted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpus.article import Article

Record = dict[str, Any]

# A question that people judged comes before the same one declined, and useful answers come first.
_ASKED = """
SELECT asked.id, question, abstained, count(verdict), max(coalesce(verdict = 'useful', 0))
FROM asked LEFT JOIN judged ON judged.asked = asked.id
WHERE question IS NOT NULL GROUP BY asked.id HAVING abstained OR count(verdict)
ORDER BY 5 DESC, count(verdict) > 0 DESC, asked.at DESC, asked.id
"""
# The extract that was called useful; of a whole answer, or of an article as a whole, the first.
_USEFUL = """
SELECT cited.article, source, sha256, answer_start, answer_end FROM cited JOIN judged USING (asked)
WHERE asked = ? AND verdict = 'useful' AND (judged.article = '' OR (
    judged.article = cited.article
    AND (judged."end" = 0 OR (judged.start < cited."end" AND cited.start < judged."end"))
)) ORDER BY judged.article = '', judged."end" = 0, rank LIMIT 1
"""
_FIRST = """
SELECT article, source, sha256, answer_start, answer_end FROM cited WHERE asked = ? ORDER BY rank LIMIT 1
"""
_WITHOUT_TEXT = """
SELECT count(*) FROM asked
WHERE question IS NULL AND (abstained OR EXISTS (SELECT 1 FROM judged WHERE judged.asked = asked.id))
"""


def judged_records(feedback: sqlite3.Connection, articles: Iterable[Article]) -> Iterator[Record]:
    """Questions that were declined or judged, as `qa ask --json` prints answers, with "useful".

    Useful ones first, then those that were not, then the declined; the newest first in each. An answer with
    any extract called useful is useful.
    """
    texts = {(article.id, article.sha256): article.text for article in articles}
    for asked, question, abstained, judged, useful in feedback.execute(_ASKED).fetchall():
        yield {
            "question": question,
            "abstained": bool(abstained),
            "useful": bool(useful) if judged else None,
            "extracts": list(_extract(feedback.execute(_USEFUL if useful else _FIRST, (asked,)), texts)),
        }


def without_text(feedback: sqlite3.Connection) -> int:
    """How many questions would be among the records had their text been kept."""
    (count,) = feedback.execute(_WITHOUT_TEXT).fetchone()
    return int(count)


def _extract(cited: sqlite3.Cursor, texts: Mapping[tuple[str, str], str]) -> Iterator[Record]:
    for article, source, sha256, start, end in cited:
        text = texts.get((article, sha256))
        if text is not None:
            yield {"source": source, "answer": {"text": text[start:end]}}
