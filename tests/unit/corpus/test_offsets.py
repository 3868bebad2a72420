"""Properties of cleaning, splitting and offsets, for any text at all."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import corpus.cleaning.canonical as canonical
from corpus.article import Article, Unreadable
from corpus.cleaning.canonical import finish
from corpus.draft import Block, Draft, Kind
from corpus.formats.plain_text import decode, text_draft
from corpus.formats.registry import SUFFIXES, read_article
from corpus.passages import split_passages
from corpus.sandbox.protocol import article_answer, read_answer
from corpus.sentences import split_sentences
from fuzz.seeds import SENTENCES
from tests.support.sample_answers import build_article, shown_extracts

# Surrogates, controls, marks that join, turn or hide, white space of every kind, stops of other scripts.
ODD = (
    *("\ud800", "\udfff", "\x00", "\x07", "\x1b[2J", "\x1e", "\x7f", "\x85", "\u0301", "\u0323", "\u20dd"),
    *(
        "\u00ad",
        "\ufeff",
        "\u200d",
        "\u200f",
        "\u202e",
        "\u2066",
        "\u2028",
        "\u2029",
        "\u00a0",
        "\u3000",
        "\t",
    ),
    *(
        "\r\n",
        "\n",
        "\n\n",
        " ",
        ". ",
        "! ",
        "? ",
        "… ",
        "。",
        "؟ ",
        "; ",
        ", ",
        ": ",
        "“",
        "”",
        "(",
        ") ",
        "[",
    ),
    *("Mr. ", "No. 5 ", "i.e. ", "e\u00ad\u0301", "🏳️‍🌈", "한", "\u1112\u1161\u11ab", "ﬁ", "Å", "1,200.50 "),
    *("www.example.org ", "a@example.org The ", "- ", "1. ", "* ", "# ", "x" * 600, "\u0301" * 600),
    *(f"{sentence} " for sentence in SENTENCES),
)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(ODD), st.text(max_size=12), st.characters(categories=["Cs", "Mn", "Cf", "Zs", "Cc"])
    ),
    max_size=40,
).map("".join)
LONG_LINES = st.builds(
    lambda unit, length, rest: unit * (1 + length // len(unit)) + rest,
    st.sampled_from(ODD),
    st.integers(1, 5_000),
    TEXTS,
)
ANY = st.one_of(TEXTS, LONG_LINES)
MANY = settings(max_examples=120, deadline=None)
FEW = settings(max_examples=15, deadline=None)
# A run without white space that is longer than an extract may be is cut inside.
LONGEST_WORD = 500


def made(text: str) -> Article:
    """The article of a plain text."""
    return finish(text_draft(text), "a.txt")


def bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def inside_a_word(text: str, place: int) -> bool:
    """Whether a cut at this place parts a word that could have stayed whole."""
    if (
        place in (0, len(text))
        or text[place - 1].isspace()
        or text[place].isspace()
        or text[place - 1] in "。！？"
    ):
        return False
    before = re.search(r"\S*$", text[max(0, place - LONGEST_WORD) : place])
    after = re.match(r"\S*", text[place : place + LONGEST_WORD])
    assert before
    assert after
    return len(before[0]) + len(after[0]) < LONGEST_WORD


def check_cleaning(text: str) -> None:
    once = canonical._fold(text)
    assert canonical._fold(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == " ".join(once.split())
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in once)
    once.encode()


@given(ANY)
@example("e\u00ad\u0301")
@MANY
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    check_cleaning(text)


def test_normalising_before_removing_is_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: the other order leaves an accent beside its letter."""

    def otherwise(text: str) -> str:
        composed = unicodedata.normalize("NFC", text)
        seen = (c for c in composed if c.isspace() or not canonical._unseen(c))
        return " ".join("".join(seen).split())

    monkeypatch.setattr(canonical, "_fold", otherwise)
    with pytest.raises(AssertionError):
        check_cleaning("e\u00ad\u0301")


@given(ANY)
@MANY
def test_cleaning_loses_no_word_that_can_be_seen(text: str) -> None:
    seen = "".join(c for c in text if c.isspace() or not canonical._unseen(c))
    assert bare(canonical._fold(text)) == bare(unicodedata.normalize("NFC", seen))


def check_sentences(article: Article) -> None:
    """Put together with the white space between them, sentences are the text; none parts a word."""
    sentences = split_sentences(article)
    edges = [0, *(edge for one in sentences for edge in (one.start, one.end)), len(article.text)]
    assert edges == sorted(edges)
    pieces = [article.text[start:end] for start, end in pairwise(edges)]
    assert "".join(pieces) == article.text
    assert not "".join(pieces[::2]).strip()
    assert pieces[1::2] == [one.text for one in sentences]
    for one in sentences:
        assert one.text
        assert one.text == one.text.strip()
        assert not inside_a_word(article.text, one.start)
        assert not inside_a_word(article.text, one.end)


@given(ANY)
@MANY
def test_sentences_are_the_text(text: str) -> None:
    check_sentences(made(text))


@given(st.lists(st.tuples(ANY, st.sampled_from(Kind)), max_size=5))
@settings(max_examples=100, deadline=None)
def test_sentences_and_headings_are_the_text(blocks: list[tuple[str, Kind]]) -> None:
    article = finish(Draft(tuple(Block(text, kind) for text, kind in blocks)), "a.md")
    check_sentences(article)
    for start, end in article.headings:
        assert article.text[start:end] in article.text.split("\n\n")


def test_a_cut_word_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test: cut anywhere, a sentence parts a word."""
    monkeypatch.setattr("corpus.sentences._halves", lambda sentence: (len(sentence) // 2, len(sentence) // 2))
    with pytest.raises(AssertionError):
        check_sentences(made("harbours, " * 100))


def test_an_accent_is_not_parted_from_its_letter() -> None:
    article = finish(Draft((Block("x\u20dd" * 501),)), "a.txt")
    sentences = split_sentences(article)
    assert len(sentences) == 2
    assert all(one.text.startswith("x") for one in sentences)


@given(ANY, st.integers(3, 40))
@MANY
def test_passages_are_whole_sentences_in_slices(text: str, limit: int) -> None:
    article = made(text)
    sentences = split_sentences(article)
    passages = split_passages(sentences, limit=limit, count_tokens=lambda part: len(part.split()))
    edges = [edge for passage in passages for edge in (passage.start, passage.end)]
    assert edges == sorted(edges)
    assert bare("".join(passage.text for passage in passages)) == bare(article.text)
    for passage in passages:
        assert passage.text == article.text[passage.start : passage.end]
        assert not inside_a_word(article.text, passage.start)
        assert not inside_a_word(article.text, passage.end)
    for sentence in sentences:
        if len(sentence.text.split()) <= limit:
            assert [p for p in passages if p.start <= sentence.start and sentence.end <= p.end]


@given(st.lists(TEXTS, min_size=1, max_size=3))
@FEW
def test_extracts_are_slices_of_whole_words(paragraphs: list[str]) -> None:
    """Through an index on disk: what is shown is whole sentences of the text, the marked ones within."""
    cleaned = [part for text in paragraphs for part in made(text).text.split("\n\n") if part]
    paragraphs = [*cleaned, SENTENCES[0]]
    with TemporaryDirectory() as folder:
        generation = build_article(Path(folder), *paragraphs)
        text = generation.articles[0].text
        sentences = [one.text for one in split_sentences(generation.articles[0])]
        found = shown_extracts(generation, "harbour office ledger")
    assert found
    for extract, marked in found:
        assert extract in text
        assert marked in extract
        assert any(extract.startswith(one) for one in sentences)
        assert any(extract.endswith(one) for one in sentences)
        assert any(marked.startswith(one) for one in sentences)


@given(ANY)
@MANY
def test_an_article_survives_the_way_between_processes(text: str) -> None:
    article = made(text)
    assert read_answer(article_answer(1, article), 1, "a.txt") == article
    assert read_answer(article_answer(1, article), 1, "a.txt").dropped == article.dropped


@given(st.one_of(st.binary(max_size=200), ANY.map(lambda text: text.encode("utf-16", "surrogatepass"))))
@MANY
def test_bytes_become_lines_of_text_or_are_refused(raw: bytes) -> None:
    try:
        text = decode(raw)
    except Unreadable:
        return
    assert not set(text) & set("\r\x0b\x0c\u2028\u2029")


@given(
    st.sampled_from(sorted(SUFFIXES)),
    st.one_of(st.binary(max_size=300), ANY.map(lambda text: text.encode("utf-8", "replace"))),
)
@MANY
def test_any_bytes_in_any_format_are_an_article_or_refused(suffix: str, raw: bytes) -> None:
    try:
        article = read_article(suffix, raw, f"a{suffix}")
    except Unreadable:
        return
    check_sentences(article)
