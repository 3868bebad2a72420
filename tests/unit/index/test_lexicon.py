from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import Damaged
from index.retrieval.lexicon import (
    LEXICON,
    ByLength,
    Lexicon,
    allowed_distance,
    lexicon_bytes,
    near,
    nearest,
    read_lexicon,
    swapped,
)
from tests.support.fakes import article

TOWN = article(
    "town",
    "Kevin Cromptom runs the council. The Integrated Care Network (ICN) met.",
    "Crompton agrees, said the Council. The café is wrap-around.",
)
CITY = article(
    "city", "The integrated  care network (ICN) met in 2004: see www.icn.example or write to icn@example.org."
)


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    (tmp_path / LEXICON).write_bytes(lexicon_bytes([TOWN, CITY]))
    return read_lexicon(tmp_path / LEXICON)


def test_words_are_counted_whatever_their_case(lexicon: Lexicon) -> None:
    assert {word: lexicon.words[word] for word in ("council", "the", "cromptom", "café", "wrap-around")} == {
        "council": 2,
        "the": 5,
        "cromptom": 1,
        "café": 1,
        "wrap-around": 1,
    }
    assert "2004" not in lexicon.words


def test_names_are_what_is_never_written_in_lower_case(lexicon: Lexicon) -> None:
    assert lexicon.names["crompton"] == "Crompton"
    assert lexicon.names["icn"] == "ICN"
    assert "council" not in lexicon.names
    assert "integrated" not in lexicon.names


def test_short_forms_lead_to_what_they_stand_for(lexicon: Lexicon) -> None:
    assert dict(lexicon.short_forms) == {"ICN": ("Integrated Care Network",)}


def test_the_same_articles_make_the_same_file() -> None:
    assert lexicon_bytes([TOWN, CITY]) == lexicon_bytes([CITY, TOWN])


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"words": {"a": "b"}, "names": {}, "short_forms": {}}']
)
def test_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / LEXICON).write_bytes(content)
    with pytest.raises(Damaged, match="not a lexicon"):
        read_lexicon(tmp_path / LEXICON)


def test_a_missing_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="cannot be read"):
        read_lexicon(tmp_path / LEXICON)


WORDS = {"crompton": 3, "council": 9, "counsel": 2, "does": 5, "munro": 4, "wraparound": 2, "lands": 1}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cromptom", "crompton"),
        ("rcompton", "crompton"),  # the first two swapped
        ("counsil", "council"),  # one letter from council, two from counsel
        ("couns", None),
        ("munros", "munro"),
        ("wraparuond", "wraparound"),
        ("wraprond", "wraparound"),  # two letters short
        ("mun", None),
        ("bands", None),  # another first letter: "lands" is another word
        ("zzzzzz", None),
    ],
)
def test_nearest(typed: str, meant: str | None) -> None:
    assert nearest(typed, WORDS, ByLength(WORDS)) == meant


def test_of_equally_near_words_the_more_frequent_is_meant() -> None:
    words = {"market": 7, "marked": 2, "marret": 7}
    assert nearest("marxet", words, ByLength(words)) == "market"


def test_how_much_may_differ() -> None:
    assert [allowed_distance(word) for word in ("the", "dose", "wraparound")] == [0, 1, 2]


def test_near_leaves_the_word_itself_out() -> None:
    assert near("munro", ByLength(["munro", "munroe", "monroe", "x"]), 1) == [("munroe", 1)]
    assert near("munro", ByLength(["munroe"]), 0) == []


def test_words_of_about_a_length() -> None:
    words = ByLength(["four", "five", "three", "a", "eleven"])
    assert words.near_length(4, 1) == ["four", "five", "three"]
    assert words.near_length(9, 2) == []


def test_swapped_neighbours() -> None:
    assert swapped("dose", {"does", "is"}) == "does"
    assert swapped("does", {"does"}) is None
    assert swapped("eno", {"one"}) is None
