from __future__ import annotations

import json

import pytest

from index.retrieval.filter import Filter
from web.answering.answer_service import MAX_EXTRACTS
from web.pages.page_state import PageState, Sort, read_view


def test_a_view_is_read_from_what_the_page_sends() -> None:
    sent = {
        "q": "why?",
        "publisher": ["The Post"],
        "author": [],
        "year": ["2004", "2005"],
        "article": ["ab12"],
        "k": "10",
        "sort": "date",
        "g": "gen-1",
        "open": True,
    }
    where = Filter(publishers=("The Post",), years=("2004", "2005"), articles=("ab12",))
    assert read_view(json.dumps(sent)) == PageState("why?", where, 10, Sort.DATE, "gen-1", True)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "null",
        "[]",
        "7",
        "[" * 50_000,
        '{"q": 7, "year": "2004", "k": null, "sort": ["date"], "g": {}, "open": "yes"}',
        '{"k": "٣", "year": [2004, null, ""]}',
        '{"k": "9999", "sort": "best"}',
    ],
)
def test_what_cannot_be_read_has_its_default(sent: str) -> None:
    assert read_view(sent) == PageState()


def test_half_a_character_is_a_question_mark_as_no_page_could_show_it() -> None:
    view = read_view(r'{"q": "why \ud800", "author": ["\udfff"], "g": "\ud800"}')
    assert (view.question, view.where.authors, view.generation) == ("why ?", ("?",), "?")


def test_numbers_and_lists_are_bounded() -> None:
    view = read_view(json.dumps({"k": 500, "year": ["1"] * 1_000, "author": ["a" * 1_000]}))
    assert (view.k, len(view.where.years), len(view.where.authors[0])) == (MAX_EXTRACTS, 50, 300)
    assert read_view('{"k": 0}').k == 1
