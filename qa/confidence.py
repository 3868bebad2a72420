"""How sure the assistant is that an extract answers the question: facts of a hit to a chance and a word.

A calibration belongs to one encoder and one reranker, or none. Scores of another model mean something
else, so an assistant whose models have none says that it is not calibrated, and withholds nothing on a number
that means nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from index.search.query import Hit
from index.storage.durable_io import Disk, as_build_failure
from qa.answer import Band
from qa.errors import CalibrationRefused

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
        """What it was fitted for, for people: "all-MiniLM-L6-v2 with pullquote-reranker-l6"."""
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


CALIBRATION = "calibration.json"
SHIPPED = Path(__file__).parent / "calibrations"


def calibration_for(encoder: str, reranker: str, data: Path) -> Calibration | None:
    """The calibration for the models with these fingerprints: the data folder's, else a shipped one.

    `reranker` is "" where there is none.

    Raises CalibrationRefused for a file that is not as it was written.
    """
    for path in (data / CALIBRATION, *sorted(SHIPPED.glob("*.json"))):
        found = read_calibration(path)
        if found and found.fits(encoder, reranker):
            return found
    return None


def read_calibration(path: Path) -> Calibration | None:
    """What a file holds, None when there is none. Raises CalibrationRefused."""
    try:
        written = json.loads(path.read_bytes())
        seal = written.pop("seal")
        if seal != seal_of(written):
            raise CalibrationRefused(path, "changed: it does not match its own seal")
        return _parsed(written)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationRefused(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CalibrationRefused(path, "does not hold a calibration") from error


def write_calibration(path: Path, calibration: Calibration, *, disk: Disk | None = None) -> None:
    """Replace the file in one step. Raises BuildFailed when it cannot be written."""
    written = asdict(calibration)
    content = json.dumps({**written, "seal": seal_of(written)}, indent=1, sort_keys=True) + "\n"
    with as_build_failure(path.parent):
        (disk or Disk()).replace(path, content.encode())


def seal_of(written: Mapping[str, Any]) -> str:
    """The SHA-256 of what a file says: a number that is edited is not the number that was measured."""
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def _parsed(written: dict[str, Any]) -> Calibration:
    if set(written) != {field.name for field in fields(Calibration)}:
        raise ValueError
    made = Calibration(
        **{
            **written,
            "facts": tuple(map(str, written["facts"])),
            "weights": tuple(map(float, written["weights"])),
            "steps": tuple((float(odds), float(chance)) for odds, chance in written["steps"]),
        }
    )
    numbers = (*made.weights, made.constant, made.abstain_below, made.strong_from, *sum(made.steps, ()))
    ascending = all(before[0] < after[0] for before, after in pairwise(made.steps))
    if len(made.weights) != len(made.facts) or not ascending or not all(map(math.isfinite, numbers)):
        raise ValueError
    return made
