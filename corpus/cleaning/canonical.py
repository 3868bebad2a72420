"""Turns a draft into an article: drops boilerplate, recognises metadata, assembles the canonical text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

from corpus.article import LONGEST_FIELD, Article, identifier, text_sha256
from corpus.cleaning.boilerplate import trim
from corpus.cleaning.headings import looks_like_heading
from corpus.cleaning.metadata import recognise
from corpus.draft import Block, Draft, Kind

PARAGRAPH_BREAK = "\n\n"
# Byte order marks, soft hyphens, and the marks that set the direction of text.
_MARKS = frozenset("\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# The title is looked for among the first blocks, below a byline or section label at most.
_TOP_BLOCKS = 10


def finish(draft: Draft, source: str) -> Article:
    """The article of a draft; `source` is its path below the folder that was read."""
    folded = [replace(block, text=_fold(block.text)) for block in draft.blocks]
    whole = [block for block in folded if block.text]
    blocks, dropped = trim(whole) if draft.scraped else (whole, [])
    draft, blocks = recognise(draft, blocks, dropped)
    if draft.loose:
        blocks = _with_headings(blocks)
    fields = {name: _fold(value) for name, value in asdict(draft.facts).items()}
    title = fields["title"]
    if title and not any(block.text == title for block in blocks[:_TOP_BLOCKS]):
        blocks = [Block(title, Kind.HEADING), *blocks]
    text, headings = _assemble(blocks)
    return Article(
        **{name: _cut(name, value) for name, value in fields.items()},
        id=identifier(source),
        text=text,
        source=source,
        sha256=text_sha256(text),
        headings=headings,
        metadata=MappingProxyType(
            {
                _fold(key): "\n".join(filter(None, map(_fold, value.split("\n"))))
                for key, value in draft.metadata.items()
            }
        ),
        dropped=tuple(replace(line, text=_fold(line.text)) for line in draft.dropped),
    )


def _cut(name: str, value: str) -> str:
    """The field, if it is not too long; otherwise its beginning, and nothing of an address."""
    if len(value) <= LONGEST_FIELD:
        return value
    return "" if name == "url" else value[:LONGEST_FIELD].rstrip()


def _fold(text: str) -> str:
    """NFC, without control characters and marks of text direction, white space runs as one space.

    Unseen characters go first: a soft hyphen between letter and accent would keep NFC from joining them.
    """
    seen = "".join(c for c in text if c.isspace() or not _unseen(c))
    return " ".join(unicodedata.normalize("NFC", seen).split())


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in _MARKS


def _with_headings(blocks: Sequence[Block]) -> list[Block]:
    following = [block.text for block in blocks[1:]] + [""]
    return [
        replace(block, kind=Kind.HEADING) if looks_like_heading(block.text, after) else block
        for block, after in zip(blocks, following, strict=False)
    ]


def _assemble(blocks: Sequence[Block]) -> tuple[str, tuple[tuple[int, int], ...]]:
    headings: list[tuple[int, int]] = []
    start = 0
    for block in blocks:
        end = start + len(block.text)
        if block.kind is Kind.HEADING:
            headings.append((start, end))
        start = end + len(PARAGRAPH_BREAK)
    return PARAGRAPH_BREAK.join(block.text for block in blocks), tuple(headings)
