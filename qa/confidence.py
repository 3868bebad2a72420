"""How sure the assistant is that an extract answers the question.

A logistic regression over four facts about a hit, fitted by `python -m eval.calibration` on questions with
and without an answer in the articles; no gold question took part.
"""

from __future__ import annotations

import math

from index.search import Hit
from qa.answer import Band

# Fitted: weights of the facts below, and the constant.
_DENSE, _SENTENCE, _LEXICAL, _COVERAGE, _CONSTANT = 3.0, 3.0, 0.05, 2.0, -4.0
# Below the first an answer is withheld; from the second on a hit counts as strong.
ABSTAIN_BELOW = 0.3
_STRONG_FROM = 0.7


def confidence(hit: Hit) -> float:
    """Calibrated chance (0 to 1) that the hit's sentence answers the question."""
    logit = (
        _DENSE * hit.dense
        + _SENTENCE * hit.sentence_cosine
        + _LEXICAL * math.log1p(hit.lexical)
        + _COVERAGE * hit.coverage
        + _CONSTANT
    )
    return 1 / (1 + math.exp(-logit))


def band(value: float) -> Band:
    """The word for a confidence."""
    if value >= _STRONG_FROM:
        return Band.STRONG
    return Band.POSSIBLE if value >= ABSTAIN_BELOW else Band.WEAK
