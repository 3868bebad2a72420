"""Word documents: the zip is checked before it is unpacked, mammoth reads the text, footnotes stay.

What a zip's directory says is checked first: how many parts, how large, where they lie, what they are called.
It can lie, so every part is unpacked against a limit into a clean copy, and only that copy is parsed.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
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
# Word's title styles have no place in mammoth's own map.
_STYLES = "p[style-name='Title'] => h1:fresh\np.Title => h1:fresh"
# What programs write where a title belongs.
_NO_TITLE = re.compile(
    r"""^microsoft\ \w+\ -\ |\.(docx?|pdf|rtf|odt|txt|indd|qxd|tex|dvi|p65|pages|html?)$
    |^(untitled|document\ ?\d*|\W*)$""",
    re.IGNORECASE | re.VERBOSE,
)
# What programs write where a person's name belongs.
_NO_PERSON = re.compile(
    r"""python-docx|microsoft(\ office)?(\ user)?|((office|windows)\ )?user|admin(istrator)?
    |unknown|owner|un-named|author""",
    re.IGNORECASE | re.VERBOSE,
)

# Mammoth trusts XML to be Word's: what a damaged part lacks comes up as any of these.
_DAMAGE = (ExpatError, LookupError, OSError, ValueError, TypeError, AttributeError, RecursionError)


def docx_draft(raw: bytes) -> Draft:
    """The blocks and facts of a .docx file; `Unreadable` says what is wrong with one that is not."""
    parts = _parts(raw)
    page = _html(parts)
    blocks = html_blocks(page)
    facts = Metadata()
    if page.startswith("<h1") and blocks and blocks[0].kind is Kind.HEADING:
        facts = Metadata(title=blocks[0].text)
        blocks = blocks[1:]
    # Without one styled heading the title and the sub-headings are bold or spaced paragraphs at best.
    loose = not facts.title and all(block.kind is Kind.PARAGRAPH for block in blocks)
    return Draft(blocks, facts, loose=loose, properties=_facts(parts))


def headline(title: str) -> str:
    """The title in a document's properties, or "" for a file's name or a program's default."""
    folded = " ".join(title.split())
    return "" if _NO_TITLE.search(folded) else folded


def person(name: str) -> str:
    """The name of an author in a document's properties, or "" for a program's or a computer's."""
    folded = " ".join(name.split())
    return "" if _NO_PERSON.fullmatch(folded) else folded


def _parts(raw: bytes) -> Mapping[str, bytes]:
    """The XML parts of the package by name, each unpacked against the size its directory promises."""
    if raw.startswith(_OLE_MARK):
        raise Unreadable("is encrypted or an old .doc; save it as .docx without a password")
    # Opening a zip reads its directory whole, however long it is; each entry of it begins with this mark.
    _check_count(raw.count(_ENTRY_MARK))
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            entries = package.infolist()
            _check(entries)
            wanted = [entry for entry in entries if entry.filename.endswith((".xml", ".rels"))]
            return {entry.filename: _without_entities(_unpacked(package, entry)) for entry in wanted}
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
    _check_places(entries)
    _check_names([entry.filename for entry in entries])


def _check_count(parts: int) -> None:
    if parts > _MOST_PARTS:
        raise Unreadable(f"holds {parts:,} parts, more than {_MOST_PARTS:,}")


def _check_places(entries: list[zipfile.ZipInfo]) -> None:
    """Two parts that share bytes unpack to many times what is there, and one that holds itself never ends."""
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    ends = (entry.header_offset + _LOCAL_HEADER + entry.compress_size for entry in ordered)
    if any(end > after.header_offset for end, after in zip(ends, ordered[1:], strict=False)):
        raise Unreadable("has parts that overlap; save it again")


def _check_names(names: list[str]) -> None:
    """Readers do not agree which of two parts of one name counts; none is a path out of the package."""
    if len({name.casefold() for name in names}) < len(names):
        raise Unreadable("has two parts of the same name; save it again")
    if any(name.startswith("/") or "\\" in name or ".." in name.split("/") for name in names):
        raise Unreadable("has a part whose name leads out of it; save it again")


def _without_entities(part: bytes) -> bytes:
    """The part, if it declares nothing that could grow or be fetched; Word writes no such declaration."""
    # In UTF-16 every other byte is zero.
    if b"<!DOCTYPE" in part.replace(b"\x00", b""):
        raise Unreadable("declares entities, which Word does not; save it again")
    return part


def _unpacked(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one part. Reading in steps keeps a lying entry from unpacking further than it promises."""
    found = io.BytesIO()
    with package.open(entry) as part:
        while step := part.read(1 << 16):
            found.write(step)
    if found.tell() != entry.file_size:
        raise zipfile.BadZipFile(f"{entry.filename} ends early")
    return found.getvalue()


def _html(parts: Mapping[str, bytes]) -> str:
    """Mammoth's HTML of the text, with notes at the end, without images, comments, headers and footers."""
    from mammoth import convert_to_html

    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as clean:
        for name, part in parts.items():
            clean.writestr(name, part)
    package.seek(0)
    try:
        found = convert_to_html(package, style_map=_STYLES, convert_image=lambda _: [])
    except _DAMAGE as error:
        raise Unreadable(f"is a damaged .docx file ({error}); save it again") from error
    return str(found.value)


def _facts(parts: Mapping[str, bytes]) -> Metadata:
    """Title and author; the day a file was made is not the day its article was published."""
    part = parts.get(_PROPERTIES, b"")
    if not part or len(part) > _LARGEST_PROPERTIES:
        return Metadata()
    texts = xml_texts(part)
    return Metadata(title=headline(texts.get("title", "")), author=person(texts.get("creator", "")))
