from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Article, Sentence
from corpus.cleaning.canonical import finish
from corpus.draft import Block, Draft, Kind
from corpus.passages import split_passages
from corpus.read import read_articles
from corpus.sentences import split_sentences
from index.embedding.load import load_encoder
from tests.support.repository import ARTICLES, SAMPLE_ARTICLES, needs_shared


def words(text: str) -> int:
    return len(text.split())


def article(*blocks: Block) -> Article:
    return finish(Draft(blocks), "a.md")


def test_a_paragraph_is_a_passage_with_the_heading_above_it() -> None:
    found = split_sentences(
        article(Block("One"), Block("Rules", Kind.HEADING), Block("Keep left. Keep calm."), Block("Go home."))
    )
    passages = split_passages(found, limit=50, count_tokens=words)
    assert [passage.text for passage in passages] == ["One", "Rules\n\nKeep left. Keep calm.", "Go home."]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    found = split_sentences(article(Block("A b c. D e f. G h i. J k l m n o p. Q.")))
    passages = split_passages(found, limit=7, count_tokens=words)
    assert [passage.text for passage in passages] == ["A b c. D e f.", "G h i.", "J k l m n o p.", "Q."]


def test_repeated_sentences_keep_their_own_offsets() -> None:
    found = split_sentences(article(Block("Go on. Go on. Go on. Go on.")))
    passages = split_passages(found, limit=4, count_tokens=words)
    assert [(passage.start, passage.end) for passage in passages] == [(0, 13), (14, 27)]


def test_two_articles_never_share_a_passage() -> None:
    one, two = article(Block("End", Kind.HEADING)), article(Block("Start here."))
    passages = split_passages([*split_sentences(one), *split_sentences(two)], limit=50, count_tokens=words)
    assert [passage.text for passage in passages] == ["End", "Start here."]


def test_a_sentence_longer_than_the_limit_is_cut_rather_than_truncated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = split_sentences(article(Block("a, " * 20 + "b. C d e. F g h.")))
    passages = split_passages(found, limit=5, count_tokens=words)
    assert caplog.messages == []
    assert all(words(passage.text) <= 5 for passage in passages)
    assert " ".join(passage.text for passage in passages) == found[0].article.text


@pytest.fixture(scope="module")
def count_tokens() -> Callable[[str], int]:
    return load_encoder().count_tokens


def check(sentences: list[Sentence], count_tokens: Callable[[str], int]) -> None:
    passages = split_passages(sentences, limit=256, count_tokens=count_tokens)
    assert max(count_tokens(passage.text) for passage in passages) <= 256
    for sentence in sentences:
        inside = [
            p
            for p in passages
            if p.start <= sentence.start and sentence.end <= p.end and p.article is sentence.article
        ]
        assert len(inside) == 1


def test_shipped_passages_fit_the_encoders_window(count_tokens: Callable[[str], int]) -> None:
    folder = SAMPLE_ARTICLES
    for shipped in read_articles([folder]).articles:
        check(split_sentences(shipped), count_tokens)


@needs_shared
def test_scraped_passages_fit_the_encoders_window(count_tokens: Callable[[str], int]) -> None:
    for scraped in read_articles([ARTICLES]).articles:
        check(split_sentences(scraped), count_tokens)


def test_words_of_many_pieces_fit_the_encoders_window(count_tokens: Callable[[str], int]) -> None:
    strange = article(Block("Xq7zj9-kkw8v/ßåøð " * 200), Block("数" * 900), Block("aéz" * 900))
    passages = split_passages(split_sentences(strange), limit=256, count_tokens=count_tokens)
    assert max(count_tokens(passage.text) for passage in passages) <= 256
    assert "".join("".join(p.text.split()) for p in passages) == "".join(strange.text.split())


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab%!;,. 数\u00e9"), max_size=400), st.integers(3, 40))
def test_passages_hold_every_character_once_and_fit(text: str, limit: int) -> None:
    found = split_sentences(article(Block(text)))
    passages = split_passages(found, limit=limit, count_tokens=len)
    assert all(0 < passage.end - passage.start <= limit for passage in passages)
    assert all(before.end <= after.start for before, after in pairwise(passages))
    assert "".join("".join(p.text.split()) for p in passages) == "".join(
        "".join(s.text.split()) for s in found
    )
