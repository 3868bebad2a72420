"""Measuring: gold questions put to any callable that answers, and everything kept that explains the result.

    from eval.run import evaluate
    run = evaluate(ask, read_gold(path, articles), articles, k=5)

`ask` takes a question and returns an `Answer`, or a mapping as `qa ask --json` prints it: "abstained",
"confidence" (or null), and "extracts" (or "nearest") with "source", "text" and "answer": {"text"}. So any
other system can be measured with the same yardstick. Passages are judged as paragraphs of the articles, not
as anybody's chunks: systems that cut differently stay comparable.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from corpus.article import Article, Sentence
from eval.errors import EvalFailure
from eval.evidence import ArticleLookup
from eval.gold import ANSWERS, Evidence, GoldQuestion
from eval.judge import ShownExtract, grade, locate_extract
from eval.measures import SECONDS, by_rank, score_question, score_rankings
from qa.answer import Answer
from qa.answer_json import answer_record
from qa.assistant import DEFAULT_EXTRACTS
from qa.errors import QuestionError

Reply = Answer | Mapping[str, Any]
Ask = Callable[[str], Reply]
Trace = Callable[[str], Mapping[str, Sequence[Sentence]]]
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What a system did with a gold set: a row for each question, in the gold's order.

    `k` is how many extracts (or documents) each question was judged by, `documents` that rankings of
    documents were judged and no answers, `facts` how the run came about.
    """

    rows: tuple[QuestionResult, ...]
    k: int
    documents: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    ask: Ask,
    gold: Sequence[GoldQuestion],
    articles: Iterable[Article],
    *,
    k: int = DEFAULT_EXTRACTS,
    trace: Trace | None = None,
    progress: Advance | None = None,
) -> Run:
    """Ask every question once and judge the first k extracts.

    `trace` gives the sentences that each stage of a search ranks, best first; its time is not counted.
    `progress` is called with the questions done and their number. A question that raises QuestionError
    counts 0 and stays.

    Raises:
        EvalFailure: gold questions or an answer that are not what they should be; names the question.
    """
    shelf = ArticleLookup(articles)
    _check(gold, shelf, k)
    results = []
    for number, question in enumerate(gold, start=1):
        results.append(_ask(ask, question, trace, shelf=shelf, k=k))
        if progress:
            progress(number, len(gold))
    paragraphs = {article.id: _paragraph_starts(article) for article in shelf.articles}
    judged = {question.id: _judged(question, paragraphs) for question in gold if question.answerable}
    rankings = {result.question.id: _ranking(result.shown, paragraphs) for result in results}
    standard = score_rankings(
        judged, {name: by_rank(ranking) for name, ranking in rankings.items()}, k=k, relevant_from=ANSWERS
    )
    rows = (
        replace(
            _row(one, standard.get(one.question.id, {})),
            ranking=tuple(rankings[one.question.id]),
            judged=judged.get(one.question.id, {}),
        )
        for one in results
    )
    return Run(tuple(rows), k=k)


def _check(gold: Sequence[GoldQuestion], shelf: ArticleLookup, k: int) -> None:
    if k < 1:
        raise EvalFailure(f"{k} extracts cannot be judged; ask for 1 or more")
    if not gold or len({question.id for question in gold}) < len(gold):
        raise EvalFailure("there are no gold questions, or two with the same id")
    ids = {article.id for article in shelf.articles}
    for question in gold:
        for piece in question.relevant:
            if piece.article.id not in ids:
                raise EvalFailure(
                    f"the evidence of {question.id} stands in {piece.article.source}, which is not given"
                )


@dataclass(frozen=True, slots=True)
class _Reply:
    """A question and what became of it; `error` says why it could not be asked."""

    question: GoldQuestion
    shown: tuple[ShownExtract, ...]
    abstained: bool
    confidence: float | None
    seconds: float
    ranks: Mapping[str, int | None]
    error: str


def _ask(ask: Ask, question: GoldQuestion, trace: Trace | None, *, shelf: ArticleLookup, k: int) -> _Reply:
    started = time.perf_counter()
    ranks: Mapping[str, int | None] = {}
    error = ""
    try:
        reply = ask(question.question)
        seconds = time.perf_counter() - started
        ranks = _ranks(question, trace(question.question)) if trace else {}
    except QuestionError as refused:
        reply, seconds, error = {}, time.perf_counter() - started, str(refused)
    record = _record(reply, question)
    return _Reply(
        question=question,
        shown=tuple(locate_extract(extract, shelf) for extract in _listed(record, question)[:k]),
        abstained=record.get("abstained", False),
        confidence=_confidence(record, question),
        seconds=seconds,
        ranks=ranks,
        error=error,
    )


def _record(reply: Reply, question: GoldQuestion) -> Mapping[str, Any]:
    record = answer_record(reply) if isinstance(reply, Answer) else reply
    if not isinstance(record, Mapping) or not isinstance(record.get("abstained", False), bool):
        raise EvalFailure(
            f'the answer to {question.id} is not a mapping with "extracts" and "abstained" (true or false)'
        )
    return record


def _listed(record: Mapping[str, Any], question: GoldQuestion) -> Sequence[Mapping[str, Any]]:
    listed = record.get("extracts") or record.get("nearest") or []
    if not isinstance(listed, list) or not all(map(_is_extract, listed)):
        raise EvalFailure(
            f"the answer to {question.id} does not list its extracts as mappings with "
            f'"source", "text" and "answer": {{"text"}}'
        )
    return listed


def _is_extract(extract: object) -> bool:
    return isinstance(extract, Mapping) and isinstance(extract.get("answer") or {}, Mapping)


def _confidence(record: Mapping[str, Any], question: GoldQuestion) -> float | None:
    confidence = record.get("confidence")
    if confidence is None:
        return None
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise EvalFailure(
            f"the answer to {question.id} has the confidence {confidence!r}; "
            f"give a number from 0 to 1, or None"
        )
    return float(confidence)


def _row(reply: _Reply, standard: Mapping[str, float]) -> QuestionResult:
    question = reply.question
    measures = score_question(
        question, reply.shown, abstained=reply.abstained, failed=bool(reply.error), standard=standard
    )
    return QuestionResult(
        id=question.id,
        question=question.question,
        type=question.type,
        answerable=question.answerable,
        abstained=reply.abstained,
        confidence=reply.confidence,
        seconds=reply.seconds,
        measures={**measures, SECONDS.name: reply.seconds},
        ranks={**reply.ranks, "shown": _first_answer_rank(question, reply.shown)}
        if question.answerable
        else {},
        evidence=tuple(_in_paragraph(piece) for piece in question.relevant),
        shown=tuple(_judge_extract(question, extract) for extract in reply.shown),
        note=question.note,
        error=reply.error,
    )


def _ranks(question: GoldQuestion, stages: Mapping[str, Sequence[Sentence]]) -> dict[str, int | None]:
    """For each stage the rank of the first sentence that holds evidence of grade 2."""
    return {
        name: next(
            (
                rank
                for rank, s in enumerate(sentences, start=1)
                if _answers(question, s.article, (s.start, s.end))
            ),
            None,
        )
        for name, sentences in stages.items()
    }


def _answers(question: GoldQuestion, article: Article, span: tuple[int, int]) -> bool:
    return grade(question.relevant, article, (span,)) >= ANSWERS


def _first_answer_rank(question: GoldQuestion, shown: Sequence[ShownExtract]) -> int | None:
    """The rank of the first marked answer that holds evidence of grade 2."""
    grades = (grade(question.relevant, extract.article, extract.marked) for extract in shown)
    return next((rank for rank, value in enumerate(grades, start=1) if value >= ANSWERS), None)


def _paragraph_starts(article: Article) -> list[int]:
    starts = [0]
    while (position := article.text.find("\n\n", starts[-1])) >= 0:
        starts.append(position + 2)
    return starts


def _paragraph(article: Article, starts: Sequence[int], position: int) -> str:
    """The name of the paragraph that holds a character: "report-3f9a01c2:120"."""
    return f"{article.id}:{starts[bisect_right(starts, position) - 1]}"


def _judged(question: GoldQuestion, paragraphs: Mapping[str, Sequence[int]]) -> dict[str, int]:
    grades: dict[str, int] = {}
    for piece in question.relevant:
        name = _paragraph(piece.article, paragraphs[piece.article.id], piece.start)
        grades[name] = max(piece.grade, grades.get(name, 0))
    return grades


def _ranking(shown: Sequence[ShownExtract], paragraphs: Mapping[str, Sequence[int]]) -> list[str]:
    """The paragraphs of the marked answers (of the extracts where nothing is marked), each once."""
    spans = [(extract.article, (extract.marked or extract.spans)[:1]) for extract in shown]
    names = [
        _paragraph(article, paragraphs[article.id], span[0])
        for article, spans in spans
        if article
        for span in spans
    ]
    return list(dict.fromkeys(names))


def _in_paragraph(piece: Evidence) -> JudgedText:
    text = piece.article.text
    start = text.rfind("\n\n", 0, piece.start) + 2 if "\n\n" in text[: piece.start] else 0
    end = text.find("\n\n", piece.end)
    paragraph = text[start : end if end >= 0 else len(text)]
    return JudgedText(piece.article.source, paragraph, piece.start - start, piece.end - start, piece.grade)


def _judge_extract(question: GoldQuestion, extract: ShownExtract) -> JudgedText:
    start = extract.text.find(extract.answer) if extract.answer else 0
    if extract.spans and extract.marked:
        start = max(0, extract.marked[0][0] - extract.spans[0][0])
    return JudgedText(
        source=extract.source,
        text=extract.text,
        start=max(0, start),
        end=max(0, start) + len(extract.answer),
        grade=grade(question.relevant, extract.article, extract.marked),
        whole=grade(question.relevant, extract.article, extract.spans),
        valid=extract.valid,
    )


@dataclass(frozen=True, slots=True)
class JudgedText:
    """A piece of text from an article or a document, with what is said of it.

    As evidence: `text` is its paragraph, `start` and `end` the span in it that counts, `grade` its grade.
    As shown: `text` is the extract, the span what is marked in it, `grade` that of the marked answer,
    `whole` that of the whole extract, `valid` whether the citation is true.
    """

    source: str
    text: str
    start: int
    end: int
    grade: int
    whole: int = 0
    valid: bool = True


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """One question, measured.

    `measures` holds the measures that apply, by name. `confidence` is None when the system gave none.
    `ranks` tells for each stage of the search at which rank the first evidence stood (None: nowhere).
    `ranking` lists the documents found, best first, and `judged` their grades as far as they are known.
    `error` says why a question could not be asked at all.
    """

    id: str
    question: str
    type: str
    answerable: bool
    abstained: bool
    confidence: float | None
    seconds: float
    measures: Mapping[str, float]
    ranks: Mapping[str, int | None] = field(default_factory=dict)
    evidence: tuple[JudgedText, ...] = ()
    shown: tuple[JudgedText, ...] = ()
    ranking: tuple[str, ...] = ()
    judged: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    error: str = ""
