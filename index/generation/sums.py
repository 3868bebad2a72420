"""Computes the lengths of the sums that sentences, windows and passages are.

A window's vector is the sum of those of its sentences, each as long as it was before it was made a unit
vector. Only the length of that sum is stored: its product with a question is the sum of the sentences'.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index.generation.files import PASSAGES
from index.generation.spans import neighbour_rows, passage_of
from index.storage.arrays import Int32Rows, StoredVectors, Vectors, release_pages

_BLOCK = 1 << 14  # sentences in memory at once


def sum_lengths(
    vectors: StoredVectors, lengths: Vectors, sentences: Int32Rows, passages: Int32Rows
) -> Vectors:
    """Lengths of the sums of each sentence, its window and its passage, shape (sentences, 3).

    `vectors`, shape (sentences, d), are unit vectors that were `lengths` long; `sentences` and `passages` are
    the spans of `index.generation.spans`.
    """
    rows = np.arange(len(sentences))
    first, last = neighbour_rows(sentences, rows)
    sums = np.stack([lengths, np.zeros_like(lengths), np.zeros_like(lengths)], axis=1)
    starts = np.flatnonzero(np.diff(passage_of(sentences, passages, Path(PASSAGES)), prepend=-1))
    ends = np.append(starts[1:], len(rows))
    part = 0
    while part < len(starts):
        # Whole passages, with a sentence before and after for the windows at the edges.
        next_part = max(part + 1, int(np.searchsorted(ends, starts[part] + _BLOCK, side="right")))
        begin, end = int(starts[part]), int(ends[next_part - 1])
        low, high = max(0, begin - 1), min(len(rows), end + 1)
        summed = np.zeros((high - low + 1, vectors.shape[1]))
        np.cumsum(vectors[low:high].astype(np.float64) * lengths[low:high, None], axis=0, out=summed[1:])
        here = rows[begin:end]
        sums[here, 1] = np.linalg.norm(summed[last[here] - low] - summed[first[here] - low], axis=1)
        whole = summed[ends[part:next_part] - low] - summed[starts[part:next_part] - low]
        sizes = ends[part:next_part] - starts[part:next_part]
        sums[here, 2] = np.repeat(np.linalg.norm(whole, axis=1), sizes)
        release_pages(vectors)
        part = next_part
    return sums
