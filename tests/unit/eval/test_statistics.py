from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from eval.abstention import auroc
from eval.statistics import estimate, mcnemar, mean_estimate, randomisation_test, swap_test
from tests.support.tiers import full


def test_an_interval_holds_its_mean_and_repeats() -> None:
    values = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
    result = mean_estimate(values)
    assert (result.value, result.count) == (0.75, 8)
    # Means of eight draws with chance 3/4: P(2 of 8) = .4 %, P(3 of 8 or less) = 2.7 %
    assert result.low == pytest.approx(0.375, abs=0.13)
    assert result.high == 1.0
    assert mean_estimate(values) == result


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        result = mean_estimate(chance.normal(0.3, 1.0, 60))
        covered += result.low <= 0.3 <= result.high
    assert 0.89 <= covered / 200 <= 0.99


def test_too_few_to_tell() -> None:
    assert (mean_estimate([0.5]).value, mean_estimate([0.5]).count) == (0.5, 1)
    assert math.isnan(mean_estimate([0.5]).low)
    assert math.isnan(mean_estimate([]).value)
    assert mean_estimate([1.0, 1.0, 1.0]).low == 1.0


def test_any_statistic_has_an_interval() -> None:
    confidence = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1]
    answerable = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    result = estimate(auroc, confidence, answerable)
    assert result.value == pytest.approx(14 / 16)
    assert 0 <= result.low < result.value < result.high <= 1


def test_the_randomisation_test_against_every_swap() -> None:
    first = [0.1, 0.5, 0.3, 0.9, 0.4, 0.2]
    second = [0.4, 0.7, 0.2, 1.0, 0.9, 0.2]
    gains = np.array(second) - np.array(first)
    swaps = [
        sum(sign * gain for sign, gain in zip(signs, gains, strict=True))
        for signs in product((1, -1), repeat=6)
    ]
    two_sided = np.mean([abs(swap) >= abs(gains.sum()) - 1e-12 for swap in swaps])
    worse = np.mean([swap <= gains.sum() + 1e-12 for swap in swaps])
    result = randomisation_test(first, second)
    assert result.two_sided == pytest.approx(two_sided)
    assert result.worse == pytest.approx(worse)
    assert randomisation_test(second, first).worse == pytest.approx(
        1 - worse + np.mean([s == pytest.approx(gains.sum()) for s in swaps])
    )


def test_equal_runs_never_differ() -> None:
    assert randomisation_test([0.1, 0.9], [0.1, 0.9]).two_sided == 1.0
    assert randomisation_test([], []).worse == 1.0


def test_one_question_that_changed_is_a_coin() -> None:
    assert randomisation_test([1.0, 0.5], [0.0, 0.5]).worse == 0.5
    assert randomisation_test([0.0, 0.5], [1.0, 0.5]).worse == 1.0
    assert randomisation_test([1.0, 0.5], [0.0, 0.5]).two_sided == 1.0


def test_mcnemar_worked_by_hand() -> None:
    assert mcnemar(0, 5) == pytest.approx(2 / 2**5)
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 2**6)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_swapping_finds_a_worse_auroc() -> None:
    answerable = np.array([1.0] * 15 + [0.0] * 15)
    good = np.concatenate([np.linspace(0.6, 0.9, 15), np.linspace(0.1, 0.4, 15)])
    poor = np.concatenate([np.linspace(0.1, 0.8, 15), np.linspace(0.2, 0.9, 15)])
    assert swap_test(auroc, [good, answerable], [poor, answerable]).worse < 0.01
    assert swap_test(auroc, [poor, answerable], [good, answerable]).worse > 0.9
    assert swap_test(auroc, [poor, answerable], [good, answerable], better=-1).worse < 0.01
    assert swap_test(auroc, [good, answerable], [good, answerable]).worse == 1.0


@full
@pytest.mark.slow
def test_the_false_alarm_rate_at_five_percent_is_near_five_percent() -> None:
    """A hundred pairs of runs that differ by chance alone, and by more than a few ties, for each way to ask."""
    alarms = np.zeros(3)
    answerable = np.array([1.0] * 40 + [0.0] * 20)
    for seed in range(100):
        chance = np.random.default_rng(seed)
        first, second = chance.random((2, 60))
        result = randomisation_test(first, second)
        swapped = swap_test(auroc, [first, answerable], [second, answerable])
        alarms += [result.worse < 0.05, result.two_sided < 0.05, swapped.worse < 0.05]
    # Of 100 draws at .05 fewer than one in a thousand times more than 13.
    assert (alarms <= 13).all()
    assert alarms.sum() >= 3
