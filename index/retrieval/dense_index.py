"""Searches sentences by their vectors, with exact scores.

The candidates of an approximate index are rescored with the vectors themselves, so equal vectors have equal
scores, in the order of an exact search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from index.retrieval.faiss_index import FlatIndex, IndexParameters, open_ivf_index
from index.retrieval.filter import NO_FILTER_IDS, FilterIds
from index.retrieval.index_type import Kind
from index.storage.arrays import Mask, RowIds, Scores, StoredVectors, Vectors

OVERFETCH = 16  # rows fetched beyond k, so that ties at the cut are ordered before the cut
SCORE_TOLERANCE = 1e-5  # float32 sums of 384 products that differ by less may swap when added again
BRUTE_FORCE_BELOW = 4_000  # allowed rows up to which all are compared without an index: about 3 ms


@dataclass(frozen=True, slots=True, eq=False)
class AllowedSentences:
    """The sentences that a filter allows: a mask by row, their number, and the filter as ids."""

    rows: Mask
    count: int
    filter_ids: FilterIds = field(default_factory=lambda: NO_FILTER_IDS)


class VectorSearch(Protocol):
    """Finds sentences by inner product."""

    @property
    def rescore_factor(self) -> int:
        """Candidates rescored per requested result; 0 if the order is exact within `SCORE_TOLERANCE`."""

    def release_pages(self) -> None:
        """Release the memory of mapped pages."""

    def search(
        self, query: Vectors, k: int, *, only: Mask | None, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """At most k rows with their scores, best first, of those true in `only`.

        `filter_ids` give the same filter to a remote index that takes no rows; other results are dropped.
        """


class RemoteVectors(Protocol):
    """The vectors of sentences by row, in an engine instead of an array; they are searched there too."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]:
        """(sentences, dimension)."""

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Vectors of some rows, shape (rows, dimension); of one row, shape (dimension,)."""

    def search_index(self) -> VectorSearch:
        """The search among them."""


class DenseIndex:
    """Vectors of sentences by row, shape (rows, dimension); immutable, safe to search from several threads.

    A filter that allows at most `brute_force_below` rows bypasses the index.
    """

    def __init__(
        self,
        vectors: StoredVectors | RemoteVectors,
        index: VectorSearch | None = None,
        *,
        brute_force_below: int = BRUTE_FORCE_BELOW,
    ) -> None:
        self._vectors = vectors
        self._brute_force_below = brute_force_below
        self._index = index or FlatIndex(np.asarray(vectors))

    @classmethod
    def open(
        cls,
        file: Path,
        vectors: StoredVectors,
        parameters: IndexParameters,
        *,
        brute_force_below: int = BRUTE_FORCE_BELOW,
    ) -> DenseIndex:
        """Open an index with the parameters of its manifest; a flat one has no file.

        Raises Damaged: unreadable, or of another class, size, dimension or metric.
        """
        index = None
        if parameters.get("kind") != Kind.FLAT:
            index = open_ivf_index(file, parameters, vectors.shape)
        return cls(vectors, index, brute_force_below=brute_force_below)

    def search(
        self, query: Vectors, k: int, *, allowed: AllowedSentences | None = None
    ) -> list[tuple[int, float]]:
        """The k allowed rows with the greatest inner product with `query`, shape (d,), as (row, score).

        Best first, equal scores by row; fewer than k if there are no more.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        dimension = self._vectors.shape[1]
        if query.shape != (dimension,):
            raise ValueError(f"a query of shape {query.shape}, but vectors have {dimension} numbers")
        if k <= 0 or not np.isfinite(query).all():
            return []
        rows, scores = self.nearest(query, k, allowed=allowed)
        return list(zip(rows[:k].tolist(), scores[:k].tolist(), strict=True))

    def release_pages(self) -> None:
        """Release the memory of mapped pages of the index, not of the vectors."""
        self._index.release_pages()

    def nearest(
        self, query: Vectors, k: int, *, allowed: AllowedSentences | None = None
    ) -> tuple[RowIds, Scores]:
        """At least the k nearest rows, best first, with their scores."""
        available = allowed.count if allowed else len(self._vectors)
        only, filter_ids = (allowed.rows, allowed.filter_ids) if allowed else (None, NO_FILTER_IDS)
        fetch = min(available, k * max(1, self._index.rescore_factor) + OVERFETCH)
        if only is not None and available <= max(self._brute_force_below, fetch):
            return self._rescore(query, np.flatnonzero(only))
        while available:
            rows, scores = self._index.search(query, fetch, only=only, filter_ids=filter_ids)
            complete = len(rows) < fetch or fetch == available
            if complete or scores[k - 1] - scores[-1] > SCORE_TOLERANCE or self._index.rescore_factor:
                return self._rescore(query, rows)
            fetch = min(available, 2 * fetch)
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def _rescore(self, query: Vectors, rows: RowIds) -> tuple[RowIds, Scores]:
        """Scores added in one fixed order, so that equal vectors have equal scores."""
        scores = (self._vectors[rows].astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]
