"""Ranks the sentences of a generation for a query: candidates, scores, fusion.

A sentence, its window (with the sentences before and after) and its passage are each scored by cosine and
by BM25: the context supplies what a sentence such as "He says it is" leaves out. The six scores are
standardised over the candidates and added with fixed weights:

    score = z(d_sentence) + .4 z(d_window) + .3 z(d_passage)
            + .5 (z(l_sentence) + .4 z(l_window) + .3 z(l_passage))

The weights were confirmed on three public data sets; they are not fitted to any gold questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from index.generation.generation import Generation
from index.retrieval.filter import NO_FILTER, Filter
from index.retrieval.lexical_index import FUNCTION_TERMS
from index.search.bm25 import BM25Scorer
from index.search.candidates import CandidateSearch
from index.search.query import DEFAULT_WEIGHTS, FusionWeights, Hit, Query
from index.storage.arrays import Counts, RowIds, Scores, Vectors

_MIN_DEVIATION = 1e-6
# The scores of a hit are weighted alike, whatever weights ranked it.
_LEVELS = np.array(DEFAULT_WEIGHTS.levels)

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ScoredCandidates:
    """Rows, scores of shape (3 levels, rows), and counts of the terms of `weights`, shape (terms, rows)."""

    rows: RowIds
    dense: Vectors
    lexical: Vectors
    weights: Mapping[str, float]
    sentence_counts: Counts
    window_counts: Counts

    def ranking(self, scores: Vectors) -> Positions:
        """Positions in `rows`, best first; rounding keeps a sum's last bit from deciding the order."""
        return np.lexsort((self.rows, -np.round(scores, 6)))

    def fuse(self, fusion: FusionWeights) -> Vectors:
        """One score for each candidate, shape (rows,)."""
        levels = np.array(fusion.levels)
        dense, lexical = zscore(self.dense), zscore(self.lexical)
        fused = fusion.dense * (levels @ dense) + fusion.lexical * (levels @ lexical)
        return np.asarray(fused, dtype=np.float32)

    def coverage(self, positions: Positions) -> Scores:
        """Share of the content terms' weight that occurs in each window, shape (positions,)."""
        present = self.window_counts[:, positions] > 0
        total, covered = 0.0, np.zeros(len(positions))
        for (term, weight), contains in zip(self.weights.items(), present, strict=True):
            if term not in FUNCTION_TERMS:
                total += weight
                covered += weight * contains
        return covered / total if total else covered


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


def zscore(scores: Vectors) -> Vectors:
    """Each row standardised to mean 0 and deviation 1; a row of equal scores becomes 0."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    deviation = scores.std(axis=1, keepdims=True)
    standardised: Vectors = np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > _MIN_DEVIATION
    )
    return standardised
