"""Fuses the eight scores of a candidate sentence into one.

A sentence, its window (with the sentence or heading before and the sentence after) and its passage are each
scored by cosine and by BM25, sentence and window also by MaxSim: the context supplies what a sentence such as
"He says it is" leaves out. The scores are standardised over the candidates and added with fixed weights:

    score = z(d_sentence) + .4 z(d_window) + .3 z(d_passage)
            + .25 (z(l_sentence) + .4 z(l_window) + .3 z(l_passage))
            + z(m_sentence) + .4 z(m_window)

The weights are chosen on public data sets; they are not fitted to any gold questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.retrieval.lexical_index import FUNCTION_TERMS
from index.storage.arrays import Counts, RowIds, Scores, Vectors


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Weights of the scores; `levels` are sentence, window and passage. 0 leaves a score out."""

    dense: float = 1.0
    lexical: float = 0.25
    late: float = 1.0
    levels: tuple[float, float, float] = (1.0, 0.4, 0.3)


DEFAULT_WEIGHTS = FusionWeights()
_MIN_DEVIATION = 1e-6

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ScoredCandidates:
    """Rows, scores of shape (levels, rows), and counts of the terms of `weights`, shape (terms, rows).

    `phrase_rows` have the quoted phrases: the rows themselves, or the headings above them.
    `late` has two levels, sentence and window; it is NaN for candidates that were not scored by MaxSim, and
    empty if none was.
    """

    rows: RowIds
    phrase_rows: RowIds
    dense: Vectors
    lexical: Vectors
    late: Vectors
    weights: Mapping[str, float]
    sentence_counts: Counts
    window_counts: Counts

    def ranking(self, scores: Vectors) -> Positions:
        """Positions in `rows`, best first; rounding keeps a sum's last bit from deciding the order."""
        return np.lexsort((self.rows, -np.round(scores, 6)))

    def fuse(self, fusion: FusionWeights) -> Vectors:
        """One score for each candidate, shape (rows,)."""
        levels = np.array(fusion.levels)
        fused = fusion.dense * (levels @ zscore(self.dense))
        fused += fusion.lexical * (levels @ zscore(self.lexical))
        if len(self.late):
            scored = ~np.isnan(self.late[0])
            late = levels[: len(self.late)] @ zscore(self.late[:, scored])
            # A candidate that was not scored counts as the worst one that was.
            fused += fusion.late * np.where(scored, 0, late.min())
            fused[scored] += fusion.late * late
        return np.asarray(fused, dtype=np.float32)

    def mean_late(self, positions: Positions) -> list[float | None]:
        """The weighted mean of the MaxSim of sentence and window; None without any.

        A candidate that was not scored counts as the worst one that was.
        """
        if not len(self.late):
            return [None] * len(positions)
        levels = np.array(DEFAULT_WEIGHTS.levels[: len(self.late)])
        means = levels @ self.late / levels.sum()
        known: list[float | None] = np.where(np.isnan(means), np.nanmin(means), means)[positions].tolist()
        return known

    def coverage(self, positions: Positions) -> Scores:
        """Share of the content terms' weight that occurs in each window, shape (positions,)."""
        present = self.window_counts[:, positions] > 0
        total, covered = 0.0, np.zeros(len(positions))
        for (term, weight), contains in zip(self.weights.items(), present, strict=True):
            if term not in FUNCTION_TERMS:
                total += weight
                covered += weight * contains
        return covered / total if total else covered


def zscore(scores: Vectors) -> Vectors:
    """Each row standardised to mean 0 and deviation 1; a row of equal scores becomes 0."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    deviation = scores.std(axis=1, keepdims=True)
    standardised: Vectors = np.divide(
        centred, deviation, out=np.zeros_like(centred), where=deviation > _MIN_DEVIATION
    )
    return standardised
