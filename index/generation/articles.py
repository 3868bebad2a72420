"""Articles on disk: JSON lines, each read when it is asked for.

A table beside them tells where each line ends and how long each text is, so that opening a million
articles parses none of them.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, SupportsIndex, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from corpus.article import Article, Dropped
from index.errors import Damaged
from index.storage.arrays import array_bytes, read_array, release_pages, text_digest

ARTICLES = "articles.jsonl"
ARTICLE_PLACES = "article_places.npy"

RECENT = 256  # articles kept in memory after their last use

_STRINGS = ("id", "title", "text", "source", "url", "author", "publisher", "published", "sha256")


def articles_bytes(articles: Iterable[Article]) -> bytes:
    """Articles as JSON lines in ASCII, every field of each; `open_articles` reads them back."""
    return b"".join(map(article_line, articles))


def article_line(article: Article) -> bytes:
    """The line of one article, its line feed included."""
    return (json.dumps(_fields(article), sort_keys=True) + "\n").encode("ascii")


def article_of_line(line: bytes) -> Article:
    """The article of `article_line`. Raises ValueError, TypeError, KeyError or AttributeError for another."""
    return _article(json.loads(line))


def article_files(articles: Iterable[Article]) -> Mapping[str, bytes]:
    """The files that hold articles: name -> content."""
    known = tuple(articles)
    lines = tuple(map(article_line, known))
    places = article_places([(len(line), len(one.text)) for line, one in zip(lines, known, strict=True)])
    return {ARTICLES: b"".join(lines), ARTICLE_PLACES: array_bytes(places)}


def article_places(sizes: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The table: where each line ends in bytes, and how many code points each text has.

    Of lines of 10 and 20 bytes with texts of 3 and 4 code points: [[10, 3], [30, 4]].
    """
    places = np.array(sizes, dtype=np.int64).reshape(-1, 2)
    places[:, 0] = np.cumsum(places[:, 0])
    return places


class ArticleSource(Protocol):
    """The bytes of `ARTICLES`, wherever they lie."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> NDArray[np.uint8]: ...


class Articles(Sequence[Article]):
    """Articles by row. One that somebody still holds is never made twice: `is` tells articles apart."""

    def __init__(self, content: ArticleSource, places: NDArray[np.int64], path: Path) -> None:
        self._content = content
        self._places = places
        self._path = path
        self._lock = threading.Lock()
        self._held: WeakValueDictionary[int, Article] = WeakValueDictionary()
        self._recent: deque[Article] = deque(maxlen=RECENT)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Code points of each text."""
        return self._places[:, 1]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, row: SupportsIndex) -> Article: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Article]: ...
    def __getitem__(self, row: SupportsIndex | slice) -> Article | Sequence[Article]:
        if isinstance(row, slice):
            return tuple(map(self._article, range(len(self))[row]))
        return self._article(range(len(self))[row])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def release_pages(self) -> None:
        """Give back the memory of the lines read so far."""
        release_pages(self._content)

    def _article(self, row: int) -> Article:
        with self._lock:
            article = self._held.get(row)
            if article is None:
                article = self._held[row] = self._read(row)
                self._recent.append(article)
            return article

    def _read(self, row: int) -> Article:
        start = int(self._places[row - 1, 0]) if row else 0
        try:
            article = _article(json.loads(self._content[start : int(self._places[row, 0])].tobytes()))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged(self._path, f"line {row + 1}: not an article") from error
        if len(article.text) != self._places[row, 1] or text_digest(article.text).hex() != article.sha256:
            reason = f"the text of {article.source} is not the one its SHA-256 says"
            raise Damaged(self._path, f"line {row + 1}: {reason}")
        return article


def open_articles(folder: Path, count: int, content: ArticleSource | None = None) -> Articles:
    """Open what `article_files` made; no line is read yet. `content` is given where it lies elsewhere.

    Raises:
        Damaged: a table that does not fit the file. A line that is no article is found when it is asked for.
    """
    path = folder / ARTICLES
    places = read_array(folder / ARTICLE_PLACES, dtype=np.int64, shape=(count, 2), mapped=True)
    if content is None:
        try:
            content = np.memmap(path, mode="r", dtype=np.uint8)
        except (OSError, ValueError) as error:
            raise Damaged(path, f"cannot be read: {error}") from error
    ends = places[:, 0]
    if not count or ends[0] <= 0 or (np.diff(ends) <= 0).any() or ends[-1] != len(content):
        raise Damaged(folder / ARTICLE_PLACES, f"does not tell where the {count} articles of {ARTICLES} end")
    return Articles(content, places, path)


def _fields(article: Article) -> Mapping[str, object]:
    fields: dict[str, object] = {name: getattr(article, name) for name in _STRINGS}
    fields["headings"] = [list(span) for span in article.headings]
    fields["metadata"] = dict(article.metadata)
    fields["dropped"] = [[line.text, line.reason] for line in article.dropped]
    return fields


def _article(fields: dict[str, Any]) -> Article:
    return Article(
        **{name: fields[name] for name in _STRINGS},
        headings=tuple((start, end) for start, end in fields["headings"]),
        metadata=MappingProxyType(fields["metadata"]),
        dropped=tuple(Dropped(text, reason) for text, reason in fields["dropped"]),
    )
