"""Scores sentences, their windows and their passages with BM25.

Terms are counted once per sentence, however many windows and passages overlap:

    terms fire, rose; sentences "fire fire", "it rose" in one passage
    rows 0 and 1 -> sentence [[2 0] [0 1]], window and passage [[2 2] [1 1]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.generation.generation import Generation
from index.retrieval.filter import Granularity
from index.search.levels import Levels
from index.search.query import Query
from index.storage.arrays import Counts, RowIds, Scores, Vectors, concatenate_ranges

K1 = 1.2
B = 0.75


@dataclass(frozen=True, slots=True)
class TermFrequencies:
    """`counts` of terms, shape (3, terms, rows), and `lengths` in terms, shape (3, rows).

    The first axis is sentence, window, passage.
    """

    counts: Counts
    lengths: Counts

    def synonym_counts(self, query_terms: Sequence[int], corpus_terms: Sequence[int]) -> TermFrequencies:
        """Occurrences that a synonym adds to each query term: as many as of its rarest corpus term."""
        occurrences = self.counts[:, list(corpus_terms)].min(axis=1)
        added = np.zeros_like(self.counts)
        added[:, list(query_terms)] = occurrences[:, None]
        return TermFrequencies(added, occurrences * len(set(query_terms)))

    def __add__(self, other: TermFrequencies) -> TermFrequencies:
        return TermFrequencies(self.counts + other.counts, self.lengths + other.lengths)


class BM25Scorer:
    """Weighs and counts the terms of a query in one generation."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation

    def term_weights(self, query: Query) -> dict[str, float]:
        """The idf of each query term over passages; passages with its synonyms count as containing it."""
        lexical = self._generation.lexical
        passages = lexical.count(Granularity.PASSAGE)
        frequencies = {
            term: lexical.document_frequency(Granularity.PASSAGE, term) for term in query.all_terms
        }
        containing = {term: frequencies[term] for term in query.terms}
        for synonym in query.synonyms:
            for term in containing.keys() & set(synonym.query_terms):
                containing[term] += min((frequencies[other] for other in synonym.corpus_terms), default=0)
        return {
            term: inverse_document_frequency(passages, min(passages, count))
            for term, count in containing.items()
        }

    def frequencies(self, query: Query, terms: Sequence[str], levels: Levels) -> TermFrequencies:
        """Frequencies of the terms around these candidates, synonyms included.

        If "pct" has the synonym "primary care trust", a text with these three words has one more "pct".
        """
        query_terms = [term for synonym in query.synonyms for term in synonym.query_terms]
        distinct = list(dict.fromkeys([*terms, *query.all_terms, *query_terms]))
        numbers = {term: number for number, term in enumerate(distinct)}
        counted = total = self.count_terms(distinct, levels)
        for synonym in query.synonyms:
            total += counted.synonym_counts(
                [numbers[term] for term in synonym.query_terms],
                [numbers[term] for term in synonym.corpus_terms],
            )
        return TermFrequencies(total.counts[:, : len(terms)], total.lengths)

    def scores(self, weights: Sequence[float], frequencies: TermFrequencies) -> Vectors:
        """BM25, shape (3, rows): sentence, window, passage."""
        mean = self._generation.mean_lengths
        means = mean.sentence, mean.window, mean.passage
        levels = zip(frequencies.counts, frequencies.lengths, means, strict=True)
        scores = [bm25(weights, counts, lengths, mean_length=length) for counts, lengths, length in levels]
        return np.array(scores, dtype=np.float32)

    def count_terms(self, terms: Sequence[str], levels: Levels) -> TermFrequencies:
        """Frequencies of the terms around these candidates."""
        starts = self._generation.terms.starts
        counts = levels.sums(self._counts(terms, levels.sentences))
        return TermFrequencies(
            counts, np.stack([starts[last] - starts[first] for first, last in levels.ranges])
        )

    def _counts(self, terms: Sequence[str], rows: RowIds) -> Counts:
        """Occurrences of each term in each sentence, shape (terms, rows)."""
        corpus = self._generation.terms
        first, last = corpus.starts[rows], corpus.starts[rows + 1]
        # For each term of the vocabulary 1 + its position in `terms`, 0 if it is not among them.
        positions = np.zeros(len(corpus.vocabulary) + 1, dtype=np.int32)
        positions[[corpus.number(term) for term in terms]] = np.arange(1, len(terms) + 1)
        positions[-1] = 0  # a term that no article contains has the number -1
        position = positions[corpus.ids[concatenate_ranges(first, last)]]
        matches = np.flatnonzero(position)
        sentence = np.searchsorted(np.cumsum(last - first), matches, side="right")
        counts = np.zeros((len(terms), len(rows)), dtype=np.int64)
        np.add.at(counts, (position[matches] - 1, sentence), 1)
        return counts


def inverse_document_frequency(documents: int, containing: int) -> float:
    """ln(1 + (N - n + 0.5) / (n + 0.5)): the rarer the term the greater, never negative."""
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))


def bm25(weights: Sequence[float], counts: Counts, lengths: Counts, *, mean_length: float) -> Scores:
    """BM25 of texts, shape (texts,), for query terms with these weights (their idf).

    `counts` has shape (terms, texts); `lengths`, shape (texts,), and `mean_length` are in terms.
    """
    length = B * lengths / mean_length if mean_length else np.zeros(len(lengths))
    scores = np.zeros(len(lengths))
    # A fixed order of addition: a text's score does not depend on the other texts.
    for weight, frequency in zip(weights, counts, strict=True):
        scores += weight * frequency * (K1 + 1) / (frequency + K1 * (1 - B + length))
    return scores
