"""Citations as BibTeX, for LaTeX and reference managers.

The quotation is the `abstract`, its place in the index the `annote`: the usual styles print neither.
"""

from __future__ import annotations

from web.export import Export, Reference

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
# BibTeX counts braces even behind a backslash: only their names keep an entry whole.
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
# An address is printed as it is: nothing in it may be escaped the way a text is.
_ADDRESS = str.maketrans({"\\": "%5C", "{": "%7B", "}": "%7D", " ": "%20"})


def write_bibtex(export: Export) -> bytes:
    """The file; what is not in the index any more is told in a comment at its top."""
    comment = [f"% {export.left_out}\n"] if export.left_out else []
    return "\n".join([*comment, *map(_entry, export.references)]).encode()


def _entry(reference: Reference) -> str:
    fields = "".join(f"  {name} = {value},\n" for name, value in _fields(reference).items() if value)
    return f"@misc{{{reference.key},\n{fields}}}\n"


def _fields(reference: Reference) -> dict[str, str]:
    """The fields of an entry as they are written; "" for what is not known."""
    year, month, day = (*reference.published, 0, 0, 0)[:3]
    return {
        # A second pair of braces keeps the capitals of a title, and whole the names of organisations.
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
