"""Which spans hold a text: vectors are searched once a text, and found once a span.

Spans with texts 0, 1, 0, 2 -> text 0 is held by spans 0 and 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Occurrences:
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

    def holding(
        self, texts: Rows, scores: Floats, k: int, *, allowed: NDArray[np.bool_] | None
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
