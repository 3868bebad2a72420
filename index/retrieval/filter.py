"""Filters: which articles may answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from corpus.article import Article


@dataclass(frozen=True, slots=True)
class Filter:
    """Facts an article must have; an empty tuple asks for nothing, several values mean any of them.

    `articles` holds ids or source file names, `years` four-digit years of publication. Capitals make no
    difference, and one author of several is enough.
    """

    articles: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    years: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.articles or self.authors or self.publishers or self.years)

    def matches(self, article: Article) -> bool:
        """Whether the article has all the facts asked for."""
        return (
            _any(self.articles, (article.id, article.source))
            and _any(self.authors, (article.author, *authors_of(article)))
            and _any(self.publishers, (article.publisher,))
            and _any(self.years, (article.published[:4],))
        )


NO_FILTER = Filter()
_BETWEEN_AUTHORS = re.compile(r",\s*|\s+(?:and|&)\s+")


def authors_of(article: Article) -> tuple[str, ...]:
    """The authors one by one: "A. Smith and B. Jones" are two."""
    return tuple(filter(None, _BETWEEN_AUTHORS.split(article.author)))


def _any(wanted: Sequence[str], values: Sequence[str]) -> bool:
    folded = {one.casefold() for one in wanted}
    return not wanted or any(value.casefold() in folded for value in values)


Marks = Mapping[str, Sequence[int]]
NO_MARKS: Marks = MappingProxyType({})


class Granularity(StrEnum):
    """What a row number counts."""

    SENTENCE = "sentence"
    PASSAGE = "passage"
