"""Citations as a Word document: a quotation, its source, and where it stands in the index."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from qa.citation import Citation
from web.export import Export
from web.quotation import paragraphs, source_facts

if TYPE_CHECKING:
    from docx.document import Document

# What XML 1.0 has no place for (https://www.w3.org/TR/xml/#charsets): the file could not be opened.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SMALL = 8  # points


def write_docx(export: Export) -> bytes:
    """The file; what is not in the index any more is told in its last line."""
    from docx import Document

    document = Document()
    title = legal(export.catalogue("evidence.title"))
    document.core_properties.title, document.core_properties.author = title, ""
    document.core_properties.comments = ""
    document.add_heading(title, level=1)
    for citation in export.citations:
        _quote(document, citation)
        _small_print(document, export.note(citation))
    if export.left_out:
        _small_print(document, export.left_out)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def legal(text: str) -> str:
    """The text with a replacement character for each that XML does not allow."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def _quote(document: Document, citation: Citation) -> None:
    """The quotation and its source, which stay on one page as far as it has room."""
    for paragraph in paragraphs(citation):
        quoted = document.add_paragraph(legal(paragraph), style="Quote")
        quoted.paragraph_format.keep_with_next = True
    source = document.add_paragraph(legal(f"— {', '.join(source_facts(citation.article))}"))
    source.paragraph_format.keep_with_next = True


def _small_print(document: Document, text: str) -> None:
    from docx.shared import Pt

    document.add_paragraph().add_run(legal(text)).font.size = Pt(_SMALL)
