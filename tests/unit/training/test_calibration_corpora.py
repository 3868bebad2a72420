from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.calibrate import Method, Observed, fit, observe
from tests.support.fakes import WordEncoder
from tests.support.repository import DATA, needs_data
from training.calibration_corpora import (
    UNANSWERABLE,
    Trial,
    join,
    mostly_answerable,
    open_trial,
    source_folds,
    trials,
)


@pytest.fixture(scope="module")
def made() -> list[Trial]:
    return list(trials(DATA))


@needs_data
def test_the_corpora_are_small_and_all_asked_both_kinds(made: list[Trial]) -> None:
    assert [trial.source for trial in made] == [*["squad"] * 4, *["feedbackqa"] * 4, "clapnq"]
    for trial in made:
        kinds = {gold.answerable for gold in trial.gold}
        assert kinds == {True, False}
        assert len({gold.id for gold in trial.gold}) == len(trial.gold)
        assert all(bool(gold.relevant) == gold.answerable for gold in trial.gold)


@needs_data
def test_evidence_stands_in_the_trials_own_articles(made: list[Trial]) -> None:
    for trial in made:
        texts = {article.id: article.text for article in trial.articles}
        for gold in trial.gold:
            for piece in gold.relevant:
                assert 0 <= piece.start < piece.end <= len(texts[piece.article.id])
    answer = next(gold for gold in made[0].gold if len(gold.relevant) == 1)
    assert answer.relevant[0].text in answer.relevant[0].article.text


@needs_data
def test_a_quarter_of_what_the_fit_sees_is_unanswerable(made: list[Trial]) -> None:
    for trial in made:
        asked = mostly_answerable(trial.gold)
        share = sum(not gold.answerable for gold in asked) / len(asked)
        assert share == pytest.approx(UNANSWERABLE, abs=0.01)
        assert [gold for gold in asked if gold.answerable] == [g for g in trial.gold if g.answerable]


@needs_data
def test_the_same_seed_makes_the_same_trials(made: list[Trial]) -> None:
    assert list(trials(DATA)) == made


@needs_data
def test_a_trial_is_observed(made: list[Trial], tmp_path: Path) -> None:
    answerable = [gold for gold in made[0].gold if gold.answerable][:4]
    others = [gold for gold in made[0].gold if not gold.answerable][:3]
    found = observe(open_trial(made[0], WordEncoder(), tmp_path), [*answerable, *others])
    assert found.names == ("pooled", "coverage", "complete", "lead", "maxsim")
    assert found.values.shape == (7, 5)
    assert found.answerable.tolist() == [1.0] * 4 + [0.0] * 3
    assert found.right[4:].tolist() == [0.0] * 3


def test_each_source_is_held_out_once_and_never_takes_part_in_its_own_fit() -> None:
    facts = np.zeros((4, 3))
    facts[:, 0] = [0, 1, 0, 1]
    plain = Observed(("a", "b", "c"), facts, np.array([0.0, 1, 0, 1]), np.array([0.0, 1, 0, 1]))
    turned = Observed(("a", "b", "c"), facts, np.array([1.0, 0, 1, 0]), np.array([1.0, 0, 1, 0]))
    folds = source_folds([plain, turned], ["plain", "turned"])
    assert [(train.tolist(), test.tolist()) for train, test in folds] == [
        ([4, 5, 6, 7], [0, 1, 2, 3]),
        ([0, 1, 2, 3], [4, 5, 6, 7]),
    ]
    together = join([plain, turned])
    assert together.right.tolist() == [0, 1, 0, 1, 1, 0, 1, 0]
    assert fit(together, Method.LOGISTIC).weights[0] == pytest.approx(0.0, abs=1e-6)
