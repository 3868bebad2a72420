"""Rankings of documents as runs, to be kept, reported and compared like any other."""

from __future__ import annotations

from collections.abc import Mapping

from eval.beir.collection import Collection, Document
from eval.beir.document_ranking import Found, Way
from eval.measures import SECONDS, by_rank, score_rankings
from eval.run import JudgedText, QuestionResult, Run

TYPE = "query"
_EXCERPT = 600
_SHOWN = 5


def retrieval_runs(
    collection: Collection, rankings: Mapping[Way, Mapping[str, Found]], *, k: int, facts: Mapping[str, str]
) -> dict[str, Run]:
    """A run for each way of ranking, judged by the first k documents; rows tell the ranks in all ways."""
    documents = {document.id: document for document in collection.documents}
    runs = {}
    for way, found in rankings.items():
        ordered = {query: by_rank(one.documents) for query, one in found.items()}
        scores = score_rankings(collection.judged, ordered, k=k)
        rows = tuple(
            QuestionResult(
                id=query,
                question=text,
                type=TYPE,
                answerable=True,
                abstained=False,
                confidence=None,
                seconds=found[query].seconds,
                measures={**scores[query], SECONDS.name: found[query].seconds},
                ranks={str(name): _rank(collection, query, other[query]) for name, other in rankings.items()},
                evidence=tuple(
                    _cited(documents[name], grade) for name, grade in collection.judged[query].items()
                ),
                shown=tuple(
                    _cited(documents[name], collection.judged[query].get(name, 0))
                    for name in found[query].documents[:_SHOWN]
                ),
                ranking=found[query].documents,
                judged=collection.judged[query],
            )
            for query, text in collection.queries.items()
        )
        runs[str(way)] = Run(rows, k=k, documents=True, facts={**facts, "ranking": str(way)})
    return runs


def _rank(collection: Collection, query: str, found: Found) -> int | None:
    """The rank of the first relevant document."""
    relevant = collection.judged[query]
    return next((rank for rank, name in enumerate(found.documents, start=1) if name in relevant), None)


def _cited(document: Document, grade: int) -> JudgedText:
    """The beginning of a document; nothing in it is marked."""
    return JudgedText(document.id, document.whole[:_EXCERPT], 0, 0, grade, whole=grade)
