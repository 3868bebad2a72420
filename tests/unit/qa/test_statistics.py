"""Usage in numbers, on a file whose every count can be worked out by hand."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from qa.feedback.database import FEEDBACK
from qa.feedback.statistics import (
    EDGES,
    Bin,
    CitedArticle,
    Day,
    Judged,
    Repeated,
    Usage,
    histogram,
    judgements,
    percentile,
    usage,
)
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.fake_assistant import ECHO, HARBOUR, abstained, answered, extract

TODAY = date(2026, 3, 4)
QUAY = replace(HARBOUR, title="The quay")


class Clock:
    """A clock that is set by hand: day of March 2026, hour."""

    def __init__(self) -> None:
        self.day, self.hour = 4, 12

    def __call__(self) -> datetime:
        return datetime(2026, 3, self.day, self.hour, tzinfo=UTC)


def fill(store: FeedbackStore, clock: Clock) -> None:
    """Six questions on three days: two declined on the 2nd, three answered on the 4th, one long ago."""
    both = answered(extract(QUAY, "more"), extract(QUAY, "paid", rank=2), extract(ECHO, "more", rank=3))
    one = answered(extract(QUAY, "more"), question="Who paid?")
    clock.day = 1
    store.record("old", one, 9.0)
    clock.day, clock.hour = 2, 0
    store.record("n1", abstained(question="Who won?"), 0.04)
    clock.hour = 23
    store.record("n2", abstained(question="who WON?"), 0.3)
    clock.day = 4
    store.record("y1", both, 0.06)
    store.record("y2", one, 0.07)
    store.record("y3", one, 0.08)
    store.opened("y1", "harbour")
    store.opened("y2", "echo")  # not cited there
    store.judge(Judgement("y1", Verdict.USEFUL, "harbour", 0, 5))
    store.judge(Judgement("y1", Verdict.USEFUL, "echo", 0, 5))
    store.judge(Judgement("y3", Verdict.NONE, reason="=about something else"))
    store.judge(Judgement("n1", Verdict.NOT_USEFUL))


def used(folder: Path, *, keep_questions: bool, days: int = 3, most: int = -1) -> Usage:
    clock = Clock()
    with closing(FeedbackStore(folder / FEEDBACK, keep_questions=keep_questions, now=clock)) as store:
        fill(store, clock)
        with store.reading() as feedback:
            return usage(feedback, days=days, today=TODAY, most=most)


@pytest.fixture
def three(tmp_path: Path) -> Usage:
    return used(tmp_path, keep_questions=True)


def test_days_without_a_question_are_days(three: Usage) -> None:
    assert three.days == (
        Day(date(2026, 3, 2), 2, 2),
        Day(date(2026, 3, 3), 0, 0),
        Day(date(2026, 3, 4), 3, 0),
    )
    assert [sum(day.questions for day in three.days), sum(day.declined for day in three.days)] == [5, 2]


def test_a_question_is_listed_once_however_it_was_capitalised(three: Usage) -> None:
    assert three.unanswered == (Repeated("Who won?", 2, date(2026, 3, 2)),)


def test_answers_without_a_click_are_listed(three: Usage) -> None:
    assert three.unopened == (Repeated("Who paid?", 1, date(2026, 3, 4)),)


def test_questions_without_text_are_counted_together(tmp_path: Path) -> None:
    silent = used(tmp_path, keep_questions=False)
    assert silent.unanswered == (Repeated(None, 2, date(2026, 3, 2)),)
    assert silent.unopened == (Repeated(None, 1, date(2026, 3, 4)),)


def test_an_article_counts_once_for_an_answer_and_an_untitled_one_has_its_file_name(three: Usage) -> None:
    assert three.cited == (CitedArticle("harbour", "The quay", 3, 1), CitedArticle("echo", "echo.md", 1, 0))


def test_lists_are_cut_and_counts_are_not(tmp_path: Path) -> None:
    cut = used(tmp_path, keep_questions=True, most=1)
    assert cut.cited == (CitedArticle("harbour", "The quay", 3, 1),)
    assert sum(day.questions for day in cut.days) == 5


def test_every_verdict_has_its_count(three: Usage) -> None:
    assert three.verdicts == {Verdict.USEFUL: 2, Verdict.NOT_USEFUL: 1, Verdict.NONE: 1}


def test_reasons_come_with_what_they_are_about(three: Usage) -> None:
    (reason,) = three.reasons
    assert reason == Judged(
        at="2026-03-04T23:00:00+00:00",
        answer_id="y3",
        question="Who paid?",
        verdict="none",
        reason="=about something else",
        article="",
        title="",
        start=0,
        end=0,
        generation="gen-7-00ff",
        outcome="answered",
    )


def test_seconds_are_those_of_the_days_asked_for(three: Usage) -> None:
    assert (three.p50, three.p95) == (0.07, 0.3)
    assert [one.questions for one in three.seconds] == [1, 3, 0, 1, 0, 0, 0, 0]


def test_nothing_asked_is_nothing_counted(tmp_path: Path) -> None:
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as store, store.reading() as feedback:
        none = usage(feedback, days=1, today=TODAY)
    assert (none.days, none.p50, none.p95) == ((Day(TODAY, 0, 0),), None, None)
    assert (none.unanswered, none.cited, none.reasons) == ((), (), ())
    assert sum(one.questions for one in none.seconds) == 0


def test_all_judgements_are_told_oldest_first(tmp_path: Path) -> None:
    clock = Clock()
    with closing(FeedbackStore(tmp_path / FEEDBACK, now=clock)) as store:
        fill(store, clock)
        with store.reading() as feedback:
            told = [(one.answer_id, one.verdict, one.title, one.outcome) for one in judgements(feedback)]
    assert told == [
        ("n1", "not useful", "", "declined"),
        ("y1", "useful", "echo.md", "answered"),
        ("y1", "useful", "The quay", "answered"),
        ("y3", "none", "", "answered"),
    ]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.01, 1.0), (0.5, 2.0), (0.51, 3.0), (0.95, 4.0), (1.0, 4.0)]
)
def test_percentiles_are_by_nearest_rank(share: float, expected: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], share) == expected


def test_a_bin_holds_its_upper_end() -> None:
    found = histogram([0.0, 0.05, 0.05000001, 0.2, 5.0, 5.1, 100.0])
    assert found == tuple(map(Bin, (*EDGES, None), (2, 1, 1, 0, 0, 0, 1, 2)))


def test_reading_sees_one_moment_and_writes_nothing(tmp_path: Path) -> None:
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as store:
        with store.reading() as feedback:
            assert feedback.execute("SELECT count(*) FROM asked").fetchone() == (0,)
            store.record("one", abstained(), 0.1)
            store.opened("one", "x")
            assert feedback.execute("SELECT count(*) FROM asked").fetchone() == (0,)
        with pytest.raises(Exception, match="readonly"), store.reading() as feedback:
            feedback.execute("DELETE FROM asked")
