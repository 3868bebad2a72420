"""HTML pages: which words are the article's, and in which blocks they stand.

Two readers share the work. `_Walk` turns a page into blocks, word for word and in order, but cannot tell
an article from a menu. Trafilatura can, but it also leaves out footnotes, captions and biographies and
reshapes what it keeps. So trafilatura says which blocks belong to the article, the page gives the words:

    <nav>Home</nav><article><p>A trust began in Kent.</p><p class="footnote">1 In May.</p></article>
        ->  "A trust began in Kent." (trafilatura kept it)  "1 In May." (marked as the author's)
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from corpus.article import Dropped, Unreadable
from corpus.draft import Block, Draft, Facts, Kind
from corpus.text import decode

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_UNSEEN = re.compile(
    "head|script|style|noscript|template|svg|iframe|object|canvas|audio|video|map|button|select|textarea"
)
_BLOCK = re.compile(
    """address|article|aside|blockquote|body|caption|center|dd|details|dialog|div|dl|dt|fieldset|figcaption
    |figure|footer|form|h[1-6]|header|hr|legend|li|main|nav|ol|p|pre|section|summary|table|tbody|td|tfoot
    |th|thead|tr|ul""",
    re.VERBOSE,
)
_ROOTS = ("article", "main", "body")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_BACK_ARROWS = "↑↩↵⏎⤴⬆^\ufe0e\ufe0f "
# Authors who part paragraphs by one <br> end the line like a sentence; a line of an address does not.
_LONG_LINE = 60

_SITE_TAGS = ("nav", "header", "footer", "aside", "form")
_SITE_WORD = re.compile(
    """nav|navigation|menu|breadcrumbs?|cookies?|consent|gdpr|related|recommended|newsletter|signup|subscribe
    |subscription|comments?|disqus|share|sharing|promo|advert|advertisement|ads|sponsored|sidebar|popular
    |trending|login|paywall|pagination""",
    re.VERBOSE,
)
_AUTHORS_WORD = re.compile(
    """footnotes?|endnotes?|notes?|standfirst|strapline|deck|dek|lede|lead|intro|introduction|abstract|bio
    |biography|authors?|byline|contributor|caption|figcaption|correction|clarification|references|sources""",
    re.VERBOSE,
)
# Encodings that browsers read; Python knows others, which unescape or unpack. Latin-1 means Windows-1252.
_ENCODINGS = re.compile(
    r"iso-8859-(?!1$)\d+|windows-125[0-8]|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(k|2312|18030)|big5"
)
# A run of four words says that two texts are the same place; a shorter block must be equal as a whole.
_RUN = 4
_Run = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A block element with what its ancestors say; `root` is the article, main or body element around it."""

    element: HtmlElement
    root: HtmlElement
    parent: _Place | None
    site: bool
    authors: bool
    site_tag: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A block, where it stands, and the share of its characters that are links."""

    block: Block
    place: _Place
    linked: float


def html_draft(raw: bytes) -> Draft:
    """The article on a page, its facts, and every other visible line as dropped."""
    text = _page_text(raw)
    pieces = _Walk().pieces(_parse(text))
    # Trafilatura stumbles over control characters written as "&#11;" and over lists 500 deep.
    try:
        facts, runs = _facts(text), _kept_runs(text)
    except (ValueError, RecursionError):
        facts, runs = Facts(), set()
    facts = _with_headline(facts, pieces)
    kept = _articles_own(pieces, runs)
    others = [piece for piece in pieces if _words(piece.block.text) != _words(facts.title)]
    dropped = (piece.block.text for piece in others if piece not in kept)
    return Draft(
        tuple(piece.block for piece in others if piece in kept),
        facts,
        dropped=tuple(Dropped(line, "site navigation or boilerplate") for line in dropped),
    )


def html_blocks(fragment: str) -> tuple[Block, ...]:
    """Every visible block of simple HTML, in order: headings, paragraphs, list items, table rows."""
    return tuple(piece.block for piece in _Walk().pieces(_parse(f"<div>{fragment}</div>")))


def xml_texts(raw: bytes) -> dict[str, str]:
    """The text of each child of an XML document's root by local name, with entities and network off."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"holds broken XML ({error})") from error
    named = ((etree.QName(child).localname, child.text) for child in root if isinstance(child.tag, str))
    return {name: " ".join((text or "").split()) for name, text in named}


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


def _parse(text: str) -> HtmlElement:
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    # Without huge_tree the parser stops at 256 nested elements and loses the rest of the page silently.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = document_fromstring(_CONTROLS.sub("", text).encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise Unreadable("holds no HTML text") from error
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise Unreadable("is nested more than 2,000 elements deep")
    return root


class _Walk:
    """One pass over a tree without recursion: text gathers in a buffer, a block element flushes it."""

    def __init__(self) -> None:
        self._found: list[_Piece] = []
        self._buffer: list[str] = []
        self._linked = 0
        self._marker = ""
        self._places: list[_Place] = []
        self._depth: Counter[str] = Counter()
        self._counts: list[int | None] = []
        self._row: HtmlElement | None = None

    def pieces(self, root: HtmlElement) -> list[_Piece]:
        """Blocks in the order of the page."""
        for event, element, text in _tokens(root):
            if event == "open":
                self._enter(element)
            elif event == "close":
                self._leave(element)
            self._say(text)
        self._flush()
        return self._found

    def _say(self, text: str) -> None:
        if text != "\n" and not self._depth["pre"]:
            text = text.replace("\n", " ")
        self._buffer.append(text)
        if self._depth["a"]:
            self._linked += len(text.strip())

    def _enter(self, element: HtmlElement) -> None:
        tag = str(element.tag)
        self._depth[tag] += 1
        if _BLOCK.fullmatch(tag) or not self._places:
            self._flush()
            self._places.append(_place(element, self._places[-1] if self._places else None))
        if tag == "tr" and self._row is None and _is_row(element):
            self._row = element
        elif tag in ("td", "th") and self._row is not None and element.getprevious() is not None:
            self._buffer.append(" | ")
        elif tag in ("ol", "ul"):
            self._counts.append(_number(element.get("start"), 1) if tag == "ol" else None)
        elif tag == "li":
            self._marker = self._item_marker(element)

    def _leave(self, element: HtmlElement) -> None:
        tag = str(element.tag)
        if element is self._row:
            self._row = None
        if tag == "dt":
            self._marker += f"{_folded(''.join(self._buffer))} | "
            self._buffer.clear()
        if _BLOCK.fullmatch(tag):
            self._flush()
        if tag in ("ol", "ul") and self._counts:
            self._counts.pop()
        if tag in ("li", "dl"):
            term, self._marker = self._marker.removesuffix(" | "), ""
            if tag == "dl" and term:
                self._emit(term, 0)
        if _BLOCK.fullmatch(tag) and len(self._places) > 1:
            self._places.pop()
        self._depth[tag] -= 1

    def _item_marker(self, element: HtmlElement) -> str:
        if not self._counts or self._counts[-1] is None:
            return "- "
        number = _number(element.get("value"), self._counts[-1])
        self._counts[-1] = number + 1
        return f"{number}. "

    def _flush(self) -> None:
        """Makes blocks of the buffer, but not between the cells of one row."""
        if self._row is not None:
            self._buffer.append(" ")
            return
        text, linked = "".join(self._buffer), self._linked
        self._buffer.clear()
        self._linked = 0
        for paragraph in _paragraphs(text):
            if re.search(r"[^\s|]", paragraph):
                self._emit(paragraph, linked / len(text.strip()))

    def _emit(self, text: str, linked: float) -> None:
        heading = any(self._depth[f"h{level}"] for level in range(1, 7))
        block = Block(text, Kind.HEADING) if heading else Block(self._marker + text)
        self._marker = ""
        self._found.append(_Piece(block, self._places[-1], linked))


def _tokens(root: HtmlElement) -> Iterator[tuple[str, HtmlElement, str]]:
    """("open", element, its text), ("close", element, its tail), or ("instead", element, other text)."""
    from lxml import etree

    events = etree.iterwalk(root, events=("start", "end"))
    skipped: HtmlElement | None = None
    for event, element in events:
        if event == "end":
            yield ("instead" if element is skipped else "close"), element, element.tail or ""
            continue
        skipped = None
        instead = _instead(element)
        if instead is None:
            yield "open", element, element.text or ""
        else:
            yield "instead", element, instead
            skipped = element
            events.skip_subtree()


def _instead(element: HtmlElement) -> str | None:
    """What to say in place of a line break, an unseen element or a footnote's link; None for all others."""
    if element.tag == "br":
        return "\n"
    hidden = element.get("hidden") is not None or element.get("aria-hidden") == "true"
    if _UNSEEN.fullmatch(str(element.tag)) or hidden or _HIDDEN.search(element.get("style") or ""):
        return ""
    if element.tag == "a" and (element.get("href") or "").startswith("#"):
        label = _folded(element.text_content())
        if label and not label.strip(_BACK_ARROWS):
            return ""
        raised = any(e.tag == "sup" for e in (element.getparent(), *element) if e is not None)
        return f"[{label}]" if raised and label.isdigit() else None
    return None


def _is_row(row: HtmlElement) -> bool:
    """Whether a table row holds values side by side, and is not the frame of a page's layout."""
    cells = row.findall("td") + row.findall("th")
    inner = ((e.tag for e in cell.iterdescendants() if _BLOCK.fullmatch(str(e.tag))) for cell in cells)
    blocks = [list(islice(tags, 2)) for tags in inner]
    return len(cells) > 1 and all(len(tags) < 2 and not {*tags} & {"table", "ul", "ol"} for tags in blocks)


def _paragraphs(text: str) -> list[str]:
    """Parts between two line breaks, or behind one that follows a long line with a full stop."""
    text = re.sub(r"[ \t\xa0]*\n[ \t\xa0]*", "\n", text)
    paragraphs: list[str] = []
    for part in re.split(r"\n{2,}", text):
        lines: list[str] = []
        for line in part.split("\n"):
            lines.append(line)
            if len(line) >= _LONG_LINE and re.search(r"[.!?…][\"”’')\]]*$", line):
                paragraphs.append(" ".join(lines))
                lines = []
        paragraphs.append(" ".join(lines))
    return [_folded(paragraph) for paragraph in paragraphs if paragraph.strip()]


def _place(element: HtmlElement, parent: _Place | None) -> _Place:
    tag = str(element.tag)
    above = parent if parent and tag not in _ROOTS else None
    words = set() if tag in ("html", "body") else _names(element)
    site = any(map(_SITE_WORD.fullmatch, words)) or tag == "nav" or bool(above and above.site)
    head = tag == "header" and above is not None and above.root.tag == "article"
    own = any(map(_AUTHORS_WORD.fullmatch, words)) or head or tag in ("figcaption", "caption")
    return _Place(
        root=above.root if above else element,
        parent=parent,
        site=site,
        authors=not site and (own or bool(above and above.authors)),
        site_tag=tag in _SITE_TAGS or bool(parent and parent.site_tag),
        element=element,
    )


def _names(element: HtmlElement) -> set[str]:
    """The words in an element's class, id and role: class="authorBio" is author, bio."""
    names = " ".join(element.get(key) or "" for key in ("class", "id", "role"))
    return set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", names).lower()))


def _kept_runs(text: str) -> set[_Run]:
    """The word runs of what trafilatura takes for the article; empty when it finds none."""
    from trafilatura import bare_extraction

    found = bare_extraction(_parse(text), favor_recall=True, include_comments=False, include_tables=True)
    if found is None or isinstance(found, dict):
        return set()
    parts = [_words(str(part)) for part in found.body.itertext()]
    whole = [_words(" ".join(map(str, element.itertext()))) for element in found.body.iter()]
    short = {words for words in (*parts, *whole) if 0 < len(words) < _RUN}
    return short | _runs(tuple(word for words in parts for word in words))


def _articles_own(pieces: Sequence[_Piece], runs: set[_Run]) -> set[_Piece]:
    """What trafilatura kept and what beside it is the author's; if it kept nothing, the visible text."""
    found = {piece for piece in pieces if _covered(piece, runs)}
    plain = {piece.block.text for piece in found if not piece.place.site}
    found = {piece for piece in found if not (piece.place.site and piece.block.text in plain)}
    if not found:
        return {piece for piece in pieces if not piece.place.site_tag}
    roots: set[HtmlElement] = set()
    for root in {piece.place.root for piece in found}:
        roots |= {root, *(above for above in root.iterancestors("article", "main"))}
    paragraphs = [piece.place for piece in found if piece.block.kind is Kind.PARAGRAPH]
    beside = {*paragraphs, *(place.parent for place in paragraphs)}
    return found | {piece for piece in pieces if _adopted(piece, roots, beside)}


def _adopted(piece: _Piece, roots: set[HtmlElement], beside: set[_Place | None]) -> bool:
    place = piece.place
    near = place.parent in beside or place in beside or (place.authors and place.root in roots)
    return near and not place.site and piece.linked < 0.5


def _covered(piece: _Piece, runs: set[_Run]) -> bool:
    own = _runs(_words(re.sub(r"^(?:-|\d+\.) ", "", piece.block.text)))
    return len(own & runs) * 2 >= len(own) > 0


def _words(text: str) -> _Run:
    return tuple(re.findall(r"\w+", text.casefold()))


def _runs(words: _Run) -> set[_Run]:
    if len(words) < _RUN:
        return {words} if words else set()
    return {words[place : place + _RUN] for place in range(len(words) - _RUN + 1)}


def _facts(text: str) -> Facts:
    from trafilatura.metadata import extract_metadata

    # A year somewhere on a page is no date of the article: only marked dates count.
    found = extract_metadata(_parse(text), date_config={"extensive_search": False, "original_date": True})
    return Facts(
        title=_folded(found.title or ""),
        author=(found.author or "").replace("; ", ", "),
        publisher=found.sitename or "",
        published=found.date or "",
        url=found.url or "",
    )


def _with_headline(facts: Facts, pieces: Sequence[_Piece]) -> Facts:
    """The page's own headline for a title that also names the site: "Plenty to do | The Paper"."""
    headlines = [piece.block.text for piece in pieces if piece.place.element.tag == "h1"]
    within = [line for line in headlines if not facts.title or line.casefold() in facts.title.casefold()]
    return replace(facts, title=max(within, key=len)) if within else facts


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"-?\d{1,6}", text, re.ASCII) else otherwise


def _folded(text: str) -> str:
    return " ".join(text.split())
