"""Request-logging middleware: request id, route pattern, status, duration, bytes.

Nothing a person typed is recorded: of the address only the route's pattern, of headers and body nothing.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPMethod
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from web.http.client import CURRENT_CLIENT, client_of
from web.http.json_log import log_event
from web.http.routes import PAGE, local_path

OTHER_ROUTE = "other"
"""The label of a request that matched no route, and of a method that HTTP does not have."""
NO_REPLY_STATUS = 500
"""What the server answers for an app that did not."""
_ID_BYTES = 8
_METHODS = frozenset(HTTPMethod)
_annotations: ContextVar[dict[str, str]] = ContextVar("annotations")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A finished request. `sent` counts bytes of the response body."""

    id: str
    route: str
    method: str
    status: int
    seconds: float
    sent: int
    annotations: Mapping[str, str]


Observer = Callable[[RequestRecord], None]
"""Called with each finished request; must return at once and raise nothing."""


class RequestLog:
    """ASGI middleware that reports every request to observers, and sets `X-Request-ID` on each response."""

    def __init__(self, app: ASGIApp, observers: Iterable[Observer] = ()) -> None:
        self._app = app
        self._observers = tuple(observers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and report it when it ends, with a response or without."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        identifier, started = secrets.token_hex(_ID_BYTES), time.perf_counter()
        status, sent = NO_REPLY_STATUS, 0

        async def count(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = identifier
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        annotations: dict[str, str] = {}
        token, client = _annotations.set(annotations), CURRENT_CLIENT.set(client_of(scope))
        try:
            with bound_contextvars(request=identifier):
                await self._app(scope, receive, count)
        finally:
            _annotations.reset(token)
            CURRENT_CLIENT.reset(client)
            record = RequestRecord(
                id=identifier,
                route=route_of(scope),
                method=scope["method"] if scope["method"] in _METHODS else OTHER_ROUTE,
                status=status,
                seconds=time.perf_counter() - started,
                sent=sent,
                annotations=annotations,
            )
            for observe in self._observers:
                observe(record)


def route_of(scope: Scope) -> str:
    """The pattern of the route that handled a request, such as "/articles/{identifier}"."""
    pattern: str = getattr(scope.get("route"), "path", "")
    # The page's request is copied on its way in, and only the copy's scope names the route.
    return pattern or (PAGE if local_path(scope) == PAGE else OTHER_ROUTE)


def annotate(**fields: str) -> None:
    """Add to the record of the current request, also from its worker threads; no effect outside a request."""
    _annotations.get({}).update(fields)


def log_request(record: RequestRecord) -> None:
    """An observer that logs one line per request."""
    log_event(
        logging.ERROR if record.status == NO_REPLY_STATUS else logging.INFO,
        "request",
        request=record.id,
        route=record.route,
        method=record.method,
        status=record.status,
        ms=round(record.seconds * 1000, 1),
        bytes=record.sent,
        **dict[str, Any](record.annotations),
    )
