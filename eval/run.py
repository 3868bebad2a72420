"""Evaluates any callable that answers questions against gold questions; ablates the assistant's ranking.

    from eval.run import evaluate
    run = evaluate(ask, read_gold(path, articles), articles, k=5)

`ask` takes a question and returns an `Answer`, or a mapping as `qa ask --json` prints it: "state" (without it
"abstained"), "confidence" (or null), "band", and "extracts" (or "nearest") with "source", "text" and
"answer": {"text"}. So other systems can be measured alike. Passages are judged as paragraphs of the articles,
not as a system's own chunks, which keeps systems that chunk differently comparable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from corpus.article import Article, Sentence
from eval.errors import EvalFailure
from eval.evidence import ArticleLookup
from eval.gold import ANSWERS, Evidence, GoldQuestion
from eval.judge import ShownExtract, Spans, grade, locate_extract
from eval.measures import SECONDS, by_rank, score_question, score_rankings
from index.search.fusion import DEFAULT_WEIGHTS, FusionWeights
from qa.answer import Answer, State
from qa.answer_json import answer_record
from qa.assistant import DEFAULT_EXTRACTS, Assistant
from qa.confidence import Calibration
from qa.errors import QuestionError

Reply = Answer | Mapping[str, Any]
Ask = Callable[[str], Reply]
Trace = Callable[[str], Mapping[str, Sequence[Sentence]]]
Advance = Callable[[int, int], None]


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
    best first. `judged`: document -> grade. `error`: why the question could not be asked. `band`: the
    answer's, "" if the system gave none.
    """

    id: str
    question: str
    type: str
    answerable: bool
    state: State
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
    band: str = ""


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

    Raises EvalFailure: invalid gold questions or an invalid answer; names the question.
    """
    lookup = ArticleLookup(articles)
    _check(gold, lookup, k)
    rows = []
    for number, question in enumerate(gold, start=1):
        rows.append(_ask(question, ask, trace, articles=lookup, k=k))
        if progress:
            progress(number, len(gold))
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


def _ask(
    gold: GoldQuestion, ask: Ask, trace: Trace | None, *, articles: ArticleLookup, k: int
) -> QuestionResult:
    reply: Reply = {}
    error = ""
    started = time.perf_counter()
    try:
        reply = ask(gold.question)
    except QuestionError as refusal:
        error = str(refusal)
    seconds = time.perf_counter() - started
    stages = trace(gold.question) if trace and not error else {}
    extracts, state, confidence, band = _parsed(reply, f"the answer to {gold.id}")
    shown = [locate_extract(extract, articles) for extract in extracts[:k]]
    ranking, judged = _ranking(shown), _judged_paragraphs(gold)
    measures = score_question(gold, shown, state=state)
    ranks: dict[str, int | None] = {}
    if gold.answerable:
        scores = score_rankings({"": judged}, {"": by_rank(ranking)}, k=k, relevant_from=ANSWERS)
        measures |= scores[""]
        for name, sentences in stages.items():
            ranks[name] = _first_answer(gold, ((s.article, ((s.start, s.end),)) for s in sentences))
        ranks["shown"] = _first_answer(gold, ((extract.article, extract.marked) for extract in shown))
    return QuestionResult(
        id=gold.id,
        question=gold.question,
        type=gold.type,
        answerable=gold.answerable,
        state=state,
        confidence=confidence,
        seconds=seconds,
        measures={**measures, SECONDS.name: seconds},
        ranks=ranks,
        evidence=tuple(map(_in_paragraph, gold.relevant)),
        shown=tuple(_judge_extract(gold, extract) for extract in shown),
        ranking=ranking,
        judged=judged,
        note=gold.note,
        error=error,
        band=band,
    )


def _parsed(reply: Reply, subject: str) -> tuple[Sequence[Mapping[str, Any]], State, float | None, str]:
    """The extracts of an answer, its state, confidence and band."""
    record = answer_record(reply).model_dump() if isinstance(reply, Answer) else reply
    if not isinstance(record, Mapping) or not isinstance(record.get("abstained", False), bool):
        raise EvalFailure(
            f'{subject} is not a mapping with "extracts" and "state", or else "abstained" (true or false)'
        )
    state = record.get("state", State.NONE if record.get("abstained") else State.ANSWERED)
    if state not in list(State):
        raise EvalFailure(f"{subject} has the state {state!r}; give one of: {', '.join(State)}")
    extracts = record.get("extracts") or record.get("nearest") or []
    if not isinstance(extracts, list) or not all(map(_is_extract, extracts)):
        raise EvalFailure(
            f'{subject} does not list its extracts as mappings with "source", "text" and "answer": {{"text"}}'
        )
    confidence = record.get("confidence")
    if confidence is not None:
        if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
            raise EvalFailure(
                f"{subject} has the confidence {confidence!r}; give a number from 0 to 1, or None"
            )
        confidence = float(confidence)
    return extracts, State(state), confidence, str(record.get("band", ""))


def _is_extract(extract: object) -> bool:
    return isinstance(extract, Mapping) and isinstance(extract.get("answer") or {}, Mapping)


def _first_answer(gold: GoldQuestion, located: Iterable[tuple[Article | None, Spans]]) -> int | None:
    """The rank of the first of these spans that holds evidence of grade 2."""
    grades = (grade(gold.relevant, article, spans) for article, spans in located)
    return next((rank for rank, value in enumerate(grades, start=1) if value >= ANSWERS), None)


def _paragraph_start(article: Article, position: int) -> int:
    before = article.text.rfind("\n\n", 0, position)
    return before + 2 if before >= 0 else 0


def _paragraph(article: Article, position: int) -> str:
    """The name of the paragraph at a character: "report-3f9a01c2:120"."""
    return f"{article.id}:{_paragraph_start(article, position)}"


def _judged_paragraphs(gold: GoldQuestion) -> dict[str, int]:
    grades: dict[str, int] = {}
    for piece in gold.relevant:
        name = _paragraph(piece.article, piece.start)
        grades[name] = max(piece.grade, grades.get(name, 0))
    return grades


def _ranking(shown: Iterable[ShownExtract]) -> tuple[str, ...]:
    """The paragraphs of the marked answers (of unmarked extracts, the extract's), each once."""
    names = [
        _paragraph(extract.article, start)
        for extract in shown
        if extract.article
        for start, _ in (extract.marked or extract.spans)[:1]
    ]
    return tuple(dict.fromkeys(names))


def _in_paragraph(piece: Evidence) -> JudgedText:
    text = piece.article.text
    start, end = _paragraph_start(piece.article, piece.start), text.find("\n\n", piece.end)
    paragraph = text[start : end if end >= 0 else len(text)]
    return JudgedText(piece.article.source, paragraph, piece.start - start, piece.end - start, piece.grade)


def _judge_extract(gold: GoldQuestion, extract: ShownExtract) -> JudgedText:
    start = extract.text.find(extract.answer) if extract.answer else 0
    if extract.spans and extract.marked:
        start = extract.marked[0][0] - extract.spans[0][0]
    start = max(0, start)
    return JudgedText(
        source=extract.source,
        text=extract.text,
        start=start,
        end=start + len(extract.answer),
        grade=grade(gold.relevant, extract.article, extract.marked),
        whole=grade(gold.relevant, extract.article, extract.spans),
        valid=extract.valid,
    )


@dataclass(frozen=True, slots=True)
class Variant:
    """A ranking: the weights of the scores, with or without the reranker."""

    fusion: FusionWeights = DEFAULT_WEIGHTS
    reranked: bool = False

    def of(self, assistant: Assistant, unreranked: Calibration | None = None) -> Assistant:
        """The assistant with this ranking; `unreranked` is the calibration of its encoder alone."""
        return Assistant(
            assistant.generation,
            assistant.encoder,
            reranking=assistant.reranking if self.reranked else None,
            calibration=assistant.calibration if self.reranked else unreranked,
            costs=assistant.costs,
            fusion=self.fusion,
        )


VARIANTS: Mapping[str, Variant] = {
    "lexical alone": Variant(FusionWeights(dense=0.0, lexical=1.0, late=0.0)),
    "dense alone": Variant(FusionWeights(lexical=0.0, late=0.0)),
    "MaxSim alone": Variant(FusionWeights(dense=0.0, lexical=0.0)),
    "dense and lexical": Variant(FusionWeights(late=0.0)),
    "dense and MaxSim": Variant(FusionWeights(lexical=0.0)),
    "lexical and MaxSim": Variant(FusionWeights(dense=0.0)),
    "fused, sentences alone": Variant(FusionWeights(levels=(1.0, 0.0, 0.0))),
    "fused, without windows": Variant(FusionWeights(levels=(1.0, 0.0, 0.3))),
    "fused, without passages": Variant(FusionWeights(levels=(1.0, 0.4, 0.0))),
    "fused": Variant(),
    "fused, reranked": Variant(reranked=True),
}
"""In the order of the table; the last is the default."""


def ablate(
    assistant: Assistant,
    gold: Sequence[GoldQuestion],
    *,
    k: int,
    unreranked: Calibration | None = None,
    progress: Advance | None = None,
) -> dict[str, Run]:
    """A run per variant that the assistant has the models for; `unreranked` as in `Variant.of`."""
    variants = {name: each for name, each in VARIANTS.items() if assistant.reranking or not each.reranked}
    articles, runs = assistant.generation.articles, dict[str, Run]()
    for name, variant in variants.items():

        def advance(done: int, total: int) -> None:
            if progress:
                progress(len(runs) * total + done, len(variants) * total)

        ask = partial(variant.of(assistant, unreranked).ask, k=k)
        runs[name] = evaluate(ask, gold, articles, k=k, progress=advance)
    return runs
