"""What a reader of one file format hands over: blocks of text in order, and the facts it found.

A reader knows its format; it does not know site boilerplate or what a byline looks like. Those are
`corpus.cleaning.boilerplate` and `corpus.cleaning.metadata`, and `corpus.cleaning.canonical` turns the result into an `Article`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from corpus.article import NO_METADATA, Dropped


class Kind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or heading; `text` may still hold runs of white space."""

    text: str
    kind: Kind = Kind.PARAGRAPH


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says about its article; "" where it does not say."""

    title: str = ""
    author: str = ""
    publisher: str = ""
    published: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """An article before its text is final.

    `loose` says that the blocks come from plain text, where the title, byline and site boilerplate
    stand among the paragraphs and have to be recognised by their look. `scraped` says that lines of a web
    site may stand among them. `properties` are facts that the file tells of itself and not of its text:
    who saved it is seldom who wrote it, so they count only where the text says nothing.
    """

    blocks: tuple[Block, ...]
    facts: Metadata = Metadata()
    metadata: Mapping[str, str] = field(default_factory=lambda: NO_METADATA)
    dropped: tuple[Dropped, ...] = ()
    loose: bool = False
    scraped: bool = False
    properties: Metadata = Metadata()
