"""Sentences and passages made when they are asked for; windows of all sentences at once."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.article import Sentence
from corpus.sentences import split_sentences
from index.errors import Damaged
from index.generation.articles import Articles, article_files, open_articles
from index.generation.spans import (
    ANSWERS,
    HEADING,
    Passages,
    Sentences,
    answering_rows,
    flags,
    neighbour_rows,
    neighbours,
    passage_of,
    read_spans,
)
from index.storage import arrays
from index.storage.arrays import array_bytes
from tests.support.fakes import article

FIRST = article("a", "It rose. Then it fell. Why?", heading="Costs")
SECOND = article("b", "Nobody knows.")
SPANS = [(0, 0, 5, 1), (0, 7, 15, 2), (0, 16, 29, 2), (0, 30, 34, 0), (1, 0, 13, 2)]
WHOLES = [(0, 0, 34), (1, 0, 13)]


@pytest.fixture
def opened(tmp_path: Path) -> Articles:
    for name, content in article_files([FIRST, SECOND]).items():
        (tmp_path / name).write_bytes(content)
    return open_articles(tmp_path, 2)


def test_spans_are_what_was_split(opened: Articles) -> None:
    sentences = Sentences(opened, np.array(SPANS, dtype=np.int32))
    split = [*split_sentences(FIRST), *split_sentences(SECOND)]
    assert list(sentences) == split
    flagged = flags(split_sentences(FIRST)) + flags(split_sentences(SECOND))
    assert flagged == [flag for *_, flag in SPANS]
    assert (len(sentences), sentences[-1], sentences[1:3]) == (5, split[4], tuple(split[1:3]))
    assert sentences[0].article is sentences[3].article is opened[0]
    passages = Passages(opened, np.array(WHOLES, dtype=np.int32))
    assert [passage.text for passage in passages] == [FIRST.text, SECOND.text]
    with pytest.raises(IndexError):
        sentences[5]


def test_windows_of_all_sentences_are_those_of_each(opened: Articles) -> None:
    random = np.random.default_rng(0)
    articles = np.sort(random.integers(0, 2, 60)).astype(np.int32)
    headings = random.random(60) < 0.3
    texts = [opened[row] for row in articles.tolist()]
    sentences = [Sentence(one, 0, 1, bool(head)) for one, head in zip(texts, headings, strict=True)]
    spans = np.stack([articles, articles, articles, headings * HEADING], axis=1)
    first, last = neighbour_rows(spans, np.arange(60))
    found = list(zip(first.tolist(), last.tolist(), strict=True))
    assert found == [neighbours(sentences, row) for row in range(60)]


@pytest.mark.parametrize(
    ("flagged", "passages", "answering"),
    [
        ([HEADING, HEADING, ANSWERS, ANSWERS], [0, 0, 0, 0], [2, 2, 2, 3]),
        ([ANSWERS, HEADING, ANSWERS], [0, 1, 1], [0, 2, 2]),
        ([ANSWERS, HEADING], [0, 1], [0, 0]),
        ([ANSWERS, 0, ANSWERS], [0, 0, 1], [0, 0, 2]),
        ([ANSWERS, 0, ANSWERS], [0, 0, 0], [0, 2, 2]),
        ([ANSWERS, 0, 0, ANSWERS], [0, 1, 1, 2], [0, 0, 3, 3]),
        ([HEADING, 0], [0, 0], [0, 1]),
    ],
)
def test_what_answers_for_a_line_that_may_not(
    flagged: list[int], passages: list[int], answering: list[int]
) -> None:
    spans = np.array([(7, 2 * row, 2 * row + 1, flag) for row, flag in enumerate(flagged)], dtype=np.int32)
    # Sentences of other articles on both sides answer for none of these.
    others = np.array([(6, 0, 1, ANSWERS), (8, 0, 1, ANSWERS)], dtype=np.int32)
    corpus = np.concatenate([others[:1], spans, others[1:]])
    passage_of = np.array([0, *(number + 1 for number in passages), 9], dtype=np.int32)
    rows = np.arange(1, len(flagged) + 1)
    assert (answering_rows(corpus, passage_of, rows) - 1).tolist() == answering


def test_each_sentence_lies_in_a_passage() -> None:
    sentences, passages = np.array(SPANS, dtype=np.int32), np.array(WHOLES, dtype=np.int32)
    assert passage_of(sentences, passages, Path("p")).tolist() == [0, 0, 0, 0, 1]
    for wrong in ([(0, 7, 34), (1, 0, 13)], [(0, 0, 30), (1, 0, 13)], [(0, 0, 34)]):
        with pytest.raises(Damaged, match="lies in no passage"):
            passage_of(sentences, np.array(wrong, dtype=np.int32), Path("p"))


@pytest.mark.parametrize("block", [1, 40, 1 << 25])
def test_spans_are_checked_over_the_edges_of_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(arrays, "BLOCK", block)
    lengths = np.array([34, 13], dtype=np.int64)

    def read(spans: Sequence[Sequence[int]]) -> None:
        (tmp_path / "s.npy").write_bytes(array_bytes(np.array(spans, dtype=np.int32)))
        read_spans(tmp_path / "s.npy", (5, 4), lengths)

    read(SPANS)
    for row, span, reason in (
        (2, (0, 14, 29, 2), "out of order"),
        (4, (0, 34, 35, 2), "outside its article"),
        (4, (2, 0, 13, 2), "not there"),
        (3, (0, 30, 30, 0), "outside its article"),
        (3, (0, 7, 8, 0), "out of order"),
    ):
        with pytest.raises(Damaged, match=reason):
            read([*SPANS[:row], span, *SPANS[row + 1 :]])
