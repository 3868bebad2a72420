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

from index.dense import Facts, Flat, open_lists
from index.lexical import NO_MARKS, Marks
from index.occurrences import Occurrences
from index.plan import Kind

SPARE = 16  # texts fetched beyond k, so that equals at the cut are put in order before the cut
TIE = 1e-5  # scores closer than this may change places when added up again: float32 sums of 384 products
FEW = 4_000  # allowed texts that are compared one by one, without an index: about 3 ms

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
Texts = NDArray[np.bool_]  # by row of the vectors


@dataclass(frozen=True, slots=True, eq=False)
class Narrowed:
    """What a filter leaves of an index: spans and texts by row, how many texts, and what marks them."""

    spans: NDArray[np.bool_]
    texts: Texts
    count: int
    marks: Marks = field(default_factory=lambda: NO_MARKS)


class Vectors(Protocol):
    """The vectors of texts by row, in memory, on disk or elsewhere."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """Texts, and numbers per vector."""

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Those of some rows, shape (rows, dimension); of one row, shape (dimension,)."""


class Searched(Protocol):
    """What finds texts by their vectors."""

    @property
    def again(self) -> int:
        """Texts to compare again for each that is wanted; 0 where the order found is exact but for `TIE`."""

    def let_go(self) -> None:
        """Give back the memory of what was looked into."""

    def search(
        self, query: Floats, k: int, *, only: Texts | None, marks: Marks = NO_MARKS
    ) -> tuple[Rows, Floats]:
        """At most k texts with scores, best first, of those alone that are true in `only`; none is row -1.

        `marks` say the same otherwise, for an engine that is not told rows: what it finds beside is left out.
        """


class DenseIndex:
    """Vectors of spans by row number; immutable, safe to search from several threads.

    `vectors` has shape (texts, dimension), `rows` tells the text of each span. Up to `few` allowed texts are
    compared without `searched`.
    """

    def __init__(
        self,
        vectors: Vectors,
        rows: NDArray[np.int32],
        searched: Searched | None = None,
        *,
        few: int = FEW,
    ) -> None:
        self._vectors = vectors
        self._few = few
        self._held = Occurrences(rows)
        self._searched = searched or Flat(np.asarray(vectors), self._held.texts)

    @classmethod
    def open(cls, file: Path, vectors: Floats, rows: NDArray[np.int32], facts: Facts) -> DenseIndex:
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

    def narrowed(self, allowed: NDArray[np.bool_], marks: Marks = NO_MARKS) -> Narrowed:
        """What `search` is given to find only those spans, shape (spans,), that are true in `allowed`.

        `marks` are what their articles have in common.
        """
        texts = self._held.allowed_texts(allowed)
        return Narrowed(allowed, texts, int(np.count_nonzero(texts)), marks)

    def search(self, query: Floats, k: int, *, allowed: Narrowed | None = None) -> list[tuple[int, float]]:
        """The k spans with the greatest inner product with `query`, shape (d,), as (row, score).

        Best first, equal scores by row; of those alone that are allowed. Fewer than k come back when there
        are no more, none when k <= 0.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        if query.shape != (self.dimension,):
            raise ValueError(f"a query of shape {query.shape}, but vectors have {self.dimension} numbers")
        if k <= 0 or not np.isfinite(query).all():
            return []
        texts, scores = self.nearest(query, k, allowed=allowed)
        return self._held.holding(texts, scores, k, allowed=allowed.spans if allowed else None)

    def let_go(self) -> None:
        """Give back the memory of what searches looked into, the vectors left out."""
        self._searched.let_go()

    def nearest(self, query: Floats, k: int, *, allowed: Narrowed | None = None) -> tuple[Rows, Scores]:
        """The k nearest texts, or a few more, best first, with their scores."""
        available = allowed.count if allowed else len(self._held.texts)
        only, marks = (allowed.texts, allowed.marks) if allowed else (None, NO_MARKS)
        fetch = min(available, k * max(1, self._searched.again) + SPARE)
        if only is not None and available <= max(self._few, fetch):
            return self._compared(query, np.flatnonzero(only))
        while available:
            found, scores = self._searched.search(query, fetch, only=only, marks=marks)
            clear = len(found) < fetch or fetch == available or scores[k - 1] - scores[-1] > TIE
            if clear or self._searched.again:
                return self._compared(query, found)
            fetch = min(available, 2 * fetch)
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    def _compared(self, query: Floats, texts: Rows) -> tuple[Rows, Scores]:
        """Scores computed again in one order of addition: equal vectors get equal scores."""
        scores = (self._vectors[texts].astype(np.float64) * query.astype(np.float64)).sum(axis=1)
        order = np.lexsort((texts, -scores))
        return texts[order], scores[order]
