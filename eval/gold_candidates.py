"""Turns answers and feedback into gold candidates, which an evaluator completes.

Questions that were declined or marked as not useful need an answer looked up: `answerable` is null until
then. For questions marked as useful the marked answer is proposed as evidence, to be confirmed. `qa eval
check` lists what is still missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from corpus.article import Article
from corpus.json_lines import numbered_objects
from corpus.normalise import fold
from eval.errors import GoldError
from eval.gold import ANSWERS

Line = dict[str, Any]
_CLOSEST_CHARACTERS = 160


def candidates(records: Iterable[Mapping[str, Any]], *, prefix: str = "use") -> Iterator[Line]:
    """Candidate gold lines for answers as `qa ask --json` prints them, each question once.

    A record may carry a user's verdict as "useful": true or false; answers without a verdict are left out.
    """
    seen: set[str] = set()
    for record in records:
        question = str(record.get("question") or "").strip()
        useful = record.get("useful")
        if not question or fold(question) in seen or (useful is None and not record.get("abstained")):
            continue
        seen.add(fold(question))
        identifier = f"{prefix}-{len(seen):03d}"
        yield {"id": identifier, "question": question, "type": "", **_completed(record, useful)}


def _completed(record: Mapping[str, Any], useful: object) -> Line:
    first = next(iter(record.get("extracts") or ()), None)
    if useful is True and first and first["answer"]["text"].strip():
        evidence = {"doc": first["source"], "quotes": [first["answer"]["text"]], "grade": ANSWERS}
        return {"answerable": True, "relevant": [evidence], "note": "marked useful: confirm the quote"}
    unjudged = "declined" if record.get("abstained") else "marked not useful"
    reason = "marked useful" if useful is True else unjudged
    closest = next(iter(record.get("nearest") or record.get("extracts") or ()), None)
    shown = (
        f"; shown: {closest['source']}: {closest['answer']['text'][:_CLOSEST_CHARACTERS]}" if closest else ""
    )
    note = f"{reason}: look up whether the articles answer{shown}"
    return {"answerable": None, "relevant": [], "note": note}


def read_answers(path: Path) -> Iterator[Mapping[str, Any]]:
    """The answers in a file of JSON Lines. Raises GoldError."""
    for number, record in numbered_objects(path, advice="give what `qa ask --batch FILE --json` printed"):
        if not _is_answer(record):
            raise GoldError(path, "is not an answer as `qa ask --json` prints it", line=number)
        yield record


def _is_answer(record: Mapping[str, Any]) -> bool:
    listed = [record.get("extracts", []), record.get("nearest", [])]
    verdict = record.get("useful") in (None, True, False)
    return (
        verdict
        and isinstance(record.get("question"), str)
        and all(isinstance(extracts, list) and all(map(_is_extract, extracts)) for extracts in listed)
    )


def _is_extract(extract: object) -> bool:
    if not isinstance(extract, dict) or not isinstance(extract.get("answer"), dict):
        return False
    return isinstance(extract.get("source"), str) and isinstance(extract["answer"].get("text"), str)


Record = dict[str, Any]

# Useful answers come first, and judged questions before declined ones.
_ASKED = """
SELECT asked.id, question, abstained, count(verdict), max(coalesce(verdict = 'useful', 0))
FROM asked LEFT JOIN judged ON judged.asked = asked.id
WHERE question IS NOT NULL GROUP BY asked.id HAVING abstained OR count(verdict)
ORDER BY 5 DESC, count(verdict) > 0 DESC, asked.at DESC, asked.id
"""
# The extract marked as useful; the first one if the whole answer or article was marked.
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
    """Declined or judged questions in the form of `qa ask --json`, with "useful".

    Useful ones first, then useless, then declined; the newest first in each. An answer is useful if any of
    its extracts is.
    """
    texts = {(article.id, article.sha256): article.text for article in articles}
    for question_id, question, abstained, judged, useful in feedback.execute(_ASKED).fetchall():
        yield {
            "question": question,
            "abstained": bool(abstained),
            "useful": bool(useful) if judged else None,
            "extracts": list(
                _extract(feedback.execute(_USEFUL if useful else _FIRST, (question_id,)), texts)
            ),
        }


def without_text(feedback: sqlite3.Connection) -> int:
    """How many records are missing because the text of their question was not stored."""
    (count,) = feedback.execute(_WITHOUT_TEXT).fetchone()
    return int(count)


def _extract(cited: sqlite3.Cursor, texts: Mapping[tuple[str, str], str]) -> Iterator[Record]:
    for article, source, sha256, start, end in cited:
        text = texts.get((article, sha256))
        if text is not None:
            yield {"source": source, "answer": {"text": text[start:end]}}
