"""The citation: a place in an article that somebody quotes."""

from __future__ import annotations

from dataclasses import dataclass, field

from corpus.article import Article


@dataclass(frozen=True, slots=True)
class Citation:
    """A half-open span of an article's text, quoted word for word."""

    article: Article = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The quotation, a slice of the article's text."""
        return self.article.text[self.start : self.end]

    @property
    def address(self) -> str:
        """Where it stands in the index: "ab12:40-95"."""
        return f"{self.article.id}:{self.start}-{self.end}"
