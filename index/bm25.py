"""BM25 of chosen spans, computed here.

The lexical index finds candidates; their scores are computed again with one formula and one set of
document frequencies, over a sentence, its window and its passage alike. So they can be added up, and they
are the same whatever engine found the candidates.

    score(q, d) = sum over t in q of idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |d| / mean length))
    idf(t)      = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5))

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), with the
idf of Lucene, which is never negative.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

K1 = 1.2
B = 0.75


def inverse_document_frequency(documents: int, containing: int) -> float:
    """Weight of a term that `containing` of `documents` texts hold: the rarer the greater, never negative."""
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))


def bm25(weights: Mapping[str, float], counts: Counter[str], *, mean_length: float) -> float:
    """BM25 of a text, given as counts of its terms, for the query terms in `weights` (term -> idf)."""
    length = B * counts.total() / mean_length if mean_length else 0.0
    score = 0.0
    for term, weight in weights.items():
        frequency = counts.get(term, 0)
        if frequency:
            score += weight * frequency * (K1 + 1) / (frequency + K1 * (1 - B + length))
    return score
