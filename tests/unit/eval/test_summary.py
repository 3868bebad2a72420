from __future__ import annotations

from dataclasses import replace

import pytest

from eval.gold import ALL_QUESTIONS
from eval.run import Run
from eval.summary import seconds, summarise
from qa.answer import State
from tests.support.sample_runs import ROWS


def test_means_by_type_and_measures_of_the_set() -> None:
    lines = {line.measure.name: line.estimates for line in summarise(Run(ROWS, 5))}
    assert lines["hit@1"][ALL_QUESTIONS].value == pytest.approx(2 / 3)
    assert {name: estimate.value for name, estimate in lines["hit@1"].items() if name != ALL_QUESTIONS} == {
        "why": 1.0,
        "who": 0.0,
    }
    assert lines["refusal precision"][ALL_QUESTIONS].value == 0.5
    assert lines["AUROC"][ALL_QUESTIONS].value == 1.0
    # one question a step: right are the first and the last, |.8 - 1|, |.4 - 0|, |.1 - 0|, |.2 - 1|
    assert lines["ECE"][ALL_QUESTIONS].value == pytest.approx((0.2 + 0.4 + 0.1 + 0.8) / 4)
    assert "hit@3" not in lines
    assert lines["answered precision"][ALL_QUESTIONS].value == 0.5
    assert lines["strong precision"][ALL_QUESTIONS].value == 1.0


def test_an_answer_to_an_unanswerable_question_is_wrong() -> None:
    claimed = replace(ROWS[2], state=State.ANSWERED, band="strong")
    lines = {line.measure.name: line.estimates for line in summarise(Run((ROWS[0], claimed), 5))}
    assert lines["answered precision"][ALL_QUESTIONS].value == 0.5
    assert lines["strong precision"][ALL_QUESTIONS].value == 0.5


def test_without_confidence_nothing_is_said_of_it() -> None:
    rows = tuple(replace(row, confidence=None, state=State.ANSWERED, band="unrated") for row in ROWS)
    names = {line.measure.name for line in summarise(Run(rows, 5))}
    assert not names & {"AUROC", "ECE", "refusal precision", "strong precision"}


def test_seconds() -> None:
    assert seconds(Run(ROWS, 5)) == pytest.approx((0.2, 0.285))
