from __future__ import annotations

import math
import random

import pytest

from eval.ranked import by_rank, score_rankings, standard_measures

# Graded 2 and 1, found at ranks 2 and 1; one relevant document of query b is not found; c is not ranked.
JUDGED = {"a": {"x": 2, "y": 1}, "b": {"z": 2, "w": 2}, "c": {"q": 2}}
RANKED = {"a": by_rank(["y", "x", "u"]), "b": by_rank(["u", "v", "t", "z"]), "d": by_rank(["x"])}


def test_worked_by_hand() -> None:
    found = score_rankings(JUDGED, RANKED, k=5, relevant_from=2)
    # gains 1, 2 against the best 2, 1: (1 + 2 / log2 3) / (2 + 1 / log2 3)
    a = (1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3))
    assert found["a"] == pytest.approx({"nDCG@5": a, "R@5": 1.0, "RR@5": 1 / 2, "Success@5": 1.0, "P@1": 0.0})
    # grade 2 at rank 4 against 2, 2 at ranks 1 and 2
    b = (2 / math.log2(5)) / (2 + 2 / math.log2(3))
    assert found["b"] == pytest.approx(
        {"nDCG@5": b, "R@5": 1 / 2, "RR@5": 1 / 4, "Success@5": 1.0, "P@1": 0.0}
    )


def test_a_question_without_a_ranking_scores_nothing_and_stays() -> None:
    found = score_rankings(JUDGED, RANKED, k=5)
    assert set(found) == {"a", "b", "c"}
    assert found["c"] == dict.fromkeys(standard_measures(5), 0.0)
    assert score_rankings(JUDGED, {}, k=5)["a"] == dict.fromkeys(standard_measures(5), 0.0)


def test_the_cutoff_cuts() -> None:
    found = score_rankings(JUDGED, RANKED, k=3, relevant_from=2)
    assert set(found["b"].values()) == {0.0}
    assert set(found["b"]) == {"nDCG@3", "R@3", "RR@3", "Success@3", "P@1"}


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
    found = score_rankings(judged, {q: by_rank(order) for q, order in orders.items()}, k=k, relevant_from=2)
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
        assert found[query] == pytest.approx(expected)


def discounted(grades: list[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, start=1))
