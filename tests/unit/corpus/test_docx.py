from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

import docx
import pytest

from corpus.article import Unreadable
from corpus.draft import Block, Kind, Metadata
from corpus.formats.docx import docx_draft, headline, person

WORD = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def paragraph(*runs: str) -> str:
    return (
        "<w:p>"
        + "".join(run if run.startswith("<") else f"<w:r><w:t>{run}</w:t></w:r>" for run in runs)
        + "</w:p>"
    )


def relations(**targets: str) -> str:
    each = "".join(
        f'<Relationship Id="{kind}" Type="{KINDS}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{each}</Relationships>'


def notes(kind: str, text: str) -> str:
    return f'<w:{kind}s {WORD}><w:{kind} w:id="2">{paragraph(text)}</w:{kind}></w:{kind}s>'


def package(body: str, **others: str) -> dict[str, str]:
    return {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": relations(officeDocument="word/document.xml"),
        "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(footnotes="footnotes.xml", endnotes="endnotes.xml"),
        **{name.replace("__", "/") + ".xml": part for name, part in others.items()},
    }


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return raw.getvalue()


WITH_NOTES = package(
    paragraph("Ten areas share a purse", '<w:r><w:footnoteReference w:id="2"/></w:r>', ".")
    + paragraph("It lasts longer", '<w:r><w:endnoteReference w:id="2"/></w:r>', "."),
    word__footnotes=notes("footnote", "The Act calls it a pooled budget."),
    word__endnotes=notes("endnote", "Accounts of 2004, page 7."),
)


def test_a_document_from_word_processor_parts() -> None:
    document = docx.Document()
    document.add_heading("A purse for ten", level=0)
    document.add_paragraph("Ten areas share one purse.").add_run(" It lasts.").bold = True
    document.add_heading("What the accounts say", level=1)
    document.add_paragraph("Leeds saved money.", style="List Bullet")
    document.add_paragraph("Derby came next.", style="List Number")
    table = document.add_table(2, 2)
    for place, words in enumerate(("Centre", "Opens", "Mill Lane", "8am")):
        table.cell(place // 2, place % 2).text = words
    document.sections[0].header.paragraphs[0].text = "Confidential draft"
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    document.core_properties.author = "Ada Marsh"
    document.core_properties.title = "Document1"
    document.core_properties.created = datetime(2004, 5, 13, 9, tzinfo=UTC)
    raw = io.BytesIO()
    document.save(raw)
    draft = docx_draft(raw.getvalue())
    assert draft.facts == Metadata(title="A purse for ten")
    assert draft.properties == Metadata(author="Ada Marsh")
    assert draft.blocks == (
        Block("Ten areas share one purse. It lasts."),
        Block("What the accounts say", Kind.HEADING),
        Block("- Leeds saved money."),
        Block("1. Derby came next."),
        Block("Centre | Opens"),
        Block("Mill Lane | 8am"),
    )


def test_footnotes_and_endnotes_stay_without_their_arrows() -> None:
    assert docx_draft(zipped(WITH_NOTES)).blocks == (
        Block("Ten areas share a purse[1]."),
        Block("It lasts longer[2]."),
        Block("1. The Act calls it a pooled budget."),
        Block("2. Accounts of 2004, page 7."),
    )


def test_facts_come_from_the_properties_when_no_heading_leads() -> None:
    properties = (
        f'<p:coreProperties xmlns:p="{PACKAGE}/metadata/core-properties" xmlns:d="http://purl.org/dc/elements/1.1/" '
        'xmlns:t="http://purl.org/dc/terms/"><d:title>A purse</d:title><d:creator>python-docx</d:creator>'
        "<t:modified>2004-06-01T00:00:00Z</t:modified></p:coreProperties>"
    )
    draft = docx_draft(zipped(package(paragraph("Text of it."), docProps__core=properties)))
    assert (draft.facts, draft.properties, draft.loose) == (Metadata(), Metadata(title="A purse"), True)
    assert draft.blocks == (Block("Text of it."),)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("A purse  for ten", "A purse for ten"),
        ("Microsoft Word - purse.doc", ""),
        ("purse_final.DOCX", ""),
        ("Untitled", ""),
        ("Document3", ""),
        ("--", ""),
        ("Document of the year", "Document of the year"),
    ],
)
def test_a_file_name_is_no_headline(written: str, kept: str) -> None:
    assert headline(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ada  Marsh", "Ada Marsh"),
        ("Microsoft Office User", ""),
        ("admin", ""),
        ("User", ""),
        ("Author Hill", "Author Hill"),
    ],
)
def test_a_program_is_no_author(written: str, kept: str) -> None:
    assert person(written) == kept


def test_pictures_are_passed_over() -> None:
    picture = (
        '<w:r><w:drawing><i:inline xmlns:i="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">'
        '<i:docPr id="1" name="x" descr="alt text"/><a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        '<a:graphicData><q:pic xmlns:q="http://schemas.openxmlformats.org/drawingml/2006/picture"><q:blipFill>'
        '<a:blip r:embed="nowhere"/></q:blipFill></q:pic></a:graphicData></a:graphic></i:inline></w:drawing></w:r>'
    )
    parts = package(paragraph("Before ", picture, "after."))
    parts["word/_rels/document.xml.rels"] = relations(image="media/i.png").replace(
        'Id="image"', 'Id="nowhere"'
    )
    assert docx_draft(zipped(parts)).blocks == (Block("Before after."),)


def lying(raw: bytes, *, size: int) -> bytes:
    """The archive with another uncompressed size in the directory for word/document.xml."""
    entry = raw.index(b"PK\x01\x02")
    while not raw[entry + 46 :].startswith(b"word/document.xml"):
        entry = raw.index(b"PK\x01\x02", entry + 4)
    return raw[: entry + 24] + struct.pack("<I", size) + raw[entry + 28 :]


def test_what_would_unpack_too_far_is_refused() -> None:
    big = package(paragraph("word " * 2_000_000))
    with pytest.raises(Unreadable, match=r"^unpacks to more than 200 times its size$"):
        docx_draft(zipped(big))
    with pytest.raises(Unreadable, match=r"^is not a whole .docx file \(.*\); save it again$"):
        docx_draft(lying(zipped(big), size=1000))
    with pytest.raises(Unreadable, match=r"^unpacks to 4,000,00\d,\d{3} bytes, more than 200,000,000$"):
        docx_draft(lying(zipped(WITH_NOTES), size=4_000_000_000))
    with pytest.raises(Unreadable, match=r"^is not a whole .docx file \(word/document.xml ends early\)"):
        docx_draft(lying(zipped(WITH_NOTES), size=20_000))
    many = {**WITH_NOTES, **{f"word/media/{number}.png": "" for number in range(5_000)}}
    with pytest.raises(Unreadable, match=r"^holds 5,006 parts, more than 5,000$"):
        docx_draft(zipped(many))


def test_entities_do_not_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "abcdefgh"
    entities = (
        '<!ENTITY a "'
        + "x" * 1000
        + '">'
        + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names))
    )
    parts = package(paragraph("&h;"))
    parts["word/document.xml"] = f"<!DOCTYPE d [{entities}]>{parts['word/document.xml']}"
    with pytest.raises(Unreadable, match="declares entities, which Word does not; save it again"):
        docx_draft(zipped(parts))
    wide = parts["word/document.xml"].encode("utf-16")
    with pytest.raises(Unreadable, match="declares entities, which Word does not; save it again"):
        docx_draft(zipped({**package(""), "word/document.xml": wide}))
    monkeypatch.setattr("corpus.formats.docx._without_entities", lambda part: part)
    with pytest.raises(Unreadable, match=r"is a damaged .docx file .*amplification"):
        docx_draft(zipped(parts))


def test_parts_that_overlap_or_share_a_name_are_refused() -> None:
    whole = zipped(WITH_NOTES)
    entry = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 4)
    shared = whole[: entry + 42] + struct.pack("<I", 0) + whole[entry + 46 :]
    with pytest.raises(Unreadable, match=r"^has parts that overlap; save it again$"):
        docx_draft(shared)
    with pytest.raises(Unreadable, match=r"^has two parts of the same name; save it again$"):
        docx_draft(zipped({**WITH_NOTES, "WORD/document.xml": "<p/>"}))
    for name in ("../../etc/passwd.xml", "/etc/passwd.xml", "word\\x.xml"):
        with pytest.raises(Unreadable, match=r"^has a part whose name leads out of it; save it again$"):
            docx_draft(zipped({**WITH_NOTES, name: "<p/>"}))


def test_only_what_word_packs_is_unpacked() -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_LZMA) as archive:
        for name, part in WITH_NOTES.items():
            archive.writestr(name, part)
    with pytest.raises(Unreadable, match=r"^is packed in a way that Word does not use; save it again$"):
        docx_draft(raw.getvalue())


def test_a_directory_of_a_million_entries_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: opened.append(1))
    with pytest.raises(Unreadable, match=r"^holds 200,000 parts, more than 5,000$"):
        docx_draft(b"PK\x01\x02".ljust(46, b"\x00") * 200_000)
    assert opened == []


def test_locked_old_and_foreign_files_are_told_apart() -> None:
    with pytest.raises(Unreadable, match=r"is encrypted or an old .doc; save it as .docx without a password"):
        docx_draft(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500)
    locked = bytearray(zipped(WITH_NOTES))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Unreadable, match="is encrypted; save it without a password"):
        docx_draft(bytes(locked))
    with pytest.raises(Unreadable, match="Could not find main document part"):
        docx_draft(zipped({"readme.xml": "<p/>"}))
    for raw in (b"", b"plain words", zipped(WITH_NOTES)[:400]):
        with pytest.raises(
            Unreadable, match=r"is not a whole .docx file \(File is not a zip file\); save it again"
        ):
            docx_draft(raw)


def test_nesting_and_missing_notes_are_refused() -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 2000 + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * 2000
    with pytest.raises(Unreadable, match="maximum recursion depth"):
        docx_draft(zipped(package(deep)))
    without = {name: part for name, part in WITH_NOTES.items() if name != "word/footnotes.xml"}
    with pytest.raises(Unreadable, match=r"is a damaged .docx file"):
        docx_draft(zipped(without))


def test_damaged_files_are_read_or_refused() -> None:
    """Five hundred archives with bytes turned, and as many with sound archives around broken XML."""
    dice = random.Random(8)
    outcomes = {"read": 0, "refused": 0}
    whole = zipped(WITH_NOTES)
    for turn in range(1000):
        if turn % 2:
            raw = bytearray(whole)
            for _ in range(dice.choice((1, 4, 30))):
                raw[dice.randrange(len(raw))] = dice.randrange(256)
        else:
            name = dice.choice(sorted(WITH_NOTES))
            at = dice.randrange(len(WITH_NOTES[name]))
            cut = WITH_NOTES[name][:at] + WITH_NOTES[name][at + dice.randrange(30) :]
            raw = bytearray(zipped({**WITH_NOTES, name: cut}))
        try:
            docx_draft(bytes(raw))
            outcomes["read"] += 1
        except Unreadable:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50
