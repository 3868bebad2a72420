"""`/health`: live, ready, degraded and why, for strangers."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from web.answering.answer_service import AnswerService
from web.answering.health import Reason, redact_paths
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings


def client(*reasons: Reason) -> TestClient:
    return TestClient(
        own_app(
            ServiceContext(
                AnswerService(FakeAssistant()), ServiceSettings(), load_catalogue(), reasons=reasons
            )
        )
    )


def test_what_is_amiss_degrades_and_is_told_while_it_lasts() -> None:
    amiss = ["gen-8-0a refused: vectors.npy is damaged"]
    service = client(lambda: "", lambda: amiss[0])
    reply = service.get("/health")
    assert reply.status_code == 200
    state = reply.json()
    assert (state["status"], state["live"], state["ready"], state["degraded"]) == (
        "degraded",
        True,
        True,
        True,
    )
    assert state["reasons"] == amiss
    assert state["generation"] == "gen-7-00ff"
    amiss[0] = ""
    state = service.get("/health").json()
    assert (state["status"], state["degraded"], state["reasons"]) == ("ready", False, [])


def test_what_is_wrong_at_the_desk_is_a_reason_too() -> None:
    desk = AnswerService(FakeAssistant())
    service = TestClient(own_app(ServiceContext(desk, ServiceSettings(), load_catalogue())))
    desk.fault = "gen-8-0a/vectors.npy is damaged"
    assert service.get("/health").json()["reasons"] == ["… is damaged"]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("nothing is wrong", "nothing is wrong"),
        (
            "/srv/index/gen-3: vectors.npy is damaged; run `qa index`",
            "…: vectors.npy is damaged; run `qa index`",
        ),
        ("[Errno 2] No such file: '/srv/my index/CURRENT'", "[Errno 2] No such file: '…'"),
        (r"C:\index\CURRENT, and data/x.", "…, and …."),
        ("two\nlines  of it", "two lines of it"),
        ("/", "…"),
        ("", ""),
    ],
)
def test_no_path_is_told_to_strangers(reason: str, told: str) -> None:
    assert redact_paths(reason) == told
    assert client(lambda: reason).get("/health").json()["reasons"] == ([told] if told else [])


def test_the_check_would_see_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.answering.health.redact_paths", str)
    assert client(lambda: "/srv/x is gone").get("/health").json()["reasons"] == ["/srv/x is gone"]
