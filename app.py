"""The web service's door: opens the index, builds the app and runs it. `python app.py` or `qa serve`."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp
    from uvicorn import Config

    from index.embedding.encoder import Encoder
    from index.published import Published
    from index.search.rerank import Reranking
    from qa.assistant import Assistant
    from qa.feedback.store import FeedbackStore
    from web.settings import Settings

# Seconds that requests under way get to end once the service is told to stop.
GRACE = 5
WARM_UP = "What do the articles say?"
NO_FEEDBACK = "no feedback is kept: its file cannot be used"
NO_QUESTIONS = "QA_QUESTION_LOG keeps nothing while QA_FEEDBACK is off: questions are kept with the feedback"
REFUSED = "texts of the engine were refused: they are not what was published"
UNCALIBRATED = (
    "There is no calibration for these models: answers are not rated and none is withheld; "
    "fit one with `qa eval calibrate GOLD`"
)


def main() -> int:
    """Serve with settings from the environment; returns the exit code."""
    from index.errors import IndexFailure
    from qa.errors import QaFailure
    from web.errors import WebFailure
    from web.settings import read_settings

    try:
        serve(read_settings(), announce=lambda line: print(line, flush=True))
    except (IndexFailure, QaFailure, WebFailure) as error:
        print(f"pullquote: {error}", file=sys.stderr)
        return 2
    return 0


def serve(settings: Settings, encoder: Encoder | None = None, *, announce: Callable[[str], None]) -> None:
    """Serve page and API until SIGINT or SIGTERM; `announce` gets one line as soon as questions are answered.

    Until then everybody is told that it is warming up. Without an encoder the one is loaded that the settings
    name, or else the one the index was built with.

    Raises:
        CannotListen: the address is taken or cannot be had; found before anything slow is done.
        Unguarded, AccessRefused: everybody, or nobody, could ask; likewise.
        IndexFailure: there is no sound index, or no such model.
    """
    for warning in check_exposure(settings):
        announce(warning)
    with _ended_by_signals(), _listener(settings) as listener, ExitStack() as opened:
        from uvicorn import Server

        from web.http.json_log import logging_to
        from web.i18n import load_catalogue
        from web.warmup import WarmUp, warming_up

        opened.enter_context(logging_to(sys.stderr, settings.log))

        def stop() -> None:
            server.should_exit = True

        warm = WarmUp(
            lambda: _open_app(settings, encoder, announce=announce, opened=opened),
            warming_up(load_catalogue(settings.language), settings.origins),
            ready=lambda: announce(_ready(settings, listener)),
            ended=stop,
        )
        server = Server(server_config(warm, settings))
        server.run(sockets=[listener])
        if warm.failure:
            raise warm.failure


def check_exposure(settings: Settings) -> list[str]:
    """Warnings of who could reach the service. Raises Unguarded, AccessRefused."""
    from web.access.gate import open_authenticator
    from web.access.hosts import exposure_warnings

    open_authenticator(settings)
    return exposure_warnings(settings)


def _open_app(
    settings: Settings, encoder: Encoder | None, *, announce: Callable[[str], None], opened: ExitStack
) -> FastAPI:
    """The app with models and index loaded; what is to be closed at the end goes into `opened`."""
    from index.published import open_published
    from web.service import build_app

    source = open_published(settings.data, settings.store)
    assistant = open_assistant(settings, encoder, source=source)
    if assistant.calibration is None:
        announce(UNCALIBRATED)
    assistant.ask(WARM_UP)
    feedback = opened.enter_context(open_feedback(settings, announce=announce))
    reasons = [lambda: f"{source.refused} {REFUSED}" if source.refused else ""]
    if not feedback and settings.feedback:
        reasons.append(lambda: NO_FEEDBACK)
    return build_app(
        assistant, settings, feedback=feedback, announce=announce, reasons=tuple(reasons), source=source
    )


def open_assistant(
    settings: Settings,
    encoder: Encoder | None = None,
    *,
    calibrated: bool = True,
    source: Published | None = None,
) -> Assistant:
    """The assistant of the published generation, with the calibration for its models if there is one.

    It comes from `source`, or else from where the settings say.
    `calibrated` false leaves it out: who fits a new one need not be able to read the old one.

    Raises:
        IndexFailure: there is no sound index, or no such model.
        CalibrationRefused: a calibration that is not as it was written.
    """
    from index.embedding.dynamic_batching import DynamicBatchingEncoder
    from index.embedding.load import load_encoder
    from index.embedding.shipped_models import MODELS
    from index.published import open_published
    from index.threads import one_thread_for_numpy
    from qa.assistant import Assistant
    from qa.confidence import calibration_for

    one_thread_for_numpy()
    device = settings.device or None
    source = source or open_published(settings.data, settings.store)
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(source.open)
        try:
            if encoder is None:
                model = settings.model or source.manifest().model
                encoder = load_encoder(
                    model, device=device, models=settings.data / MODELS, backend=settings.backend
                )
            reranking = load_reranking(settings)
        finally:
            generation = opening.result()  # what is wrong with the index is told first
    read = reranking.reranker.fingerprint if reranking else ""
    return Assistant(
        generation,
        DynamicBatchingEncoder(encoder),
        reranking=reranking,
        calibration=calibration_for(encoder.fingerprint, read, settings.data) if calibrated else None,
    )


def load_reranking(settings: Settings) -> Reranking | None:
    """The reranker that the settings name and how it is used. Raises ModelRefused."""
    from index.search.rerank import Reranking, load_reranker

    reranker = load_reranker(settings.reranker, device=settings.device or None, batch=settings.batch)
    return Reranking(reranker, depth=settings.depth) if reranker else None


@contextmanager
def open_feedback(settings: Settings, *, announce: Callable[[str], None]) -> Iterator[FeedbackStore | None]:
    """Where feedback is kept; None where it is switched off, and where it cannot be, which is announced."""
    from qa.errors import FeedbackRefused
    from qa.feedback.database import FEEDBACK
    from qa.feedback.store import FeedbackStore

    if not settings.feedback:
        if settings.question_log:
            announce(NO_QUESTIONS)
        yield None
        return
    try:
        store = FeedbackStore(
            settings.data / FEEDBACK,
            keep_questions=settings.question_log,
            keep_days=settings.question_log_days,
        )
    except FeedbackRefused as error:
        announce(f"No feedback is kept: {error}")
        yield None
        return
    with closing(store):
        yield store


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
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


def server_config(app: ASGIApp, settings: Settings) -> Config:
    """How the app is run. A proxy in front of it takes `root_path` off each request's path."""
    from uvicorn import Config

    from web.access.hosts import outermost_middleware
    from web.http.slow_clients import BACKLOG, Connection

    return Config(
        outermost_middleware(app, settings),
        http=Connection,
        backlog=BACKLOG,
        access_log=False,  # an address may hold a question
        log_config=None,  # the door has said where to
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        ws="none",
        root_path=settings.root_path,
        proxy_headers=False,  # the front reads them
    )


def _ready(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready = f"{settings.name} is ready: http://{host}:{listener.getsockname()[1]}"
    return f"{ready}, for a proxy that serves it at {settings.root_path}/" if settings.root_path else ready


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Being told to stop is no failure: the process exits with 0, while it loads and while it serves.

    uvicorn ends in its own way on a signal and then raises it again: exit code 143, or a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
