"""Search: candidates from the dense and the lexical index, fused into one ranking of sentences.

A sentence is scored by itself, by its window (the sentence before and after it) and by its passage, each
by meaning (cosine) and by words (BM25). What a sentence leaves out ("He says it is"), its surroundings
supply. The six scores are standardised over the candidates of the question and added with fixed weights:

    score = z(d_sentence) + .4 z(d_window) + .3 z(d_passage)
            + .5 (z(l_sentence) + .4 z(l_window) + .3 z(l_passage))

The weights held on three public sets as they stand; they are not fitted to any gold questions.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corpus.article import Passage, Sentence
from index.bm25 import bm25, inverse_document_frequency
from index.generation import Generation
from index.lexical import Unit
from index.narrow import EVERY, Allowed
from index.spans import ANSWERS
from index.where import EVERYTHING, Where

# Candidates taken from each of the four rankings. A small corpus is ranked whole.
CANDIDATE_SENTENCES = 300
CANDIDATE_PASSAGES = 100
# Texts that may hold a function word and still be looked through for it: 5 ms for a few such words.
MOST_HOLDING = 20_000
_SAME_SCORES = 1e-6

# Terms (stemmed) that ask or join and say nothing of the subject: a question's "why" is in no answer.
FUNCTION_TERMS = frozenset(
    """
    a an and are as at be been but by can could did do doe does for from had has have how i if in is it its
    many much me my of on or our shall should so some tell than that the their there they this to was we
    were what when where which who whom whose whi why will with would you your
    """.split()
)

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# Quotation marks and dashes differ between files and keyboards.
_PLAIN = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "‑": "-"})


@dataclass(frozen=True, slots=True)
class Alternative:
    """Other words for some of a query's: a text that holds all terms of `said` counts as holding `asked`."""

    asked: tuple[str, ...]
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: a vector (dimension,), its terms, and phrases every result must hold."""

    vector: Floats
    terms: tuple[str, ...]
    phrases: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    @property
    def all_terms(self) -> tuple[str, ...]:
        """The terms and those of the alternatives, each alternative's once."""
        return (*self.terms, *dict.fromkeys(term for other in self.alternatives for term in other.said))


@dataclass(frozen=True, slots=True)
class Fusion:
    """How much each of the six scores counts: `levels` are sentence, window and passage.

    A weight of 0 leaves a score out, so that an ablation is a search like any other.
    """

    dense: float = 1.0
    lexical: float = 0.5
    levels: tuple[float, float, float] = (1.0, 0.4, 0.3)


FUSED = Fusion()
# What a hit says of itself is weighted alike whatever ranked it.
_LEVELS = np.array(FUSED.levels)


@dataclass(frozen=True, slots=True)
class Hit:
    """A sentence found, best first by `score`, with the scores it came from.

    `dense` is the weighted mean cosine of sentence, window and passage (-1 to 1), `lexical` the weighted sum
    of their BM25 scores, `coverage` the share (0 to 1) of the question's term weight that occurs in the
    window, function words left out. `matched` are the question's terms in the sentence, `complete` says
    that no term but function words is missing from it. `rating` is a reranker's, None without one.
    """

    sentence: Sentence
    passage: Passage
    row: int
    score: float
    dense: float
    lexical: float
    coverage: float
    matched: tuple[str, ...]
    complete: bool
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Term counts of a sentence, its window and its passage."""

    sentence: Counter[str]
    window: Counter[str]
    passage: Counter[str]


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of a question: their rows, and their scores, shape (3 levels, number of rows)."""

    rows: Rows
    dense: Floats
    lexical: Floats
    counts: Sequence[Counts]
    weights: Mapping[str, float]


def search(
    generation: Generation, query: Query, k: int, *, where: Where = EVERYTHING, fusion: Fusion = FUSED
) -> list[Hit]:
    """The k best sentences, by score, then article, then position; headings only for a phrase in one."""
    scored = _score(generation, query, where)
    if k <= 0 or not scored.rows.size:
        return []
    rows, dense, lexical, counts = scored.rows, scored.dense, scored.lexical, scored.counts
    scores = _fuse(dense, lexical, fusion)
    content = {term: weight for term, weight in scored.weights.items() if term not in FUNCTION_TERMS}
    return [
        Hit(
            sentence=generation.sentences[rows[i]],
            passage=generation.passages[generation.passage_of[rows[i]]],
            row=int(rows[i]),
            score=float(scores[i]),
            dense=float(_LEVELS @ dense[:, i] / _LEVELS.sum()),
            lexical=float(_LEVELS @ lexical[:, i]),
            coverage=_coverage(content, counts[i].window),
            matched=tuple(term for term in scored.weights if term in counts[i].sentence),
            complete=bool(content) and all(term in counts[i].sentence for term in content),
        )
        for i in _best(rows, scores)[:k]
    ]


def stages(
    generation: Generation, query: Query, *, where: Where = EVERYTHING, fusion: Fusion = FUSED
) -> dict[str, Rows]:
    """Rows of all candidates, best first, as meaning alone, words alone and both together rank them."""
    scored = _score(generation, query, where)
    ways = {
        "dense": replace(fusion, dense=1.0, lexical=0.0),
        "lexical": replace(fusion, dense=0.0, lexical=1.0),
        "fused": fusion,
    }
    if not scored.rows.size:
        return dict.fromkeys(ways, scored.rows)
    return {
        name: scored.rows[_best(scored.rows, _fuse(scored.dense, scored.lexical, way))]
        for name, way in ways.items()
    }


def _score(generation: Generation, query: Query, where: Where) -> Scored:
    rows = _candidates(generation, query, where)
    weights = _term_weights(generation, query)
    counts = _counts(generation, query.alternatives, rows)
    return Scored(
        rows=rows,
        dense=_dense(generation, query.vector, rows),
        lexical=_lexical(generation, weights, counts),
        counts=counts,
        weights=weights,
    )


def _best(rows: Rows, scores: Floats) -> NDArray[np.intp]:
    """Places in `rows`, best first. Equal but for rounding is equal: no order hangs on a sum's last bit."""
    return np.lexsort((rows, -np.round(scores, 6)))


def _candidates(generation: Generation, query: Query, where: Where) -> Rows:
    """Rows of the sentences worth scoring, ascending, each once."""
    allowed = generation.allowed(where)
    if query.phrases:
        return _holding(generation, query.phrases, _phrase_rows(generation, query.phrases, allowed))
    if allowed is None and len(generation.sentences) <= CANDIDATE_SENTENCES:
        rows = np.arange(len(generation.sentences), dtype=np.int64)
    else:
        rows = _union(_found(generation, query, allowed or EVERY))
    may_answer = generation.sentences.spans[rows, 3] & ANSWERS > 0
    return np.asarray(rows[may_answer], dtype=np.int64)


def _found(generation: Generation, query: Query, allowed: Allowed) -> list[Rows]:
    lexical, marked = generation.lexical, allowed.marks
    terms = {unit: _telling(generation, unit, query.all_terms) for unit in Unit}
    generation.let_go()
    by_sentence = [
        generation.dense_sentences.search(query.vector, CANDIDATE_SENTENCES, allowed=allowed.sentences),
        lexical.search(Unit.SENTENCE, terms[Unit.SENTENCE], CANDIDATE_SENTENCES, marked=marked),
    ]
    by_passage = [
        generation.dense_passages.search(query.vector, CANDIDATE_PASSAGES, allowed=allowed.passages),
        lexical.search(Unit.PASSAGE, terms[Unit.PASSAGE], CANDIDATE_PASSAGES, marked=marked),
    ]
    return [
        *(np.array([row for row, _ in found], dtype=np.int64) for found in by_sentence),
        *(_sentences_of(generation, [row for row, _ in found]) for found in by_passage),
    ]


def _telling(generation: Generation, unit: Unit, terms: Sequence[str]) -> Sequence[str]:
    """Without "the" and its like where very many texts hold it: that takes long and tells nothing."""
    common = {
        term
        for term in FUNCTION_TERMS.intersection(terms)
        if generation.lexical.document_frequency(unit, term) > MOST_HOLDING
    }
    return [term for term in terms if term not in common] or terms


def _sentences_of(generation: Generation, passages: Sequence[int]) -> Rows:
    """Rows of the sentences of some passages; `passage_of` ascends, so each passage is a range of it."""
    first = np.searchsorted(generation.passage_of, passages, side="left")
    last = np.searchsorted(generation.passage_of, passages, side="right")
    return _union([np.arange(start, end, dtype=np.int64) for start, end in zip(first, last, strict=True)])


def _phrase_rows(generation: Generation, phrases: Sequence[str], allowed: Allowed | None) -> Rows:
    """All sentences with the terms of every phrase side by side, headings among them."""
    lexical, among = generation.lexical, allowed or EVERY
    rows: Rows | None = None
    for terms in filter(None, map(lexical.terms, phrases)):
        found = lexical.phrase(Unit.SENTENCE, terms, lexical.count(Unit.SENTENCE), marked=among.marks)
        held = np.sort(np.array(found, dtype=np.int64))
        rows = held if rows is None else np.intersect1d(rows, held)
    if rows is not None:
        return rows
    if among.sentences is None:
        return np.arange(len(generation.sentences), dtype=np.int64)
    return np.flatnonzero(among.sentences.spans)


def _holding(generation: Generation, phrases: Sequence[str], rows: Rows) -> Rows:
    wanted = [re.compile(rf"(?<!\w){re.escape(fold(phrase))}(?!\w)") for phrase in phrases]
    kept = (row for row in rows if all(p.search(fold(generation.sentences[row].text)) for p in wanted))
    return np.fromiter(kept, dtype=np.int64)


def fold(text: str) -> str:
    """Text as it is compared: compatible forms, straight quotes, plain dashes, single spaces, no case."""
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    return " ".join(plain.split()).casefold()


def _union(parts: Sequence[Rows]) -> Rows:
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)


def _dense(generation: Generation, vector: Floats, rows: Rows) -> Floats:
    """Cosines, shape (3, number of rows): sentence, window, passage."""
    vectors = generation.vectors
    places = (
        generation.sentence_rows[rows],
        generation.window_rows[rows],
        generation.passage_rows[generation.passage_of[rows]],
    )
    return np.stack([vectors[place] @ vector for place in places])


def _term_weights(generation: Generation, query: Query) -> dict[str, float]:
    """The weight of each term: as rare as it and what is said instead of it are together."""
    lexical = generation.lexical
    passages = lexical.count(Unit.PASSAGE)
    found = {term: lexical.document_frequency(Unit.PASSAGE, term) for term in query.all_terms}
    holding = {term: found[term] for term in query.terms}
    for other in query.alternatives:
        for term in holding.keys() & set(other.asked):
            holding[term] += min((found[said] for said in other.said), default=0)
    return {
        term: inverse_document_frequency(passages, min(passages, count)) for term, count in holding.items()
    }


def _counts(generation: Generation, alternatives: Sequence[Alternative], rows: Rows) -> list[Counts]:
    """Term counts around each row; a passage is counted once for all its sentences."""

    def counted(first: int, last: int) -> Counter[str]:
        return _said_otherwise(generation.term_counts(first, last), alternatives)

    passages: dict[int, Counter[str]] = {}
    counts = []
    for row in rows.tolist():
        number = int(generation.passage_of[row])
        if number not in passages:
            start, end = np.searchsorted(generation.passage_of, [number, number + 1])
            passages[number] = counted(int(start), int(end))
        window = counted(*generation.window_of(row))
        counts.append(Counts(counted(row, row + 1), window, passages[number]))
    return counts


def _said_otherwise(counts: Counter[str], alternatives: Sequence[Alternative]) -> Counter[str]:
    """Counts in which the other words for something count as its own: pct 2 -> primari 2, care 2, trust 2."""
    found = [(other, min((counts.get(term, 0) for term in other.said), default=0)) for other in alternatives]
    for other, times in found:
        if times:
            counts.update(dict.fromkeys(other.asked, times))
    return counts


def _lexical(generation: Generation, weights: Mapping[str, float], counts: Sequence[Counts]) -> Floats:
    """BM25, shape (3, number of rows): sentence, window, passage."""
    mean = generation.mean_lengths
    return np.array(
        [
            [bm25(weights, count.sentence, mean_length=mean.sentence) for count in counts],
            [bm25(weights, count.window, mean_length=mean.window) for count in counts],
            [bm25(weights, count.passage, mean_length=mean.passage) for count in counts],
        ],
        dtype=np.float32,
    )


def _fuse(dense: Floats, lexical: Floats, fusion: Fusion) -> Floats:
    """One score for each candidate, shape (number of rows,)."""
    levels = np.array(fusion.levels)
    fused = fusion.dense * (levels @ standardise(dense)) + fusion.lexical * (levels @ standardise(lexical))
    return np.asarray(fused, dtype=np.float32)


def standardise(scores: Floats) -> Floats:
    """Each row with mean 0 and deviation 1; a row of equal scores says nothing and becomes 0."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    deviation = scores.std(axis=1, keepdims=True)
    standardised: Floats = np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > _SAME_SCORES
    )
    return standardised


def _coverage(content: Mapping[str, float], window: Counter[str]) -> float:
    total = sum(content.values())
    return sum(weight for term, weight in content.items() if term in window) / total if total else 0.0
