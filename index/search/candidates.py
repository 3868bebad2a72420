"""Selects candidate sentences for a query from the dense and the lexical index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from corpus.normalise import fold
from index.generation.generation import ALL_SPANS, AllowedSpans, Generation
from index.generation.spans import ANSWERS
from index.retrieval.filter import Filter, Granularity
from index.retrieval.lexical_index import FUNCTION_TERMS
from index.search.bm25 import concatenate_ranges, sentence_ranges
from index.search.query import Query
from index.storage.arrays import RowIds

# Candidates from each of the four rankings. A corpus of no more sentences is ranked whole.
CANDIDATE_SENTENCES = 300
CANDIDATE_PASSAGES = 100
# A function word in more texts than this is not searched: a few such words take 5 ms and rank nothing.
FREQUENT = 20_000

# One extra thread for each concurrent question; two questions run at once on two cores.
_EXECUTOR = ThreadPoolExecutor(2, thread_name_prefix="candidates")

Ranking = list[tuple[int, float]]


class CandidateSearch:
    """Finds the sentences of a generation that are worth scoring."""

    def __init__(
        self, generation: Generation, *, sentences: int = CANDIDATE_SENTENCES, frequent: int = FREQUENT
    ) -> None:
        self._generation = generation
        self._sentences = sentences
        self._frequent = frequent

    def rows(self, query: Query, where: Filter) -> RowIds:
        """Rows of the candidates, ascending, each once; headings only if a phrase occurs in one."""
        generation = self._generation
        allowed = generation.allowed(where)
        if query.phrases:
            return self._rows_with_phrases(query.phrases, allowed or ALL_SPANS)
        if allowed is None and len(generation.sentences) <= self._sentences:
            rows = np.arange(len(generation.sentences), dtype=np.int64)
        else:
            rows = self._search_indexes(query, allowed or ALL_SPANS)
        may_answer = generation.sentences.spans[rows, 3] & ANSWERS > 0
        return np.asarray(rows[may_answer], dtype=np.int64)

    def _search_indexes(self, query: Query, allowed: AllowedSpans) -> RowIds:
        """Searches both indexes in parallel: FAISS and tantivy release Python's lock."""
        generation = self._generation
        generation.release_pages()
        other_legs = _EXECUTOR.submit(self._search_other_legs, query, allowed)
        dense = generation.dense_sentences.search(query.vector, self._sentences, allowed=allowed.sentences)
        lexical, *passages = other_legs.result()
        rows = [np.array([row for row, _ in ranking], dtype=np.int64) for ranking in (dense, lexical)]
        return np.unique(np.concatenate([*rows, *map(self._sentences_of, passages)]))

    def _search_other_legs(self, query: Query, allowed: AllowedSpans) -> tuple[Ranking, Ranking, Ranking]:
        """Sentences by terms, passages by vector and by terms; together as long as sentences by vector."""
        generation, terms = self._generation, query.all_terms
        k, ids = CANDIDATE_PASSAGES, allowed.filter_ids
        passages = generation.dense_passages.search(query.vector, k, allowed=allowed.passages)
        sentences_by_terms, passages_by_terms = (
            generation.lexical.search(unit, self.informative_terms(unit, terms), limit, filter_ids=ids)
            for unit, limit in ((Granularity.SENTENCE, self._sentences), (Granularity.PASSAGE, k))
        )
        return sentences_by_terms, passages, passages_by_terms

    def informative_terms(self, granularity: Granularity, terms: Sequence[str]) -> Sequence[str]:
        """The terms without frequent function words such as "the"; all of them if nothing else is left."""
        frequent = {
            term
            for term in FUNCTION_TERMS.intersection(terms)
            if self._generation.lexical.document_frequency(granularity, term) > self._frequent
        }
        return [term for term in terms if term not in frequent] or terms

    def _sentences_of(self, passages: Ranking) -> RowIds:
        passage_of = self._generation.passage_of
        rows = np.unique(np.array([row for row, _ in passages], dtype=passage_of.dtype))
        return concatenate_ranges(*sentence_ranges(passage_of, rows))

    def _rows_with_phrases(self, phrases: Sequence[str], allowed: AllowedSpans) -> RowIds:
        """Sentences with every phrase as whole words, headings included."""
        patterns = [re.compile(rf"(?<!\w){re.escape(fold(phrase))}(?!\w)") for phrase in phrases]
        sentences = self._generation.sentences
        matches = (
            row
            for row in self._rows_with_terms(phrases, allowed)
            if all(pattern.search(fold(sentences[row].text)) for pattern in patterns)
        )
        return np.fromiter(matches, dtype=np.int64)

    def _rows_with_terms(self, phrases: Sequence[str], allowed: AllowedSpans) -> RowIds:
        """Sentences with the terms of every phrase side by side."""
        lexical, sentence = self._generation.lexical, Granularity.SENTENCE
        rows: RowIds | None = None
        for terms in filter(None, map(lexical.terms, phrases)):
            matches = lexical.phrase(sentence, terms, lexical.count(sentence), filter_ids=allowed.filter_ids)
            matching = np.sort(np.array(matches, dtype=np.int64))
            rows = matching if rows is None else np.intersect1d(rows, matching)
        if rows is not None:
            return rows
        if allowed.sentences is None:
            return np.arange(len(self._generation.sentences), dtype=np.int64)
        return np.flatnonzero(allowed.sentences.spans)
