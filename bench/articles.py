"""Texts as articles: each text a paragraph, so many paragraphs an article, in the order of the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from corpus.article import Article
from corpus.cleaning.canonical import PARAGRAPH_BREAK


def article(number: int, texts: Sequence[str]) -> Article:
    """The article of this number; its id sorts by number, its source is the number."""
    text = PARAGRAPH_BREAK.join(texts)
    return Article(
        id=f"{number:08}",
        title="",
        text=text,
        source=str(number),
        url="",
        author="",
        publisher="",
        published="",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def articles(texts: Iterable[str], *, paragraphs: int = 1) -> Iterator[Article]:
    """Articles of `paragraphs` texts each, the last of what is left."""
    left = iter(texts)
    number = 0
    while group := list(islice(left, paragraphs)):
        yield article(number, group)
        number += 1
