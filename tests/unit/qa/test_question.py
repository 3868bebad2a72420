from __future__ import annotations

import pytest

from qa.errors import QuestionError
from qa.question import MAX_CHARACTERS, read_question


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("  why\tdid\n it rain? ", "why did it rain?"),
        ("cafe\u0301", "café"),
        ("a\x00b\x07 c\ud800?", "ab c?"),
        ("ICN", "ICN"),
    ],
)
def test_a_question_is_made_safe(raw: str, text: str) -> None:
    assert read_question(raw).text == text


@pytest.mark.parametrize(
    ("raw", "searched"),
    [
        ("WHO paid for the “Ark”?", 'who paid for the "ark"'),
        ("who’s paid – or not—yet…", "who's paid - or not - yet"),
        ("the 2003–04 plan, a non‑stop one", "the 2003-04 plan, a non-stop one"),
        ("Please can you tell me: what is it for, please?", "what is it for"),
        ("Could you please tell us why. Many thanks in advance!", "why"),
        ("I'd like to know who paid, thank you very much", "who paid"),
        ("do you know if Munro paid pls", "if munro paid"),
        ("Does anyone know when?!", "when"),
        ("Who can tell me about Munro?", "who can tell me about munro"),
        ("pleased and pleasing", "pleased and pleasing"),
        ("who gave thanks?", "who gave thanks"),
        ("who said please", "who said please"),
        ("a vote of thanks", "a vote of thanks"),
        ('who wrote "please"?', 'who wrote "please"'),
        ("Can you tell me?", "can you tell me"),
        ("please", "please"),
        ("thank you!", "thank you"),
    ],
)
def test_what_is_searched_does_not_depend_on_how_it_is_typed(raw: str, searched: str) -> None:
    question = read_question(raw)
    assert (question.searched, question.text) == (searched, raw)


@pytest.mark.parametrize("raw", ["", "   ", "?!", "\x00\x01", '""'])
def test_an_empty_question_says_what_to_do(raw: str) -> None:
    with pytest.raises(QuestionError, match="type a few words"):
        read_question(raw)


def test_too_long_a_question_names_the_limit() -> None:
    assert read_question("x" * MAX_CHARACTERS).text
    with pytest.raises(QuestionError, match="2,001 characters; the limit is 2,000"):
        read_question("x" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("raw", "phrases"),
    [
        ('who said "two  cheers"', ("two cheers",)),
        ("who said “two cheers” and “three”?", ("two cheers", "three")),
        ("what's 'this'", ()),
        ('a 5" pipe and a 6" pipe', ()),
        ("qui a dit «deux fois»", ("deux fois",)),
        ('an unclosed "quote', ()),
        ('nothing between "" or "?"', ()),
        ('"the" and “the” and "a" and "the  "', ("the", "a")),
    ],
)
def test_quoted_phrases(raw: str, phrases: tuple[str, ...]) -> None:
    assert read_question(raw).phrases == phrases
