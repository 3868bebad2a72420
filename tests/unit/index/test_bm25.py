from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.search.bm25 import (
    BM25Scorer,
    TermFrequencies,
    bm25,
    inverse_document_frequency,
)
from index.search.levels import Levels
from index.storage.arrays import RowIds, concatenate_ranges
from tests.support.fakes import WordEncoder, article

SENTENCES = (
    "Fire fire rose. It rose and fell. A fire fell. Nobody rose. The quay fell into the sea, and fire rose."
)


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    data = tmp_path_factory.mktemp("data")
    articles = [
        article("a", SENTENCES, "One more fire. It fell at last.", heading="Fire on the quay"),
        article("b", "Fire fire fire.", SENTENCES),
    ]
    build(articles, WordEncoder(), data)
    return DataFolder(data).open()


def counted(generation: Generation, first: int, last: int) -> Counter[str]:
    """The terms of the sentences of rows first to last - 1, one by one."""
    texts = [sentence.text for sentence in generation.sentences[first:last]]
    return Counter(term for text in texts for term in generation.lexical.terms(text))


def ranges(generation: Generation, row: int) -> list[tuple[int, int]]:
    passage = np.flatnonzero(generation.passage_of == generation.passage_of[row])
    return [(row, row + 1), generation.window_of(row), (int(passage[0]), int(passage[-1]) + 1)]


def count(generation: Generation, terms: list[str], rows: RowIds) -> TermFrequencies:
    return BM25Scorer(generation).count_terms(terms, Levels.around(generation, rows))


def test_worked_by_hand(tmp_path: Path) -> None:
    build([article("a", "Fire fire. It rose.")], WordEncoder(), tmp_path)
    found = count(DataFolder(tmp_path).open(), ["fire", "rose", "quay"], np.array([0, 1]))
    assert found.counts.tolist() == [
        [[2, 0], [0, 1], [0, 0]],
        [[2, 2], [1, 1], [0, 0]],
        [[2, 2], [1, 1], [0, 0]],
    ]
    assert found.lengths.tolist() == [[2, 2], [4, 4], [4, 4]]


@pytest.mark.parametrize("chosen", [slice(None), slice(0, 1), slice(2, None, 3), slice(0, 0)])
def test_the_same_as_counting_each_text_by_itself(generation: Generation, chosen: slice) -> None:
    rows = np.arange(len(generation.sentences))[chosen]
    terms = ["fell", "fire", "nowhere", "rose", "it", "sea"]
    found = count(generation, terms, rows)
    assert found.counts.shape == (3, len(terms), len(rows))
    for place, row in enumerate(rows.tolist()):
        for level, (first, last) in enumerate(ranges(generation, row)):
            expected = counted(generation, first, last)
            assert found.counts[level, :, place].tolist() == [expected[term] for term in terms]
            assert found.lengths[level, place] == expected.total()


def test_no_terms_have_lengths_all_the_same(generation: Generation) -> None:
    found = count(generation, [], np.array([1]))
    assert found.counts.shape == (3, 0, 1)
    assert found.lengths[0].tolist() == [3]


def test_other_words_count_as_often_as_the_rarest_of_them() -> None:
    # pct, primary, care, trust in one sentence, its window and its passage
    counts = np.array([[[0], [2], [1], [3]], [[1], [2], [2], [3]], [[0], [4], [0], [9]]])
    found = TermFrequencies(counts, np.array([[9], [9], [20]]))
    both = found + found.synonym_counts(query_terms=[0], corpus_terms=[1, 2, 3])
    assert both.counts[:, 0].tolist() == [[1], [3], [0]]
    assert both.counts[:, 1:].tolist() == counts[:, 1:].tolist()
    assert both.lengths.tolist() == [[10], [11], [20]]


def test_ranges_one_after_another() -> None:
    assert concatenate_ranges(np.array([3, 9, 4]), np.array([5, 10, 4])).tolist() == [3, 4, 9]
    assert concatenate_ranges(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []


def test_idf_worked_by_hand() -> None:
    # N = 4, n = 1: ln(1 + 3.5 / 1.5) = ln(3.3333)
    assert inverse_document_frequency(4, 1) == pytest.approx(1.203973)
    # In every text: ln(1 + 0.5 / 4.5), still above 0.
    assert inverse_document_frequency(4, 4) == pytest.approx(0.105361, abs=1e-6)


def scores(weights: list[float], counts: list[list[int]], lengths: list[int], mean: float) -> list[float]:
    table = np.array(counts, dtype=np.int64).reshape(len(weights), len(lengths))
    return list(bm25(weights, table, np.array(lengths), mean_length=mean))


def test_score_worked_by_hand() -> None:
    # tf 2, length 4 = the mean: 2 * 2.2 / (2 + 1.2) = 1.375, times the weight 2
    # Twice as long: 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2)) = 4.4 / 4.1, times the weight 2
    assert scores([2.0], [[2, 2]], [4, 8], 4) == pytest.approx([2.75, 8.8 / 4.1])
    # Two terms, each once in a text of mean length: 2.2 / 2.2 = 1 of each weight
    assert scores([2.0, 0.5], [[1], [1]], [4], 4) == pytest.approx([2.5])


def test_terms_that_are_not_there_add_nothing() -> None:
    assert scores([2.0], [[0]], [1], 4) == [0.0]
    assert scores([], [], [0, 0], 0) == [0.0, 0.0]
