from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from eval.beir.collection import Collection, Document, read_collection
from eval.beir.document_ranking import DEPTH, RankingMethod, as_article, rank_by_sentence, rank_documents
from eval.measures import by_rank, score_rankings
from index.embedding.load import load_encoder
from index.search.fusion import zscore
from index.search.rerank import Reranking
from tests.support.fakes import CountingReranker, WordEncoder
from tests.support.repository import DATA, needs_data
from tests.support.sample_runs import COLLECTION, DOCUMENTS
from tests.support.tiers import full
from training.encoder.base_model import base_model_folder


def test_each_way_against_its_definition() -> None:
    started = time.perf_counter()
    rankings = rank_documents(COLLECTION, WordEncoder())
    elapsed = time.perf_counter() - started
    texts = [document.whole for document in DOCUMENTS]
    near = WordEncoder().encode(texts) @ WordEncoder().encode(["rain in may"])[0]
    dense = [DOCUMENTS[row].id for row in np.argsort(-near, kind="stable")]
    assert list(rankings[RankingMethod.DENSE]["q"].documents) == dense
    # "rain" (stem of rained too) and "may" stand in the first, "may" in the second; none in the others
    assert rankings[RankingMethod.LEXICAL]["q"].documents == ("rain", "snow")
    assert rankings[RankingMethod.LEXICAL]["n"].documents == ()
    assert set(rankings[RankingMethod.FUSED]["q"].documents) == {document.id for document in DOCUMENTS}
    for query in COLLECTION.queries:
        dense_s, lexical_s, fused_s = (
            rankings[method][query].seconds
            for method in (RankingMethod.DENSE, RankingMethod.LEXICAL, RankingMethod.FUSED)
        )
        assert fused_s == pytest.approx(dense_s + lexical_s)
    assert 0 < sum(ranked.seconds for ranked in rankings[RankingMethod.FUSED].values()) < elapsed


def test_fusing_adds_what_is_standardised_with_half_the_weight_for_words() -> None:
    rankings = rank_documents(COLLECTION, WordEncoder())
    texts = [document.whole for document in DOCUMENTS]
    near = WordEncoder().encode(texts) @ WordEncoder().encode(["rain in may"])[0]
    # BM25 of the four: only the first two share a word with the query, the first more of them.
    for words in ([2.0, 1.0, 0.0, 0.0], [3.0, 1.0, 0.0, 0.0]):
        z = zscore(np.array([near, words], np.float32))
        assert z.mean(axis=1) == pytest.approx([0, 0], abs=1e-6)
        order = np.argsort(-(z[0] + 0.5 * z[1]), kind="stable")
        assert DOCUMENTS[order[0]].id == rankings[RankingMethod.FUSED]["q"].documents[0] == "rain"


def test_no_more_than_the_first_hundred_are_kept() -> None:
    many = tuple(Document(f"d{n}", "", f"It rained {n} times.") for n in range(DEPTH + 20))
    rankings = rank_documents(Collection("many", many, {"q": "rained"}, {"q": {"d1": 1}}), WordEncoder())
    assert {method: len(ranking["q"].documents) for method, ranking in rankings.items()} == dict.fromkeys(
        rankings, DEPTH
    )


def test_a_document_stands_where_its_best_sentence_stands(tmp_path: Path) -> None:
    rankings = rank_by_sentence(COLLECTION, WordEncoder(), tmp_path)
    assert rankings["q"].documents[0] == "rain"
    assert sorted(rankings["q"].documents) == ["rain", "snow", "sun"]  # the bare one has no sentence


def test_a_query_that_cannot_be_asked_finds_nothing(tmp_path: Path) -> None:
    asked = Collection(
        "weather", DOCUMENTS, {"q": "?!", "r": "x" * 2_001}, {"q": {"rain": 1}, "r": {"rain": 1}}
    )
    assert [ranking.documents for ranking in rank_by_sentence(asked, WordEncoder(), tmp_path).values()] == [
        (),
        (),
    ]


def test_a_document_as_an_article_loses_nothing() -> None:
    article = as_article(DOCUMENTS[0])
    assert article.title == "Rain"
    assert (
        article.text
        == "Rain\n\nIt rained in May.\n\nIt rained again in June and in July, and nobody had expected it."
    )
    assert article.dropped == ()


@full
@needs_data
@pytest.mark.parametrize(
    ("name", "ndcg", "first"),
    [
        ("trecqa_dev", 0.686, 0.551),
        pytest.param("feedbackqa_uk", 0.603, 0.431, marks=[pytest.mark.torture, pytest.mark.timeout(600)]),
    ],
)
def test_dense_alone_scores_what_was_measured_elsewhere_with_the_base_model(
    name: str, ndcg: float, first: float
) -> None:
    collection = read_collection(DATA / name)
    rankings = rank_documents(collection, load_encoder(str(base_model_folder())))[RankingMethod.DENSE]
    scores = score_rankings(
        collection.judged, {q: by_rank(ranking.documents) for q, ranking in rankings.items()}, k=10
    )
    assert np.mean([values["nDCG@10"] for values in scores.values()]) == pytest.approx(ndcg, abs=0.005)
    assert np.mean([values["P@1"] for values in scores.values()]) == pytest.approx(first, abs=0.005)


def test_what_is_read_is_ranked_by_its_best_sentence() -> None:
    """ "nobody" and "saw" stand in one sentence of the second document, and each reading counts such words."""
    asked = Collection("weather", DOCUMENTS, {"q": "rain rain rain nobody saw"}, {"q": {"snow": 1}})
    reranker = CountingReranker()
    rankings = rank_documents(asked, WordEncoder(), reranking=Reranking(reranker, weight=100.0))
    assert list(rankings) == [
        RankingMethod.DENSE,
        RankingMethod.LEXICAL,
        RankingMethod.FUSED,
        RankingMethod.RERANKED,
    ]
    assert rankings[RankingMethod.FUSED]["q"].documents[0] == "rain"
    # Words of the question in the best sentence: snow 2, rain 1, sun 0; the bare one has no sentence.
    assert rankings[RankingMethod.RERANKED]["q"].documents[:2] == ("snow", "rain")
    assert [pair.sentence for _, pair in reranker.read].count("Nobody saw it.") == 1
    assert rankings[RankingMethod.RERANKED]["q"].seconds >= rankings[RankingMethod.FUSED]["q"].seconds


def test_documents_without_a_sentence_are_not_read() -> None:
    bare = Collection("bare", (Document("a", "", ""), Document("b", "", "")), {"q": "x"}, {"q": {"a": 1}})
    rankings = rank_documents(bare, WordEncoder(), reranking=Reranking(CountingReranker()))
    assert rankings[RankingMethod.RERANKED]["q"].documents == rankings[RankingMethod.FUSED]["q"].documents
