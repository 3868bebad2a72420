"""An answer as JSON: what `qa ask --json` prints and the API returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qa.answer import Answer, Extract, Place

Record = dict[str, Any]
DIGITS = 4
"""Behind the point of a score or a confidence."""


def answer_record(answer: Answer, identifier: str = "") -> Record:
    """The answer as JSON values; `identifier` is the caller's id of the question."""
    return {
        "id": identifier,
        "question": answer.question,
        "abstained": answer.abstained,
        "confidence": answer.confidence if answer.confidence is None else round(answer.confidence, DIGITS),
        "calibrated": answer.calibrated,
        "band": str(answer.band),
        "generation": answer.generation,
        "expansions": list(answer.expansions),
        "extracts": _extracts(answer.extracts),
        "nearest": _extracts(answer.nearest),
    }


def _extracts(extracts: Sequence[Extract]) -> list[Record]:
    return [extract_record(extract) for extract in extracts]


def extract_record(extract: Extract) -> Record:
    """One extract with its citation; offsets are code points of the article's canonical text."""
    article = extract.article
    start, end = extract.answer
    return {
        "rank": extract.rank,
        "article_id": article.id,
        "source": article.source,
        "title": article.title,
        "author": article.author,
        "publisher": article.publisher,
        "published": article.published,
        "url": article.url,
        "start": extract.start,
        "end": extract.end,
        "text": extract.text,
        "answer": {"start": start, "end": end, "text": extract.answer_text},
        "score": round(extract.score, DIGITS),
        "band": str(extract.band),
        "also_in": [_place(place) for place in extract.also_in],
        "article_sha256": article.sha256,
    }


def _place(place: Place) -> Record:
    return {
        "article_id": place.article.id,
        "source": place.article.source,
        "title": place.article.title,
        "start": place.start,
        "end": place.end,
    }
