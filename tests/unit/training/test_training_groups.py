from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from index.search.reranker_model import Reading
from tests.support.fakes import WordEncoder
from training.training_groups import Group, groups

PARAGRAPH = "The ferry leaves at nine. It carries forty cars. The mayor likes it."


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Group]:
    squad, pages = tmp_path / "squad", tmp_path / "feedbackqa_uk"
    about = {"article": "Ferry", "passage": "Ferry#0"}
    answer = {"text": "forty", "starts": [PARAGRAPH.index("forty")]}
    lines(
        squad / "corpus.jsonl",
        [{"_id": "Ferry#0", "text": PARAGRAPH}, {"_id": "Held#0", "text": "Not this."}],
    )
    lines(squad / "queries.jsonl", [{"text": "How many cars?", "metadata": {**about, "answers": [answer]}}])
    lines(squad / "unanswerable.jsonl", [{"text": "Who built the ferry?", "metadata": about}])
    lines(
        pages / "corpus.jsonl",
        [
            {"_id": "tax", "title": "Tax", "text": "You pay tax in May.\nYou get a letter."},
            {"_id": "car", "title": "Cars", "text": "You insure your car.\nThe car needs a test."},
        ],
    )
    lines(pages / "queries_train.jsonl", [{"_id": "1", "text": "when is tax paid in a year"}])
    (pages / "qrels").mkdir()
    (pages / "qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\n1\ttax\t1\n")
    monkeypatch.setattr("training.training_groups.trials", lambda folder: [])
    monkeypatch.setattr("training.training_groups.as_typed", lambda question, chance: question)
    return list(groups(tmp_path, WordEncoder()))


def test_an_answer_stands_against_the_rest_of_its_article(found: list[Group]) -> None:
    cars = found[0]
    assert cars.question == "How many cars?"
    assert cars.answer == Reading(
        "It carries forty cars.", "The ferry leaves at nine.", "The mayor likes it."
    )
    assert {one.sentence for one in cars.others} == {"The ferry leaves at nine.", "The mayor likes it."}


def test_a_question_without_an_answer_has_none(found: list[Group]) -> None:
    nobody = found[1]
    assert (nobody.question, nobody.answer) == ("Who built the ferry?", None)
    assert len(nobody.others) == 3


def test_a_page_stands_against_other_pages(found: list[Group]) -> None:
    assert [one.question for one in found[2:]] == ["when is tax paid in a year"]
    tax = found[-1]
    assert tax.answer is not None
    assert tax.answer.sentence in ("You pay tax in May.", "You get a letter.")
    assert tax.others
    assert {one.sentence for one in tax.others} <= {"Cars", "You insure your car.", "The car needs a test."}
