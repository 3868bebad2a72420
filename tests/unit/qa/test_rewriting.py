from __future__ import annotations

from pathlib import Path

import pytest

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.search.query import Synonym
from qa.assistant import Assistant
from qa.question import read_question
from qa.rewriting import RewrittenQuestion, rewrite
from tests.support.fakes import WordEncoder, article

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
    return DataFolder(data).open()


def words(generation: Generation, question: str) -> RewrittenQuestion:
    return rewrite(read_question(question), generation, KNOWN.__contains__)


@pytest.mark.parametrize(
    ("typed", "text", "also"),
    [
        ("what dose munro think", "what does munro think", ("does",)),
        ("why are wraparuond sevices hard", "why are wraparound services hard", ("wraparound", "services")),
        ("what did Kromptom say", "what did kromptom say", ()),  # the first letter is another
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
    wording = rewrite(
        read_question(typed), generation, (KNOWN | {"ferries", "late", "why", "are"}).__contains__
    )
    assert (wording.text, wording.expansions) == (text, also)


def test_a_name_spelt_two_ways_counts_either_way(generation: Generation) -> None:
    for typed, other in (("Crompton", "Cromptom"), ("cromptom", "Crompton")):
        wording = words(generation, f"what does {typed} say")
        assert wording.text == f"what does {typed.lower()} say"
        assert wording.meaning == f"what does {typed.title()} say"
        assert wording.expansions == (other,)
        assert wording.alternatives == (Synonym((typed.lower(),), (other.lower(),)),)


def test_two_names_that_are_both_words_of_the_language_are_two_names(generation: Generation) -> None:
    assert words(generation, "what does Martin say").expansions == ()


@pytest.mark.parametrize("typed", ["organised", "organized", "ORGANIZED"])
def test_words_are_spelt_as_the_articles_spell_them(tmp_path: Path, typed: str) -> None:
    """Of spellings that the articles have the more frequent one, of others one and the same."""
    said = "They organised it. She organised that. He organized this."
    build([TOWN, article("said", said)], WordEncoder(), tmp_path)
    both = DataFolder(tmp_path).open()
    wording = words(both, f"who {typed} it")
    assert (wording.text, wording.alternatives) == (
        "who organised it",
        (Synonym(("organis",), ("organiz",)),),
    )
    assert typed.lower() not in wording.expansions
    assert words(both, "the colour").text == words(both, "the color").text == "the color"
    assert words(both, f'"{typed}" colour').text == f'"{typed.lower()}" color'


def test_nothing_depends_on_case(generation: Generation) -> None:
    for typed in ("what did cromptom say of the pct", "the lea and icn", "who is it", "wraparuond dfes"):
        assert (
            words(generation, typed.upper()) == words(generation, typed) == words(generation, typed.title())
        )


@pytest.mark.parametrize("typed", ["ICN", "icn"])
def test_an_explained_short_form_is_spelt_out(generation: Generation, typed: str) -> None:
    wording = words(generation, f"what did the {typed} do")
    assert wording.text == "what did the icn do"
    assert wording.meaning == "what did the ICN (Integrated Care Network) do"
    assert wording.expansions == ("Integrated Care Network",)
    assert wording.alternatives == (Synonym(("icn",), ("integr", "care", "network")),)


def test_what_is_spelt_out_is_also_its_short_form(generation: Generation) -> None:
    wording = words(generation, "what did the integrated care network do")
    assert wording.expansions == ("ICN",)
    assert wording.alternatives == (Synonym(("integr", "care", "network"), ("icn",)),)


def test_short_forms_that_no_article_explains(generation: Generation) -> None:
    """By their initials: "PCT" is only spelt out here, and "LEA" never is."""
    for typed in ("PCT", "pct"):
        wording = words(generation, f"what does the {typed} pay")
        assert wording.meaning == "what does the pct (primary care trust) pay"
        assert wording.alternatives == (Synonym(("pct",), ("primari", "care", "trust")),)
    assert words(generation, "the local education authority").expansions == ()


def test_a_short_form_and_its_long_one_that_both_stand_there_unexplained(tmp_path: Path) -> None:
    build([TOWN, article("report", "PCTs met.", "A primary care trust paid.")], WordEncoder(), tmp_path)
    both = DataFolder(tmp_path).open()
    assert words(both, "what do PCTs pay").expansions == ("primary care trust",)
    assert words(both, "what does a primary care trust pay").expansions == ("PCTs",)


def test_a_question_in_the_articles_own_words_stays_as_it_is(generation: Generation) -> None:
    question = "why are wraparound services hard to find"
    assert words(generation, question) == RewrittenQuestion(question, question)


@pytest.mark.parametrize(
    "typed",
    [
        "what did marten say",  # a word of the language is meant, whatever name it is near
        "which form do i need",
        "are there no fees",
        "the dose of it",  # only behind a word that asks is it "does"
        "did he tell us of the cost",
        "does his primary, careful trust pay",
        "the pale cold tower",  # initials of a short form that the articles spell otherwise
        '"integrated care network" cost',
        '"wraparuond" cost',
    ],
)
def test_what_is_meant_is_left(generation: Generation, typed: str) -> None:
    known = KNOWN | set(
        "marten which form do i need are there no fees tell us pale cold tower his did he".split()
    )
    known |= set("primary careful trust pay".split())
    assert rewrite(read_question(typed), generation, known.__contains__) == RewrittenQuestion(typed, typed)


@pytest.mark.parametrize(
    ("typed", "meant"), [("teh", "the"), ("adn", "and"), ("hwo", "how"), ("waht", "what")]
)
def test_little_words_are_mended_before_anything_else_is_made_of_them(
    generation: Generation, typed: str, meant: str
) -> None:
    assert words(generation, f"{typed} cost").text == f"{meant} cost"


def test_what_is_brought_in_costs_no_match_its_standing(tmp_path: Path) -> None:
    """A sentence that holds the whole question holds it whatever else is searched."""
    build([TOWN, article("hostel", "The ICN closed the hostel.")], WordEncoder(), tmp_path)
    assistant = Assistant(DataFolder(tmp_path).open(), WordEncoder())
    hit = next(
        hit for hit in assistant.search("the ICN closed the hostel", 10) if "hostel" in hit.sentence.text
    )
    assert (hit.coverage, hit.complete) == (1.0, True)


def test_a_page_pasted_for_a_question_is_looked_up_in_part(generation: Generation) -> None:
    many = " ".join(f"x{chr(97 + n // 26)}{chr(97 + n % 26)}q" for n in range(300))
    assert len(words(generation, f"{many} wraparuond").expansions) <= 40
    repeated = words(generation, "ICN " * 400)
    assert repeated.meaning.count("Integrated") == 1
    assert repeated.expansions == ("Integrated Care Network",)
