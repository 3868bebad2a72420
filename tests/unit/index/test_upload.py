"""What sentences can be filtered by in an engine, worked by hand on two articles; recall without an exact search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.building.build import build
from index.engine.upload import _self_recall, record_filter_ids
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.storage.arrays import RowIds, Vectors
from tests.support.fakes import WordEncoder, article


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    articles = [
        replace(article("a", "Ferries sail. The quay is green."), author="Ada Lovelace, Bob"),
        replace(article("b", "Ferries sail. It rains."), author="Bob", published="2025"),
    ]
    build(articles, WordEncoder(), tmp_path)
    return DataFolder(tmp_path).open()


def test_a_sentence_has_the_filter_ids_of_its_article_alone(generation: Generation) -> None:
    assert [sentence.text for sentence in generation.sentences] == [
        "Ferries sail.",
        "The quay is green.",
        "Ferries sail.",
        "It rains.",
    ]
    # Authors in order: Ada Lovelace, the byline of both, Bob.
    first = {"publishers": [0], "authors": [0, 2, 1], "years": [0], "articles": [0]}
    second = {"publishers": [0], "authors": [2], "years": [1], "articles": [1]}
    assert list(map(record_filter_ids(generation), range(4))) == [first, first, second, second]


def test_an_article_of_very_many_authors_is_found_under_all_of_them(generation: Generation) -> None:
    assert record_filter_ids(generation, max_values=2)(1) == {
        "publishers": [0],
        "authors": [-1],
        "years": [0],
        "articles": [0],
    }


def test_an_equal_sentence_is_as_good_as_the_same_one() -> None:
    vectors = np.eye(4, dtype=np.float32).repeat(100, axis=0)  # each of four vectors a hundred times

    def search(query: Vectors, k: int) -> tuple[RowIds, Vectors]:
        found = (
            100 * int(query.argmax()) + 99 if query[3] == 0 else 0
        )  # the last of the equal ones; one is missed
        return np.array([found] * k), np.zeros(k, dtype=np.float32)

    assert _self_recall(vectors, search) == pytest.approx(0.75)
