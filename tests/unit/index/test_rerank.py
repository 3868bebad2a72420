from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.building.build import build
from index.errors import ModelRefused
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.search.query import Hit, Query
from index.search.rerank import (
    CrossEncoderReranker,
    Reading,
    Reranking,
    load_reranker,
    reading,
    reranker_fingerprint,
)
from index.search.searcher import Searcher
from tests.support.cross_encoder import write_cross_encoder
from tests.support.fakes import CountingReranker, WordEncoder, article

FERRY = article(
    "ferry",
    "The ferry leaves at nine. It carries forty cars. Nobody likes it.",
    "The mayor spoke. Fares will rise.",
    heading="Ferry times",
)
QUESTION = "when does the ferry leave"


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    data: Path = tmp_path_factory.mktemp("data")
    build([FERRY], WordEncoder(), data)
    return DataFolder(data).open()


def hits(generation: Generation, text: str = QUESTION) -> list[Hit]:
    query = Query(WordEncoder().encode_questions([text])[0], tuple(generation.lexical.terms(text)))
    return Searcher(generation).search(query, 10)


def test_a_sentence_is_read_within_its_paragraph(generation: Generation) -> None:
    texts = [sentence.text for sentence in generation.sentences]
    read = {text: reading(generation.sentences, row) for row, text in enumerate(texts)}
    assert read["It carries forty cars."] == Reading(
        "It carries forty cars.", before="The ferry leaves at nine.", after="Nobody likes it."
    )
    assert read["The ferry leaves at nine."].before == "Ferry times"
    assert read["Ferry times"].before == ""
    # A paragraph before is read too, as far as its last line: it may name who is speaking.
    assert read["The mayor spoke."].before == "Nobody likes it."


class Fixed(CountingReranker):
    """Rates the first reading 0, the second 1, and so on."""

    def rate(self, question: str, readings: object) -> NDArray[np.float32]:
        assert isinstance(readings, list)
        return np.arange(len(readings), dtype=np.float32)


def test_ratings_are_standardised_and_added(generation: Generation) -> None:
    before = hits(generation)
    after = Reranking(Fixed(), depth=3, weight=2.0).rerank(QUESTION, before, generation.sentences)
    # 0, 1, 2 have mean 1 and deviation sqrt(2/3)
    step = 2.0 / np.sqrt(2 / 3)
    expected = {before[0].row: -step, before[1].row: 0.0, before[2].row: step}
    found = {hit.row: hit for hit in after}
    for hit in before[:3]:
        assert found[hit.row].score == pytest.approx(hit.score + expected[hit.row], abs=1e-5)
    for hit in before[3:]:
        assert found[hit.row] == replace(hit, score=found[hit.row].score, rating=0.0)
        assert found[hit.row].score == pytest.approx(hit.score - step, abs=1e-5)
    assert [hit.score for hit in after] == sorted((hit.score for hit in after), reverse=True)
    assert sorted(hit.row for hit in after) == sorted(hit.row for hit in before)


def test_only_the_best_are_read(generation: Generation) -> None:
    reranker = CountingReranker()
    Reranking(reranker, depth=2).rerank(QUESTION, hits(generation), generation.sentences)
    assert [question for question, _ in reranker.read] == [QUESTION] * 2
    assert Reranking(reranker).rerank(QUESTION, [], generation.sentences) == []


def test_there_may_be_none_and_what_is_not_there_is_refused() -> None:
    for none in ("", "none"):
        assert load_reranker(none) is None
        assert reranker_fingerprint(none) == ""
    with pytest.raises(ModelRefused, match="no such model"):
        load_reranker("/no/such/reranker")
    with pytest.raises(ModelRefused, match="no device"):
        load_reranker("some/reranker", device="tpu")


def test_a_cross_encoder_in_a_folder_is_read(tmp_path: Path) -> None:
    reranker = load_reranker(str(write_cross_encoder(tmp_path)), device="cpu")
    assert isinstance(reranker, CrossEncoderReranker)
    rated = reranker.rate("why", [Reading("because"), Reading("so", "before", "after")])
    assert (rated.shape, rated.dtype) == ((2,), np.dtype(np.float32))
    assert reranker.rate("why", []).shape == (0,)
    (tmp_path / "config.json").touch()
    again = load_reranker(str(tmp_path), device="cpu")
    assert again is not None
    assert again.fingerprint == reranker.fingerprint == reranker_fingerprint(str(tmp_path))
