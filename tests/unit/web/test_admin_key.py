"""The key of the admin page: how it is read, and how often it may be guessed."""

from __future__ import annotations

import base64

import pytest
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.support.html_text import ADMIN_KEY, basic_credentials
from web.access.authentication import AdminKey, password_in_header
from web.access.rate_limits import MAX_TRIES, GuessLimit


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic dXNlcjprZXk=", "key"),
        ("basic  dXNlcjprZXk=", "key"),
        ("Basic " + base64.b64encode(b"u:a:b").decode(), "a:b"),
        ("Basic " + base64.b64encode(b"no colon").decode(), None),
        ("Basic " + base64.b64encode(b"u:\xff").decode(), None),
        ("Basic !!!", None),
        ("Basic", None),
        ("Bearer dXNlcjprZXk=", None),
        ("", None),
        ("Basic é", None),
    ],
)
def test_a_password_is_read_from_its_header(header: str, expected: str | None) -> None:
    assert password_in_header(header) == expected


class Gate:
    """An AdminKey with a clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 1_000.0
        self._key = AdminKey(ADMIN_KEY, tries=GuessLimit(clock=lambda: self.time))

    def __call__(self, key: str | None, address: str = "192.0.2.1") -> tuple[int, str]:
        """Status and Retry-After."""
        headers = [] if key is None else Headers(basic_credentials(key)).raw
        try:
            self._key.check(Request({"type": "http", "headers": headers, "client": (address, 0)}))
        except HTTPException as error:
            return error.status_code, (error.headers or {}).get("Retry-After", "")
        return 200, ""


def test_after_ten_wrong_keys_no_key_is_compared_for_six_seconds() -> None:
    gate = Gate()
    for _ in range(MAX_TRIES):
        assert gate("wrong") == (401, "")
    assert gate("wrong") == gate(ADMIN_KEY) == gate(None) == (429, "6")
    # A guesser locks nobody else out.
    assert gate(ADMIN_KEY, "192.0.2.2") == (200, "")
    gate.time += 5.5
    assert gate(ADMIN_KEY) == (429, "1")
    gate.time += 0.5
    assert gate(ADMIN_KEY) == (200, "")
    # One try every six seconds: the correct key was given back, a wrong one is not.
    assert gate("wrong") == (401, "")
    assert gate(ADMIN_KEY) == (429, "6")


def test_right_keys_and_no_keys_are_not_counted() -> None:
    gate = Gate()
    for _ in range(3 * MAX_TRIES):
        assert (gate(ADMIN_KEY), gate(None)) == ((200, ""), (401, ""))
