from __future__ import annotations

from pathlib import Path

import pytest

from index.build import build
from index.generation import Generation
from index.search import Alternative
from index.store import open_current
from qa.question import read_question
from qa.wording import Wording, reword
from tests.fakes import WordEncoder, article

KNOWN = frozenset("what dose does think crompton marvin martin ferry say cost of".split())
TOWN = article(
    "town",
    "Kevin Cromptom runs the council. Its wraparound services are hard to find.",
    "Crompton agrees with Martin and with Munro. Marvin is silent.",
    "The Integrated Care Network (ICN) met. A primary care trust paid. Each primary care trust pays.",
    "The LEA was abolished. Paragraph 5.14 says more.",
)


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    data: Path = tmp_path_factory.mktemp("data")
    build([TOWN], WordEncoder(), data)
    return open_current(data)


def words(generation: Generation, question: str) -> Wording:
    return reword(read_question(question), generation, KNOWN.__contains__)


@pytest.mark.parametrize(
    ("typed", "text", "also"),
    [
        ("what dose munro think", "what does munro think", ("does",)),
        ("why are wraparuond sevices hard", "why are wraparound services hard", ("wraparound", "services")),
        ("what did Kromptom say", "what did Kromptom say", ()),  # the first letter is another
        ("what did Munroe say", "what did Munro say", ("Munro",)),
        ("why are ferries late", "why are ferries late", ()),  # a word of the language, in no article
        ("5.14 and 5.15", "5.14 and 5.15", ()),
        ('"wraparuond" sevices', '"wraparuond" services', ("services",)),  # a quoted phrase is meant
        ("the council's services", "the council's services", ()),
    ],
)
def test_what_is_misspelt_is_mended_and_told(
    generation: Generation, typed: str, text: str, also: tuple[str, ...]
) -> None:
    wording = reword(
        read_question(typed), generation, (KNOWN | {"ferries", "late", "why", "are"}).__contains__
    )
    assert (wording.text, wording.also) == (text, also)


def test_a_name_spelt_two_ways_counts_either_way(generation: Generation) -> None:
    for typed, other in (("Crompton", "Cromptom"), ("cromptom", "Crompton")):
        wording = words(generation, f"what does {typed} say")
        assert wording.text == f"what does {typed} say"
        assert wording.also == (other,)
        assert wording.alternatives == (Alternative((typed.lower(),), (other.lower(),)),)


def test_two_names_that_are_both_words_of_the_language_are_two_names(generation: Generation) -> None:
    assert words(generation, "what does Martin say").also == ()


@pytest.mark.parametrize("typed", ["ICN", "icn"])
def test_an_explained_short_form_is_spelt_out(generation: Generation, typed: str) -> None:
    wording = words(generation, f"what did the {typed} do")
    assert wording.text == f"what did the {typed} (Integrated Care Network) do"
    assert wording.also == ("Integrated Care Network",)
    assert wording.alternatives == (Alternative(("icn",), ("integr", "care", "network")),)


def test_what_is_spelt_out_is_also_its_short_form(generation: Generation) -> None:
    wording = words(generation, "what did the integrated care network do")
    assert wording.also == ("ICN",)
    assert wording.alternatives == (Alternative(("integr", "care", "network"), ("icn",)),)


def test_short_forms_that_no_article_explains(generation: Generation) -> None:
    """By their initials: "PCT" is only spelt out here, and "LEA" never is."""
    assert words(generation, "what does the PCT pay").text == "what does the primary care trust pay"
    assert words(generation, "the local education authority").also == ("LEA",)


def test_a_short_form_and_its_long_one_that_both_stand_there_unexplained(tmp_path: Path) -> None:
    build([TOWN, article("report", "PCTs met.", "A primary care trust paid.")], WordEncoder(), tmp_path)
    both = open_current(tmp_path)
    assert words(both, "what do PCTs pay").also == ("primary care trust",)
    assert words(both, "what does a primary care trust pay").also == ("PCTs",)


def test_a_question_in_the_articles_own_words_stays_as_it_is(generation: Generation) -> None:
    question = "why are wraparound services hard to find"
    assert words(generation, question) == Wording(question)
