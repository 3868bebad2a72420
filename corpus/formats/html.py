"""Extracts the article from an HTML page: trafilatura selects the blocks, the page gives the words.

`corpus.formats.html_blocks` turns a page into blocks, word for word, but cannot tell an article from a menu.
Trafilatura can, but it also drops footnotes, captions and biographies and reshapes the text. So its output
only says which blocks belong to the article:

    <nav>Home</nav><article><p>A trust began in Kent.</p><p class="footnote">1 In May.</p></article>
        ->  "A trust began in Kent." (kept by trafilatura)  "1 In May." (marked as the author's)
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from corpus.article import Dropped
from corpus.draft import Draft, Kind, Metadata
from corpus.formats.html_blocks import BlockElement, Piece, fold_spaces, page_pieces, parse_page
from corpus.formats.plain_text import decode

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Encodings of browsers; some of Python's others unescape or unpack. Latin-1 means Windows-1252.
_ENCODINGS = re.compile(
    r"iso-8859-([2-9]|1[013456])|windows-125[0-8]|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5"
)
_SITES_OWN = "site navigation or boilerplate"
# Texts that share a run of four words are the same block; a shorter block must be equal as a whole.
_RUN = 4
_Run = tuple[str, ...]


def html_draft(raw: bytes) -> Draft:
    """The article on a page, its metadata, and every other visible line as dropped."""
    text = _page_text(raw)
    pieces = page_pieces(parse_page(text))
    # Trafilatura fails on control characters written as "&#11;" and on lists nested 500 deep.
    try:
        facts, runs = _facts(text), _article_runs(text)
    except (ValueError, RecursionError):
        facts, runs = Metadata(), set()
    facts = _with_headline(facts, pieces)
    article_pieces = _article_pieces(pieces, runs)
    others = [piece for piece in pieces if _words(_unmarked(piece)) != (_words(facts.title) or None)]
    blocks = tuple(piece.block for piece in others if piece in article_pieces)
    left = (_unmarked(piece) for piece in others if piece not in article_pieces)
    return Draft(blocks, facts, dropped=tuple(Dropped(line, _SITES_OWN) for line in left), scraped=True)


def _page_text(raw: bytes) -> str:
    """The decoded page; valid UTF-8 takes precedence over a <meta> that a tool left unchanged when saving."""
    declared = re.search(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", raw[:4096], re.IGNORECASE)
    name = declared.group(1).decode("ascii").lower() if declared else ""
    if not _ENCODINGS.fullmatch(name) or raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return decode(raw)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return codecs.decode(raw, name, "replace")


def _article_runs(text: str) -> set[_Run]:
    """The word runs of the article as trafilatura extracts it; empty if it finds none."""
    from trafilatura import bare_extraction

    document = bare_extraction(
        parse_page(text), favor_recall=True, include_comments=False, include_tables=True
    )
    if document is None or isinstance(document, dict):
        return set()
    parts = [_words(str(part)) for part in document.body.itertext()]
    whole = [_words(" ".join(map(str, element.itertext()))) for element in document.body.iter()]
    short = {words for words in (*parts, *whole) if 0 < len(words) < _RUN}
    return short | _runs(tuple(word for words in parts for word in words))


def _article_pieces(pieces: Sequence[Piece], runs: set[_Run]) -> set[Piece]:
    """What trafilatura kept and the author's pieces beside it; if it kept nothing, all visible text."""
    covered = {piece for piece in pieces if _covered(piece, runs)}
    plain = {_unmarked(piece) for piece in covered if not piece.container.site}
    covered = {piece for piece in covered if not (piece.container.site and _unmarked(piece) in plain)}
    if not covered:
        return {piece for piece in pieces if not piece.container.site_tag}
    roots: set[HtmlElement] = set()
    for root in {piece.container.root for piece in covered}:
        roots |= {root, *(above for above in root.iterancestors("article", "main"))}
    paragraphs = [piece.container for piece in covered if piece.block.kind is Kind.PARAGRAPH]
    beside = {*paragraphs, *(container.parent for container in paragraphs)}
    return covered | {piece for piece in pieces if _adopted(piece, roots, beside)}


def _adopted(piece: Piece, roots: set[HtmlElement], beside: set[BlockElement | None]) -> bool:
    container = piece.container
    near = (
        container.parent in beside or container in beside or (container.authors and container.root in roots)
    )
    return near and not container.site and piece.linked < 0.5


def _covered(piece: Piece, runs: set[_Run]) -> bool:
    words = _runs(_words(_unmarked(piece)))
    return len(words & runs) * 2 >= len(words) > 0


def _unmarked(piece: Piece) -> str:
    return re.sub(r"^(?:-|\d+\.) ", "", piece.block.text)


def _words(text: str) -> _Run:
    return tuple(re.findall(r"\w+", text.casefold()))


def _runs(words: _Run) -> set[_Run]:
    if len(words) < _RUN:
        return {words} if words else set()
    return {words[start : start + _RUN] for start in range(len(words) - _RUN + 1)}


def _facts(text: str) -> Metadata:
    from trafilatura.metadata import extract_metadata

    # Only marked-up dates count: a year somewhere on a page is not the date of the article.
    document = extract_metadata(
        parse_page(text), date_config={"extensive_search": False, "original_date": True}
    )
    return Metadata(
        title=fold_spaces(document.title or ""),
        author=(document.author or "").replace("; ", ", "),
        publisher=document.sitename or "",
        published=document.date or "",
        url=document.url or "",
    )


def _with_headline(facts: Metadata, pieces: Sequence[Piece]) -> Metadata:
    """The page's own headline for a title that also names the site: "Plenty to do | The Paper"."""
    headlines = [piece.block.text for piece in pieces if piece.container.element.tag == "h1"]
    within = [line for line in headlines if not facts.title or line.casefold() in facts.title.casefold()]
    return replace(facts, title=max(within, key=len, default=facts.title))
