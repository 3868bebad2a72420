"""The standard measures of rankings, through ir-measures: the one file that knows it.

A ranking is documents with scores, judgements are documents with grades. A query that is judged and not
ranked scores 0 in everything; it never vanishes from a mean.

    nDCG@k     discounted gain of the first k over that of the best k; gain is the grade itself, discount
               log2(rank + 1), as trec_eval has it (not 2^grade - 1)
    R@k        share of the relevant documents among the first k
    RR@k       1 / rank of the first relevant document, 0 when none is among the first k
    Success@k  1 when a relevant document is among the first k (elsewhere called hit rate, or wrongly recall)
    P@1        1 when the first document is relevant

Relevant is what has at least the grade `relevant_from`: 2 with gold questions, 1 with BEIR's judgements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Ranking = Mapping[str, float]
Judged = Mapping[str, int]


def standard_measures(k: int) -> tuple[str, ...]:
    """Names of the measures at cutoff k, in the order of tables."""
    return f"nDCG@{k}", f"R@{k}", f"RR@{k}", f"Success@{k}", "P@1"


def score_rankings(
    judged: Mapping[str, Judged], rankings: Mapping[str, Ranking], *, k: int, relevant_from: int = 1
) -> dict[str, dict[str, float]]:
    """By query, by name of the measure: its value (0 to 1). Queries that are not judged are left out."""
    import ir_measures
    from ir_measures import RR, P, R, Success, nDCG

    rel = relevant_from
    wanted = (nDCG @ k, R(rel=rel) @ k, RR(rel=rel) @ k, Success(rel=rel) @ k, P(rel=rel) @ 1)
    names = dict(zip(wanted, standard_measures(k), strict=True))
    scores = {query: dict.fromkeys(names.values(), 0.0) for query in judged}
    if any(rankings.get(query) for query in judged):
        for metric in ir_measures.iter_calc(wanted, dict(judged), dict(rankings)):
            scores[metric.query_id][names[metric.measure]] = float(metric.value)
    return scores


def by_rank(documents: Sequence[str]) -> dict[str, float]:
    """A ranking from an order: each document once, scores falling from its number of documents to 1."""
    once = list(dict.fromkeys(documents))
    return {document: float(len(once) - place) for place, document in enumerate(once)}
