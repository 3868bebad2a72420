"""The JSON API, with an assistant that gives a prepared answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from index.retrieval.filter import NO_FILTER, Filter
from qa.answer import Answer
from qa.answer_json import answer_record
from qa.assistant import Assistant
from qa.question import MAX_CHARACTERS
from tests.support.fake_assistant import DREDGING, HARBOUR, FakeAssistant, abstained, extract, unsure
from web.answering.answer_service import AnswerService
from web.api.ask import add_exception_handlers, api_routes

NEAREST = extract(HARBOUR, "Nobody paid.")


def api(assistant: Assistant, **limits: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(api_routes(AnswerService(assistant, **limits)))
    add_exception_handlers(app)
    return app


@pytest.fixture
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
def client(assistant: FakeAssistant) -> Iterator[TestClient]:
    with TestClient(api(assistant)) as client:
        yield client


def test_an_answer_is_its_record_and_the_seconds_it_took(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "What cost more?"})
    record = response.json()
    assert response.status_code == 200
    assert 0 <= record.pop("seconds") < 60
    assert re.fullmatch(r"[\w-]{16}", record.pop("answer_id"))
    assert record == answer_record(DREDGING).model_dump()
    assert record["extracts"][0]["answer"]["text"] == "Dredging cost more."


@pytest.mark.parametrize(
    ("answer", "state"), [(DREDGING, "answered"), (unsure(NEAREST), "unsure"), (abstained(NEAREST), "none")]
)
def test_each_state_says_where_its_passages_are(answer: Answer, state: str) -> None:
    with TestClient(api(FakeAssistant(answer))) as client:
        record = client.post("/api/ask", json={"question": "Who paid?"}).json()
    assert (record["state"], record["abstained"]) == (state, state != "answered")
    assert [len(record["extracts"]), len(record["nearest"])] == ([1, 0] if state == "answered" else [0, 1])


def test_what_is_not_said_has_its_default(client: TestClient, assistant: FakeAssistant) -> None:
    client.post("/api/ask", json={"question": "What cost more?"})
    assert assistant.asked == [("What cost more?", 5, NO_FILTER)]


def test_number_and_filters_reach_the_assistant(client: TestClient, assistant: FakeAssistant) -> None:
    filters = {"articles": ["a.md"], "authors": ["A", "B"], "publishers": [], "years": ["2004", 2005]}
    client.post("/api/ask", json={"question": "Why?", "k": 20, "filters": filters})
    assert assistant.asked == [
        ("Why?", 20, Filter(articles=("a.md",), authors=("A", "B"), years=("2004", "2005")))
    ]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"question": " \n"}, "the question is empty: type a few words"),
        (
            {"question": "a" * (MAX_CHARACTERS + 1)},
            "the question has 2,001 characters; the limit is 2,000: ask a shorter one",
        ),
        ({}, "question: Field required"),
        ({"question": 7}, "question: Input should be a valid string"),
        ({"question": "x", "k": 0}, "k: Input should be greater than or equal to 1"),
        ({"question": "x", "k": 21}, "k: Input should be less than or equal to 20"),
        ({"question": "x", "k": True}, "k: Input should be a valid integer"),
        ({"question": "x", "filter": {}}, "filter: Extra inputs are not permitted"),
        ({"question": "x", "filters": {"year": []}}, "filters.year: Extra inputs are not permitted"),
        (
            {"question": "x", "filters": {"years": ["2004"] * 51}},
            "filters.years: Tuple should have at most 50 items after validation, not 51",
        ),
        (
            {"question": "x", "filters": {"authors": ["x" * 301]}},
            "filters.authors.0: String should have at most 300 characters",
        ),
        ([], "body: Input should be a valid dictionary or object to extract fields from"),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_line(client: TestClient, sent: object, error: str) -> None:
    response = client.post("/api/ask", json=sent)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": HTTPStatus(422).phrase,
        "status": 422,
        "detail": error,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"question": "\xff"}',
        b"[" * 50_000,
        b'{"question": "x", "k": ' + b"9" * 5_000 + b"}",
        b'{"question": "x", "k": 1e999}',
        b'{"question": "x", "k": NaN}',
        b'{"question": "\\ud800"}',
        b'{"question": "x", "\\ud800": 1}',
    ],
)
def test_a_broken_body_is_the_senders_fault(client: TestClient, body: bytes) -> None:
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert list(response.json()) == ["type", "title", "status", "detail"]
    assert "\n" not in response.json()["detail"]


def test_health_names_the_generation_and_its_size(client: TestClient) -> None:
    assert client.get("/health").json() == {
        "status": "ready",
        "live": True,
        "ready": True,
        "degraded": False,
        "reasons": [],
        "generation": "gen-7-00ff",
        "articles": 2,
        "passages": 3,
        "detail": "",
    }


def test_the_api_describes_itself(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/api/ask", "/health"}
    assert described["components"]["schemas"]["State"]["enum"] == ["answered", "unsure", "none"]
    assert set(described["paths"]["/api/ask"]["post"]["responses"]) == {
        "200",
        "413",
        "422",
        "429",
        "500",
        "503",
    }


def test_a_full_desk_says_when_to_come_back(assistant: FakeAssistant) -> None:
    statuses, seconds, health = asyncio.run(_crowd(api(assistant, running=1, waiting=1), assistant))
    assert statuses == [200, 200, 503]
    assert seconds == "2"
    assert health == 200


async def _crowd(app: FastAPI, assistant: FakeAssistant) -> tuple[list[int], str, int]:
    """Three askers at a desk with two places, and a look at /health while the first still waits."""
    assistant.gate.clear()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://desk") as client:
        inside = [asyncio.create_task(client.post("/api/ask", json={"question": "Why?"})) for _ in range(2)]
        while not assistant.asked:
            await asyncio.sleep(0.01)
        refused = await client.post("/api/ask", json={"question": "Why?"})
        health = await client.get("/health")
        assistant.gate.set()
        answers = [await task for task in inside]
    statuses = [response.status_code for response in [*answers, refused]]
    return statuses, refused.headers["Retry-After"], health.status_code


def test_a_desk_has_its_places_back_after_every_question(assistant: FakeAssistant) -> None:
    with TestClient(api(assistant, running=1, waiting=0)) as client:
        statuses = [
            client.post("/api/ask", json={"question": q}).status_code for q in ("a", "?", "b", "!", "c")
        ]
    assert statuses == [200, 422, 200, 422, 200]
