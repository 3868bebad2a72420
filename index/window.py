"""The window of a sentence: the sentence with its neighbours, which say what "it" and "he" are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.article import Sentence


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


def _is_neighbour(other: Sentence, sentence: Sentence) -> bool:
    return other.article is sentence.article and not other.heading


def neighbouring(
    articles: NDArray[np.int32], headings: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`neighbours` of all sentences at once: first rows, and last rows plus one.

    Given the article of each sentence and whether it is a heading. Articles 0 0 0 1, the first sentence a
    heading -> first 0 1 1 3, last 2 3 3 4.
    """
    rows = np.arange(len(articles), dtype=np.int64)
    first, last = rows.copy(), rows + 1
    together = articles[1:] == articles[:-1]
    first[1:] -= together & ~headings[:-1]
    last[:-1] += together & ~headings[1:]
    return first, last
