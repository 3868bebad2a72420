"""Counts facets: the values to filter by, and how many articles each would leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from index.retrieval.facet_columns import Facet, FacetColumn, FacetColumns
from index.retrieval.filter import Filter
from index.storage.arrays import Counts, Mask

__all__ = ["MOST_VALUES", "Facet", "Value", "count_facets"]

MOST_VALUES = 12
"""Values listed of a facet, besides the chosen ones: longer lists are not read."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, its label, and how many articles it would leave beside the other filters."""

    value: str
    label: str
    count: int
    chosen: bool


def count_facets(
    columns: FacetColumns, where: Filter, title_query: str = ""
) -> Mapping[Facet, tuple[Value, ...]]:
    """The values of each facet: most articles first, years newest first; choosing one does not move it.

    A facet is counted under the filters of the other facets, so that a further value of it can be added.
    Only articles with every word of `title_query` in their title are counted.
    """
    titled = columns.with_title(title_query)
    return {facet: _with_unknown(_values(columns, where, facet, titled), where, facet) for facet in Facet}


def _values(columns: FacetColumns, where: Filter, facet: Facet, titled: Mask | None) -> Iterator[Value]:
    """The first values and the chosen ones, in order."""
    allowed = columns.allowed(replace(where, **{facet.value: ()}))
    if titled is not None:
        allowed = titled if allowed is None else allowed & titled
    if facet is Facet.ARTICLE:
        return _articles(columns, where, allowed, titled)
    column = columns.columns[facet]
    return _column(column, getattr(where, facet), facet, column.counts(titled), column.counts(allowed))


def _column(
    column: FacetColumn, names: Sequence[str], facet: Facet, totals: Counts, counts: Counts
) -> Iterator[Value]:
    chosen = set(column.value_ids(names))
    for rank, number in enumerate(_order(column, totals, facet)):
        if rank >= MOST_VALUES and not chosen:
            return
        if rank < MOST_VALUES or number in chosen:
            value = column.values[number]
            yield Value(value, value, int(counts[number]), number in chosen)
        chosen.discard(number)


def _order(column: FacetColumn, totals: Counts, facet: Facet) -> list[int]:
    """Ids of the values that articles have; equal ones stay in alphabetical order."""
    ids = np.flatnonzero(totals)
    weights = totals[ids]
    if facet is Facet.YEAR:
        years = (column.values[number] for number in ids.tolist())
        weights = np.array([int(y) if y.isdecimal() else n for y, n in zip(years, weights, strict=True)])
    return ids[np.argsort(-weights, kind="stable")].tolist() if len(ids) else []


def _articles(
    columns: FacetColumns, where: Filter, allowed: Mask | None, titled: Mask | None
) -> Iterator[Value]:
    by_title = columns.by_title if titled is None else columns.by_title[titled[columns.by_title]]
    first = by_title[:MOST_VALUES].tolist()
    ids = {name.casefold() for name in where.articles}
    named = {row for name in where.articles for row in columns.rows_named(name)}
    chosen = {row for row in named if columns.articles[row].id.casefold() in ids}
    others = sorted(chosen - set(first), key=lambda row: columns.articles[row].display_title)
    for row in chain(first, others):
        article = columns.articles[row]
        count = int(allowed is None or allowed[row])
        yield Value(article.id, article.display_title, count, row in chosen)


def _with_unknown(values: Iterator[Value], where: Filter, facet: Facet) -> tuple[Value, ...]:
    """Adds the chosen values that no article has, as in an old link, so that they can be removed."""
    listed = tuple(values)
    folded = {value.value.casefold() for value in listed}
    names = {name.casefold(): name for name in getattr(where, facet.value)}
    return (*listed, *(Value(name, name, 0, True) for key, name in names.items() if key not in folded))
