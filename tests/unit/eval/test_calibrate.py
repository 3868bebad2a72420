from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.calibrate import (
    FOLDS,
    NEVER,
    REPEATS,
    HeldOut,
    Method,
    Observed,
    calibration,
    describe,
    fit,
    hold_out,
    observe,
    question_folds,
    strong_from,
    strong_threshold,
)
from eval.errors import EvalFailure
from index.building.build import build
from index.generation.data_folder import DataFolder
from qa.assistant import Assistant
from qa.confidence import Costs
from tests.support.fakes import WordEncoder
from tests.support.sample_runs import GOLD, RAIN, SUN

FACTS = ("pooled", "coverage", "complete")


def observed(fact: list[float], answerable: list[float], right: list[float] | None = None) -> Observed:
    values = np.column_stack([fact, np.zeros(len(fact)), np.zeros(len(fact))])
    return Observed(FACTS, values, np.array(right or answerable), np.array(answerable))


# Three of four are answerable where the fact is 1, one of four where it is 0: log odds +ln 3 and -ln 3.
ODDS = observed([1.0] * 400 + [0.0] * 400, [1.0, 1.0, 1.0, 0.0] * 100 + [1.0, 0.0, 0.0, 0.0] * 100)


def test_logistic_finds_the_odds() -> None:
    fitted = fit(ODDS, Method.LOGISTIC)
    assert fitted.constant == pytest.approx(-np.log(3), abs=0.01)
    assert fitted.weights[0] == pytest.approx(2 * np.log(3), abs=0.01)
    assert fitted.chances(ODDS.values[[0, -1]]) == pytest.approx([0.75, 0.25], abs=0.01)


def test_isotonic_finds_the_shares_and_never_falls() -> None:
    fitted = fit(ODDS, Method.ISOTONIC)
    assert fitted.chances(ODDS.values[[0, -1]]) == pytest.approx([0.75, 0.25])
    chances = [chance for _, chance in fitted.steps]
    assert chances == sorted(chances)


def test_a_fit_and_its_calibration_say_the_same(tmp_path: Path) -> None:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    for method in Method:
        made = calibration(ODDS, method, 0.6, models=assistant.models, fitted_on="a coin")
        assert (made.model, made.fingerprint) == ("words", "f" * 64)
        assert (made.strong_from, made.fitted_on) == (0.6, "a coin")
        assert made.chance((1.0, 0.0, 0.0)) == pytest.approx(fit(ODDS, method).chances(ODDS.values[:1])[0])
        assert Assistant(assistant.generation, WordEncoder(), calibration=made).ask("rain").calibrated


def test_no_question_is_rated_by_a_fit_that_saw_it() -> None:
    plain = observed([0.0, 1.0] * 50, [0.0, 1.0] * 50)
    turned = observed([0.0, 1.0] * 50, [1.0, 0.0] * 50)
    both = Observed(FACTS, *(np.concatenate(pair) for pair in zip(*(
        (part.values, part.right, part.answerable) for part in (plain, turned)
    ), strict=True)))  # fmt: skip
    rows = np.arange(200)
    held_out = hold_out(both, Method.LOGISTIC, [(rows[:100], rows[100:])])
    assert held_out.auroc == 0.0
    assert len(held_out.chances) == 100


def test_folds_hold_each_question_out_once_a_round() -> None:
    folds = question_folds(ODDS)
    assert len(folds) == FOLDS * REPEATS
    counts = np.bincount(np.concatenate([test for _, test in folds]))
    assert (counts == REPEATS).all()
    assert not any(set(train) & set(test) for train, test in folds)


@pytest.mark.parametrize("right", [[1.0] * 30, [0.0] * 30, [1.0] * 30 + [0.0] * 4, []])
def test_too_few_questions_of_a_kind_are_told(right: list[float]) -> None:
    with pytest.raises(EvalFailure, match=f"{FOLDS} of each are needed"):
        question_folds(observed([0.5] * len(right), right))


def test_measures_of_what_was_held_out() -> None:
    held_out = HeldOut(np.array([0.9, 0.6, 0.2]), np.array([1.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    assert held_out.brier == pytest.approx((0.01 + 0.36 + 0.04) / 3)
    assert held_out.auroc == 1.0
    assert held_out.ece == pytest.approx((0.1 + 0.6 + 0.2) / 3)


def rated(chances: list[float], right: list[float], answerable: list[float]) -> HeldOut:
    return HeldOut(np.array(chances), np.array(right), np.array(answerable))


def test_the_threshold_of_strong_worked_by_hand() -> None:
    # The ten surest are right, the next two wrong: 10 of 12 are right from .5 on, .83.
    chances = [0.9] * 10 + [0.5, 0.5]
    right = [1.0] * 10 + [0.0, 0.0]
    held_out = rated(chances, right, right)
    assert strong_from(held_out, 0.9) == 0.9
    assert strong_from(held_out, 0.8) == 0.5
    assert strong_from(rated(chances, [0.0] * 12, right), 0.8) == NEVER
    # Nine are too few to say it of.
    assert strong_from(rated([0.9] * 9 + [0.5] * 9, [1.0] * 9 + [0.0] * 9, [1.0] * 18), 0.9) == NEVER


def test_what_is_observed_of_each_question(tmp_path: Path) -> None:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    observations = observe(assistant, GOLD)
    assert observations.values.shape == (3, 5)
    assert observations.answerable.tolist() == [1.0, 1.0, 0.0]
    first = [assistant.ask(gold.question, 1).extracts[0].answer_text for gold in GOLD]
    assert observations.right.tolist() == [
        float("It rained" in first[0]), float("It hailed" in first[1]), 0.0,
    ]  # fmt: skip


def test_an_isotonic_threshold_is_a_step_of_the_final_curve() -> None:
    held_out = hold_out(ODDS, Method.ISOTONIC, question_folds(ODDS))
    strong = strong_threshold(ODDS, held_out, Method.ISOTONIC, share=0.7)
    assert strong == pytest.approx(0.75)
    assert strong in {chance for _, chance in fit(ODDS, Method.ISOTONIC).steps}


def test_the_threshold_is_rounded_up(tmp_path: Path) -> None:
    build([RAIN, SUN], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    made = calibration(ODDS, Method.LOGISTIC, 0.82961, models=assistant.models, fitted_on="a coin")
    assert made.strong_from == 0.83


def test_what_the_thresholds_do_is_described() -> None:
    held_out = rated([0.9] * 2 + [0.5, 0.01] * 4, [1.0] * 2 + [0.0] * 8, [1.0] * 2 + [1.0, 0.0] * 4)
    first, *lines = describe({Method.LOGISTIC: held_out}, Method.LOGISTIC, NEVER, costs=Costs())
    assert first.endswith("(taken)")
    assert lines == [
        "unsure from 0.091: 100% of the answerable and 0% of the unanswerable questions",
        "answered from 0.750: 33% of the answerable and 0% of the unanswerable questions",
        "strong: never, because at no confidence enough first answers are right",
    ]
    strong = describe({Method.LOGISTIC: held_out}, Method.LOGISTIC, 0.8, costs=Costs())[-1]
    assert strong == "strong from 0.800: 20% of the questions, 100% of them right"
