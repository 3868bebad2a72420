from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.cleaning.canonical import finish
from corpus.draft import Block, Draft, Kind
from corpus.sentences import SENTENCE_WORDS, sentence_spans, split_sentences


def split(paragraph: str) -> list[str]:
    return [paragraph[start:end] for start, end in sentence_spans(paragraph)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["He left.", "She stayed."],
        ["Paragraph 5.14 of the paper says so.", "Paragraph 5.2 does not."],
        ["It cost £1,200.50 in all.", "Nobody paid."],
        ["“It is strange. ", "She said so.”"],
        ["They met “every week”.", "It helped."],
        ["She says: “We try.", "It is slow.”", "Then she left."],
        ["“Is it open?” asked Ann.", "It was."],
        ["“Is it open?” Ann Lee asked.", "It was."],
        ["Is it open?", "Ann did not know."],
        ["The pace… will vary.", "We know…", "They do not."],
        ["Mr. Lee met Dr. Ek at St. Ann’s, i.e. the church.", "They spoke."],
        ["See no. 5 and fig. 2 of vol. 3.", "The answer is no.", "They knew."],
        ["J. R. Hill wrote it.", "It sold well."],
        ["The trust (see p. 3) grew.", "(It was small.)", "Now it is not."],
        ["He closed it! ", "Why?", "Nobody asked."],
        ["A study (1) found it.", "A second did not. [2]", "A third will."],
        ["Write to ann@example.org The office is open all day.", ""],
        ["It is on www.example.org", "The form is free."],
        ["1. Fill in the form.", "Send it back."],
        ["She left at 5 p.m. and he stayed.", "Both were tired."],
        ["今日は休みです。", "明日も休みです。"],
    ],
)
def test_sentences_end_where_a_reader_would_end_them(sentences: list[str]) -> None:
    wanted = [sentence.strip() for sentence in sentences if sentence]
    if wanted[0].startswith("Write to"):
        wanted = ["Write to ann@example.org", "The office is open all day."]
    joiner = "" if "。" in wanted[0] else " "
    assert split(joiner.join(wanted)) == wanted


def test_a_lost_closing_quote_does_not_join_sentences() -> None:
    assert split("“It begins here. It goes on. It never closes.") == [
        "“It begins here.",
        "It goes on.",
        "It never closes.",
    ]


def test_an_accent_stays_with_its_letter_but_not_thousands_of_them() -> None:
    text = "n" + "\u0301" * 20_000
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert len(spans) < 50


def test_an_over_long_sentence_is_cut_at_its_semicolons() -> None:
    clause = "the council keeps a list of every path and bridge in the parish with its length and state"
    long = "; ".join([clause] * 8) + "."
    parts = split(long)
    assert [part.endswith((";", ".")) for part in parts] == [True] * len(parts)
    assert all(len(part.split()) <= SENTENCE_WORDS for part in parts)
    assert " ".join(parts) == long


def test_text_without_any_mark_is_still_cut() -> None:
    assert all(len(part) <= 1_000 for part in split("x" * 5_000))
    assert all(len(part.split()) <= SENTENCE_WORDS for part in split("word " * 1_000))


def test_headings_and_paragraphs_end_sentences() -> None:
    blocks = (
        Block("Opening hours", Kind.HEADING),
        Block("We open at nine"),
        Block("We close at five. Then we rest."),
    )
    found = split_sentences(finish(Draft(blocks), "a.md"))
    assert [(sentence.text, sentence.heading) for sentence in found] == [
        ("Opening hours", True),
        ("We open at nine", False),
        ("We close at five.", False),
        ("Then we rest.", False),
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300).map(
        lambda text: " ".join(text.split())
    )
)
def test_sentences_cover_the_paragraph_in_order(paragraph: str) -> None:
    spans = sentence_spans(paragraph)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    kept = "".join(paragraph[start:end] for start, end in spans)
    assert "".join(kept.split()) == "".join(paragraph.split())
