"""Confidence intervals and significance tests with scipy. Everything random is seeded.

Sources: Efron, Bootstrap Methods: Another Look at the Jackknife (1979); Smucker, Allan and Carterette, A
Comparison of Statistical Significance Tests for Information Retrieval Evaluation (2007), which recommends
the randomisation test; McNemar, Note on the Sampling Error of the Difference between Correlated Proportions
(1947), in its exact form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 1
RESAMPLES = 2_000
"""Enough for two digits of a 95 % interval."""
PERMUTATIONS = 10_000
"""The least p-value is then 1 in 10,000."""
LEVEL = 0.95
# Values in one batch: the memory of a resampling stays below 100 MB.
_BATCH_VALUES = 10_000_000

Floats = NDArray[np.float64]
Column = Sequence[float] | Floats
Statistic = Callable[..., float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value over `count` questions with its 95 % interval.

    `value` is NaN without questions; `low` and `high` are NaN with too few of them.
    """

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Chance:
    """p-values of a difference: `two_sided`, and one-sided for B being `worse` than A."""

    two_sided: float
    worse: float


def mean_estimate(values: Column) -> Estimate:
    """The mean with its percentile bootstrap interval."""
    column = np.array(values, dtype=np.float64)
    if not column.size:
        return Estimate(np.nan, np.nan, np.nan, 0)
    means = _resampled(column, lambda drawn: drawn.mean(axis=-1))
    return _estimate(float(column.mean()), means, len(column))


def estimate(statistic: Statistic, *columns: Column) -> Estimate:
    """A statistic of paired columns with its bootstrap interval; resamples that give NaN are left out."""
    table = np.array(columns, dtype=np.float64)
    count = table.shape[1]
    if not count:
        return Estimate(np.nan, np.nan, np.nan, 0)
    if count == 1:
        return Estimate(statistic(*table), np.nan, np.nan, 1)
    chance = np.random.default_rng(SEED)
    drawn = [statistic(*table[:, chance.integers(count, size=count)]) for _ in range(RESAMPLES)]
    return _estimate(statistic(*table), np.array(drawn), count)


def randomisation_test(first: Column, second: Column) -> Chance:
    """Paired randomisation test of the means of A and B: swaps A and B question by question at random.

    Less is worse. Equal values have no influence; with few questions all 2^n swaps are enumerated.
    """
    from scipy.stats import permutation_test

    a, b = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    if not (a != b).any():
        return Chance(1.0, 1.0)
    differing = a != b
    if differing.sum() == 1:  # scipy needs two; with one question the test is a coin toss
        return Chance(1.0, 0.5 if (b - a).sum() < 0 else 1.0)

    def difference(x: Floats, y: Floats, axis: int) -> Floats:
        return np.asarray((y - x).sum(axis=axis))

    def p_value(alternative: str) -> float:
        result = permutation_test(
            (a[differing], b[differing]),
            difference,
            permutation_type="samples",
            vectorized=True,
            n_resamples=PERMUTATIONS,
            batch=max(1, _BATCH_VALUES // int(differing.sum())),
            alternative=alternative,
            rng=np.random.default_rng(SEED),
        )
        return float(result.pvalue)

    return Chance(p_value("two-sided"), p_value("less"))


def swap_test(
    statistic: Statistic, first: Sequence[Floats], second: Sequence[Floats], *, better: int = 1
) -> Chance:
    """The same for a statistic of whole columns: `first` and `second` hold the columns of A and of B.

    `better` is 1 if more of the statistic is better, -1 if less is. Swaps that give NaN are left out; the
    observed assignment counts as one of them, so no p-value is 0.
    """
    a, b = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    gain = better * (statistic(*b) - statistic(*a))
    chance = np.random.default_rng(SEED)
    swapped = [gain]
    for _ in range(RESAMPLES):
        swap = chance.random(a.shape[1]) < 0.5
        swapped.append(better * (statistic(*np.where(swap, b, a)) - statistic(*np.where(swap, a, b))))
    gains = np.array(swapped)
    gains = gains[~np.isnan(gains)]
    near = 1e-12  # tolerance for sums in another order
    return Chance(
        float((np.abs(gains) >= abs(gain) - near).mean()),
        float((gains <= gain + near).mean()) if gain else 1.0,
    )


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided p-value of the hypothesis that wins and losses are equally likely: 0, 5 -> 2 / 2^5."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def _resampled(column: Floats, statistic: Callable[[Floats], Floats]) -> Floats:
    from scipy.stats import bootstrap

    if len(column) < 2:
        return np.empty(0)
    result = bootstrap(
        (column,),
        lambda drawn, axis: statistic(drawn),
        n_resamples=RESAMPLES,
        batch=max(1, _BATCH_VALUES // len(column)),
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return np.asarray(result.bootstrap_distribution)


def _estimate(value: float, drawn: Floats, count: int) -> Estimate:
    drawn = drawn[~np.isnan(drawn)]
    if not drawn.size or np.isnan(value):
        return Estimate(value, np.nan, np.nan, count)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), count)
