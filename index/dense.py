"""Exact nearest neighbours by inner product: the one file that knows FAISS.

The index is flat: every vector is compared, nothing is approximated, and 200,000 vectors of 384
numbers take about 20 ms. FAISS fills missing results with row -1; no -1 leaves this file.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.errors import Damaged

SPARE = 16  # rows fetched beyond k, so that equals at the cut are put in order before the cut
TIE = 1e-5  # scores closer than this may change places when added up again: float32 sums of 384 products

_LOADING = threading.Lock()  # the limits of deserialization are global to FAISS


class DenseIndex:
    """Vectors by row number; immutable, safe to search from several threads."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @property
    def count(self) -> int:
        """Vectors held."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._index.d)

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> DenseIndex:
        """An index over the rows of `vectors`, shape (n, d)."""
        import faiss

        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    def to_bytes(self) -> bytes:
        """The index as FAISS writes it; `load` reads it back."""
        import faiss

        return bytes(faiss.serialize_index(self._index).tobytes())

    @classmethod
    def load(cls, file: Path, *, count: int, dimension: int) -> DenseIndex:
        """Read an index that must hold `count` vectors of `dimension` numbers.

        Raises:
            Damaged: unreadable, or of another class, size, dimension or metric.
        """
        import faiss

        try:
            content = np.frombuffer(file.read_bytes(), dtype=np.uint8)
            index = _deserialize(content, limit=4 * count * dimension)
        except OSError as error:
            raise Damaged(file, f"cannot be read: {error.strerror}") from error
        except (RuntimeError, MemoryError) as error:
            raise Damaged(file, "not an index of the expected size") from error
        found = (type(index).__name__, index.d, index.ntotal, index.metric_type)
        expected = ("IndexFlatIP", dimension, count, faiss.METRIC_INNER_PRODUCT)
        if found != expected:
            raise Damaged(file, f"expected {expected}, found {found}")
        return cls(index)

    def search(
        self, query: NDArray[np.float32], k: int, *, allowed: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The k rows with the greatest inner product with `query`, shape (d,), as (row, score).

        Best first, equal scores by row. `allowed` limits the search to these rows; those out of
        range are ignored. Fewer than k come back when there are no more, none when k <= 0.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        if query.shape != (self.dimension,):
            raise ValueError(f"a query of shape {query.shape}, but vectors have {self.dimension} numbers")
        if allowed is not None:
            allowed = np.unique(allowed[(allowed >= 0) & (allowed < self.count)])
        available = self.count if allowed is None else len(allowed)
        fetch = min(available, max(k, 0) + SPARE)
        while k > 0 and available:
            rows, scores = self._fetch(query, fetch, allowed)
            if len(rows) < fetch or fetch == available or scores[k - 1] - scores[-1] > TIE:
                return self._ranked(query, rows)[:k]
            fetch = min(available, 2 * fetch)
        return []

    def _fetch(
        self, query: NDArray[np.float32], fetch: int, allowed: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        import faiss

        params: Any = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(np.ascontiguousarray(allowed, dtype=np.int64))
            params = faiss.SearchParameters()
            params.sel = selector
        scores, rows = self._index.search(query[None, :], fetch, params=params)
        return rows[0][rows[0] >= 0], scores[0][rows[0] >= 0]

    def _ranked(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> list[tuple[int, float]]:
        """Scores computed again in one order of addition: equal vectors get equal scores."""
        vectors = self._index.reconstruct_batch(rows).astype(np.float64)
        scores = (vectors * query.astype(np.float64)).sum(axis=1)
        return sorted(zip(rows.tolist(), scores.tolist(), strict=True), key=lambda hit: (-hit[1], hit[0]))


def _deserialize(content: NDArray[np.uint8], *, limit: int) -> Any:
    """Read with FAISS held to vectors of `limit` bytes: a wrong header cannot ask for more."""
    import faiss

    with _LOADING:
        before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
        faiss.set_deserialization_vector_byte_limit(limit + 4)  # FAISS asks for less than, in floats
        faiss.set_deserialization_loop_limit(1)  # a flat index has no list to loop over
        try:
            return faiss.deserialize_index(content)
        finally:
            faiss.set_deserialization_vector_byte_limit(before[0])
            faiss.set_deserialization_loop_limit(before[1])
