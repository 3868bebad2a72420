"""How a generation spells articles and arrays on disk: JSON lines and NPY files, never a pickle."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from corpus.article import Article, Dropped
from index.errors import Damaged

_STRINGS = ("id", "title", "text", "source", "url", "author", "publisher", "published", "sha256")


def text_digest(text: str) -> bytes:
    """The SHA-256 of a text in UTF-8, 32 bytes; a lone surrogate counts as "?"."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def articles_bytes(articles: Iterable[Article]) -> bytes:
    """Articles as JSON lines in ASCII, every field of each; `read_articles` reads them back."""
    lines = (json.dumps(_fields(article), sort_keys=True) + "\n" for article in articles)
    return "".join(lines).encode("ascii")


def read_articles(path: Path) -> tuple[Article, ...]:
    """Articles in the order written.

    Raises:
        Damaged: not what `articles_bytes` writes, or a text that is not the one its SHA-256 says.
    """
    try:
        lines = path.read_bytes().splitlines()
        articles = tuple(_article(json.loads(line)) for line in lines)
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Damaged(path, "not a list of articles") from error
    for line, article in enumerate(articles, start=1):
        if text_digest(article.text).hex() != article.sha256:
            raise Damaged(path, f"line {line}: the text of {article.source} is not the one its SHA-256 says")
    return articles


def array_bytes(array: NDArray[Any]) -> bytes:
    """An array in NPY format; `read_array` reads it back."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def array_header(shape: Sequence[int], dtype: DTypeLike) -> bytes:
    """What stands before the numbers of an array in NPY format."""
    stream = io.BytesIO()
    about = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(stream, about)
    return stream.getvalue()


def read_array(path: Path, *, dtype: DTypeLike, shape: Sequence[int], mapped: bool = False) -> NDArray[Any]:
    """Read an array that must have this type and shape; `mapped` leaves it on disk until it is used.

    Raises:
        Damaged: not an NPY file, or another type or shape.
    """
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except OSError as error:
        raise Damaged(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, EOFError) as error:
        raise Damaged(path, "not an array") from error
    if array.dtype != np.dtype(dtype) or array.shape != tuple(shape):
        expected = f"expected {np.dtype(dtype)} {tuple(shape)}"
        raise Damaged(path, f"{expected}, found {array.dtype} {array.shape}")
    array.flags.writeable = False
    return array


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
