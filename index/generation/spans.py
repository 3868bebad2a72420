"""Reads sentences and passages: arrays of spans, checked when opened, made into objects when used.

A row of `sentences.npy` is article row, start, end and flags, a row of `passages.npy` article row, start
and end. Both ascend through the corpus, and no span overlaps the next.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from corpus.article import Passage, Sentence
from corpus.cleaning.assertions import may_answer
from index.errors import Damaged
from index.generation.articles import Articles
from index.storage.arrays import Int32Rows, RowIds, read_array, scan

HEADING = 1
ANSWERS = 2
"""Flags of a sentence: it is a heading, it may answer a question."""

# A longer run of lines that may not answer is a table of contents or a list of references.
_NEAR = 100

Span = TypeVar("Span", Sentence, Passage)


def flags(sentences: Sequence[Sentence]) -> list[int]:
    """The flags of all sentences of one article, in order."""
    answers = may_answer(sentences)
    return [HEADING * s.heading + ANSWERS * answer for s, answer in zip(sentences, answers, strict=True)]


class Spans(Sequence[Span]):
    """Spans by row, each a new object that shares its article."""

    def __init__(self, articles: Articles, spans: Int32Rows) -> None:
        self.articles = articles
        self.spans = spans

    @abstractmethod
    def _span(self, span: Sequence[int]) -> Span: ...

    def __len__(self) -> int:
        return len(self.spans)

    @overload
    def __getitem__(self, row: SupportsIndex) -> Span: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Span]: ...
    def __getitem__(self, row: SupportsIndex | slice) -> Span | Sequence[Span]:
        if isinstance(row, slice):
            return tuple(map(self._span, self.spans[row].tolist()))
        return self._span(self.spans[range(len(self))[row]].tolist())


class Sentences(Spans[Sentence]):
    """The sentences of a corpus."""

    def _span(self, span: Sequence[int]) -> Sentence:
        article, start, end, flagged = span
        return Sentence(self.articles[article], start, end, bool(flagged & HEADING))


class Passages(Spans[Passage]):
    """The passages of a corpus."""

    def _span(self, span: Sequence[int]) -> Passage:
        article, start, end = span
        return Passage(self.articles[article], start, end)


def read_spans(path: Path, shape: tuple[int, int], lengths: NDArray[np.int64]) -> Int32Rows:
    """Read spans over texts of these lengths (code points, by article row).

    Raises Damaged: a span outside its text, or out of order.
    """
    spans: Int32Rows = read_array(path, dtype=np.int32, shape=shape, mapped=True)
    for block in scan(spans, overlap=1):
        article, start, end = block[:, 0], block[:, 1], block[:, 2]
        if not (article.min() >= 0 and article.max() < len(lengths)):
            raise Damaged(path, "a span of an article that is not there")
        if not ((start >= 0) & (start < end) & (end <= lengths[article])).all():
            raise Damaged(path, "a span outside its article's text")
        starts = _starts(block)
        if not ((np.diff(starts) > 0) & (_ends(block)[:-1] <= starts[1:])).all():
            raise Damaged(path, "spans out of order, or one over another")
    return spans


def passage_of(sentences: Int32Rows, passages: Int32Rows, path: Path) -> Int32Rows:
    """For each sentence the row of the passage that contains its start.

    Raises Damaged: a sentence that lies in no passage; `path` is the file of the passages.
    """
    starts = np.concatenate([_starts(block) for block in scan(passages)])
    rows = np.concatenate([_passage_rows(block, starts, passages) for block in scan(sentences)])
    if rows.min() < 0:
        raise Damaged(path, "a sentence that lies in no passage")
    rows.flags.writeable = False
    return rows


def sentence_ranges(passage_of: Int32Rows, passages: Int32Rows) -> tuple[RowIds, RowIds]:
    """Half-open ranges of the sentence rows of each passage; `passage_of` ascends.

    `passages` must be int32 like `passage_of`: NumPy otherwise copies all of it for each question.
    """
    first = np.searchsorted(passage_of, passages, side="left")
    return first, np.searchsorted(passage_of, passages, side="right")


def _passage_rows(sentences: Int32Rows, starts: NDArray[np.int64], passages: Int32Rows) -> Int32Rows:
    rows = np.searchsorted(starts, _starts(sentences), side="right").astype(np.int32) - np.int32(1)
    containing = passages[rows]
    covers = (containing[:, 0] == sentences[:, 0]) & (containing[:, 2] > sentences[:, 1])
    return np.where(covers, rows, np.int32(-1))


def _starts(spans: Int32Rows) -> NDArray[np.int64]:
    """Article and start as one number that ascends through the corpus."""
    return (spans[:, 0].astype(np.int64) << 32) + spans[:, 1]


def _ends(spans: Int32Rows) -> NDArray[np.int64]:
    return (spans[:, 0].astype(np.int64) << 32) + spans[:, 2]


def window(sentences: Sequence[Sentence], row: int) -> tuple[int, int]:
    """Half-open span of the article's text from the previous sentence's start to the next one's end.

    Neighbours are in the same article; a heading is one of the sentence below it alone:
    ["It rose.", "Costs", "It fell."] with "Costs" a heading -> row 0 is "It rose.", row 2 "Costs It fell."
    """
    first, last = neighbours(sentences, row)
    return sentences[first].start, sentences[last - 1].end


def neighbours(sentences: Sequence[Sentence], row: int) -> tuple[int, int]:
    """Half-open range of the rows of a sentence's window: one to three."""
    first, last = row, row + 1
    article = sentences[row].article
    if first > 0 and sentences[first - 1].article is article:
        first -= 1
    if last < len(sentences) and sentences[last].article is article and not sentences[last].heading:
        last += 1
    return first, last


def neighbour_rows(spans: Int32Rows, rows: RowIds) -> tuple[RowIds, RowIds]:
    """`neighbours` of many rows at once: firsts and lasts, from the spans of all sentences.

    Articles 0 0 0 1, the second sentence a heading -> firsts 0 0 1 3, lasts 1 3 3 4.
    """
    previous, following = np.maximum(rows - 1, 0), np.minimum(rows + 1, len(spans) - 1)
    articles = spans[rows, 0]
    before = (rows > previous) & (spans[previous, 0] == articles)
    after = (rows < following) & (spans[following, 0] == articles) & (spans[following, 3] & HEADING == 0)
    return rows - before, rows + 1 + after


def answering_rows(spans: Int32Rows, passage_of: Int32Rows, rows: RowIds) -> RowIds:
    """For each row the row of the sentence that answers for it: itself, if it may answer.

    For a heading that is the next sentence below that may answer, for another line, such as a byline, the
    nearest of its passage, else of its article. A line without one within `_NEAR` rows stays.
    """
    answering = rows.copy()
    for position in np.flatnonzero(spans[rows, 3] & ANSWERS == 0).tolist():
        answering[position] = _answering_row(spans, passage_of, int(rows[position]))
    return answering


def _answering_row(spans: Int32Rows, passage_of: Int32Rows, row: int) -> int:
    first = max(0, row - _NEAR)
    near = spans[first : row + _NEAR + 1]
    able = first + np.flatnonzero((near[:, 0] == spans[row, 0]) & (near[:, 3] & ANSWERS > 0))
    preferred = able > row if spans[row, 3] & HEADING else passage_of[able] == passage_of[row]
    nearest: list[int] = (able[preferred] if preferred.any() else able).tolist()
    # Of two as near the one below.
    return min(nearest, key=lambda other: (abs(other - row), other < row), default=row)
