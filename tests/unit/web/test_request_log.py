"""What is seen of requests from outside, and what is not."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from structlog.contextvars import get_contextvars

from tests.support.fake_assistant import FakeAssistant, abstained
from web.http.request_log import NO_REPLY_STATUS, RequestLog, RequestRecord, annotate
from web.service import build_app
from web.service_settings import ServiceSettings

CANARY = "zzyzx-canary"


@pytest.fixture(scope="module")
def service() -> FastAPI:
    return build_app(FakeAssistant(), ServiceSettings())


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", f"/?q={CANARY}", 200, "/"),
        ("GET", f"/articles/{CANARY}?q={CANARY}", 404, "/articles/{identifier}"),
        ("GET", "/health", 200, "/health"),
        ("GET", f"/static/{CANARY}.svg", 404, "/static/{path:path}"),
        ("GET", f"/{CANARY}", 404, "other"),
        ("GET", f"/gradio_api/file={CANARY}", 404, "other"),
        (CANARY.upper(), "/api/ask", 405, "other"),
    ],
)
def test_a_route_is_told_by_its_pattern(
    service: FastAPI, method: str, path: str, status: int, route: str
) -> None:
    seen: list[RequestRecord] = []
    with TestClient(RequestLog(service, [seen.append])) as client:
        reply = client.request(method, path)
    (record,) = seen
    assert (record.route, record.status, record.sent) == (route, status, len(reply.content))
    assert record.method == (method if method == "GET" else "other")
    assert reply.headers["X-Request-ID"] == record.id
    assert CANARY not in repr(record).casefold()


def test_what_came_of_a_question_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RequestRecord] = []
    monkeypatch.setattr("web.service.log_request", seen.append)
    with TestClient(build_app(FakeAssistant(abstained()), ServiceSettings())) as client:
        for question in ("Who won?", "Who won?", "?!"):
            client.post("/api/ask", json={"question": question})
    first = {"outcome": "none", "generation": "gen-7-00ff"}
    assert [one.annotations for one in seen] == [
        first,
        first | {"remembered": "yes"},
        {"outcome": "not a question"},
    ]
    assert len({one.id for one in seen}) == 3


def test_an_app_that_fails_is_seen_and_fails_on() -> None:
    seen: list[RequestRecord] = []

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        annotate(outcome="failed")
        raise ValueError(get_contextvars()["request"])

    with pytest.raises(ValueError, match=r"^[0-9a-f]{16}$") as caught:
        TestClient(RequestLog(fails, [seen.append])).get("/")
    (record,) = seen
    assert (record.id, record.status, record.annotations) == (
        str(caught.value),
        NO_REPLY_STATUS,
        {"outcome": "failed"},
    )


def test_requests_at_once_note_apart() -> None:
    seen: list[RequestRecord] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.01)
        annotate(outcome=scope["path"])
        await asyncio.to_thread(annotate, thread=scope["path"])

    async def ask(path: str) -> None:
        async def quiet(*_: object) -> None:
            return None

        await RequestLog(app, [seen.append])({"type": "http", "method": "GET", "path": path}, quiet, quiet)  # type: ignore[arg-type]

    async def both() -> None:
        await asyncio.gather(ask("/a"), ask("/b"))

    asyncio.run(both())
    assert [one.annotations for one in seen] == [{"outcome": path, "thread": path} for path in ("/a", "/b")]
    annotate(outcome="nobody's")
    assert get_contextvars() == {}
