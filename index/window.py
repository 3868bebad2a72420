"""The window of a sentence: the sentence with its neighbours, which say what "it" and "he" are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.article import Sentence

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


def neighbour_rows(article_of: Rows, headings: NDArray[np.bool_], rows: Places) -> tuple[Places, Places]:
    """`neighbours` of many rows at once: firsts and lasts, from the article and kind of every sentence."""
    previous, following = np.maximum(rows - 1, 0), np.minimum(rows + 1, len(article_of) - 1)
    own = article_of[rows]
    before = (rows > previous) & (article_of[previous] == own) & ~headings[previous]
    behind = (rows < following) & (article_of[following] == own) & ~headings[following]
    return rows - before, rows + 1 + behind


def _is_neighbour(other: Sentence, sentence: Sentence) -> bool:
    return other.article is sentence.article and not other.heading
