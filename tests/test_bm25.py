from __future__ import annotations

from collections import Counter

import pytest

from index.bm25 import bm25, inverse_document_frequency


def test_idf_worked_by_hand() -> None:
    # N = 4, n = 1: ln(1 + 3.5 / 1.5) = ln(3.3333)
    assert inverse_document_frequency(4, 1) == pytest.approx(1.203973)
    # In every text: ln(1 + 0.5 / 4.5), still above 0.
    assert inverse_document_frequency(4, 4) == pytest.approx(0.105361, abs=1e-6)


def test_score_worked_by_hand() -> None:
    # tf 2, length 4 = the mean: 2 * 2.2 / (2 + 1.2) = 1.375, times the weight 2
    assert bm25({"cost": 2.0}, Counter(cost=2, of=1, fire=1), mean_length=4) == pytest.approx(2.75)
    # Twice as long: 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2)) = 4.4 / 4.1
    assert bm25({"cost": 1.0}, Counter(cost=2, of=6), mean_length=4) == pytest.approx(4.4 / 4.1)


def test_terms_that_are_not_there_add_nothing() -> None:
    assert bm25({"cost": 2.0}, Counter(fire=1), mean_length=4) == 0.0
    assert bm25({}, Counter(fire=1), mean_length=0) == 0.0
