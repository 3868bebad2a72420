"""Scores sentences by late interaction, MaxSim: each token of a question looks for its best match.

    MaxSim = sum over the question's tokens of the greatest product with a token of the sentence

The lengths of the question's token vectors are their weights, so the products need none.
"""

from __future__ import annotations

import numpy as np

from index.embedding.encoder import TOKEN_SCALE
from index.generation.generation import Generation
from index.generation.spans import neighbour_rows
from index.storage.arrays import RowIds, Vectors, concatenate_ranges


def maxsim(generation: Generation, question: Vectors, rows: RowIds) -> Vectors:
    """MaxSim of sentences and of their windows, shape (2, rows); `question` are its token vectors, (n, t)."""
    first, last = neighbour_rows(generation.sentences.spans, rows)
    sentences = np.unique(concatenate_ranges(first, last))
    best = _best_matches(generation, question, sentences)
    position = np.searchsorted(sentences, rows)
    window = best[:, position]
    for neighbour in (first, last - 1):
        window = np.maximum(window, best[:, np.searchsorted(sentences, neighbour)])
    return np.stack([best[:, position].sum(axis=0), window.sum(axis=0)])


def _best_matches(generation: Generation, question: Vectors, sentences: RowIds) -> Vectors:
    """The greatest product of each question token with a token of each sentence, shape (n, sentences)."""
    starts, ends = generation.token_starts[sentences], generation.token_starts[sentences + 1]
    tokens = generation.tokens[concatenate_ranges(starts, ends)].astype(np.float32)
    products = (question / TOKEN_SCALE) @ tokens.T
    counts = ends - starts
    some = counts > 0
    best = np.zeros((len(question), len(sentences)), dtype=np.float32)
    if some.any():
        first = np.cumsum(counts) - counts
        best[:, some] = np.maximum.reduceat(products, first[some], axis=1)
    return best
