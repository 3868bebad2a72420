"""The files that citations can be taken away as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from web.bibtex import write_bibtex
from web.csl import write_csl
from web.export import Export
from web.quotation import markdown_line, markdown_quotation
from web.ris import write_ris
from web.spreadsheet import write_csv
from web.word import write_docx


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
