"""Files of citations, read back by the libraries that others read them with."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import docx
import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from markdown_it import MarkdownIt

from corpus.article import Article
from qa.answer import Citation
from qa.feedback.safe_csv import neutralise_formula
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS
from web.citations.document_formats import (
    COLUMNS,
    FORMATS,
    write_csv,
    write_docx,
    write_markdown,
)
from web.citations.quotation import Export
from web.citations.reference_formats import date_parts, write_bibtex, write_csl, write_ris
from web.citations.reference_formats import references as references_of
from web.i18n import load_catalogue

QUAYS = replace(
    article("quays", "Dredging cost more.", "Nobody paid.", heading="The Quays"),
    sha256="ab" * 32,
)
BOTH = Citation(QUAYS, 11, len(QUAYS.text))
PLACE = f"In the index: quays:11-44; SHA-256 of the article’s text: {'ab' * 32}"
NOTE = "Not in the index any more, and left out: gone:1-2"
# What a file name, or an article made by other software, may hold.
NASTY = (
    *HOSTILE_TEXTS,
    *(
        "}",
        "{",
        "@misc{evil,",
        "}}\n\n@article{evil, title={x}}",
        "a % b \\% c",
        r"\input{/etc/passwd}",
        "TY  - BOOK",
    ),
    *(
        "ER  - \nTY  - BOOK",
        "a\r\nER  - ",
        "\x00\x01 \x7f\x02",
        "\ufffe\uffff",
        "=1+1",
        "a, \"b\"\n'c'",
        "\u2028x",
        "# $ & _ ~ ^",
    ),
)


def export(*citations: Citation, missing: tuple[str, ...] = ()) -> Export:
    return Export(citations, missing, load_catalogue())


def saying(text: str) -> Citation:
    """A citation of an article that says this everywhere."""
    said = replace(
        QUAYS, text=f"x {text} x", title=f"t {text}", author=f"a {text}", publisher=f"p {text}", source=text
    )
    return Citation(said, 0, len(said.text))


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def references(written: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rispy.loads(written.decode())
    return found


def entry(written: bytes) -> dict[str, str]:
    library = parse_string(written.decode())
    assert library.failed_blocks == []
    (found,) = library.entries
    return {name: str(field.value) for name, field in found.fields_dict.items()}


def lines(written: bytes) -> list[str]:
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(written)).paragraphs]


def rows(written: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    ("published", "parts"),
    [
        ("2024", (2024,)),
        ("2024-05", (2024, 5)),
        ("2024-05-06", (2024, 5, 6)),
        ("2024-02-29", (2024, 2, 29)),
        *(
            (wrong, ())
            for wrong in (
                "",
                "2023-02-29",
                "2024-13",
                "2024-00",
                "May 2024",
                "24",
                "2024-5",
                "2024-05-06T",
                "٢٠٢٤",
            )
        ),
    ],
)
def test_a_date_has_the_parts_that_are_known(published: str, parts: tuple[int, ...]) -> None:
    assert date_parts(published) == parts


def test_ris_is_written_as_the_format_asks() -> None:
    assert write_ris(export(BOTH)).decode() == (
        "TY  - ELEC\r\nID  - quays-11-44\r\nTI  - The Quays\r\nAU  - Ada Lovelace\r\nPB  - The Gazette\r\n"
        "PY  - 2024\r\nDA  - 2024/05/06/\r\nUR  - https://example.org/quays\r\n"
        f"AB  - Dredging cost more. Nobody paid.\r\nN1  - {PLACE}\r\nER  - \r\n"
    )


@pytest.mark.parametrize(("published", "date"), [("2024-05", "2024/05//"), ("2024", "2024///"), ("", None)])
def test_ris_has_the_slashes_of_what_is_not_known(published: str, date: str | None) -> None:
    (read,) = references(write_ris(export(Citation(replace(QUAYS, published=published), 11, 30))))
    assert read.get("date") == date


def test_ris_leaves_out_what_is_not_known() -> None:
    bare = replace(QUAYS, author="", publisher="", published="", url="", title="")
    (read,) = references(write_ris(export(Citation(bare, 11, 30))))
    assert read == {
        "type_of_reference": "GEN",
        "id": "quays-11-30",
        "title": "quays.md",
        "abstract": "Dredging cost more.",
        "notes": [PLACE.replace("44", "30")],
    }


@pytest.mark.parametrize("text", NASTY)
def test_ris_comes_back_as_one_reference(text: str) -> None:
    (read,) = references(write_ris(export(saying(text))))
    assert read["title"] == on_one_line(f"t {text}")
    assert read["authors"] == [on_one_line(f"a {text}")]
    assert on_one_line(read["abstract"]) == on_one_line(f"x {text} x")


def test_bibtex_is_written_as_the_format_asks() -> None:
    assert write_bibtex(export(BOTH, missing=("gone:1-2",))).decode() == (
        f"% {NOTE}\n\n"
        "@misc{quays-11-44,\n  title = {{The Quays}},\n  author = {{Ada Lovelace}},\n  publisher = {{The Gazette}},\n"
        "  year = {2024},\n  month = may,\n  day = {6},\n  url = {https://example.org/quays},\n"
        f"  abstract = {{Dredging cost more. Nobody paid.}},\n  annote = {{{PLACE}}},\n}}\n"
    )


@pytest.mark.parametrize(
    ("published", "date"),
    [("2024-05", {"year": "2024", "month": "may"}), ("2024", {"year": "2024"}), ("", {}), ("unknown", {})],
)
def test_bibtex_has_the_date_that_is_known(published: str, date: dict[str, str]) -> None:
    read = entry(write_bibtex(export(Citation(replace(QUAYS, published=published), 11, 30))))
    assert {name: value for name, value in read.items() if name in ("year", "month", "day")} == date


@pytest.mark.parametrize("text", NASTY)
def test_bibtex_comes_back_as_one_entry(text: str) -> None:
    read = entry(write_bibtex(export(saying(text))))
    assert latex_text(read["title"]) == f"{{{on_one_line(f't {text}')}}}"
    assert latex_text(read["author"]) == f"{{{on_one_line(f'a {text}')}}}"
    assert on_one_line(latex_text(read["abstract"])) == on_one_line(f"x {text} x")


def latex_text(written: str) -> str:
    """What LaTeX prints of an escaped text."""
    names = {"textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}"}
    names |= {"textasciitilde": "~", "textasciicircum": "^"}
    shown, rest = "", written
    while rest:
        name = next((name for name in names if rest.startswith(f"\\{name}{{}}")), "")
        if name:
            shown, rest = shown + names[name], rest.removeprefix(f"\\{name}{{}}")
        elif rest[0] == "\\":
            assert rest[1] in "%&$#_"
            shown, rest = shown + rest[1], rest[2:]
        else:
            shown, rest = shown + rest[0], rest[1:]
    return shown


@pytest.mark.parametrize("text", NASTY)
def test_bibtex_has_balanced_braces(text: str) -> None:
    depth = 0
    for character in write_bibtex(export(saying(text))).decode():
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


def test_an_address_in_bibtex_is_not_escaped_as_text_is() -> None:
    awkward = replace(QUAYS, url="https://e.example/a_b?c=%41&d={x}#~y")
    assert (
        entry(write_bibtex(export(Citation(awkward, 11, 30))))["url"]
        == "https://e.example/a_b?c=%41&d=%7Bx%7D#~y"
    )


def test_csl_has_the_variables_of_the_schema() -> None:
    assert json.loads(write_csl(export(BOTH))) == [
        {
            "id": "quays-11-44",
            "type": "webpage",
            "title": "The Quays",
            "author": [{"literal": "Ada Lovelace"}],
            "publisher": "The Gazette",
            "issued": {"date-parts": [[2024, 5, 6]]},
            "URL": "https://example.org/quays",
            "abstract": "Dredging cost more. Nobody paid.",
            "note": PLACE,
        }
    ]


@pytest.mark.parametrize(("published", "issued"), [("2024-05", [[2024, 5]]), ("2024", [[2024]])])
def test_csl_has_the_date_that_is_known(published: str, issued: list[list[int]]) -> None:
    (read,) = json.loads(write_csl(export(Citation(replace(QUAYS, published=published), 11, 30))))
    assert read["issued"] == {"date-parts": issued}


def test_csl_leaves_out_what_is_not_known() -> None:
    bare = replace(QUAYS, author="", publisher="", published="", url="ftp://x.example/")
    (read,) = json.loads(write_csl(export(Citation(bare, 11, 30))))
    assert set(read) == {"id", "type", "title", "abstract", "note"}
    assert read["type"] == "document"


def test_csv_has_every_fact_in_a_column() -> None:
    assert rows(write_csv(export(BOTH))) == [
        {
            "quote": "Dredging cost more.\n\nNobody paid.",
            "title": "The Quays",
            "author": "Ada Lovelace",
            "publisher": "The Gazette",
            "published": "2024-05-06",
            "url": "https://example.org/quays",
            "source": "quays.md",
            "article_id": "quays",
            "start": "11",
            "end": "44",
            "sha256": "ab" * 32,
        }
    ]
    assert write_csv(export(BOTH)).startswith(b'\xef\xbb\xbf"' + '","'.join(COLUMNS).encode() + b'"\r\n')


@pytest.mark.parametrize(
    "first", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n =", "x;=", "＝", "＋", "－", "＠"]
)
def test_a_spreadsheet_computes_no_cell(first: str) -> None:
    formula = f'{first}HYPERLINK("https://evil.example")'
    neutralised = f'{first[:-1]}\'{first[-1]}HYPERLINK("https://evil.example")'
    said = replace(
        QUAYS, text=formula, title=formula, author=formula, publisher=formula, published=formula, url=formula
    )
    (read,) = rows(write_csv(export(Citation(replace(said, source=formula), 0, len(formula)))))
    assert {name for name, cell in read.items() if cell == neutralised} == set(COLUMNS) - {
        *("article_id", "start", "end", "sha256")
    }


def test_other_cells_are_as_they_are() -> None:
    assert [neutralise_formula(cell) for cell in ("", "a=1", "–1", "'x")] == ["", "a=1", "–1", "'x"]


@pytest.mark.parametrize("text", NASTY)
def test_csv_comes_back_word_for_word_but_for_formulas(text: str) -> None:
    (read,) = rows(write_csv(export(saying(text))))
    assert (read["quote"], read["title"], read["source"]) == (
        neutralise_formula(f"x {text} x"),
        neutralise_formula(f"t {text}"),
        neutralise_formula(text),
    )


def test_word_has_the_quotation_its_source_and_its_place() -> None:
    written = write_docx(export(BOTH, missing=("gone:1-2",)))
    assert lines(written) == [
        "Evidence list",
        "Dredging cost more.",
        "Nobody paid.",
        "— The Quays, Ada Lovelace, The Gazette, 6 May 2024, https://example.org/quays",
        PLACE,
        NOTE,
    ]
    read = docx.Document(io.BytesIO(written))
    assert [paragraph.style.name for paragraph in read.paragraphs[1:4] if paragraph.style] == [
        "Quote",
        "Quote",
        "Normal",
    ]
    assert (read.core_properties.title, read.core_properties.author) == ("Evidence list", "")


@pytest.mark.parametrize("text", NASTY)
def test_word_opens_whatever_an_article_says(text: str) -> None:
    _, *quoted, source, _ = lines(write_docx(export(saying(text))))
    legal = "".join("\ufffd" if c in "\x00\x01\x02\ufffe\uffff" else c for c in text)
    assert " ".join(quoted).split() == f"x {legal} x".split()
    assert source.startswith("— t")


def test_word_replaces_what_xml_has_no_place_for() -> None:
    assert (
        lines(write_docx(export(saying("a\x00b\x08c\ufffed\U0001f600"))))[1]
        == "x a\ufffdb\ufffdc\ufffdd\U0001f600 x"
    )


def test_markdown_is_a_page_of_quotations() -> None:
    html = MarkdownIt().render(write_markdown(export(BOTH, missing=("gone:1-2",))).decode())
    assert html == (
        "<h1>Evidence list</h1>\n<blockquote>\n<p>Dredging cost more.</p>\n<p>Nobody paid.</p>\n</blockquote>\n"
        "<p>— The Quays, Ada Lovelace, The Gazette, 6 May 2024, "
        '<a href="https://example.org/quays">https://example.org/quays</a></p>\n'
        f"<p>{PLACE}</p>\n<p>{NOTE}</p>\n"
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_name_that_is_no_text_breaks_no_file(suffix: str) -> None:
    odd = replace(QUAYS, source="b\udcff.md", title="", url="")
    assert FORMATS[suffix].write(export(Citation(odd, 11, 30)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_citation_makes_a_file_too(suffix: str) -> None:
    assert isinstance(FORMATS[suffix].write(export()), bytes)


@pytest.mark.parametrize("identifier", ["quays", "@misc{x", "a:b"])
def test_two_citations_have_two_keys(identifier: str) -> None:
    article: Article = replace(QUAYS, id=identifier)
    keys = [
        reference.key
        for reference in references_of(export(Citation(article, 0, 9), Citation(article, 11, 30)))
    ]
    assert len(set(keys)) == 2
    assert all(key.replace("-", "").isalnum() for key in keys)
