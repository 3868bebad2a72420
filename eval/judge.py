"""Whether what a system shows holds the evidence of a gold question.

    evidence lies in the text shown                              -> it holds it
    the text lies in the evidence, with 60 % of its words or more -> it holds it
    anything else                                                 -> it does not

Judged twice: the marked answer (strict), and the extract around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from corpus.article import Article
from eval.evidence import ArticleLookup, locate
from eval.gold import Evidence

# The least part of the evidence's words that a shorter text must have, as in the development gold's scorer.
SHARE = 0.6

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ShownExtract:
    """An extract as a system gave it, found again in the articles.

    `spans` and `marked` are where its text and its marked answer stand: one place where the system says
    which, every place where it does not, none where there is none. `valid` says that the citation is true
    to the letter: article, offsets, hash and text.
    """

    article: Article | None
    source: str
    text: str
    answer: str
    spans: Spans
    marked: Spans
    valid: bool


def locate_extract(record: Mapping[str, Any], shelf: ArticleLookup) -> ShownExtract:
    """An extract as `qa.answer_json` writes it; offsets and hash may be missing, then its text is sought."""
    names = (str(record.get("article_id") or ""), str(record.get("source") or ""))
    article = next((match for name in names if name and (match := shelf.find(name))), None)
    named = article is not None and (names[0] == article.id or names[1] in _names(article))
    text, answer = str(record.get("text") or ""), record.get("answer") or {}
    marked = str(answer.get("text") or "")
    if article is None:
        return ShownExtract(None, names[1] or names[0], text, marked, (), (), valid=False)
    whole, part = _stated_span(record), _stated_span(answer)
    same = named and record.get("article_sha256") in (None, article.sha256)
    if same and whole and part and _matches_article(record, article, whole, part):
        return ShownExtract(article, article.source, text, marked, (whole,), (part,), valid=True)
    # Offsets that do not hold count for nothing; the text is judged wherever it stands.
    valid = same and record.get("start") is None and bool(text) and text in article.text and marked in text
    return ShownExtract(
        article,
        article.source,
        text,
        marked,
        tuple(locate(article, text)),
        tuple(locate(article, marked)),
        valid,
    )


def _stated_span(record: Mapping[str, Any]) -> tuple[int, int] | None:
    start, end = record.get("start"), record.get("end")
    return (start, end) if isinstance(start, int) and isinstance(end, int) else None


def _matches_article(
    record: Mapping[str, Any], article: Article, whole: tuple[int, int], part: tuple[int, int]
) -> bool:
    """Whether the offsets give the texts, and the answer lies in the extract."""
    inside = 0 <= whole[0] <= part[0] < part[1] <= whole[1] <= len(article.text)
    quoted = record.get("text"), record["answer"].get("text")
    return inside and (article.text[slice(*whole)], article.text[slice(*part)]) == quoted


def _names(article: Article) -> tuple[str, str]:
    """What a citation may call an article: its source, with its folder or without."""
    return article.source, PurePosixPath(article.source).name


def grade(evidence: Iterable[Evidence], article: Article | None, spans: Spans) -> int:
    """The best grade of the evidence that one of the spans holds, 0 when they hold none."""
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
