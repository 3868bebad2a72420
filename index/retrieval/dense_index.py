"""The dense index: spans by the vectors of their texts, with exact scores whatever found them.

A text is searched once however many spans hold it. What an approximate index finds is compared again with
the vectors themselves, so equal vectors have equal scores and the order is that of an exact search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.retrieval.faiss_index import FlatIndex, IndexParameters, open_lists
from index.retrieval.filter import NO_FILTER_IDS, FilterIds, Granularity
from index.retrieval.index_type import Kind
from index.storage.arrays import Mask, RowIds, Scores, Vectors

OVERFETCH = 16  # texts fetched beyond k, so that equals at the cut are put in order before the cut
SCORE_TOLERANCE = (
    1e-5  # scores closer than this may change places when added up again: float32 sums of 384 products
)
BRUTE_FORCE_BELOW = 4_000  # allowed texts that are compared one by one, without an index: about 3 ms


@dataclass(frozen=True, slots=True, eq=False)
class AllowedTexts:
    """What a filter leaves of an index: spans and texts by row, how many texts, and what marks them."""

    spans: NDArray[np.bool_]
    texts: Mask
    count: int
    filter_ids: FilterIds = field(default_factory=lambda: NO_FILTER_IDS)


class VectorSearch(Protocol):
    """What finds texts by their vectors."""

    @property
    def rescore_factor(self) -> int:
        """Texts to compare again for each that is wanted; 0 where the order found is exact but for `SCORE_TOLERANCE`."""

    def release_pages(self) -> None:
        """Give back the memory of what was looked into."""

    def search(
        self, query: Vectors, k: int, *, only: Mask | None, marks: FilterIds = NO_FILTER_IDS
    ) -> tuple[RowIds, Vectors]:
        """At most k texts with scores, best first, of those alone that are true in `only`; none is row -1.

        `marks` say the same otherwise, for an engine that is not told rows: what it finds beside is left out.
        """


class RemoteVectors(Protocol):
    """The vectors of texts by row, in an engine instead of an array; texts are searched there too."""

    def __len__(self) -> int: ...

    @property
    def shape(self) -> tuple[int, int]:
        """Texts, and numbers per vector."""

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Vectors of some rows, shape (rows, dimension); of one row, shape (dimension,)."""

    def search_index(self, granularity: Granularity) -> VectorSearch:
        """The search among the texts of sentences, or of passages."""


class DenseIndex:
    """Vectors of spans by row number; immutable, safe to search from several threads.

    `vectors` has shape (texts, dimension), `rows` tells the text of each span. Up to `few` allowed texts are
    compared without `searched`.
    """

    def __init__(
        self,
        vectors: Vectors | RemoteVectors,
        rows: NDArray[np.int32],
        searched: VectorSearch | None = None,
        *,
        few: int = BRUTE_FORCE_BELOW,
    ) -> None:
        self._vectors = vectors
        self._few = few
        self._held = TextToSpans(rows)
        self._searched = searched or FlatIndex(np.asarray(vectors), self._held.texts)

    @classmethod
    def open(
        cls, file: Path, vectors: Vectors, rows: NDArray[np.int32], facts: IndexParameters
    ) -> DenseIndex:
        """Open an index that the manifest tells these facts of; a flat one needs no file.

        Raises:
            Damaged: unreadable, or of another class, size, dimension or metric.
        """
        if facts.get("kind") == Kind.FLAT:
            return cls(vectors, rows)
        opened = cls(vectors, rows)
        opened._searched = open_lists(file, facts, opened._held.texts, dimension=opened.dimension)
        return opened

    @property
    def count(self) -> int:
        """Spans held."""
        return self._held.spans

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._vectors.shape[1])

    def allowed_texts(self, allowed: NDArray[np.bool_], marks: FilterIds = NO_FILTER_IDS) -> AllowedTexts:
        """What `search` is given to find only those spans, shape (spans,), that are true in `allowed`.

        `marks` are what their articles have in common.
        """
        texts = self._held.allowed_texts(allowed)
        return AllowedTexts(allowed, texts, int(np.count_nonzero(texts)), marks)

    def search(
        self, query: Vectors, k: int, *, allowed: AllowedTexts | None = None
    ) -> list[tuple[int, float]]:
        """The k spans with the greatest inner product with `query`, shape (d,), as (row, score).

        Best first, equal scores by row; of those alone that are allowed. Fewer than k come back when there
        are no more, none when k <= 0.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        if query.shape != (self.dimension,):
            raise ValueError(f"a query of shape {query.shape}, but vectors have {self.dimension} numbers")
        if k <= 0 or not np.isfinite(query).all():
            return []
        texts, scores = self.nearest_texts(query, k, allowed=allowed)
        return self._held.best_spans(texts, scores, k, allowed=allowed.spans if allowed else None)

    def release_pages(self) -> None:
        """Give back the memory of what searches looked into, the vectors left out."""
        self._searched.release_pages()

    def nearest_texts(
        self, query: Vectors, k: int, *, allowed: AllowedTexts | None = None
    ) -> tuple[RowIds, Scores]:
        """The k nearest texts, or a few more, best first, with their scores."""
        available = allowed.count if allowed else len(self._held.texts)
        only, marks = (allowed.texts, allowed.filter_ids) if allowed else (None, NO_FILTER_IDS)
        fetch = min(available, k * max(1, self._searched.rescore_factor) + OVERFETCH)
        if only is not None and available <= max(self._few, fetch):
            return self._compared(query, np.flatnonzero(only))
        while available:
            found, scores = self._searched.search(query, fetch, only=only, marks=marks)
            clear = len(found) < fetch or fetch == available or scores[k - 1] - scores[-1] > SCORE_TOLERANCE
            if clear or self._searched.rescore_factor:
                return self._compared(query, found)
            fetch = min(available, 2 * fetch)
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def _compared(self, query: Vectors, texts: RowIds) -> tuple[RowIds, Scores]:
        """Scores computed again in one order of addition: equal vectors get equal scores."""
        scores = (self._vectors[texts].astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((texts, -scores))
        return texts[order], scores[order]


class TextToSpans:
    """The spans of each text; `texts` are the rows of all texts that occur, ascending."""

    def __init__(self, rows: NDArray[np.int32]) -> None:
        self.spans = len(rows)
        self._order = np.argsort(rows, kind="stable").astype(np.int32)
        ordered = rows[self._order]
        first = np.flatnonzero(np.diff(ordered, prepend=np.int32(-1)))
        self.texts = ordered[first]
        self._starts = np.append(first, len(rows)).astype(np.int32)
        self._rows = rows

    def allowed_texts(self, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which texts, by row, are those of a span that is allowed."""
        held = np.zeros(int(self.texts[-1]) + 1 if len(self.texts) else 0, dtype=bool)
        held[self._rows[allowed]] = True
        return held

    def best_spans(
        self, texts: RowIds, scores: Scores, k: int, *, allowed: NDArray[np.bool_] | None
    ) -> list[tuple[int, float]]:
        """The k best allowed spans of these texts, as (span, score): best first, equal scores by span."""
        places = np.searchsorted(self.texts, texts)
        held = [self._spans_of(place, k, allowed) for place in places.tolist()]
        if not held:
            return []
        spans = np.concatenate(held)
        repeated = np.repeat(scores, [len(some) for some in held])
        best = np.lexsort((spans, -repeated))[:k]
        return list(zip(spans[best].tolist(), repeated[best].tolist(), strict=True))

    def _spans_of(self, place: int, k: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int32]:
        spans = self._order[self._starts[place] : self._starts[place + 1]]
        return spans[:k] if allowed is None else spans[allowed[spans]][:k]
