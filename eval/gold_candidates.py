"""From use to gold: answers that people got become lines of a gold file that an evaluator completes.

What was declined, or marked as not useful, becomes a question whose answer somebody has to look up:
`answerable` is null until then. What was marked as useful brings its marked answer along as evidence, to be
confirmed. `qa eval check` tells what is still to be filled in.
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

    A record may carry a person's verdict as "useful": true or false. Answers that were given and not judged
    say nothing and are left out.
    """
    seen: set[str] = set()
    for record in records:
        question = str(record.get("question") or "").strip()
        useful = record.get("useful")
        if not question or fold(question) in seen or (useful is None and not record.get("abstained")):
            continue
        seen.add(fold(question))
        yield {
            "id": f"{prefix}-{len(seen):03d}",
            "question": question,
            "type": "",
            **_completed(record, useful),
        }


def _completed(record: Mapping[str, Any], useful: object) -> Line:
    first = next(iter(record.get("extracts") or ()), None)
    if useful is True and first and first["answer"]["text"].strip():
        evidence = {"doc": first["source"], "quotes": [first["answer"]["text"]], "grade": ANSWERS}
        return {"answerable": True, "relevant": [evidence], "note": "marked useful: confirm the quote"}
    reason = "declined" if record.get("abstained") else "marked not useful"
    if useful is True:
        reason = "marked useful"
    closest = next(iter(record.get("nearest") or record.get("extracts") or ()), None)
    shown = (
        f"; shown: {closest['source']}: {closest['answer']['text'][:_CLOSEST_CHARACTERS]}" if closest else ""
    )
    return {
        "answerable": None,
        "relevant": [],
        "note": f"{reason}: look up whether the articles answer{shown}",
    }


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
    """How many questions would be among the records had their text been kept."""
    (count,) = feedback.execute(_WITHOUT_TEXT).fetchone()
    return int(count)


def _extract(cited: sqlite3.Cursor, texts: Mapping[tuple[str, str], str]) -> Iterator[Record]:
    for article, source, sha256, start, end in cited:
        text = texts.get((article, sha256))
        if text is not None:
            yield {"source": source, "answer": {"text": text[start:end]}}
