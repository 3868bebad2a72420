"""Answers "warming up" with status 503 while a thread loads models and index, then hands over to the app.

Browsers get a page that reloads itself, programs a problem with `Retry-After`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from web.answering.health import Health
from web.html import Templates
from web.http.problems import problem_response
from web.http.request_log import RequestLog, log_request
from web.http.security_headers import SecurityHeaders
from web.http.static_files import file_routes
from web.i18n import Catalogue

RETRY_AFTER = 2  # seconds


class WarmUp:
    """ASGI app that passes requests to `waiting` until the app of `open_app` is open, then to that app.

    `on_ready` is called when it is open, `on_failure` when it cannot be opened: `failure` is the reason.
    """

    def __init__(
        self,
        open_app: Callable[[], FastAPI],
        waiting: ASGIApp,
        *,
        on_ready: Callable[[], None],
        on_failure: Callable[[], None],
    ) -> None:
        self.failure: BaseException | None = None
        self._open_app = open_app
        self._app = waiting
        self._on_ready = on_ready
        self._on_failure = on_failure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; open the app when the server starts, and close it when it stops."""
        if scope["type"] != "lifespan":
            return await self._app(scope, receive, send)
        await receive()
        await send({"type": "lifespan.startup.complete"})
        stopped = asyncio.ensure_future(receive())
        future = asyncio.get_running_loop().run_in_executor(None, self._open_app)
        await asyncio.wait([future])
        self.failure = future.exception()
        if self.failure is not None:
            self._on_failure()
        else:
            app = future.result()
            # anyio, which MCP uses, must enter and leave its task groups in one task.
            async with app.router.lifespan_context(app):
                self._app = app
                self._on_ready()
                await stopped
        await stopped
        await send({"type": "lifespan.shutdown.complete"})


def warming_up(catalogue: Catalogue, origins: Iterable[str] = ()) -> ASGIApp:
    """The app that answers until the service is ready."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(file_routes())

    retry = {"Retry-After": str(RETRY_AFTER)}
    message = catalogue("warmup.told")

    @app.get("/health")
    async def health() -> Response:
        state = Health(status="warming up", ready=False, reasons=(message,), detail=message)
        return JSONResponse(state.model_dump(), status_code=503, headers=retry)

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST"])
    async def wait(request: Request) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return problem_response(503, message, headers=retry)
        return Templates(catalogue).page("warmup.html", status=503, headers=retry, refresh=RETRY_AFTER)

    return RequestLog(SecurityHeaders(app, origins=origins), (log_request,))
