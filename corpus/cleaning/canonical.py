"""From a draft to an article: boilerplate out, facts found, one canonical text with its headings."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from corpus.article import Article, identifier, text_sha256
from corpus.cleaning.boilerplate import trim
from corpus.cleaning.headings import looks_like_heading
from corpus.cleaning.metadata import recognise
from corpus.draft import Block, Draft, Kind, Metadata

# Paragraphs stand apart by one blank line, in every article and on every machine.
PARAGRAPH_BREAK = "\n\n"

# Byte order marks, soft hyphens, and the marks that reverse the direction of text.
_MARKS = frozenset("\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# The title stands among the first blocks, below a byline or a section at most.
_TOP_BLOCKS = 10


def finish(draft: Draft, source: str) -> Article:
    """The article a draft makes; `source` is its path in the folder it came from."""
    folded = [replace(block, text=_fold(block.text)) for block in draft.blocks]
    whole = [block for block in folded if block.text]
    blocks, dropped = trim(whole) if draft.scraped else (whole, [])
    draft, blocks = recognise(draft, blocks, dropped)
    if draft.loose:
        blocks = _with_headings(blocks)
    facts = _folded_facts(draft.facts)
    if facts.title and not any(block.text == facts.title for block in blocks[:_TOP_BLOCKS]):
        blocks = [Block(facts.title, Kind.HEADING), *blocks]
    text, headings = _assemble(blocks)
    return Article(
        id=identifier(source),
        title=facts.title,
        text=text,
        source=source,
        url=facts.url,
        author=facts.author,
        publisher=facts.publisher,
        published=facts.published,
        sha256=text_sha256(text),
        headings=headings,
        metadata=MappingProxyType({_fold(key): _fold_lines(value) for key, value in draft.metadata.items()}),
        dropped=tuple(replace(line, text=_fold(line.text)) for line in draft.dropped),
    )


def _fold(text: str) -> str:
    """NFC, nothing that steers a terminal or turns text around, every run of white space one plain space.

    What is unseen goes first: a soft hyphen between a letter and its accent keeps NFC from joining them.
    """
    seen = "".join(c for c in text if c.isspace() or not _unseen(c))
    return " ".join(unicodedata.normalize("NFC", seen).split())


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in _MARKS


def _fold_lines(text: str) -> str:
    """The same for a list whose entries stand on a line each."""
    return "\n".join(filter(None, map(_fold, text.split("\n"))))


def _folded_facts(facts: Metadata) -> Metadata:
    return Metadata(
        title=_fold(facts.title),
        author=_fold(facts.author),
        publisher=_fold(facts.publisher),
        published=_fold(facts.published),
        url=_fold(facts.url),
    )


def _with_headings(blocks: Sequence[Block]) -> list[Block]:
    if not blocks:
        return []
    following = [*(block.text for block in blocks[1:]), ""]
    return [
        replace(block, kind=Kind.HEADING) if looks_like_heading(block.text, after) else block
        for block, after in zip(blocks, following, strict=True)
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
