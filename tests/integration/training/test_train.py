from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from index.embedding.shipped_models import default_model_folder
from index.search.reranker_model import JointReranker, Reading, build_network
from tests.support.tiers import full
from training.train import _loss, _pairs, fit, save_weights
from training.training_groups import Group

ANSWER = Reading("It leaves at nine.")
OTHERS = tuple(Reading(f"Sentence {n} is about something else.") for n in range(20))
ASKED = Group("When does it leave?", ANSWER, OTHERS)
UNANSWERED = Group("Who built it?", None, OTHERS)


def test_each_question_comes_with_its_answer_first_and_hard_ones_after() -> None:
    pairs, spans = _pairs([ASKED, UNANSWERED], 7, random.Random(1))
    assert spans == [(0, 8, True), (8, 11, False)]
    assert pairs[0] == (ASKED.question, ANSWER)
    assert {question for question, _ in pairs[8:]} == {UNANSWERED.question}
    hardest = sum(reading in OTHERS[:8] for _, reading in pairs[1:8])
    assert hardest == 4
    assert len({reading.sentence for _, reading in pairs[1:8]}) == 7


def test_the_loss_worked_by_hand() -> None:
    # Two sentences rated 0: softmax ln 2; logistic (3 ln 2 + ln 2) / 2 with the answer counting three times.
    loss = _loss(torch.zeros(2), [(0, 2, True)])
    assert float(loss) == pytest.approx(3 * 0.6931472)
    # No answer: ln 2 alone, and less when all are rated low.
    assert float(_loss(torch.zeros(2), [(0, 2, False)])) == pytest.approx(0.6931472)
    assert float(_loss(torch.full((2,), -5.0), [(0, 2, False)])) < 0.01


@full
@pytest.mark.slow
def test_a_few_steps_teach_something_and_leave_weights_that_load(tmp_path: Path) -> None:
    mined = [ASKED, UNANSWERED] * 155
    told: list[str] = []
    save_weights(build_network(default_model_folder()), tmp_path / "before.safetensors")
    fit(mined, tmp_path / "after.safetensors", steps=6, report=told.append)
    assert [line.split(":")[0].split(",")[0] for line in told] == ["before", "step 6 of 6"]
    leads = []
    for name in ("before", "after"):
        reranker = JointReranker(device="cpu", weights=tmp_path / f"{name}.safetensors", sha256="")
        rated = reranker.rate(ASKED.question, [ANSWER, OTHERS[0]])
        leads.append(rated[0] - rated[1])
    assert leads[1] > leads[0] + 0.1
