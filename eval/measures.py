"""Measures of single questions, with their definitions.

Rankings are judged as shown: for a question that is not answered (unsure or none) its nearest passages
replace the extracts, so that the order is judged apart from that decision. `answered@1` measures what is
claimed: a question that is not answered counts 0. A failed question counts 0 everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.gold import ANSWERS, GoldQuestion
from eval.judge import ShownExtract, covered_evidence, grade
from qa.answer import State

ARTICLE_CUTOFF = 5


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure; `better` is 1 if more is better, -1 if less is.

    A `rate` is a share (0 to 1), others have a unit. A `forbidden` measure must be 0: any increase is a
    regression, significant or not. With fewer than `cutoff` extracts it would be another measure.
    """

    name: str
    definition: str
    better: int = 1
    rate: bool = True
    forbidden: bool = False
    cutoff: int = 1


SECONDS = Measure("seconds", "time from question to answer", better=-1, rate=False)


def answer_measures(k: int) -> tuple[Measure, ...]:
    """Measures of a system that answers with k extracts; standard ones judge paragraphs of the articles."""
    measures = (
        Measure("hit@1", "the first marked answer holds evidence of grade 2 (strict)"),
        Measure("hit@3", "one of the first three marked answers does", cutoff=3),
        Measure("MRR", "1 / rank of the first marked answer that does, 0 when none shown does"),
        Measure("answered@1", "hit@1, and the question was answered, not unsure"),
        Measure("extract hit@1", "the first extract, marked or not, holds evidence of grade 2"),
        Measure("extract hit@3", "one of the first three extracts does", cutoff=3),
        Measure(
            "article recall@5",
            "share of the articles that hold evidence of grade 2 "
            "with an answering extract among the first five",
            cutoff=ARTICLE_CUTOFF,
        ),
        *_passage_measures(k, "paragraphs"),
        Measure("wrong refusals", "share of the answerable questions without an answer (none)", better=-1),
        Measure("unsure", "share of the answerable questions that were unsure", better=-1),
        Measure("refusal recall", "share of the unanswerable questions that were not answered"),
        Measure("wrong answers", "share of the unanswerable questions that were answered", better=-1),
        Measure(
            "citation violations",
            "extracts whose text, offsets or hash are not the article's: must be 0",
            better=-1,
            rate=False,
            forbidden=True,
        ),
        Measure("words", "words per extract shown, of the first three", better=-1, rate=False),
        Measure("words marked", "words per marked answer, of the first three", better=-1, rate=False),
        SECONDS,
    )
    return tuple(measure for measure in measures if measure.cutoff <= k)


def document_measures(k: int) -> tuple[Measure, ...]:
    """Measures of a ranking of documents."""
    return (*_passage_measures(k, "documents"), SECONDS)


def _passage_measures(k: int, unit: str) -> tuple[Measure, ...]:
    definitions = (
        f"discounted gain of the first {k} {unit} (gain = grade, log2 discount) over the best possible",
        f"share of the answering {unit} among the first {k}",
        f"1 / rank of the first answering one of the first {k} {unit}",
        f"an answering one is among the first {k} {unit}",
        f"the first of the {unit} answers",
    )
    return tuple(map(Measure, standard_measures(k), definitions))


def score_question(gold: GoldQuestion, shown: Sequence[ShownExtract], *, state: State) -> dict[str, float]:
    """The values of the measures of extracts that apply to the question."""
    answered = state is State.ANSWERED
    values = {"citation violations": float(sum(not extract.valid for extract in shown))}
    if first := shown[:3]:
        values["words"] = sum(len(extract.text.split()) for extract in first) / len(first)
        values["words marked"] = sum(len(extract.answer.split()) for extract in first) / len(first)
    if not gold.answerable:
        return {**values, "refusal recall": float(not answered), "wrong answers": float(answered)}
    strict = [grade(gold.relevant, extract.article, extract.marked) for extract in shown]
    loose = [grade(gold.relevant, extract.article, extract.spans) for extract in shown]
    values |= {
        "hit@1": _hit(strict, 1),
        "hit@3": _hit(strict, 3),
        "MRR": next((1 / rank for rank, value in enumerate(strict, start=1) if value >= ANSWERS), 0.0),
        "answered@1": _hit(strict, 1) if answered else 0.0,
        "extract hit@1": _hit(loose, 1),
        "extract hit@3": _hit(loose, 3),
        "wrong refusals": float(state is State.NONE),
        "unsure": float(state is State.UNSURE),
    }
    articles = {evidence.article.id for evidence in gold.answering}
    if len(articles) > 1:
        answering = {
            evidence.article.id
            for extract in shown[:ARTICLE_CUTOFF]
            for evidence in covered_evidence(gold.answering, extract.article, extract.spans)
        }
        values["article recall@5"] = len(answering) / len(articles)
    return values


def _hit(grades: Sequence[int], k: int) -> float:
    return float(any(value >= ANSWERS for value in grades[:k]))


Ranking = Mapping[str, float]
Judged = Mapping[str, int]


def standard_measures(k: int) -> tuple[str, ...]:
    """Names of the measures at cutoff k, in the order of tables."""
    return f"nDCG@{k}", f"R@{k}", f"RR@{k}", f"Success@{k}", "P@1"


def score_rankings(
    judged: Mapping[str, Judged], rankings: Mapping[str, Ranking], *, k: int, relevant_from: int = 1
) -> dict[str, dict[str, float]]:
    """Query -> measure -> value (0 to 1), for judged queries."""
    import ir_measures
    from ir_measures import RR, P, R, Success, nDCG

    rel = relevant_from
    measures = (nDCG @ k, R(rel=rel) @ k, RR(rel=rel) @ k, Success(rel=rel) @ k, P(rel=rel) @ 1)
    names = dict(zip(measures, standard_measures(k), strict=True))
    scores = {query: dict.fromkeys(names.values(), 0.0) for query in judged}
    if any(rankings.get(query) for query in judged):
        for metric in ir_measures.iter_calc(measures, dict(judged), dict(rankings)):
            scores[metric.query_id][names[metric.measure]] = float(metric.value)
    return scores


def by_rank(documents: Sequence[str]) -> dict[str, float]:
    """Document -> score for documents in order, each once: scores fall from their number to 1."""
    once = list(dict.fromkeys(documents))
    return {document: float(len(once) - position) for position, document in enumerate(once)}
