"""So many questions a minute from one address."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.support.fake_assistant import FakeAssistant
from web.access.rate_limits import MOST_ADDRESSES, RateLimit, Throttle, client_network
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.i18n import load_catalogue
from web.service import own_app
from web.settings import Settings


async def nothing(*_: object) -> None:
    return None


def test_a_bucket_holds_a_minute_and_fills_evenly() -> None:
    now = [0.0]
    limit = RateLimit(nothing, 3, clock=lambda: now[0])
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 20]
    assert limit.wait("b") == 0
    now[0] = 19.0
    assert limit.wait("a") == 1
    now[0] = 20.0
    assert [limit.wait("a") for _ in range(2)] == [0, 20]
    now[0] = 1_000.0
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 20]


def test_addresses_kept_are_bounded_and_the_longest_quiet_goes_first() -> None:
    limit = RateLimit(nothing, 1, clock=lambda: 0.0)
    assert limit.wait("first") == 0
    for number in range(MOST_ADDRESSES - 1):
        limit.wait(str(number))
    assert limit.wait("first") == 60
    limit.wait("one more")
    assert (limit.wait("first"), limit.wait("0")) == (60, 0)
    assert len(limit._buckets) == MOST_ADDRESSES


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "20010db800010002"),
        ("2001:db8:1:2::", "20010db800010002"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_who_counts_as_one(client: str, counted: str) -> None:
    assert client_network(client) == counted


def test_who_asks_too_often_is_told_when_to_return_and_may_still_read() -> None:
    site = ServiceContext(
        AnswerService(FakeAssistant()), Settings(rate=2, origins=("https://a.example",)), load_catalogue()
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


def test_without_the_setting_nobody_is_held_up() -> None:
    with TestClient(
        own_app(ServiceContext(AnswerService(FakeAssistant()), Settings(), load_catalogue()))
    ) as client:
        statuses = {client.post("/api/ask", json={"question": "Why?"}).status_code for _ in range(20)}
    assert statuses == {200}


class Clock:
    time = 1_000.0

    def __call__(self) -> float:
        return self.time


def test_tries_of_one_address_are_bounded_and_grow_old() -> None:
    clock = Clock()
    throttle = Throttle(most=2, within=60, clock=clock)
    assert [throttle.begin("192.0.2.1") for _ in range(2)] == [0, 0]
    clock.time += 10
    assert throttle.begin("192.0.2.1") == throttle.wait("192.0.2.1") == 50
    assert throttle.begin("192.0.2.2") == 0
    clock.time += 49.5
    assert throttle.wait("192.0.2.1") == 1
    clock.time += 0.5
    assert [throttle.begin("192.0.2.1") for _ in range(3)] == [0, 0, 60]


def test_a_try_that_was_right_is_taken_back() -> None:
    throttle = Throttle(most=1, clock=Clock())
    for _ in range(5):
        assert throttle.begin("a") == 0
        throttle.forgive("a")
    throttle.forgive("a")
    assert throttle.begin("a") == 0
    assert throttle.begin("a") == 60


def test_tries_count_from_their_beginning() -> None:
    """Many at once, none of them judged yet, are as many tries."""
    throttle = Throttle(most=3, clock=Clock())
    assert [throttle.begin("a") for _ in range(5)] == [0, 0, 0, 60, 60]


def test_memory_is_bounded_and_the_longest_silent_is_forgotten() -> None:
    throttle = Throttle(most=1, addresses=3, clock=Clock())
    for name in "abc":
        throttle.begin(name)
    throttle.begin("d")
    assert len(throttle._tries) == 3
    assert [throttle.wait(name) for name in "abcd"] == [0, 60, 60, 60]


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
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
