"""Facets: which facts there are to filter by, and how many articles each would leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from corpus.article import Article
from index.where import Where, authors_of

MOST_VALUES = 12
"""Values told of a facet: longer lists are not read. What is chosen already is always among them."""


class Facet(StrEnum):
    """A fact to filter by; the value is the name of the field of `Where`."""

    PUBLISHER = "publishers"
    AUTHOR = "authors"
    YEAR = "years"
    ARTICLE = "articles"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet, how it is called, and how many articles it would leave beside the other filters."""

    value: str
    label: str
    count: int
    chosen: bool


def count_facets(articles: Iterable[Article], where: Where) -> Mapping[Facet, tuple[Value, ...]]:
    """The values of each facet: those of most articles first, years newest first; no choice moves them.

    A facet is counted under the filters of the other facets, so that a further value of it can be added.
    """
    known = tuple(articles)
    return {facet: _values(known, where, facet) for facet in Facet}


def _values(articles: tuple[Article, ...], where: Where, facet: Facet) -> tuple[Value, ...]:
    others = replace(where, **{facet.value: ()})
    held: Counter[str] = Counter()
    left: Counter[str] = Counter()
    labels: dict[str, str] = {}
    for article in articles:
        counts = others.matches(article)
        for value, label in _facts(article, facet):
            held[value] += 1
            left[value] += counts
            labels[value] = label
    wanted = {value.casefold(): value for value in getattr(where, facet.value)}
    values = sorted(held, key=lambda one: _order(one, held[one], labels[one], facet))
    shown = [one for place, one in enumerate(values) if place < MOST_VALUES or one.casefold() in wanted]
    known = {one.casefold() for one in shown}
    return (
        *(Value(one, labels[one], left[one], one.casefold() in wanted) for one in shown),
        # What no article has, as an old link may ask: shown, so that it can be taken back.
        *(Value(one, one, 0, True) for folded, one in wanted.items() if folded not in known),
    )


def _order(value: str, count: int, label: str, facet: Facet) -> tuple[int, str]:
    return -(int(value) if facet is Facet.YEAR and value.isdecimal() else count), label.casefold()


def _facts(article: Article, facet: Facet) -> list[tuple[str, str]]:
    """Values and labels of one article."""
    if facet is Facet.ARTICLE:
        return [(article.id, article.title or article.source)]
    values = {
        Facet.PUBLISHER: (article.publisher,),
        Facet.AUTHOR: authors_of(article),
        Facet.YEAR: (article.published[:4],),
    }[facet]
    return [(value, value) for value in values if value]
