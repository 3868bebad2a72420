"""The bytes of one file to an article: one reader for each kind of file, and what no reader accepts.

Files come from anybody, so this runs in a process of its own: see `corpus.sandbox.worker`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from corpus.article import Article, Unreadable
from corpus.draft import Draft

FEWEST_LETTERS = 20
# A text has a tab here and there; a tenth of control characters is no text.
_CONTROL_SHARE = 0.1
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def read_article(suffix: str, raw: bytes, source: str) -> Article:
    """The article in the bytes of a file with this suffix (".md"); Unreadable says why there is none."""
    from corpus.cleaning.canonical import finish

    if not raw.strip():
        raise Unreadable("is empty")
    article = finish(_READERS[suffix](raw), source)
    if sum(map(str.isalpha, article.text)) < FEWEST_LETTERS:
        raise Unreadable("holds no text")
    return article


def _text(raw: bytes) -> str:
    from corpus.formats.plain_text import decode

    text = decode(raw)
    if not text.strip("\ufeff \t\n"):
        raise Unreadable("is empty")
    controls = len(_CONTROLS.findall(text))
    if "\x00" in text or controls > _CONTROL_SHARE * len(text):
        raise Unreadable("is binary, not text")
    return text


def _plain(raw: bytes) -> Draft:
    from corpus.formats.plain_text import text_draft

    return text_draft(_text(raw))


def _markdown(raw: bytes) -> Draft:
    from corpus.formats.markdown import markdown_draft

    return markdown_draft(_text(raw))


def _html(raw: bytes) -> Draft:
    from corpus.formats.html import html_draft

    _text(raw)
    return html_draft(raw)


def _pdf(raw: bytes) -> Draft:
    from corpus.formats.pdf import pdf_draft

    return pdf_draft(raw)


def _docx(raw: bytes) -> Draft:
    from corpus.formats.docx import docx_draft

    return docx_draft(raw)


_READERS: dict[str, Callable[[bytes], Draft]] = {
    **dict.fromkeys((".txt", ".text"), _plain),
    **dict.fromkeys((".md", ".markdown"), _markdown),
    **dict.fromkeys((".html", ".htm"), _html),
    ".pdf": _pdf,
    ".docx": _docx,
}
SUFFIXES = frozenset(_READERS)
