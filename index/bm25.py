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
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75


def inverse_document_frequency(documents: int, containing: int) -> float:
    """Weight of a term that `containing` of `documents` texts hold: the rarer the greater, never negative."""
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))


def bm25(
    weights: Sequence[float], counts: NDArray[np.int64], lengths: NDArray[np.int64], *, mean_length: float
) -> NDArray[np.float64]:
    """BM25 of texts, shape (texts,), for query terms of these weights (their idf).

    `counts` says how often each term occurs in each text, shape (terms, texts), `lengths` how many terms a
    text has, shape (texts,); both are in terms.
    """
    length = B * lengths / mean_length if mean_length else np.zeros(len(lengths))
    scores = np.zeros(len(lengths))
    # One term after another: the same sum in the same order, however many texts are scored together.
    for weight, frequency in zip(weights, counts, strict=True):
        scores += weight * frequency * (K1 + 1) / (frequency + K1 * (1 - B + length))
    return scores
