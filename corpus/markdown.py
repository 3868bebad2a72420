"""Markdown files: YAML front matter for the facts, CommonMark with tables for the text.

Marks are removed and words are kept: `**trust**` is "trust", `[the Act](https://…)` is "the Act",
`![a photo](x.png)` is nothing, and the footnote `[^1]: See chapter 4.` is the block "[1] See chapter 4."
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType

import yaml
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference
from markdown_it.token import Token

from corpus.article import Unreadable
from corpus.draft import Block, Draft, Facts, Kind
from corpus.html import html_blocks

FACT_KEYS = {
    "title": ("title",),
    "author": ("author", "byline", "authors"),
    "publisher": ("publisher", "source", "site"),
    "published": ("published", "date"),
    "url": ("url", "link"),
}
DATE_FORMATS = (("%d %B %Y", 10), ("%d %b %Y", 10), ("%B %d, %Y", 10), ("%b %d, %Y", 10), ("%B %Y", 7))
FENCE = re.compile(r"---[ \t]*")
END_FENCE = re.compile(r"(?:---|\.\.\.)[ \t]*")
KEY = re.compile(r"\s*(?:#|[\w\"'][^:]*:(?:\s|$))")
ISO_DATE = re.compile(r"(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:[T ].*)?")
FOOTNOTE_MARK = re.compile(r"\[\^([^\]\s]+)\]:?")
FOOTNOTE_START = re.compile(r"\n(?=\[\^[^\]\s]+\]:)")
# 20, the parser's own limit, drops what is nested deeper without a word; at 100 it stays well inside
# Python's recursion limit, with two frames a level.
MAX_NESTING = 100


def markdown_draft(text: str) -> Draft:
    """The blocks and facts of a Markdown file; `Unreadable` names the line of broken front matter."""
    front, body = _split(text.removeprefix("\ufeff"))
    facts, metadata = _facts(front)
    blocks = tuple(_blocks(_parse(body), 0))
    if blocks and blocks[0].kind is Kind.HEADING and _leads(body):
        heading = " ".join(blocks[0].text.split())
        if facts.title.casefold() in ("", heading.casefold()):
            title = facts.title or heading
            facts = Facts(title, facts.author, facts.publisher, facts.published, facts.url)
            blocks = blocks[1:]
    return Draft(blocks, facts, MappingProxyType(metadata))


def _leads(body: str) -> bool:
    """Whether the first thing in the body is a heading of the first level."""
    return next((token.tag == "h1" for token in _parse(body) if token.type != "html_block"), False)
