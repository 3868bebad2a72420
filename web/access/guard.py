"""What reaches the app at all: listed routes, callers who are let in, bodies of a bounded size, plain text
for the page.

Gradio brings some seventy routes and limits none of them: `/gradio_api/upload` takes files of any size from
anybody; `/gradio_api/file=https://…`, or a file reference among an event's inputs, makes the server fetch it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.access.gate import Gate, OpenGate
from web.http.problems import problem_response
from web.http.routes import LOGIN, LOGOUT, PAGE_EVENTS, Rule, local_path, rule_of

BODY_LIMIT = 64 * 1024  # bytes; the longest question has 2,000 characters
BODY_SECONDS = 10.0  # a body within the limit takes so long over a line of 50 kbit/s


class Guard:
    """ASGI middleware that answers 404 to a path not listed, 405 to a method not listed, 401 and its like
    to who is not let in, 403 to another site's page, 413 to a body that is too large, 408 to one that does
    not come, and 422 to an event of the page that carries anything but text.

    The body is read before the app runs, so a length that is missing or a lie makes no difference.
    """

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate | None = None,
        *,
        origins: Iterable[str] = (),
        limit: int = BODY_LIMIT,
        seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._gate = gate or OpenGate()
        self._origins = frozenset(origins)
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        path = local_path(scope)
        refused = await self._rejection(scope, path)
        if refused:
            return await _respond(refused, scope, receive, send)
        body = await self._body(receive)
        if isinstance(body, Response):
            return await _respond(body, scope, receive, send)
        if body is None:
            return
        if path == PAGE_EVENTS and not _is_text_only(body):
            return await _respond(problem_response(422, "the page sends text only"), scope, receive, send)
        await self._app(scope, _replay(body, receive), send)

    async def _rejection(self, scope: Scope, path: str) -> Response | None:
        """Why a request is not let in, told by all but its body."""
        rule = rule_of(path)
        if scope["type"] != "http" or rule is None:
            return problem_response(404, "there is nothing at this address")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in rule.methods:
            return _no_method(rule)
        if method == "POST" and is_foreign(scope, path, self._origins):
            return problem_response(403, "a page of a site that QA_ORIGINS does not list sent this")
        return await self._gate.reject(scope, rule.caller)

    async def _body(self, receive: Receive) -> bytes | Response | None:
        """The whole body, or why it is not read any further; None when the client has gone."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._whole(receive)
        except TimeoutError:
            return problem_response(
                408, f"the request did not come within {self._seconds:g} seconds: send it again"
            )

    async def _whole(self, receive: Receive) -> bytes | Response | None:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._limit:
                told = f"the request has more than {self._limit:,} bytes: send a shorter question"
                return problem_response(413, told)
            if not message.get("more_body"):
                return bytes(body)


def _no_method(rule: Rule) -> Response:
    return problem_response(
        405, "there is no such method here", headers={"Allow": ", ".join(sorted(rule.methods))}
    )


async def _respond(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    await response(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body on once, then what the server says next: that the client has gone."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _is_text_only(body: bytes) -> bool:
    try:
        sent = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(sent, list) and all(isinstance(value, str | None) for value in sent)


# Nobody else's page logs a person in or out, listed or not.
_SAME_ORIGIN_ONLY = (LOGIN, LOGOUT)


def is_foreign(scope: Scope, path: str, origins: Collection[str]) -> bool:
    """Whether a POST comes from a page that may not send any.

    A browser says where a page comes from in `Sec-Fetch-Site`, or else in `Origin`; no page can change
    either. What says neither is no browser.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin", "")
    if origin in origins and path not in _SAME_ORIGIN_ONLY:
        return False
    told = headers.get("sec-fetch-site")
    if told:
        return told not in ("same-origin", "none")
    return bool(origin) and not _is_same_host(origin, headers.get("host", ""))


def _is_same_host(origin: str, host: str) -> bool:
    """Whether an origin is the host that was asked; a proxy may have taken TLS off, so no scheme counts."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False
