from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.candidates import candidates, read_answers
from eval.errors import GoldError
from eval.gold import check_gold
from tests.test_run import RAIN, SUN

EXTRACT = {"source": "rain.md", "answer": {"text": "It rained in May."}}
DECLINED = {"question": "Why?", "abstained": True, "extracts": [], "nearest": [EXTRACT]}
GIVEN = {"question": "When did it rain?", "abstained": False, "extracts": [EXTRACT], "nearest": []}


def test_a_declined_question_is_to_be_looked_up() -> None:
    assert list(candidates([DECLINED])) == [
        {
            "id": "use-001",
            "question": "Why?",
            "type": "",
            "answerable": None,
            "relevant": [],
            "note": "declined: look up whether the articles answer; shown: rain.md: It rained in May.",
        }
    ]


def test_a_useful_answer_brings_its_evidence() -> None:
    (line,) = candidates([GIVEN | {"useful": True}], prefix="may")
    assert (line["id"], line["answerable"]) == ("may-001", True)
    assert line["relevant"] == [{"doc": "rain.md", "quotes": ["It rained in May."], "grade": 2}]


def test_a_useless_answer_is_to_be_looked_up() -> None:
    (line,) = candidates([GIVEN | {"useful": False}])
    assert (line["answerable"], line["relevant"]) == (None, [])
    assert line["note"].startswith("marked not useful")


def test_a_useful_answer_that_marked_nothing_is_to_be_looked_up() -> None:
    empty = GIVEN | {"useful": True, "extracts": [{"source": "rain.md", "answer": {"text": ""}}]}
    for record in (DECLINED | {"useful": True}, empty):
        (line,) = candidates([record])
        assert (line["answerable"], line["relevant"]) == (None, [])
        assert line["note"].startswith("marked useful")


def test_an_answer_nobody_judged_says_nothing_and_a_question_stands_once() -> None:
    lines = list(candidates([GIVEN, DECLINED, DECLINED | {"question": " why? "}, {"question": ""}]))
    assert [line["question"] for line in lines] == ["Why?"]


def test_checking_tells_what_is_to_be_filled_in(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = list(candidates([DECLINED, GIVEN | {"useful": True}]))
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    sound, faults = check_gold(path, [RAIN, SUN])
    assert [question.question for question in sound] == ["When did it rain?"]
    assert ["do the articles answer" in str(fault) for fault in faults] == [True]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"question": 5}',
        '{"question": "a", "extracts": [{}]}',
        '{"question": "a", "nearest": 5}',
        '{"question": "a", "useful": "yes"}',
    ],
)
def test_what_is_no_answer_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps(GIVEN) + "\n\n" + line)
    with pytest.raises(GoldError, match=r"answers.jsonl, line 3: is not a"):
        list(read_answers(path))
    with pytest.raises(GoldError, match="No such file"):
        list(read_answers(tmp_path / "none"))
