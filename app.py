"""The HTTP door: binds the address, opens index and models behind it, and runs until a signal.

`python app.py` or `qa serve`.
"""

from __future__ import annotations

import faulthandler
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp
    from uvicorn import Config

    from index.embedding.encoder import Encoder
    from web.service_settings import ServiceSettings

GRACE = 5
"""Seconds that running requests get to end once the service is stopped."""
WARM_UP = "What do the articles say?"
NO_FEEDBACK = "no feedback is kept: its file cannot be used"
REFUSED = "texts from the store were rejected: they are not the published ones"


def main() -> int:
    """Serve with settings from the environment; returns the exit code."""
    faulthandler.enable(2)  # standard error: SIGBUS of a mapped file that is cut short or unreadable
    from index.errors import IndexFailure
    from qa.errors import QaFailure
    from web.errors import WebFailure
    from web.service_settings import ServiceSettings

    try:
        serve(ServiceSettings.from_environment(), announce=lambda line: print(line, flush=True))
    except (IndexFailure, QaFailure, WebFailure) as error:
        print(f"pullquote: {error}", file=sys.stderr)
        return 2
    return 0


def serve(
    settings: ServiceSettings, encoder: Encoder | None = None, *, announce: Callable[[str], None]
) -> None:
    """Serve page and API until SIGINT or SIGTERM; `announce` gets one line once questions are answered.

    Until then each request is told that the service is warming up. The encoder is by default that of the
    settings, else the one the index was built with. Raises IndexFailure; before anything slow is done
    CannotListen, OpenToNetwork and AccessRefused.
    """
    for warning in check_exposure(settings):
        announce(warning)
    with _exit_on_signals(), _listener(settings) as listener, ExitStack() as stack:
        from uvicorn import Server

        from web.http.json_log import logging_to
        from web.i18n import load_catalogue
        from web.warmup import WarmUp, warming_up

        stack.enter_context(logging_to(sys.stderr, settings.log))

        def stop() -> None:
            server.should_exit = True

        warm = WarmUp(
            lambda: _open_app(settings, encoder, announce=announce, stack=stack),
            warming_up(load_catalogue(settings.language), settings.origins),
            on_ready=lambda: announce(_ready(settings, listener)),
            on_failure=stop,
        )
        server = Server(server_config(warm, settings))
        server.run(sockets=[listener])
        if warm.failure:
            raise warm.failure


def check_exposure(settings: ServiceSettings) -> list[str]:
    """Warnings about who can reach the service. Raises OpenToNetwork, AccessRefused."""
    from web.access.authentication import open_authenticator
    from web.access.hosts import exposure_warnings

    open_authenticator(settings)
    return exposure_warnings(settings)


def _open_app(
    settings: ServiceSettings, encoder: Encoder | None, *, announce: Callable[[str], None], stack: ExitStack
) -> FastAPI:
    """The app with models and index loaded; `stack` closes the feedback."""
    from index.published import open_published
    from qa.loading import UNCALIBRATED, open_assistant, open_feedback
    from web.service import build_app

    source = open_published(settings.data, settings.engine)
    assistant = open_assistant(settings, encoder, source=source)
    if assistant.calibration is None:
        announce(UNCALIBRATED)
    assistant.ask(WARM_UP)
    feedback = stack.enter_context(open_feedback(settings, announce=announce))
    reasons = [lambda: f"{source.refused} {REFUSED}" if source.refused else ""]
    if not feedback and settings.feedback:
        reasons.append(lambda: NO_FEEDBACK)
    return build_app(
        assistant, settings, feedback=feedback, announce=announce, reasons=tuple(reasons), source=source
    )


@contextmanager
def _listener(settings: ServiceSettings) -> Iterator[socket.socket]:
    """A socket bound to the address; it does not listen yet."""
    from web.errors import CannotListen

    host, port = settings.host, settings.port
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise CannotListen(host, port, f"no such address ({error})") from error
    with socket.socket(family, kind) as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise CannotListen(host, port, (error.strerror or str(error)).lower()) from error
        yield listener


def server_config(app: ASGIApp, settings: ServiceSettings) -> Config:
    """The uvicorn configuration. A proxy in front strips `root_path` from each request's path."""
    from uvicorn import Config

    from web.access.hosts import outermost_middleware
    from web.http.slow_clients import BACKLOG, Connection

    return Config(
        outermost_middleware(app, settings),
        http=Connection,
        backlog=BACKLOG,
        access_log=False,  # an address may hold a question
        log_config=None,  # `logging_to` has configured it
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws="none",
        root_path=settings.root_path,
        proxy_headers=False,  # `outermost_middleware` reads them
    )


def _ready(settings: ServiceSettings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready = f"{settings.name} is ready: http://{host}:{listener.getsockname()[1]}"
    return f"{ready}, for a proxy that serves it at {settings.root_path}/" if settings.root_path else ready


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Exit with 0 on SIGINT and SIGTERM; uvicorn would raise them again: exit code 143, or a traceback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.signal(number, lambda *_: sys.exit(0)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
