"""What is deleted from the file of feedback, on request and in time; and that it is gone from the disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from qa.errors import FeedbackUnavailable
from qa.feedback.database import FEEDBACK
from qa.feedback.deletion import expire
from qa.feedback.statistics import usage
from qa.feedback.store import FeedbackStore, Judgement, Verdict
from tests.support.fake_assistant import abstained
from web.service_settings import ServiceSettings

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
QUESTIONS = ("Who paid the Zzyzx dues?", "WHO PAID THE ZZYZX DUES?", "What silted up?", "Caf\u00e9 prices?")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four questions on four days, and one whose text was not kept."""
    with closing(store(tmp_path)) as kept:
        for number, question in enumerate(QUESTIONS):
            kept._now = lambda number=number: NOON + timedelta(days=number)  # type: ignore[misc]
            kept.record(f"q{number}", abstained(question=question), 0.1)
            kept.judge(Judgement(f"q{number}", Verdict.NONE, reason="Qwxyz" if number == 2 else ""))
    with closing(FeedbackStore(tmp_path / FEEDBACK, now=lambda: NOON)) as kept:
        kept.record("q4", abstained(question="Zzyzx, too"), 0.1)
    return tmp_path


def store(folder: Path, **options: int) -> FeedbackStore:
    return FeedbackStore(folder / FEEDBACK, keep_questions=True, now=lambda: NOON, **options)


def left(folder: Path) -> list[tuple[str, str | None]]:
    with closing(sqlite3.connect(folder / FEEDBACK)) as file:
        return file.execute("SELECT id, question FROM asked ORDER BY id").fetchall()


def on_disk(folder: Path, text: str) -> list[str]:
    wanted = text.casefold().encode()
    return [path.name for path in sorted(folder.iterdir()) if wanted in path.read_bytes().lower()]


def qa(*arguments: str | Path, code: int = 0) -> list[str]:
    done = CliRunner().invoke(app, ["forget", *map(str, arguments)])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.output.splitlines()


def test_a_text_is_forgotten_in_all_its_forms_and_from_the_disk(data: Path) -> None:
    assert on_disk(data, "zzyzx")
    assert qa("--containing", "zzyzx DUES", "--data", data) == [
        "Deleted 2 questions of 5 and all feedback on them.",
        "1 question could not be searched: the text was not kept.",
    ]
    assert [identifier for identifier, _ in left(data)] == ["q2", "q3", "q4"]
    assert on_disk(data, "zzyzx") == []
    assert on_disk(data, "silted up") == [FEEDBACK]


def test_a_text_in_a_reason_counts(data: Path) -> None:
    qa("--containing", "qwxyz", "--data", data)
    assert [identifier for identifier, _ in left(data)] == ["q0", "q1", "q3", "q4"]
    assert on_disk(data, "qwxyz") == on_disk(data, "silted") == []


def test_letters_count_as_they_are_read(data: Path) -> None:
    assert qa("--containing", "cafe\u0301", "--data", data)[0].startswith("Deleted 1 question of 5")
    assert qa("--containing", "%", "--data", data)[0].startswith("Deleted 0 questions of 4")


def test_a_day_and_all(data: Path) -> None:
    assert qa("--before", "2026-03-06", "--data", data) == [
        "Deleted 3 questions of 5 and all feedback on them."
    ]
    assert [identifier for identifier, _ in left(data)] == ["q2", "q3"]
    assert qa("--all", "--data", data) == ["Deleted 2 questions of 2 and all feedback on them."]
    assert left(data) == []
    assert on_disk(data, "zzyzx") == on_disk(data, "silted") == []


@pytest.mark.parametrize(
    "arguments",
    [(), ("--all", "--before", "2026-01-01"), ("--containing", " "), ("--containing", "a", "--all")],
)
def test_what_to_forget_is_said_once(data: Path, arguments: tuple[str, ...]) -> None:
    assert qa(*arguments, "--data", data, code=2) == [
        "qa: choose one of --containing TEXT, --before DATE and --all"
    ]
    assert len(left(data)) == 5


def days_and_verdicts(folder: Path) -> tuple[list[tuple[int, int]], dict[Verdict, int]]:
    with closing(store(folder)) as kept, kept.reading() as feedback:
        statistics = usage(feedback, days=4, today=(NOON + timedelta(days=3)).date())
    return [(day.questions, day.declined) for day in statistics.days], statistics.verdicts


def test_questions_are_deleted_in_time_and_the_counts_stay(data: Path) -> None:
    before = days_and_verdicts(data)
    assert before == ([(2, 2), (1, 1), (1, 1), (1, 1)], {**dict.fromkeys(Verdict, 0), Verdict.NONE: 4})
    for later in (32, 33):
        expiring = FeedbackStore(data / FEEDBACK, keep_days=30, now=partial(NOON.__add__, timedelta(later)))
        expiring.close()
        assert days_and_verdicts(data) == before
    # Asked on days 0, 1, 2 and 3; day 2 is 31 days before.
    assert left(data) == [("q3", QUESTIONS[3])]
    assert on_disk(data, "zzyzx") == on_disk(data, "qwxyz") == []


def test_reasons_are_deleted_in_time_though_no_question_was_kept(tmp_path: Path) -> None:
    """Without the log, what people type with a verdict is kept for as long as a logged question."""
    clock = [NOON]
    with closing(FeedbackStore(tmp_path / FEEDBACK, keep_days=30, now=lambda: clock[0])) as kept:
        kept.record("one", abstained(question="Why?"), 0.1)
        kept.judge(Judgement("one", Verdict.NONE, reason="Zzyzx paid"))
        assert on_disk(tmp_path, "zzyzx")
        clock[0] = NOON + timedelta(days=31)
        kept.record("two", abstained(question="Who?"), 0.1)
        with kept.reading() as feedback:
            assert feedback.execute("SELECT count(*) FROM judged").fetchone() == (0,)
    assert on_disk(tmp_path, "zzyzx") == []


def test_a_file_without_daily_counts_is_read_and_gets_them(data: Path) -> None:
    """Files of versions that kept every question for ever."""
    with closing(sqlite3.connect(data / FEEDBACK)) as file:
        file.execute("DROP TABLE past")
    before = days_and_verdicts(data)
    with closing(FeedbackStore(data / FEEDBACK, keep_days=1, now=lambda: NOON + timedelta(days=90))):
        pass
    assert (left(data), days_and_verdicts(data)) == ([], before)


def test_forgotten_questions_leave_no_count(data: Path) -> None:
    with closing(FeedbackStore(data / FEEDBACK, keep_days=1, now=lambda: NOON + timedelta(days=3))) as kept:
        kept.forget()
    assert days_and_verdicts(data) == ([(0, 0)] * 4, dict.fromkeys(Verdict, 0))


def test_the_first_question_of_a_day_deletes_too(data: Path) -> None:
    clock = [NOON]
    with closing(FeedbackStore(data / FEEDBACK, keep_days=30, now=lambda: clock[0])) as kept:
        assert left(data)[0] == ("q0", QUESTIONS[0])
        clock[0] = NOON + timedelta(days=100)
        kept.record("new", abstained(question="New?"), 0.1)
        with kept.reading() as feedback:
            assert feedback.execute("SELECT id FROM asked").fetchall() == [("new",)]


def test_zero_days_keep_them(data: Path) -> None:
    with closing(FeedbackStore(data / FEEDBACK, keep_days=0, now=lambda: NOON + timedelta(days=9_999))):
        pass
    assert left(data)[0] == ("q0", QUESTIONS[0])


def test_the_oldest_go_when_there_is_too_much_of_them(data: Path) -> None:
    newest = len(QUESTIONS[3].encode())
    assert newest == len(QUESTIONS[3]) + 1
    with closing(store(data)) as kept:
        connection = kept._connection
        kept_bytes = newest + len(QUESTIONS[2]) + len("Qwxyz")
        assert expire(connection, "", most=kept_bytes) == 3  # q4, without a text, is as old as q0
        assert expire(connection, "", most=kept_bytes - 1) == 1
        assert expire(connection, "", most=newest - 1) == 1
    assert left(data) == []
    assert on_disk(data, "zzyzx") == on_disk(data, "silted") == []


def test_what_another_program_still_reads_is_not_said_to_be_gone(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.feedback.database._BUSY", 0.05)
    with closing(store(data)) as kept, closing(sqlite3.connect(data / FEEDBACK)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM asked").fetchone()
        with pytest.raises(FeedbackUnavailable, match="still in the file's journal"):
            kept.forget(containing="zzyzx")
        reader.rollback()
        kept.forget(containing="zzyzx")
    assert on_disk(data, "zzyzx") == []


def test_the_check_sees_a_text_that_is_only_marked_as_free(data: Path) -> None:
    with closing(store(data)) as kept:
        kept._connection.execute("PRAGMA secure_delete = OFF")
        kept.forget()
    assert left(data) == []
    assert on_disk(data, "zzyzx") == [FEEDBACK]


def test_days_are_a_setting() -> None:
    assert ServiceSettings.from_environment({}).question_log_days == 90
    assert ServiceSettings.from_environment({"QA_QUESTION_LOG_DAYS": "7"}).question_log_days == 7
