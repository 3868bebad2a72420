"""Numbers from rounds: medians with their spread, ratios, exponents of growth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """What some rounds gave; at least one. Raises ValueError without a value."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("nothing was measured")

    @property
    def median(self) -> float:
        """The value in the middle: (3, 1, 2) -> 2."""
        return float(median(self.values))

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest: (3, 1, 2) -> (1, 3)."""
        return min(self.values), max(self.values)

    def over(self, other: Measured) -> Measured:
        """One by the other, round by round, for what slows a round slows both: (2, 6) / (1, 2) -> (2, 3)."""
        return measured(a / b for a, b in zip(self.values, other.values, strict=False))

    def record(self) -> dict[str, Any]:
        """As JSON holds it, in six significant digits."""
        low, high = self.spread
        record = {"median": _short(self.median), "low": _short(low), "high": _short(high)}
        return record | {"values": [_short(value) for value in self.values]}


def measured(values: Iterable[float]) -> Measured:
    """Rounds from any values."""
    return Measured(tuple(map(float, values)))


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that this share of all values does not exceed: .95 of 1..100 -> 95."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Slope of the least squares line through log(value) over log(size): 1 where twice the size costs twice.

    Raises ValueError with fewer than two different sizes.
    """
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    x, y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    spread = math.fsum((a - x) ** 2 for a in xs)
    if not spread:
        raise ValueError("growth needs two sizes")
    return math.fsum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread
