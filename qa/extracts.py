"""From ranked sentences to extracts a person reads: whole sentences, nothing shown twice."""

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

# Sentences in an extract, and words in it.
EXTRACT_SENTENCES = 3
EXTRACT_WORDS = SENTENCE_WORDS
# Sentences on each side of an extract that a person may ask to see.
CONTEXT_SENTENCES = 2
# A neighbour of a marked sentence that ranks among the first hits is part of the answer, not another one:
# "Brighton is one of these. Its director says the time needed surprised the council."
_MARK_RANKS = 5
_MARK_SHARE = 0.6
_MARK_WORDS = 60
# Share of the best score from which on another article is heard when all extracts are of one.
_OTHER_ARTICLE = 0.5
# Share of words two sentences have in common to count as the same statement.
_SAME = 0.85
_WORD = re.compile(r"\w+(?:'t)?")
_TELLING = re.compile(r".*\d.*|\w+'t")
_NOT = frozenset("no not never none nor without neither cannot".split())


class _WordSets(NamedTuple):
    """The words of a sentence, and those of them that tell it from another in nearly the same words."""

    all: frozenset[str]
    telling: frozenset[str]


@dataclass(slots=True)
class ExtractGroup:
    """What becomes one extract: its best hit, first and last row marked and shown, repetitions elsewhere."""

    hit: Hit
    first: int
    last: int
    shown: tuple[int, int] = (0, -1)
    repeats: list[Hit] = field(default_factory=list)


def group_hits(generation: Generation, hits: Sequence[Hit], k: int) -> list[ExtractGroup]:
    """The k best groups of hits: neighbours marked together, repetitions collapsed into the better one.

    No row is shown in two groups. When all would be of one article, the last gives way to the best of
    another: two articles may tell one story, or contradict each other. A sentence that ranks nearly as well
    as the best keeps an extract of its own; a lesser one may stand among the surroundings of a better one
    instead.
    """
    groups = _joined(generation, hits)
    near = [group for group in groups[:k] if group.hit.score >= _MARK_SHARE * groups[0].hit.score]
    reserved = {row for group in near for row in range(group.first, group.last + 1)}
    taken: set[int] = set()
    kept: list[ExtractGroup] = []
    for group in groups:
        if len(kept) < k and group.first not in taken and group.last not in taken:
            group.shown = _context(generation, group, taken | reserved)
            taken.update(range(group.shown[0], group.shown[1] + 1))
            kept.append(group)
    other = _another_article(groups, kept, taken) if k > 1 and len(kept) == k else None
    if other:
        other.shown = _context(generation, other, taken | reserved)
        kept[-1] = other
    return kept


def _another_article(
    groups: list[ExtractGroup], kept: list[ExtractGroup], taken: set[int]
) -> ExtractGroup | None:
    """The best group of a second article when all that is kept is of one, and it is nearly as good."""
    own, enough = kept[0].hit.sentence.article, _OTHER_ARTICLE * kept[0].hit.score
    if any(group.hit.sentence.article is not own for group in kept):
        return None
    others = (group for group in groups if group.hit.sentence.article is not own)
    return next((group for group in others if group.hit.score >= enough and group.first not in taken), None)


def _joined(generation: Generation, hits: Sequence[Hit]) -> list[ExtractGroup]:
    groups: list[ExtractGroup] = []
    alike = _near_duplicates([_words(hit.sentence.text) for hit in hits])
    group_of: dict[int, int] = {}  # of the ranks whose sentences are marked
    for rank, hit in enumerate(hits):
        repeated = min((group_of[other] for other in alike[rank] & group_of.keys()), default=None)
        beside = _adjacent_group(generation, groups, hit) if rank < _MARK_RANKS else None
        if repeated is not None:
            groups[repeated].repeats.append(hit)
        elif beside is not None and _can_extend(generation, groups[beside], hit):
            groups[beside].first, groups[beside].last = _extended(groups[beside], hit.row)
            group_of[rank] = beside
        else:
            group_of[rank] = len(groups)
            groups.append(ExtractGroup(hit, hit.row, hit.row))
    return groups


def _adjacent_group(generation: Generation, groups: Sequence[ExtractGroup], hit: Hit) -> int | None:
    """The number of the first group that the hit continues within its paragraph."""
    for number, group in enumerate(groups):
        edges = (group.first - 1, group.last + 1)
        if hit.row in edges and _one_paragraph(generation, _extended(group, hit.row)):
            return number
    return None


def _context(generation: Generation, group: ExtractGroup, taken: set[int]) -> tuple[int, int]:
    """First and last row shown: the marked ones and free neighbours from their paragraph.

    A question above an answer, or a line that announces it ("You need:"), comes along from its own paragraph.
    """
    first, last = group.first, group.last
    for row in (first - 1, last + 1):
        wider = (min(first, row), max(last, row))
        near = _one_paragraph(generation, wider) or (row < first and _announces(generation, row))
        if near and row not in taken and _fits(generation, wider, words=EXTRACT_WORDS):
            first, last = wider
    return first, last


def surroundings(generation: Generation, rows: tuple[int, int]) -> tuple[int, int]:
    """The span from two sentences before the first row to two behind the last, within their article."""
    sentences, article = generation.sentences, generation.sentences[rows[0]].article
    near = range(max(0, rows[0] - CONTEXT_SENTENCES), min(len(sentences), rows[1] + CONTEXT_SENTENCES + 1))
    own = [sentences[row] for row in near if sentences[row].article is article]
    return own[0].start, own[-1].end


def _announces(generation: Generation, row: int) -> bool:
    """Whether the sentence of this row asks or announces what the next one says."""
    if row < 0:
        return False
    before, after = generation.sentences[row : row + 2]
    return before.article is after.article and before.text.endswith(("?", ":"))


def _fits(generation: Generation, rows: tuple[int, int], *, words: int) -> bool:
    """Whether the sentences from the first to the last row are few enough, and have at most so many words."""
    first, last = rows
    found = sum(len(sentence.text.split()) for sentence in generation.sentences[first : last + 1])
    return last - first < EXTRACT_SENTENCES and found <= words


def _one_paragraph(generation: Generation, rows: tuple[int, int]) -> bool:
    first, last = rows
    if first < 0 or last >= len(generation.sentences):
        return False
    start, end = generation.sentences[first], generation.sentences[last]
    together = start.article is end.article and not start.heading and not end.heading
    return together and "\n" not in start.article.text[start.start : end.end]


def _extended(group: ExtractGroup, row: int) -> tuple[int, int]:
    return min(group.first, row), max(group.last, row)


def _can_extend(generation: Generation, group: ExtractGroup, hit: Hit) -> bool:
    """Whether a neighbour scores nearly as well as the marked sentences, and there is room to mark it."""
    near = hit.score >= _MARK_SHARE * group.hit.score
    return near and _fits(generation, _extended(group, hit.row), words=_MARK_WORDS)


def _near_duplicates(said: Sequence[_WordSets]) -> list[set[int]]:
    """For each sentence the places of those that say the same in nearly the same words.

    One number or one "not" makes another statement of it, however many words are shared. All are compared
    at once: one by one the eighty hits of a question would take 3 ms.
    """
    shared = _shared([words.all for words in said])
    sizes = np.diagonal(shared)
    same = (shared >= _SAME * (sizes[:, None] + sizes - shared)) & (sizes > 0)
    kinds = {telling: number for number, telling in enumerate({words.telling for words in said})}
    kind = np.array([kinds[words.telling] for words in said])
    same &= kind[:, None] == kind
    return [set(np.flatnonzero(row).tolist()) for row in same]


def _shared(sets: Sequence[frozenset[str]]) -> NDArray[np.int64]:
    """How many words each two have in common: {"a", "b"} and {"b"} -> [[2, 1], [1, 1]]."""
    column = {word: number for number, word in enumerate(frozenset().union(*sets))}
    held = np.zeros((len(sets), len(column)), dtype=np.float32)
    for row, words in enumerate(sets):
        held[row, [column[word] for word in words]] = 1
    return (held @ held.T).astype(np.int64)


def _words(text: str) -> _WordSets:
    words = frozenset(_WORD.findall(fold(text)))
    plain, other = (word for word in words if word.isalpha()), (word for word in words if not word.isalpha())
    return _WordSets(words, _NOT.intersection(plain).union(filter(_TELLING.fullmatch, other)))
