"""HTML pages: which words are the article's, and in which blocks they stand.

Two readers share the work. `corpus.formats.html_blocks` turns a page into blocks, word for word and in order, but cannot
tell an article from a menu. Trafilatura can, but it also leaves out footnotes, captions and biographies and
reshapes what it keeps. So trafilatura says which blocks belong to the article, the page gives the words:

    <nav>Home</nav><article><p>A trust began in Kent.</p><p class="footnote">1 In May.</p></article>
        ->  "A trust began in Kent." (trafilatura kept it)  "1 In May." (marked as the author's)
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from corpus.article import Dropped
from corpus.draft import Draft, Kind, Metadata
from corpus.formats.html_blocks import Piece, Place, folded, page_pieces, parse_page
from corpus.formats.plain_text import decode

if TYPE_CHECKING:
    from lxml.html import HtmlElement

# Encodings that browsers read; Python knows others, which unescape or unpack. Latin-1 means Windows-1252.
_ENCODINGS = re.compile(
    r"iso-8859-([2-9]|1[013456])|windows-125[0-8]|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5"
)
_SITES_OWN = "site navigation or boilerplate"
# A run of four words says that two texts are the same place; a shorter block must be equal as a whole.
_RUN = 4
_Run = tuple[str, ...]


def html_draft(raw: bytes) -> Draft:
    """The article on a page, its facts, and every other visible line as dropped."""
    text = _page_text(raw)
    pieces = page_pieces(parse_page(text))
    # Trafilatura stumbles over control characters written as "&#11;" and over lists 500 deep.
    try:
        facts, runs = _facts(text), _kept_runs(text)
    except (ValueError, RecursionError):
        facts, runs = Metadata(), set()
    facts = _with_headline(facts, pieces)
    kept = _articles_own(pieces, runs)
    others = [piece for piece in pieces if _words(_unmarked(piece)) != (_words(facts.title) or None)]
    blocks = tuple(piece.block for piece in others if piece in kept)
    left = (_unmarked(piece) for piece in others if piece not in kept)
    return Draft(blocks, facts, dropped=tuple(Dropped(line, _SITES_OWN) for line in left), scraped=True)


def _page_text(raw: bytes) -> str:
    """Characters of a page; valid UTF-8 wins over a <meta> that a tool forgot to change when saving."""
    declared = re.search(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", raw[:4096], re.IGNORECASE)
    name = declared.group(1).decode("ascii").lower() if declared else ""
    if not _ENCODINGS.fullmatch(name) or raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return decode(raw)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return codecs.decode(raw, name, "replace")


def _kept_runs(text: str) -> set[_Run]:
    """The word runs of what trafilatura takes for the article; empty when it finds none."""
    from trafilatura import bare_extraction

    found = bare_extraction(parse_page(text), favor_recall=True, include_comments=False, include_tables=True)
    if found is None or isinstance(found, dict):
        return set()
    parts = [_words(str(part)) for part in found.body.itertext()]
    whole = [_words(" ".join(map(str, element.itertext()))) for element in found.body.iter()]
    short = {words for words in (*parts, *whole) if 0 < len(words) < _RUN}
    return short | _runs(tuple(word for words in parts for word in words))


def _articles_own(pieces: Sequence[Piece], runs: set[_Run]) -> set[Piece]:
    """What trafilatura kept and what beside it is the author's; if it kept nothing, the visible text."""
    found = {piece for piece in pieces if _covered(piece, runs)}
    plain = {_unmarked(piece) for piece in found if not piece.place.site}
    found = {piece for piece in found if not (piece.place.site and _unmarked(piece) in plain)}
    if not found:
        return {piece for piece in pieces if not piece.place.site_tag}
    roots: set[HtmlElement] = set()
    for root in {piece.place.root for piece in found}:
        roots |= {root, *(above for above in root.iterancestors("article", "main"))}
    paragraphs = [piece.place for piece in found if piece.block.kind is Kind.PARAGRAPH]
    beside = {*paragraphs, *(place.parent for place in paragraphs)}
    return found | {piece for piece in pieces if _adopted(piece, roots, beside)}


def _adopted(piece: Piece, roots: set[HtmlElement], beside: set[Place | None]) -> bool:
    place = piece.place
    near = place.parent in beside or place in beside or (place.authors and place.root in roots)
    return near and not place.site and piece.linked < 0.5


def _covered(piece: Piece, runs: set[_Run]) -> bool:
    own = _runs(_words(_unmarked(piece)))
    return len(own & runs) * 2 >= len(own) > 0


def _unmarked(piece: Piece) -> str:
    return re.sub(r"^(?:-|\d+\.) ", "", piece.block.text)


def _words(text: str) -> _Run:
    return tuple(re.findall(r"\w+", text.casefold()))


def _runs(words: _Run) -> set[_Run]:
    if len(words) < _RUN:
        return {words} if words else set()
    return {words[place : place + _RUN] for place in range(len(words) - _RUN + 1)}


def _facts(text: str) -> Metadata:
    from trafilatura.metadata import extract_metadata

    # A year somewhere on a page is no date of the article: only marked dates count.
    found = extract_metadata(parse_page(text), date_config={"extensive_search": False, "original_date": True})
    return Metadata(
        title=folded(found.title or ""),
        author=(found.author or "").replace("; ", ", "),
        publisher=found.sitename or "",
        published=found.date or "",
        url=found.url or "",
    )


def _with_headline(facts: Metadata, pieces: Sequence[Piece]) -> Metadata:
    """The page's own headline for a title that also names the site: "Plenty to do | The Paper"."""
    headlines = [piece.block.text for piece in pieces if piece.place.element.tag == "h1"]
    within = [line for line in headlines if not facts.title or line.casefold() in facts.title.casefold()]
    return replace(facts, title=max(within, key=len, default=facts.title))
