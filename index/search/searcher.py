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
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from corpus.normalise import fold
from index.generation.generation import ALL_SPANS, AllowedSpans, Generation
from index.generation.spans import ANSWERS
from index.retrieval.filter import NO_FILTER, Filter, Granularity
from index.search.bm25 import (
    TermFrequencies,
    bm25,
    concatenate_ranges,
    count_terms,
    inverse_document_frequency,
)
from index.search.query import DEFAULT_WEIGHTS, FusionWeights, Hit, Query
from index.storage.arrays import Counts, RowIds, Vectors

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

# Of the questions under way each has one thread beside its own; two search with no more than two cores.
_SEARCHING = ThreadPoolExecutor(2, thread_name_prefix="beside")

Found = list[tuple[int, float]]

# Quotation marks and dashes differ between files and keyboards.
# What a hit says of itself is weighted alike whatever ranked it.
_LEVELS = np.array(DEFAULT_WEIGHTS.levels)


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of a question: their rows, and their scores, shape (3 levels, number of rows).

    `held`, shape (terms, number of rows), says how often a term of `weights` stands in a row's sentence, and
    `around` in its window.
    """

    rows: RowIds
    dense: Vectors
    lexical: Vectors
    weights: Mapping[str, float]
    held: Counts
    around: Counts


def search(
    generation: Generation,
    query: Query,
    k: int,
    *,
    where: Filter = NO_FILTER,
    fusion: FusionWeights = DEFAULT_WEIGHTS,
) -> list[Hit]:
    """The k best sentences, by score, then article, then position; headings only for a phrase in one."""
    scored = _score(generation, query, where)
    if k <= 0 or not scored.rows.size:
        return []
    scores = _fuse(scored.dense, scored.lexical, fusion)
    return _hits(generation, scored, scores, _best(scored.rows, scores)[:k])


def _hits(generation: Generation, scored: Scored, scores: Vectors, places: NDArray[np.intp]) -> list[Hit]:
    content = [term not in FUNCTION_TERMS for term in scored.weights]
    held: list[list[bool]] = (scored.held[:, places] > 0).T.tolist()
    complete = [any(content) and all(compress(terms, content)) for terms in held]
    facts = zip(
        scored.rows[places].tolist(),
        scores[places].tolist(),
        (_LEVELS @ scored.dense[:, places] / _LEVELS.sum()).tolist(),
        (_LEVELS @ scored.lexical[:, places]).tolist(),
        _coverage(scored, places).tolist(),
        held,
        complete,
        strict=True,
    )
    return [
        Hit(
            sentence=generation.sentences[row],
            passage=generation.passages[generation.passage_of[row]],
            row=row,
            score=score,
            dense=dense,
            lexical=lexical,
            coverage=coverage,
            matched=tuple(compress(scored.weights, terms)),
            complete=whole,
        )
        for row, score, dense, lexical, coverage, terms, whole in facts
    ]


def stages(
    generation: Generation,
    query: Query,
    *,
    where: Filter = NO_FILTER,
    fusion: FusionWeights = DEFAULT_WEIGHTS,
) -> dict[str, RowIds]:
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


def _score(generation: Generation, query: Query, where: Filter) -> Scored:
    rows = _candidates(generation, query, where)
    weights = _term_weights(generation, query)
    frequencies = _frequencies(generation, query, list(weights), rows)
    return Scored(
        rows=rows,
        dense=_dense(generation, query.vector, rows),
        lexical=_lexical(generation, list(weights.values()), frequencies),
        weights=weights,
        held=frequencies.counts[0],
        around=frequencies.counts[1],
    )


def _best(rows: RowIds, scores: Vectors) -> NDArray[np.intp]:
    """Places in `rows`, best first. Equal but for rounding is equal: no order hangs on a sum's last bit."""
    return np.lexsort((rows, -np.round(scores, 6)))


def _candidates(generation: Generation, query: Query, where: Filter) -> RowIds:
    """Rows of the sentences worth scoring, ascending, each once."""
    allowed = generation.allowed(where)
    if query.phrases:
        return _rows_with_phrases(generation, query.phrases, _phrase_rows(generation, query.phrases, allowed))
    if allowed is None and len(generation.sentences) <= CANDIDATE_SENTENCES:
        rows = np.arange(len(generation.sentences), dtype=np.int64)
    else:
        rows = _union(_found(generation, query, allowed or ALL_SPANS))
    may_answer = generation.sentences.spans[rows, 3] & ANSWERS > 0
    return np.asarray(rows[may_answer], dtype=np.int64)


def _found(generation: Generation, query: Query, allowed: AllowedSpans) -> list[RowIds]:
    """Rows found by meaning and by words, side by side: both engines work without the lock of Python."""
    generation.release_pages()
    others = _SEARCHING.submit(_search_other_legs, generation, query, allowed)
    near = generation.dense_sentences.search(query.vector, CANDIDATE_SENTENCES, allowed=allowed.sentences)
    around, said, said_around = others.result()
    return [
        *(np.array([row for row, _ in found], dtype=np.int64) for found in (near, said)),
        *(_sentences_of(generation, [row for row, _ in found]) for found in (around, said_around)),
    ]


def _search_other_legs(
    generation: Generation, query: Query, allowed: AllowedSpans
) -> tuple[Found, Found, Found]:
    """All but the sentences found by meaning, which take as long: passages by meaning, then both by words."""
    lexical, terms, marks = generation.lexical, query.all_terms, allowed.filter_ids
    telling = {unit: _informative_terms(generation, unit, terms) for unit in Granularity}
    return (
        generation.dense_passages.search(query.vector, CANDIDATE_PASSAGES, allowed=allowed.passages),
        lexical.search(
            Granularity.SENTENCE, telling[Granularity.SENTENCE], CANDIDATE_SENTENCES, marked=marks
        ),
        lexical.search(Granularity.PASSAGE, telling[Granularity.PASSAGE], CANDIDATE_PASSAGES, marked=marks),
    )


def _informative_terms(generation: Generation, unit: Granularity, terms: Sequence[str]) -> Sequence[str]:
    """Without "the" and its like where very many texts hold it: that takes long and tells nothing."""
    common = {
        term
        for term in FUNCTION_TERMS.intersection(terms)
        if generation.lexical.document_frequency(unit, term) > MOST_HOLDING
    }
    return [term for term in terms if term not in common] or terms


def _sentences_of(generation: Generation, passages: Sequence[int]) -> RowIds:
    """Rows of the sentences of some passages; `passage_of` ascends, so each passage is a range of it."""
    # Of the type of `passage_of`: NumPy would otherwise copy all of it for each question.
    wanted = np.unique(np.array(passages, dtype=generation.passage_of.dtype))
    first = np.searchsorted(generation.passage_of, wanted, side="left")
    last = np.searchsorted(generation.passage_of, wanted, side="right")
    return concatenate_ranges(first, last)


def _phrase_rows(generation: Generation, phrases: Sequence[str], allowed: AllowedSpans | None) -> RowIds:
    """All sentences with the terms of every phrase side by side, headings among them."""
    lexical, among = generation.lexical, allowed or ALL_SPANS
    rows: RowIds | None = None
    for terms in filter(None, map(lexical.terms, phrases)):
        found = lexical.phrase(
            Granularity.SENTENCE, terms, lexical.count(Granularity.SENTENCE), marked=among.filter_ids
        )
        held = np.sort(np.array(found, dtype=np.int64))
        rows = held if rows is None else np.intersect1d(rows, held)
    if rows is not None:
        return rows
    if among.sentences is None:
        return np.arange(len(generation.sentences), dtype=np.int64)
    return np.flatnonzero(among.sentences.spans)


def _rows_with_phrases(generation: Generation, phrases: Sequence[str], rows: RowIds) -> RowIds:
    wanted = [re.compile(rf"(?<!\w){re.escape(fold(phrase))}(?!\w)") for phrase in phrases]
    kept = (row for row in rows if all(p.search(fold(generation.sentences[row].text)) for p in wanted))
    return np.fromiter(kept, dtype=np.int64)


def _union(parts: Sequence[RowIds]) -> RowIds:
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)


def _dense(generation: Generation, vector: Vectors, rows: RowIds) -> Vectors:
    """Cosines, shape (3, number of rows): sentence, window, passage."""
    places = np.stack(
        [
            generation.sentence_rows[rows],
            generation.window_rows[rows],
            generation.passage_rows[generation.passage_of[rows]],
        ]
    )
    # Sentences share passages and windows: each vector is fetched once, in the order of the disk.
    different, place = np.unique(places, return_inverse=True)
    return np.asarray((generation.vectors[different] @ vector)[place.reshape(places.shape)])


def _term_weights(generation: Generation, query: Query) -> dict[str, float]:
    """The weight of each term: as rare as it and what is said instead of it are together."""
    lexical = generation.lexical
    passages = lexical.count(Granularity.PASSAGE)
    found = {term: lexical.document_frequency(Granularity.PASSAGE, term) for term in query.all_terms}
    holding = {term: found[term] for term in query.terms}
    for other in query.synonyms:
        for term in holding.keys() & set(other.query_terms):
            holding[term] += min((found[said] for said in other.corpus_terms), default=0)
    return {
        term: inverse_document_frequency(passages, min(passages, count)) for term, count in holding.items()
    }


def _frequencies(generation: Generation, query: Query, terms: Sequence[str], rows: RowIds) -> TermFrequencies:
    """Of the question's terms, in this order; other words for something count as its own.

    Of "pct", said otherwise "primary care trust", a text with these three words holds one more.
    """
    asked = [term for other in query.synonyms for term in other.query_terms]
    every = list(dict.fromkeys([*terms, *query.all_terms, *asked]))
    place = {term: number for number, term in enumerate(every)}
    found = count_terms(generation, every, rows)
    counted = found
    for other in query.synonyms:
        counted += found.synonym_counts(
            [place[term] for term in other.query_terms], [place[term] for term in other.corpus_terms]
        )
    return TermFrequencies(counted.counts[:, : len(terms)], counted.lengths)


def _lexical(generation: Generation, weights: Sequence[float], frequencies: TermFrequencies) -> Vectors:
    """BM25, shape (3, number of rows): sentence, window, passage."""
    mean = generation.mean_lengths
    levels = zip(
        frequencies.counts, frequencies.lengths, (mean.sentence, mean.window, mean.passage), strict=True
    )
    scores = [bm25(weights, counts, lengths, mean_length=length) for counts, lengths, length in levels]
    return np.array(scores, dtype=np.float32)


def _fuse(dense: Vectors, lexical: Vectors, fusion: FusionWeights) -> Vectors:
    """One score for each candidate, shape (number of rows,)."""
    levels = np.array(fusion.levels)
    fused = fusion.dense * (levels @ zscore(dense)) + fusion.lexical * (levels @ zscore(lexical))
    return np.asarray(fused, dtype=np.float32)


def zscore(scores: Vectors) -> Vectors:
    """Each row with mean 0 and deviation 1; a row of equal scores says nothing and becomes 0."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    deviation = scores.std(axis=1, keepdims=True)
    standardised: Vectors = np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > _SAME_SCORES
    )
    return standardised


def _coverage(scored: Scored, places: NDArray[np.intp]) -> NDArray[np.float64]:
    """The share of the content's weight that occurs in each window, shape (places,)."""
    around = scored.around[:, places] > 0
    content = [
        (weight, held)
        for (term, weight), held in zip(scored.weights.items(), around, strict=True)
        if term not in FUNCTION_TERMS
    ]
    total = sum(weight for weight, _ in content)
    covered = np.zeros(len(places))
    for weight, held in content:
        covered += weight * held
    return covered / total if total else covered
