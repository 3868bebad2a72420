"""How often a secret may be guessed, by a clock that is set by hand."""

from __future__ import annotations

import pytest

from web.throttle import Throttle, network


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
    assert network(address) == counts_as
