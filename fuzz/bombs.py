"""Files made by hand to take all memory, never end, or lead somewhere else; each small itself.

Most are known by name: the billion laughs, the zip of overlapping parts, the page tree that holds itself. A
bomb is read as far as its limits allow or refused; which of the two is up to the libraries that read.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping

from fuzz.seeds import SENTENCES, paragraph, pdf, pdf_file, relations, seeds, stream, word_parts, zipped

_LINE = SENTENCES[0]
_MEGABYTE = 1_000_000
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 3 0 R>>"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
_PAGES = b"<</Type/Pages/Kids[5 0 R]/Count 1>>"
_SHOWN = f"BT /F1 11 Tf 60 760 Td ({_LINE}) Tj ET ".encode()


def bombs() -> Mapping[str, bytes]:
    """Bombs by file name."""
    return dict([*_texts(), *_markdowns(), *_pages(), *_pdfs(), *_documents()])


def _texts() -> Iterator[tuple[str, bytes]]:
    yield "accents.txt", (_LINE + "a" + "\u0323\u0301" * 400_000).encode()
    yield "one-word.txt", b"word" * 250_000
    yield "abbreviations.txt", b"Mr. " * 25_000
    yield "quotes.txt", ("“" * 200_000 + _LINE).encode()
    yield "half-pairs.txt", b"\xff\xfe" + b"\x00\xd8" * 5_000
    yield "overlong.txt", b"\xc0\x80\xe0\x80\xaf\xf8\x88\x80\x80\x80" * 100
    yield "controls.txt", b"\x01\x02" * 100_000
    yield "lines.txt", b"\n".join([b"a"] * 20_000)
    yield "turned.txt", ("\u202e" * 1000 + _LINE + "\u2066" * 100_000).encode()


def _markdowns() -> Iterator[tuple[str, bytes]]:
    laughs = "\n".join(
        f"{after}: &{after} [{f'*{before},' * 9}]"
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    yield "laughs.md", f"---\na: &a [x]\n{laughs}\n---\n{_LINE}".encode()
    yield "yaml-depth.md", b"---\na: " + b"[" * 60_000 + b"\n---\ntext"
    yield "yaml-keys.md", b"---\n" + b"? " * 30_000 + b"\n---\ntext"
    yield "quotes.md", b"> " * 20_000 + b"text"
    yield "lists.md", b"- " * 20_000 + b"text"
    yield "brackets.md", b"[" * 10_000 + _LINE.encode()
    yield "links.md", b"[a](" * 25_000
    yield "images.md", b"![" * 4_000 + b"](x)"
    yield "stars.md", b"*a **a " * 20_000
    yield "ticks.md", b"".join(b"`" * length + b" " for length in range(600))
    yield "tables.md", b"|" * 1_000 + b"\n" + b"|-" * 1_000 + b"\n" + b"|\n" * 1_000
    yield "definitions.md", b"".join(b"[a%d]: /x\n" % n for n in range(20_000)) + b"[a1] " * 5_000
    yield "tags.md", b"<a " * 50_000 + b"<!-- " * 10_000


def _pages() -> Iterator[tuple[str, bytes]]:
    story = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES).encode()
    yield "deep.html", b"<div>" * 100_000 + story
    yield "deep-lists.html", b"<ul><li>" * 900 + story
    yield "deep-tables.html", b"<table><tr><td>" * 200 + story
    yield "attributes.html", b"<p " + b" ".join(b"a%d=1" % n for n in range(100_000)) + b">" + story
    yield "one-attribute.html", b'<p title="' + b"x" * (3 * _MEGABYTE) + b'">' + story
    yield "anchors.html", b"<a>" * 30_000 + story
    yield "formats.html", b"<b><i>" * 3_000 + story
    yield "comments.html", b"<!--" * 100_000 + story
    yield "entities.html", b"&#x41;&amp;&bogus;&#xD800;&#1114112;&#0;" * 20_000 + story
    yield "charset.html", b'<meta charset="utf-7">+ADw-script+AD4-' + story
    yield "unpacking.html", b'<meta charset="zlib_codec">' + story
    yield "nulls.html", story.replace(b" ", b"\x00 ")
    yield "doctype.html", b'<!DOCTYPE html [<!ENTITY a SYSTEM "file:///etc/passwd">]>&a;' + story
    yield "cells.html", b"<table>" + b"<tr>" * 500 + b"<td>a" * 2_000 + b"</table>" + story
    yield "blocks.html", b"<p>a" * 10_000 + story
    yield "numbers.html", b"<ol start=" + b"9" * 10_000 + b"><li value=-99999999>" + story


def _pdfs() -> Iterator[tuple[str, bytes]]:
    shown = stream(_SHOWN)
    objects = (_FONT, shown, _PAGE + b">>>>")
    yield "many-pages.pdf", pdf_file([_CATALOG, b"<</Type/Pages/Kids[5 0 R]/Count 2147483647>>", *objects])
    yield "no-pages.pdf", pdf_file([_CATALOG, b"<</Type/Pages/Kids[5 0 R]/Count -9>>", *objects])
    yield (
        "tree-loop.pdf",
        pdf_file([_CATALOG, b"<</Type/Pages/Kids[2 0 R 2 0 R 5 0 R]/Count 9000>>", *objects]),
    )
    yield (
        "same-page.pdf",
        pdf_file([_CATALOG, b"<</Type/Pages/Kids[" + b"5 0 R " * 9_999 + b"]/Count 9999>>", *objects]),
    )
    yield "table-loop.pdf", pdf(_LINE).replace(b"/Root", b"/Prev 9/Root")
    yield "deep-array.pdf", pdf_file([_CATALOG, _PAGES, *objects, b"[" * 200_000])
    yield (
        "deep-content.pdf",
        pdf_file([_CATALOG, _PAGES, _FONT, stream(b"[" * 200_000 + _SHOWN), _PAGE + b">>>>"]),
    )
    yield "states.pdf", pdf_file([_CATALOG, _PAGES, _FONT, stream(b"q " * 300_000 + _SHOWN), _PAGE + b">>>>"])
    for times, size in (("once", 300 * _MEGABYTE), ("often", 1)):
        content = b" " * size if times == "once" else _SHOWN * 20_000
        bomb = stream(content, filters=1 if times == "once" else 9)
        yield f"inflates-{times}.pdf", pdf_file([_CATALOG, _PAGES, _FONT, bomb, _PAGE + b">>>>"])
    form = stream(b"/X Do " + _SHOWN).replace(
        b"<<", b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>", 1
    )
    yield (
        "form-loop.pdf",
        pdf_file(
            [
                _CATALOG,
                _PAGES,
                _FONT,
                stream(b"/X Do " * 50 + _SHOWN),
                _PAGE + b">>/XObject<</X 6 0 R>>>>>>",
                form,
            ]
        ),
    )
    yield "lengths.pdf", pdf(_LINE).replace(b"/Length ", b"/Length 99999999999")
    yield (
        "itself.pdf",
        pdf_file([_CATALOG, _PAGES, _FONT, shown.replace(b"/Length ", b"/Length 4 0 R%"), _PAGE + b">>>>"]),
    )
    yield "huge-box.pdf", pdf(_LINE).replace(b"0 0 595 842", b"-9e38 -9e38 9e38 9e38")
    yield "one-line.pdf", pdf(_LINE * 2_000, packed=True)


def _documents() -> Iterator[tuple[str, bytes]]:
    entities = "".join(
        f'<!ENTITY {after} "{f"&{before};" * 10}">'
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    laughs = f'<!DOCTYPE w [<!ENTITY a "{"x" * 100}">{entities}]>'
    whole = word_parts()
    document = whole["word/document.xml"]
    yield "ratio.docx", zipped(word_parts(paragraph("word " * 4_000_000)))
    yield "just-allowed.docx", _padded(word_parts(paragraph(_LINE) + paragraph("<w:tab/>a" * 60_000)))
    yield "laughs.docx", zipped({**whole, "word/document.xml": laughs + document.replace("Boats", "&i;")})
    yield (
        "fetched.docx",
        zipped(
            {
                **whole,
                "word/document.xml": '<!DOCTYPE w [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + document,
            }
        ),
    )
    yield "deep.docx", _padded(word_parts("<w:tbl><w:tr><w:tc>" * 20_000 + paragraph(_LINE)))
    yield (
        "deep-closed.docx",
        _padded(
            word_parts("<w:tbl><w:tr><w:tc>" * 5_000 + paragraph(_LINE) + "</w:tc></w:tr></w:tbl>" * 5_000)
        ),
    )
    yield (
        "attributes.docx",
        _padded(word_parts("<w:p " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/>")),
    )
    yield "many-parts.docx", zipped({**whole, **{f"word/media/{n}.png": "" for n in range(5_000)}})
    yield (
        "itself.docx",
        zipped({**whole, "word/_rels/document.xml.rels": relations(footnotes="document.xml")}),
    )
    yield "outside.docx", zipped({**whole, "../../etc/cron.d/a.xml": "<a/>"})
    yield "twice.docx", _twice()
    yield "overlap.docx", _overlapping()
    yield "nested.docx", _nested()
    yield "lying.docx", _wrong_size(size=10)
    yield "lying-more.docx", _wrong_size(size=199_000_000)
    yield (
        "far-directory.docx",
        seeds()["docx"][0].replace(b"PK\x05\x06", b"PK\x05\x06\xff\xff\xff\xff\xff\xff"),
    )


def _padded(parts: Mapping[str, str | bytes]) -> bytes:
    """The package with a part that does not pack, so that its ratio stays below what is refused."""
    size = sum(len(part) for part in parts.values())
    noise = bytes((n * n * 31 + (n >> 5)) % 251 for n in range(min(size // 150, 4 * _MEGABYTE)))
    return zipped({**parts, "word/media/noise.png": noise}, method=zipfile.ZIP_DEFLATED)


def _twice() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, part in [*word_parts().items(), ("Word/Document.xml", "<a/>")]:
            archive.writestr(zipfile.ZipInfo(name), part)
    return raw.getvalue()


def _overlapping() -> bytes:
    """A hundred parts that all lie in the same place."""
    kernel = zipped({"word/document.xml": "a" * 100_000})
    entry, end = kernel.index(b"PK\x01\x02"), kernel.index(b"PK\x05\x06")
    directory = kernel[entry:end] * 100
    counts = struct.pack("<HHII", 100, 100, len(directory), entry)
    return kernel[:entry] + directory + b"PK\x05\x06\0\0\0\0" + counts + b"\0\0"


def _nested() -> bytes:
    inner = zipped(word_parts())
    for _ in range(50):
        inner = zipped({**word_parts(), "word/embeddings/inner.docx": inner})
    return inner


def _wrong_size(*, size: int) -> bytes:
    """A package whose directory says another size of its text than there is."""
    raw = bytearray(zipped(word_parts(), method=zipfile.ZIP_STORED))
    entry = raw.rindex(b"word/document.xml") - 46
    raw[entry + 24 : entry + 28] = struct.pack("<I", size)
    return bytes(raw)
