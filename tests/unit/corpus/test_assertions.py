"""Which lines of an article may be marked as answers: every rule with what it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from corpus.article import Article
from corpus.cleaning.assertions import has_verb, may_answer
from corpus.sentences import split_sentences
from tests.support.fakes import article

BODY = "The ferry has run twice a day since the bridge was closed to lorries in the spring."
MORE = "It was built for the island and is owned by the council, which let it to a firm of the town."


def answers(page: Article) -> list[str]:
    sentences = split_sentences(page)
    return [s.text for s, able in zip(sentences, may_answer(sentences), strict=True) if able]


def between(line: str, before: str = MORE, after: str = BODY) -> bool:
    """Whether a line may answer that stands alone between two paragraphs."""
    return line in answers(article("ferry", *filter(None, (before, line, after))))


def test_an_article_without_sentences() -> None:
    assert may_answer([]) == []


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("Prices rose.", True),
        ("The budgets are pooled", True),
        ("They’re late.", True),
        ("Fares doubled.", True),
        ("Keep left.", True),
        ("Pooled budgets.", False),
        ("Children at the gate", False),
        ("Every Child Matters", False),
        ("", False),
    ],
)
def test_verbs(text: str, verb: bool) -> None:
    assert has_verb(text) is verb


@pytest.mark.parametrize(
    ("heading", "able"),
    [("Costs", False), ("Pooled budgets.", False), ("It rose.", True), ("Why?", False), ("In 1984.", True)],
)
def test_headings(heading: str, able: bool) -> None:
    assert (heading in answers(article("ferry", BODY, heading=heading))) is able


@pytest.mark.parametrize("line", ["Why did it stop?", "“Why?”", '"Why did it stop?"'])
def test_questions(line: str) -> None:
    assert not between(line)


@pytest.mark.parametrize(
    ("line", "before", "after", "able"),
    [
        ("Pooled budgets.", MORE, BODY, False),
        ("Prices rose.", MORE, BODY, True),
        ("Pooled budgets.", "What would help?", BODY, True),
        ("Warm clothing.", "You need:", BODY, True),
        ("Stout shoes.", "Warm clothing.", BODY, True),
        ("Pooled budgets.", MORE, "", True),
        ("Platform 9.", MORE, BODY, True),
        ("Nobody.", MORE, BODY, True),
        ("A choice of four boats.", MORE, BODY, True),
    ],
)
def test_short_lines_with_a_full_stop(line: str, before: str, after: str, able: bool) -> None:
    assert between(line, before, after) is able


@pytest.mark.parametrize(
    ("line", "able"),
    [
        ("Abstract", False),
        ("References:", False),
        ("Further information", False),
        ("Times and fares:", False),
        ("Opening hours: 9 to 5", True),
        ("You need:", True),
        ("The author can be contacted on: ann@example.org", True),
        ("- The boats and their crews:", True),
        ("Ferry: a boat for cars", True),
        ("Fares | 3 pounds", True),
    ],
)
def test_labels(line: str, able: bool) -> None:
    assert between(line) is able


@pytest.mark.parametrize(
    "line",
    ["By Ann Lee", "Words by Ann Lee", "Ann Lee", "Ann Lee, Health Correspondent", "Ann Lee and Bob Roe"],
)
def test_bylines_above_the_text(line: str) -> None:
    assert not between(line, before="")
    assert between(line)


@pytest.mark.parametrize("line", ["Ann Lee", "By Ann Lee", "Ann Lee, Health Correspondent"])
def test_the_author_is_a_byline_anywhere(line: str) -> None:
    page = replace(article("ferry", MORE, line, BODY), author="Ann Lee")
    assert line not in answers(page)


def test_what_is_said_of_the_author_may_answer() -> None:
    lines = ["Ann Lee is a reader in transport.", "Ann Lee, whose boat it was, sold it."]
    assert answers(replace(article("ferry", *lines, BODY), author="Ann Lee")) == [*lines, BODY]


def test_names_in_a_list_may_answer() -> None:
    people = ["Ann Lee, Chair", "Bob Roe, Treasurer", "Cy Dee, Secretary"]
    assert answers(article("club", *people, BODY)) == [*people, BODY]
    assert answers(replace(article("club", *people, BODY), author="Ann Lee")) == [*people, BODY]


@pytest.mark.parametrize(
    ("line", "able"),
    [
        ("Photo: Children at the gate", False),
        ("Picture by Ann Lee", False),
        ("Credit: Getty Images", False),
        ("Image: Ann Lee. Archive of the town.", False),
        ("Source: Department for Transport", False),
        ("Photograph © Ann Lee", False),
        ("Photo: a picture drawn with light", True),
        ("Source: The cars were counted by the council.", True),
        ("Picture books for children", True),
        ("Figure 3: Spending by council", False),
        ("Table 2 Boats of the fleet", False),
        ("Figure 3: Spending rose by a tenth.", True),
        ("Table 2 shows the fares.", True),
        ("Tables and chairs for hire", True),
        ("© 2005 The Gazette", False),
        ("Copyright 2004 Ferry Books", False),
        ("Copyright lasts for 70 years", True),
    ],
)
def test_captions_and_credits(line: str, able: bool) -> None:
    assert any(sentence in line for sentence in answers(article("ferry", MORE, line, BODY))) is able


@pytest.mark.parametrize(
    ("line", "able"),
    [
        ("(1) The Book of Boats, Department for Transport, May 2005", False),
        ("1. The Book of Boats, Quay Publishers, 2005", False),
        ("[2] Ann Lee, Boats and Bridges. London: Quay Press, 2004", False),
        ("(1) The book was printed by the Department for Transport, 2005", True),
        ("1. Passport, ticket, two photographs", True),
        ("1. Great Fire of London, England, 1666", True),
        ("(3) Boats", True),
    ],
)
def test_references(line: str, able: bool) -> None:
    page = article("ferry", "The report (1) was read by all of the council.", line)
    assert any(sentence in line for sentence in answers(page)) is able


def test_lines_below_references() -> None:
    page = article("ferry", BODY, "References", "Lee, A. (2005) Boats and bridges", "Copies for members")
    assert answers(page) == [BODY, "Copies for members"]


@pytest.mark.parametrize(
    ("line", "before", "able"),
    [
        ("for the people of the island.", MORE, False),
        ("and the council has paid for it.", MORE, True),
        (
            "for the people of the island.",
            "Our ferry is meant for all of those who come to the island to see:",
            True,
        ),
        ("a tool for cutting the grass", "Mower", True),
        ("ferry office: the quay", MORE, True),
        ("The bridge is the work of the", MORE, False),
        ("The bridge was lowered by the crane and", MORE, False),
        ("The bridge was lowered by the crane, and", MORE, True),
        ("- the name of the boat and", MORE, True),
        ("The bridge is what they came to", MORE, True),
    ],
)
def test_cut_lines(line: str, before: str, able: bool) -> None:
    assert between(line, before) is able


@pytest.mark.parametrize(
    "paragraphs",
    [
        [
            "Es regnet.",
            "Die Fähre fährt seit dem Frühjahr zweimal am Tag, weil die Brücke für Lastwagen gesperrt ist.",
        ],
        [
            "Llueve.",
            "y los coches",
            "El barco sale dos veces al día desde que se cerró el puente en la primavera.",
        ],
        ["雨が降る。", "船は一日に二回出る。"],
    ],
)
def test_other_languages(paragraphs: list[str]) -> None:
    assert answers(article("page", *paragraphs)) == [
        s.text for s in split_sentences(article("page", *paragraphs))
    ]
