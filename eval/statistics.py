"""Confidence intervals and significance tests with scipy. Everything random is seeded.

Sources: Efron, Bootstrap Methods: Another Look at the Jackknife (1979); Smucker, Allan and Carterette, A
Comparison of Statistical Significance Tests for Information Retrieval Evaluation (2007), which recommends
the randomisation test; McNemar, Note on the Sampling Error of the Difference between Correlated Proportions
(1947), in its exact form.
"""

from __future__ import annotations

import warnings
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
    """The mean with its bootstrap interval."""
    return estimate(np.mean, values, vectorized=True)


def estimate(statistic: Statistic, *columns: Column, vectorized: bool = False) -> Estimate:
    """A statistic of paired columns with its percentile bootstrap interval, without resamples that give NaN.

    `vectorized`: the statistic takes an `axis`, which resamples much faster.
    """
    from scipy.stats import DegenerateDataWarning, bootstrap

    table = np.array(columns, dtype=np.float64)
    count = table.shape[1]
    value = float(statistic(*table)) if count else np.nan
    if count < 2 or np.isnan(value):
        return Estimate(value, np.nan, np.nan, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # about resamples that give NaN
        drawn = bootstrap(
            tuple(table),
            statistic,
            n_resamples=RESAMPLES,
            batch=max(1, _BATCH_VALUES // count),
            paired=True,
            vectorized=vectorized,
            method="percentile",
            rng=np.random.default_rng(SEED),
        ).bootstrap_distribution
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), count)


def randomisation_test(first: Column, second: Column) -> Chance:
    """Paired randomisation test of the means of A and B: swaps A and B question by question at random.

    Less is worse. Equal values have no influence; with few questions all 2^n swaps are enumerated.
    """
    from scipy.stats import permutation_test

    a, b = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    differing = a != b
    a, b = a[differing], b[differing]
    if len(a) < 2:  # scipy needs two; with one question the test is a coin toss
        return Chance(1.0, 0.5 if (b < a).any() else 1.0)

    def p_value(alternative: str) -> float:
        result = permutation_test(
            (a, b),
            lambda x, y, axis: (y - x).sum(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=PERMUTATIONS,
            batch=max(1, _BATCH_VALUES // len(a)),
            alternative=alternative,
            rng=np.random.default_rng(SEED),
        )
        return float(result.pvalue)

    return Chance(p_value("two-sided"), p_value("less"))


def swap_test(
    statistic: Statistic,
    first: Floats | Sequence[Floats],
    second: Floats | Sequence[Floats],
    *,
    better: int = 1,
) -> Chance:
    """The same for a statistic of whole columns: `first` and `second` hold the columns of A and of B.

    `better` is 1 if more of the statistic is better, -1 if less is. Swaps that give NaN are left out; the
    observed assignment counts as one of them, so no p-value is 0.
    """
    a, b = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    drawn = np.random.default_rng(SEED).random((RESAMPLES, a.shape[1])) < 0.5
    keeps = np.vstack([np.ones(a.shape[1], dtype=bool), drawn])  # first, the observed assignment
    gains = better * np.array(
        [statistic(*np.where(keep, b, a)) - statistic(*np.where(keep, a, b)) for keep in keeps]
    )
    gain = gains[0]
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
