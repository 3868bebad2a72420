"""Reads the bytes of one file into an article with the reader of its format.

Files are untrusted, so this runs in a sandboxed process: see `corpus.sandbox.worker`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pkgutil import resolve_name

from corpus.article import Article, Unreadable
from corpus.draft import Draft

FEWEST_LETTERS = 20
# A text holds a tab here and there; with a tenth of control characters it is binary.
_CONTROL_SHARE = 0.1
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# Suffix -> reader, imported on first use. Those of `_DECODED` are given text, the others bytes.
_READERS = {
    **dict.fromkeys((".txt", ".text"), "corpus.formats.plain_text:text_draft"),
    **dict.fromkeys((".md", ".markdown"), "corpus.formats.markdown:markdown_draft"),
    **dict.fromkeys((".html", ".htm"), "corpus.formats.html:html_draft"),
    ".pdf": "corpus.formats.pdf:pdf_draft",
    ".docx": "corpus.formats.docx:docx_draft",
}
_DECODED = (".txt", ".text", ".md", ".markdown")
_BINARY = (".pdf", ".docx")
SUFFIXES = frozenset(_READERS)


def read_article(suffix: str, raw: bytes, source: str) -> Article:
    """The article in the bytes of a file with this suffix (".md"); Unreadable says why there is none."""
    from corpus.cleaning.canonical import finish

    if not raw.strip():
        raise Unreadable("is empty")
    article = finish(_draft(suffix, raw), source)
    if sum(map(str.isalpha, article.text)) < FEWEST_LETTERS:
        raise Unreadable("holds no text")
    return article


def _draft(suffix: str, raw: bytes) -> Draft:
    read: Callable[[bytes | str], Draft] = resolve_name(_READERS[suffix])
    text = "" if suffix in _BINARY else _checked_text(raw)
    return read(text if suffix in _DECODED else raw)


def _checked_text(raw: bytes) -> str:
    from corpus.formats.plain_text import decode

    text = decode(raw)
    if not text.strip("\ufeff \t\n"):
        raise Unreadable("is empty")
    controls = len(_CONTROLS.findall(text))
    if "\x00" in text or controls > _CONTROL_SHARE * len(text):
        raise Unreadable("is binary, not text")
    return text
