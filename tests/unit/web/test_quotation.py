"""Quotations with their source, and Markdown that a reference implementation renders as the same text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from corpus.article import Article
from qa.answer import Citation
from tests.support.fakes import article
from tests.support.html_text import HOSTILE_TEXTS
from web.citations.quotation import (
    html_quotation,
    markdown_quotation,
    paragraphs,
    plain_quotation,
    source_facts,
)

QUAYS = article("quays", "Dredging cost more.", "Nobody paid.", heading="The Quays")
COST = Citation(QUAYS, 11, 30)
BOTH = Citation(QUAYS, 11, len(QUAYS.text))
MARKS = (
    *(
        "# one",
        "## two",
        "- three",
        "+ four",
        "* five",
        "1. six",
        "12) seven",
        "===",
        "---",
        "***",
        "```",
        "~~~",
    ),
    *(
        "> eight",
        "| a | b |",
        "2005. A year",
        "a_b_c and *d*",
        "x < y > z",
        "&amp; &copy; &#65;",
        "[a]: http://b",
    ),
    *(
        "$x$ and $$y$$",
        r"back\slash \* \\",
        "`code` ``more``",
        "![i](u)",
        "<http://x.example>",
        "~~gone~~",
        "-",
        "1.",
    ),
    *(
        "http://x.example/a_b_c?d=1&copy=2",
        "[^1]",
        "- [ ] task",
        "٣. three",
        "5-year plan",
        "= =",
        ":-- | --:",
        "#tag",
    ),
)


class Rendered(HTMLParser):
    """The text of each paragraph, and the tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]
        if tag == "p":
            self.paragraphs.append("")

    def handle_data(self, data: str) -> None:
        if self.paragraphs and data.strip():
            self.paragraphs[-1] += data


def rendered(markdown: str, flavour: str = "commonmark") -> Rendered:
    parser = MarkdownIt(flavour)
    if flavour == "default":
        parser.enable(["table", "strikethrough"])
    return Rendered(parser.render(markdown))


def test_plain_text_is_the_quotation_and_its_source() -> None:
    assert plain_quotation(COST) == (
        "“Dredging cost more.”\n— The Quays, Ada Lovelace, The Gazette, 6 May 2024, https://example.org/quays"
    )


def test_paragraphs_stay_apart() -> None:
    assert plain_quotation(BOTH).startswith("“Dredging cost more.\n\nNobody paid.”\n— ")
    assert markdown_quotation(BOTH).startswith("> Dredging cost more.\n>\n> Nobody paid.\n\n— ")
    assert html_quotation(BOTH).startswith(
        "<blockquote><p>Dredging cost more.</p><p>Nobody paid.</p></blockquote><p>— "
    )


def test_markdown_links_to_the_source() -> None:
    assert markdown_quotation(COST) == (
        "> Dredging cost more.\n\n— The Quays, Ada Lovelace, The Gazette, 6 May 2024, "
        "[https://example.org/quays](<https://example.org/quays>)"
    )


def test_html_links_to_the_source() -> None:
    assert html_quotation(COST) == (
        "<blockquote><p>Dredging cost more.</p></blockquote><p>— The Quays, Ada Lovelace, The Gazette, "
        '6 May 2024, <a href="https://example.org/quays">https://example.org/quays</a></p>'
    )


@pytest.mark.parametrize(
    ("known", "facts"),
    [
        ({}, ["The Quays", "Ada Lovelace", "The Gazette", "6 May 2024", "https://example.org/quays"]),
        (
            {"published": "2024-05"},
            ["The Quays", "Ada Lovelace", "The Gazette", "May 2024", "https://example.org/quays"],
        ),
        (
            {"published": "2024"},
            ["The Quays", "Ada Lovelace", "The Gazette", "2024", "https://example.org/quays"],
        ),
        (
            {"published": "", "author": "The Gazette"},
            ["The Quays", "The Gazette", "https://example.org/quays"],
        ),
        ({"url": ""}, ["The Quays", "Ada Lovelace", "The Gazette", "6 May 2024", "quays.md"]),
        (
            {"url": "javascript:alert(1)"},
            ["The Quays", "Ada Lovelace", "The Gazette", "6 May 2024", "quays.md"],
        ),
        (
            {"url": "https://a.example/\nx"},
            ["The Quays", "Ada Lovelace", "The Gazette", "6 May 2024", "quays.md"],
        ),
        (
            {"title": ""},
            ["quays.md", "Ada Lovelace", "The Gazette", "6 May 2024", "https://example.org/quays"],
        ),
        ({"title": "", "url": ""}, ["quays.md", "Ada Lovelace", "The Gazette", "6 May 2024"]),
        (
            {"url": "", "source": "a\n# b\udcff.md"},
            ["The Quays", "Ada Lovelace", "The Gazette", "6 May 2024", "a # b?.md"],
        ),
    ],
)
def test_a_source_is_what_is_known(known: dict[str, str], facts: list[str]) -> None:
    assert source_facts(replace(QUAYS, **known)) == facts  # type: ignore[arg-type]


def saying(text: str) -> Article:
    """An article that says this in its text and in every fact that can say it."""
    return replace(
        article("x", text),
        title=text,
        author=f"by {text}",
        publisher=text,
        source=text,
        url=f"https://e.example/{text}",
    )


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS, *MARKS])
@pytest.mark.parametrize("flavour", ["commonmark", "default"])
def test_markdown_renders_as_the_same_text(text: str, flavour: str) -> None:
    hostile = saying(text)
    citation = Citation(hostile, 0, len(hostile.text))
    shown = rendered(markdown_quotation(citation), flavour)
    assert shown.paragraphs == [" ".join(text.split()), f"— {', '.join(source_facts(hostile))}"]
    assert set(shown.tags) <= {"blockquote", "p", "a"}
    assert len(shown.links) == text.isprintable()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1))
def test_markdown_renders_any_paragraph(text: str) -> None:
    said = Citation(replace(QUAYS, text=" ".join(text.split()) or "x"), 0, len(text) + 1)
    shown = rendered(markdown_quotation(said)).paragraphs
    assert len(shown) == 2
    assert shown[:-1] == paragraphs(said)


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS, *MARKS])
def test_html_shows_the_same_text_and_no_element_of_its_own(text: str) -> None:
    hostile = saying(text)
    shown = Rendered(html_quotation(Citation(hostile, 0, len(hostile.text))))
    assert shown.paragraphs == [text, f"— {', '.join(source_facts(hostile))}"]
    assert set(shown.tags) <= {"blockquote", "p", "a"}


def test_an_address_in_markdown_stays_the_address() -> None:
    awkward = replace(QUAYS, url="https://e.example/a_(b)?c=1&copy=2&amp;=<d>\\e*f*")
    assert rendered(markdown_quotation(Citation(awkward, 11, 30))).links == [
        "https://e.example/a_(b)?c=1&copy=2&amp;=%3Cd%3E%5Ce*f*"
    ]
