"""Groups ranked sentences into extracts: whole sentences, none shown twice, repetitions merged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.normalise import fold
from corpus.sentences import SENTENCE_WORDS
from index.generation.generation import Generation
from index.search.query import Hit

EXTRACT_SENTENCES = 3
EXTRACT_WORDS = SENTENCE_WORDS
CONTEXT_SENTENCES = 2
"""Sentences on each side of an extract in its context."""
# A hit adjacent to a better one is marked with it if it ranks among the first and scores nearly as well:
# "Brighton is one of these. Its director says the time needed surprised the council."
_MARK_RANKS = 5
_MARK_SHARE = 0.6
_MARK_WORDS = 60
# Share of the best score from which another article replaces the last extract, if all are of one article.
_OTHER_ARTICLE = 0.5
# Jaccard similarity of the words from which two sentences are repetitions.
_DUPLICATE = 0.85
_WORD = re.compile(r"\w+(?:'t)?")
_DISTINCTIVE = re.compile(r".*\d.*|\w+'t")
_NEGATIONS = frozenset("no not never none nor without neither cannot".split())

Rows = tuple[int, int]
"""First and last row of adjacent sentences."""


class _WordSets(NamedTuple):
    """The words of a sentence, and its numbers and negations: these must agree in repetitions."""

    all: frozenset[str]
    distinctive: frozenset[str]


@dataclass(slots=True)
class ExtractGroup:
    """The rows of one extract: its best hit, first and last marked row, the rows shown, and repetitions."""

    hit: Hit
    first: int
    last: int
    shown: Rows = (0, -1)
    repeats: list[Hit] = field(default_factory=list)

    def extended(self, row: int) -> Rows:
        """The marked rows and an adjacent one."""
        return min(self.first, row), max(self.last, row)


class ExtractGrouper:
    """Groups the hits of one generation."""

    def __init__(self, generation: Generation) -> None:
        self._sentences = generation.sentences

    def group(self, hits: Sequence[Hit], k: int) -> list[ExtractGroup]:
        """The k best groups of hits: adjacent hits marked together, repetitions merged into the best one.

        No row is shown in two groups. If all groups are of one article, the best group of another article
        replaces the last: two articles may tell the same story, or contradict each other. A sentence that
        scores nearly as well as the best has an extract of its own; others may be shown around a better one.
        """
        groups = self._merged(hits)
        near = [group for group in groups[:k] if group.hit.score >= _MARK_SHARE * groups[0].hit.score]
        reserved = {row for group in near for row in range(group.first, group.last + 1)}
        shown: set[int] = set()
        selected: list[ExtractGroup] = []
        for group in groups:
            if len(selected) < k and group.first not in shown and group.last not in shown:
                group.shown = self._shown_rows(group, shown | reserved)
                shown.update(range(group.shown[0], group.shown[1] + 1))
                selected.append(group)
        other = _another_article(groups, selected, shown) if k > 1 and len(selected) == k else None
        if other:
            other.shown = self._shown_rows(other, shown | reserved)
            selected[-1] = other
        return selected

    def surroundings(self, rows: Rows) -> tuple[int, int]:
        """The span of the rows and CONTEXT_SENTENCES on each side, within their article."""
        sentences, article = self._sentences, self._sentences[rows[0]].article
        near = range(
            max(0, rows[0] - CONTEXT_SENTENCES), min(len(sentences), rows[1] + CONTEXT_SENTENCES + 1)
        )
        context = [sentences[row] for row in near if sentences[row].article is article]
        return context[0].start, context[-1].end

    def _merged(self, hits: Sequence[Hit]) -> list[ExtractGroup]:
        groups: list[ExtractGroup] = []
        duplicates = _near_duplicates([_words(hit.sentence.text) for hit in hits])
        group_of: dict[int, int] = {}  # of the ranks with a marked sentence
        for rank, hit in enumerate(hits):
            repeated = min((group_of[other] for other in duplicates[rank] & group_of.keys()), default=None)
            adjacent = self._group_to_extend(groups, hit) if rank < _MARK_RANKS else None
            if repeated is not None:
                groups[repeated].repeats.append(hit)
            elif adjacent is not None:
                groups[adjacent].first, groups[adjacent].last = groups[adjacent].extended(hit.row)
                group_of[rank] = adjacent
            else:
                group_of[rank] = len(groups)
                groups.append(ExtractGroup(hit, hit.row, hit.row))
        return groups

    def _group_to_extend(self, groups: Sequence[ExtractGroup], hit: Hit) -> int | None:
        """Number of the first group that the hit continues; None if it scores much lower or does not fit."""
        for number, group in enumerate(groups):
            wider = group.extended(hit.row)
            if hit.row in (group.first - 1, group.last + 1) and self._in_one_paragraph(wider):
                near = hit.score >= _MARK_SHARE * group.hit.score
                return number if near and self._fits(wider, words=_MARK_WORDS) else None
        return None

    def _shown_rows(self, group: ExtractGroup, taken: set[int]) -> Rows:
        """The marked rows and free neighbours of their paragraph.

        A question above an answer, or a line that announces it ("You need:"), is shown from another
        paragraph too, and so is a heading or byline with the quoted phrase.
        """
        first, last = group.first, group.last
        wider = group.extended(group.hit.phrase_row)
        if taken.isdisjoint({*range(wider[0], first), *range(last + 1, wider[1] + 1)}):
            first, last = wider if self._words(wider) <= EXTRACT_WORDS else (first, last)
        for row in (first - 1, last + 1):
            wider = (min(first, row), max(last, row))
            near = self._in_one_paragraph(wider) or (row < first and self._announces(row))
            if near and row not in taken and self._fits(wider, words=EXTRACT_WORDS):
                first, last = wider
        return first, last

    def _announces(self, row: int) -> bool:
        """Whether the sentence ends in "?" or ":", and the next one is of the same article."""
        if row < 0:
            return False
        before, after = self._sentences[row : row + 2]
        return before.article is after.article and before.text.endswith(("?", ":"))

    def _fits(self, rows: Rows, *, words: int) -> bool:
        return rows[1] - rows[0] < EXTRACT_SENTENCES and self._words(rows) <= words

    def _words(self, rows: Rows) -> int:
        first, last = rows
        return sum(len(sentence.text.split()) for sentence in self._sentences[first : last + 1])

    def _in_one_paragraph(self, rows: Rows) -> bool:
        first, last = rows
        if first < 0 or last >= len(self._sentences):
            return False
        start, end = self._sentences[first], self._sentences[last]
        together = start.article is end.article and not start.heading and not end.heading
        return together and "\n" not in start.article.text[start.start : end.end]


def _another_article(
    groups: list[ExtractGroup], selected: list[ExtractGroup], shown: set[int]
) -> ExtractGroup | None:
    """The best group of a second article, if all selected are of one and it scores high enough."""
    article, enough = selected[0].hit.sentence.article, _OTHER_ARTICLE * selected[0].hit.score
    if any(group.hit.sentence.article is not article for group in selected):
        return None
    others = (group for group in groups if group.hit.sentence.article is not article)
    return next((group for group in others if group.hit.score >= enough and group.first not in shown), None)


def _near_duplicates(sentences: Sequence[_WordSets]) -> list[set[int]]:
    """For each sentence the numbers of its repetitions, itself included.

    Sentences with other numbers or negations are never repetitions. All pairs are compared in one matrix:
    one by one the eighty hits of a question would take 3 ms.
    """
    shared = _shared([words.all for words in sentences])
    sizes = np.diagonal(shared)
    same = (shared >= _DUPLICATE * (sizes[:, None] + sizes - shared)) & (sizes > 0)
    kinds = {kind: number for number, kind in enumerate({words.distinctive for words in sentences})}
    kind = np.array([kinds[words.distinctive] for words in sentences])
    same &= kind[:, None] == kind
    return [set(np.flatnonzero(row).tolist()) for row in same]


def _shared(sets: Sequence[frozenset[str]]) -> NDArray[np.int64]:
    """Number of common words of each pair: {"a", "b"} and {"b"} -> [[2, 1], [1, 1]]."""
    column = {word: number for number, word in enumerate(frozenset().union(*sets))}
    incidence = np.zeros((len(sets), len(column)), dtype=np.float32)
    for row, words in enumerate(sets):
        incidence[row, [column[word] for word in words]] = 1
    return (incidence @ incidence.T).astype(np.int64)


def _words(text: str) -> _WordSets:
    words = frozenset(_WORD.findall(fold(text)))
    plain, other = (word for word in words if word.isalpha()), (word for word in words if not word.isalpha())
    return _WordSets(words, _NEGATIONS.intersection(plain).union(filter(_DISTINCTIVE.fullmatch, other)))
