from __future__ import annotations

import pytest

from web.http.links import read_span, reader_link


def test_a_link_names_article_span_and_question() -> None:
    assert reader_link("ab12") == "articles/ab12"
    assert reader_link("ab12", (40, 95)) == "articles/ab12?c=40-95#c=40-95"
    assert reader_link("a/b c", (0, 1), question="why & how?") == (
        "articles/a%2Fb%20c?c=0-1&q=why+%26+how%3F#c=0-1"
    )


def test_a_span_is_read_back() -> None:
    assert read_span("40-95") == (40, 95)


@pytest.mark.parametrize(
    "written", ["", "40", "40-", "-95", "95-40", "40-40", "4٠-95", "1-2-3", " 1-2", "1-9999999999", "a-b"]
)
def test_nothing_else_is_a_span(written: str) -> None:
    assert read_span(written) is None
