"""What reaches the app at all: listed paths, bodies of a bounded size, plain text for the page.

Gradio brings some seventy routes and limits none of them: `/gradio_api/upload` takes files of any size from
anybody; `/gradio_api/file=https://…`, or a file reference among an event's inputs, makes the server fetch it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.api import failure

BODY_LIMIT = 64 * 1024  # bytes; the longest question has 2,000 characters
PAGE = "/"
PAGE_EVENTS = "/gradio_api/run/predict"

# What the page was seen to request in a browser, the API, and our own pages. Everything else answers 404.
OPEN_PATHS = frozenset(
    f"""
    {PAGE} {PAGE_EVENTS} /theme.css /favicon.ico /health /openapi.json
    /api/ask /api/articles /api/feedback /articles /evidence /admin /widget.js /embed /embed/demo /mcp
    """.split()
)
# Folders of Gradio's files and of ours, and of articles by id.
OPEN_FOLDERS = (
    "/assets/",
    "/static/",
    "/files/",
    "/api/articles/",
    "/articles/",
    "/evidence/",
    "/admin/",
    "/widget/",
)


class Guard:
    """ASGI middleware that answers 404 to a path not listed, 413 to a body that is too large, and 422 to an
    event of the page that carries anything but text.

    The body is read before the app runs, so a length that is missing or a lie makes no difference.
    """

    def __init__(self, app: ASGIApp, paths: Iterable[str] = OPEN_PATHS, *, limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it here."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        path = local_path(scope)
        if scope["type"] != "http" or not self._is_open(path):
            return await _refuse(failure(404, "there is nothing at this address"), scope, receive, send)
        body = await self._body(receive)
        if body is None:
            message = f"the request has more than {self._limit:,} bytes: send a shorter question"
            return await _refuse(failure(413, message), scope, receive, send)
        if path == PAGE_EVENTS and not _only_text(body):
            return await _refuse(failure(422, "the page sends text only"), scope, receive, send)
        await self._app(scope, _replay(body, receive), send)

    def _is_open(self, path: str) -> bool:
        in_folder = path.startswith(OPEN_FOLDERS) and ".." not in path.split("/")
        return path in self._paths or in_folder

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body, or None as soon as it is over the limit."""
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._limit:
                return None
            if not message.get("more_body"):
                return bytes(body)


def local_path(scope: Scope) -> str:
    """The path below the prefix that a proxy serves the app under."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    await response(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand the body on once, then what the server says next: that the client has gone."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _only_text(body: bytes) -> bool:
    try:
        sent = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return isinstance(sent, list) and all(isinstance(value, str | None) for value in sent)
