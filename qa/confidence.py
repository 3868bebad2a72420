"""Calibrated confidence: features of a hit to a probability, a state and a band.

A calibration belongs to one encoder and one reranker, or none; without one no answer is rated or withheld.
What mistakes cost decides from which confidence a question is answered, unsure or without an answer.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import ConfigDict, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from index.search.query import Hit
from index.storage.durable_io import Disk, as_build_failure
from qa.answer import Band, State
from qa.errors import CalibrationRefused

FEATURES = ("pooled", "coverage", "complete", "lead", "maxsim", "rating")
"""Features of a calibration. Rename one when its meaning changes: older calibrations are then rejected."""


def features(hit: Hit) -> dict[str, float]:
    """By name: cosine, share of the question's terms in hit and neighbours, whether all occur in the hit.

    Also the lead over the fifth-best hit; with token vectors MaxSim, with a reranker its rating.
    """
    values = (hit.dense, hit.coverage, float(hit.complete), hit.lead, hit.late, hit.rating)
    return {name: value for name, value in zip(FEATURES, values, strict=True) if value is not None}


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of mistakes, both at least 1, and the least confidence of each state that follows from them.

    `wrong_answer`: an answered wrong extract, in units of a right extract that is only shown as unsure.
    `missed_answer`: no answer where the closest passage was right, in units of an unsure wrong extract.
    Each threshold is where both mistakes cost the same on average (Chow, 1970).
    """

    wrong_answer: float = 3.0
    missed_answer: float = 10.0

    @property
    def answered_from(self) -> float:
        """The least confidence of an answered question: a cost of 3 -> .75."""
        return self.wrong_answer / (1 + self.wrong_answer)

    @property
    def unsure_from(self) -> float:
        """The least confidence of an unsure question: a cost of 10 -> 1/11."""
        return 1 / (1 + self.missed_answer)

    def state(self, confidence: float) -> State:
        """The state of a question whose first extract has this confidence."""
        if confidence >= self.answered_from:
            return State.ANSWERED
        return State.UNSURE if confidence >= self.unsure_from else State.NONE


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Calibration:
    """Maps features to a confidence (0 to 1), as fitted for one encoder and one reranker.

    A logistic regression over the features named in `facts`, one weight each. `steps`, if any, map its log
    odds to a probability by isotonic regression: ascending pairs, linear between them, constant outside.
    From `strong_from` on nine in ten first extracts answered held-out questions (above 1: never).
    `fitted_on` describes the gold questions; `fingerprint` is the encoder's, and `reranker` and
    `reranker_fingerprint` are "" without a reranker.
    """

    model: str
    fingerprint: str
    reranker: str
    reranker_fingerprint: str
    facts: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float
    steps: tuple[tuple[float, float], ...]
    strong_from: float
    fitted_on: str

    @model_validator(mode="after")
    def _check_lengths_and_order(self) -> Self:
        ascending = all(before[0] < after[0] for before, after in pairwise(self.steps))
        if len(self.weights) != len(self.facts) or not ascending:
            raise ValueError
        return self

    @property
    def models(self) -> str:
        """The models for people: "all-MiniLM-L6-v2 alone", "… with ms-marco-MiniLM-L6-v2"."""
        return f"{self.model} with {self.reranker}" if self.reranker else f"{self.model} alone"

    def fits(self, encoder: str, reranker: str) -> bool:
        """Whether it was fitted for the models of these fingerprints and the current features."""
        current = set(self.facts) <= set(FEATURES)
        return (self.fingerprint, self.reranker_fingerprint, current) == (encoder, reranker, True)

    def confidence(self, hit: Hit) -> float:
        """Calibrated probability (0 to 1) that this hit answers the question."""
        known = features(hit)
        return self.chance([known.get(name, 0.0) for name in self.facts])

    def chance(self, values: Sequence[float]) -> float:
        """The same from the values of the features."""
        odds = self.constant + sum(weight * value for weight, value in zip(self.weights, values, strict=True))
        if self.steps:
            return float(np.interp(odds, *np.transpose(self.steps)))
        return 1 / (1 + math.exp(-odds))

    def thresholds(self, costs: Costs) -> dict[str, float]:
        """The least confidence of an unsure, an answered and a strongly matched question, by name."""
        return {
            "unsure_from": costs.unsure_from,
            "answered_from": costs.answered_from,
            "strong_from": max(self.strong_from, costs.answered_from),
        }

    def band(self, confidence: float, costs: Costs) -> Band:
        """The band of a confidence; only what answers is more than a weak match."""
        if costs.state(confidence) is not State.ANSWERED:
            return Band.WEAK
        return Band.STRONG if confidence >= self.strong_from else Band.POSSIBLE


CALIBRATION = "calibration.json"
SHIPPED = Path(__file__).parent / "calibrations"


def calibration_for(encoder: str, reranker: str, data: Path) -> Calibration | None:
    """The data folder's calibration for these fingerprints, else a shipped one. Raises CalibrationRefused."""
    for path in (data / CALIBRATION, *sorted(SHIPPED.glob("*.json"))):
        calibration = read_calibration(path)
        if calibration and calibration.fits(encoder, reranker):
            return calibration
    return None


def read_calibration(path: Path) -> Calibration | None:
    """The calibration in a file, None if there is no file. Raises CalibrationRefused."""
    try:
        content = json.loads(path.read_bytes())
        seal = content.pop("seal")
        if seal != seal_of(content):
            raise CalibrationRefused(path, "changed: it does not match its own seal")
        return TypeAdapter(Calibration).validate_python(content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationRefused(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CalibrationRefused(path, "does not hold a calibration") from error


def write_calibration(path: Path, calibration: Calibration, *, disk: Disk | None = None) -> None:
    """Replace the file in one step. Raises BuildFailed when it cannot be written."""
    content = asdict(calibration)
    text = json.dumps({**content, "seal": seal_of(content)}, indent=1, sort_keys=True) + "\n"
    with as_build_failure(path.parent):
        (disk or Disk()).replace(path, text.encode())


def seal_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content of a file: an edited number is not a measured one."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
