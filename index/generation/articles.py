"""Articles on disk: JSON lines, each parsed when it is used.

A table beside them holds the end of each line and the length of each text, so that opening a million
articles parses none of them.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, SupportsIndex, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article, Dropped
from index.errors import Damaged
from index.generation.files import ARTICLE_PLACES, ARTICLES
from index.storage.arrays import RowIds, array_bytes, read_array, release_pages, text_digest

RECENT = 256  # articles kept in memory after their last use
TITLES_BETWEEN_RELEASES = 4096

_STRINGS = ("id", "title", "text", "source", "url", "author", "publisher", "published", "sha256")
_NOT_AN_ARTICLE = (ValueError, TypeError, KeyError, AttributeError)


def article_line(article: Article) -> bytes:
    """The line of one article: JSON in ASCII with sorted keys, line feed included."""
    fields: dict[str, object] = {name: getattr(article, name) for name in _STRINGS}
    fields["headings"] = [list(span) for span in article.headings]
    fields["metadata"] = dict(article.metadata)
    fields["dropped"] = [[line.text, line.reason] for line in article.dropped]
    return (json.dumps(fields, sort_keys=True) + "\n").encode("ascii")


def article_of_line(line: bytes) -> Article:
    """The article of `article_line`. Raises ValueError, TypeError, KeyError or AttributeError for another."""
    fields: dict[str, Any] = json.loads(line)
    return Article(
        **{name: fields[name] for name in _STRINGS},
        headings=tuple((start, end) for start, end in fields["headings"]),
        metadata=MappingProxyType(fields["metadata"]),
        dropped=tuple(Dropped(text, reason) for text, reason in fields["dropped"]),
    )


def article_files(articles: Sequence[Article]) -> Mapping[str, bytes]:
    """The files that hold articles: name -> content."""
    lines = [article_line(article) for article in articles]
    table = article_table([(len(line), len(one.text)) for line, one in zip(lines, articles, strict=True)])
    return {ARTICLES: b"".join(lines), ARTICLE_PLACES: array_bytes(table)}


def article_table(sizes: Sequence[tuple[int, int]]) -> RowIds:
    """The end of each line in bytes and the length of each text in code points, shape (articles, 2).

    Lines of 10 and 20 bytes with texts of 3 and 4 code points -> [[10, 3], [30, 4]].
    """
    table = np.array(sizes, dtype=np.int64).reshape(-1, 2)
    table[:, 0] = np.cumsum(table[:, 0])
    return table


class Articles(Sequence[Article]):
    """Articles by row. An article still in use is never made twice, so `is` compares articles."""

    def __init__(
        self, content: NDArray[np.uint8], table: RowIds, path: Path, *, recent: int = RECENT
    ) -> None:
        self._content = content
        self._table = table
        self._path = path
        self._lock = threading.Lock()
        self._in_use: WeakValueDictionary[int, Article] = WeakValueDictionary()
        self._recent: deque[Article] = deque(maxlen=recent)

    @property
    def lengths(self) -> RowIds:
        """Code points of each text."""
        return self._table[:, 1]

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, row: SupportsIndex) -> Article: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Article]: ...
    def __getitem__(self, row: SupportsIndex | slice) -> Article | Sequence[Article]:
        if isinstance(row, slice):
            return tuple(map(self._article, range(len(self))[row]))
        return self._article(range(len(self))[row])

    def display_titles(self) -> Iterator[str]:
        """The title of each article, or its source if it has none, without parsing the articles."""
        for row in range(len(self)):
            line = self._line(row)
            try:
                yield _field(line, "title", before="url") or _field(line, "source", before="text")
            except ValueError as error:
                raise Damaged(self._path, f"line {row + 1}: not an article") from error
            if row % TITLES_BETWEEN_RELEASES == 0:
                self.release_pages()
        self.release_pages()

    def release_pages(self) -> None:
        """Give back the memory of the lines read so far."""
        release_pages(self._content)

    def _article(self, row: int) -> Article:
        with self._lock:
            article = self._in_use.get(row)
            if article is None:
                article = self._in_use[row] = self._read(row)
                self._recent.append(article)
            return article

    def _read(self, row: int) -> Article:
        try:
            article = article_of_line(self._line(row))
        except _NOT_AN_ARTICLE as error:
            raise Damaged(self._path, f"line {row + 1}: not an article") from error
        if len(article.text) != self._table[row, 1] or text_digest(article.text).hex() != article.sha256:
            reason = f"the text of {article.source} does not match its SHA-256"
            raise Damaged(self._path, f"line {row + 1}: {reason}")
        return article

    def _line(self, row: int) -> bytes:
        start = int(self._table[row - 1, 0]) if row else 0
        return self._content[start : int(self._table[row, 0])].tobytes()


def open_articles(folder: Path, count: int) -> Articles:
    """Open the files of `article_files`; no line is read yet.

    Raises Damaged: a table that does not fit the file. A malformed line is found when it is read.
    """
    path = folder / ARTICLES
    table = read_array(folder / ARTICLE_PLACES, dtype=np.int64, shape=(count, 2), mapped=True)
    try:
        content = np.memmap(path, mode="r", dtype=np.uint8)
    except (OSError, ValueError) as error:
        raise Damaged(path, f"cannot be read: {error}") from error
    ends = table[:, 0]
    if not count or ends[0] <= 0 or (np.diff(ends) <= 0).any() or ends[-1] != len(content):
        raise Damaged(folder / ARTICLE_PLACES, f"does not fit the {count} articles of {ARTICLES}")
    return Articles(content, table, path)


def _field(line: bytes, name: str, *, before: str) -> str:
    """A string field by the name of the next one; a quote inside a string is escaped and matches neither.

    {"source": "a.md", "text": "…"}, "source", before "text" -> "a.md"
    """
    key = f'"{name}": '.encode()
    start, end = line.rfind(key), line.rfind(f', "{before}": '.encode())
    return str(json.loads(line[start + len(key) : end]))
