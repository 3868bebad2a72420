from __future__ import annotations

import math

import numpy as np
import pytest

from eval.abstention import auroc, calibration_error, precision, reliability, risk_coverage


def test_auroc_worked_by_hand() -> None:
    # Pairs (answerable, not): .9 > .2, .9 > .5, .5 > .2, .5 = .5 -> 3.5 of 4
    assert auroc(np.array([0.9, 0.5, 0.2, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])) == 0.875
    assert math.isnan(auroc(np.array([0.9]), np.array([1.0])))


def test_auroc_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    chance = np.random.default_rng(3)
    for _ in range(20):
        confidence = chance.integers(0, 8, 30) / 8  # many ties
        answerable = np.append(chance.integers(0, 2, 28), [0, 1]).astype(float)
        assert auroc(confidence, answerable) == pytest.approx(roc_auc_score(answerable, confidence))


def test_calibration_error_worked_by_hand() -> None:
    # Step [.2, .3): mean .25, half right, two questions; step [.9, 1]: mean .95, all right, two questions.
    confidence = np.array([0.2, 0.3 - 1e-9, 0.9, 1.0])
    right = np.array([1.0, 0.0, 1.0, 1.0])
    assert calibration_error(confidence, right) == pytest.approx((2 * 0.25 + 2 * 0.05) / 4)
    steps = reliability(confidence, right)
    assert [(step.count, round(step.confidence, 3), step.right) for step in steps] == [
        (2, 0.25, 0.5),
        (2, 0.95, 1.0),
    ]
    assert math.isnan(calibration_error(np.array([]), np.array([])))


def test_risk_and_coverage_worked_by_hand() -> None:
    # Equal confidences are answered together.
    assert risk_coverage(np.array([0.5, 0.9, 0.5]), np.array([0.0, 1.0, 1.0])) == [
        (pytest.approx(1 / 3), 0.0),
        (1.0, pytest.approx(1 / 3)),
    ]
    assert risk_coverage(np.array([]), np.array([])) == []


def test_precision_is_of_what_is_selected() -> None:
    assert precision(np.array([1.0, 1.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0])) == pytest.approx(2 / 3)
    assert math.isnan(precision(np.array([0.0]), np.array([1.0])))
