"""How sure the assistant is that an extract answers the question: facts of a hit to a chance and a word.

A calibration belongs to one model. Cosines of another model mean something else, so an assistant whose
model has none says that it is not calibrated, and withholds nothing on a number that means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.search import Hit
from qa.answer import Band

FACTS = ("dense", "coverage", "complete")
"""What a calibration weighs. A fact whose meaning changes gets a new name, and old calibrations end."""


def facts(hit: Hit) -> tuple[float, ...]:
    """How near the hit is, how much of the question it and its neighbours hold, and whether it holds all."""
    return hit.dense, hit.coverage, float(hit.complete)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From facts to a confidence (0 to 1) and a band, as fitted for one model.

    A logistic regression over `facts`, one weight each; `steps`, when there are any, lead from its log odds
    to the chance by isotonic regression: ascending pairs, straight lines between them, level outside.
    Below `abstain_below` an answer is withheld, from `strong_from` on it is called strong (above 1: never).
    `fitted_on` says what it was fitted on, for people; `fingerprint` is the encoder's.
    """

    model: str
    fingerprint: str
    facts: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float
    steps: tuple[tuple[float, float], ...]
    abstain_below: float
    strong_from: float
    fitted_on: str

    def confidence(self, hit: Hit) -> float:
        """Calibrated chance (0 to 1) that articles with this as their best hit answer the question."""
        return self.chance(facts(hit))

    def chance(self, values: Sequence[float]) -> float:
        """The same from the values of the facts."""
        odds = self.constant + sum(weight * value for weight, value in zip(self.weights, values, strict=True))
        return _between(self.steps, odds) if self.steps else 1 / (1 + math.exp(-odds))

    def band(self, confidence: float) -> Band:
        """The word for a confidence."""
        if confidence >= self.strong_from:
            return Band.STRONG
        return Band.POSSIBLE if confidence >= self.abstain_below else Band.WEAK


def _between(steps: Sequence[tuple[float, float]], odds: float) -> float:
    """Linear interpolation: steps (0, .2), (2, .6) at 1 -> .4, at -5 -> .2."""
    if odds <= steps[0][0]:
        return steps[0][1]
    for (left, low), (right, high) in pairwise(steps):
        if odds <= right:
            return low + (high - low) * (odds - left) / (right - left)
    return steps[-1][1]
