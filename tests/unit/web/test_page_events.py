"""What the page's events may be, and whom Gradio believes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from web.service import build_app
from web.service_settings import ServiceSettings

INDEXES: tuple[Any, ...] = (-1, 99, 10**30, None, "0", "x", [], {}, 0.5)


@pytest.fixture(scope="module")
def page() -> Iterator[TestClient]:
    with TestClient(build_app(FakeAssistant(), ServiceSettings()), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "sent",
    [
        *({"data": ["{}"], "fn_index": index} for index in INDEXES),
        *({"data": data, "fn_index": 0} for data in ([], ["{}", "{}"], [7], [{"path": "/x"}], [["{}"]])),
        *({"data": data, "fn_index": 0} for data in ("x", {"a": 1}, None, 7)),
        *({"data": ["{}"]}, {"fn_index": 0}, {}, [], None, "x"),
    ],
)
def test_an_event_that_the_page_does_not_have_is_refused(page: TestClient, sent: Any) -> None:
    assert page.post("/gradio_api/run/predict", json=sent).status_code == 422


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(
    "state", [r'{"q": "why \ud800"}', r'{"q": "why", "author": ["\ud800"]}', r'{"g": "\ud800"}', "\ud800"]
)
def test_half_a_character_fails_no_event(page: TestClient, number: int, state: str) -> None:
    body = json.dumps({"data": [state], "fn_index": number})
    sent = page.post("/gradio_api/run/predict", content=body, headers={"Content-Type": "application/json"})
    assert sent.status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Gradio-Server"])
def test_no_header_but_host_names_the_service(page: TestClient, header: str) -> None:
    reply = page.get("/", headers={header: "http://evil.example", "X-Forwarded-Proto": "https"})
    assert reply.status_code == 200
    assert "evil.example" not in reply.text
    assert "https://testserver" not in reply.text
