"""The result of a format's reader: blocks of text in order, and the metadata it found.

Site boilerplate and bylines are recognised later: `corpus.cleaning.canonical` makes the `Article`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from corpus.article import NO_METADATA, Dropped


class Kind(StrEnum):
    """Kinds of blocks."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or heading; `text` may still hold runs of white space."""

    text: str
    kind: Kind = Kind.PARAGRAPH


@dataclass(frozen=True, slots=True)
class Metadata:
    """Bibliographic fields of an article; "" where unknown."""

    title: str = ""
    author: str = ""
    publisher: str = ""
    published: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An article before cleaning.

    `loose`: the blocks come from plain text, so title and byline have to be recognised among the paragraphs.
    `scraped`: lines of a web site may stand among them. `properties` are the file's own metadata; they count
    only where the text gives none, because who saved a file is seldom its author.
    """

    blocks: tuple[Block, ...]
    facts: Metadata = Metadata()
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_METADATA)
    dropped: tuple[Dropped, ...] = ()
    loose: bool = False
    scraped: bool = False
    properties: Metadata = Metadata()
