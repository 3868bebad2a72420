"""What articles can be filtered by: a column for each fact, and who is called what."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from index.errors import Damaged
from index.retrieval.filter import Filter, authors_of
from index.storage.arrays import NO_ARRAY, Int32Rows, array_bytes, read_array, read_rows

FACTS = "facts.json"
NAME_HASHES = "name_hashes.npy"
NAME_ROWS = "name_rows.npy"
BY_TITLE = "by_title.npy"


@dataclass(frozen=True, slots=True, eq=False)
class FacetColumns:
    """The columns of some articles. `by_title` holds article rows in the order of their titles."""

    articles: Sequence[Article]
    columns: Mapping[Facet, FacetColumn]
    name_hashes: NDArray[np.uint64]
    name_rows: Int32Rows
    by_title: Int32Rows

    def named(self, name: str) -> tuple[int, ...]:
        """Rows of the articles with this id or source, capitals making no difference, ascending."""
        wanted = _name_hash(name)
        first, last = (int(np.searchsorted(self.name_hashes, wanted, side)) for side in ("left", "right"))
        rows = sorted(set(self.name_rows[first:last].tolist()))
        return tuple(row for row in rows if Filter(articles=(name,)).matches(self.articles[row]))

    def article(self, identifier: str) -> Article | None:
        """The article with exactly this id."""
        found = (self.articles[row] for row in self.named(identifier))
        return next((one for one in found if one.id == identifier), None)

    def filter_ids(self) -> Callable[[int], dict[str, list[int]]]:
        """What leads from an article's row to the places of all its values, and to itself."""
        count = len(self.articles)
        grouped = {facet: column.by_article(count) for facet, column in self.columns.items()}

        def of(row: int) -> dict[str, list[int]]:
            found = {
                facet.value: values[starts[row] : starts[row + 1]].tolist()
                for facet, (starts, values) in grouped.items()
            }
            return {**found, Facet.ARTICLE.value: [row]}

        return of

    def chosen(self, where: Filter) -> dict[Facet, tuple[int, ...]]:
        """For each fact asked for the places of its values that will do, or article rows."""
        chosen = {
            facet: self.columns[facet].places(getattr(where, facet))
            for facet in COLUMNS
            if getattr(where, facet)
        }
        if where.articles:
            rows = {row for name in where.articles for row in self.named(name)}
            chosen[Facet.ARTICLE] = tuple(sorted(rows))
        return chosen

    def allowed(self, where: Filter) -> NDArray[np.bool_] | None:
        """Which articles have all the facts asked for, by row; None where nothing is asked for."""
        allowed: NDArray[np.bool_] | None = None
        for facet, places in self.chosen(where).items():
            if facet is Facet.ARTICLE:
                having = np.zeros(len(self.articles), dtype=bool)
                having[list(places)] = True
            else:
                having = self.columns[facet].having(places, len(self.articles))
            allowed = having if allowed is None else allowed & having
        return allowed


def facts_of(articles: Iterable[Article]) -> FacetColumns:
    """The facts of articles in memory."""
    known = tuple(articles)
    hashes, rows = _names(known)
    titles = sorted(range(len(known)), key=lambda row: known[row].display_title.casefold())
    return FacetColumns(
        articles=known,
        columns={facet: column_of(known, facet) for facet in COLUMNS},
        name_hashes=hashes,
        name_rows=rows,
        by_title=np.array(titles, dtype=np.int32),
    )


def facts_files(facts: FacetColumns) -> Mapping[str, bytes]:
    """The files that hold the facts: name -> content; `read_facts` reads them back."""
    listed = {facet: [column.values, column.counted] for facet, column in facts.columns.items()}
    return {
        FACTS: (json.dumps(listed, sort_keys=True) + "\n").encode("ascii"),
        **{f"{facet}.npy": array_bytes(column.pairs) for facet, column in facts.columns.items()},
        NAME_HASHES: array_bytes(facts.name_hashes),
        NAME_ROWS: array_bytes(facts.name_rows),
        BY_TITLE: array_bytes(facts.by_title),
    }


def read_facts(folder: Path, articles: Sequence[Article]) -> FacetColumns:
    """Read the facts of these articles.

    Raises:
        Damaged: a file that does not fit the others.
    """
    count = len(articles)
    hashes = read_array(folder / NAME_HASHES, dtype=np.uint64, shape=(2 * count,), mapped=True)
    return FacetColumns(
        articles=articles,
        columns={facet: _read_column(folder, facet, count) for facet in COLUMNS},
        name_hashes=hashes,
        name_rows=read_rows(folder / NAME_ROWS, 2 * count, below=count),
        by_title=read_rows(folder / BY_TITLE, count, below=count),
    )


def _names(articles: Sequence[Article]) -> tuple[NDArray[np.uint64], Int32Rows]:
    hashes = np.array(
        [_name_hash(name) for one in articles for name in (one.id, one.source)], dtype=np.uint64
    )
    order = np.argsort(hashes, kind="stable")
    return hashes[order], (order // 2).astype(np.int32)


def _name_hash(name: str) -> np.uint64:
    digest = hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).digest()
    return np.uint64(int.from_bytes(digest[:8], "big"))


def _read_column(folder: Path, facet: Facet, articles: int) -> FacetColumn:
    path = folder / f"{facet}.npy"
    try:
        listed, counted = json.loads((folder / FACTS).read_bytes())[facet]
        values, count = tuple(map(str, listed)), int(counted)
    except OSError as error:
        raise Damaged(folder / FACTS, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(folder / FACTS, "not a list of facts") from error
    pairs = _read_pairs(path)
    most = pairs.max(axis=1, initial=-1).tolist()
    inside = pairs.min(initial=0) >= 0 and most[0] < articles and most[1] < len(values)
    if not (inside and 0 <= count <= pairs.shape[1]):
        raise Damaged(path, "a fact of an article that is not there")
    return FacetColumn(values, pairs, count)


def _read_pairs(path: Path) -> Int32Rows:
    try:
        pairs = np.load(path, mmap_mode=None, allow_pickle=False).shape[1]
    except (OSError, IndexError, *NO_ARRAY) as error:
        raise Damaged(path, "not an array of pairs") from error
    return read_array(path, dtype=np.int32, shape=(2, pairs))


class Facet(StrEnum):
    """A fact to filter by; the value is the name of the field of `Where`."""

    PUBLISHER = "publishers"
    AUTHOR = "authors"
    YEAR = "years"
    ARTICLE = "articles"


COLUMNS = (Facet.PUBLISHER, Facet.AUTHOR, Facet.YEAR)


@dataclass(frozen=True, slots=True, eq=False)
class FacetColumn:
    """The values of a fact, and pairs of article row and value, shape (2, pairs), the `counted` first."""

    values: tuple[str, ...]
    pairs: Int32Rows
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

    def by_article(self, articles: int) -> tuple[NDArray[np.int64], Int32Rows]:
        """Places of values by article: those of a row lie from one start to the next."""
        order = np.argsort(self.pairs[0], kind="stable")
        return np.searchsorted(self.pairs[0][order], np.arange(articles + 1)), self.pairs[1][order]


def column_of(articles: Iterable[Article], facet: Facet) -> FacetColumn:
    """The column of a fact."""
    told = [_values(article, facet) for article in articles]
    values = dict.fromkeys(value for counted, written in told for value in (*counted, written))
    ordered = tuple(sorted(values, key=str.casefold))
    place = {value: number for number, value in enumerate(ordered)}
    counted = [(row, place[value]) for row, (some, _) in enumerate(told) for value in some]
    others = [(row, place[written]) for row, (some, written) in enumerate(told) if written not in some]
    pairs = np.array(counted + others, dtype=np.int32).reshape(-1, 2)
    return FacetColumn(ordered, np.ascontiguousarray(pairs.T), len(counted))


def _values(article: Article, facet: Facet) -> tuple[tuple[str, ...], str]:
    """The values that are counted, and the one as it is written."""
    if facet is Facet.AUTHOR:
        return authors_of(article), article.author
    written = article.publisher if facet is Facet.PUBLISHER else article.published[:4]
    return tuple(filter(None, (written,))), written
