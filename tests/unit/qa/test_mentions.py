from __future__ import annotations

import time

import pytest

from qa.mentions import MentionKind, mentions, question_mentions, unmatched

NAMES = {"essex": "Essex", "solihull": "Solihull", "bob": "Bob", "hudson": "Hudson", "brighton": "Brighton"}


def values(text: str, kind: MentionKind) -> list[str]:
    return [mention.value for mention in mentions(text) if mention.kind is kind]


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("£100,000 and 100,000 pounds", ["100000 GBP"] * 2),
        ("a hundred thousand pounds", ["100000 GBP"]),
        ("£1.2m, £1.2 million", ["1200000 GBP"] * 2),
        ("$12 billion, US$5 and 3 euros", ["12000000000 USD", "5 USD", "3 EUR"]),
        ("£3-5m", ["3000000-5000000 GBP"]),
        ("14 trusts", []),
    ],
)
def test_amounts(text: str, amounts: list[str]) -> None:
    assert values(text, MentionKind.MONEY) == amounts


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("14 or fourteen", ["14", "14"]),
        ("twenty-five, twenty five", ["25", "25"]),
        ("two hundred and fifty thousand", ["250000"]),
        ("2,006 homes and 1500 children", ["2006", "1500"]),
        ("40%, 40 per cent, forty percent", ["40%"] * 3),
        ("3 to 5, 3-5", ["3-5", "3-5"]),
        ("the second and 2nd", ["2nd", "2nd"]),
        ("aged 14", ["14"]),
        ("one of them", []),
        ("twenty-one", ["21"]),
        ("a trust", []),
        ("9" * 5000, []),
    ],
)
def test_numbers(text: str, numbers: list[str]) -> None:
    assert values(text, MentionKind.NUMBER) == numbers


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("1 April 2006, April 1st, 2006, 1/4/2006", ["2006-04-01"] * 3),
        ("April 2006, 2006-04", ["2006-04", "2006-04"]),
        ("in 2006", ["2006"]),
        ("2005/06, 2005-2006", ["2005/2006"] * 2),
        ("on 3 March", ["--03-03"]),
        ("in May", ["--05"]),
        ("it may be, a march", []),
        ("the 1990s", ["199"]),
        ("the tenth and 10th century", ["c10"]),
        ("in 1500", ["1500"]),
        ("£2006, 2,006", []),
    ],
)
def test_dates(text: str, dates: list[str]) -> None:
    assert values(text, MentionKind.DATE) == dates


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Then Dr Bob Hudson's report came.", ["bob hudson"]),
        ("the Association of Directors of Social Services (ADSS)", ["association of directors of social services", "adss"]),
        ("the Department for Education and Skills", ["department for education and skills"]),
        ("both Essex and Solihull", ["essex", "solihull"]),
        ("Solihull Council and Essex", ["solihull council", "essex"]),
        ("In Brighton it rained.", ["brighton"]),
        ("Trusts merged. However, nobody said so.", []),
        ("Brighton was first. It was in Brighton.", ["brighton", "brighton"]),
        ("Ann Lee left.", ["ann lee"]),
        ("J. K. Rowling met Mr. Smith", ["j. k. rowling", "smith"]),
        ("She read it on Friday in April.", []),
        ("I think so", []),
        ("DfES paid", ["dfes"]),
        ("with Łukasz in Örebro", ["łukasz", "örebro"]),
    ],
)  # fmt: skip
def test_names(text: str, names: list[str]) -> None:
    assert values(text, MentionKind.NAME) == names


def test_the_first_word_of_a_sentence_is_a_name_if_it_is_listed() -> None:
    assert values("Brighton opened.", MentionKind.NAME) == []
    (brighton,) = mentions("Brighton opened.", NAMES)
    assert (brighton.start, brighton.end, brighton.value) == (0, 8, "brighton")


def test_contacts() -> None:
    text = "Write to a.lee@x.example.org, call 0191 334 1234 or see www.example.org/a."
    assert values(text, MentionKind.CONTACT) == ["a.lee@x.example.org", "0191 334 1234", "www.example.org/a"]


def test_mentions_are_in_order_apart_and_spans_of_the_text() -> None:
    text = "In İstanbul in May, Ann Lee of Essex said in April 2006 that 14 trusts, 40% of them, had £1.2m."
    spans = [(mention.start, mention.end) for mention in mentions(text)]
    assert [text[start:end] for start, end in spans] == [
        "İstanbul", "May", "Ann Lee of Essex", "April 2006", "14", "40%", "£1.2m",
    ]  # fmt: skip


def test_names_in_lower_case_are_found_in_a_question() -> None:
    found = question_mentions("bob hudson's view of essex in 2008?", NAMES)
    assert [(mention.kind, mention.value) for mention in found] == [
        (MentionKind.NAME, "bob hudson"), (MentionKind.NAME, "essex"), (MentionKind.DATE, "2008"),
    ]  # fmt: skip
    assert question_mentions("what can he do", {"what": "What", "can": "Can", "he": "He", "do": "Do"}) == ()


@pytest.mark.parametrize(
    ("question", "passage", "missing"),
    [
        ("trusts in essex", "The trust in Solihull grew.", {"essex": ["solihull"]}),
        ("trusts in essex", "The trust in Essex County and in Solihull grew.", {}),
        ("trusts in essex", "Nothing is named.", {"essex": []}),
        ("what opened in 2008", "It opened in 2006.", {"2008": ["2006"]}),
        ("what opened in 2006", "It opened in April 2006.", {}),
        ("what opened in 2005", "It ran from 2004 to 2006.", {}),
        ("the 14 trusts of Essex", "In Essex fourteen trusts met.", {}),
        ("the £100,000 grant", "A grant of 50,000 pounds came.", {"100000 GBP": ["50000 GBP"]}),
        ("Bob Hudson on trusts", "There Hudson wrote.", {}),
        ("what does ADSS say", "The Association of Directors of Social Services agrees.", {}),
        ("the second trust", "Here is a trust.", {}),
    ],
)
def test_what_a_passage_lacks(question: str, passage: str, missing: dict[str, list[str]]) -> None:
    lacks = unmatched(question_mentions(question, NAMES), mentions(passage))
    assert {one.mention.value: [other.value for other in one.others] for one in lacks} == missing


def test_words_in_lower_case_count_if_the_text_is_given() -> None:
    wanted, passage = mentions("What is the Pathfinder?"), "a pathfinder project"
    assert unmatched(wanted, mentions(passage))
    assert not unmatched(wanted, mentions(passage), passage)


RUNS = [
    "A", "a", "1", " ", "A ", "A.", "A. ", "a hundred ", "twenty ", "1,", "111,", "£", "1 to ", "A of ", "A and ",
    "x@", "a@a.", "2006-", "0191 ", "http://", "May ", "A'", "two hundred and ", "\n", "A-", "12 may ",
]  # fmt: skip


@pytest.mark.parametrize("run", RUNS)
def test_time_is_linear_in_the_text(run: str) -> None:
    before = time.process_time()
    mentions(run * (60_000 // len(run)))
    assert time.process_time() - before < 3, "quadratic: this takes a tenth of a second"
