"""Slow clients of the running service: heads and bodies that do not come, or come by the byte."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.support.running_service import PATIENCE, connected, read_all, running_service
from web.access.middleware import AccessMiddleware
from web.http.slow_clients import Connection

HEAD = b"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class Hurried(Connection):
    """The protocol with little patience."""

    seconds = 0.3


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running_service(Hurried) as service:
        yield service.port


def drip(caller: socket.socket, parts: Iterable[bytes]) -> bool:
    """Send part by part; whether the connection was closed on the way."""
    try:
        for part in parts:
            caller.sendall(part)
            time.sleep(0.02)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X-Long: "])
def test_a_head_that_does_not_come_is_not_waited_for(port: int, sent: bytes) -> None:
    with connected(port) as caller:
        caller.sendall(sent)
        assert read_all(caller) == b""


def test_a_head_that_comes_by_the_byte_is_not_waited_for(port: int) -> None:
    with connected(port) as caller:
        assert drip(caller, (b"x" for _ in range(1_000)))
        assert read_all(caller) == b""


def test_the_second_head_of_a_connection_is_not_waited_for_either(port: int) -> None:
    with connected(port) as caller:
        caller.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        received = read_all(caller)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.count(b"HTTP/1.1") == 1


def test_a_refused_body_without_an_end_is_not_waited_for(port: int) -> None:
    with connected(port) as caller:
        caller.sendall(
            b"POST /config HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        )
        assert caller.recv(65_536).startswith(b"HTTP/1.1 404 Not Found\r\n")
        assert drip(caller, (b"1\r\na\r\n" for _ in range(1_000)))


def test_who_is_quick_is_answered_as_often_as_they_ask() -> None:
    """For longer in all than one head may take, with pauses far below that."""

    class Patient(Connection):
        seconds = 3.0

    with (
        running_service(Patient) as service,
        closing(HTTPConnection("localhost", service.port, timeout=PATIENCE)) as caller,
    ):
        caller.connect()
        first = caller.sock
        for _ in range(5):
            caller.request("POST", "/api/ask", b'{"question": "Why"}', {"Content-Type": "application/json"})
            reply = caller.getresponse()
            assert (reply.status, reply.read()[:1]) == (200, b"{")
            time.sleep(0.75)
        assert caller.sock is first


def answered(caller: socket.socket) -> bool:
    caller.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received = b""
    while not received.endswith(b"}"):
        received += caller.recv(65_536)
    return received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_who_only_connects_makes_room_for_who_asks() -> None:
    class Small(Connection):
        most = 3

    with running_service(Small) as service, ExitStack() as opened:
        port = service.port
        silent, busy, other = (opened.enter_context(connected(port)) for _ in range(3))
        assert answered(busy)
        late = opened.enter_context(connected(port))
        assert answered(late)
        assert read_all(silent) == b""  # asked nothing for longest
        later = opened.enter_context(connected(port))
        assert answered(later)
        assert read_all(other) == b""
        last = opened.enter_context(connected(port))
        assert answered(last)
        assert read_all(busy) == b""  # nobody was left who had asked nothing
        assert answered(late)
        assert answered(later)


def test_without_the_limit_such_a_connection_stays() -> None:
    """The protocol as uvicorn brings it: what the tests above see closed is held."""
    with running_service(H11Protocol) as service, connected(service.port, patience=1) as caller:
        caller.sendall(HEAD)
        with pytest.raises(TimeoutError):
            read_all(caller)


def bodies(*parts: bytes, ends: str, seconds: float = 0.2) -> tuple[list[int], int]:
    """Statuses of replies, and how often the app behind the middleware was asked."""
    calls = 0
    sent: list[Message] = []
    coming: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal calls
        calls += 1

    async def receive() -> Message:
        if coming:
            return coming.pop(0)
        if ends == "never":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"} if ends == "gone" else {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        scope = {"type": "http", "path": "/api/ask", "method": "POST", "headers": []}
        await AccessMiddleware(app, seconds=seconds)(scope, receive, send)

    asyncio.run(call())
    return [message["status"] for message in sent if "status" in message], calls


def test_a_body_that_does_not_end_is_told_and_not_handed_on() -> None:
    assert bodies(b"{", ends="never") == ([408], 0)
    assert bodies(b"{", ends="well") == ([], 1)


def test_a_body_whose_sender_has_gone_is_not_handed_on_in_part() -> None:
    assert bodies(b'{"question": "Why?"}', ends="gone") == ([], 0)
