"""Ranks the sentences of a generation for a query: candidates, scores, fusion."""

from __future__ import annotations

from dataclasses import replace
from itertools import compress

import numpy as np

from index.generation.generation import Generation
from index.retrieval.filter import NO_FILTER, Filter
from index.retrieval.lexical_index import FUNCTION_TERMS
from index.search.bm25 import BM25Scorer
from index.search.candidates import CandidateSearch
from index.search.fusion import DEFAULT_WEIGHTS, FusionWeights, Positions, ScoredCandidates
from index.search.query import Hit, Query
from index.storage.arrays import RowIds, Vectors

# The scores of a hit are weighted alike, whatever weights ranked it.
_LEVELS = np.array(DEFAULT_WEIGHTS.levels)


class Searcher:
    """Searches one generation; safe to share between threads."""

    def __init__(self, generation: Generation, *, candidates: CandidateSearch | None = None) -> None:
        self._generation = generation
        self._candidates = candidates or CandidateSearch(generation)
        self._bm25 = BM25Scorer(generation)

    def search(
        self, query: Query, k: int, *, where: Filter = NO_FILTER, fusion: FusionWeights = DEFAULT_WEIGHTS
    ) -> list[Hit]:
        """The k best sentences, by score, then article, then position; headings only for a phrase in one."""
        scored = self._score(query, where)
        if k <= 0 or not scored.rows.size:
            return []
        scores = scored.fuse(fusion)
        return self._hits(scored, scores, scored.ranking(scores)[:k])

    def stages(
        self, query: Query, *, where: Filter = NO_FILTER, fusion: FusionWeights = DEFAULT_WEIGHTS
    ) -> dict[str, RowIds]:
        """Rows of all candidates, best first, as ranked by vectors alone, by terms alone, and fused."""
        scored = self._score(query, where)
        weights = {
            "dense": replace(fusion, dense=1.0, lexical=0.0),
            "lexical": replace(fusion, dense=0.0, lexical=1.0),
            "fused": fusion,
        }
        if not scored.rows.size:
            return dict.fromkeys(weights, scored.rows)
        return {name: scored.rows[scored.ranking(scored.fuse(stage))] for name, stage in weights.items()}

    def _score(self, query: Query, where: Filter) -> ScoredCandidates:
        rows = self._candidates.rows(query, where)
        weights = self._bm25.term_weights(query)
        frequencies = self._bm25.frequencies(query, list(weights), rows)
        return ScoredCandidates(
            rows=rows,
            dense=self._cosines(query.vector, rows),
            lexical=self._bm25.scores(list(weights.values()), frequencies),
            weights=weights,
            sentence_counts=frequencies.counts[0],
            window_counts=frequencies.counts[1],
        )

    def _cosines(self, vector: Vectors, rows: RowIds) -> Vectors:
        """Cosines, shape (3, rows): sentence, window, passage."""
        generation = self._generation
        texts = np.stack(
            [
                generation.sentence_rows[rows],
                generation.window_rows[rows],
                generation.passage_rows[generation.passage_of[rows]],
            ]
        )
        # Sentences share passages and windows: each vector is read once, in the order of the disk.
        distinct, inverse = np.unique(texts, return_inverse=True)
        return np.asarray((generation.vectors[distinct] @ vector)[inverse.reshape(texts.shape)])

    def _hits(self, scored: ScoredCandidates, scores: Vectors, positions: Positions) -> list[Hit]:
        generation = self._generation
        content = [term not in FUNCTION_TERMS for term in scored.weights]
        matches: list[list[bool]] = (scored.sentence_counts[:, positions] > 0).T.tolist()
        columns = zip(
            scored.rows[positions].tolist(),
            scores[positions].tolist(),
            (_LEVELS @ scored.dense[:, positions] / _LEVELS.sum()).tolist(),
            (_LEVELS @ scored.lexical[:, positions]).tolist(),
            scored.coverage(positions).tolist(),
            matches,
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
                complete=any(content) and all(compress(terms, content)),
            )
            for row, score, dense, lexical, coverage, terms in columns
        ]
