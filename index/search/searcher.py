"""Ranks the sentences of a generation for a query: candidates, scores, fusion."""

from __future__ import annotations

from dataclasses import replace
from itertools import compress

import numpy as np

from index.embedding.encoder import Encoder
from index.generation.generation import Generation
from index.retrieval.filter import NO_FILTER, Filter
from index.retrieval.lexical_index import FUNCTION_TERMS
from index.search.bm25 import BM25Scorer
from index.search.candidates import CandidateSearch
from index.search.fusion import DEFAULT_WEIGHTS, FusionWeights, Positions, ScoredCandidates
from index.search.late_interaction import LateInteraction
from index.search.levels import Levels
from index.search.query import Hit, Query
from index.storage.arrays import RowIds, Vectors

# The scores of a hit are weighted alike, whatever weights ranked it.
_LEVELS = np.array(DEFAULT_WEIGHTS.levels)
_TINY = np.float32(1e-30)
# Rank, from 0, of the hit that a lead is over: the next ones are often of the same paragraph.
_RIVAL = 4


class Searcher:
    """Searches one generation; safe to share between threads."""

    def __init__(
        self,
        generation: Generation,
        *,
        encoder: Encoder | None = None,
        candidates: CandidateSearch | None = None,
    ) -> None:
        """The encoder makes the token vectors that a generation does not store."""
        self._late = LateInteraction(generation, encoder)
        self._generation = generation
        self._candidates = candidates or CandidateSearch(generation)
        self._bm25 = BM25Scorer(generation)

    def search(
        self, query: Query, k: int, *, where: Filter = NO_FILTER, fusion: FusionWeights = DEFAULT_WEIGHTS
    ) -> list[Hit]:
        """The k best sentences, by score, then article, then position."""
        scored = self.score(query, where)
        if k <= 0 or not scored.rows.size:
            return []
        scores = scored.fuse(fusion)
        ranking = scored.ranking(scores)
        rival = scores[ranking[min(_RIVAL, len(ranking) - 1)]]
        return self._hits(scored, scores, ranking[:k], rival=float(rival))

    def stages(
        self, query: Query, *, where: Filter = NO_FILTER, fusion: FusionWeights = DEFAULT_WEIGHTS
    ) -> dict[str, RowIds]:
        """Rows of all candidates, best first, as each kind of score alone ranks them, and fused."""
        scored = self.score(query, where)
        weights = {
            "dense": FusionWeights(dense=1, lexical=0, late=0, levels=fusion.levels),
            "lexical": FusionWeights(dense=0, lexical=1, late=0, levels=fusion.levels),
            "maxsim": FusionWeights(dense=0, lexical=0, late=1, levels=fusion.levels),
            "fused": fusion,
        }
        if not scored.rows.size:
            return dict.fromkeys(weights, scored.rows)
        return {name: scored.rows[scored.ranking(scored.fuse(stage))] for name, stage in weights.items()}

    def score(self, query: Query, where: Filter = NO_FILTER) -> ScoredCandidates:
        """All candidates with their scores."""
        rows, phrase_rows = self._candidates.rows(query, where)
        levels = Levels.around(self._generation, rows)
        weights = self._bm25.term_weights(query)
        frequencies = self._bm25.frequencies(query, list(weights), levels)
        scored = ScoredCandidates(
            rows=rows,
            phrase_rows=phrase_rows,
            dense=self._cosines(query.question.vector, levels),
            lexical=self._bm25.scores(list(weights.values()), frequencies),
            late=np.zeros((0, len(rows)), dtype=np.float32),
            weights=weights,
            sentence_counts=frequencies.counts[0],
            window_counts=frequencies.counts[1],
        )
        return self._with_maxsim(query.question.tokens, scored)

    def _cosines(self, vector: Vectors, levels: Levels) -> Vectors:
        """Cosines, shape (3, rows): sentence, window, passage."""
        generation = self._generation
        products = np.asarray(generation.vectors[levels.sentences], dtype=np.float32) @ vector
        sums = levels.sums(products * generation.sums[levels.sentences, 0])
        return np.asarray(sums / np.maximum(generation.sums[levels.rows].T, _TINY), dtype=np.float32)

    def _with_maxsim(self, tokens: Vectors, scored: ScoredCandidates) -> ScoredCandidates:
        """The candidates, and MaxSim of the best of them."""
        if not (len(tokens) and len(scored.rows) and self._late.most):
            return scored
        late = np.full((2, len(scored.rows)), np.nan, dtype=np.float32)
        best = np.sort(scored.ranking(scored.fuse(DEFAULT_WEIGHTS))[: self._late.most])
        late[:, best] = self._late.scores(tokens, scored.rows[best])
        return replace(scored, late=late)

    def _hits(
        self, scored: ScoredCandidates, scores: Vectors, positions: Positions, *, rival: float
    ) -> list[Hit]:
        generation = self._generation
        content = [term not in FUNCTION_TERMS for term in scored.weights]
        matches: list[list[bool]] = (scored.sentence_counts[:, positions] > 0).T.tolist()
        columns = zip(
            scored.rows[positions].tolist(),
            scored.phrase_rows[positions].tolist(),
            scores[positions].tolist(),
            (_LEVELS @ scored.dense[:, positions] / _LEVELS.sum()).tolist(),
            (_LEVELS @ scored.lexical[:, positions]).tolist(),
            scored.mean_late(positions),
            scored.coverage(positions).tolist(),
            matches,
            strict=True,
        )
        return [
            Hit(
                sentence=generation.sentences[row],
                passage=generation.passages[generation.passage_of[row]],
                row=row,
                phrase_row=phrase_row,
                score=score,
                lead=score - rival,
                dense=dense,
                lexical=lexical,
                late=late,
                coverage=coverage,
                matched=tuple(compress(scored.weights, terms)),
                complete=any(content) and all(compress(terms, content)),
            )
            for row, phrase_row, score, dense, lexical, late, coverage, terms in columns
        ]
