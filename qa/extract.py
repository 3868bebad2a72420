"""From ranked sentences to extracts a person reads: whole sentences, nothing shown twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from corpus.article import Sentence
from corpus.sentence import SENTENCE_WORDS
from index.generation import Generation
from index.search import Hit, fold

# Sentences in an extract, and words in it.
EXTRACT_SENTENCES = 3
EXTRACT_WORDS = SENTENCE_WORDS
# A neighbour of a marked sentence that ranks among the first hits is part of the answer, not another one:
# "Brighton is one of these. Its director says the time needed surprised the council."
_MARK_RANKS = 5
_MARK_SHARE = 0.6
_MARK_WORDS = 60
# Share of words two sentences have in common to count as the same statement.
_SAME = 0.85
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Group:
    """Rows of the sentences marked in one extract (ascending), its best hit, and repetitions elsewhere."""

    hit: Hit
    first: int
    last: int
    repeats: list[Hit] = field(default_factory=list)


def group_hits(generation: Generation, hits: Sequence[Hit], k: int) -> list[Group]:
    """The k best groups of hits: neighbours marked together, repetitions collapsed into the better one."""
    groups: list[Group] = []
    for rank, hit in enumerate(hits):
        repeated = next((group for group in groups if _repeats(generation, group, hit.sentence)), None)
        beside = next((group for group in groups if _beside(generation, group, hit.row)), None)
        if repeated:
            repeated.repeats.append(hit)
        elif beside and rank < _MARK_RANKS and _joins(generation, beside, hit):
            beside.first, beside.last = min(beside.first, hit.row), max(beside.last, hit.row)
        elif not _shown(generation, groups, hit.row) and len(groups) < k:
            groups.append(Group(hit, hit.row, hit.row))
    return groups


def context(generation: Generation, group: Group) -> tuple[int, int]:
    """First and last row of the sentences shown: the marked ones and neighbours from their paragraph."""
    first, last = group.first, group.last
    for before in (True, False):
        row = first - 1 if before else last + 1
        wider = (row, last) if before else (first, row)
        if _one_paragraph(generation, wider) and _fits(generation, wider):
            first, last = wider
    return first, last


def _fits(generation: Generation, rows: tuple[int, int]) -> bool:
    first, last = rows
    words = sum(len(sentence.text.split()) for sentence in generation.sentences[first : last + 1])
    return last - first < EXTRACT_SENTENCES and words <= EXTRACT_WORDS


def _one_paragraph(generation: Generation, rows: tuple[int, int]) -> bool:
    first, last = rows
    if first < 0 or last >= len(generation.sentences):
        return False
    start, end = generation.sentences[first], generation.sentences[last]
    together = start.article is end.article and not start.heading and not end.heading
    return together and "\n" not in start.article.text[start.start : end.end]


def _beside(generation: Generation, group: Group, row: int) -> bool:
    joined = (min(group.first, row), max(group.last, row))
    return row in (group.first - 1, group.last + 1) and _one_paragraph(generation, joined)


def _joins(generation: Generation, group: Group, hit: Hit) -> bool:
    """Whether a neighbour scores nearly as well as the marked sentences, and there is room to mark it."""
    first, last = min(group.first, hit.row), max(group.last, hit.row)
    words = sum(len(sentence.text.split()) for sentence in generation.sentences[first : last + 1])
    near = hit.score >= _MARK_SHARE * group.hit.score
    return near and last - first < EXTRACT_SENTENCES and words <= _MARK_WORDS


def _shown(generation: Generation, groups: Sequence[Group], row: int) -> bool:
    spans = (context(generation, group) for group in groups)
    return any(first <= row <= last for first, last in spans)


def _repeats(generation: Generation, group: Group, sentence: Sentence) -> bool:
    return any(_same(marked, sentence) for marked in generation.sentences[group.first : group.last + 1])


def _same(one: Sentence, other: Sentence) -> bool:
    first, second = (set(_WORD.findall(fold(sentence.text))) for sentence in (one, other))
    return len(first & second) >= _SAME * len(first | second)
