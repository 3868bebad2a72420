"""How sure the assistant is that an extract answers the question: facts of a hit to a chance and a word.

A calibration belongs to one encoder and one reranker, or none. Scores of another model mean something
else, so an assistant whose models have none says that it is not calibrated, and withholds nothing on a number
that means nothing.
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
READ_FACTS = (*FACTS, "rating")
"""The same where a reranker has read the hits."""


def facts(hit: Hit) -> tuple[float, ...]:
    """How near the hit is, how much of the question it and its neighbours hold, whether it holds all.

    And how a reranker rates it, where one has read it.
    """
    seen = hit.dense, hit.coverage, float(hit.complete)
    return seen if hit.rating is None else (*seen, hit.rating)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From facts to a confidence (0 to 1) and a band, as fitted for one encoder and one reranker.

    A logistic regression over `facts`, one weight each; `steps`, when there are any, lead from its log odds
    to the chance by isotonic regression: ascending pairs, straight lines between them, level outside.
    Below `abstain_below` an answer is withheld, from `strong_from` on it is called strong (above 1: never).
    `fitted_on` says what it was fitted on, for people; `fingerprint` is the encoder's, and `reranker` and
    `reranker_fingerprint` are "" where there was none.
    """

    model: str
    fingerprint: str
    reranker: str
    reranker_fingerprint: str
    facts: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float
    steps: tuple[tuple[float, float], ...]
    abstain_below: float
    strong_from: float
    fitted_on: str

    @property
    def models(self) -> str:
        """What it was fitted for, for people: "all-MiniLM-L6-v2 with verbatim-reranker-l6"."""
        return f"{self.model} with {self.reranker}" if self.reranker else f"{self.model} alone"

    def fits(self, encoder: str, reranker: str) -> bool:
        """Whether it was fitted for the models of these fingerprints, and weighs what is weighed now."""
        weighed = READ_FACTS if reranker else FACTS
        return (self.fingerprint, self.reranker_fingerprint, self.facts) == (encoder, reranker, weighed)

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
