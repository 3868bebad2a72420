"""What stands before the app: names it is asked by, a proxy's word on a client, and who could reach it at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from web.access.hosts import exposure_warnings, outermost_middleware
from web.errors import OpenToNetwork
from web.http.client import PEER
from web.service_settings import Access, ServiceSettings


def arrived(
    settings: ServiceSettings, *, client: str = "192.0.2.9", **headers: str
) -> tuple[int, dict[str, Any]]:
    """The status, and what the app saw; headers are written with "_" for "-"."""
    seen: dict[str, Any] = {}
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": told}

    async def arrive() -> None:
        await outermost_middleware(app, settings)({**scope, "client": (client, 1)}, receive, send)

    asyncio.run(arrive())
    return sent[0]["status"], seen


FORWARDED = {"host": "localhost", "x_forwarded_for": "203.0.113.5", "x_forwarded_proto": "https"}
LISTED = ServiceSettings(hosts=("intranet.example", "*.archive.example", "2001:db8::1"))


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        *(
            (ServiceSettings(), host, 200)
            for host in ("localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860")
        ),
        *(
            (ServiceSettings(), host, 400)
            for host in ("evil.example", "localhost.evil.example", "127.0.0.2", "::1", "")
        ),
        *(
            (ServiceSettings(), host, 400)
            for host in ("localhost:x", "localhost:123456", "a b", "localhost/", "ü", "[::1")
        ),
        *(
            (LISTED, host, 200)
            for host in ("intranet.example:443", "a.archive.example", "a.b.archive.example")
        ),
        *((LISTED, host, 200) for host in ("localhost", "[2001:db8::1]:7860")),
        *(
            (LISTED, host, 400)
            for host in ("archive.example", "xarchive.example", "intranet.example.evil", "a.example")
        ),
        (ServiceSettings(host="192.0.2.5"), "192.0.2.5:7860", 200),
        (ServiceSettings(host="192.0.2.5"), "192.0.2.6:7860", 400),
        *((ServiceSettings(host=host), "192.0.2.6:7860", 200) for host in ("0.0.0.0", "::")),
        *(
            (ServiceSettings(host="0.0.0.0"), host, 400)
            for host in ("server", "evil.example", "192.0.2.6.evil.example")
        ),
    ],
)
def test_the_service_is_asked_by_its_own_names(settings: ServiceSettings, host: str, status: int) -> None:
    found, seen = arrived(settings, host=host)
    assert found == status
    assert bool(seen) is (status == 200)


def test_a_request_without_a_name_is_none() -> None:
    assert arrived(ServiceSettings())[0] == 400


def test_a_proxy_tells_whose_request_it_hands_on_and_its_own_address_is_kept() -> None:
    for settings in (
        ServiceSettings(root_path="/ask"),
        ServiceSettings(access=Access.PROXY),
        ServiceSettings(proxy_addresses=("127.0.0.1",)),
    ):
        _, seen = arrived(settings, client="127.0.0.1", **FORWARDED)
        assert (seen["client"][0], seen["scheme"], seen[PEER]) == ("203.0.113.5", "https", "127.0.0.1")


def test_without_a_proxy_in_the_settings_no_local_program_chooses_its_address() -> None:
    for settings in (
        ServiceSettings(),
        ServiceSettings(access=Access.PASSWORD),
        ServiceSettings(hosts=("intranet.example",)),
    ):
        _, seen = arrived(settings, client="127.0.0.1", **FORWARDED)
        assert (seen["client"][0], seen["scheme"]) == ("127.0.0.1", "http")


def test_nobody_elses_word_on_a_client_counts() -> None:
    forged = {"host": "localhost", "x_forwarded_for": "127.0.0.1", "x_forwarded_proto": "https"}
    _, seen = arrived(ServiceSettings(), **forged)
    assert (seen["client"][0], seen["scheme"], seen[PEER]) == ("192.0.2.9", "http", "192.0.2.9")
    _, seen = arrived(
        ServiceSettings(proxy_addresses=("192.0.2.0/24",)), **{**forged, "x_forwarded_for": "203.0.113.5"}
    )
    assert (seen["client"][0], seen["scheme"], seen[PEER]) == ("203.0.113.5", "https", "192.0.2.9")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
@pytest.mark.parametrize("access", list(Access))
def test_on_this_machine_alone_nothing_is_to_be_said(host: str, access: Access) -> None:
    assert exposure_warnings(ServiceSettings(host=host, access=access)) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "intranet.example", ""])
def test_open_to_a_network_is_a_decision(host: str) -> None:
    with pytest.raises(
        OpenToNetwork, match="set QA_ACCESS to password or proxy, or let everybody in with --open"
    ):
        exposure_warnings(ServiceSettings(host=host))
    (warning,) = exposure_warnings(ServiceSettings(host=host, open=True))
    assert warning == f"Warning: whoever reaches {host} can read every article (QA_OPEN)."
    assert (
        "passwords and keys cross the network unencrypted"
        in exposure_warnings(ServiceSettings(host=host, access=Access.PASSWORD))[0]
    )
    assert exposure_warnings(ServiceSettings(host=host, access=Access.PROXY)) == []
