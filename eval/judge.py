"""Judges whether an extract holds the evidence of a gold question.

    the text shown contains the evidence                                 -> yes
    the evidence contains the text, which has at least 60 % of its words -> yes
    otherwise                                                            -> no

Both the marked answer (strict) and the extract around it are judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from corpus.article import Article
from eval.evidence import ArticleLookup, locate
from eval.gold import Evidence

# Least share of the evidence's words in a shorter text, as in the scorer of the development gold set.
SHARE = 0.6

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ShownExtract:
    """An extract as a system gave it, located in the articles.

    `spans` and `marked` are the spans of its text and its marked answer: the stated ones if the system states
    offsets, else every match. `valid`: the citation is correct in article, offsets, hash and text.
    """

    article: Article | None
    source: str
    text: str
    answer: str
    spans: Spans
    marked: Spans
    valid: bool


def locate_extract(record: Mapping[str, Any], articles: ArticleLookup) -> ShownExtract:
    """Locate an extract as `qa.answer_json` writes it; without offsets and hash, by its text."""
    names = (str(record.get("article_id") or ""), str(record.get("source") or ""))
    article = next((match for name in names if name and (match := articles.find(name))), None)
    # A citation refers to an article by its id, or its source with or without folder.
    named = article is not None and (
        names[0] == article.id or names[1] in (article.source, PurePosixPath(article.source).name)
    )
    text, answer = str(record.get("text") or ""), record.get("answer") or {}
    marked = str(answer.get("text") or "")
    if article is None:
        return ShownExtract(None, names[1] or names[0], text, marked, (), (), valid=False)
    whole, part = _stated_span(record), _stated_span(answer)
    same = named and record.get("article_sha256") in (None, article.sha256)
    if same and whole and part and _matches_article(record, article, whole, part):
        return ShownExtract(article, article.source, text, marked, (whole,), (part,), valid=True)
    # Wrong offsets are ignored; the text is judged wherever it occurs.
    valid = same and record.get("start") is None and bool(text) and text in article.text and marked in text
    spans, marked_spans = tuple(locate(article, text)), tuple(locate(article, marked))
    return ShownExtract(article, article.source, text, marked, spans, marked_spans, valid)


def _stated_span(record: Mapping[str, Any]) -> tuple[int, int] | None:
    start, end = record.get("start"), record.get("end")
    return (start, end) if isinstance(start, int) and isinstance(end, int) else None


def _matches_article(
    record: Mapping[str, Any], article: Article, whole: tuple[int, int], part: tuple[int, int]
) -> bool:
    """Whether the text at the offsets is the quoted text, and the answer lies in the extract."""
    inside = 0 <= whole[0] <= part[0] < part[1] <= whole[1] <= len(article.text)
    quoted = record.get("text"), record["answer"].get("text")
    return inside and (article.text[slice(*whole)], article.text[slice(*part)]) == quoted


def grade(evidence: Iterable[Evidence], article: Article | None, spans: Spans) -> int:
    """The best grade of the evidence that one of the spans holds, else 0."""
    return max((piece.grade for piece in covered_evidence(evidence, article, spans)), default=0)


def covered_evidence(
    evidence: Iterable[Evidence], article: Article | None, spans: Spans
) -> Sequence[Evidence]:
    """The evidence that one of the spans of the article holds."""
    return [
        piece
        for piece in evidence
        if article and piece.article.id == article.id and any(_holds(piece, span) for span in spans)
    ]


def _holds(evidence: Evidence, span: tuple[int, int]) -> bool:
    start, end = span
    if start <= evidence.start and evidence.end <= end:
        return True
    inside = evidence.start <= start and end <= evidence.end
    words = len(evidence.article.text[start:end].split())
    return inside and words >= SHARE * len(evidence.text.split())
