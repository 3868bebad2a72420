"""What texts can be filtered by in an engine: worked by hand on two articles that share a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.building.build import build
from index.engine.upload import RecordValues
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from tests.support.fakes import WordEncoder, article


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    articles = [article("a", "Ferries sail. The quay is green."), article("b", "Ferries sail. It rains.")]
    build(articles, WordEncoder(), tmp_path)
    return DataFolder(tmp_path).open()


def test_a_shared_text_has_the_filter_ids_of_both_articles(generation: Generation) -> None:
    shared = int(generation.sentence_rows[0])
    assert shared == generation.sentence_rows[2]
    assert RecordValues(generation).of(shared) == {
        "units": ["sentence"],
        "publishers": ["0"],
        "authors": ["0"],
        "years": ["0"],
        "articles": ["0", "1"],
    }


def test_granularities_are_those_of_the_spans(generation: Generation) -> None:
    values = [RecordValues(generation).of(row) for row in generation.passage_rows.tolist()]
    assert [each["units"] for each in values] == [["window", "passage"]] * 2
    assert [each["articles"] for each in values] == [["0"], ["1"]]


def test_a_text_of_very_many_articles_is_found_under_every_filter(generation: Generation) -> None:
    assert RecordValues(generation, max_values=1).of(int(generation.sentence_rows[0])) == {
        "units": ["sentence"],
        **dict.fromkeys(("publishers", "authors", "years", "articles"), ("*",)),
    }
