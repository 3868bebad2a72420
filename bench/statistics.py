"""Numbers from rounds: medians with their spread, ratios, exponents of growth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of some rounds, and the least and the greatest of them."""

    median: float
    low: float
    high: float
    rounds: int

    def record(self) -> dict[str, float]:
        """As JSON holds it."""
        return asdict(self)


def measured(values: Sequence[float]) -> Measured:
    """[3, 1, 2] -> median 2, spread 1 to 3, 3 rounds. Raises ValueError without a value."""
    if not values:
        raise ValueError("nothing was measured")
    return Measured(float(median(values)), float(min(values)), float(max(values)), len(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Measured:
    """One by the other, round by round, for what slows a round slows both: [2, 6] / [1, 2] -> 2.5."""
    return measured([a / b for a, b in zip(over, under, strict=True)])


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
