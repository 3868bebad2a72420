"""Articles by the names that gold files and answers call them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from corpus.article import Article


class Shelf:
    """Finds an article by its id, its source, or its file name without folder and suffix."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self.articles = tuple(articles)
        self._exact = {name: article for article in self.articles for name in (article.source, article.id)}
        self._by_stem: dict[str, list[Article]] = {}
        for article in self.articles:
            self._by_stem.setdefault(_stem(article.source), []).append(article)

    def find(self, name: str) -> Article | None:
        """The one article of that name, None when there is none or more than one."""
        if name in self._exact:
            return self._exact[name]
        alike = self._by_stem.get(_stem(name), [])
        return alike[0] if len(alike) == 1 else None


def _stem(name: str) -> str:
    """ "reports/Trusts.md" -> "trusts"."""
    return PurePosixPath(name).stem.casefold()
