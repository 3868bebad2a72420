"""The article: canonical text, its facts, and the spans inside it.

Every offset in the house counts code points of `Article.text` and every span is half-open.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_METADATA: Mapping[str, str] = MappingProxyType({})


class CorpusError(Exception):
    """Something about an article file that a person can act on: the fact, the place, the next step."""


class Unreadable(CorpusError):
    """A file that cannot become an article; the message is the reason without the file's name."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line that cleaning left out of the canonical text, and the rule that said so."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Article:
    """One article, cleaned once and never changed after.

    `text` is the canonical text: paragraphs separated by one blank line, no line break inside a
    paragraph, white space runs folded to one space. `headings` are spans of `text` (the title and
    sub-headings). `source` is the path of the file relative to the folder it was read from, with
    forward slashes. `published` is an ISO 8601 date, or a year or year-month when no more is known.
    `title`, `author`, `publisher`, `published` and `url` are "" when the file does not say.
    `sha256` is the hash of `text` in UTF-8, `id` is stable for a source path.
    """

    id: str
    title: str
    text: str
    source: str
    url: str
    author: str
    publisher: str
    published: str
    sha256: str
    headings: tuple[tuple[int, int], ...] = ()
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_METADATA, hash=False)
    dropped: tuple[Dropped, ...] = field(default=(), compare=False)

    @property
    def display_title(self) -> str:
        """The title, or the source of an article without one."""
        return self.title or self.source

    @property
    def names(self) -> tuple[str, ...]:
        """Author and publisher, where known; a publisher that signs its own articles is named once."""
        return tuple(dict.fromkeys(filter(None, (self.author, self.publisher))))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A half-open span of an article's text that holds one sentence, or one heading."""

    article: Article = field(repr=False)
    start: int
    end: int
    heading: bool = False

    @property
    def text(self) -> str:
        """The span's slice of the article's text."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Passage:
    """A half-open span of an article's text made of whole sentences that fits the encoder's window."""

    article: Article = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The span's slice of the article's text."""
        return self.article.text[self.start : self.end]


def text_sha256(text: str) -> str:
    """The hash that tells canonical texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()


def identifier(source: str) -> str:
    """A readable id that is stable for a path: "006-report-3f9a01c2"."""
    stem = source.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(source.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest
