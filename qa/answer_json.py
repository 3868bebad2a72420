"""Models of an answer as JSON, for the command, the API, its OpenAPI schema and the MCP tools."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from qa.answer import Answer, Extract, State

DIGITS = 4
"""Decimals of a score or a confidence."""


class KeySpan(BaseModel):
    """The name, number, amount, date or contact that answers by itself; offsets as of the extract."""

    start: int
    end: int
    text: str


class MarkedSpan(BaseModel):
    """The answering sentences of an extract."""

    start: int
    end: int
    text: str
    key: KeySpan | None = Field(description="What answers by itself; null where that is not sure.")


class CitationRecord(BaseModel):
    """Another article that says the same."""

    article_id: str
    source: str
    title: str
    start: int
    end: int


class ExtractRecord(BaseModel):
    """An extract with its citation; offsets are code points of the article's canonical text."""

    rank: int
    article_id: str
    source: str
    title: str
    author: str
    publisher: str
    published: str
    url: str
    start: int
    end: int
    text: str
    answer: MarkedSpan
    score: float = Field(description="Ranks the extracts of one answer; not comparable between questions.")
    band: str
    also_in: list[CitationRecord]
    article_sha256: str


class AnswerRecord(BaseModel):
    """Extracts that answer, best first; unless the state is answered, the nearest passages instead."""

    id: str = Field(description="The caller's id of the question.")
    question: str
    state: State
    abstained: bool = Field(description="True unless the state is answered.")
    confidence: float | None = Field(
        description="Chance (0 to 1) that the first extract answers; null if the models are not calibrated."
    )
    calibrated: bool
    band: str
    generation: str
    expansions: list[str] = Field(description="Words that were searched besides those of the question.")
    differing: tuple[int, int] | None = Field(
        description="Ranks of two extracts, of two articles, whose keys differ."
    )
    extracts: list[ExtractRecord]
    nearest: list[ExtractRecord]


def answer_record(answer: Answer, identifier: str = "") -> AnswerRecord:
    """The answer as JSON; `identifier` is the caller's id of the question."""
    return AnswerRecord(
        id=identifier,
        confidence=answer.confidence if answer.confidence is None else round(answer.confidence, DIGITS),
        expansions=list(answer.expansions),
        extracts=list(map(extract_record, answer.extracts)),
        nearest=list(map(extract_record, answer.nearest)),
        differing=answer.differing,
        **_attributes(answer, "question", "state", "abstained", "calibrated", "band", "generation"),
    )


def extract_record(extract: Extract) -> ExtractRecord:
    """One extract as JSON."""
    article, (start, end) = extract.article, extract.answer
    key = KeySpan(start=extract.key[0], end=extract.key[1], text=extract.key_text) if extract.key else None
    return ExtractRecord(
        article_id=article.id,
        answer=MarkedSpan(start=start, end=end, text=extract.answer_text, key=key),
        score=round(extract.score, DIGITS),
        also_in=[
            CitationRecord(
                article_id=citation.article.id,
                **_attributes(citation.article, "source", "title"),
                **_attributes(citation, "start", "end"),
            )
            for citation in extract.also_in
        ],
        article_sha256=article.sha256,
        **_attributes(article, "source", "title", "author", "publisher", "published", "url"),
        **_attributes(extract, "rank", "start", "end", "text", "band"),
    )


def _attributes(source: object, *names: str) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}
