from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.evidence import locate
from tests.support.fakes import article

TEXT = "“It’s a big  problem,” said Munro – twice. IT’S A BIG problem."


def said(text: str, quote: str) -> list[str]:
    return [text[start:end] for start, end in locate(article("a", text), quote)]


@pytest.mark.parametrize(
    ("quote", "matches"),
    [
        ('"It\'s a big problem,"', ["“It’s a big  problem,”"]),
        ("MUNRO - TWICE", ["Munro – twice"]),
        ("it's a big problem", ["It’s a big  problem", "IT’S A BIG problem"]),
        ("  big\n problem ", ["big  problem", "BIG problem"]),
        ("a small problem", []),
        ("", []),
        (" ", []),
    ],
)
def test_quotes_dashes_capitals_and_spaces_do_not_matter(quote: str, matches: list[str]) -> None:
    assert said(TEXT, quote) == matches


def test_letters_that_become_several_are_found_whole() -> None:
    # "ﬁ" is one character and two letters, "ß" folds to "ss"
    assert said("The ﬁne Straße.", "fine strasse") == ["ﬁne Straße"]


def test_accents_may_be_typed_apart_and_what_nobody_sees_does_not_count() -> None:
    assert said("The café closed.", "cafe\u0301 closed") == ["café closed"]
    assert said("The ca\u00adfé closed.", "the\u200b café") == ["The ca\u00adfé"]


def test_places_may_overlap() -> None:
    assert locate(article("a", "ananas"), "ana") == [(0, 3), (2, 5)]


@given(st.text("ab “”–\n", min_size=1, max_size=30), st.data())
def test_every_slice_of_a_text_is_found_where_it_stands(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = text[start:end]
    if quote.split():
        trimmed = start + len(quote) - len(quote.lstrip())
        assert (trimmed, trimmed + len(quote.strip())) in locate(article("a", text), quote)
