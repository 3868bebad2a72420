"""Token buckets by client network: questions a minute, and wrong secrets."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from web.access.rate_limits import MAX_TRIES, TokenBuckets, client_network
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.http.routes import PAGE_EVENTS
from web.i18n import load_catalogue
from web.service import build_app, own_app
from web.service_settings import ServiceSettings


class Clock:
    time = 1_000.0

    def __call__(self) -> float:
        return self.time


def test_a_bucket_holds_a_minute_and_fills_evenly() -> None:
    clock = Clock()
    buckets = TokenBuckets(3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 20]
    assert buckets.take("b") == 0
    clock.time += 19
    assert buckets.take("a") == buckets.wait("a") == 1
    clock.time += 0.5
    assert buckets.wait("a") == 1
    clock.time += 0.5
    assert [buckets.wait("a"), buckets.take("a"), buckets.take("a")] == [0, 0, 20]
    clock.time += 1_000
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 20]


@pytest.mark.parametrize("limit", [1, 7, 10, 600])
def test_a_minute_in_steps_that_binary_fractions_cannot_hold_is_a_minute(limit: int) -> None:
    clock = Clock()
    buckets = TokenBuckets(limit, clock=clock)
    assert sum(buckets.take("a") == 0 for _ in range(limit + 1)) == limit
    for _ in range(600):
        clock.time += 0.1
        buckets.wait("a")
    assert [buckets.take("a") for _ in range(limit)] == [0] * limit
    assert buckets.take("a") > 0


def test_a_token_is_given_back_and_a_full_bucket_takes_no_more() -> None:
    buckets = TokenBuckets(1, clock=Clock())
    for _ in range(5):
        assert buckets.take("a") == 0
        buckets.give_back("a")
    buckets.give_back("a")
    assert [buckets.take("a"), buckets.take("a")] == [0, 60]


def test_parallel_guesses_are_as_many_tries() -> None:
    """A guess counts from its start: many at once, with no result yet, take a token each."""
    buckets = TokenBuckets(MAX_TRIES, clock=Clock())
    assert [buckets.take("a") for _ in range(MAX_TRIES + 2)] == [0] * MAX_TRIES + [6, 6]


def test_memory_is_bounded_and_the_least_recently_used_bucket_goes_first() -> None:
    buckets = TokenBuckets(1, clients=3, clock=Clock())
    for name in "abc":
        buckets.take(name)
    assert buckets.wait("a") == 60
    buckets.take("d")
    assert [buckets.wait(name) for name in "abcd"] == [60, 0, 60, 60]


def test_addresses_of_one_network_share_a_bucket() -> None:
    buckets = TokenBuckets(1, clock=Clock())
    assert buckets.take("2001:db8:1:2::3") == 0
    assert buckets.take("2001:db8:1:2::4") == 60
    assert buckets.take("2001:db8:1:3::4") == 0


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("127.255.0.9", "127.0.0.0/8"),
        ("::ffff:127.0.0.2", "127.0.0.0/8"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
        ("x" * 5_000, "x" * 100),
    ],
)
def test_what_counts_as_one_address(address: str, counts_as: str) -> None:
    assert client_network(address) == counts_as


def test_who_asks_too_often_is_told_when_to_return_and_may_still_read() -> None:
    site = ServiceContext(
        AnswerService(FakeAssistant(), rate=2),
        ServiceSettings(origins=("https://a.example",)),
        load_catalogue(),
    )
    with TestClient(own_app(site)) as client:
        origin = {"Origin": "https://a.example"}
        replies = [client.post("/api/ask", json={"question": "Why?"}, headers=origin) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        refused = replies[-1]
        assert refused.headers["Retry-After"] == "30"
        assert refused.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert refused.json()["detail"] == "more than 2 questions a minute: try again in 30 seconds"
        assert client.get("/health").status_code == client.get("/articles").status_code == 200
        assert 'pullquote_refusals_total{reason="too often"} 1.0' in site.metrics.text().decode()


def ask_by_api(client: TestClient) -> str:
    return client.post("/api/ask", json={"question": "Why?"}).text


def ask_by_reader(client: TestClient) -> str:
    return client.get("/articles/harbour?q=Why").text


def ask_by_page(client: TestClient) -> str:
    return client.post(PAGE_EVENTS, json={"data": ['{"q": "Why?"}'], "fn_index": 0}).text


def ask_by_tool(client: TestClient) -> str:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call |= {"params": {"name": "ask", "arguments": {"question": "Why?"}}}
    headers = {"Accept": "application/json, text/event-stream"}
    return client.post("/mcp", json=call, headers=headers).text


WAYS = (ask_by_api, ask_by_reader, ask_by_page, ask_by_tool)
"""All callers of `AnswerService.ask`."""


def test_every_way_to_ask_counts_and_what_asks_nothing_does_not() -> None:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    app = build_app(assistant := FakeAssistant(), ServiceSettings(rate=len(WAYS), cache=0, mcp=True))
    with TestClient(app, base_url="http://localhost") as client:
        assistant.asked.clear()
        for _ in range(2 * len(WAYS)):
            assert client.get("/articles/harbour").status_code == 200
            assert client.post(PAGE_EVENTS, json={"data": ["{}"], "fn_index": 1}).status_code == 200
        for number, ask in enumerate(WAYS, start=1):
            ask(client)
            assert len(assistant.asked) == number
        refused = [ask(client) for ask in WAYS]
        assert len(assistant.asked) == len(WAYS)
    assert "more than 4 questions a minute" in refused[0]
    assert "Dredging cost more." in refused[1]  # the article itself is shown
    assert "You have asked too many questions: try again in 15 seconds." in refused[2]
    assert "more than 4 questions a minute" in refused[3]


def test_without_the_setting_nobody_is_held_up() -> None:
    with TestClient(
        own_app(ServiceContext(AnswerService(FakeAssistant()), ServiceSettings(), load_catalogue()))
    ) as client:
        statuses = {client.post("/api/ask", json={"question": "Why?"}).status_code for _ in range(20)}
    assert statuses == {200}
