"""How often terms occur around sentences: in each, in its window and in its passage, counted at once.

The sentences of all windows and passages are looked at once, whatever number of them overlap:

    terms fire, rose; sentences "fire fire", "it rose" in one passage
    rows 0 and 1 -> sentence [[2 0] [0 1]], window and passage [[2 2] [1 1]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.generation.generation import Generation
from index.generation.spans import neighbour_rows
from index.retrieval.sentence_terms import Terms
from index.storage.arrays import Counts, RowIds

LEVELS = 3
"""Sentence, window and passage, in this order."""

_HALF = 32


@dataclass(frozen=True, slots=True)
class TermFrequencies:
    """`counts` of terms, shape (LEVELS, terms, rows), and `lengths` in terms, shape (LEVELS, rows)."""

    counts: Counts
    lengths: Counts

    def synonym_counts(self, asked: Sequence[int], said: Sequence[int]) -> TermFrequencies:
        """What is added for holding all terms of `said`: each of `asked`, as often as the rarest of them."""
        times = self.counts[:, list(said)].min(axis=1)
        added = np.zeros_like(self.counts)
        added[:, list(asked)] = times[:, None]
        return TermFrequencies(added, times * len(set(asked)))

    def __add__(self, other: TermFrequencies) -> TermFrequencies:
        return TermFrequencies(self.counts + other.counts, self.lengths + other.lengths)


def count_terms(generation: Generation, terms: Sequence[str], rows: RowIds) -> TermFrequencies:
    """Frequencies of some terms around the sentences of these rows."""
    ranges = (
        (rows, rows + 1),
        neighbour_rows(generation.sentences.spans, rows),
        _passages(generation, rows),
    )
    looked_at = _union(ranges[1:])
    before = _running(generation.terms, terms, looked_at)
    starts = generation.terms.starts
    counts, lengths = [], []
    for first, last in ranges:
        place = np.searchsorted(looked_at, first)
        counts.append(before[:, place + last - first] - before[:, place])
        lengths.append(starts[last] - starts[first])
    return TermFrequencies(np.stack(counts), np.stack(lengths))


def _passages(generation: Generation, rows: RowIds) -> tuple[RowIds, RowIds]:
    """Half-open ranges of the sentences of each row's passage; `passage_of` ascends."""
    # Of the type of `passage_of`: NumPy would otherwise copy all of it for each question.
    passages, place = np.unique(generation.passage_of[rows], return_inverse=True)
    first = np.searchsorted(generation.passage_of, passages, side="left")
    last = np.searchsorted(generation.passage_of, passages, side="right")
    return first[place], last[place]


def _union(ranges: Sequence[tuple[RowIds, RowIds]]) -> RowIds:
    """Every row in any of the half-open ranges, ascending, once."""
    first = np.concatenate([start for start, _ in ranges])
    last = np.concatenate([end for _, end in ranges])
    # Many rows share a passage: as one number a range is quicker to compare than as two.
    different = np.unique((first << _HALF) | last)
    return np.unique(concatenate_ranges(different >> _HALF, different & ((1 << _HALF) - 1)))


def concatenate_ranges(first: RowIds, last: RowIds) -> RowIds:
    """The numbers of half-open ranges one after another: 3..5 and 9..10 -> 3 4 9."""
    lengths = last - first
    before = np.cumsum(lengths) - lengths
    return np.repeat(first - before, lengths) + np.arange(int(lengths.sum()))


def _running(terms: Terms, wanted: Sequence[str], rows: RowIds) -> Counts:
    """How often each term occurs in the first 0, 1, … of these rows, shape (terms, rows + 1)."""
    first, last = terms.starts[rows], terms.starts[rows + 1]
    # One more than the place among the wanted of each term of the vocabulary, 0 for all others.
    wanted_place = np.zeros(len(terms.vocabulary) + 1, dtype=np.int32)
    wanted_place[[terms.number(term) for term in wanted]] = np.arange(1, len(wanted) + 1)
    wanted_place[-1] = 0  # what is in no article has the number -1
    place = wanted_place[terms.ids[concatenate_ranges(first, last)]]
    found = np.flatnonzero(place)
    sentence = np.searchsorted(np.cumsum(last - first), found, side="right")
    running = np.zeros((len(wanted), len(rows) + 1), dtype=np.int64)
    np.add.at(running, (place[found] - 1, sentence + 1), 1)
    return np.asarray(running.cumsum(axis=1))


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
