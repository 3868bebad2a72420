"""Measures of abstention and confidence over a whole set of questions.

    refusal precision   share of the questions not answered (unsure or none) that are unanswerable
    answered precision  share of the answered questions whose first answer is right
    strong precision    share of the questions with a strong match whose first answer is right
    AUROC               chance that an answerable question has a higher confidence than an unanswerable one;
                        ties count half
    ECE                 mean distance between confidence and the share of right first answers, over ten equal
                        bins, weighted by their questions (Guo et al., On Calibration of Modern Neural
                        Networks, 2017)
    risk, coverage      share of wrong first answers, and share of questions answered, if only the questions
                        of highest confidence are answered (El-Yaniv and Wiener, 2010)

An answer is right if the first marked answer holds evidence of grade 2; for unanswerable questions none is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """One bin of confidence: number of questions, their mean confidence, the share of right first answers."""

    count: int
    confidence: float
    right: float


def auroc(confidence: Floats, answerable: Floats) -> float:
    """Area under the ROC curve; NaN if all questions are of one kind."""
    above = confidence[answerable == 1][:, None] - confidence[answerable == 0][None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean()) if above.size else float("nan")


def calibration_error(confidence: Floats, right: Floats) -> float:
    """ECE over ten equal bins; NaN without questions."""
    bins = reliability(confidence, right)
    total = sum(bin.count for bin in bins)
    gaps = sum(bin.count * abs(bin.confidence - bin.right) for bin in bins)
    return gaps / total if total else float("nan")


def reliability(confidence: Floats, right: Floats) -> list[ConfidenceBin]:
    """The non-empty bins of confidence, ascending: [0, .1), [.1, .2) ... [.9, 1]."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    masks = [bins == number for number in range(BINS)]
    return [
        ConfidenceBin(int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for inside in masks
        if inside.any()
    ]


def risk_coverage(confidence: Floats, right: Floats) -> list[tuple[float, float]]:
    """(coverage, risk) at each distinct confidence, the highest first.

    Confidences .9 (right), .5 (wrong), .5 (right) -> (1/3, 0), (1, 1/3)
    """
    total = len(confidence)
    return [(count / total, wrong / count) for _, count, wrong in cumulative(confidence, 1 - right)]


def cumulative(confidence: Floats, outcome: Floats) -> list[tuple[float, int, float]]:
    """Each distinct confidence, the highest first, with number and outcomes of the questions from it on."""
    order = np.argsort(-confidence, kind="stable")
    ordered, sums = confidence[order], np.cumsum(outcome[order])
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(order)])
    return list(zip(ordered[last].tolist(), (last + 1).tolist(), sums[last].tolist(), strict=True))


def precision(selected: Floats, right: Floats) -> float:
    """Share of the selected questions that are right; NaN if none is selected."""
    chosen = selected == 1
    return float(right[chosen].mean()) if chosen.any() else float("nan")
