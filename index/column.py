"""A fact of articles as a column of small numbers, so that a filter looks at no article.

The values are in the order of the alphabet, and pairs of article row and value's place tell who has which.
"A. Smith and B. Jones" gives an article three values: each author, and the two as they are written; only
the first two are counted. For example, of articles by Ann, by nobody and by Ann and Bob:

    values  "", "Ann", "Ann and Bob", "Bob"
    pairs   articles 0 2 2 | 1 2     counted: the first 3
            values   1 1 3 | 0 2
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from index.where import authors_of

Rows = NDArray[np.int32]


class Facet(StrEnum):
    """A fact to filter by; the value is the name of the field of `Where`."""

    PUBLISHER = "publishers"
    AUTHOR = "authors"
    YEAR = "years"
    ARTICLE = "articles"


COLUMNS = (Facet.PUBLISHER, Facet.AUTHOR, Facet.YEAR)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of a fact, and pairs of article row and value, shape (2, pairs), the `counted` first."""

    values: tuple[str, ...]
    pairs: Rows
    counted: int
    _held: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        held = np.bincount(self.pairs[1, : self.counted], minlength=len(self.values))
        object.__setattr__(self, "_held", held)

    def places(self, wanted: Iterable[str]) -> tuple[int, ...]:
        """Places of the values that are one of these, capitals making no difference."""
        folded = sorted({one.casefold() for one in wanted})
        return tuple(
            place for one in folded for place in range(self._place(one), self._place(one, behind=True))
        )

    def _place(self, folded: str, *, behind: bool = False) -> int:
        find = bisect_right if behind else bisect_left
        return find(self.values, folded, key=str.casefold)

    def counts(self, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """How many allowed articles have each value, by its place; what is not counted has 0."""
        if allowed is None:
            return self._held
        articles, values = self.pairs[:, : self.counted]
        return np.bincount(values[allowed[articles]], minlength=len(self.values))

    def having(self, places: Sequence[int], articles: int) -> NDArray[np.bool_]:
        """Of so many articles those that have one of the values."""
        wanted = np.zeros(len(self.values), dtype=bool)
        wanted[list(places)] = True
        having = np.zeros(articles, dtype=bool)
        having[self.pairs[0][wanted[self.pairs[1]]]] = True
        return having

    def by_article(self, articles: int) -> tuple[NDArray[np.int64], Rows]:
        """Places of values by article: those of a row lie from one start to the next."""
        order = np.argsort(self.pairs[0], kind="stable")
        return np.searchsorted(self.pairs[0][order], np.arange(articles + 1)), self.pairs[1][order]


def column_of(articles: Iterable[Article], facet: Facet) -> Column:
    """The column of a fact."""
    told = [_values(article, facet) for article in articles]
    values = dict.fromkeys(value for counted, written in told for value in (*counted, written))
    ordered = tuple(sorted(values, key=str.casefold))
    place = {value: number for number, value in enumerate(ordered)}
    counted = [(row, place[value]) for row, (some, _) in enumerate(told) for value in some]
    others = [(row, place[written]) for row, (some, written) in enumerate(told) if written not in some]
    pairs = np.array(counted + others, dtype=np.int32).reshape(-1, 2)
    return Column(ordered, np.ascontiguousarray(pairs.T), len(counted))


def _values(article: Article, facet: Facet) -> tuple[tuple[str, ...], str]:
    """The values that are counted, and the one as it is written."""
    if facet is Facet.AUTHOR:
        return authors_of(article), article.author
    written = article.publisher if facet is Facet.PUBLISHER else article.published[:4]
    return tuple(filter(None, (written,))), written
