"""Facets: which facts there are to filter by, and how many articles each would leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.retrieval.facet_columns import Facet, FacetColumn, FacetColumns
from index.retrieval.filter import Filter

__all__ = ["MOST_VALUES", "Facet", "Value", "count_facets"]

Allowed = NDArray[np.bool_] | None

MOST_VALUES = 12
"""Values told of a facet: longer lists are not read. What is chosen already is always among them."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, how it is called, and how many articles it would leave beside the other filters."""

    value: str
    label: str
    count: int
    chosen: bool


def count_facets(facts: FacetColumns, where: Filter) -> Mapping[Facet, tuple[Value, ...]]:
    """The values of each facet: those of most articles first, years newest first; no choice moves them.

    A facet is counted under the filters of the other facets, so that a further value of it can be added.
    """
    return {facet: _with_wanted(_values(facts, where, facet), where, facet) for facet in Facet}


def _values(facts: FacetColumns, where: Filter, facet: Facet) -> Iterator[Value]:
    """The first values, and those chosen, in order."""
    allowed = facts.allowed(replace(where, **{facet.value: ()}))
    if facet is Facet.ARTICLE:
        return _articles(facts, where, allowed)
    return _column(facts.columns[facet], getattr(where, facet), facet, allowed)


def _column(column: FacetColumn, wanted: Sequence[str], facet: Facet, allowed: Allowed) -> Iterator[Value]:
    held = column.counts(None)
    left = held if allowed is None else column.counts(allowed)
    chosen = set(column.places(wanted))
    for rank, place in enumerate(_order(column, held, facet)):
        if rank >= MOST_VALUES and not chosen:
            return
        if rank < MOST_VALUES or place in chosen:
            value = column.values[place]
            yield Value(value, value, int(left[place]), place in chosen)
        chosen.discard(place)


def _order(column: FacetColumn, held: NDArray[np.int64], facet: Facet) -> list[int]:
    """Places of the values that articles have; the values are in the order of the alphabet already."""
    places = np.flatnonzero(held)
    weights = held[places]
    if facet is Facet.YEAR:
        years = (column.values[place] for place in places.tolist())
        weights = np.array([int(y) if y.isdecimal() else n for y, n in zip(years, weights, strict=True)])
    return places[np.argsort(-weights, kind="stable")].tolist() if len(places) else []


def _articles(facts: FacetColumns, where: Filter, allowed: Allowed) -> Iterator[Value]:
    wanted = {name.casefold() for name in where.articles}
    named = {row for name in where.articles for row in facts.named(name)}
    chosen = {row for row in named if facts.articles[row].id.casefold() in wanted}
    first = facts.by_title[:MOST_VALUES].tolist()
    rows = dict.fromkeys(
        [*first, *sorted(chosen - set(first), key=lambda row: facts.articles[row].display_title)]
    )
    for row in rows:
        article = facts.articles[row]
        yield Value(article.id, article.display_title, int(allowed is None or allowed[row]), row in chosen)


def _with_wanted(values: Iterable[Value], where: Filter, facet: Facet) -> tuple[Value, ...]:
    """With what no article has, as an old link may ask: shown, so that it can be taken back."""
    known = tuple(values)
    told = {one.value.casefold() for one in known}
    wanted = {value.casefold(): value for value in getattr(where, facet.value)}
    return (*known, *(Value(one, one, 0, True) for folded, one in wanted.items() if folded not in told))
