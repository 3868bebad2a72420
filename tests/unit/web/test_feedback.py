"""Feedback on disk: what is kept, what is not, and what happens to the file."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from qa.errors import EnoughFeedback, FeedbackRefused, FeedbackUnavailable, UnknownQuestion
from qa.feedback.database import FEEDBACK, open_feedback
from qa.feedback.store import MOST_PER_QUESTION, QUEUED, FeedbackStore, Judgement, Verdict
from tests.support.fake_assistant import DREDGING, ECHO, HARBOUR, abstained, answered, extract
from tests.support.fakes import article
from tests.support.repository import ROOT

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
SECRET = "Who pays for the harbour of Zzyzx?"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / FEEDBACK


@pytest.fixture
def store(path: Path) -> Iterator[FeedbackStore]:
    with closing(FeedbackStore(path, now=lambda: NOON)) as store:
        yield store


def rows(store: FeedbackStore, table: str) -> list[tuple[object, ...]]:
    with store.reading() as feedback:
        return feedback.execute(f"SELECT * FROM {table}").fetchall()


def test_a_question_is_kept_with_what_it_cited_and_without_its_text(store: FeedbackStore) -> None:
    two = answered(
        extract(HARBOUR, "Dredging cost more."),
        extract(ECHO, "more", rank=2, shown="cost more"),
        question="What cost more?",
    )
    store.record("one", two, 0.25)
    assert rows(store, "asked") == [("one", "2026-03-04T12:00:00+00:00", 0.25, 0, 2, "gen-7-00ff", None)]
    assert rows(store, "cited") == [
        ("one", 1, "harbour", "", "harbour.md", HARBOUR.sha256, 0, len(HARBOUR.text), 20, 39),
        ("one", 2, "echo", "", "echo.md", ECHO.sha256, 23, 32, 28, 32),
    ]


def test_the_text_is_kept_only_when_that_was_asked_for(path: Path) -> None:
    with closing(FeedbackStore(path, keep_questions=True)) as store:
        store.record("one", abstained(extract(ECHO, "more"), question="Who won?"), 0.1)
        (asked,) = rows(store, "asked")
        assert (asked[3], asked[4], asked[6]) == (1, 0, "Who won?")
        assert rows(store, "cited") == []


def test_no_text_of_a_question_reaches_the_disk_otherwise(store: FeedbackStore, path: Path) -> None:
    store.record("one", answered(extract(HARBOUR, "more"), question=SECRET), 0.1)
    assert len(rows(store, "asked")) == 1
    assert not [file for file in path.parent.iterdir() if b"Zzyzx" in file.read_bytes()]


def test_times_are_utc_whatever_the_clock_says(path: Path) -> None:
    late = datetime(2026, 3, 4, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    with closing(FeedbackStore(path, now=lambda: late)) as store:
        store.record("one", DREDGING, 0.1)
        assert rows(store, "asked")[0][1] == "2026-03-05T04:30:00+00:00"


def test_verdicts_and_clicks_follow_their_question_at_once(store: FeedbackStore) -> None:
    store.record("one", DREDGING, 0.1)
    store.judge(Judgement("one", Verdict.NOT_USEFUL, "harbour", 0, 20, reason="too old"))
    store.judge(Judgement("one", Verdict.NONE))
    store.opened("one", "harbour")
    store.opened("one", "harbour")
    at = "2026-03-04T12:00:00+00:00"
    assert rows(store, "judged") == [
        ("one", "", 0, 0, "none", "", at),
        ("one", "harbour", 0, 20, "not useful", "too old", at),
    ]
    assert rows(store, "opened") == [("one", "harbour")]


def test_a_second_verdict_takes_the_place_of_the_first(store: FeedbackStore) -> None:
    store.record("one", DREDGING, 0.1)
    for verdict in (Verdict.USEFUL, Verdict.NOT_USEFUL):
        store.judge(Judgement("one", verdict, "harbour", 0, 20))
    assert [row[4] for row in rows(store, "judged")] == ["not useful"]


def test_what_nobody_asked_cannot_be_judged(store: FeedbackStore) -> None:
    with pytest.raises(UnknownQuestion, match="no such question was asked here"):
        store.judge(Judgement("two", Verdict.USEFUL))
    with pytest.raises(UnknownQuestion):
        store.opened("two", "harbour")
    assert rows(store, "judged") == rows(store, "opened") == []


def test_a_question_takes_a_bounded_number_of_verdicts_and_clicks(store: FeedbackStore) -> None:
    store.record("one", DREDGING, 0.1)
    store.record("two", DREDGING, 0.1)
    for number in range(MOST_PER_QUESTION - 1):
        store.judge(Judgement("one", Verdict.USEFUL, "harbour", number, number + 1))
    store.opened("one", "harbour")
    with pytest.raises(EnoughFeedback, match="has 50 judgements and clicks already"):
        store.judge(Judgement("one", Verdict.USEFUL))
    with pytest.raises(EnoughFeedback):
        store.opened("one", "echo")
    store.judge(Judgement("two", Verdict.USEFUL))
    assert len(rows(store, "judged")) == MOST_PER_QUESTION


def test_hostile_texts_come_back_and_what_utf_8_has_no_form_for_does_no_harm(path: Path) -> None:
    odd = article("x'); DROP TABLE asked; --\ud800", "It's so.")
    reason = "Robert'); DROP TABLE judged;--\ud800\x00"
    with closing(FeedbackStore(path, keep_questions=True)) as store:
        store.record("one", answered(extract(odd, "so"), question="'; DELETE FROM asked"), 0.1)
        store.judge(Judgement("one", Verdict.USEFUL, reason=reason))
        assert rows(store, "asked")[0][6] == "'; DELETE FROM asked"
        assert rows(store, "cited")[0][2] == "x'); DROP TABLE asked; --?"
        assert rows(store, "judged")[0][5] == "Robert'); DROP TABLE judged;--?\x00"
        assert store.lost == 0


def test_a_reason_is_cut_at_its_limit(store: FeedbackStore) -> None:
    store.record("one", DREDGING, 0.1)
    store.judge(Judgement("one", Verdict.NONE, reason="a" * 501))
    assert rows(store, "judged")[0][5] == "a" * 500


def test_closing_writes_what_is_waiting_and_opening_again_finds_it(path: Path) -> None:
    store = FeedbackStore(path)
    for number in range(200):
        store.record(f"q{number}", DREDGING, 0.1)
    store.close()
    with closing(FeedbackStore(path)) as again:
        assert len(rows(again, "asked")) == 200


def test_a_closed_store_loses_questions_and_says_so(path: Path) -> None:
    store = FeedbackStore(path)
    store.close()
    store.record("one", DREDGING, 0.1)
    assert (store.lost, store.fault) == (1, "feedback is closed: start the service again")
    with pytest.raises(FeedbackUnavailable):
        store.judge(Judgement("one", Verdict.USEFUL))


def test_only_the_owner_can_read_it(store: FeedbackStore, path: Path) -> None:
    store.record("one", DREDGING, 0.1)
    assert rows(store, "asked")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys((FEEDBACK, f"{FEEDBACK}-wal", f"{FEEDBACK}-shm"), 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    FeedbackStore(path).close()
    path.chmod(0o644)
    FeedbackStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_record_waits_neither_for_the_disk_nor_for_another_writer(store: FeedbackStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.perf_counter()
        for number in range(100):
            store.record(f"q{number}", DREDGING, 0.1)
        taken = time.perf_counter() - started
        other.execute("ROLLBACK")
    assert taken / 100 < 0.002
    assert len(rows(store, "asked")) == 100


def test_a_full_queue_loses_questions_instead_of_holding_them_up(path: Path) -> None:
    store = FeedbackStore(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(QUEUED + 7):
            store.record(f"q{number}", DREDGING, 0.1)
        assert (store.lost, store.fault[:33]) == (7, "feedback cannot be kept just now ")
        with pytest.raises(FeedbackUnavailable):
            store.opened("q0", "harbour")
        other.execute("ROLLBACK")
    store.close()
    with closing(FeedbackStore(path)) as again:
        assert len(rows(again, "asked")) == QUEUED


def test_closing_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.feedback.store.PATIENCE", 0.1)
    monkeypatch.setattr("qa.feedback.database._BUSY", 0.3)
    store = FeedbackStore(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(3):
            store.record(f"q{number}", DREDGING, 0.1)
        store.close()
    assert (store.lost, store.fault) == (3, "database is locked")


def test_an_id_used_twice_is_lost_not_raised(store: FeedbackStore) -> None:
    store.record("one", DREDGING, 0.1)
    store.record("one", DREDGING, 0.2)
    assert len(rows(store, "asked")) == 1
    assert (store.lost, "UNIQUE" in store.fault) == (1, True)


def test_many_threads_record_and_judge(store: FeedbackStore) -> None:
    def use(name: str) -> None:
        for number in range(20):
            store.record(f"{name}{number}", DREDGING, 0.1)
            store.judge(Judgement(f"{name}{number}", Verdict.USEFUL))

    threads = [threading.Thread(target=use, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(rows(store, "asked")), len(rows(store, "judged")), store.lost) == (160, 160, 0)


def test_processes_that_start_at_once_share_a_new_file(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from qa.feedback.store import FeedbackStore\n"
        "from tests.support.fake_assistant import DREDGING\n"
        "store = FeedbackStore(Path(sys.argv[1]))\n"
        "for number in range(50): store.record(f'{sys.argv[2]}{number}', DREDGING, 0.1)\n"
        "store.close(); sys.exit(store.lost)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name], cwd=ROOT)
        for name in ("a", "b", "c")
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    with closing(FeedbackStore(path)) as store:
        assert len(rows(store, "asked")) == 150


def test_forgetting_takes_everything_said_about_a_question_along(path: Path) -> None:
    clock = [NOON]
    with closing(FeedbackStore(path, keep_questions=True, now=lambda: clock[0])) as store:
        for number in range(3):
            clock[0] = NOON + timedelta(days=number)
            store.record(f"q{number}", answered(extract(HARBOUR, "more"), question=SECRET), 0.1)
            store.judge(Judgement(f"q{number}", Verdict.NONE, reason="Zzyzx"))
            store.opened(f"q{number}", "harbour")
        assert store.forget(date(2026, 3, 6)) == 2
        tables = ("asked", "cited", "opened", "judged")
        assert [[row[0] for row in rows(store, table)] for table in tables] == [["q2"]] * 4
        assert store.forget() == 1
        assert not [file for file in path.parent.iterdir() if b"Zzyzx" in file.read_bytes()]


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_one_line_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(FeedbackRefused) as caught:
        FeedbackStore(path)
    assert str(caught.value).startswith(f"{path}: cannot be used: ")
    assert str(caught.value).endswith("; move it away for a new one, or set QA_FEEDBACK=off")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_damage_inside_the_file_is_found_when_it_is_opened(path: Path) -> None:
    with closing(FeedbackStore(path)) as store:
        for number in range(300):
            store.record(f"q{number}", DREDGING, 0.1)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
    with pytest.raises(FeedbackRefused, match=r"damaged|malformed"):
        FeedbackStore(path)


def test_a_file_of_another_program_or_version_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
        with pytest.raises(FeedbackRefused, match="is not a file of feedback"):
            open_feedback(path)
        assert [name for (name,) in other.execute("SELECT name FROM sqlite_master")] == ["theirs"]
    path.unlink()
    FeedbackStore(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(FeedbackRefused, match="has format 2, not 1"):
        open_feedback(path)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / FEEDBACK, tmp_path):
        with pytest.raises(FeedbackRefused, match="cannot be used: "):
            FeedbackStore(place)
