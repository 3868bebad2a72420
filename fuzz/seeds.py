"""Small sound files of every format, to be altered. All is made here, from sentences of our own."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence

FORMATS = ("txt", "md", "html", "pdf", "docx")
SENTENCES = (
    "The harbour office keeps a ledger of every boat that enters the bay.",
    "Nobody has counted its pages since the spring of 2003, says Ada Marsh.",
    "A ferry leaves the quay at nine; it costs £1,200.50 a year to run.",
    "“Is the market open?” asked the clerk. It was not, on that wet day.",
)
_STORY = " ".join(SENTENCES)
_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def seeds() -> Mapping[str, Sequence[bytes]]:
    """Sound files by format; each becomes an article."""
    return {
        "txt": (_wrapped().encode(), f"By Ada Marsh\n\n{_STORY}\n\nShare this".encode("utf-16")),
        "md": (_markdown().encode(), f"# Boats\n\n{_STORY}\n".encode()),
        "html": (_page().encode(), f"<p>{_STORY}<p>{SENTENCES[0]}".encode()),
        "pdf": (pdf(_STORY), pdf(_STORY, packed=True)),
        "docx": (zipped(word_parts()), zipped(word_parts(), method=zipfile.ZIP_STORED)),
    }


def pdf(text: str, *, packed: bool = False, pages: int = 1) -> bytes:
    """A PDF with the sentences of a text on each of its pages, one a line."""
    shown = "".join(f"({_escaped(line)}.) Tj T*\n" for line in text.split(". "))
    content = f"BT /F1 11 Tf 14 TL 60 760 Td\n{shown}ET".encode("cp1252")
    kids = " ".join(f"{number} 0 R" for number in range(5, 5 + pages))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
    return pdf_file(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode(),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
            stream(content, filters=1 if packed else 0),
            *[page] * pages,
        ]
    )


def stream(content: bytes, *, filters: int = 0) -> bytes:
    """A stream object, deflated so many times."""
    for _ in range(filters):
        content = zlib.compress(content, 9)
    names = f"/Filter[{'/FlateDecode ' * filters}]" if filters else ""
    return f"<</Length {len(content)}{names}>>stream\n".encode() + content + b"\nendstream"


def pdf_file(objects: Sequence[bytes], *, trailer: str = "/Root 1 0 R") -> bytes:
    """Objects 1, 2, ... with their table and trailer around them."""
    raw = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(raw))
        raw += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(raw)
    raw += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    raw += b"".join(f"{offset:010} 00000 n \n".encode() for offset in places)
    raw += f"trailer<</Size {len(objects) + 1}{trailer}>>\nstartxref\n{table}\n%%EOF".encode()
    return bytes(raw)


def zipped(parts: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive, the same each time."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, method)
    return raw.getvalue()


def word_parts(body: str = "", **others: str) -> dict[str, str]:
    """The parts of a Word document: a heading, two paragraphs, a table and a footnote, or this body."""
    paragraphs = "".join(map(paragraph, SENTENCES[:2]))
    heading = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Boats</w:t></w:r></w:p>'
    note = '<w:p><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    table = f"<w:tbl><w:tr><w:tc>{paragraph('Quay')}</w:tc><w:tc>{paragraph('8am')}</w:tc></w:tr></w:tbl>"
    body = body or heading + paragraphs + note + table
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": relations(officeDocument="word/document.xml"),
        "word/document.xml": f"<w:document {_WORD}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(footnotes="footnotes.xml"),
        "word/footnotes.xml": f'<w:footnotes {_WORD}><w:footnote w:id="2">{paragraph(SENTENCES[3])}'
        "</w:footnote></w:footnotes>",
        **others,
    }


def paragraph(text: str) -> str:
    """A paragraph of a Word document."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def relations(**targets: str) -> str:
    """What a part of a Word document refers to."""
    each = "".join(
        f'<Relationship Id="{kind}" Type="{_KINDS}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").rstrip(".")


def _wrapped() -> str:
    lines = ["The Quays", "", "13 May 2004", ""]
    for start in (0, 2):
        lines += [*SENTENCES[start : start + 2], "", "- one thing; and", "- another", ""]
    return "\r\n".join(lines)


def _markdown() -> str:
    front = "---\ntitle: The Quays\nauthor: [Ada Marsh, Bo Lind]\ndate: 2004-05-13\ntags:\n  - bay\n---\n"
    table = "| Quay | Opens |\n|---|---|\n| North | *8am* |\n"
    return (
        f"{front}\n## Boats\n\n{SENTENCES[0]}[^1]\n\n> {SENTENCES[1]}\n\n1. {SENTENCES[2]}\n   - `so`\n\n"
        f"{table}\n<div>{SENTENCES[3]}</div>\n\n[^1]: See [the Act](https://example.org).\n"
    )


def _page() -> str:
    body = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>The Quays | The Gazette</title>'
        '<meta name="author" content="Ada Marsh"></head><body><nav><a href="/">Home</a></nav><article>'
        f'<h1>The Quays</h1><p class="byline">By Ada Marsh</p>{body}<ul><li>One<li>Two</ul>'
        "<table><tr><td>Quay<td>8am</table><p>A note<sup><a href='#n'>1</a></sup>&nbsp;&#8217;</p>"
        '<p class="footnote" id="n">1 In May.</p></article><footer>© 2004 The Gazette</footer></body></html>'
    )
