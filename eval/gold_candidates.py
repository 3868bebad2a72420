"""Turns answers and feedback into gold candidates, which an evaluator completes.

Questions that were not answered (unsure or none) or marked as not useful need an answer looked up:
`answerable` is null until then. For questions marked as useful the marked answer is proposed as evidence, to
be confirmed. `qa eval check` lists what is still missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from corpus.article import Article
from corpus.json_lines import numbered_objects
from corpus.normalise import fold
from eval.errors import GoldError
from eval.gold import ANSWERS

Record = dict[str, Any]
_CLOSEST_CHARACTERS = 160


class _Quote(BaseModel):
    text: str


class _Extract(BaseModel):
    source: str
    answer: _Quote


class AnsweredQuestion(BaseModel):
    """An answer as `qa ask --json` prints it; "useful" (true or false) is a user's verdict."""

    model_config = ConfigDict(strict=True)

    question: str
    abstained: bool = False
    useful: bool | None = None
    extracts: list[_Extract] = []
    nearest: list[_Extract] = []


def candidates(answers: Iterable[AnsweredQuestion], *, prefix: str = "use") -> Iterator[Record]:
    """Candidate gold lines, each question once; answers without a verdict are left out."""
    seen: set[str] = set()
    for answer in answers:
        question = answer.question.strip()
        unjudged = answer.useful is None and not answer.abstained
        if not question or fold(question) in seen or unjudged:
            continue
        seen.add(fold(question))
        yield {"id": f"{prefix}-{len(seen):03d}", "question": question, "type": "", **_completed(answer)}


def _completed(answer: AnsweredQuestion) -> Record:
    first = answer.extracts[0] if answer.extracts else None
    if answer.useful and first and first.answer.text.strip():
        evidence = {"doc": first.source, "quotes": [first.answer.text], "grade": ANSWERS}
        return {"answerable": True, "relevant": [evidence], "note": "marked useful: confirm the quote"}
    unjudged = "not answered" if answer.abstained else "marked not useful"
    note = f"{'marked useful' if answer.useful else unjudged}: look up whether the articles answer"
    for closest in (answer.nearest or answer.extracts)[:1]:
        note += f"; shown: {closest.source}: {closest.answer.text[:_CLOSEST_CHARACTERS]}"
    return {"answerable": None, "relevant": [], "note": note}


def read_answers(path: Path) -> Iterator[AnsweredQuestion]:
    """The answers in a file of JSON Lines. Raises GoldError."""
    for number, record in numbered_objects(path, advice="give what `qa ask --batch FILE --json` printed"):
        try:
            yield AnsweredQuestion.model_validate(record)
        except ValidationError as error:
            reason = "is not an answer as `qa ask --json` prints it"
            raise GoldError(path, reason, line=number) from error


# Useful answers come first, and judged questions before unanswered ones.
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


def judged_answers(feedback: sqlite3.Connection, articles: Iterable[Article]) -> Iterator[AnsweredQuestion]:
    """The unanswered and the judged questions of the feedback.

    Useful ones first, then useless, then unanswered; the newest first in each. An answer is useful if any of
    its extracts is.
    """
    texts = {(article.id, article.sha256): article.text for article in articles}
    for question_id, question, abstained, judged, useful in feedback.execute(_ASKED).fetchall():
        cited = feedback.execute(_USEFUL if useful else _FIRST, (question_id,))
        yield AnsweredQuestion(
            question=question,
            abstained=bool(abstained),
            useful=bool(useful) if judged else None,
            extracts=[
                _Extract(source=source, answer=_Quote(text=text[start:end]))
                for article, source, sha256, start, end in cited
                if (text := texts.get((article, sha256))) is not None
            ],
        )


def without_text(feedback: sqlite3.Connection) -> int:
    """How many records are missing because the text of their question was not stored."""
    (count,) = feedback.execute(_WITHOUT_TEXT).fetchone()
    return int(count)
