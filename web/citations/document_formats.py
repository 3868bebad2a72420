"""Writes an evidence list as a Word, Markdown or CSV file; `FORMATS` lists all formats by suffix."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from qa.answer import Citation
from qa.feedback.safe_csv import Cell, csv_table
from web.citations.quotation import Export, markdown_line, markdown_quotation, paragraphs, source_facts
from web.citations.reference_formats import write_bibtex, write_csl, write_ris

if TYPE_CHECKING:
    from docx.document import Document

# Characters outside XML 1.0 (https://www.w3.org/TR/xml/#charsets): Word could not open the file.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SMALL = 8  # points
COLUMNS = tuple("quote title author publisher published url source article_id start end sha256".split())


def write_docx(export: Export) -> bytes:
    """A Word document; its last line names citations that are not in the index any more."""
    from docx import Document

    document = Document()
    title = strip_illegal_xml(export.catalogue("evidence.title"))
    document.core_properties.title, document.core_properties.author = title, ""
    document.core_properties.comments = ""
    document.add_heading(title, level=1)
    for citation in export.citations:
        _quote(document, citation)
        _small_print(document, export.note(citation))
    if export.left_out:
        _small_print(document, export.left_out)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def strip_illegal_xml(text: str) -> str:
    """The text with a replacement character for each that XML does not allow."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def _quote(document: Document, citation: Citation) -> None:
    """Add the quotation and its source, on one page as far as it has room."""
    source = f"— {', '.join(source_facts(citation.article))}"
    for text, style in (*((paragraph, "Quote") for paragraph in paragraphs(citation)), (source, None)):
        document.add_paragraph(strip_illegal_xml(text), style=style).paragraph_format.keep_with_next = True


def _small_print(document: Document, text: str) -> None:
    from docx.shared import Pt

    document.add_paragraph().add_run(strip_illegal_xml(text)).font.size = Pt(_SMALL)


def write_markdown(export: Export) -> bytes:
    """A Markdown file; its last line names citations that are not in the index any more."""
    title = f"# {markdown_line(export.catalogue('evidence.title'))}"
    quotations = (
        f"{markdown_quotation(citation)}\n\n{markdown_line(export.note(citation))}"
        for citation in export.citations
    )
    last = [markdown_line(export.left_out)] if export.left_out else []
    return ("\n\n".join([title, *quotations, *last]) + "\n").encode("utf-8", "replace")


def write_csv(export: Export) -> bytes:
    """A CSV file, one citation a row; citations that are not in the index any more are left out."""
    return csv_table(COLUMNS, map(_row, export.citations)).encode("utf-8", "replace")


def _row(citation: Citation) -> tuple[Cell, ...]:
    article = citation.article
    facts = (article.title, article.author, article.publisher, article.published, article.url, article.source)
    return citation.text, *facts, article.id, citation.start, citation.end, article.sha256


class Format(NamedTuple):
    """A kind of file: its name for people, its media type, and the function that writes it."""

    name: str
    media_type: str
    write: Callable[[Export], bytes]


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FORMATS = {
    "docx": Format("Word", _WORD, write_docx),
    "md": Format("Markdown", "text/markdown; charset=utf-8", write_markdown),
    "csv": Format("CSV", "text/csv; charset=utf-8", write_csv),
    "ris": Format("RIS", "application/x-research-info-systems", write_ris),
    "bib": Format("BibTeX", "application/x-bibtex; charset=utf-8", write_bibtex),
    "json": Format("CSL-JSON", "application/vnd.citationstyles.csl+json", write_csl),
}
"""By the suffix of the file's name."""
