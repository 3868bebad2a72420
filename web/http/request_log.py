"""Every request, seen from outside: which route took it, what came of it, how long it took.

What a person asked is in none of it. A route is told by its pattern, and nothing is read of the address, the
headers or the body.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPMethod

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http.routes import PAGE, local_path

OTHER_ROUTE = "other"
"""What no route took, or no method of HTTP's."""
NO_REPLY_STATUS = 500
"""What the server answers for an app that did not."""
_ID_BYTES = 8
_METHODS = frozenset(HTTPMethod)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request that is over. `sent` are bytes of the reply's body, `noted` is what `note` said of it."""

    id: str
    route: str
    method: str
    status: int
    seconds: float
    sent: int
    annotations: Mapping[str, str]


Observer = Callable[[RequestRecord], None]
"""Told of each request when it is over; must return at once and raise nothing."""


class RequestLog:
    """ASGI middleware that tells observers of every request, and each reply its `X-Request-ID`."""

    def __init__(self, app: ASGIApp, observers: Iterable[Observer] = ()) -> None:
        self._app = app
        self._observers = tuple(observers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and tell of it when it is over, however it ends."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        identifier, started = secrets.token_hex(_ID_BYTES), time.perf_counter()
        reply = _Reply(send, identifier)
        with request_context(identifier) as noted:
            try:
                await self._app(scope, receive, reply)
            finally:
                seen = RequestRecord(
                    id=identifier,
                    route=route_of(scope),
                    method=scope["method"] if scope["method"] in _METHODS else OTHER_ROUTE,
                    status=reply.status,
                    seconds=time.perf_counter() - started,
                    sent=reply.sent,
                    annotations=noted.annotations,
                )
                for observe in self._observers:
                    observe(seen)


def route_of(scope: Scope) -> str:
    """The pattern of the route that took a request, such as "/articles/{identifier}"."""
    pattern: str = getattr(scope.get("route"), "path", "")
    # The page's request is a copy on its way in, and the route is told to the copy.
    return pattern or (PAGE if local_path(scope) == PAGE else OTHER_ROUTE)


class _Reply:
    """Hands a reply on and keeps its status and its length."""

    def __init__(self, send: Send, identifier: str) -> None:
        self._send = send
        self._identifier = identifier
        self.status = NO_REPLY_STATUS
        self.sent = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self._identifier
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
        await self._send(message)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request's id and the facts noted of it."""

    id: str = ""
    annotations: dict[str, str] = field(default_factory=dict)


_noted: ContextVar[RequestContext | None] = ContextVar("noted", default=None)


@contextmanager
def request_context(identifier: str) -> Iterator[RequestContext]:
    """Inside the block, and in whatever runs in a copy of its context, `note` adds to what is given."""
    noted = RequestContext(identifier)
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


def annotate(**facts: str) -> None:
    """Note something of the request under way; nothing happens outside of one."""
    noted = _noted.get()
    if noted:
        noted.annotations.update(facts)


def request_id() -> str:
    """The id of the request under way, "" outside of one."""
    noted = _noted.get()
    return noted.id if noted else ""
