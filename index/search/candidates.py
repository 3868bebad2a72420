"""Selects candidate sentences for a query from the dense and the lexical index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from corpus.normalise import fold
from index.generation.generation import Generation
from index.generation.spans import ANSWERS, answering_rows, sentence_ranges
from index.retrieval.dense_index import AllowedSentences
from index.retrieval.filter import NO_FILTER_IDS, Filter, Granularity
from index.retrieval.lexical_index import FUNCTION_TERMS
from index.search.query import Query
from index.storage.arrays import RowIds, concatenate_ranges

# Candidates from each of the three rankings. A corpus of no more sentences is ranked whole.
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

    def rows(self, query: Query, where: Filter) -> tuple[RowIds, RowIds]:
        """Rows of the candidates, ascending, each once, and for each the row with the quoted phrases.

        These differ where a heading, a byline or the like matches: the sentence that answers for it is the
        candidate. Only where an article has none, a line with the phrases is a candidate itself.
        """
        generation = self._generation
        spans, allowed = generation.sentences.spans, generation.allowed(where)
        if query.phrases:
            matches = self._rows_with_phrases(query.phrases, allowed)
            rows = answering_rows(spans, generation.passage_of, matches)
            nearest = np.lexsort((np.abs(matches - rows), rows))
            rows, first = np.unique(rows[nearest], return_index=True)
            return rows, matches[nearest][first]
        if allowed is None and len(generation.sentences) <= self._sentences:
            rows = np.arange(len(generation.sentences), dtype=np.int64)
        else:
            rows = self._search_indexes(query, allowed)
            rows = np.unique(answering_rows(spans, generation.passage_of, rows))
        rows = np.asarray(rows[spans[rows, 3] & ANSWERS > 0], dtype=np.int64)
        return rows, rows

    def _search_indexes(self, query: Query, allowed: AllowedSentences | None) -> RowIds:
        """Searches both indexes in parallel: FAISS and tantivy release Python's lock."""
        generation = self._generation
        generation.release_pages()
        lexical = _EXECUTOR.submit(self._search_terms, query, allowed)
        dense = generation.dense.search(query.question.vector, self._sentences, allowed=allowed)
        sentences, passages = lexical.result()
        rows = [np.array([row for row, _ in ranking], dtype=np.int64) for ranking in (dense, sentences)]
        return np.unique(np.concatenate([*rows, self._sentences_of(passages)]))

    def _search_terms(self, query: Query, allowed: AllowedSentences | None) -> tuple[Ranking, Ranking]:
        """The best sentences and the best passages by BM25."""
        terms, ids = query.all_terms, allowed.filter_ids if allowed else NO_FILTER_IDS
        sentences, passages = (
            self._generation.lexical.search(
                granularity, self.informative_terms(granularity, terms), limit, filter_ids=ids
            )
            for granularity, limit in (
                (Granularity.SENTENCE, self._sentences),
                (Granularity.PASSAGE, CANDIDATE_PASSAGES),
            )
        )
        return sentences, passages

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

    def _rows_with_phrases(self, phrases: Sequence[str], allowed: AllowedSentences | None) -> RowIds:
        """Sentences with every phrase as whole words, those that may not answer included."""
        patterns = [re.compile(rf"(?<!\w){re.escape(fold(phrase))}(?!\w)") for phrase in phrases]
        sentences = self._generation.sentences
        matches = (
            row
            for row in self._rows_with_terms(phrases, allowed)
            if all(pattern.search(fold(sentences[row].text)) for pattern in patterns)
        )
        return np.fromiter(matches, dtype=np.int64)

    def _rows_with_terms(self, phrases: Sequence[str], allowed: AllowedSentences | None) -> RowIds:
        """Sentences with the terms of every phrase side by side."""
        lexical, sentence = self._generation.lexical, Granularity.SENTENCE
        rows: RowIds | None = None
        ids = allowed.filter_ids if allowed else NO_FILTER_IDS
        for terms in filter(None, map(lexical.terms, phrases)):
            matches = lexical.phrase(sentence, terms, lexical.count(sentence), filter_ids=ids)
            matching = np.sort(np.array(matches, dtype=np.int64))
            rows = matching if rows is None else np.intersect1d(rows, matching)
        if rows is not None:
            return rows
        if allowed is None:
            return np.arange(len(self._generation.sentences), dtype=np.int64)
        return np.flatnonzero(allowed.rows)
