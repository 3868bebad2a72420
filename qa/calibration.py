"""Calibrations on disk: the ones that ship, and the one that an evaluator stored beside an index.

`calibration.json` in a data folder comes before `*.calibration.json` beside this file, and each counts for
the models it was fitted for and for no others.
Both are JSON with a seal, the SHA-256 of the rest: a digit that changes on disk moves answers, silently.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from index.durable import Disk, reported
from qa.confidence import Calibration
from qa.errors import CalibrationRefused

CALIBRATION = "calibration.json"
SHIPPED = Path(__file__).parent


def calibration_for(encoder: str, reranker: str, data: Path) -> Calibration | None:
    """The calibration for the models with these fingerprints: the data folder's, else a shipped one.

    `reranker` is "" where there is none.

    Raises CalibrationRefused for a file that is not as it was written.
    """
    for path in (data / CALIBRATION, *sorted(SHIPPED.glob(f"*.{CALIBRATION}"))):
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
    with reported(path.parent):
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
