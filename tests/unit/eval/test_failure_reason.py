from __future__ import annotations

from dataclasses import replace

import pytest

from eval.report.failure_reason import Outcome, explain, outcome
from eval.run import JudgedText, QuestionResult
from qa.answer import State

SHOWN = (JudgedText("a.md", "It rained.", 0, 10, 0),) * 5
RIGHT = QuestionResult(
    "q", "q?", "why", True, State.ANSWERED, 0.8, 0.1, {"hit@1": 1.0}, {"dense": 1, "lexical": 2, "fused": 1, "shown": 1}, (), SHOWN
)  # fmt: skip
MISSED = replace(
    RIGHT, measures={"hit@1": 0.0}, ranks={"dense": 3, "lexical": 120, "fused": 19, "shown": None}
)
NONE = replace(RIGHT, answerable=False, measures={}, ranks={})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (RIGHT, Outcome.RIGHT),
        (MISSED, Outcome.MISSED),
        (replace(MISSED, ranks={**RIGHT.ranks, "shown": 4}), Outcome.LOWER),
        (replace(RIGHT, state=State.NONE), Outcome.WITHHELD),
        (replace(RIGHT, state=State.UNSURE), Outcome.UNSURE),
        (replace(NONE, state=State.NONE), Outcome.REFUSED),
        (replace(NONE, state=State.UNSURE), Outcome.REFUSED),
        (NONE, Outcome.CLAIMED),
        (replace(RIGHT, error="too long"), Outcome.FAILED),
        (replace(MISSED, measures={"P@1": 1.0}), Outcome.RIGHT),
        (
            replace(MISSED, measures={"P@1": 0.0}, ranks={}, ranking=("x", "d"), judged={"d": 1}),
            Outcome.LOWER,
        ),
    ],
)
def test_what_became_of_a_question(row: QuestionResult, expected: Outcome) -> None:
    assert outcome(row) is expected
    assert expected.failure == (expected not in (Outcome.RIGHT, Outcome.REFUSED))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            MISSED,
            "The fused ranking has the evidence at rank 19 (dense rank 3, lexical rank 120), below what is listed.",
        ),
        (
            replace(MISSED, ranks={**MISSED.ranks, "fused": 2}),
            "has the evidence at rank 2 (dense rank 3, lexical rank 120), but it is not what is marked",
        ),
        (replace(MISSED, ranks={"fused": None, "shown": None}), "not among the candidates"),
        (replace(MISSED, ranks={"shown": 4}), "The evidence stands at rank 4"),
        (replace(MISSED, ranks={}), "in nothing that is listed"),
        (
            replace(RIGHT, state=State.NONE, confidence=0.05),
            "still no answer was found. Confidence was 0.05. The evidence stands at rank 1",
        ),
        (replace(RIGHT, state=State.UNSURE, confidence=0.31), "it was unsure. Confidence was 0.31."),
        (replace(NONE, confidence=None), "and still an answer was given."),
        (replace(RIGHT, error="too long"), "too long"),
    ],
)
def test_why(row: QuestionResult, sentence: str) -> None:
    assert sentence in explain(row)
