"""What another site's page may make a browser send: nothing, unless it is listed."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from web.access.middleware import is_foreign
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

FRIEND, STRANGER, OWN = "https://intranet.example", "https://evil.example", "https://answers.example"


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"Origin": OWN}, False),
        ({"Origin": "http://answers.example"}, False),
        ({"Origin": "https://ANSWERS.example"}, False),
        ({"Origin": "https://answers.example:8443"}, True),
        ({"Origin": "https://answers.example.evil.example"}, True),
        ({"Origin": STRANGER}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "https://["}, True),
        ({"Origin": FRIEND}, False),
        ({"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "https://intranet.example."}, True),
        ({"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.example"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "nonsense"}, True),
    ],
)
def test_a_post_is_judged_by_the_page_it_comes_from(headers: dict[str, str], foreign: bool) -> None:
    told = {"Host": "answers.example", **headers}
    scope = {"type": "http", "headers": [(k.lower().encode(), v.encode()) for k, v in told.items()]}
    assert is_foreign(scope, "/api/ask", {FRIEND}) is foreign
    # Not even a listed site logs a person in.
    assert is_foreign(scope, "/login", {FRIEND}) is (foreign or headers.get("Origin") == FRIEND)


def test_without_a_host_no_origin_is_its_own() -> None:
    assert is_foreign({"type": "http", "headers": [(b"origin", b"http://")]}, "/api/ask", ())


@pytest.mark.parametrize("path", ["/api/ask", "/api/feedback"])
def test_the_service_refuses_it(path: str) -> None:
    assistant = FakeAssistant()
    app = own_app(
        ServiceContext(AnswerService(assistant), ServiceSettings(origins=(FRIEND,)), load_catalogue())
    )
    with TestClient(app) as client:
        reply = client.post(path, content=b'{"question": "Why?"}', headers={"Origin": STRANGER})
        assert reply.status_code == 403
        assert reply.json()["detail"] == "a page of a site that QA_ORIGINS does not list sent this"
        assert assistant.asked == []
        # What only looks is anybody's to link to.
        assert client.get("/articles", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
        assert client.post(path, json={}, headers={"Origin": FRIEND}).status_code == 422
