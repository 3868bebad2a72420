"""How sure the assistant is that an extract answers the question.

A logistic regression over three facts about a hit, fitted by `python -m eval.calibration` on questions with
and without an answer in the articles; no gold question took part.
"""

from __future__ import annotations

import math

from index.search import Hit
from qa.answer import Band

_WEIGHTS = (5.868, 1.831, 2.025)
_CONSTANT = -3.780
# Below the first an answer is withheld. It is the highest at which one answered question in twenty is
# withheld on public corpora left out of the fit; over half of the unanswerable ones are then withheld too.
ABSTAIN_BELOW = 0.35
# From here on four in five of those questions were answered.
_STRONG_FROM = 0.7


def facts(hit: Hit) -> tuple[float, ...]:
    """How near the hit is, how much of the question it and its neighbours hold, and whether it holds all."""
    return hit.dense, hit.coverage, float(hit.complete)


def confidence(hit: Hit) -> float:
    """Calibrated chance (0 to 1) that articles with this as their best hit answer the question."""
    logit = _CONSTANT + sum(weight * fact for weight, fact in zip(_WEIGHTS, facts(hit), strict=True))
    return 1 / (1 + math.exp(-logit))


def band(value: float) -> Band:
    """The word for a confidence."""
    if value >= _STRONG_FROM:
        return Band.STRONG
    return Band.POSSIBLE if value >= ABSTAIN_BELOW else Band.WEAK
