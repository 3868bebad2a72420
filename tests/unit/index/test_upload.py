"""What an engine is told of each text: worked by hand on two articles that share a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.building.build import build
from index.engine.upload import MilvusRecords
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from tests.support.fakes import WordEncoder, article


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    articles = [article("a", "Ferries sail. The quay is green."), article("b", "Ferries sail. It rains.")]
    build(articles, WordEncoder(), tmp_path)
    return DataFolder(tmp_path).open()


def test_a_shared_text_has_the_marks_of_both_articles(generation: Generation) -> None:
    texts = MilvusRecords(generation)
    shared = int(generation.sentence_rows[0])
    assert shared == generation.sentence_rows[2]
    (facts,) = texts.batch(generation.sentence_rows[:1].astype("int64")).facts
    assert facts == {
        "units": ["sentence"],
        "publishers": ["0"],
        "authors": ["0"],
        "years": ["0"],
        "articles": ["0", "1"],
    }


def test_texts_and_units_are_those_of_the_spans(generation: Generation) -> None:
    rows = generation.passage_rows.astype("int64")
    batch = MilvusRecords(generation).batch(rows)
    assert list(batch.texts) == [passage.text for passage in generation.passages]
    assert [facts["units"] for facts in batch.facts] == [["window", "passage"]] * 2
    assert [facts["articles"] for facts in batch.facts] == [["0"], ["1"]]
    assert (batch.vectors == generation.vectors[rows]).all()


def test_a_text_of_very_many_articles_is_found_under_every_filter(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.engine.upload.MOST_VALUES", 1)
    (facts,) = MilvusRecords(generation).batch(generation.sentence_rows[:1].astype("int64")).facts
    assert facts == {
        "units": ["sentence"],
        **dict.fromkeys(("publishers", "authors", "years", "articles"), ("*",)),
    }


def test_a_text_too_long_for_a_record_is_left_out(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.engine.upload.MOST_TEXT_BYTES", 13)
    batch = MilvusRecords(generation).batch(generation.sentence_rows[:2].astype("int64"))
    assert list(batch.texts) == ["Ferries sail.", ""]
