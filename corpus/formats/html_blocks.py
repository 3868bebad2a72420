"""Turns an HTML page into pieces: every visible block in order, word for word, with its surroundings.

    <nav>Home</nav><article><p>A trust began in Kent.</p><p class="footnote">1 In May.</p></article>
        ->  "Home" (the site's)  "A trust began in Kent."  "1 In May." (marked as the author's)

`corpus.formats.html` selects the pieces that make the article.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from corpus.article import Unreadable
from corpus.cleaning.unwrap_lines import ends_sentence
from corpus.draft import Block, Kind

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
# Authors who separate paragraphs by one <br> end the line like a sentence; lines of addresses do not.
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


@dataclass(frozen=True, slots=True, eq=False)
class BlockElement:
    """A block element and its ancestors' roles; `root` is the article, main or body element around it."""

    element: HtmlElement
    root: HtmlElement
    parent: BlockElement | None
    site: bool
    authors: bool
    site_tag: bool


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A block, its element, and the share of its characters that are links."""

    block: Block
    container: BlockElement
    linked: float


def page_pieces(root: HtmlElement) -> list[Piece]:
    """Every visible block below an element, in order: headings, paragraphs, list items, table rows."""
    return _Walk().pieces(root)


def html_blocks(fragment: str) -> tuple[Block, ...]:
    """Every visible block of simple HTML, in order: headings, paragraphs, list items, table rows."""
    return tuple(piece.block for piece in page_pieces(parse_page(f"<div>{fragment}</div>")))


def xml_texts(raw: bytes) -> dict[str, str]:
    """The text of each child of an XML root by local name; entities and network are off."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"holds broken XML ({error})") from error
    named = ((etree.QName(child).localname, child.text) for child in root if isinstance(child.tag, str))
    return {name: " ".join((text or "").split()) for name, text in named}


def parse_page(text: str) -> HtmlElement:
    """The tree of a page. Raises Unreadable if there is none, or it is nested too deep."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    # Without huge_tree the parser silently drops everything below 256 nested elements.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = document_fromstring(_CONTROLS.sub("", text).encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise Unreadable("holds no HTML text") from error
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise Unreadable("is nested more than 2,000 elements deep")
    return root


class _Walk:
    """One pass over a tree without recursion: text collects in a buffer that block elements flush."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._buffer: list[str] = []
        self._linked = 0
        self._marker = ""
        self._containers: list[BlockElement] = []
        self._depth: Counter[str] = Counter()
        self._counts: list[int | None] = []
        self._row: HtmlElement | None = None

    def pieces(self, root: HtmlElement) -> list[Piece]:
        """Blocks in the order of the page."""
        for event, element, text in _tokens(root):
            if event == "open":
                self._enter(element)
            elif event == "close":
                self._leave(element)
            self._append(text)
        self._flush()
        return self._pieces

    def _append(self, text: str) -> None:
        if text != "\n" and not self._depth["pre"]:
            text = text.replace("\n", " ")
        self._buffer.append(text)
        if self._depth["a"]:
            self._linked += len(text.strip())

    def _enter(self, element: HtmlElement) -> None:
        tag = str(element.tag)
        self._depth[tag] += 1
        if _BLOCK.fullmatch(tag) or not self._containers:
            self._flush()
            self._containers.append(
                _block_element(element, self._containers[-1] if self._containers else None)
            )
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
            self._marker += f"{fold_spaces(''.join(self._buffer))} | "
            self._buffer = []
        if _BLOCK.fullmatch(tag):
            self._flush()
        if tag in ("ol", "ul") and self._counts:
            self._counts.pop()
        if tag in ("li", "dl"):
            term, self._marker = self._marker.removesuffix(" | "), ""
            if tag == "dl" and term:
                self._emit(term, 0)
        if _BLOCK.fullmatch(tag) and len(self._containers) > 1:
            self._containers.pop()
        self._depth[tag] -= 1

    def _item_marker(self, element: HtmlElement) -> str:
        if not self._counts or self._counts[-1] is None:
            return "- "
        number = _number(element.get("value"), self._counts[-1])
        self._counts[-1] = number + 1
        return f"{number}. "

    def _flush(self) -> None:
        """Make blocks of the buffer, but not between the cells of one row."""
        if self._row is not None:
            self._buffer.append(" ")
            return
        text, linked = "".join(self._buffer), self._linked
        self._buffer, self._linked = [], 0
        for paragraph in _paragraphs(text):
            if re.search(r"[^\s|]", paragraph):
                self._emit(paragraph, linked / len(text.strip()))

    def _emit(self, text: str, linked: float) -> None:
        heading = any(self._depth[f"h{level}"] for level in range(1, 7))
        block = Block(text, Kind.HEADING) if heading else Block(self._marker + text)
        self._marker = ""
        self._pieces.append(Piece(block, self._containers[-1], linked))


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
        replacement = _replacement(element)
        if replacement is None:
            yield "open", element, element.text or ""
        else:
            yield "instead", element, replacement
            skipped = element
            events.skip_subtree()


def _replacement(element: HtmlElement) -> str | None:
    """The text in place of a line break, a hidden element or a footnote link; None for all others."""
    if element.tag == "br":
        return "\n"
    hidden = "hidden" in element.attrib or element.get("aria-hidden") == "true"
    if hidden or _UNSEEN.fullmatch(str(element.tag)) or _HIDDEN.search(element.get("style") or ""):
        return ""
    if element.tag == "a" and (element.get("href") or "").startswith("#"):
        label = fold_spaces(element.text_content())
        if label and not label.strip(_BACK_ARROWS):
            return ""
        raised = element.getparent().tag == "sup" or element.find("sup") is not None
        return f"[{label}]" if raised and label.isdigit() else None
    return None


def _is_row(row: HtmlElement) -> bool:
    """Whether a table row holds data, and is not page layout."""
    cells = row.findall("td") + row.findall("th")
    inner = ((e.tag for e in cell.iterdescendants() if _BLOCK.fullmatch(str(e.tag))) for cell in cells)
    first = [[*islice(tags, 2)] for tags in inner]
    return len(cells) > 1 and all(len(tags) < 2 and not {*tags} & {"table", "ul", "ol"} for tags in first)


def _paragraphs(text: str) -> list[str]:
    """Parts between two line breaks, or behind one that follows a long line with a full stop."""
    text = re.sub(r"[ \t\xa0]*\n[ \t\xa0]*", "\n", text)
    paragraphs: list[str] = []
    for part in re.split(r"\n{2,}", text):
        lines: list[str] = []
        for line in part.split("\n"):
            lines.append(line)
            if len(line) >= _LONG_LINE and ends_sentence(line):
                paragraphs.append(" ".join(lines))
                lines = []
        paragraphs.append(" ".join(lines))
    return [fold_spaces(paragraph) for paragraph in paragraphs if paragraph.strip()]


def _block_element(element: HtmlElement, parent: BlockElement | None) -> BlockElement:
    tag = str(element.tag)
    above = parent if parent and tag not in _ROOTS else None
    words = set() if tag in ("html", "body") else _names(element)
    site = any(map(_SITE_WORD.fullmatch, words)) or tag == "nav" or bool(above and above.site)
    head = tag == "header" and above is not None and above.root.tag == "article"
    authors = any(map(_AUTHORS_WORD.fullmatch, words)) or head or tag in ("figcaption", "caption")
    return BlockElement(
        root=above.root if above else element,
        parent=parent,
        site=site,
        authors=not site and (authors or bool(above and above.authors)),
        site_tag=tag in _SITE_TAGS or bool(parent and parent.site_tag),
        element=element,
    )


def _names(element: HtmlElement) -> set[str]:
    """The words in class, id and role: class="authorBio" -> author, bio."""
    names = " ".join(element.get(key) or "" for key in ("class", "id", "role"))
    return {name.lower() for name in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", names)}


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"-?\d{1,6}", text, re.ASCII) else otherwise


def fold_spaces(text: str) -> str:
    """Every run of white space as one space."""
    return " ".join(text.split())
