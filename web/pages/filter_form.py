"""Renders filters and order as checkboxes and radio buttons, with the number of articles for each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.retrieval.facets import Facet, Value
from web.html import Templates
from web.pages.page_state import NAMES, PageState, Sort

NUMBERS = (5, 10, 20)


def render_filters(values: Mapping[Facet, Sequence[Value]], view: PageState, templates: Templates) -> str:
    """The form, folded unless it was open; its heading counts the filters that are set."""
    return templates.render(
        "fragments/filters.html",
        facets={name: values[facet] for facet, name in NAMES.items() if values[facet]},
        chosen=sum(value.chosen for facet in values.values() for value in facet),
        open=view.filters_open,
        orders=tuple(Sort),
        sort=view.sort,
        numbers=sorted({*NUMBERS, view.k}),
        k=view.k,
    )
