from __future__ import annotations

import numpy as np
import pytest

from index.bm25 import bm25, inverse_document_frequency


def test_idf_worked_by_hand() -> None:
    # N = 4, n = 1: ln(1 + 3.5 / 1.5) = ln(3.3333)
    assert inverse_document_frequency(4, 1) == pytest.approx(1.203973)
    # In every text: ln(1 + 0.5 / 4.5), still above 0.
    assert inverse_document_frequency(4, 4) == pytest.approx(0.105361, abs=1e-6)


def scores(weights: list[float], counts: list[list[int]], lengths: list[int], mean: float) -> list[float]:
    table = np.array(counts, dtype=np.int64).reshape(len(weights), len(lengths))
    return list(bm25(weights, table, np.array(lengths), mean_length=mean))


def test_score_worked_by_hand() -> None:
    # tf 2, length 4 = the mean: 2 * 2.2 / (2 + 1.2) = 1.375, times the weight 2
    # Twice as long: 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2)) = 4.4 / 4.1, times the weight 2
    assert scores([2.0], [[2, 2]], [4, 8], 4) == pytest.approx([2.75, 8.8 / 4.1])
    # Two terms, each once in a text of mean length: 2.2 / 2.2 = 1 of each weight
    assert scores([2.0, 0.5], [[1], [1]], [4], 4) == pytest.approx([2.5])


def test_terms_that_are_not_there_add_nothing() -> None:
    assert scores([2.0], [[0]], [1], 4) == [0.0]
    assert scores([], [], [0, 0], 0) == [0.0, 0.0]
