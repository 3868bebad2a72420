"""ASGI middleware that passes listed routes, authenticated callers and bounded bodies.

Gradio brings some seventy routes without limits: one takes files of any size, one fetches any address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.access.authentication import Gate
from web.http.problems import problem_response
from web.http.routes import LOGIN, LOGOUT, local_path, rule_of

BODY_LIMIT = 64 * 1024  # bytes; the longest question has 2,000 characters
BODY_SECONDS = 10.0  # a body of the limit takes this long over a line of 50 kbit/s
# No page of another site logs a person in or out, listed in QA_ORIGINS or not.
_SAME_ORIGIN_ONLY = (LOGIN, LOGOUT)


class AccessMiddleware:
    """Answers 404 to a path that is not listed, 405 to a method that is not, what the gate says to a caller
    without credentials, 403 to another site's page, 413 to a body that is too large and 408 to one that does
    not arrive.

    The body is read before the app runs, so a missing or wrong length makes no difference.
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
        self._gate = gate
        self._origins = frozenset(origins)
        self._limit = limit
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        path = local_path(scope)
        rejection = await self._rejection(scope, path)
        if rejection:
            return await reject(rejection, scope, receive, send)
        body = await self._body(receive)
        if isinstance(body, Response):
            return await reject(body, scope, receive, send)
        if body is None:
            return
        await self._app(scope, replay(body, receive), send)

    async def _rejection(self, scope: Scope, path: str) -> Response | None:
        """The response to a request that is rejected before its body is read."""
        rule = rule_of(path)
        if scope["type"] != "http" or rule is None:
            return problem_response(404, "there is nothing at this address")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in rule.methods:
            allowed = {"Allow": ", ".join(sorted(rule.methods))}
            return problem_response(405, "there is no such method here", headers=allowed)
        if method == "POST" and is_foreign(scope, path, self._origins):
            return problem_response(403, "a page of a site that QA_ORIGINS does not list sent this")
        return await self._gate.reject(scope, rule.caller) if self._gate else None

    async def _body(self, receive: Receive) -> bytes | Response | None:
        """The whole body, or the response to one too large or too slow; None if the client has gone."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > self._limit:
                        detail = f"the request has more than {self._limit:,} bytes: send a shorter question"
                        return problem_response(413, detail)
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            detail = f"the request did not come within {self._seconds:g} seconds: send it again"
            return problem_response(408, detail)


async def reject(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with this response; a web socket is closed."""
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    await response(scope, receive, send)


def replay(body: bytes, receive: Receive) -> Receive:
    """Hands the body on once, then the server's next message: that the client has gone."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


def is_foreign(scope: Scope, path: str, origins: Collection[str]) -> bool:
    """Whether a POST comes from a page of another site that `origins` does not list.

    A browser names the page's site in `Sec-Fetch-Site`, or else in `Origin`; no page can change either. A
    request with neither header does not come from a browser.
    """
    headers = Headers(scope=scope)
    origin = headers.get("origin", "")
    if origin in origins and path not in _SAME_ORIGIN_ONLY:
        return False
    site = headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    return bool(origin) and not _is_same_host(origin, headers.get("host", ""))


def _is_same_host(origin: str, host: str) -> bool:
    """Whether an origin is the requested host; a proxy may have ended TLS, so the scheme does not count."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False
