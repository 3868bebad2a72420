"""Declining and confidence, judged over all questions together.

    refusal precision  share of the declined questions that are unanswerable
    AUROC              chance that an answerable question got a higher confidence than one that is not, ties
                       counted half
    ECE                mean distance between confidence, which is the chance that the articles answer, and the
                       share of questions that they do answer, over ten equal steps of confidence, each
                       weighted by its questions (Guo et al., On Calibration of Modern Neural Networks, 2017)
    risk, coverage     answer only the questions of highest confidence: the share answered, and the share of
                       these whose first marked answer is wrong (El-Yaniv and Wiener, 2010)

Right means that the first marked answer holds evidence of grade 2; for an unanswerable question nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """The questions of one step of confidence: how many, their mean confidence, the share answerable."""

    count: int
    confidence: float
    answerable: float


def auroc(confidence: Floats, answerable: Floats) -> float:
    """Area under the ROC curve; NaN when all questions are of one kind."""
    above = confidence[answerable == 1][:, None] - confidence[answerable == 0][None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean()) if above.size else float("nan")


def calibration_error(confidence: Floats, answerable: Floats) -> float:
    """ECE over ten equal steps; NaN without a question."""
    steps = reliability(confidence, answerable)
    total = sum(step.count for step in steps)
    gaps = sum(step.count * abs(step.confidence - step.answerable) for step in steps)
    return gaps / total if total else float("nan")


def reliability(confidence: Floats, answerable: Floats) -> list[ConfidenceBin]:
    """The steps of confidence that hold a question, ascending: [0, .1), [.1, .2) ... [.9, 1]."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    masks = [bins == number for number in range(BINS)]
    return [
        ConfidenceBin(int(inside.sum()), float(confidence[inside].mean()), float(answerable[inside].mean()))
        for inside in masks
        if inside.any()
    ]


def risk_coverage(confidence: Floats, right: Floats) -> list[tuple[float, float]]:
    """(coverage, risk) after each different confidence, the highest first.

    Confidences .9 (right), .5 (wrong), .5 (right) -> (1/3, 0), (1, 1/3)
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(1 - right[order])
    counts = np.arange(1, len(order) + 1)
    last = np.append(confidence[order][1:] != confidence[order][:-1], True)[: len(order)]
    return [
        (n / len(order), w / n)
        for n, w, end in zip(counts.tolist(), wrong.tolist(), last.tolist(), strict=True)
        if end
    ]


def precision(abstained: Floats, answerable: Floats) -> float:
    """Share of the declined questions that are unanswerable; NaN when none was declined."""
    declined = abstained == 1
    return float((answerable[declined] == 0).mean()) if declined.any() else float("nan")
