"""Security headers of every response: Content-Security-Policy, Permissions-Policy, Referrer-Policy, nosniff.

Gradio's scripts compile event code at run time and load each other, so the page's policy needs 'unsafe-eval'
and a nonce that scripts pass on ('strict-dynamic'). An inline handler or a script in an article has no nonce.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http.routes import PAGE, local_path

# Both policies must allow a request: the first alone, by 'strict-dynamic', would let an injected <link>
# prefetch scripts of other hosts, though never run them.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'self'; form-action 'none', default-src 'self' data: 'unsafe-inline' 'unsafe-eval'"
)
# The service's own pages: its own files, nothing inline, and no script may parse text as HTML.
_DOCUMENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
)
_OTHER_POLICY = "default-src 'none'"
# Unused features; copying an extract needs the clipboard.
_UNUSED = (
    "accelerometer camera display-capture geolocation gyroscope hid magnetometer microphone midi payment "
    "publickey-credentials-get screen-wake-lock serial usb"
)
_PERMISSIONS = ", ".join(f"{feature}=()" for feature in _UNUSED.split())
_SCRIPT = re.compile(rb"<script(?=[\s>])")


class SecurityHeaders:
    """ASGI middleware that adds the headers to every response, and the nonce to every script of the page."""

    def __init__(self, app: ASGIApp, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._ancestors = "frame-ancestors " + " ".join(["'self'", *origins])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; add the headers to its response."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] == "GET" and local_path(scope) == PAGE:
            return await self._page(scope, receive, send)

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                is_document = headers.get("content-type", "").startswith("text/html")
                headers.update(self._headers(_DOCUMENT_POLICY if is_document else _OTHER_POLICY))
                if "json" in headers.get("content-type", ""):
                    # Answers to a session; without the header a cache may keep them for other people.
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, add_headers)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Buffer the page, then send it with the nonces and its new length."""
        nonce, page = secrets.token_urlsafe(16), bytearray()
        start: Message = {}

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                page.extend(message.get("body", b""))
                if not message.get("more_body"):
                    await finish()

        async def finish() -> None:
            body = with_nonce(bytes(page), nonce)
            headers = MutableHeaders(scope=start)
            headers.update(self._headers(_PAGE_POLICY.format(nonce=nonce)))
            headers.update({"Content-Length": str(len(body)), "Cache-Control": "no-store"})
            await send(start)
            await send({"type": "http.response.body", "body": body})

        # Nonces cannot be added to a compressed page.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": headers}, receive, collect)

    def _headers(self, policy: str) -> dict[str, str]:
        return {
            "Content-Security-Policy": f"{policy}; {self._ancestors}",
            "Permissions-Policy": _PERMISSIONS,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }


def with_nonce(html: bytes, nonce: str) -> bytes:
    """The page with the nonce on every script element."""
    return _SCRIPT.sub(f'<script nonce="{nonce}"'.encode(), html)
