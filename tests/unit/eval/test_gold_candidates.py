"""From feedback to gold candidates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from corpus.article import Article
from corpus.json_lines import JsonLinesError
from eval.errors import GoldError
from eval.gold import check_gold
from eval.gold_candidates import (
    AnsweredQuestion,
    Record,
    candidates,
    judged_answers,
    read_answers,
    without_text,
)
from qa.answer import Answer
from qa.feedback.database import FEEDBACK
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.fake_assistant import ECHO, HARBOUR, abstained, answered, extract
from tests.support.sample_runs import RAIN, SUN

BOTH = answered(
    extract(HARBOUR, "Dredging cost more.", shown="Dredging cost more. Nobody paid."),
    extract(HARBOUR, "The quay was cheap.", rank=2, shown="The quay was cheap."),
    extract(ECHO, "dredging cost more", rank=3),
)
FIRST = {"source": "harbour.md", "answer": {"text": "Dredging cost more."}}
SECOND = {"source": "harbour.md", "answer": {"text": "The quay was cheap."}}
THIRD = {"source": "echo.md", "answer": {"text": "dredging cost more"}}


class Clock:
    """Each look at it is a minute later."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    with closing(FeedbackStore(tmp_path / FEEDBACK, keep_questions=True, now=Clock())) as store:
        yield store


def answers(store: FeedbackStore, *articles: Article) -> list[AnsweredQuestion]:
    with store.reading() as feedback:
        return list(judged_answers(feedback, articles or (HARBOUR, ECHO)))


def records(store: FeedbackStore, *articles: Article) -> list[Record]:
    return [answer.model_dump(exclude={"nearest"}) for answer in answers(store, *articles)]


def about_question(question: str, answer: Answer = BOTH) -> Answer:
    return replace(answer, question=question)


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [
        (Judgement("q", Verdict.USEFUL), FIRST),
        (Judgement("q", Verdict.USEFUL, "harbour"), FIRST),
        (Judgement("q", Verdict.USEFUL, "echo"), THIRD),
        (Judgement("q", Verdict.USEFUL, "harbour", 20, 39), FIRST),
        (Judgement("q", Verdict.USEFUL, "harbour", 0, 19), SECOND),
        (Judgement("q", Verdict.USEFUL, "echo", 0, 30), THIRD),
        (Judgement("q", Verdict.USEFUL, "harbour", 60, 70), None),
        (Judgement("q", Verdict.USEFUL, "elsewhere", 0, 19), None),
    ],
)
def test_what_was_called_useful_is_quoted(
    store: FeedbackStore, judgement: Judgement, expected: Record | None
) -> None:
    store.record("q", about_question("What cost more?"), 0.1)
    store.judge(judgement)
    (record,) = records(store)
    assert record == {
        "question": "What cost more?",
        "abstained": False,
        "useful": True,
        "extracts": [expected] if expected else [],
    }


def test_the_extract_that_was_named_is_quoted_before_the_answer_as_a_whole(store: FeedbackStore) -> None:
    store.record("q", about_question("Why?"), 0.1)
    store.judge(Judgement("q", Verdict.USEFUL))
    store.judge(Judgement("q", Verdict.USEFUL, "echo", 0, 30))
    store.judge(Judgement("q", Verdict.NOT_USEFUL, "harbour", 20, 39))
    (record,) = records(store)
    assert (record["useful"], record["extracts"]) == (True, [THIRD])


def test_an_article_that_has_changed_or_gone_is_not_quoted(store: FeedbackStore) -> None:
    store.record("q", about_question("Why?"), 0.1)
    store.judge(Judgement("q", Verdict.USEFUL))
    changed = replace(HARBOUR, text="!" + HARBOUR.text, sha256="0" * 64)
    for articles in ((changed, ECHO), (ECHO,)):
        (answer,) = answers(store, *articles)
        assert (answer.useful, answer.extracts) == (True, [])
        (line,) = candidates([answer])
        assert (line["answerable"], line["relevant"]) == (None, [])


def test_useful_comes_before_useless_before_declined_and_the_newest_first(store: FeedbackStore) -> None:
    store.record("d1", about_question("D1", abstained()), 0.1)
    store.record("d2", about_question("D2", abstained()), 0.1)
    store.record("n", about_question("N"), 0.1)
    store.judge(Judgement("n", Verdict.NONE))
    store.record("u", about_question("U"), 0.1)
    store.judge(Judgement("u", Verdict.USEFUL))
    store.record("silent", about_question("Nobody judged this"), 0.1)
    listed = records(store)
    assert [(record["question"], record["useful"]) for record in listed] == [
        ("U", True),
        ("N", False),
        ("D2", None),
        ("D1", None),
    ]


def test_they_become_gold_lines_each_question_once(store: FeedbackStore) -> None:
    store.record("a", about_question("What cost more?", abstained()), 0.1)
    store.record("b", about_question("what cost MORE?"), 0.1)
    store.judge(Judgement("b", Verdict.USEFUL, "harbour", 20, 39))
    (line,) = candidates(answers(store))
    assert (line["question"], line["answerable"]) == ("what cost MORE?", True)
    assert line["relevant"] == [{"doc": "harbour.md", "quotes": ["Dredging cost more."], "grade": 2}]


def test_what_is_without_text_is_counted_where_it_would_have_counted(tmp_path: Path) -> None:
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as silent:
        silent.record("declined", abstained(), 0.1)
        silent.record("judged", BOTH, 0.1)
        silent.judge(Judgement("judged", Verdict.USEFUL))
        silent.judge(Judgement("judged", Verdict.USEFUL, "echo", 0, 5))
        silent.record("neither", BOTH, 0.1)
        assert records(silent) == []
        with silent.reading() as feedback:
            assert without_text(feedback) == 2


EXTRACT = {"source": "rain.md", "answer": {"text": "It rained in May."}}
DECLINED: Record = {"question": "Why?", "abstained": True, "extracts": [], "nearest": [EXTRACT]}
GIVEN: Record = {"question": "When did it rain?", "abstained": False, "extracts": [EXTRACT], "nearest": []}


def parsed(record: Record) -> AnsweredQuestion:
    return AnsweredQuestion.model_validate(record)


def test_a_declined_question_is_to_be_looked_up() -> None:
    assert list(candidates([parsed(DECLINED)])) == [
        {
            "id": "use-001",
            "question": "Why?",
            "type": "",
            "answerable": None,
            "relevant": [],
            "note": "not answered: look up whether the articles answer; shown: rain.md: It rained in May.",
        }
    ]


def test_a_useful_answer_brings_its_evidence() -> None:
    (line,) = candidates([parsed(GIVEN | {"useful": True})], prefix="may")
    assert (line["id"], line["answerable"]) == ("may-001", True)
    assert line["relevant"] == [{"doc": "rain.md", "quotes": ["It rained in May."], "grade": 2}]


def test_a_useless_answer_is_to_be_looked_up() -> None:
    (line,) = candidates([parsed(GIVEN | {"useful": False})])
    assert (line["answerable"], line["relevant"]) == (None, [])
    assert line["note"].startswith("marked not useful")


def test_a_useful_answer_that_marked_nothing_is_to_be_looked_up() -> None:
    empty = GIVEN | {"useful": True, "extracts": [{"source": "rain.md", "answer": {"text": ""}}]}
    for record in (DECLINED | {"useful": True}, empty):
        (line,) = candidates([parsed(record)])
        assert (line["answerable"], line["relevant"]) == (None, [])
        assert line["note"].startswith("marked useful")


def test_an_answer_nobody_judged_says_nothing_and_a_question_stands_once() -> None:
    lines = list(
        candidates(map(parsed, [GIVEN, DECLINED, DECLINED | {"question": " why? "}, {"question": ""}]))
    )
    assert [line["question"] for line in lines] == ["Why?"]


def test_checking_tells_what_is_to_be_filled_in(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = list(candidates(map(parsed, [DECLINED, GIVEN | {"useful": True}])))
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
    with pytest.raises((GoldError, JsonLinesError), match=r"answers.jsonl, line 3: is not a"):
        list(read_answers(path))
    with pytest.raises(JsonLinesError, match="No such file"):
        list(read_answers(tmp_path / "none"))
