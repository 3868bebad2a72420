from __future__ import annotations

import pytest

from qa.question_kind import AnswerKind, answer_kinds


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("Who chairs the network?", "who"),
        ("Whose idea was it?", "who"),
        ("By whom was it led?", "who"),
        ("do you know who wrote it", "who"),
        ("Which author wrote it?", "who"),
        ("When did it open?", "when"),
        ("wen did it open", "when"),
        ("In which year did it open?", "when"),
        ("what date", "when"),
        ("can you tell me when it opened", "when"),
        ("Where did he live when the war began?", "where"),
        ("Which region of France is it?", "where"),
        ("They came from which region?", "where"),
        ("How many trusts are there?", "how_many"),
        ("At what age do children start?", "how_many"),
        ("What percentage of staff left?", "how_many"),
        ("number of pilot trusts", "how_many"),
        ("pathfinder grant how much", "how_much"),
        ("what was the cost of the scheme", "how_much"),
        ("how much of it is true", "how"),
        ("Why was it late?", "why"),
        ("What are the reasons for the delay?", "why"),
        ("how does it work", "how"),
        ("Did the trusts merge?", "yes_no"),
        ("Is she the one who left?", "yes_no"),
        ("What is a care trust?", "which"),
        ("what happens when a child is ill", "which"),
        ("bob hudson email?", "contact"),
        ("what is the author's e-mail address", "contact"),
        ("pooled budgets", "keyword"),
        ("children protected when parents are ill", "keyword"),
        ("services for children who are ill", "keyword"),
        ("", "keyword"),
    ],
)
def test_the_kind_of_answer(question: str, kinds: str) -> None:
    assert answer_kinds(question) == tuple(map(AnswerKind, kinds.split()))


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("brighton opening how many centers n when", "how_many when"),
        ("Who and when?", "who when"),
        ("When and where did it open, and why?", "when where why"),
        ("who, who", "who"),
    ],
)
def test_a_question_may_ask_for_several(question: str, kinds: str) -> None:
    assert answer_kinds(question) == tuple(map(AnswerKind, kinds.split()))
