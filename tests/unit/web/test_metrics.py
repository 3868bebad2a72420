"""`/metrics`: what it counts, in which form, and who may see it."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant, abstained
from web.answering.answer_service import AnswerService
from web.answering.metrics import Metrics
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import build_app, own_app
from web.service_settings import Scraping, ServiceSettings

KEY = "key to the figures"
CANARY = "zzyzxcanary"


def site(answer: Any = None, *, metrics: Scraping = Scraping.KEY, key: str = KEY) -> ServiceContext:
    assistant = FakeAssistant(answer) if answer else FakeAssistant()
    desk = AnswerService(assistant, running=1, waiting=1, remembered=5)
    reasons = (lambda: "amiss", lambda: "")
    return ServiceContext(
        desk, ServiceSettings(admin_key=key, metrics=metrics), load_catalogue(), reasons=reasons
    )


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"any:{key}".encode()).decode()}


def samples(text: str) -> dict[tuple[str, str], float]:
    """By name and by the values of the labels, which the format's own parser reads."""
    return {
        (sample.name, ",".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_answers_and_refusals_are_counted() -> None:
    with TestClient(own_app(site(abstained()))) as client:
        for question in ("Who won?", "Who won?", "?!"):
            client.post("/api/ask", json={"question": question})
        client.post("/api/ask", json={"q": 1})
        client.post("/api/ask", content=b"a" * 70_000)
        client.get("/nowhere")
        reply = client.get("/metrics", headers=basic(KEY))
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    metrics = samples(reply.text)
    assert {place: n for (name, place), n in metrics.items() if name == "pullquote_requests_total"} == {
        "/api/ask,200": 2,
        "/api/ask,422": 2,
        "other,413": 1,
        "other,404": 1,
    }
    assert {place: n for (name, place), n in metrics.items() if name == "pullquote_refusals_total"} == {
        "busy": 0,
        "not a question": 2,
        "too large": 1,
        "too often": 0,
    }
    assert metrics["pullquote_answers_total", "none"] == 2
    assert metrics["pullquote_answers_total", "answered"] == 0
    assert metrics["pullquote_answers_total", "unsure"] == 0
    assert metrics["pullquote_remembered_answers_total", ""] == 1
    assert metrics["pullquote_request_seconds_count", "/api/ask"] == 4
    assert metrics["pullquote_request_seconds_bucket", "+Inf,/api/ask"] == 4
    assert metrics["pullquote_index_info", "gen-7-00ff"] == 1
    assert metrics["pullquote_questions_limit", ""] == 2
    assert metrics["pullquote_degraded", ""] == 1
    assert metrics["process_resident_memory_bytes", ""] > 1_000_000


def test_the_queue_is_told_as_it_is() -> None:
    here = site()
    assistant = here.answers.assistant
    assert isinstance(assistant, FakeAssistant)
    assistant.gate.clear()
    with TestClient(own_app(here)) as client:

        def ask() -> None:
            statuses.append(client.post("/api/ask", json={"question": "Why?"}).status_code)

        statuses: list[int] = []
        askers = [threading.Thread(target=ask) for _ in range(2)]
        for asker in askers:
            asker.start()
        while here.answers.running + here.answers.waiting < 2:
            pass
        refused = client.post("/api/ask", json={"question": "Why?"})
        metrics = samples(client.get("/metrics", headers=basic(KEY)).text)
        assistant.gate.set()
        for asker in askers:
            asker.join()
        after = samples(client.get("/metrics", headers=basic(KEY)).text)
    assert (refused.status_code, statuses) == (503, [200, 200])
    figures = [("pullquote_questions_running", ""), ("pullquote_questions_waiting", "")]
    assert [metrics[figure] for figure in figures] == [1, 1]
    assert [after[figure] for figure in figures] == [0, 0]
    assert after["pullquote_refusals_total", "busy"] == 1


def test_what_the_page_refuses_in_words_is_counted_too() -> None:
    with TestClient(build_app(FakeAssistant(), ServiceSettings(admin_key=KEY))) as client:
        sent = {"data": ['{"q": "?!"}'], "fn_index": 0, "session_hash": "s"}
        assert client.post("/gradio_api/run/predict", json=sent).status_code == 200
        metrics = samples(client.get("/metrics", headers=basic(KEY)).text)
    assert metrics["pullquote_refusals_total", "not a question"] == 1
    assert metrics["pullquote_requests_total", "/gradio_api/run/{api_name},200"] == 1


def test_strangers_make_no_new_series_and_nothing_they_type_is_told() -> None:
    here = site()
    with TestClient(own_app(here)) as client:
        before = len(samples(here.metrics.text().decode()))
        for number in range(50):
            client.request(f"{CANARY}{number}".upper(), f"/{CANARY}{number}?q={CANARY}")
            client.get(f"/articles/{CANARY}{number}")
        text = here.metrics.text().decode()
    assert CANARY not in text.casefold()
    # Two routes, with one status each, and a histogram of fourteen samples with two times of making each.
    assert len(samples(text)) - before < 50


def test_two_services_in_a_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    assert one.text() != b""
    with TestClient(own_app(site())) as client:
        client.get("/health")
    assert b"/health" not in one.text() + other.text()


def ask_for(client: TestClient, headers: dict[str, str] | None = None) -> int:
    return client.get("/metrics", headers=headers).status_code


@pytest.mark.parametrize("client", [("127.0.0.1", 5), ("192.0.2.7", 5)])
def test_by_default_the_key_opens_and_nothing_else(client: tuple[str, int]) -> None:
    asked = TestClient(own_app(site()), base_url="http://localhost", client=client)
    assert [ask_for(asked), ask_for(asked, basic("wrong")), ask_for(asked, basic(KEY))] == [401, 401, 200]
    closed = TestClient(own_app(site(key="")), base_url="http://localhost", client=client)
    assert [ask_for(closed), ask_for(closed, basic(""))] == [404, 404]


def test_off_is_off_with_the_key_too() -> None:
    assert ask_for(TestClient(own_app(site(metrics=Scraping.OFF))), basic(KEY)) == 404


LOCAL_CALLERS = [
    ("127.0.0.1", "localhost:7860", {}, 200),
    ("127.0.0.1", "127.0.0.1", {}, 200),
    ("::1", "[::1]:7860", {}, 200),
    ("192.0.2.7", "localhost", {}, 401),
    ("", "localhost", {}, 401),
    ("127.0.0.1", "evil.example", {}, 401),
    ("127.0.0.1", "[::1", {}, 401),
    *(
        ("127.0.0.1", "localhost", {header: "127.0.0.1"}, 401)
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host")
    ),
]


@pytest.mark.parametrize(("address", "host", "headers", "status"), LOCAL_CALLERS)
def test_local_programs_need_no_key_where_that_is_set(
    address: str, host: str, headers: dict[str, str], status: int
) -> None:
    app = own_app(site(metrics=Scraping.LOCAL))
    client = TestClient(app, client=(address, 5))
    assert ask_for(client, {"Host": host, **headers}) == status
    assert ask_for(client, {"Host": host, **headers, **basic(KEY)}) == 200


def test_the_setting_is_one_of_three() -> None:
    assert ServiceSettings.from_environment({}).metrics is Scraping.KEY
    assert (
        ServiceSettings.from_environment({"QA_METRICS": "local", "QA_RATE": "30"}).metrics is Scraping.LOCAL
    )
    with pytest.raises(Exception, match=r"^QA_METRICS is 'on'; give one of: key, local, off$"):
        ServiceSettings.from_environment({"QA_METRICS": "on"})
