"""Clients of the running service that do not read their responses, or read them by the byte."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection

import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.support.running_service import (
    PATIENCE,
    RunningService,
    connected,
    read_all,
    running_service,
    wait_until,
)
from web.http.routes import RULES, Rule
from web.http.slow_clients import Connection

LARGE = 4 * 1024 * 1024
LARGE_BODY = bytes(LARGE)
FEW = 4_096  # bytes of a client's own buffer
ASK_LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
WIDGET = b"GET /widget.js HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Hurried(Connection):
    """The protocol with little patience."""

    seconds = 0.5


async def large_app(scope: Scope, receive: Receive, send: Send) -> None:
    """`/large` in one piece, `/stream` in many, "ok" elsewhere."""
    if scope["type"] != "http":
        return
    response: Response = PlainTextResponse("ok")
    if scope["path"] == "/large":
        response = Response(LARGE_BODY)
    elif scope["path"] == "/stream":
        response = StreamingResponse(LARGE_BODY[:65_536] for _ in range(LARGE // 65_536))
    await response(scope, receive, send)


def fetch(service: RunningService, path: str) -> tuple[int, int]:
    """Status and length of an honest client's response."""
    with closing(HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)) as client:
        client.request("GET", path, headers={"Host": "localhost"})
        reply = client.getresponse()
        return reply.status, len(reply.read())


def read_some(client: socket.socket, size: int) -> None:
    while size > 0:
        part = client.recv(min(size, 65_536))
        assert part
        size -= len(part)


@pytest.fixture
def hurried() -> Iterator[RunningService]:
    with running_service(Hurried, large_app) as service:
        yield service


@pytest.mark.parametrize("path", [b"/large", b"/stream"])
@pytest.mark.parametrize("headers", [b"", b"Connection: close\r\n"])
def test_responses_that_nobody_reads_are_dropped(
    hurried: RunningService, path: bytes, headers: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(12):
            client = stack.enter_context(connected(hurried.port, receive=FEW))
            client.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (path, headers))
        wait_until(lambda: len(hurried.connections) == 12)
        wait_until(lambda: not hurried.connections and not hurried.requests)
        assert hurried.buffered == 0


def test_by_uvicorn_alone_they_are_held() -> None:
    """The control: the same clients, and twice the time."""
    with running_service(H11Protocol, large_app) as service, connected(service.port, receive=FEW) as client:
        client.sendall(ASK_LARGE)
        time.sleep(2 * Hurried.seconds)
        assert service.server.server_state.connections


def test_pipelined_requests_that_nobody_reads_run_one_at_a_time() -> None:
    """Unread responses do not pile up, and neither do requests."""
    with running_service(Hurried, large_app) as service, connected(service.port, receive=FEW) as client:
        client.sendall(ASK_LARGE * 600)
        most_buffered = most_running = 0
        wait_until(lambda: bool(service.buffered))
        while service.connections:
            most_buffered = max(most_buffered, service.buffered)
            most_running = max(most_running, service.requests)
            time.sleep(0.005)
        assert most_buffered <= LARGE
        assert (most_running, service.server.server_state.total_requests) == (0, 0)


def test_600_pipelined_requests_of_a_client_that_reads_are_all_answered() -> None:
    with running_service(Hurried) as service, connected(service.port) as client:
        client.sendall(WIDGET * 599 + WIDGET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(client).count(b"HTTP/1.1 200 OK\r\n") == 600


def test_requests_are_not_taken_in_without_end(hurried: RunningService) -> None:
    with connected(hurried.port, receive=FEW) as client:
        client.settimeout(PATIENCE)
        sent = 0
        with suppress(ConnectionError):
            while sent < 64 * 1024 * 1024:
                sent += client.send(ASK_LARGE * 1_000)
        wait_until(lambda: not hurried.connections)
        assert sent < 16 * 1024 * 1024


def trickle(client: socket.socket, stop: threading.Event) -> None:
    """Read one byte at a time, slowly."""
    with suppress(ConnectionError):
        while not stop.wait(Hurried.seconds / 10):
            client.recv(1)


def test_a_client_that_reads_by_the_byte_is_cut_off(hurried: RunningService) -> None:
    stop = threading.Event()
    with connected(hurried.port, receive=FEW) as client:
        client.sendall(ASK_LARGE)
        reader = threading.Thread(target=trickle, args=(client, stop))
        reader.start()
        try:
            wait_until(lambda: bool(hurried.buffered))
            wait_until(lambda: not hurried.connections)
        finally:
            stop.set()
            reader.join()


def test_a_client_that_reads_steadily_gets_all_of_it() -> None:
    """For longer in all than one that reads nothing is waited for."""

    class Steady(Connection):
        seconds = 1.0

    with running_service(Steady, large_app) as service, connected(service.port, receive=65_536) as client:
        started = time.monotonic()
        client.sendall(ASK_LARGE)
        for _ in range(LARGE // 65_536):
            read_some(client, 65_536)
            time.sleep(0.04)
        assert time.monotonic() - started > 2 * Steady.seconds


def test_the_slowest_make_room() -> None:
    """Connections that do not read go first, and one that has read more goes after them."""

    class Small(Connection):
        most = 4

    with running_service(Small, large_app) as service, ExitStack() as stack:
        reading, *unread = (stack.enter_context(connected(service.port, receive=65_536)) for _ in range(4))
        for client in (reading, *unread):
            client.sendall(ASK_LARGE)
        wait_until(lambda: sum(c.flow.write_paused for c in service.connections) == 4)
        read_some(reading, LARGE // 2)
        for _ in unread:
            late = stack.enter_context(connected(service.port))
            late.sendall(b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_some(late, len(b"HTTP/1.1 200 OK"))
        assert all(len(read_all(client)) < LARGE for client in unread)
        read_some(reading, LARGE // 2)


def test_unread_bytes_of_all_connections_are_bounded() -> None:
    class Bounded(Connection):
        most_unread = 4 * LARGE

    with running_service(Bounded, large_app) as service, ExitStack() as stack:
        most = 0
        for _ in range(24):
            client = stack.enter_context(connected(service.port, receive=FEW))
            client.sendall(ASK_LARGE)
            assert fetch(service, "/small") == (200, 2)
            most = max(most, service.buffered)
        assert LARGE < most <= 4 * LARGE


def test_honest_clients_are_answered_among_ones_that_do_not_read() -> None:
    """More of the latter than there is room for, and nobody is closed by the clock."""

    class Full(Connection):
        most = 30

    with running_service(Full, large_app) as service, ExitStack() as stack:
        answered = []
        for number in range(60):
            client = stack.enter_context(connected(service.port, receive=FEW))
            client.sendall(ASK_LARGE * 3)
            if number % 2:
                answered.append(fetch(service, "/large" if number % 4 == 1 else "/small"))
        assert answered == [(200, LARGE), (200, 2)] * 15


async def never_read(port: int, request: bytes) -> None:
    """Send a request again and again, read nothing; returns when the server has cut the connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    try:
        while True:
            writer.write(request)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.transport.abort()


async def send_slowly(port: int, request: bytes) -> None:
    """Send a request by the byte; returns when the server has cut the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for byte in request * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(Hurried.seconds / 10)
            if reader.at_eof():
                return
        raise TimeoutError
    except ConnectionError:
        return
    finally:
        writer.transport.abort()


def request_of(rule: Rule, method: str) -> bytes:
    path = rule.path.replace("{identifier}", "harbour").replace("{language}", "en")
    path = path.replace("{path:path}", "embed.css").replace("{suffix}", "csv").replace("{name}", "days")
    body = b'{"question": "Why?"}' if method == "POST" else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


REQUESTS = [request_of(rule, method) for rule in RULES for method in sorted(rule.methods)]


@pytest.mark.parametrize("client", [never_read, send_slowly])
def test_no_route_waits_for_a_client_that_does_not_go_on(client: type) -> None:
    async def all_routes(port: int) -> int:
        async with asyncio.timeout(4 * PATIENCE):
            return len(await asyncio.gather(*(client(port, request) for request in REQUESTS)))

    with running_service(Hurried) as service:
        assert asyncio.run(all_routes(service.port)) == len(REQUESTS) > 25
        wait_until(lambda: not service.connections and not service.requests)
        assert fetch(service, "/health")[0] == 200
