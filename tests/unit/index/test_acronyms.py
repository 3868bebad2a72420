from __future__ import annotations

from pathlib import Path

import pytest

from index.building.build import build
from index.generation.data_folder import DataFolder
from index.generation.generation import Generation
from index.search.acronyms import expand_acronym
from tests.support.fakes import WordEncoder, article

TOWN = article(
    "town",
    "A Primary Care Trust paid. Each primary care trust pays; private companies trade.",
    "Private companies trade daily. The Local Education Authority met. Their primary cares. Trusts merged.",
    "The head of our school left. The head of our school came back.",
    "The Department for Education and Skills paid. It is the department for education and skills.",
)


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    data: Path = tmp_path_factory.mktemp("data")
    build([TOWN], WordEncoder(), data)
    return DataFolder(data).open()


@pytest.mark.parametrize("letters", ["PCT", "pct"])
def test_the_first_as_written_of_the_words_said_most(generation: Generation, letters: str) -> None:
    # Two say primary care trust, two say private companies trade: the one that comes first is taken.
    assert expand_acronym(generation, letters) == "Primary Care Trust"


def test_once_is_chance_unless_it_is_a_name(generation: Generation) -> None:
    assert expand_acronym(generation, "LEA") == "Local Education Authority"
    assert expand_acronym(generation, "tpc") is None  # "Their primary cares"


def test_small_words_between_are_left_in_and_count_for_nothing(generation: Generation) -> None:
    for short in ("DfES", "des", "DES"):
        assert expand_acronym(generation, short) == "Department for Education and Skills"
    assert expand_acronym(generation, "dfeas") is None


def test_a_run_does_not_cross_a_sentence(generation: Generation) -> None:
    # "cares. Trusts merged": three initials over two sentences
    assert expand_acronym(generation, "ctm") is None


@pytest.mark.parametrize("letters", ["", "p", "pc", "abcdefgh", "zzz"])
def test_nothing_is_made_of_too_few_letters_or_none_that_fit(generation: Generation, letters: str) -> None:
    assert expand_acronym(generation, letters) is None
