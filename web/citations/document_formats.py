"""Citations as a Word document: a quotation, its source, and where it stands in the index."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qa.answer import Citation
from web.citations.export import Export
from web.citations.quotation import markdown_line, markdown_quotation, paragraphs, source_facts
from web.citations.reference_formats import write_bibtex, write_csl, write_ris

if TYPE_CHECKING:
    from docx.document import Document

# What XML 1.0 has no place for (https://www.w3.org/TR/xml/#charsets): the file could not be opened.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SMALL = 8  # points


def write_docx(export: Export) -> bytes:
    """The file; what is not in the index any more is told in its last line."""
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
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def strip_illegal_xml(text: str) -> str:
    """The text with a replacement character for each that XML does not allow."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def _quote(document: Document, citation: Citation) -> None:
    """The quotation and its source, which stay on one page as far as it has room."""
    for paragraph in paragraphs(citation):
        quoted = document.add_paragraph(strip_illegal_xml(paragraph), style="Quote")
        quoted.paragraph_format.keep_with_next = True
    source = document.add_paragraph(strip_illegal_xml(f"— {', '.join(source_facts(citation.article))}"))
    source.paragraph_format.keep_with_next = True


def _small_print(document: Document, text: str) -> None:
    from docx.shared import Pt

    document.add_paragraph().add_run(strip_illegal_xml(text)).font.size = Pt(_SMALL)


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: its name for people, its media type, and what writes it."""

    name: str
    media_type: str
    write: Callable[[Export], bytes]


def write_markdown(export: Export) -> bytes:
    """The file; what is not in the index any more is told in its last line."""
    title = f"# {markdown_line(export.catalogue('evidence.title'))}"
    quotations = (
        f"{markdown_quotation(citation)}\n\n{markdown_line(export.note(citation))}"
        for citation in export.citations
    )
    last = [markdown_line(export.left_out)] if export.left_out else []
    return ("\n\n".join([title, *quotations, *last]) + "\n").encode("utf-8", "replace")


COLUMNS = tuple("quote title author publisher published url source article_id start end sha256".split())
# What a spreadsheet takes for a formula, and would compute.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(export: Export) -> bytes:
    """The file, with the mark that tells Excel of UTF-8; what is not in the index any more is left out."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    rows.writerows([neutralise_formula(value) for value in _row(citation)] for citation in export.citations)
    return written.getvalue().encode("utf-8-sig", "replace")


def neutralise_formula(value: str) -> str:
    """A cell that no spreadsheet computes: behind an apostrophe where it could be a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def _row(citation: Citation) -> list[str]:
    article = citation.article
    facts = (article.title, article.author, article.publisher, article.published, article.url, article.source)
    place = (article.id, str(citation.start), str(citation.end), article.sha256)
    return [citation.text, *facts, *place]


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
