from __future__ import annotations

import math
import random
from typing import Any

import pytest

from eval.gold import Evidence, GoldQuestion
from eval.judge import ShownExtract
from eval.measures import (
    answer_measures,
    by_rank,
    document_measures,
    score_question,
    score_rankings,
    standard_measures,
)
from qa.answer import State
from tests.support.fakes import article

#         0         10        20        30        40        50
ONE = article("one", "It rained in May. It snowed in June. It hailed.")
TWO = article("two", "It rained in May. Nobody saw it.")
RAIN, SNOW, HAIL = Evidence(ONE, 0, 17), Evidence(ONE, 18, 36, grade=1), (37, 47)
GOLD = GoldQuestion("q", "Did it rain?", (RAIN, SNOW), answerable=True)
BOTH = GoldQuestion("q", "Where did it rain?", (RAIN, Evidence(TWO, 0, 17)), answerable=True)
NONE = GoldQuestion("q", "Did it thunder?", (), answerable=False)


def shown(
    name: Any, marked: tuple[int, int], whole: tuple[int, int] | None = None, *, valid: bool = True
) -> ShownExtract:
    whole = whole or marked
    text = name.text[slice(*whole)]
    return ShownExtract(name, name.source, text, name.text[slice(*marked)], (whole,), (marked,), valid)


def score(gold: GoldQuestion, *extracts: ShownExtract, state: State = State.ANSWERED) -> dict[str, float]:
    return score_question(gold, extracts, state=state)


def test_the_answer_first() -> None:
    assert score(GOLD, shown(ONE, (0, 17)), shown(ONE, (18, 36))) == {
        "hit@1": 1.0, "hit@3": 1.0, "MRR": 1.0, "answered@1": 1.0, "extract hit@1": 1.0, "extract hit@3": 1.0,
        "wrong refusals": 0.0, "unsure": 0.0, "citation violations": 0.0, "words": 4.0, "words marked": 4.0,
    }  # fmt: skip


def test_related_evidence_is_no_hit_and_a_lower_rank_is_a_fraction() -> None:
    scores = score(GOLD, shown(ONE, (18, 36)), shown(ONE, HAIL), shown(ONE, (0, 17)))
    assert [scores["hit@1"], scores["hit@3"], scores["MRR"]] == pytest.approx([0.0, 1.0, 1 / 3])
    fourth = score(GOLD, *[shown(ONE, HAIL)] * 3, shown(ONE, (0, 17)))
    assert (fourth["hit@3"], fourth["MRR"]) == (0.0, 0.25)


def test_evidence_beside_the_mark_counts_for_the_extract_alone() -> None:
    scores = score(GOLD, shown(ONE, HAIL, (0, 47)))
    assert (scores["hit@1"], scores["extract hit@1"], scores["MRR"]) == (0.0, 1.0, 0.0)
    assert (scores["words"], scores["words marked"]) == (10.0, 2.0)


def test_a_wrong_refusal_is_no_answer_though_the_ranking_was_right() -> None:
    scores = score(GOLD, shown(ONE, (0, 17)), state=State.NONE)
    names = ("hit@1", "answered@1", "wrong refusals", "unsure")
    assert [scores[name] for name in names] == [1.0, 0.0, 1.0, 0.0]


def test_unsure_is_no_answer_and_no_refusal() -> None:
    scores = score(GOLD, shown(ONE, (0, 17)), state=State.UNSURE)
    names = ("hit@1", "answered@1", "wrong refusals", "unsure")
    assert [scores[name] for name in names] == [1.0, 0.0, 0.0, 1.0]


def test_nothing_shown_scores_nothing_and_stays() -> None:
    scores = score(GOLD, state=State.NONE)
    assert (scores["hit@1"], scores["MRR"], scores["extract hit@3"]) == (0.0, 0.0, 0.0)
    assert "words" not in scores


def test_an_unanswerable_question_has_a_refusal_and_no_hit() -> None:
    for state in (State.NONE, State.UNSURE):
        refused = {"refusal recall": 1.0, "wrong answers": 0.0, "citation violations": 0.0}
        assert score(NONE, state=state) == refused
    claimed = score(NONE, shown(ONE, HAIL))
    assert (claimed["refusal recall"], claimed["wrong answers"]) == (0.0, 1.0)
    assert "hit@1" not in claimed


def test_article_recall_asks_for_an_answer_from_each_article() -> None:
    other = shown(TWO, (18, 32))
    assert score(BOTH, shown(ONE, (0, 17)), other)["article recall@5"] == 0.5
    assert score(BOTH, shown(ONE, (0, 17)), other, shown(TWO, (0, 17)))["article recall@5"] == 1.0
    assert score(BOTH, *[other] * 5, shown(ONE, (0, 17)))["article recall@5"] == 0.0
    assert "article recall@5" not in score(GOLD, shown(ONE, (0, 17)))


def test_every_violation_is_counted() -> None:
    wrong = shown(ONE, (0, 17), valid=False)
    assert score(GOLD, wrong, shown(ONE, HAIL), wrong)["citation violations"] == 2.0


def test_a_measure_that_looks_further_than_what_is_asked_for_is_left_out() -> None:
    names = {measure.name for measure in answer_measures(1)}
    assert not names & {"hit@3", "extract hit@3", "article recall@5"}
    assert "hit@3" in {measure.name for measure in answer_measures(3)}


def test_every_value_has_a_definition_and_the_other_way_round() -> None:
    standard = dict.fromkeys(("nDCG@5", "R@5", "RR@5", "Success@5", "P@1"), 0.0)
    values = score(BOTH, shown(ONE, HAIL)) | standard | score(NONE, state=State.NONE) | {"seconds": 0.1}
    assert {measure.name for measure in answer_measures(5)} == set(values)
    assert {measure.name for measure in document_measures(10)} == {
        "nDCG@10", "R@10", "RR@10", "Success@10", "P@1", "seconds",
    }  # fmt: skip
    assert all(measure.definition for measure in answer_measures(5))


# Graded 2 and 1, found at ranks 2 and 1; one relevant document of query b is not found; c is not ranked.
JUDGED = {"a": {"x": 2, "y": 1}, "b": {"z": 2, "w": 2}, "c": {"q": 2}}
RANKED = {"a": by_rank(["y", "x", "u"]), "b": by_rank(["u", "v", "t", "z"]), "d": by_rank(["x"])}


def test_worked_by_hand() -> None:
    scores = score_rankings(JUDGED, RANKED, k=5, relevant_from=2)
    # gains 1, 2 against the best 2, 1: (1 + 2 / log2 3) / (2 + 1 / log2 3)
    a = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    assert scores["a"] == pytest.approx(
        {"nDCG@5": a, "R@5": 1.0, "RR@5": 1 / 2, "Success@5": 1.0, "P@1": 0.0}
    )
    # grade 2 at rank 4 against 2, 2 at ranks 1 and 2
    b = (2 / math.log2(5)) / (2 + 2 / math.log2(3))
    assert scores["b"] == pytest.approx(
        {"nDCG@5": b, "R@5": 1 / 2, "RR@5": 1 / 4, "Success@5": 1.0, "P@1": 0.0}
    )


def test_a_question_without_a_ranking_scores_nothing_and_stays() -> None:
    scores = score_rankings(JUDGED, RANKED, k=5)
    assert set(scores) == {"a", "b", "c"}
    assert scores["c"] == dict.fromkeys(standard_measures(5), 0.0)
    assert score_rankings(JUDGED, {}, k=5)["a"] == dict.fromkeys(standard_measures(5), 0.0)


def test_the_cutoff_cuts() -> None:
    scores = score_rankings(JUDGED, RANKED, k=3, relevant_from=2)
    assert set(scores["b"].values()) == {0.0}
    assert set(scores["b"]) == {"nDCG@3", "R@3", "RR@3", "Success@3", "P@1"}


def test_from_which_grade_on_a_document_is_relevant() -> None:
    assert score_rankings(JUDGED, RANKED, k=5, relevant_from=1)["a"]["P@1"] == 1.0
    assert score_rankings(JUDGED, RANKED, k=5, relevant_from=2)["a"]["P@1"] == 0.0


def test_the_order_is_the_ranking_and_a_document_counts_once() -> None:
    assert by_rank(["b", "a", "b"]) == {"b": 2.0, "a": 1.0}
    assert by_rank([]) == {}


@pytest.mark.parametrize("seed", range(20))
def test_random_runs_agree_with_the_definitions(seed: int) -> None:
    """The names promise these formulas; ir-measures computes them."""
    chance = random.Random(seed)
    names = [f"d{n}" for n in range(12)]
    judged = {
        f"q{n}": {name: chance.choice([0, 1, 2]) for name in chance.sample(names, 6)} | {names[0]: 2}
        for n in range(5)
    }
    orders = {query: chance.sample(names, chance.randint(0, 12)) for query in judged}
    k = chance.randint(1, 10)
    scores = score_rankings(judged, {q: by_rank(order) for q, order in orders.items()}, k=k, relevant_from=2)
    for query, order in orders.items():
        grades = [judged[query].get(name, 0) for name in order][:k]
        relevant = [grade == 2 for grade in grades]
        best = sorted(judged[query].values(), reverse=True)[:k]
        expected = {
            f"nDCG@{k}": discounted(grades) / discounted(best),
            f"R@{k}": sum(relevant) / sum(grade == 2 for grade in judged[query].values()),
            f"RR@{k}": 1 / (1 + relevant.index(True)) if any(relevant) else 0.0,
            f"Success@{k}": float(any(relevant)),
            "P@1": float(relevant[:1] == [True]),
        }
        assert scores[query] == pytest.approx(expected)


def discounted(grades: list[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))
