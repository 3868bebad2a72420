"""The nearest neighbours that are, and how many of them were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from index.storage.arrays import Vectors


def exact_nearest(queries: Vectors, blocks: Iterable[Vectors], k: int) -> NDArray[np.int64]:
    """Rows of the k vectors with the greatest inner product, best first, shape (queries, k).

    `blocks` are the vectors in order, so many at a time that they fit in memory; k at most as many as all.
    """
    rows = np.empty((len(queries), 0), dtype=np.int64)
    scores = np.empty((len(queries), 0), dtype=np.float32)
    first = 0
    for block in blocks:
        here = np.broadcast_to(np.arange(first, first + len(block)), (len(queries), len(block)))
        rows, scores = np.hstack([rows, here]), np.hstack([scores, queries @ block.T])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = np.take_along_axis(rows, best, axis=1), np.take_along_axis(scores, best, axis=1)
        first += len(block)
    return rows


def recall(results: Sequence[Sequence[object]], expected: Sequence[Sequence[object]]) -> float:
    """The share of what was wanted that was found, over all queries: [[1, 2]] of [[2, 3]] -> 0.5."""
    hits = sum(len(set(result) & set(all_)) for result, all_ in zip(results, expected, strict=True))
    return hits / sum(len(set(all_)) for all_ in expected)
