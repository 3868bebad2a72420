"""Reads Word documents with mammoth, after checks against zip bombs; footnotes stay.

The zip directory is checked first: number, size, position and names of the parts. It can lie, so each part is
unpacked against a limit into a clean copy, and only that copy is parsed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from itertools import pairwise
from xml.parsers.expat import ExpatError

from corpus.article import Unreadable
from corpus.draft import Draft, Kind, Metadata
from corpus.formats.html_blocks import html_blocks, xml_texts

_MOST_PARTS = 5_000
_MOST_BYTES = 200_000_000
_HIGHEST_RATIO = 200
_ENCRYPTED_FLAG = 0x1
_ENTRY_MARK = b"PK\x01\x02"
_LOCAL_HEADER = 30  # bytes before a part's name
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PROPERTIES = "docProps/core.xml"
_LARGEST_PROPERTIES = 100_000
# Mammoth's default style map leaves out Word's title styles.
_STYLES = "p[style-name='Title'] => h1:fresh\np.Title => h1:fresh"
# Default titles that programs write.
_NO_TITLE = re.compile(
    r"""^microsoft\ \w+\ -\ |\.(docx?|pdf|rtf|odt|txt|indd|qxd|tex|dvi|p65|pages|html?)$
    |^(untitled|document\ ?\d*|\W*)$""",
    re.IGNORECASE | re.VERBOSE,
)
# Default authors that programs write.
_NO_PERSON = re.compile(
    r"""python-docx|microsoft(\ office)?(\ user)?|((office|windows)\ )?user|admin(istrator)?
    |unknown|owner|un-named|author""",
    re.IGNORECASE | re.VERBOSE,
)

# Mammoth does not validate the XML: a damaged part raises any of these.
_DAMAGE = (ExpatError, LookupError, OSError, ValueError, TypeError, AttributeError, RecursionError)


def docx_draft(raw: bytes) -> Draft:
    """The blocks and metadata of a .docx file. Raises Unreadable with what is wrong."""
    parts = _parts(raw)
    page = _html(parts)
    blocks = html_blocks(page)
    facts = Metadata()
    if page.startswith("<h1") and blocks and blocks[0].kind is Kind.HEADING:
        facts = Metadata(title=blocks[0].text)
        blocks = blocks[1:]
    # Without any styled heading, title and sub-headings are ordinary paragraphs.
    loose = not facts.title and all(block.kind is Kind.PARAGRAPH for block in blocks)
    return Draft(blocks, facts, loose=loose, properties=_facts(parts))


def headline(title: str) -> str:
    """The title in a document's properties; "" for a file name or a program's default."""
    folded = " ".join(title.split())
    return "" if _NO_TITLE.search(folded) else folded


def person(name: str) -> str:
    """The author in a document's properties; "" for the name of a program or computer."""
    folded = " ".join(name.split())
    return "" if _NO_PERSON.fullmatch(folded) else folded


def _parts(raw: bytes) -> Mapping[str, bytes]:
    """The XML parts of the package by name."""
    if raw.startswith(_OLE_MARK):
        raise Unreadable("is encrypted or an old .doc; save it as .docx without a password")
    # Opening a zip reads its whole directory, so its entries are counted first by their marks.
    _check_count(raw.count(_ENTRY_MARK))
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            entries = package.infolist()
            _check(entries)
            xml_entries = [entry for entry in entries if entry.filename.endswith((".xml", ".rels"))]
            return {entry.filename: _without_entities(_unpacked(package, entry)) for entry in xml_entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise Unreadable(f"is not a whole .docx file ({error}); save it again") from error


def _check(entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    _check_count(len(entries))
    if size > _MOST_BYTES:
        raise Unreadable(f"unpacks to {size:,} bytes, more than {_MOST_BYTES:,}")
    if size > _HIGHEST_RATIO * max(packed, 1):
        raise Unreadable(f"unpacks to more than {_HIGHEST_RATIO} times its size")
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise Unreadable("is encrypted; save it without a password")
    if any(entry.compress_type not in _METHODS for entry in entries):
        raise Unreadable("is packed in a way that Word does not use; save it again")
    # Parts that share bytes unpack to many times the file; a part that contains itself never ends.
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    for entry, after in pairwise(ordered):
        if entry.header_offset + _LOCAL_HEADER + entry.compress_size > after.header_offset:
            raise Unreadable("has parts that overlap; save it again")
    # Readers disagree on which of two parts of one name counts; a name must not lead out of the package.
    names = [entry.filename for entry in entries]
    if len({name.casefold() for name in names}) < len(names):
        raise Unreadable("has two parts of the same name; save it again")
    if any(name.startswith("/") or "\\" in name or ".." in name.split("/") for name in names):
        raise Unreadable("has a part whose name leads out of it; save it again")


def _check_count(parts: int) -> None:
    if parts > _MOST_PARTS:
        raise Unreadable(f"holds {parts:,} parts, more than {_MOST_PARTS:,}")


def _without_entities(part: bytes) -> bytes:
    """The part, if it declares no entities, which could expand or be fetched."""
    # In UTF-16 every other byte is zero.
    if b"<!DOCTYPE" in part.replace(b"\x00", b""):
        raise Unreadable("declares entities, which Word does not; save it again")
    return part


def _unpacked(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one part, read in steps: zipfile stops at the size in the directory, which may lie."""
    with package.open(entry) as part:
        content = b"".join(iter(lambda: part.read(1 << 16), b""))
    if len(content) != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} ends early")
    return content


def _html(parts: Mapping[str, bytes]) -> str:
    """HTML of the text: notes at the end, no images, comments, headers or footers."""
    from mammoth import convert_to_html

    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as clean:
        for name, part in parts.items():
            clean.writestr(name, part)
    package.seek(0)
    try:
        result = convert_to_html(package, style_map=_STYLES, convert_image=lambda _: [])
    except _DAMAGE as error:
        raise Unreadable(f"is a damaged .docx file ({error}); save it again") from error
    return str(result.value)


def _facts(parts: Mapping[str, bytes]) -> Metadata:
    """Title and author; the date a file was made is not the date of publication."""
    part = parts.get(_PROPERTIES, b"")
    if not part or len(part) > _LARGEST_PROPERTIES:
        return Metadata()
    texts = xml_texts(part)
    return Metadata(title=headline(texts.get("title", "")), author=person(texts.get("creator", "")))
