from __future__ import annotations

import pytest

from index.spelling import ByLength, allowed_distance, near, nearest, swapped

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
    assert words.about(4, 1) == ["four", "five", "three"]
    assert words.about(9, 2) == []


def test_swapped_neighbours() -> None:
    assert swapped("dose", {"does", "is"}) == "does"
    assert swapped("does", {"does"}) is None
    assert swapped("eno", {"one"}) is None
