"""What articles can be filtered by: a column for each fact, and who is called what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article
from index.column import COLUMNS, Column, Facet, column_of
from index.errors import Damaged
from index.records import NO_ARRAY, array_bytes, read_array, read_rows
from index.where import Where

FACTS = "facts.json"
NAME_HASHES = "name_hashes.npy"
NAME_ROWS = "name_rows.npy"
BY_TITLE = "by_title.npy"

Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """The columns of some articles. `by_title` holds article rows in the order of their titles."""

    articles: Sequence[Article]
    columns: Mapping[Facet, Column]
    name_hashes: NDArray[np.uint64]
    name_rows: Rows
    by_title: Rows

    def named(self, name: str) -> tuple[int, ...]:
        """Rows of the articles with this id or source, capitals making no difference, ascending."""
        wanted = _name_hash(name)
        first, last = (int(np.searchsorted(self.name_hashes, wanted, side)) for side in ("left", "right"))
        rows = sorted(set(self.name_rows[first:last].tolist()))
        return tuple(row for row in rows if Where(articles=(name,)).matches(self.articles[row]))

    def article(self, identifier: str) -> Article | None:
        """The article with exactly this id."""
        found = (self.articles[row] for row in self.named(identifier))
        return next((one for one in found if one.id == identifier), None)

    def marks(self) -> Callable[[int], dict[str, list[int]]]:
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

    def chosen(self, where: Where) -> dict[Facet, tuple[int, ...]]:
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

    def allowed(self, where: Where) -> NDArray[np.bool_] | None:
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


def facts_of(articles: Iterable[Article]) -> Facts:
    """The facts of articles in memory."""
    known = tuple(articles)
    hashes, rows = _names(known)
    titles = sorted(range(len(known)), key=lambda row: label(known[row]).casefold())
    return Facts(
        articles=known,
        columns={facet: column_of(known, facet) for facet in COLUMNS},
        name_hashes=hashes,
        name_rows=rows,
        by_title=np.array(titles, dtype=np.int32),
    )


def facts_files(facts: Facts) -> Mapping[str, bytes]:
    """The files that hold the facts: name -> content; `read_facts` reads them back."""
    listed = {facet: [column.values, column.counted] for facet, column in facts.columns.items()}
    return {
        FACTS: (json.dumps(listed, sort_keys=True) + "\n").encode("ascii"),
        **{f"{facet}.npy": array_bytes(column.pairs) for facet, column in facts.columns.items()},
        NAME_HASHES: array_bytes(facts.name_hashes),
        NAME_ROWS: array_bytes(facts.name_rows),
        BY_TITLE: array_bytes(facts.by_title),
    }


def read_facts(folder: Path, articles: Sequence[Article]) -> Facts:
    """Read the facts of these articles.

    Raises:
        Damaged: a file that does not fit the others.
    """
    count = len(articles)
    hashes = read_array(folder / NAME_HASHES, dtype=np.uint64, shape=(2 * count,), mapped=True)
    return Facts(
        articles=articles,
        columns={facet: _read_column(folder, facet, count) for facet in COLUMNS},
        name_hashes=hashes,
        name_rows=read_rows(folder / NAME_ROWS, 2 * count, below=count),
        by_title=read_rows(folder / BY_TITLE, count, below=count),
    )


def label(article: Article) -> str:
    """What an article is called in a list: its title, or the name of its file."""
    return article.title or article.source


def _names(articles: Sequence[Article]) -> tuple[NDArray[np.uint64], Rows]:
    hashes = np.array(
        [_name_hash(name) for one in articles for name in (one.id, one.source)], dtype=np.uint64
    )
    order = np.argsort(hashes, kind="stable")
    return hashes[order], (order // 2).astype(np.int32)


def _name_hash(name: str) -> np.uint64:
    digest = hashlib.sha256(name.casefold().encode("utf-8", "surrogatepass")).digest()
    return np.uint64(int.from_bytes(digest[:8], "big"))


def _read_column(folder: Path, facet: Facet, articles: int) -> Column:
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
    return Column(values, pairs, count)


def _read_pairs(path: Path) -> Rows:
    try:
        pairs = np.load(path, mmap_mode=None, allow_pickle=False).shape[1]
    except (OSError, IndexError, *NO_ARRAY) as error:
        raise Damaged(path, "not an array of pairs") from error
    return read_array(path, dtype=np.int32, shape=(2, pairs))
