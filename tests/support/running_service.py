"""The service on a port of 127.0.0.1, in a thread of this process, and raw connections to it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from app import server_config
from tests.support.fake_assistant import FakeAssistant
from web.answering.answer_service import AnswerService
from web.context import ServiceContext
from web.http.slow_clients import Connection
from web.i18n import load_catalogue
from web.service import own_app
from web.service_settings import ServiceSettings

PATIENCE = 20.0
"""Seconds that a test waits for an event before it fails."""


@dataclass(frozen=True)
class RunningService:
    """A running server, and what it holds for its clients."""

    port: int
    server: uvicorn.Server

    @property
    def connections(self) -> list[Connection]:
        """Connections the server has not dropped."""
        return [item for item in list(self.server.server_state.connections) if isinstance(item, Connection)]

    @property
    def buffered(self) -> int:
        """Bytes of responses that no client has read and the kernel has not taken."""
        return sum(item.transport.get_write_buffer_size() for item in self.connections)

    @property
    def requests(self) -> int:
        """Requests that the app is still working on, or whose response it cannot pass on."""
        return len(self.server.server_state.tasks)


@contextmanager
def running_service(
    protocol: type[asyncio.Protocol] | None = None, app: ASGIApp | None = None
) -> Iterator[RunningService]:
    """The service run as its door runs it, or with another protocol or app."""
    app = app or own_app(ServiceContext(AnswerService(FakeAssistant()), ServiceSettings(), load_catalogue()))
    config = server_config(app, ServiceSettings())
    if protocol:
        config.http = protocol
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_until(lambda: server.started or not thread.is_alive())
        try:
            yield RunningService(listener.getsockname()[1], server)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def connected(port: int, patience: float = PATIENCE, *, receive: int = 0) -> Iterator[socket.socket]:
    """A client's connection, with a kernel buffer of `receive` bytes if that is not 0."""
    with socket.socket() as client:
        client.settimeout(patience)
        if receive:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        client.connect(("127.0.0.1", port))
        yield client


def read_all(client: socket.socket) -> bytes:
    """What comes until the connection is closed. Raises TimeoutError when it is not."""
    received = bytearray()
    while True:
        try:
            part = client.recv(65_536)
        except ConnectionResetError:
            return bytes(received)
        if not part:
            return bytes(received)
        received += part


def wait_until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Return as soon as a condition holds. Raises TimeoutError."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)
