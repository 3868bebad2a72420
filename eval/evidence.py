"""Finds quotations in articles, whatever their quotes, dashes, capitals and spaces."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from corpus.article import Article
from corpus.normalise import fold


class Folded(NamedTuple):
    """A folded text, and the original offset of each of its characters."""

    text: str
    offsets: tuple[int, ...]


def locate(article: Article, quote: str) -> list[tuple[int, int]]:
    """Every half-open span of the article's text that reads like `quote`, in order; spans may overlap.

    Compatible forms, straight and curly quotes, dashes, capitals and runs of white space count as equal:
    the quote "a 'green paper' - twice" finds “A  ‘Green Paper’ – twice”.
    """
    needle = _fold(unicodedata.normalize("NFC", quote)).text
    if not needle:
        return []
    folded = _folded_article(article)
    spans = []
    position = folded.text.find(needle)
    while position >= 0:
        spans.append((folded.offsets[position], folded.offsets[position + len(needle) - 1] + 1))
        position = folded.text.find(needle, position + 1)
    return spans


@lru_cache(maxsize=256)
def _folded_article(article: Article) -> Folded:
    return _fold(article.text)


def _fold(text: str) -> Folded:
    """Fold character by character, which keeps every offset; white space runs become one space.

    >>> _fold("A  “b”").text, _fold("A  “b”").offsets
    ('a "b"', (0, 1, 3, 4, 5))
    """
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        # Soft hyphens and zero-width marks are invisible to whoever copies a quotation.
        unseen = unicodedata.category(character) == "Cf"
        for plain in "" if unseen else fold(character) or " ":
            if plain != " " or (characters and characters[-1] != " "):
                characters.append(plain)
                offsets.append(offset)
    while characters and characters[-1] == " ":
        characters.pop()
        offsets.pop()
    return Folded("".join(characters), tuple(offsets))


class ArticleLookup:
    """Finds an article by its id, its source, or its file name without folder and suffix."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self.articles = tuple(articles)
        self._exact = {name: article for article in self.articles for name in (article.source, article.id)}
        self._by_stem: dict[str, list[Article]] = {}
        for article in self.articles:
            self._by_stem.setdefault(_stem(article.source), []).append(article)

    def find(self, name: str) -> Article | None:
        """The article of that name; None if there is none, or more than one."""
        if name in self._exact:
            return self._exact[name]
        matches = self._by_stem.get(_stem(name), [])
        return matches[0] if len(matches) == 1 else None


def _stem(name: str) -> str:
    """ "reports/Trusts.md" -> "trusts"."""
    return PurePosixPath(name).stem.casefold()
