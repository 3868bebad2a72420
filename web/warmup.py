"""From the first second on there is an answer: "warming up" until models and index are loaded.

The app is opened in a thread, while every request is told to come back: people by a page that loads itself
again, programs by a 503 with `Retry-After`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from web.answering.health import warming_up_health
from web.html import Templates
from web.http.problems import problem_response
from web.http.request_log import RequestLog, log_request
from web.http.security_headers import SecurityHeaders
from web.http.static_files import file_routes
from web.i18n import Catalogue

RETRY_AFTER = 2  # seconds


class WarmUp:
    """ASGI app that stands in for another one until that is open.

    `failure` is why it could not be opened; `ended` is called then, and `ready` once it is open.
    """

    def __init__(
        self,
        opened: Callable[[], FastAPI],
        waiting: ASGIApp,
        *,
        ready: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self.failure: BaseException | None = None
        self._opened = opened
        self._app = waiting
        self._ready = ready
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on; open the app when the server starts, and close it when it stops."""
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
        await receive()
        await send({"type": "lifespan.startup.complete"})
        stopped = asyncio.ensure_future(receive())
        app = await self._open()
        if app is not None:
            # In one task from beginning to end: some libraries insist on it.
            async with app.router.lifespan_context(app):
                self._app = app
                self._ready()
                await stopped
        await stopped
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> FastAPI | None:
        opening = asyncio.get_running_loop().run_in_executor(None, self._opened)
        await asyncio.wait([opening])
        self.failure = opening.exception()
        if self.failure is None:
            return opening.result()
        self._ended()
        return None


def warming_up(words: Catalogue, origins: Iterable[str] = ()) -> ASGIApp:
    """The app that tells everybody to come back."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(file_routes())

    @app.get("/health")
    async def health() -> Response:
        told = warming_up_health(words("warmup.told")).model_dump()
        return JSONResponse(told, status_code=503, headers={"Retry-After": str(RETRY_AFTER)})

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST"])
    async def wait(request: Request) -> Response:
        again = {"Retry-After": str(RETRY_AFTER)}
        if "text/html" not in request.headers.get("accept", ""):
            return problem_response(503, words("warmup.told"), headers=again)
        return Templates(words).page("warmup.html", status=503, headers=again, refresh=RETRY_AFTER)

    return RequestLog(SecurityHeaders(app, origins=origins), (log_request,))
