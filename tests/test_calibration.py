from __future__ import annotations

import numpy as np
import pytest

from eval.calibration import auroc, cross_validate, fit


def test_auroc_worked_by_hand() -> None:
    # Pairs (answered, not): .9 > .2, .9 > .5, .5 > .2, .5 = .5 -> 3.5 of 4
    assert auroc(np.array([0.9, 0.5, 0.2, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])) == 0.875


def test_fit_finds_the_odds() -> None:
    # Three of four answered where the fact is 1, one of four where it is 0: log odds +ln 3 and -ln 3.
    rows = np.array([[1.0]] * 400 + [[0.0]] * 400)
    answered = np.array([1, 1, 1, 0] * 100 + [1, 0, 0, 0] * 100, dtype=np.float64)
    weight, constant = fit(rows, answered)
    assert constant == pytest.approx(-np.log(3), abs=0.01)
    assert weight == pytest.approx(2 * np.log(3), abs=0.01)


def test_a_corpus_never_takes_part_in_the_fit_that_judges_it() -> None:
    plain = (np.array([[0.0], [1.0]] * 50), np.array([0.0, 1.0] * 50))
    turned = (np.array([[0.0], [1.0]] * 50), np.array([1.0, 0.0] * 50))
    held_out = cross_validate([plain, plain, turned])
    assert auroc(*held_out[2]) == 0.0
