"""Filters and order as a form of checkboxes and radio buttons, with how many articles each value leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from index.retrieval.facets import Facet, Value
from web.html import escaped
from web.i18n import Catalogue
from web.pages.page_state import NAMES, PageState, Sort

NUMBERS = (5, 10, 20)


def render_filters(values: Mapping[Facet, Sequence[Value]], view: PageState, words: Catalogue) -> str:
    """The form, folded unless it was open; what is chosen is told in its heading."""
    chosen = sum(value.chosen for facet in values.values() for value in facet)
    told = f" – {words.count('filters.chosen', chosen)}" if chosen else ""
    groups = "".join(_facet(facet, values[facet], words) for facet in NAMES if values[facet])
    return (
        f'<details class="filters" lang="{escaped(words.language)}"{" open" if view.filters_open else ""}>'
        f"<summary>{escaped(words('filters.title'))}{escaped(told)}</summary>"
        f'<div class="facets">{groups}{_order(view, words)}{_most(view, words)}</div>'
        + (f'<button type="button" data-clear>{escaped(words("filters.clear"))}</button>' if chosen else "")
        + "</details>"
    )


def _facet(facet: Facet, values: Sequence[Value], words: Catalogue) -> str:
    name = NAMES[facet]
    boxes = []
    for one in values:
        label = words("filters.value", label=one.label, count=f"{one.count:,}")
        boxes.append(_choice("checkbox", (name, one.value), label, checked=one.chosen))
    return _group(words(f"filters.{name}"), boxes)


def _order(view: PageState, words: Catalogue) -> str:
    choices = [
        _choice("radio", ("sort", sort), words(f"filters.{sort}"), checked=sort is view.sort) for sort in Sort
    ]
    return _group(words("filters.sort"), choices)


def _most(view: PageState, words: Catalogue) -> str:
    numbers = sorted({*NUMBERS, view.k})
    return _group(
        words("filters.k"),
        [_choice("radio", ("k", str(number)), str(number), checked=number == view.k) for number in numbers],
    )


def _group(legend: str, choices: Sequence[str]) -> str:
    return f"<fieldset><legend>{escaped(legend)}</legend>{''.join(choices)}</fieldset>"


def _choice(kind: str, field: tuple[str, str], label: str, *, checked: bool) -> str:
    """A button of a kind for a field's name and value."""
    name, value = field
    marked = " checked" if checked else ""
    button = f'<input type="{kind}" name="{name}" value="{escaped(value)}"{marked}>'
    return f"<label>{button} <span>{escaped(label)}</span></label>"
