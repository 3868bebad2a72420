"""The window of a sentence: the sentence with its neighbours, which say what "it" and "he" are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.article import Sentence
from index.spans import HEADING

Rows = NDArray[np.int32]
Places = NDArray[np.int64]


def window(sentences: Sequence[Sentence], row: int) -> tuple[int, int]:
    """Half-open span of the article's text from the previous sentence's start to the next one's end.

    Neighbours are of the same article, and a heading is nobody's neighbour:
    ["Costs", "It rose.", "Then it fell."] with "Costs" a heading -> row 1 is "It rose. Then it fell."
    """
    first, last = neighbours(sentences, row)
    return sentences[first].start, sentences[last - 1].end


def neighbours(sentences: Sequence[Sentence], row: int) -> tuple[int, int]:
    """Half-open range of the rows that a sentence's window is made of: one to three."""
    first, last = row, row + 1
    if first > 0 and _is_neighbour(sentences[first - 1], sentences[row]):
        first -= 1
    if last < len(sentences) and _is_neighbour(sentences[last], sentences[row]):
        last += 1
    return first, last


def neighbour_rows(spans: Rows, rows: Places) -> tuple[Places, Places]:
    """`neighbours` of many rows at once: firsts and lasts, from the spans of all sentences (`index.spans`).

    Articles 0 0 0 1, the first sentence a heading -> firsts 0 1 1 3, lasts 2 3 3 4.
    """
    previous, following = np.maximum(rows - 1, 0), np.minimum(rows + 1, len(spans) - 1)
    own = spans[rows, 0]
    before = (rows > previous) & (spans[previous, 0] == own) & (spans[previous, 3] & HEADING == 0)
    behind = (rows < following) & (spans[following, 0] == own) & (spans[following, 3] & HEADING == 0)
    return rows - before, rows + 1 + behind


def _is_neighbour(other: Sentence, sentence: Sentence) -> bool:
    return other.article is sentence.article and not other.heading
