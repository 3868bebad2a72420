from __future__ import annotations

import pytest

from corpus.article import Article
from corpus.canonical import finish
from corpus.draft import Block, Draft, Facts, Kind

BODY = (
    "The library will open on four evenings a week from May, after two hundred residents asked for it in a survey "
    "that ran all winter."
)


def article(*texts: str, facts: Facts | None = None) -> Article:
    return finish(
        Draft(tuple(Block(text) for text in texts), facts or Facts(), loose=True, scraped=True), "a.txt"
    )


@pytest.mark.parametrize(
    ("top", "title", "author", "published"),
    [
        (["Evenings at the library", "By Ann Lee"], "Evenings at the library", "Ann Lee", ""),
        (
            ["Evenings at the library", "Ann Lee", "12 March 2004"],
            "Evenings at the library",
            "Ann Lee",
            "2004-03-12",
        ),
        (["Ann Lee", "Evenings at the library"], "Evenings at the library", "Ann Lee", ""),
        (["Plenty Lost", "Bob Hill"], "Plenty Lost", "", ""),
        (["Bob Hill"], "Bob Hill", "", ""),
        (["Libraries", "Published: Thursday, May 6, 2004 10:15"], "Libraries", "", "2004-05-06"),
        (["Education", "Evenings at the library", "2004-05-06"], "Evenings at the library", "", "2004-05-06"),
        (
            ["Evenings at the library", "by Ann Lee and Bo van Dyk"],
            "Evenings at the library",
            "Ann Lee and Bo van Dyk",
            "",
        ),
        ([], "", "", ""),
    ],
)
def test_the_top_of_a_plain_text(top: list[str], title: str, author: str, published: str) -> None:
    found = article(*top, BODY)
    assert (found.title, found.author, found.published) == (title, author, published)


@pytest.mark.parametrize(
    ("standfirst", "author"),
    [
        ("Four evenings a week may not be enough for everybody who asked, writes Ann Lee.", "Ann Lee"),
        ("Four evenings a week may not be enough for everybody who asked. Ann Lee reports.", "Ann Lee"),
        ("Four evenings a week may not be enough for everybody who asked, says the council.", ""),
    ],
)
def test_a_standfirst_names_its_author(standfirst: str, author: str) -> None:
    found = article("Evenings at the library", standfirst, BODY)
    assert found.author == author
    assert standfirst in found.text


@pytest.mark.parametrize(
    ("closing", "author"),
    [
        ("Ann Lee is a lecturer in librarianship at the University of Wend.", "Ann Lee"),
        ("The library is a listed building.", ""),
        ("Ann Lee was unhappy about it.", ""),
    ],
)
def test_a_closing_biography_names_the_author(closing: str, author: str) -> None:
    assert article("Evenings at the library", BODY, BODY + " Twice.", closing).author == author


def test_an_article_about_a_professor_is_not_by_that_professor() -> None:
    opening = (
        "Ann Lee is a professor of librarianship who has counted every book in the county twice since 1999."
    )
    assert article("Counting books", opening, BODY, BODY + " Twice.").author == ""


def test_what_a_file_says_outright_is_not_overruled() -> None:
    found = article("Libraries", "By Ann Lee", BODY, facts=Facts(title="Open late", author="Bo Ek"))
    assert (found.title, found.author) == ("Open late", "Bo Ek")
    assert found.text.startswith("Open late\n\nLibraries\n\nBy Ann Lee")


@pytest.mark.parametrize(
    ("footer", "publisher"),
    [
        ("More from Evening Star", "Evening Star"),
        ("© 2004 Evening Star Ltd. All rights reserved.", "Evening Star Ltd"),
    ],
)
def test_a_footer_names_the_publisher(footer: str, publisher: str) -> None:
    assert article("Libraries", BODY, footer).publisher == publisher


def test_a_site_name_scraped_twice_is_the_publisher() -> None:
    found = article(
        "Sign in", "Evening Star - UK", "Evening Star - UK", "Ann Lee", "Evenings at the library", BODY
    )
    assert (found.publisher, found.author, found.title) == (
        "Evening Star",
        "Ann Lee",
        "Evenings at the library",
    )
    assert found.text == f"Ann Lee\n\nEvenings at the library\n\n{BODY}"


@pytest.mark.parametrize(
    ("texts", "author"),
    [
        (
            ["The plan", "The plan was drawn up in secret, and it was written in a day by Tony Blair.", BODY],
            "",
        ),
        (
            [
                "Transport",
                BODY,
                "Cllr Ann Potter is the chair of the transport committee.",
                "Ann Potter agreed.",
            ],
            "",
        ),
        (["Transport", BODY, "Ann Potter is the chair who resigned in May over the costs."], ""),
        (["New village hall opens", "Green Lane", BODY], ""),
        (["Every Child Counts", "Green Paper Launched", BODY], ""),
    ],
)
def test_who_is_written_about_is_not_who_wrote(texts: list[str], author: str) -> None:
    assert article(*texts).author == author


def test_marked_headings_are_nobodys_names_and_no_section_labels() -> None:
    blocks = (
        Block("Early help", Kind.HEADING),
        Block("Sure Start", Kind.HEADING),
        Block("Health", Kind.HEADING),
        Block(BODY),
    )
    found = finish(Draft(blocks, Facts(title="T")), "a.md")
    assert found.author == ""
    assert found.text == f"T\n\nEarly help\n\nSure Start\n\nHealth\n\n{BODY}"


def test_two_equal_exclamations_are_not_a_site() -> None:
    assert article("No.", "No.", "A third line", BODY).publisher == ""


def test_what_a_file_tells_of_itself_counts_last() -> None:
    properties = Facts(title="Template 3", author="Temp Secretary")
    said = Draft(
        (Block("Flood plan"), Block("By Helen Marsh"), Block(BODY)), loose=True, properties=properties
    )
    silent = Draft((Block(BODY),), loose=True, properties=properties)
    found = [finish(draft, "a.docx") for draft in (said, silent)]
    assert [(one.title, one.author) for one in found] == [
        ("Flood plan", "Helen Marsh"),
        ("Template 3", "Temp Secretary"),
    ]
