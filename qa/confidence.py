"""Calibrated confidence: features of a hit to a probability and a band.

A calibration belongs to one encoder and one reranker, or none; without one no answer is rated or withheld.
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
from qa.answer import Band
from qa.errors import CalibrationRefused

FEATURES = ("pooled", "coverage", "complete", "maxsim", "rating")
"""Features of a calibration. Rename one when its meaning changes: older calibrations are then rejected."""


def features(hit: Hit) -> dict[str, float]:
    """By name: cosine, share of the question's terms in hit and neighbours, whether all occur in the hit.

    With token vectors also MaxSim, with a reranker its rating.
    """
    values = (hit.dense, hit.coverage, float(hit.complete), hit.late, hit.rating)
    return {name: value for name, value in zip(FEATURES, values, strict=True) if value is not None}


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Calibration:
    """Maps features to a confidence (0 to 1) and a band, as fitted for one encoder and one reranker.

    A logistic regression over the features named in `facts`, one weight each. `steps`, if any, map its log
    odds to a probability by isotonic regression: ascending pairs, linear between them, constant outside.
    Below `abstain_below` an answer is withheld, from `strong_from` on it is strong (above 1: never).
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
    abstain_below: float
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
        """Calibrated probability (0 to 1) that articles with this best hit answer the question."""
        known = features(hit)
        return self.chance([known.get(name, 0.0) for name in self.facts])

    def chance(self, values: Sequence[float]) -> float:
        """The same from the values of the features."""
        odds = self.constant + sum(weight * value for weight, value in zip(self.weights, values, strict=True))
        if self.steps:
            return float(np.interp(odds, *np.transpose(self.steps)))
        return 1 / (1 + math.exp(-odds))

    def band(self, confidence: float) -> Band:
        """The band of a confidence."""
        if confidence >= self.strong_from:
            return Band.STRONG
        return Band.POSSIBLE if confidence >= self.abstain_below else Band.WEAK


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
