from __future__ import annotations

import pytest

from eval.beir.runs import retrieval_runs
from tests.support.sample_runs import COLLECTION, RANKINGS


def test_a_run_for_each_way_with_the_ranks_in_all() -> None:
    runs = retrieval_runs(COLLECTION, RANKINGS, k=10, facts={"model": "words"})
    assert list(runs) == ["dense", "lexical"]
    first, second = runs["dense"].rows
    assert first.measures == {
        "nDCG@10": pytest.approx(0.63093, abs=1e-5), "R@10": 1.0, "RR@10": 0.5, "Success@10": 1.0, "P@1": 0.0,
        "seconds": 0.1,
    }  # fmt: skip
    assert first.ranks == {"dense": 2, "lexical": 1}
    assert second.ranks == {"dense": None, "lexical": None}
    assert [text.source for text in first.evidence] == ["rain"]
    assert [(text.source, text.grade) for text in first.shown] == [("snow", 0), ("rain", 1)]
    assert runs["lexical"].rows[1].measures["nDCG@10"] == 0.0
    assert runs["lexical"].facts == {"model": "words", "ranking": "lexical"}
    assert runs["dense"].documents
