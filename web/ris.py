"""Citations as RIS, the format most reference managers read.

The quotation is the abstract (AB), its place in the index a note (N1).
"""

from __future__ import annotations

from typing import Any, cast

from rispy import RisWriter

from web.export import Export, Reference


class _Writer(RisWriter):  # type: ignore[misc]
    """Line ends as the format asks for them, and no numbers between the references."""

    NEWLINE = "\r\n"

    def set_header(self, count: int) -> str:
        return ""


def write_ris(export: Export) -> bytes:
    """The file; what is not in the index any more is left out, as RIS has no comments."""
    written = cast(str, _Writer().formats([_fields(reference) for reference in export.references]))
    return written.encode()


def _fields(reference: Reference) -> dict[str, Any]:
    """The fields of rispy that are known. A date has all its slashes: "2004/05//"."""
    year, month, day = (*map(_digits, reference.published), "", "", "")[:3]
    fields = {
        "type_of_reference": "ELEC" if reference.url else "GEN",
        "id": reference.key,
        "title": reference.title,
        "authors": [reference.author] if reference.author else [],
        "publisher": reference.publisher,
        "year": year,
        "date": f"{year}/{month}/{day}/" if year else "",
        "urls": [reference.url] if reference.url else [],
        "abstract": reference.quote,
        "notes": [reference.note],
    }
    return {name: value for name, value in fields.items() if value}


def _digits(number: int) -> str:
    return f"{number:02}"
