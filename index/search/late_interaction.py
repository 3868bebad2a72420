"""Scores sentences by late interaction, MaxSim: each token of a question looks for its best match.

    MaxSim = sum over the question's tokens of the greatest product with a token of the sentence

The lengths of the question's token vectors are their weights, so the products need none. Where a generation
stores no token vectors, they are made again for fewer candidates.
"""

from __future__ import annotations

import numpy as np

from index.embedding.encoder import TOKEN_SCALE, Encoder, TokenVectors
from index.generation.generation import Generation
from index.generation.spans import neighbour_rows, sentence_ranges
from index.storage.arrays import Counts, RowIds, Vectors, concatenate_ranges

MOST_STORED = 300
"""Candidates scored with stored token vectors."""
MOST_ENCODED = 30
"""Candidates scored with token vectors that are made for the question: their passages take 0.1 s or more."""


class LateInteraction:
    """MaxSim over a generation; safe to share between threads."""

    def __init__(self, generation: Generation, encoder: Encoder | None = None) -> None:
        """Without an encoder only stored token vectors count."""
        self._generation = generation
        self._encoder = encoder

    @property
    def most(self) -> int:
        """How many candidates to score: 0 if there are no token vectors."""
        if len(self._generation.tokens):
            return MOST_STORED
        return MOST_ENCODED if self._encoder and self._encoder.token_dimension else 0

    def scores(self, question: Vectors, rows: RowIds) -> Vectors:
        """MaxSim of sentences and of their windows, shape (2, rows).

        `question` are its token vectors, shape (n, t), and `rows` ascend.
        """
        first, last = neighbour_rows(self._generation.sentences.spans, rows)
        sentences = np.unique(concatenate_ranges(first, last))
        best = self._best_matches(question, sentences)
        position = np.searchsorted(sentences, rows)
        window = best[:, position]
        for neighbour in (first, last - 1):
            window = np.maximum(window, best[:, np.searchsorted(sentences, neighbour)])
        return np.stack([best[:, position].sum(axis=0), window.sum(axis=0)])

    def _best_matches(self, question: Vectors, sentences: RowIds) -> Vectors:
        """The greatest product of each question token with a token of each sentence, shape (n, sentences)."""
        tokens, counts = self._tokens(sentences)
        products = (question / TOKEN_SCALE) @ tokens.astype(np.float32).T
        best = np.zeros((len(question), len(sentences)), dtype=np.float32)
        some = counts > 0
        if some.any():
            best[:, some] = np.maximum.reduceat(products, (np.cumsum(counts) - counts)[some], axis=1)
        return best

    def _tokens(self, sentences: RowIds) -> tuple[TokenVectors, Counts]:
        """The token vectors of these sentences, and how many each has."""
        generation = self._generation
        if len(generation.tokens):
            starts, ends = generation.token_starts[sentences], generation.token_starts[sentences + 1]
            return generation.tokens[concatenate_ranges(starts, ends)], ends - starts
        assert self._encoder is not None, "without stored token vectors an encoder makes them"
        passages = np.unique(generation.passage_of[sentences])
        encoded = self._encoder.encode_passages(list(map(generation.passage_text, passages.tolist())))
        position = np.searchsorted(
            concatenate_ranges(*sentence_ranges(generation.passage_of, passages)), sentences
        )
        counts, ends = encoded.token_counts[position], encoded.token_counts.cumsum()[position]
        return encoded.tokens[concatenate_ranges(ends - counts, ends)], counts
