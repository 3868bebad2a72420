"""What a reading process says is believed only as far as it is an article."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.article import Article, Dropped, Unreadable
from corpus.cleaning.canonical import finish
from corpus.draft import Block, Draft, Kind, Metadata
from corpus.sandbox.protocol import (
    Fault,
    article_answer,
    fault_answer,
    frame,
    frame_length,
    question,
    read_answer,
    read_question,
    refusal_answer,
)

QUAYS = replace(
    finish(
        Draft(
            (Block("Rules", Kind.HEADING), Block("Keep left, 😀 “says” she.")),
            Metadata("The Quays", "Ada Marsh", "The Gazette", "2024-05", "https://example.org/1"),
            metadata={"tags": "a\nb", "größe": "12"},
        ),
        "in/quays.md",
    ),
    dropped=(Dropped("Home", "site header"), Dropped("", "")),
)
FIELDS = json.loads(article_answer(0, QUAYS))["article"]


def altered(**fields: Any) -> bytes:
    return json.dumps({"number": 0, "article": {**FIELDS, **fields}}).encode()


def test_an_article_comes_back_as_it_was() -> None:
    found = read_answer(article_answer(7, QUAYS), 7, "in/quays.md")
    assert found == QUAYS
    assert found.dropped == QUAYS.dropped
    assert isinstance(found, Article)


def test_a_frame_tells_its_length() -> None:
    assert frame(b"abc") == b"\0\0\0\0\0\0\0\3abc"
    assert frame_length(frame(b"x" * 70_000)[:8]) == 70_000


def test_a_question_comes_back_as_it_was() -> None:
    assert read_question(question(3, ".md", "a/größe \\udcff.md")) == (3, ".md", "a/größe \\udcff.md")


def test_reasons_and_faults_are_told_apart() -> None:
    with pytest.raises(Unreadable, match=r"^is empty$") as told:
        read_answer(refusal_answer(1, "is empty"), 1, "a.md")
    assert not isinstance(told.value, Fault)
    with pytest.raises(Fault, match=r"^stopped its reader \(KeyError\)$"):
        read_answer(fault_answer(1, "stopped its reader (KeyError)"), 1, "a.md")


def test_another_files_answer_is_not_taken() -> None:
    with pytest.raises(Fault, match=r"^got another file's answer from its reader$"):
        read_answer(article_answer(1, QUAYS), 2, "a.md")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"{}",
        b'{"number": 0}',
        b'{"number": 0, "article": 5}',
        b'{"number": 0, "article": {}}',
        b"[" * 100_000,
        b'{"number": 0, "article": ' + b"9" * 5000 + b"}",
        altered(text=None),
        altered(text=["a"]),
        altered(text="a\x00b"),
        altered(text="a\u202eb\x1b[31m"),
        altered(title="\ud800"),
        altered(title="a\nskipped b.md"),
        altered(author="A" * 2_001),
        altered(headings=[[0, 999]]),
        altered(headings=[[-1, 2]]),
        altered(headings=[[5, 2]]),
        altered(headings=[[0, 5], [3, 6]]),
        altered(headings=[1]),
        altered(headings="ab"),
        altered(headings=[["x", "y"]]),
        altered(headings=[[float("inf"), 1]]),
        altered(headings=[[0, float("nan")]]),
        altered(headings=[[0, 10**4000]]),
        altered(headings=[[0.5, 2]]),
        altered(headings=[[None, 2]]),
        altered(metadata=["tags"]),
        altered(metadata={"tags": 5}),
        altered(dropped=[["only a line"]]),
        altered(dropped=[[1, 2]]),
    ],
)
def test_what_is_no_article_is_not_taken(answer: bytes) -> None:
    with pytest.raises(Fault, match=r"^got no article from its reader$"):
        read_answer(answer, 0, "a.md")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.sampled_from([*FIELDS, "number", "refused", "fault", "article"]), VALUES)
def test_any_json_is_an_article_or_a_reason(name: str, value: object) -> None:
    answer = (
        {"number": 0, "article": FIELDS | {name: value}} if name in FIELDS else {"number": 0, name: value}
    )
    with suppress(Unreadable):
        assert isinstance(read_answer(json.dumps(answer).encode(), 0, "a.md"), Article)


def test_reasons_are_short() -> None:
    with pytest.raises(Unreadable, match=r"^x{1000}$"):
        read_answer(refusal_answer(0, "x" * 9_000_000), 0, "a.md")


def test_id_and_hash_are_not_the_readers_to_say() -> None:
    found = read_answer(altered(text="Other.", headings=[], id="x", sha256="y", source="z"), 0, "in/quays.md")
    assert (found.id, found.source) == (QUAYS.id, "in/quays.md")
    assert found.sha256 == finish(Draft((Block("Other."),)), "").sha256
