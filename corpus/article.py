"""Articles, and spans of their text. Offsets count code points of `Article.text`; spans are half-open."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NO_METADATA: Mapping[str, str] = MappingProxyType({})
LONGEST_FIELD = 2_000  # characters of title, author, publisher and address: pages list those of all articles


class CorpusError(Exception):
    """Base of this room's errors; the message states the fact, the place and the next step."""


class Unreadable(CorpusError):
    """A file that cannot become an article; the message is the reason without the file's name."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A line that cleaning left out of the canonical text, and the rule that removed it."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Article:
    """One article, cleaned once and immutable.

    `text` is the canonical text: paragraphs separated by one blank line, no line break inside a paragraph,
    white space runs folded to one space. `headings` are spans of `text` (the title and sub-headings).
    `source` is the path below the folder that was read, with forward slashes. `published` is an ISO 8601
    date, year-month or year. `title`, `author`, `publisher`, `published` and `url` are "" if unknown, one
    line each and `LONGEST_FIELD` characters at most; the heading in the text keeps a longer title whole.
    `sha256` is the hash of `text` in UTF-8; `id` is stable for a source path.
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
        """Author and publisher, where known; once if they are the same."""
        return tuple(dict.fromkeys(filter(None, (self.author, self.publisher))))


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of an article's text."""

    article: Article = field(repr=False)
    start: int
    end: int

    @property
    def text(self) -> str:
        """The span's slice of the article's text."""
        return self.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Sentence(Span):
    """One sentence, or one heading."""

    heading: bool = False


class Passage(Span):
    """Whole sentences that fit the encoder's window together."""

    __slots__ = ()


def text_sha256(text: str) -> str:
    """The hash by which equal canonical texts are recognised."""
    return hashlib.sha256(text.encode()).hexdigest()


def identifier(source: str) -> str:
    """A readable id that is stable for a path: "006-report-3f9a01c2"."""
    stem = source.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(source.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest
