"""Searches spans by the vectors of their texts, with exact scores.

Each distinct text is searched once, however many spans have it. The candidates of an approximate index are
rescored with the vectors themselves, so equal vectors have equal scores, in the order of an exact search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from index.retrieval.faiss_index import FlatIndex, IndexParameters, open_ivf_index
from index.retrieval.filter import NO_FILTER_IDS, FilterIds, Granularity
from index.retrieval.index_type import Kind
from index.storage.arrays import Int32Rows, Mask, RowIds, Scores, Vectors

OVERFETCH = 16  # texts fetched beyond k, so that ties at the cut are ordered before the cut
SCORE_TOLERANCE = 1e-5  # float32 sums of 384 products that differ by less may swap when added again
BRUTE_FORCE_BELOW = 4_000  # allowed texts up to which all are compared without an index: about 3 ms


@dataclass(frozen=True, slots=True, eq=False)
class AllowedTexts:
    """The spans and texts of an index that a filter allows: masks by row, number of texts, and filter ids."""

    spans: Mask
    texts: Mask
    count: int
    filter_ids: FilterIds = field(default_factory=lambda: NO_FILTER_IDS)


class VectorSearch(Protocol):
    """Finds texts by inner product."""

    @property
    def rescore_factor(self) -> int:
        """Candidates rescored per requested result; 0 if the order is exact within `SCORE_TOLERANCE`."""

    def release_pages(self) -> None:
        """Release the memory of mapped pages."""

    def search(
        self, query: Vectors, k: int, *, only: Mask | None, filter_ids: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """At most k texts with their scores, best first, from the rows true in `only`.

        `filter_ids` give the same filter to a remote index that takes no rows; other results are dropped.
        """


class RemoteVectors(Protocol):
    """The vectors of texts by row, in an engine instead of an array; texts are searched there too."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]:
        """(texts, dimension)."""

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Vectors of some rows, shape (rows, dimension); of one row, shape (dimension,)."""

    def search_index(self, granularity: Granularity) -> VectorSearch:
        """The search among the texts of sentences, or of passages."""


class DenseIndex:
    """Vectors of spans by row number; immutable, safe to search from several threads.

    `vectors` has shape (texts, dimension), `rows` is the text of each span. A filter that allows at most
    `brute_force_below` texts bypasses the index.
    """

    def __init__(
        self,
        vectors: Vectors | RemoteVectors,
        rows: Int32Rows,
        index: VectorSearch | None = None,
        *,
        brute_force_below: int = BRUTE_FORCE_BELOW,
    ) -> None:
        self._vectors = vectors
        self._brute_force_below = brute_force_below
        self._spans = TextToSpans(rows)
        self._index = index or FlatIndex(np.asarray(vectors), self._spans.texts)

    @classmethod
    def open(
        cls,
        file: Path,
        vectors: Vectors,
        rows: Int32Rows,
        parameters: IndexParameters,
        *,
        brute_force_below: int = BRUTE_FORCE_BELOW,
    ) -> DenseIndex:
        """Open an index with the parameters of its manifest; a flat one has no file.

        Raises Damaged: unreadable, or of another class, size, dimension or metric.
        """
        index = None
        if parameters.get("kind") != Kind.FLAT:
            index = open_ivf_index(file, parameters, np.unique(rows), dimension=vectors.shape[1])
        return cls(vectors, rows, index, brute_force_below=brute_force_below)

    def allowed_texts(self, allowed: Mask, filter_ids: FilterIds = NO_FILTER_IDS) -> AllowedTexts:
        """A filter for `search`: the spans true in `allowed`, shape (spans,), given also as `filter_ids`."""
        texts = self._spans.allowed_texts(allowed)
        return AllowedTexts(allowed, texts, int(np.count_nonzero(texts)), filter_ids)

    def search(
        self, query: Vectors, k: int, *, allowed: AllowedTexts | None = None
    ) -> list[tuple[int, float]]:
        """The k allowed spans with the greatest inner product with `query`, shape (d,), as (row, score).

        Best first, equal scores by row; fewer than k if there are no more.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        dimension = self._vectors.shape[1]
        if query.shape != (dimension,):
            raise ValueError(f"a query of shape {query.shape}, but vectors have {dimension} numbers")
        if k <= 0 or not np.isfinite(query).all():
            return []
        texts, scores = self.nearest_texts(query, k, allowed=allowed)
        return self._spans.best_spans(texts, scores, k, allowed=allowed.spans if allowed else None)

    def release_pages(self) -> None:
        """Release the memory of mapped pages of the index, not of the vectors."""
        self._index.release_pages()

    def nearest_texts(
        self, query: Vectors, k: int, *, allowed: AllowedTexts | None = None
    ) -> tuple[RowIds, Scores]:
        """At least the k nearest texts, best first, with their scores."""
        available = allowed.count if allowed else len(self._spans.texts)
        only, filter_ids = (allowed.texts, allowed.filter_ids) if allowed else (None, NO_FILTER_IDS)
        fetch = min(available, k * max(1, self._index.rescore_factor) + OVERFETCH)
        if only is not None and available <= max(self._brute_force_below, fetch):
            return self._rescore(query, np.flatnonzero(only))
        while available:
            texts, scores = self._index.search(query, fetch, only=only, filter_ids=filter_ids)
            complete = len(texts) < fetch or fetch == available
            if complete or scores[k - 1] - scores[-1] > SCORE_TOLERANCE or self._index.rescore_factor:
                return self._rescore(query, texts)
            fetch = min(available, 2 * fetch)
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def _rescore(self, query: Vectors, texts: RowIds) -> tuple[RowIds, Scores]:
        """Scores added in one fixed order, so that equal vectors have equal scores."""
        scores = (self._vectors[texts].astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((texts, -scores))
        return texts[order], scores[order]


class TextToSpans:
    """Maps each distinct text to its spans; `texts` are the rows of all texts in use, ascending."""

    def __init__(self, rows: Int32Rows) -> None:
        self._order = np.argsort(rows, kind="stable").astype(np.int32)
        ordered = rows[self._order]
        first = np.flatnonzero(np.diff(ordered, prepend=np.int32(-1)))
        self.texts = ordered[first]
        self._starts = np.append(first, len(rows)).astype(np.int32)
        self._rows = rows

    def allowed_texts(self, allowed: Mask) -> Mask:
        """The texts, by row, of the allowed spans."""
        mask = np.zeros(int(self.texts[-1]) + 1 if len(self.texts) else 0, dtype=bool)
        mask[self._rows[allowed]] = True
        return mask

    def best_spans(
        self, texts: RowIds, scores: Scores, k: int, *, allowed: Mask | None
    ) -> list[tuple[int, float]]:
        """The k best allowed spans of these texts, as (span, score): best first, equal scores by span."""
        if not len(texts):
            return []
        positions = np.searchsorted(self.texts, texts)
        parts = [self._spans_of(position, k, allowed) for position in positions.tolist()]
        spans = np.concatenate(parts)
        repeated = np.repeat(scores, [len(part) for part in parts])
        best = np.lexsort((spans, -repeated))[:k]
        return list(zip(spans[best].tolist(), repeated[best].tolist(), strict=True))

    def _spans_of(self, position: int, k: int, allowed: Mask | None) -> Int32Rows:
        spans = self._order[self._starts[position] : self._starts[position + 1]]
        return spans[:k] if allowed is None else spans[allowed[spans]][:k]
