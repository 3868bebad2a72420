"""Facet columns: filters and lists articles by author, publisher, year, name and title.

Columns are arrays over article rows, so that neither a filter nor a list parses every article.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from corpus.normalise import fold
from index.errors import Damaged
from index.retrieval.filter import Filter
from index.storage.arrays import Counts, Int32Rows, Mask, array_bytes, read_array, read_rows

VALUES = "facts.json"
NAME_HASHES = "name_hashes.npy"
NAME_ROWS = "name_rows.npy"
BY_TITLE = "by_title.npy"

_BETWEEN_AUTHORS = re.compile(r",\s*|\s+(?:and|&)\s+")


class Facet(StrEnum):
    """What articles are filtered by; the value is the name of the field of `Filter`."""

    PUBLISHER = "publishers"
    AUTHOR = "authors"
    YEAR = "years"
    ARTICLE = "articles"


COLUMNS = (Facet.PUBLISHER, Facet.AUTHOR, Facet.YEAR)


class ArticleSlice(NamedTuple):
    """A part of a list of articles, and how many the whole list has."""

    total: int
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FacetColumns:
    """The columns of `articles`. `by_title` holds article rows in the order of their titles.

    `titles` returns the folded display titles by article row, one a line: folding leaves no line feed.
    """

    articles: Sequence[Article]
    columns: Mapping[Facet, FacetColumn]
    name_hashes: NDArray[np.uint64]
    name_rows: Int32Rows
    by_title: Int32Rows
    titles: Callable[[], str]

    @classmethod
    def of(cls, articles: Iterable[Article]) -> FacetColumns:
        """The columns of articles in memory."""
        rows = tuple(articles)
        names = [name for article in rows for name in (article.id, article.source)]
        hashes = np.array([_hash(name) for name in names], dtype=np.uint64)
        order = np.argsort(hashes, kind="stable")
        by_title = sorted(range(len(rows)), key=lambda row: rows[row].display_title.casefold())
        return cls(
            articles=rows,
            columns={facet: FacetColumn.of(rows, facet) for facet in COLUMNS},
            name_hashes=hashes[order],
            name_rows=(order // 2).astype(np.int32),
            by_title=np.array(by_title, dtype=np.int32),
            titles=_fold_once(lambda: (article.display_title for article in rows)),
        )

    @classmethod
    def read(
        cls, folder: Path, articles: Sequence[Article], titles: Callable[[], Iterable[str]]
    ) -> FacetColumns:
        """Read the columns of these articles. `titles` returns display titles, and is called at most once.

        Raises Damaged: a file that does not fit the others.
        """
        count = len(articles)
        try:
            values = json.loads((folder / VALUES).read_bytes())
            listed = {facet: (tuple(map(str, values[facet][0])), int(values[facet][1])) for facet in COLUMNS}
        except OSError as error:
            raise Damaged(folder / VALUES, f"cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, LookupError) as error:
            raise Damaged(folder / VALUES, "not a list of facet values") from error
        return cls(
            articles=articles,
            columns={
                facet: FacetColumn.read(folder / f"{facet}.npy", *listed[facet], articles=count)
                for facet in COLUMNS
            },
            name_hashes=read_array(folder / NAME_HASHES, dtype=np.uint64, shape=(2 * count,), mapped=True),
            name_rows=read_rows(folder / NAME_ROWS, 2 * count, below=count),
            by_title=read_rows(folder / BY_TITLE, count, below=count),
            titles=_fold_once(titles),
        )

    def files(self) -> Mapping[str, bytes]:
        """The files for `read`: name -> content."""
        values = {facet: [column.values, column.counted] for facet, column in self.columns.items()}
        return {
            VALUES: (json.dumps(values, sort_keys=True) + "\n").encode("ascii"),
            **{f"{facet}.npy": array_bytes(column.pairs) for facet, column in self.columns.items()},
            NAME_HASHES: array_bytes(self.name_hashes),
            NAME_ROWS: array_bytes(self.name_rows),
            BY_TITLE: array_bytes(self.by_title),
        }

    def rows_named(self, name: str) -> tuple[int, ...]:
        """Rows of the articles with this id or source, ascending; case is ignored."""
        digest = _hash(name)
        first, last = (int(np.searchsorted(self.name_hashes, digest, side)) for side in ("left", "right"))
        rows = sorted(set(self.name_rows[first:last].tolist()))
        return tuple(row for row in rows if _is_named(self.articles[row], name))  # hashes may collide

    def article(self, identifier: str) -> Article | None:
        """The article with exactly this id."""
        articles = (self.articles[row] for row in self.rows_named(identifier))
        return next((article for article in articles if article.id == identifier), None)

    def filter_ids(self) -> Callable[[int], dict[str, list[int]]]:
        """A function from an article's row to the ids of all its values, and to the row itself."""
        count = len(self.articles)
        grouped = {facet: column.by_article(count) for facet, column in self.columns.items()}

        def ids_of(row: int) -> dict[str, list[int]]:
            ids = {
                facet.value: values[starts[row] : starts[row + 1]].tolist()
                for facet, (starts, values) in grouped.items()
            }
            return {**ids, Facet.ARTICLE.value: [row]}

        return ids_of

    def chosen(self, where: Filter) -> dict[Facet, tuple[int, ...]]:
        """For each facet of the filter the ids of its allowed values, or article rows."""
        values = {facet: getattr(where, facet) for facet in COLUMNS}
        chosen = {facet: self.columns[facet].value_ids(names) for facet, names in values.items() if names}
        if where.articles:
            rows = {row for name in where.articles for row in self.rows_named(name)}
            chosen[Facet.ARTICLE] = tuple(sorted(rows))
        return chosen

    def allowed(self, where: Filter) -> Mask | None:
        """Which articles pass the filter, by row; None if the filter is empty."""
        allowed: Mask | None = None
        for facet, ids in self.chosen(where).items():
            if facet is Facet.ARTICLE:
                mask = np.zeros(len(self.articles), dtype=bool)
                mask[list(ids)] = True
            else:
                mask = self.columns[facet].articles_with(ids, len(self.articles))
            allowed = mask if allowed is None else allowed & mask
        return allowed

    def with_title(self, query: str) -> Mask | None:
        """Which articles have every word of the query in their display title; None if it has no word."""
        words = fold(query).split()
        if not words:
            return None
        matches = (all(word in title for word in words) for title in self.titles().split("\n"))
        return np.fromiter(matches, dtype=bool, count=len(self.articles))

    def list_articles(
        self, where: Filter, title_query: str = "", *, offset: int = 0, limit: int
    ) -> ArticleSlice:
        """The articles that pass the filter and `with_title`, by title; only those returned are parsed."""
        rows = self.by_title
        for mask in (self.allowed(where), self.with_title(title_query)):
            rows = rows if mask is None else rows[mask[rows]]
        listed = rows[offset : offset + limit].tolist()
        return ArticleSlice(len(rows), tuple(self.articles[row] for row in listed))


@dataclass(frozen=True, eq=False)
class FacetColumn:
    """The values of a facet, sorted, and pairs of article row and value id, shape (2, pairs).

    The first `counted` pairs are counted in lists of values; the others serve filters alone: of the byline
    "A. Smith and B. Jones" each author is counted, and the whole byline can be filtered by.
    """

    values: tuple[str, ...]
    pairs: Int32Rows
    counted: int

    @classmethod
    def of(cls, articles: Iterable[Article], facet: Facet) -> FacetColumn:
        """The column of a facet."""
        by_row = [_values(article, facet) for article in articles]
        distinct = dict.fromkeys(value for counted, written in by_row for value in (*counted, written))
        values = tuple(sorted(distinct, key=str.casefold))
        ids = {value: number for number, value in enumerate(values)}
        counted = [(row, ids[value]) for row, (names, _) in enumerate(by_row) for value in names]
        others = [(row, ids[written]) for row, (names, written) in enumerate(by_row) if written not in names]
        pairs = np.array(counted + others, dtype=np.int32).reshape(-1, 2)
        return cls(values, np.ascontiguousarray(pairs.T), len(counted))

    @classmethod
    def read(cls, path: Path, values: tuple[str, ...], counted: int, *, articles: int) -> FacetColumn:
        """Read the pairs of a column of so many articles. Raises Damaged."""
        pairs = read_array(path, dtype=np.int32, shape=(2, None))
        last = pairs.max(axis=1, initial=-1).tolist()
        inside = pairs.min(initial=0) >= 0 and last[0] < articles and last[1] < len(values)
        if not (inside and 0 <= counted <= pairs.shape[1]):
            raise Damaged(path, "an article row or value id out of range")
        return cls(values, pairs, counted)

    def value_ids(self, names: Iterable[str]) -> tuple[int, ...]:
        """Ids of the values equal to one of the names; case is ignored."""
        folded = sorted({name.casefold() for name in names})
        return tuple(
            number
            for name in folded
            for number in range(
                bisect_left(self.values, name, key=str.casefold),
                bisect_right(self.values, name, key=str.casefold),
            )
        )

    @cached_property
    def _counts(self) -> Counts:
        return np.bincount(self.pairs[1, : self.counted], minlength=len(self.values))

    def counts(self, allowed: Mask | None) -> Counts:
        """How many allowed articles have each value, by its id; a value that is not counted has 0."""
        if allowed is None:
            return self._counts
        articles, values = self.pairs[:, : self.counted]
        return np.bincount(values[allowed[articles]], minlength=len(self.values))

    def articles_with(self, value_ids: Sequence[int], articles: int) -> Mask:
        """Which of so many articles have one of the values."""
        values = np.zeros(len(self.values), dtype=bool)
        values[list(value_ids)] = True
        mask = np.zeros(articles, dtype=bool)
        mask[self.pairs[0][values[self.pairs[1]]]] = True
        return mask

    def by_article(self, articles: int) -> tuple[Counts, Int32Rows]:
        """Starts and value ids: those of article row i are `ids[starts[i]:starts[i + 1]]`."""
        order = np.argsort(self.pairs[0], kind="stable")
        return np.searchsorted(self.pairs[0][order], np.arange(articles + 1)), self.pairs[1][order]


def _fold_once(titles: Callable[[], Iterable[str]]) -> Callable[[], str]:
    return cache(lambda: "\n".join(map(fold, titles())))


def _is_named(article: Article, name: str) -> bool:
    return name.casefold() in (article.id.casefold(), article.source.casefold())


def _hash(name: str) -> np.uint64:
    digest = hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).digest()
    return np.uint64(int.from_bytes(digest[:8], "big"))


def _values(article: Article, facet: Facet) -> tuple[tuple[str, ...], str]:
    """The values that are counted, and the value as written in the article."""
    if facet is Facet.AUTHOR:
        return tuple(filter(None, _BETWEEN_AUTHORS.split(article.author))), article.author
    written = article.publisher if facet is Facet.PUBLISHER else article.published[:4]
    return tuple(filter(None, (written,))), written
