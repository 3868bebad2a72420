from __future__ import annotations

import pytest

from corpus.acronyms import Acronym, find_acronyms, is_short_form, singular


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Integrated Care Network (ICN) met.", [("ICN", "Integrated Care Network")]),
        ("Two primary care trusts (PCTs) merged.", [("PCT", "primary care trusts")]),
        ("The ICN (Integrated Care Network) met.", [("ICN", "Integrated Care Network")]),
        (
            "the Department for Education and Skills (DfES)",
            [("DfES", "Department for Education and Skills")],
        ),
        ("It rained. Care came. Network (ICN)", []),  # a sentence's end ends the long form
        ("The council (in Kent) met.", []),
        ("The council (KCC) met.", []),
        ("Costs rose (see page 4).", []),
        ("It opened (2004).", []),
        ("a (B)", []),
        (
            "Local Education Authority (LEA) and\nspecial needs (SEN)",
            [("LEA", "Local Education Authority"), ("SEN", "special needs")],
        ),
        ("The café's Über Große Sache (ÜGS)", [("ÜGS", "Über Große Sache")]),
    ],
)
def test_found(text: str, found: list[tuple[str, str]]) -> None:
    assert list(find_acronyms(text)) == [Acronym(*one) for one in found]


@pytest.mark.parametrize("word", ["ICN", "DfES", "PCTs", "R&D", "NHS"])
def test_short_forms(word: str) -> None:
    assert is_short_form(word)


@pytest.mark.parametrize("word", ["Smith", "2004", "in", "I", "A VERY LONG", "ABCDEFGHIJKLM", "", "(X"])
def test_not_short_forms(word: str) -> None:
    assert not is_short_form(word)


def test_a_plural_is_of_its_singular() -> None:
    assert [singular(word) for word in ("PCTs", "NHS", "DfES", "Fasst")] == ["PCT", "NHS", "DfES", "Fasst"]


def test_a_bracket_without_an_end_costs_nothing() -> None:
    assert list(find_acronyms("(" * 20_000 + "A" * 20_000)) == []
