from __future__ import annotations

from dataclasses import replace

from index.retrieval.facet_columns import FacetColumns
from index.retrieval.facets import count_facets
from index.retrieval.filter import Filter
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS, HtmlText
from tests.support.templates import TEMPLATES
from web.pages.gradio_page import render_filters
from web.pages.page_state import PageState, Sort

ARTICLES = (replace(article("a", "x"), publisher="A & B"), replace(article("b", "y"), publisher="C"))


def shown(view: PageState) -> str:
    return render_filters(count_facets(FacetColumns.of(ARTICLES), view.where), view, TEMPLATES)


def test_filters_are_labelled_boxes_with_counts() -> None:
    html = shown(PageState())
    assert (
        "<fieldset><legend>Publisher</legend>"
        '<label><input type="checkbox" name="publisher" value="A &amp; B"> <span>A &amp; B (1)</span></label>'
        '<label><input type="checkbox" name="publisher" value="C"> <span>C (1)</span></label></fieldset>'
    ) in html
    assert '<input type="radio" name="sort" value="relevance" checked>' in html
    assert '<input type="radio" name="k" value="5" checked>' in html
    assert "<summary>Filters and order</summary>" in html
    assert "data-clear" not in html


def test_what_is_chosen_is_checked_and_told_in_the_heading() -> None:
    html = shown(PageState(where=Filter(publishers=("C",)), k=7, sort=Sort.DATE, filters_open=True))
    assert '<input type="checkbox" name="publisher" value="C" checked>' in html
    assert "<summary>Filters and order – 1 filter set</summary>" in html
    assert html.startswith('<details class="filters" lang="en" open>')
    assert '<input type="radio" name="k" value="7" checked>' in html
    assert '<input type="radio" name="sort" value="date" checked>' in html
    assert "data-clear" in html


def test_hostile_values_stay_values() -> None:
    for text in HOSTILE_TEXTS:
        told = replace(article("x", "y"), publisher=text, author="", published="", title=text)
        page = HtmlText(
            render_filters(count_facets(FacetColumns.of([told]), Filter()), PageState(), TEMPLATES)
        )
        assert set(page.tags) == {"details", "summary", "div", "fieldset", "legend", "label", "input", "span"}
        assert page.text.count(text) == 2
