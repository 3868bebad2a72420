"""Reads gold questions: each with the places in the articles that answer it.

A gold file is JSON Lines; see `docs/gold-questions.md`:

    {"id": "q1", "question": "Why ...?", "type": "why", "answerable": true,
     "relevant": [{"doc": "report.md", "quotes": ["because it rained"], "grade": 2}]}

Evidence is stored as spans of the canonical text, not as passages of an index, so a gold set stays valid when
articles are split differently. A quote lies in one sentence; each whole sentence of a longer span counts for
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from corpus.article import Article, Sentence, Span
from corpus.json_lines import JsonLinesError, numbered_lines, parsed
from corpus.normalise import fold
from corpus.sentences import split_sentences
from eval.errors import GoldError
from eval.evidence import ArticleLookup, locate
from qa.errors import QuestionError
from qa.question import read_question

ANSWERS = 2
"""The grade from which evidence answers a question; 1 is related, 0 is all else."""

UNTYPED = "question"
ALL_QUESTIONS = "all"
"""The slice of all questions in tables; no question may have it as its type."""


@dataclass(frozen=True, slots=True)
class Evidence(Span):
    """A span of an article that answers (grade 2) or is related to (grade 1) a question."""

    grade: int = ANSWERS


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question whose answer is known. Any one piece of evidence of grade 2 answers it.

    `relevant` is empty if and only if `answerable` is false. `type` groups questions in tables.
    """

    id: str
    question: str
    relevant: tuple[Evidence, ...]
    answerable: bool
    type: str = UNTYPED
    note: str = ""

    @property
    def answering(self) -> tuple[Evidence, ...]:
        """The evidence that answers, without the related."""
        return tuple(evidence for evidence in self.relevant if evidence.grade >= ANSWERS)


def evidence_in(article: Article, start: int, end: int, *, grade: int = ANSWERS) -> list[Evidence]:
    """The whole sentences of a span, each for itself; the span itself if it holds none."""
    whole = [s for s in _overlapping(_sentences(article), start, end) if start <= s.start and s.end <= end]
    spans = [(sentence.start, sentence.end) for sentence in whole]
    return [Evidence(article, first, last, grade) for first, last in spans or [(start, end)]]


class _Fault(Exception):
    """A fault of a line; the message continues file, line and id."""


def read_gold(path: Path, articles: Iterable[Article]) -> list[GoldQuestion]:
    """The questions of a file about these articles, in its order.

    Raises GoldError: the first fault; `check_gold` finds all of them.
    """
    questions, faults = check_gold(path, articles)
    if faults:
        raise faults[0]
    return questions


def check_gold(path: Path, articles: Iterable[Article]) -> tuple[list[GoldQuestion], list[GoldError]]:
    """The valid questions of a file, and the faults of the others."""
    try:
        lines = numbered_lines(path, advice="give a file of gold questions in JSON Lines")
    except JsonLinesError as error:
        return [], [GoldError(path, error.reason)]
    if not lines:
        return [], [GoldError(path, "holds no question; docs/gold-questions.md tells how to write one")]
    lookup, first_lines = ArticleLookup(articles), dict[str, int]()
    questions: list[GoldQuestion] = []
    faults: list[GoldError] = []
    for number, line in lines:
        identifier = ""
        try:
            fields = parsed(line)
            if fields is None:
                raise _Fault("is not a JSON object in UTF-8; write one object a line")
            identifier = _identifier(fields)
            first = first_lines.setdefault(identifier, number)
            if first != number:
                raise _Fault(f"line {first} has the same id; give each question its own")
            questions.append(_question(fields, identifier, lookup))
        except _Fault as fault:
            faults.append(GoldError(path, str(fault), line=number, question=identifier))
    return questions, faults


def _identifier(fields: Mapping[str, Any]) -> str:
    identifier = fields.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int) or str(identifier) == "":
        raise _Fault('has no "id"; give each question its own')
    if " " in str(identifier) or not str(identifier).isprintable():
        raise _Fault("the id has white space in it, which run files of TREC cannot hold; write a-b for a b")
    return str(identifier)


def _question(fields: Mapping[str, Any], identifier: str, articles: ArticleLookup) -> GoldQuestion:
    question, type_ = fields.get("question"), fields.get("type") or UNTYPED
    answerable, listed = fields.get("answerable"), fields.get("relevant") or []
    if not isinstance(question, str) or not isinstance(type_, str):
        raise _Fault('"question" and "type" must be texts')
    if type_ == ALL_QUESTIONS or not type_.isprintable():
        raise _Fault(
            f"the type {type_!r} cannot stand in a table beside {ALL_QUESTIONS!r}; choose another word"
        )
    try:
        read_question(question)
    except QuestionError as error:
        raise _Fault(str(error)) from error
    if not isinstance(answerable, bool):
        raise _Fault('"answerable" must be true or false: do the articles answer this question?')
    if not isinstance(listed, list):
        raise _Fault('"relevant" must be a list of evidence')
    if listed and not answerable:
        raise _Fault("an unanswerable question has evidence; remove it, or call the question answerable")
    relevant = tuple(dict.fromkeys(piece for entry in listed for piece in _evidence(entry, articles)))
    if answerable and not any(piece.grade >= ANSWERS for piece in relevant):
        raise _Fault(f"an answerable question has no evidence of grade {ANSWERS}; quote what answers it")
    return GoldQuestion(identifier, question, relevant, answerable, type_, str(fields.get("note") or ""))


def _evidence(entry: object, articles: ArticleLookup) -> Iterator[Evidence]:
    if not isinstance(entry, dict):
        raise _Fault('evidence must be an object with "doc" and "quotes", or "doc", "start" and "end"')
    name, grade = entry.get("doc", entry.get("article")), entry.get("grade", ANSWERS)
    if type(grade) is not int or grade not in (1, ANSWERS):
        raise _Fault(f"the grade {grade!r} is neither 1 (related) nor 2 (answers)")
    article = articles.find(name) if isinstance(name, str) else None
    if article is None:
        raise _Fault(
            f"no article (or more than one) is called {name!r} in this index; "
            f"index the articles that these questions are about"
        )
    if "quotes" not in entry:
        spans = [_span(entry, article)]
    else:
        quotes = entry["quotes"]
        if not isinstance(quotes, list) or not quotes or not all(isinstance(quote, str) for quote in quotes):
            raise _Fault('"quotes" must be a list of texts')
        spans = [span for quote in quotes for span in _locate_quote(quote, article)]
    for start, end in spans:
        yield from evidence_in(article, start, end, grade=grade)


def _locate_quote(quote: str, article: Article) -> list[tuple[int, int]]:
    """The span of a quote; several if the same sentence is repeated."""
    spans = locate(article, quote)
    if not any(character.isalnum() for character in quote):
        raise _Fault(f"the quote {quote!r} has no word in it; quote what answers")
    if not spans:
        raise _Fault(f"the quote {quote!r} stands nowhere in {article.source}; copy it word for word")
    around = [_overlapping(_sentences(article), *span) for span in spans]
    if any(len(sentences) > 1 for sentences in around):
        raise _Fault(
            f"the quote {quote!r} runs over two sentences of {article.source}; quote from one of them"
        )
    if len({tuple(fold(sentence.text) for sentence in sentences) for sentences in around}) > 1:
        raise _Fault(
            f"the quote {quote!r} stands {len(spans)} times in {article.source}; quote more of its sentence"
        )
    return spans


def _span(entry: Mapping[str, Any], article: Article) -> tuple[int, int]:
    start, end = (value if type(value) is int else -1 for value in (entry.get("start"), entry.get("end")))
    if not 0 <= start < end <= len(article.text):
        raise _Fault(
            f'evidence needs "quotes", or "start" and "end" inside the {len(article.text):,} characters of '
            f"{article.source}; this one goes from {entry.get('start')!r} to {entry.get('end')!r}"
        )
    if entry.get("sha256", article.sha256) != article.sha256:
        raise _Fault(f"{article.source} has changed since this span was written; give the evidence as quotes")
    if not any(character.isalnum() for character in article.text[start:end]):
        raise _Fault(f"the span from {start} to {end} of {article.source} has no word in it")
    return start, end


@lru_cache(maxsize=256)
def _sentences(article: Article) -> tuple[Sentence, ...]:
    return tuple(split_sentences(article))


def _overlapping(sentences: Iterable[Sentence], start: int, end: int) -> list[Sentence]:
    return [sentence for sentence in sentences if sentence.start < end and start < sentence.end]
