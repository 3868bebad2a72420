from __future__ import annotations

import pytest

from tests.fakes import article
from tests.test_page import HOSTILE, Text
from web.marked import marked_text, paragraphs

TOLD = article("told", "One. Two.", "Three & four.", heading="The title")


def test_paragraphs_are_their_spans() -> None:
    assert [TOLD.text[start:end] for start, end in paragraphs(TOLD.text)] == [
        "The title",
        "One. Two.",
        "Three & four.",
    ]


def test_an_article_is_its_heading_and_paragraphs() -> None:
    assert marked_text(TOLD) == "<h1>The title</h1><p>One. Two.</p><p>Three &amp; four.</p>"


def test_a_span_over_a_paragraph_break_is_marked_in_both_and_named_once() -> None:
    start, end = TOLD.text.index("Two."), TOLD.text.index(" four")
    assert marked_text(TOLD, (start, end)) == (
        f'<h1>The title</h1><p>One. <mark id="c={start}-{end}" tabindex="-1">Two.</mark></p>'
        "<p><mark>Three &amp;</mark> four.</p>"
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_comes_back_word_for_word(hostile: str) -> None:
    told = article("x", hostile, f"Before {hostile} after")
    start = told.text.index("Before ") + len("Before ")
    page = Text(marked_text(told, (start, start + len(hostile))))
    assert page.text == f"{hostile}Before {hostile} after"
    assert page.tags == ["p", "p", "mark"]
