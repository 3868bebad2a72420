"""Evaluates any callable that answers questions against gold questions.

    from eval.run import evaluate
    run = evaluate(ask, read_gold(path, articles), articles, k=5)

`ask` takes a question and returns an `Answer`, or a mapping as `qa ask --json` prints it: "abstained",
"confidence" (or null), and "extracts" (or "nearest") with "source", "text" and "answer": {"text"}. So other
systems can be measured alike. Passages are judged as paragraphs of the articles, not as a system's own
chunks, which keeps systems that chunk differently comparable.
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
from eval.judge import ShownExtract, Spans, grade, locate_extract
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
    """The results of a system on a gold set: a row per question, in the order of the gold set.

    `k` is the cutoff of extracts (or documents), `documents` is true for rankings of documents instead of
    answers, `facts` is the provenance of the run.
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

    `trace` gives the sentences ranked by each stage of a search, best first; its time is not counted.
    `progress` is called with the number of questions done and of all. A question that raises QuestionError
    counts 0.

    Raises:
        EvalFailure: invalid gold questions or an invalid answer; names the question.
    """
    lookup = ArticleLookup(articles)
    _check(gold, lookup, k)
    results = []
    for number, question in enumerate(gold, start=1):
        results.append(_ask(ask, question, trace, articles=lookup, k=k))
        if progress:
            progress(number, len(gold))
    paragraphs = {article.id: _paragraph_starts(article) for article in lookup.articles}
    judged = {question.id: _judged(question, paragraphs) for question in gold if question.answerable}
    rankings = {result.question.id: _ranking(result.shown, paragraphs) for result in results}
    standard = score_rankings(
        judged, {name: by_rank(ranking) for name, ranking in rankings.items()}, k=k, relevant_from=ANSWERS
    )
    rows = []
    for result in results:
        name = result.question.id
        row = _row(result, standard.get(name, {}))
        rows.append(replace(row, ranking=tuple(rankings[name]), judged=judged.get(name, {})))
    return Run(tuple(rows), k=k)


def _check(gold: Sequence[GoldQuestion], articles: ArticleLookup, k: int) -> None:
    if k < 1:
        raise EvalFailure(f"{k} extracts cannot be judged; ask for 1 or more")
    if not gold or len({question.id for question in gold}) < len(gold):
        raise EvalFailure("there are no gold questions, or two with the same id")
    ids = {article.id for article in articles.articles}
    for question in gold:
        for piece in question.relevant:
            if piece.article.id not in ids:
                raise EvalFailure(
                    f"the evidence of {question.id} stands in {piece.article.source}, which is not given"
                )


@dataclass(frozen=True, slots=True)
class _Reply:
    """A question and the reply; `error` says why it could not be asked."""

    question: GoldQuestion
    shown: tuple[ShownExtract, ...]
    abstained: bool
    confidence: float | None
    seconds: float
    ranks: Mapping[str, int | None]
    error: str


def _ask(ask: Ask, question: GoldQuestion, trace: Trace | None, *, articles: ArticleLookup, k: int) -> _Reply:
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
        shown=tuple(locate_extract(extract, articles) for extract in _listed(record, question)[:k]),
        abstained=record.get("abstained", False),
        confidence=_confidence(record, question),
        seconds=seconds,
        ranks=ranks,
        error=error,
    )


def _record(reply: Reply, question: GoldQuestion) -> Mapping[str, Any]:
    record = answer_record(reply).model_dump() if isinstance(reply, Answer) else reply
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
        ranks={**reply.ranks, "shown": _first_answer(question, ((e.article, e.marked) for e in reply.shown))}
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
        name: _first_answer(question, ((s.article, ((s.start, s.end),)) for s in sentences))
        for name, sentences in stages.items()
    }


def _first_answer(question: GoldQuestion, located: Iterable[tuple[Article | None, Spans]]) -> int | None:
    """The rank of the first of these places that holds evidence of grade 2."""
    grades = (grade(question.relevant, article, spans) for article, spans in located)
    return next((rank for rank, value in enumerate(grades, start=1) if value >= ANSWERS), None)


def _paragraph_starts(article: Article) -> list[int]:
    starts = [0]
    while (position := article.text.find("\n\n", starts[-1])) >= 0:
        starts.append(position + 2)
    return starts


def _paragraph(article: Article, starts: Sequence[int], position: int) -> str:
    """The name of the paragraph at a character: "report-3f9a01c2:120"."""
    return f"{article.id}:{starts[bisect_right(starts, position) - 1]}"


def _judged(question: GoldQuestion, paragraphs: Mapping[str, Sequence[int]]) -> dict[str, int]:
    grades: dict[str, int] = {}
    for piece in question.relevant:
        name = _paragraph(piece.article, paragraphs[piece.article.id], piece.start)
        grades[name] = max(piece.grade, grades.get(name, 0))
    return grades


def _ranking(shown: Sequence[ShownExtract], paragraphs: Mapping[str, Sequence[int]]) -> list[str]:
    """The paragraphs of the marked answers (of unmarked extracts, the extract's), each once."""
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
    """A text from an article or document, with its judgement.

    Evidence: `text` is its paragraph, `start` and `end` its span in it, `grade` its grade. Shown: `text` is
    the extract, the span its marked answer, `grade` the grade of that answer, `whole` of the whole extract,
    `valid` whether the citation is correct.
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
    """The result of one question.

    `measures`: values by name, of the measures that apply. `confidence`: None if the system gave none.
    `ranks`: search stage -> rank of the first evidence, None if it is missing there. `ranking`: documents,
    best first. `judged`: document -> grade. `error`: why the question could not be asked.
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
