"""Reads plain text files: bytes to characters, and characters to a draft."""

from __future__ import annotations

import codecs
import re

from corpus.article import Unreadable
from corpus.cleaning.boilerplate import is_boilerplate
from corpus.cleaning.unwrap_lines import unwrap
from corpus.draft import Block, Draft

_LINE_END = re.compile("\r\n|[\r\u2028\x0c\x0b]")
# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(raw: bytes) -> str:
    """Characters of a text file: by its byte order mark, else UTF-8, else Windows-1252.

    Line ends become "\\n". Raises Unreadable if the bytes are not in the encoding of their mark.
    """
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise Unreadable(f"is not valid {encoding} (byte {error.start}); save it as UTF-8") from error
        # The last guess, not the first: all bytes but five mean something in Windows-1252.
        text = raw.decode("cp1252", errors="replace")
    return _LINE_END.sub("\n", text).replace("\u2029", "\n\n")


def text_draft(text: str) -> Draft:
    """A draft of a plain text: lines joined to paragraphs, title and byline still to be recognised."""
    lines: list[str] = []
    for line in text.split("\n"):
        # A line of the site must not be joined to the author's last paragraph.
        lines += ["", line, ""] if is_boilerplate(line) else [line]
    return Draft(tuple(Block(paragraph) for paragraph in unwrap(lines)), loose=True, scraped=True)
