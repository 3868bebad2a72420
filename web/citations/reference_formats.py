"""Writes references as BibTeX, RIS and CSL-JSON.

In BibTeX the quotation is the `abstract`, its address in the index the `annote`: usual styles print neither.
"""

from __future__ import annotations

import json
from typing import Any, cast

from rispy import RisWriter

from web.citations.export import Export, Reference

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
# BibTeX counts braces even behind a backslash: braces must be written by name to keep an entry whole.
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "%&$#_"},
    }
)
# LaTeX prints an address as it is, so it is escaped as an address and not as a text.
_ADDRESS = str.maketrans({"\\": "%5C", "{": "%7B", "}": "%7D", " ": "%20"})


def write_bibtex(export: Export) -> bytes:
    """A BibTeX file; a comment at its top names citations that are not in the index any more."""
    comment = [f"% {export.left_out}\n"] if export.left_out else []
    return "\n".join([*comment, *map(_entry, export.references)]).encode()


def _entry(reference: Reference) -> str:
    fields = "".join(f"  {name} = {value},\n" for name, value in _bibtex_fields(reference).items() if value)
    return f"@misc{{{reference.key},\n{fields}}}\n"


def _bibtex_fields(reference: Reference) -> dict[str, str]:
    """The fields of an entry as they are written; "" for what is not known."""
    year, month, day = (*reference.published, 0, 0, 0)[:3]
    return {
        # A second pair of braces keeps the capitals of a title, and the names of organisations whole.
        "title": _text(reference.title, braces=2),
        "author": _text(reference.author, braces=2),
        "publisher": _text(reference.publisher, braces=2),
        "year": f"{{{year:04}}}" if year else "",
        "month": MONTHS[month - 1] if month else "",
        "day": f"{{{day}}}" if day else "",
        "url": f"{{{reference.url.translate(_ADDRESS)}}}" if reference.url else "",
        "abstract": _text(reference.quote),
        "annote": _text(reference.note),
    }


def _text(text: str, *, braces: int = 1) -> str:
    return f"{'{' * braces}{text.translate(_LATEX)}{'}' * braces}" if text else ""


class _Writer(RisWriter):  # type: ignore[misc]
    """The line ends of the format, and no numbers between references."""

    NEWLINE = "\r\n"

    def set_header(self, count: int) -> str:
        return ""


def write_ris(export: Export) -> bytes:
    """A RIS file; citations that are not in the index any more are left out, as RIS has no comments."""
    return cast(str, _Writer().formats(list(map(_ris_fields, export.references)))).encode()


def _ris_fields(reference: Reference) -> dict[str, Any]:
    """The fields of rispy that are known. A date has all its slashes: "2004/05//"."""
    year, month, day = (*(f"{number:02}" for number in reference.published), "", "", "")[:3]
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


def write_csl(export: Export) -> bytes:
    """A CSL-JSON file; citations that are not in the index any more are left out, as JSON has no comments."""
    return json.dumps(list(map(_csl_fields, export.references)), ensure_ascii=False, indent=2).encode()


def _csl_fields(reference: Reference) -> dict[str, Any]:
    """The variables that are known. An author is one literal name, as given and family name are unknown."""
    fields = {
        "id": reference.key,
        "type": "webpage" if reference.url else "document",
        "title": reference.title,
        "author": [{"literal": reference.author}] if reference.author else [],
        "publisher": reference.publisher,
        "issued": {"date-parts": [list(reference.published)]} if reference.published else {},
        "URL": reference.url,
        "abstract": reference.quote,
        "note": reference.note,
    }
    return {name: value for name, value in fields.items() if value}
