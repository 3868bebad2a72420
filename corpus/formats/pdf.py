"""Reads the text layer of PDFs: drops running heads, rejoins hyphenated words and paragraphs.

page 1: "Journal of Trusts 12" / "A trust part-" / "nership began in"
page 2: "Journal of Trusts 13" / "May. The partnership grew."
    ->  "A trust partnership began in May. The partnership grew."
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from corpus.article import Dropped, Unreadable
from corpus.cleaning.unwrap_lines import unwrap
from corpus.draft import Block, Draft, Metadata
from corpus.formats.docx import headline, person

_PASSWORD_ERROR = 4
# A tiny file may claim any number of pages.
_MOST_PAGES = 10_000
# PDFium writes one of these for a hyphen at a line end, hard or soft, and omits the line break.
_HYPHENS = "\x02\ufffe\u00ad"
_LINE_ENDS = "\r\n"
# Between paragraphs the gap between lines is larger than within them, by this share of a line's height.
_PARAGRAPH_GAP = 0.35
# Headers and footers have three lines at most; a line repeated on this many pages is a running line.
_EDGE_LINES = 3
_REPEATS = 3
_ENOUGH_SOFT = 3
_PAGE_NUMBER = re.compile(r"page \d+( (of|/) \d+)?|[-–—] ?\d+ ?[-–—]", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BROKEN = re.compile(r"(?<=\S)[-\u2010]$")
_BREAK = "\x02"
_HALVES = re.compile(r"([^\s\x02]*)\x02 ([^\s\x02]+)")
_ENDS = re.compile(r"[.!?:;…][\"”’')\]]*$")


@dataclass(frozen=True, slots=True)
class _Line:
    """One physical line with its upper and lower edge, in points from the bottom of the page."""

    text: str
    top: float
    bottom: float


def pdf_draft(raw: bytes) -> Draft:
    """The paragraphs and metadata of a PDF. Raises Unreadable with the reason."""
    pages, properties = _read(raw)
    if not any(_LETTER.search(line.text) for page in pages for line in page):
        raise Unreadable("has no text layer; run OCR first")
    bodies, dropped = _without_running_lines(pages)
    # A mark for each hyphen at a line end keeps its position while lines are joined.
    lines = [_BROKEN.sub(_BREAK, line) for line in _with_blank_lines(bodies)]
    paragraphs = _whole_words(unwrap(lines))
    blocks = tuple(map(Block, paragraphs))
    return Draft(blocks, dropped=tuple(dropped), loose=True, scraped=True, properties=properties)


def _read(raw: bytes) -> tuple[list[list[_Line]], Metadata]:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        with closing(PdfDocument(raw)) as document:
            if len(document) > _MOST_PAGES:
                raise Unreadable(f"has {len(document):,} pages, more than {_MOST_PAGES:,}; split it")
            facts = _facts(document.get_metadata_dict())
            return [_page_lines(document, number) for number in range(len(document))], facts
    except PdfiumError as error:
        if error.err_code == _PASSWORD_ERROR:
            raise Unreadable("is encrypted; save a copy without a password") from error
        raise Unreadable("is a damaged PDF; save or print it to PDF again") from error


def _page_lines(document: Any, number: int) -> list[_Line]:
    """The physical lines of a page, read character by character, since only these have positions."""
    from pypdfium2 import raw as pdfium

    with closing(document[number]) as page, closing(page.get_textpage()) as text:
        units = [pdfium.FPDFText_GetUnicode(text, at) for at in range(text.count_chars())]
        lines: list[_Line] = []
        start = 0
        for end in range(len(units) + 1):
            mark = chr(units[end]) if end < len(units) else "\n"
            if mark in _LINE_ENDS or (mark in _HYPHENS and mark != "\u00ad"):
                hyphen = "-" if mark not in _LINE_ENDS else ""
                lines += _line(text, start, units[start:end], hyphen)
                start = end + 1
        return lines


def _line(text: Any, start: int, units: Sequence[int], hyphen: str) -> list[_Line]:
    """The line of these characters; empty if it is blank."""
    written = _characters(units)
    if not written.strip():
        return []
    first = start + next(at for at, unit in enumerate(units) if not chr(unit).isspace())
    _, bottom, _, top = text.get_charbox(first, loose=True)
    return [_Line(" ".join(written.split()) + hyphen, top, bottom)]


def _characters(units: Sequence[int]) -> str:
    """The characters of PDFium's UTF-16 units, without unpaired surrogates."""
    paired = "".join(map(chr, units)).encode("utf-16-le", "surrogatepass")
    return paired.decode("utf-16-le", "ignore").replace("\u00ad", "")


def _without_running_lines(pages: Sequence[Sequence[_Line]]) -> tuple[list[list[_Line]], list[Dropped]]:
    bodies = [list(page) for page in pages]
    dropped: list[Dropped] = []
    for edge in (0, -1):
        for _ in range(_EDGE_LINES):
            edges = Counter(_without_digits(page[edge].text) for page in bodies if page)
            running = {
                line for line, count in edges.items() if count >= _REPEATS or 2 * count > max(len(pages), 2)
            }
            for page in bodies:
                if page and _is_running(page[edge].text, running):
                    dropped.append(Dropped(page.pop(edge).text, "running head or page number"))
    return bodies, dropped


def _is_running(line: str, running: set[str]) -> bool:
    return _without_digits(line) in running or bool(_PAGE_NUMBER.fullmatch(line))


def _without_digits(line: str) -> str:
    return re.sub(r"\d+", "#", line).casefold()


def _with_blank_lines(pages: Sequence[Sequence[_Line]]) -> list[str]:
    """All lines of all pages, with "" where the layout shows the end of a paragraph."""
    gaps = sorted(above.bottom - below.top for page in pages for above, below in pairwise(page))
    # Most gaps lie within paragraphs; with one-line paragraphs, still the smaller ones do.
    usual = gaps[len(gaps) // 4] if gaps else 0.0
    lengths = sorted(len(line.text) for page in pages for line in page)
    full = 0.8 * lengths[len(lengths) // 2] if lengths else 0.0
    lines: list[str] = []
    for page in filter(None, pages):
        if lines and not _runs_on(lines[-1], page[0].text, full):
            lines.append("")
        lines.append(page[0].text)
        for above, below in pairwise(page):
            lines += ["", below.text] if _parted(above, below, usual) else [below.text]
    return lines


def _runs_on(last: str, first: str, full: float) -> bool:
    """Whether a paragraph continues on the next page."""
    return not _ENDS.search(last) and (first[0].islower() or len(last) >= full)


def _parted(above: _Line, below: _Line, usual: float) -> bool:
    height = above.top - above.bottom
    other_size = abs(below.top - below.bottom - height) > 0.2 * height
    return other_size or above.bottom - below.top > usual + _PARAGRAPH_GAP * height


def _whole_words(paragraphs: Sequence[str]) -> list[str]:
    """Paragraphs without the marks: word halves joined, with or without a hyphen."""
    vocabulary = Counter(word for paragraph in paragraphs for word in _WORDS.findall(paragraph.lower()))
    halves = [match for paragraph in paragraphs for match in _HALVES.finditer(paragraph)]
    verdicts = [soft for soft in (_soft(half[1], half[2], vocabulary) for half in halves) if soft is not None]
    # If the document never shows a word whole, the majority of its other broken words decides.
    usually = sum(verdicts) >= max(_ENOUGH_SOFT, len(verdicts) / 2)

    def joined(match: re.Match[str]) -> str:
        if match[2] in ("and", "or", "to"):
            return f"{match[1]}- {match[2]}"
        soft = _soft(match[1], match[2], vocabulary)
        return match[1] + ("" if (usually if soft is None else soft) else "-") + match[2]

    return [_HALVES.sub(joined, paragraph).replace(_BREAK, "-") for paragraph in paragraphs]


def _soft(head: str, tail: str, vocabulary: Mapping[str, int]) -> bool | None:
    """Whether a hyphen at a line end is only hyphenation; None if the document never shows the word whole."""
    before, after = _WORDS.findall(head.lower()), _WORDS.findall(tail.lower())
    if not head[-1:].isalpha() or not tail[0].islower():
        return False
    if vocabulary.get(before[-1] + after[0]):
        return True
    return False if vocabulary.get(f"{before[-1]}-{after[0]}") else None


def _facts(metadata: Mapping[str, str]) -> Metadata:
    """Title and author; the date a file was made is not the date of publication."""
    return Metadata(title=headline(metadata.get("Title", "")), author=person(metadata.get("Author", "")))
