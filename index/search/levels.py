"""Adds up what is known of single sentences over the windows and passages around the candidates.

rows 0 and 1, both in one passage, which is also their window; numbers 2 and 3 of the sentences
-> sentence 2 3, window 5 5, passage 5 5
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.generation.generation import Generation
from index.generation.spans import neighbour_rows, sentence_ranges
from index.storage.arrays import RowIds, concatenate_ranges

_HALF = 32


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Candidates, with the half-open ranges of rows that are their sentence, window and passage.

    `sentences` are all rows in any of the ranges, ascending.
    """

    rows: RowIds
    ranges: tuple[tuple[RowIds, RowIds], ...]
    sentences: RowIds

    @classmethod
    def around(cls, generation: Generation, rows: RowIds) -> Levels:
        """The levels of these sentences of a generation."""
        passages, inverse = np.unique(generation.passage_of[rows], return_inverse=True)
        first, last = sentence_ranges(generation.passage_of, passages)
        window = neighbour_rows(generation.sentences.spans, rows)
        passage = first[inverse], last[inverse]
        return cls(rows, ((rows, rows + 1), window, passage), _union((window, passage)))

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sums over sentence, window and passage: shape (…, sentences) -> (3, …, rows)."""
        total = np.zeros((*values.shape[:-1], values.shape[-1] + 1), dtype=values.dtype)
        np.cumsum(values, axis=-1, out=total[..., 1:])
        positions = (
            (start, start + last - first)
            for first, last in self.ranges
            for start in [np.searchsorted(self.sentences, first)]
        )
        return np.stack([total[..., end] - total[..., start] for start, end in positions])


def _union(ranges: tuple[tuple[RowIds, RowIds], ...]) -> RowIds:
    """Every row in any of the half-open ranges, ascending, once."""
    first = np.concatenate([start for start, _ in ranges])
    last = np.concatenate([end for _, end in ranges])
    # Many rows share a passage, and a range packed into one integer compares faster than two.
    packed = np.unique((first << _HALF) | last)
    return np.unique(concatenate_ranges(packed >> _HALF, packed & ((1 << _HALF) - 1)))
