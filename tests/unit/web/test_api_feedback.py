"""`POST /api/feedback`, and how page and API record what is asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qa.answer import Answer
from qa.errors import QuestionError, WrongSetting
from qa.feedback.database import FEEDBACK
from qa.feedback.store import MOST_PER_QUESTION, FeedbackStore
from qa.loading import open_feedback
from tests.support.fake_assistant import DREDGING, FakeAssistant
from web.answering.answer_service import AnswerService
from web.api.ask import add_exception_handlers, api_routes
from web.api.feedback import feedback_routes
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.pages.gradio_page import reply
from web.pages.page_state import PageState
from web.service_settings import ServiceSettings


def service(store: FeedbackStore | None) -> FastAPI:
    desk = AnswerService(FakeAssistant(), recorder=store.record if store else None)
    app = FastAPI()
    app.include_router(api_routes(desk))
    app.include_router(feedback_routes(ServiceContext(desk, ServiceSettings(), load_catalogue(), store)))
    add_exception_handlers(app)
    return app


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as store:
        yield store


@pytest.fixture
def client(store: FeedbackStore) -> Iterator[TestClient]:
    with TestClient(service(store)) as client:
        yield client


@pytest.fixture
def asked(client: TestClient) -> str:
    return str(client.post("/api/ask", json={"question": "What cost more?"}).json()["answer_id"])


def rows(store: FeedbackStore, columns: str) -> list[tuple[object, ...]]:
    with store.reading() as feedback:
        return feedback.execute(f"SELECT {columns}").fetchall()


def test_a_question_asked_of_the_api_can_be_judged(
    client: TestClient, store: FeedbackStore, asked: str
) -> None:
    sent = {
        "answer_id": asked,
        "verdict": "not useful",
        "article_id": "harbour",
        "start": 20,
        "end": 39,
        "reason": "old",
    }
    response = client.post("/api/feedback", json=sent)
    assert (response.status_code, response.content) == (204, b"")
    assert rows(store, 'asked, article, start, "end", verdict, reason FROM judged') == [
        (asked, "harbour", 20, 39, "not useful", "old")
    ]


def test_a_click_is_kept_as_one(client: TestClient, store: FeedbackStore, asked: str) -> None:
    sent = {"answer_id": asked, "verdict": "opened", "article_id": "harbour"}
    assert [client.post("/api/feedback", json=sent).status_code for _ in range(2)] == [204, 204]
    assert rows(store, "asked, article FROM opened") == [(asked, "harbour")]
    assert rows(store, "* FROM judged") == []


def test_a_question_asked_on_the_page_is_recorded_too(store: FeedbackStore) -> None:
    site = ServiceContext(
        AnswerService(FakeAssistant(), recorder=store.record), ServiceSettings(), load_catalogue()
    )
    asyncio.run(reply(site, PageState("What cost more?")))
    ((asked, abstained, extracts),) = rows(store, "id, abstained, extracts FROM asked")
    assert re.fullmatch(r"[\w-]{16}", str(asked))
    assert (abstained, extracts) == (0, 1)
    assert rows(store, "asked, article FROM cited") == [(asked, "harbour")]


def test_every_reply_has_an_id_of_its_own_and_is_told_once() -> None:
    told: list[tuple[str, Answer, float]] = []
    desk = AnswerService(FakeAssistant(), recorder=lambda *reply: told.append(reply))
    replies = [asyncio.run(desk.ask("What cost more?")) for _ in range(2)]
    assert told == [(one.id, one.answer, one.seconds) for one in replies]
    assert replies[0].id != replies[1].id
    with pytest.raises(QuestionError):
        asyncio.run(desk.ask("?"))
    assert len(told) == 2


def test_an_unknown_question_is_a_problem(client: TestClient) -> None:
    response = client.post("/api/feedback", json={"answer_id": "A" * 16, "verdict": "useful"})
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such question was asked here: ask it again, then judge its answer",
    }


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"verdict": "useful"}, "answer_id: Field required"),
        ({"answer_id": "", "verdict": "useful"}, "answer_id: String should have at least 1 character"),
        ({"answer_id": "a" * 65, "verdict": "useful"}, "answer_id: String should have at most 64 characters"),
        (
            {"answer_id": "a", "verdict": "good"},
            "verdict: Input should be 'useful', 'not useful', 'none' or 'opened'",
        ),
        ({"answer_id": "a", "verdict": "none", "more": 1}, "more: Extra inputs are not permitted"),
        (
            {"answer_id": "a", "verdict": "none", "reason": "a" * 501},
            "reason: String should have at most 500 characters",
        ),
        (
            {"answer_id": "a", "verdict": "useful", "article_id": "a" * 201},
            "article_id: String should have at most 200 characters",
        ),
        (
            {"answer_id": "a", "verdict": "useful", "article_id": "a", "start": -1, "end": 1},
            "start: Input should be greater than or equal to 0",
        ),
        (
            {"answer_id": "a", "verdict": "useful", "article_id": "a", "end": 10**10},
            "end: Input should be less than or equal to 1000000000",
        ),
        (
            {"answer_id": "a", "verdict": "useful", "article_id": "a", "start": True, "end": 2},
            "start: Input should be a valid integer",
        ),
        (
            {"answer_id": "a", "verdict": "useful", "article_id": "a", "start": 5, "end": 5},
            "body: Value error, start and end are a span of the article in article_id",
        ),
        (
            {"answer_id": "a", "verdict": "useful", "end": 5},
            "body: Value error, start and end are a span of the article in article_id",
        ),
        ({"answer_id": "a", "verdict": "opened"}, "body: Value error, article_id says what was opened"),
    ],
)
def test_what_is_no_feedback_is_told_in_one_line(client: TestClient, sent: object, error: str) -> None:
    response = client.post("/api/feedback", json=sent)
    assert (response.status_code, response.json()["detail"]) == (422, error)


def test_what_utf_8_has_no_form_for_is_the_senders_fault(client: TestClient, asked: str) -> None:
    for field in ("reason", "article_id", "answer_id"):
        sent = f'{{"answer_id": "{asked}", "verdict": "useful", "{field}": "\\ud800"}}'
        response = client.post("/api/feedback", content=sent, headers={"Content-Type": "application/json"})
        assert response.status_code == 422


def test_a_question_takes_a_bounded_number(client: TestClient, asked: str) -> None:
    statuses = [
        client.post(
            "/api/feedback", json={"answer_id": asked, "verdict": "opened", "article_id": str(number)}
        ).status_code
        for number in range(MOST_PER_QUESTION + 1)
    ]
    assert statuses == [204] * MOST_PER_QUESTION + [429]


def test_a_store_that_cannot_write_says_try_again(client: TestClient, store: FeedbackStore) -> None:
    store.close()
    asked = client.post("/api/ask", json={"question": "What cost more?"})
    assert asked.status_code == 200
    response = client.post(
        "/api/feedback", json={"answer_id": asked.json()["answer_id"], "verdict": "useful"}
    )
    assert response.status_code == 503


def test_without_a_store_answers_come_and_feedback_is_not_there() -> None:
    with TestClient(service(None)) as client:
        asked = client.post("/api/ask", json={"question": "Why?"}).json()["answer_id"]
        response = client.post("/api/feedback", json={"answer_id": asked, "verdict": "useful"})
    assert (response.status_code, response.json()["detail"]) == (404, "no feedback is kept here")


def opened(settings: ServiceSettings) -> tuple[bool, list[str]]:
    """Whether the door opened a store, and what it said."""
    said: list[str] = []
    with ExitStack() as stack:
        return stack.enter_context(open_feedback(settings, announce=said.append)) is not None, said


def test_the_door_keeps_feedback_beside_the_index_and_without_a_word(tmp_path: Path) -> None:
    assert opened(ServiceSettings(data=tmp_path)) == (True, [])
    assert (tmp_path / FEEDBACK).is_file()


def test_the_door_keeps_none_when_it_is_off(tmp_path: Path) -> None:
    assert opened(ServiceSettings(data=tmp_path, feedback=False)) == (False, [])
    assert list(tmp_path.iterdir()) == []


def test_what_was_kept_before_it_was_switched_off_expires(tmp_path: Path) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with closing(FeedbackStore(tmp_path / FEEDBACK, keep_questions=True, now=lambda: long_ago)) as store:
        store.record("one", DREDGING, 0.1)
    assert opened(ServiceSettings(data=tmp_path, feedback=False)) == (False, [])
    assert DREDGING.question.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_damaged_file_is_announced_and_answering_goes_on(tmp_path: Path) -> None:
    (tmp_path / FEEDBACK).write_bytes(b"not a database" * 100)
    is_open, (line,) = opened(ServiceSettings(data=tmp_path))
    assert not is_open
    assert line.startswith(f"No feedback is kept: {tmp_path / FEEDBACK}: cannot be used: file is not a data")


@pytest.mark.parametrize("keeps", [True, False])
def test_the_door_keeps_texts_when_it_is_told_to(tmp_path: Path, keeps: bool) -> None:
    settings = ServiceSettings(data=tmp_path, question_log=keeps)
    with open_feedback(settings, announce=print) as store:
        assert store
        store.record("one", DREDGING, 0.1)
        assert rows(store, "question FROM asked") == [(DREDGING.question if keeps else None,)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [("", True), ("on", True), ("off", False), ("OFF ", False), ("0", False), ("1", True)],
)
def test_feedback_is_on_unless_it_is_switched_off(written: str, expected: bool) -> None:
    assert ServiceSettings.from_environment({"QA_FEEDBACK": written}).feedback is expected
    assert ServiceSettings.from_environment({}).feedback is True
    assert (
        ServiceSettings.from_environment({"QA_QUESTION_LOG": "on", "QA_PRIVATE_QUESTIONS": ""}).question_log
        is True
    )
    with pytest.raises(WrongSetting, match=r"^QA_FEEDBACK is 'maybe'; give on or off"):
        ServiceSettings.from_environment({"QA_FEEDBACK": "maybe"})
