"""Turns rankings of documents into runs, which can be stored, reported and compared."""

from __future__ import annotations

from collections.abc import Mapping

from eval.beir.collection import Collection, Document
from eval.beir.document_ranking import RankedDocuments, RankingMethod
from eval.measures import SECONDS, by_rank, score_rankings
from eval.run import JudgedText, QuestionResult, Run
from qa.answer import State

TYPE = "query"
_EXCERPT = 600
_SHOWN = 5


def retrieval_runs(
    collection: Collection,
    rankings: Mapping[RankingMethod, Mapping[str, RankedDocuments]],
    *,
    k: int,
    facts: Mapping[str, str],
) -> dict[str, Run]:
    """A run per ranking method, judged by the first k documents; rows hold the ranks of all methods."""
    documents = {document.id: document for document in collection.documents}
    runs = {}
    for method, ranked in rankings.items():
        ordered = {query: by_rank(result.documents) for query, result in ranked.items()}
        scores = score_rankings(collection.judged, ordered, k=k)
        rows = tuple(
            QuestionResult(
                id=query,
                question=text,
                type=TYPE,
                answerable=True,
                state=State.ANSWERED,
                confidence=None,
                seconds=ranked[query].seconds,
                measures={**scores[query], SECONDS.name: ranked[query].seconds},
                ranks={str(name): _rank(collection, query, other[query]) for name, other in rankings.items()},
                evidence=tuple(
                    _excerpt(documents[name], grade) for name, grade in collection.judged[query].items()
                ),
                shown=tuple(
                    _excerpt(documents[name], collection.judged[query].get(name, 0))
                    for name in ranked[query].documents[:_SHOWN]
                ),
                ranking=ranked[query].documents,
                judged=collection.judged[query],
            )
            for query, text in collection.queries.items()
        )
        runs[str(method)] = Run(rows, k=k, documents=True, facts={**facts, "ranking": str(method)})
    return runs


def _rank(collection: Collection, query: str, result: RankedDocuments) -> int | None:
    """The rank of the first relevant document."""
    relevant = collection.judged[query]
    return next((rank for rank, name in enumerate(result.documents, start=1) if name in relevant), None)


def _excerpt(document: Document, grade: int) -> JudgedText:
    """The beginning of a document, without a marked span."""
    return JudgedText(document.id, document.whole[:_EXCERPT], 0, 0, grade, whole=grade)
