"""Writes references as BibTeX, RIS and CSL-JSON.

In BibTeX the quotation is the `abstract`, its address in the index the `annote`: usual styles print neither.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, NamedTuple, cast

from rispy import RisWriter

from qa.answer import Citation
from web.citations.quotation import Export, one_line, paragraphs, web_address

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


class Reference(NamedTuple):
    """A citation in the fields of reference managers, each on one line; "" or () for what is not known.

    `author` is as the article gives it, one person or several. `quote` joins the quotation's paragraphs by a
    space; `note` is the quotation's address in the index.
    """

    key: str
    title: str
    author: str
    publisher: str
    published: tuple[int, ...]
    url: str
    quote: str
    note: str


def references(export: Export) -> list[Reference]:
    """The citations for a reference manager."""
    return [_reference(citation, export.note(citation)) for citation in export.citations]


def _reference(citation: Citation, note: str) -> Reference:
    article = citation.article
    return Reference(
        key=re.sub("[^A-Za-z0-9]+", "-", citation.address).strip("-"),
        title=one_line(article.display_title),
        author=one_line(article.author),
        publisher=one_line(article.publisher),
        published=date_parts(article.published),
        url=web_address(article.url),
        quote=" ".join(paragraphs(citation)),
        note=note,
    )


def date_parts(published: str) -> tuple[int, ...]:
    """Year, month and day as far as known: "2004-05" -> (2004, 5); () for a text that is no such date."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", published):
        return ()
    parts = tuple(map(int, published.split("-")))
    try:
        date(*(*parts, 1, 1)[:3])
    except ValueError:
        return ()
    return parts


def write_bibtex(export: Export) -> bytes:
    """A BibTeX file; a comment at its top names citations that are not in the index any more."""
    comment = [f"% {export.left_out}\n"] if export.left_out else []
    return "\n".join([*comment, *map(_entry, references(export))]).encode()


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
    return cast(str, _Writer().formats(list(map(_ris_fields, references(export))))).encode()


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
    return json.dumps(list(map(_csl_fields, references(export))), ensure_ascii=False, indent=2).encode()


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
