"""Filters: which articles may answer, by id, author, publisher and year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Filter:
    """Metadata an article must have; an empty tuple allows all, several values mean any of them.

    `articles` holds ids or source file names, `years` four-digit years of publication. Case is ignored,
    and one author of several is enough.
    """

    articles: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    years: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.articles or self.authors or self.publishers or self.years)


NO_FILTER = Filter()

FilterIds = Mapping[str, Sequence[int]]
"""A filter in numbers: for each facet the ids of its allowed values; an article needs one of each."""
NO_FILTER_IDS: FilterIds = MappingProxyType({})


class Granularity(StrEnum):
    """What a row number counts."""

    SENTENCE = "sentence"
    PASSAGE = "passage"
